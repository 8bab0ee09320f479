"""Patterns for the files of an owner: `*`, `?` and `[…]` within a name, `**` over folders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import trivet

_MAGIC: Final = re.compile(r"[*?[]")
_TOKEN: Final = re.compile(r"\*\*/|\*\*|\*|\?|\[(!?)(\]?[^\]]*)\]|.", re.DOTALL)


def find(client: trivet.Client, place: trivet.ArtifactPlace) -> list[trivet.FileInfo]:
    """What a path or pattern means: the files and folders that match, by path; of what matches, nothing below.

    A file or folder that has the pattern for its name is meant alone. Empty where there is nothing.
    """
    path = place.path
    if (exact := _at(client, place)) or not is_pattern(path):
        return exact
    fixed = path[: _MAGIC.search(path).start()].rpartition("/")[0]  # type: ignore[union-attr] # is_pattern found one
    files = client.artifacts.list_artifacts(place.owner, path=fixed, recursive=True)
    return matches(files, path)


def is_pattern(path: str) -> bool:
    """Whether a path may mean several files."""
    return _MAGIC.search(path) is not None


def matches(files: Sequence[trivet.FileInfo], pattern: str) -> list[trivet.FileInfo]:
    """Those of the files, and of the folders in which they lie, that match and lie in no other match; by path."""
    form = re.compile(_expression(pattern.rstrip("/")))
    found: dict[str, trivet.FileInfo] = {}
    for file in files:
        names = file.path.split("/")
        for depth in range(1, len(names) + 1):
            path = "/".join(names[:depth])
            if form.fullmatch(path):
                is_file = depth == len(names)
                found[path] = file if is_file else trivet.FileInfo(path, is_dir=True, file_size=None)
                break
    return [found[path] for path in sorted(found)]


def _at(client: trivet.Client, place: trivet.ArtifactPlace) -> list[trivet.FileInfo]:
    path = place.path.rstrip("/")
    inside = client.artifacts.list_artifacts(place.owner, path=path)
    if not path or not inside or inside[0].path == path:
        return inside
    return [trivet.FileInfo(path, is_dir=True, file_size=None)]


def _expression(pattern: str) -> str:
    return "".join(_translated(token) for token in _TOKEN.finditer(pattern))


def _translated(token: re.Match[str]) -> str:
    match token[0]:
        case "**/":
            return "(?:.*/)?"
        case "**":
            return ".*"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
        case text if token[2]:
            negated = "^/" if token[1] else ""
            return f"[{negated}{re.escape(token[2]).replace(chr(92) + '-', '-')}]" if len(text) > 1 else re.escape(text)
        case text:
            return re.escape(text)
