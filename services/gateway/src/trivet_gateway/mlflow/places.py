"""Where files are: the paths of `mlflow-artifacts:`, and who has what lies there (design §9)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from trivet_gateway.errors import invalid
from trivet_gateway.upstream import Caller

_VERSION: Final = re.compile(r"([0-9a-f]{32})-([0-9]+)")
_ROOT: Final = "artifacts"
# What comes before the root, with the part before that: an id that this system or MLflow made.
_MADE: Final = re.compile(r"[^/]*/[0-9a-f]{32}|models/m-[0-9a-f]{32}|versions/[0-9a-f]{32}-[0-9]+")
_LONGEST: Final = 8_192
_SCHEME: Final = "mlflow-artifacts:"


@dataclass(frozen=True)
class Place:
    """An owner of files, and a path in it."""

    owner: str
    path: str

    def below(self, path: str) -> Place:
        """What is at a path from here: of the same owner, whatever a folder on the way is called."""
        return Place(self.owner, "/".join(part for part in (self.path, path) if part))


def place_of(caller: Caller, path: str) -> Place:
    """Who has what lies at a path: by a `RUN_ID/artifacts` or `models/MODEL_ID/artifacts` in it (ADR 46).

    Raises:
        MlflowError: it has no owner, or is no path.
    """
    if len(path) > _LONGEST:
        raise invalid("Invalid path: it is too long.")
    parts = path.split("/")
    if path.startswith("/") or any(part in ("", ".", "..") for part in parts) or "\0" in path or "\\" in path:
        raise invalid("Invalid path")
    root = _root(parts)
    if root is None:
        raise invalid("Invalid path: it names no run, logged model or model version.")
    owner_id, kind = parts[root - 1], parts[root - 2] if root > 1 else ""
    inside = "/".join(parts[root + 1 :])
    if kind == "models":
        return Place(caller.logged_model(owner_id), inside)
    if kind == "versions" and (found := _VERSION.fullmatch(owner_id)):
        return Place(caller.version(found[1], found[2]), inside)
    return Place(caller.run(owner_id), inside)


def _root(parts: list[str]) -> int | None:
    """Which part the files of the owner are below: the first after an id, as files may be in folders of that name.

    Where there is none of the ids that are made, it is the last that does not lie right below another one.
    """
    roots = [index for index, part in enumerate(parts) if part == _ROOT and index > 0]
    made = [index for index in roots if _MADE.fullmatch("/".join(("", *parts)[index - 1 : index + 1]))]
    given = [index for index in roots if parts[index - 1] != _ROOT]
    return made[0] if made else given[-1] if given else None


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
