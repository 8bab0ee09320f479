"""By which address browsers reach this server, and whether by TLS."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.types import Scope

from trivet_gateway.hosts import LOOPBACK, host_in, name_in
from trivet_kit.settings import StartupError

SETTING: Final = "TRIVET_PUBLIC_URL"


def checked_public_url(url: str) -> str:
    """The URL without a slash at its end; empty stays empty.

    Raises:
        StartupError: it is not `https://HOST[:PORT]`, or the same by `http:` on this machine.
    """
    parts = urlsplit(url)
    is_plain = parts.scheme == "http" and parts.hostname in LOOPBACK
    if url and (not (parts.scheme == "https" or is_plain) or not parts.hostname or parts.path.strip("/")):
        raise StartupError(f"{SETTING} is {url!r}; it must be https://HOST or https://HOST:PORT.")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise StartupError(f"{SETTING} is {url!r}; it must have nothing but a host and a port.")
    return url.rstrip("/")


def origin_of(scope: Scope, public_url: str) -> str | None:
    """This server's origin, as the provider is to know it; None where nobody said it and it is not this machine."""
    if public_url:
        return public_url
    host = host_in(scope)
    return f"{scope['scheme']}://{host}" if name_in(host) in LOOPBACK else None


def is_secure(scope: Scope, public_url: str) -> bool:
    """Whether browsers reach this server by TLS, here or at a proxy."""
    return public_url.startswith("https:") or scope["scheme"] == "https"
