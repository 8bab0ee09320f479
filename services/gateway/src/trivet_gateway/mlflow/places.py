"""Where files are: the paths of `mlflow-artifacts:`, and who has what lies there (design §9)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from trivet_gateway.errors import invalid
from trivet_gateway.upstream import Caller

_VERSION: Final = re.compile(r"([0-9a-f]{32})-([0-9]+)")
_ROOT: Final = "artifacts"
_SCHEME: Final = "mlflow-artifacts:"


@dataclass(frozen=True)
class Place:
    """An owner of files, and a path in it."""

    owner: str
    path: str


def place_of(caller: Caller, path: str) -> Place:
    """Who has what lies at a path: by the last `RUN_ID/artifacts` or `models/MODEL_ID/artifacts` in it.

    Raises:
        MlflowError: it has no owner, or is no path.
    """
    parts = path.split("/")
    if path.startswith("/") or any(part in ("", ".", "..") for part in parts) or "\0" in path or "\\" in path:
        raise invalid("Invalid path")
    roots = [index for index, part in enumerate(parts) if part == _ROOT and index > 0]
    if not roots:
        raise invalid("Invalid path: it names no run, logged model or model version.")
    owner_id, kind = parts[roots[-1] - 1], parts[roots[-1] - 2] if roots[-1] > 1 else ""
    inside = "/".join(parts[roots[-1] + 1 :])
    if kind == "models":
        return Place(caller.logged_model(owner_id), inside)
    if kind == "versions" and (found := _VERSION.fullmatch(owner_id)):
        return Place(caller.version(found[1], found[2]), inside)
    return Place(caller.run(owner_id), inside)


def place_in(caller: Caller, uri: str) -> Place | None:
    """Who has what a URI names; None for one of something else. Raises MlflowError."""
    if not uri.startswith(_SCHEME):
        return None
    # The authority, if any, is another name of this server.
    rest = uri.removeprefix(_SCHEME)
    path = rest.removeprefix("//").partition("/")[2] if rest.startswith("//") else rest.removeprefix("/")
    return place_of(caller, path.rstrip("/"))


def version_location(uid: str, number: str) -> str:
    """Where the files of a model's version are, whatever becomes of the run that made them."""
    return f"{_SCHEME}/versions/{uid}-{number}/artifacts"
