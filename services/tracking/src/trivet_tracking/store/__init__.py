"""Keeps experiments, runs and metrics in PostgreSQL or SQLite: the only place with SQL."""
