"""Takes secrets out of what is logged: the only place that knows how they look.

It is the last of several walls. Nothing logs what callers present, and errors are made of facts that hold no secret;
but a driver's exception, a traceback or somebody's URL may hold one all the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MARK = "[redacted]"
"""What stands in a secret's place."""

# A text with none of these, in lower case, holds nothing that is looked for. To tell takes less time than to encode a
# line, and the search itself takes ten times as long.
_HINTS = (
    "=",
    "://",
    "eyj",
    "bearer ",
    "basic ",
    "authoriz",
    "cookie",
    "token:",
    'token"',
    "token'",
    "token\\",
    "passw",
    "secret",
    "api_key",
)

_NAMES = (
    r"(?:[a-z0-9_]*(?:password|passwd|secret|secret_key|secret_access_key|api_key)"
    # Tokens of pages and of watches say where to go on.
    r"|(?!(?:next_)?page_|resume_)[a-z0-9_]*(?:token|session_key)|code_verifier)"
)
_HEADERS = r"(?:set-cookie|cookie|authorization)"
_SECRET_NAME = re.compile(rf"{_NAMES}|{_HEADERS}", re.IGNORECASE)

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # RFC 6750 and RFC 7617. Of the words after `basic`, only what looks like base64.
    (re.compile(r"\b(bearer)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), rf"\1 {MARK}"),
    (re.compile(r"\b([Bb][Aa][Ss][Ii][Cc])\s+(?=\S*[A-Z0-9=])[A-Za-z0-9+/]{6,}=*"), rf"\1 {MARK}"),
    # RFC 7519: the first part of a signed or encrypted token is the base64 of `{"`.
    (re.compile(r"\beyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){1,4}"), MARK),
    # What SQLAlchemy takes for a password may have anything in it but `@`; of others it ends at the last one.
    (re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@\"'<>]*):[^\s\"'<>]*@"), rf"\1:{MARK}@"),
    # A token may stand there for the name, as GitHub takes it.
    (re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/:@\"'<>]{16,}@"), rf"\1{MARK}@"),
    # Of URLs that S3, and stores that are compatible with it, take for permission.
    (
        re.compile(
            r"([?&](?:X-Amz-(?:Signature|Credential|Security-Token)|Signature|AWSAccessKeyId|sig|code)=)[^&\s\"'<>]+",
            re.IGNORECASE,
        ),
        rf"\1{MARK}",
    ),
    # A header's value goes on to the end of the line.
    (
        re.compile(rf"\b({_HEADERS}[\"']?[:=](?!\s*[\"']?(?:bearer|basic)\b)\s*[\"']?)[^\r\n\"']+", re.IGNORECASE),
        rf"\1{MARK}",
    ),
    # In a text of JSON that stands in another one, quotes have backslashes before them.
    (re.compile(rf"\b({_NAMES}(?:=|\\*[\"']?:\s*)\\*[\"']?)[^\s\\\"',;&]+", re.IGNORECASE), rf"\1{MARK}"),
)


def may_hold_secret(text: str) -> bool:
    """Whether a text has something by which secrets are found; most have not, and that is quick to tell."""
    lower = text.lower()
    return any(hint in lower for hint in _HINTS)


def redacted(text: str) -> str:
    """The text with `[redacted]` for each secret in it.

    Secrets are: what follows `Bearer` or `Basic`, JSON Web Tokens, passwords in URLs, what makes a presigned URL one,
    cookies, and the values of names such as `password`. A secret without any such sign is not seen. Calling it again
    changes nothing.
    """
    if not may_hold_secret(text):
        return text
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redacted_value(value: object) -> object:
    """A value as a log has it, with the secrets taken out of all texts in it; other objects become their text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {
            str(key): MARK if inner and _SECRET_NAME.fullmatch(str(key)) else redacted_value(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted_value(inner) for inner in value]
    return redacted(str(value))
