"""URLs of projects as they may be told: without what lets somebody in."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


def public_url(url: str) -> str:
    """A URL without a password, and without a user but for ssh, where it is a part of the address.

    `without_passwords` is for any text; this is for one URL, whose password may have an @ in it.
    """
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    if not user or not parts.scheme:
        return url
    name = f"{user.partition(':')[0]}@" if parts.scheme.lower() == "ssh" else ""
    return urlunsplit(parts._replace(netloc=f"{name}{host}"))
