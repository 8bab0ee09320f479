"""Runs of tuning: what searches for good params logs by itself."""
