"""Which resources a search looks at."""

from __future__ import annotations

from enum import IntEnum


class ViewType(IntEnum):
    """Which resources a search looks at; numbered as in MLflow."""

    ACTIVE_ONLY = 1
    """Those in use."""
    DELETED_ONLY = 2
    """Those in the bin."""
    ALL = 3
    """Both."""
