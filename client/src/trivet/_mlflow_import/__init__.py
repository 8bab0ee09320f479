"""Importing what MLflow keeps: a source that is read, an importer that writes, and a comparison of both sides."""
