"""Models in files: how they are written, described, loaded and scored."""
