"""Where models and their versions are kept: the only place with SQL."""
