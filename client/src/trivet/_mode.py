"""Whether what is logged is sent: TRIVET_MODE."""

from __future__ import annotations

import os
from enum import StrEnum

from trivet._errors import InvalidArgument


class Mode(StrEnum):
    """What becomes of what is logged."""

    ONLINE = "online"
    """It is sent while the process runs."""
    OFFLINE = "offline"
    """It stays on this machine until `trivet sync`; no server is called."""
    DISABLED = "disabled"
    """Nothing is kept."""


def current_mode() -> Mode:
    """What TRIVET_MODE says; online by default. Raises InvalidArgument."""
    text = os.environ.get("TRIVET_MODE", "").strip().lower() or Mode.ONLINE
    try:
        return Mode(text)
    except ValueError:
        raise InvalidArgument(f"TRIVET_MODE is {text!r}; say online, offline or disabled.") from None
