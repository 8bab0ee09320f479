"""The fields of webhooks, as callers say them."""

from __future__ import annotations

import re
import secrets
from urllib.parse import urlsplit

from trivet_kit.errors import FieldInvalid, FieldRequired, FieldTooLong

MAX_WEBHOOK_URL_CHARACTERS = 2048
MIN_SECRET_CHARACTERS = 16
MAX_SECRET_CHARACTERS = 256

_VISIBLE = re.compile(r"[!-~]+")


def new_secret() -> str:
    """A secret for who has chosen none."""
    return secrets.token_urlsafe(32)


def check_secret(text: str, field: str) -> str:
    """A secret of signatures, as it is. Raises FieldRequired, FieldInvalid, FieldTooLong."""
    if not text:
        raise FieldRequired(field)
    if len(text) > MAX_SECRET_CHARACTERS:
        raise FieldTooLong(field, len(text), MAX_SECRET_CHARACTERS)
    if len(text) < MIN_SECRET_CHARACTERS or not _VISIBLE.fullmatch(text):
        raise FieldInvalid(field, f"must have {MIN_SECRET_CHARACTERS} or more printable ASCII characters")
    return text


def check_url(text: str, field: str) -> str:
    """A URL to send to, as it is. Raises FieldRequired, FieldInvalid, FieldTooLong."""
    if not text:
        raise FieldRequired(field)
    if len(text) > MAX_WEBHOOK_URL_CHARACTERS:
        raise FieldTooLong(field, len(text), MAX_WEBHOOK_URL_CHARACTERS)
    problem = FieldInvalid(field, "must be https://HOST[:PORT][/PATH] in ASCII, without user, password and fragment")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise problem from None
    is_good = _VISIBLE.fullmatch(text) and parts.scheme in {"http", "https"} and parts.hostname and port != 0
    if not is_good or "@" in parts.netloc or "#" in text or "\\" in text:
        raise problem
    return text


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL that was checked: what is shown to whom its path and query may tell a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
