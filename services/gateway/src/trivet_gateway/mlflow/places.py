"""Where files are: the paths of `mlflow-artifacts:`, and who has what lies there (design §9)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from trivet_gateway.errors import invalid
from trivet_gateway.upstream import Caller

_OWNERS: Final = re.compile(
    r"(?:^|.*/)(?:models/(?P<model>[^/]+)|versions/(?P<uid>[0-9a-f]{32})-(?P<number>[0-9]+)|(?P<run>[^/]+))/artifacts"
    r"(?:/(?P<path>.*))?$",
    re.DOTALL,
)
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
    found = _OWNERS.match(path)
    if found is None:
        raise invalid("Invalid path: it names no run, logged model or model version.")
    inside = found["path"] or ""
    if found["model"]:
        return Place(caller.logged_model(found["model"]), inside)
    if found["uid"]:
        return Place(caller.version(found["uid"], found["number"]), inside)
    return Place(caller.run(found["run"]), inside)


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
