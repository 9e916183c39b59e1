"""The portal on one machine: embedded PostgreSQL and Valkey, and the commands of `./portal`.

Standard library only, and no Django: this package runs before the virtual environment exists.
"""
