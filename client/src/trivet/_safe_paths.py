"""Between logical paths, which are data that a server sends, and paths on this machine."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path, PurePath
from typing import Final

from trivet._errors import ArtifactCorrupt, InvalidArgument

_MAX_PATH_BYTES: Final = 1024  # artifact.proto, Artifact.path
_IS_WINDOWS: Final = os.name == "nt"
_CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# What Windows takes for a device, a drive, a stream or another name: https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_WINDOWS_DEVICE: Final = re.compile(r"(?i:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?:\.|$)")
_WINDOWS_FORBIDDEN: Final = re.compile(r'[<>:"|?*]')


def check_logical(path: str) -> str:
    """Returns a logical path that the server will take: NFC, without a slash at its end; empty is the top.

    Raises:
        InvalidArgument: it will not; says why.
    """
    given, path = path, unicodedata.normalize("NFC", path).rstrip("/")
    if problem := "is absolute; leave the slash at its beginning out" if given.startswith("/") else _problem(path):
        raise InvalidArgument(f"The artifact path {given!r} {problem}.")
    return path


def to_logical(local: PurePath) -> str:
    """The logical path of a relative path on this machine. Raises InvalidArgument where it cannot have one."""
    return check_logical("/".join(local.parts))


def joined(folder: str, path: str) -> str:
    """A logical path below a folder's."""
    return f"{folder}/{path}" if folder and path else folder or path


def safe_join(folder: Path, logical: str) -> Path:
    """The place of a downloaded file: inside the folder, whatever the server named it.

    Every download asks this function, and only this one, where to write.

    Args:
        folder: An existing folder; what it is reached through may be links.
        logical: The path as the server sent it.

    Raises:
        ArtifactCorrupt: it is no logical path, cannot be a file here, or leads out of the folder by a link in it.
    """
    problem = _problem(logical) if logical else "is empty"
    if not problem and _IS_WINDOWS:
        problem = _windows_problem(logical)
    if problem:
        raise ArtifactCorrupt(f"The server named a file {logical!r}, which {problem}. Nothing was written.")
    place = folder.joinpath(*logical.split("/"))
    # A link that lies in the folder already must not lead a download elsewhere.
    if place.parent != folder and not place.parent.resolve().is_relative_to(folder.resolve()):
        raise ArtifactCorrupt(f"{place.parent} leads out of {folder} by a link. Nothing was written.")
    return place


def _problem(path: str) -> str:
    """Why a path is no logical path; empty for one that is."""
    if _CONTROL_CHARACTERS.search(path):
        return "has control characters"
    if "\\" in path:
        return "has a backslash"
    try:
        if len(path.encode()) > _MAX_PATH_BYTES:
            return f"has more than {_MAX_PATH_BYTES} bytes"
    except UnicodeEncodeError:
        return "is not valid Unicode"
    if path != unicodedata.normalize("NFC", path):
        return "is not in NFC"
    if path and any(segment in ("", ".", "..") for segment in path.split("/")):
        return "has an empty segment, '.' or '..'"
    return ""


def _windows_problem(path: str) -> str:
    for segment in path.split("/"):
        if _WINDOWS_FORBIDDEN.search(segment) or segment.endswith((".", " ")) or _WINDOWS_DEVICE.match(segment):
            return "cannot be a file on Windows"
    return ""
