"""Keeps the bytes of files in a folder or in S3: the only place that does either."""
