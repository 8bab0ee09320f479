"""Who calls, for which workspace, and what they present."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

from trivet_gateway.errors import MlflowError, invalid
from trivet_gateway.measuring import traceparent_of
from trivet_gateway.request_ids import REQUEST_ID, request_id_in
from trivet_kit.tracing import TRACEPARENT

_DEFAULT_WORKSPACE: Final = "default"
_FORWARDED_FOR: Final = "x-forwarded-for"
# As much as audit keeps.
_MAX_FORWARDED_CHARACTERS: Final = 300
_SCHEMES: Final = ("bearer", "basic", "")
_WORKSPACE: Final = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")


def workspace_of(request: Request) -> str:
    """The workspace that a request names, before its path or in a header. Raises MlflowError."""
    named = dict.fromkeys(filter(None, request.headers.getlist("x-mlflow-workspace")))
    if (in_path := request.scope.get("trivet_workspace")) is not None:
        named[in_path] = None
    if len(named) > 1:
        one, other = (name[:100] for name in list(named)[:2])
        raise invalid(f"The request names two workspaces, {one!r} and {other!r}.")
    return checked_workspace(next(iter(named), _DEFAULT_WORKSPACE))


def checked_workspace(name: str) -> str:
    """The name, where a workspace can have it. Raises MlflowError."""
    if not _WORKSPACE.fullmatch(name):
        raise invalid(f"{name[:100]!r} cannot be a workspace.")
    return name


def metadata_of(scope: Scope) -> tuple[tuple[str, str], ...]:
    """The request id, where it came from, and the caller's credentials as the services take them.

    The password of basic ones is a token.

    Raises:
        MlflowError: the credentials cannot be read, or are of another kind.
    """
    metadata = [(REQUEST_ID, request_id_in(scope)), *_forwarded_for(scope)]
    if traceparent := traceparent_of(scope):
        metadata.append((TRACEPARENT, traceparent))
    scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
    if scheme.lower() not in _SCHEMES:
        # It may be a secret of another server.
        raise MlflowError("UNAUTHENTICATED", "The authorization must be `Bearer TOKEN` or `Basic CREDENTIALS`.")
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


def _forwarded_for(scope: Scope) -> tuple[tuple[str, str], ...]:
    """Where a request came from, for audit: what it says itself, and then who is at the other end, as proxies do.

    Nothing here or in the services believes it.
    """
    said = Headers(scope=scope).get(_FORWARDED_FOR, "")
    client = scope.get("client")
    hops = [said] if said and said.isascii() and said.isprintable() else []
    hops += [client[0]] if client else []
    # The last hops are known best.
    return ((_FORWARDED_FOR, ", ".join(hops)[-_MAX_FORWARDED_CHARACTERS:]),) if hops else ()


def _unreadable() -> MlflowError:
    return MlflowError("UNAUTHENTICATED", "The credentials cannot be read.")
