"""What a case is: a request, as data, and which part of its answer counts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_PLACEHOLDER: Final = re.compile(r"\$(\w+)")
JSON: Final = {"content-type": "application/json"}


@dataclass(frozen=True)
class Case:
    """A request. `$NAME` in its texts stands for what an earlier case of the group kept under that name."""

    name: str
    method: str
    path: str
    """Below `/api/2.0/mlflow/`, or a whole one."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Of the query of a GET, or of the body."""
    body: bytes | None = None
    """The body itself, in place of fields."""
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    keep: Mapping[str, str] = field(default_factory=dict)
    """Parts of the answer for later cases, each by a path such as `run.info.run_id`."""
    only: str = ""
    """The part of the answer that is compared, by a path; empty: all of it."""


@dataclass(frozen=True)
class Group:
    """Cases that are sent one after the other, to nothing that another group made."""

    name: str
    cases: Sequence[Case]


def get(name: str, path: str, /, *, keep: Mapping[str, str] | None = None, only: str = "", **fields: Any) -> Case:
    """A GET with these fields in its query."""
    return Case(name, "GET", path, fields, keep=keep or {}, only=only)


def post(name: str, path: str, /, *, keep: Mapping[str, str] | None = None, only: str = "", **fields: Any) -> Case:
    """A POST with these fields in its body."""
    return Case(name, "POST", path, fields, keep=keep or {}, only=only)


def patch(name: str, path: str, /, **fields: Any) -> Case:
    """A PATCH with these fields in its body."""
    return Case(name, "PATCH", path, fields)


def delete(name: str, path: str, /, **fields: Any) -> Case:
    """A DELETE with these fields in its body."""
    return Case(name, "DELETE", path, fields)


def pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags and params, as MLflow spells them."""
    return [{"key": key, "value": value} for key, value in values.items()]


def experiment(name: str, kept: str = "experiment") -> Case:
    """Creates an experiment, whose id is kept."""
    return post(f"experiment {name}", "experiments/create", name=name, keep={kept: "experiment_id"})


def run(name: str, kept: str = "run", /, **fields: Any) -> Case:
    """Creates a run of the kept experiment, whose id is kept."""
    fields = {"experiment_id": "$experiment", "run_name": name, "start_time": 1000, **fields}
    return post(f"run {name}", "runs/create", keep={kept: "run.info.run_id"}, **fields)


def filled(value: Any, kept: Mapping[str, str]) -> Any:
    """A value with what was kept in place of its placeholders."""
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda found: kept[found[1]], value)
    if isinstance(value, Mapping):
        return {name: filled(each, kept) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, kept) for each in value]
    return value


def part_of(value: Any, path: str) -> Any:
    """What a path leads to; of lists, that of each element."""
    for position, name in enumerate(names := path.split(".") if path else []):
        if isinstance(value, list):
            rest = ".".join(names[position:])
            return [part_of(each, rest) for each in value]
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
