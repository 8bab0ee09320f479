"""Logical paths: data that names a file of an owner, and nothing else.

A path is never made part of an object key or of a path on a server, whatever it looks like.
"""

from __future__ import annotations

import re
import unicodedata

from trivet_artifacts.domain import limits
from trivet_kit.errors import FieldInvalid, FieldRequired, FieldTooLong

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")


def check_path(path: str, field: str) -> str:
    """Returns the path of a file or folder; the empty one, which is the top of the owner's files, is not one.

    Raises:
        FieldRequired: it is empty.
        FieldTooLong: more bytes of UTF-8 than allowed.
        FieldInvalid: it is not in NFC, has a segment that is empty, `.` or `..`, a control character or a backslash.
    """
    if not path:
        raise FieldRequired(field)
    length = len(path.encode())
    if length > limits.MAX_PATH_BYTES:
        raise FieldTooLong(field, length, limits.MAX_PATH_BYTES, "bytes")
    if _FORBIDDEN.search(path):
        raise FieldInvalid(field, "must have no control character and no backslash")
    if any(segment in ("", ".", "..") for segment in path.split("/")):
        raise FieldInvalid(field, "must have no segment that is empty, `.` or `..`")
    if not unicodedata.is_normalized("NFC", path):
        raise FieldInvalid(field, "must be in Unicode's normal form NFC")
    return path


def check_folder(path: str, field: str) -> str:
    """Returns a path, or the empty one. Raises as `check_path` does."""
    return check_path(path, field) if path else ""


def parent(path: str) -> str:
    """The folder in which a path lies; empty for one at the top."""
    return path.rpartition("/")[0]


def ancestors(path: str) -> list[str]:
    """The folders in which a path lies, the outermost first; without the top."""
    segments = path.split("/")
    return ["/".join(segments[:depth]) for depth in range(1, len(segments))]


def join(folder: str, path: str) -> str:
    """A path as seen from above a folder in which it lies; the empty folder is the top."""
    return f"{folder}/{path}" if folder else path


def below(path: str, folder: str) -> str:
    """A path as seen from a folder above it, or from the file itself: then, its last segment."""
    if path == folder:
        return path.rpartition("/")[2]
    return path.removeprefix(f"{folder}/") if folder else path
