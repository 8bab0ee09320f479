"""The token that a service presents for what nobody asked it for at that moment."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

_log = logging.getLogger("trivet.identity")


def no_authorization() -> str:
    """The `authorization` metadata of a service without a token: none."""
    return ""


def authorization_from(file: str) -> Callable[[], str]:
    """Gives a service's own `authorization` metadata, from a file with a token that is read anew each time.

    Whoever exchanges the token exchanges the file, as Kubernetes does. While it cannot be read there is none, and the
    log says so. For an empty `file` there never is one.
    """
    if not file:
        return no_authorization
    path = Path(file)

    def authorization() -> str:
        try:
            token = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "it is not a token"
            _log.warning("the token of the service cannot be read: %s (%s)", why, path)
            return ""
        return f"Bearer {token}" if token else ""

    return authorization
