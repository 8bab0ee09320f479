"""Trials of Optuna as runs."""

from trivet._tuning.optuna import TrivetCallback

__all__ = ["TrivetCallback"]
