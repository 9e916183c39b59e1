"""Benchmarks: the portal beside the fastest honest way to do the same on the same PostgreSQL (`./portal bench`)."""
