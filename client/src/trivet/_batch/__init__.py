"""Predictions for files that may be larger than memory."""
