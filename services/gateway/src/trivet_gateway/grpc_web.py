"""gRPC-web as it is on the wire: messages and trailers, each with a flag and its length before it.

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

CONTENT_TYPES: Final = frozenset({"application/grpc-web", "application/grpc-web+proto"})
"""The binary form; the one in base64 is for browsers that cannot read bytes."""
PREFIX_BYTES: Final = 5
_PREFIX: Final = struct.Struct(">BI")
_TRAILERS: Final = 0x80
_SECONDS: Final = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_MOST_DIGITS: Final = 8
# As gRPC has it, of a message in a trailer.
_PLAIN: Final = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


class FrameError(Exception):
    """A request that is no gRPC-web; the message says why."""


def message_in(body: bytes) -> bytes:
    """The message of a request. Raises FrameError where there is not one."""
    if len(body) < PREFIX_BYTES:
        raise FrameError("The request has no message.")
    flag, size = _PREFIX.unpack_from(body)
    if flag != 0:
        raise FrameError("The message of a request must not be compressed.")
    if len(body) != PREFIX_BYTES + size:
        raise FrameError(f"The request has not one message of the {size} bytes that it announces.")
    return body[PREFIX_BYTES:]


def framed(message: bytes) -> bytes:
    """A message of an answer."""
    return _PREFIX.pack(0, len(message)) + message


def trailers(code: int, message: str, further: Iterable[tuple[str, str | bytes]] = ()) -> bytes:
    """The end of an answer.

    Args:
        code: Of the status.
        message: Why.
        further: More names and values; those of names that end with `-bin` are bytes.
    """
    lines = [("grpc-status", str(code)), ("grpc-message", quote(message, safe=_PLAIN)), *map(_as_text, further)]
    text = "".join(f"{name}: {value}\r\n" for name, value in lines).encode("latin-1", "replace")
    return _PREFIX.pack(_TRAILERS, len(text)) + text


def _as_text(pair: tuple[str, str | bytes]) -> tuple[str, str]:
    name, value = pair
    return name, value if isinstance(value, str) else base64.b64encode(value).decode().rstrip("=")


def seconds_of(timeout: str) -> float | None:
    """What `grpc-timeout` says; None where there is none. Raises FrameError."""
    if not timeout:
        return None
    digits, unit = timeout[:-1], timeout[-1]
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS and unit in _SECONDS):
        raise FrameError("grpc-timeout must be a number of at most eight digits and a unit.")
    return int(digits) * _SECONDS[unit]
