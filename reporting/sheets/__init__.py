"""Spreadsheets in and out: opened, read by columns, checked, imported in one transaction, undone."""
