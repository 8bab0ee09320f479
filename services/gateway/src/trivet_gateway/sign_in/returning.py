"""Where people come back to after they signed in: a page of this server, whatever a link says."""

from __future__ import annotations

import re
from typing import Final

HOME: Final = "/"
_MOST_CHARACTERS: Final = 2_000
# One slash, and no second one, nor the backslash that browsers take for it; nothing that they drop, such as a tab.
_PATH: Final = re.compile(r"/(?![/\\])[!-\[\]-~]*")


def checked_return(path: str) -> str:
    """The path with its query, where it leads to a page of this server; else the first page."""
    if len(path) > _MOST_CHARACTERS or not _PATH.fullmatch(path) or path.startswith("/auth/"):
        return HOME
    return path
