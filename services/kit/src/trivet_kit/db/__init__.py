"""Databases: PostgreSQL and SQLite behind one door."""

from trivet_kit.db.database import Database
from trivet_kit.db.migrations import Migrations

__all__ = ["Database", "Migrations"]
