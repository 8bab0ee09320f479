"""Keeps the index of files in PostgreSQL or SQLite: the only place with SQL."""
