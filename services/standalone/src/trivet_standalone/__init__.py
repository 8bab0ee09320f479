"""All of Trivet in one process, on SQLite and a folder unless told otherwise."""
