"""Who calls, for which workspace, and what they present."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request

from trivet_gateway.errors import MlflowError, invalid

REQUEST_ID: Final = "x-request-id"
"""The header and the metadata that tell calls apart in logs."""
_DEFAULT_WORKSPACE: Final = "default"
_WORKSPACE: Final = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")


def workspace_of(request: Request) -> str:
    """The workspace that a request names, before its path or in a header. Raises MlflowError."""
    named = request.scope.get("trivet_workspace") or request.headers.get("x-mlflow-workspace") or _DEFAULT_WORKSPACE
    if not _WORKSPACE.fullmatch(named):
        raise invalid(f"{named[:100]!r} cannot be a workspace.")
    return str(named)


def metadata_of(headers: Headers) -> tuple[tuple[str, str], ...]:
    """A new request id, and the caller's credentials as the services take them: the password of basic ones is a token.

    Raises:
        MlflowError: the credentials cannot be read.
    """
    metadata = [(REQUEST_ID, secrets.token_hex(8))]
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            raise _unreadable() from None
    # What is no ASCII cannot be metadata, and no token has it.
    if not (given.isascii() and given.isprintable()):
        raise _unreadable()
    if given:
        metadata.append(("authorization", f"Bearer {given}"))
    return tuple(metadata)


def _unreadable() -> MlflowError:
    return MlflowError("UNAUTHENTICATED", "The credentials cannot be read.")
