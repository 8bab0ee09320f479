"""The artifact service: files of runs and models."""
