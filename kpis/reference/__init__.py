"""The reference data of `data/`: read, checked, and brought into the database, all or nothing.

`load.py` says the order. One module for each kind of record reads its rows (no database) and stores them.
"""
