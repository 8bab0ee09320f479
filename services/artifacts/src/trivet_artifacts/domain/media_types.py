"""Media types: what a client says of its file, or what the end of the path suggests."""

from __future__ import annotations

import mimetypes
import re
from pathlib import PurePosixPath

from trivet_artifacts.domain import limits
from trivet_kit.errors import FieldInvalid, FieldTooLong

UNKNOWN = "application/octet-stream"

# RFC 6838 §4.2 for the names; parameters in any printable ASCII, for they are only kept.
_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE = re.compile(rf"{_NAME}/{_NAME}(?: *;[ -~]*)?")

# Python's own table without that of the machine, so that every server guesses the same.
_KNOWN = mimetypes.MimeTypes().types_map[True] | {
    ".gz": "application/gzip",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".toml": "application/toml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


def check_media_type(text: str, field: str) -> str:
    """Returns a media type, or the empty text.

    Raises:
        FieldTooLong: more characters than allowed.
        FieldInvalid: not of the form `type/subtype`, with parameters or without.
    """
    if len(text) > limits.MAX_MEDIA_TYPE_CHARACTERS:
        raise FieldTooLong(field, len(text), limits.MAX_MEDIA_TYPE_CHARACTERS)
    if text and not _MEDIA_TYPE.fullmatch(text):
        raise FieldInvalid(field, "must have the form type/subtype of RFC 6838")
    return text


def guess(path: str) -> str:
    """The media type that the end of a path suggests."""
    return _KNOWN.get(PurePosixPath(path).suffix.lower(), UNKNOWN)
