"""What is imported, as all sources and the target give it. Times are milliseconds since the Unix epoch."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from trivet._entities import DatasetInput, LoggedModelOutput
from trivet._spool.frames import Series

Point = tuple[int, int, float]
"""Step, time and value."""

NOTE_TAG = "mlflow.note.content"
"""Where MLflow keeps a description."""

DELETED_STAGE = "Deleted_Internal"
"""The stage of a version that MLflow has deleted."""


@dataclass(frozen=True)
class Points:
    """Points of a series: each once, in one order whatever order they came in, so that equal ones are equal bytes."""

    steps: bytes
    """Signed integers of 8 bytes, in the machine's order."""
    times: bytes
    """The same."""
    values: bytes
    """Floating-point numbers of 8 bytes; every NaN is the same one, and -0.0 is 0.0."""

    def __len__(self) -> int:
        return len(self.steps) // 8

    def rows(self) -> list[Point]:
        """The points one by one."""
        steps, times, values = array("q", self.steps), array("q", self.times), array("d", self.values)
        return list(zip(steps, times, values, strict=True))


def to_points(rows: Iterable[Point]) -> Points:
    """Points in their one order: numbers by step, time and value, and NaN after them."""
    numbers, nans = set(), set()
    for step, time, value in rows:
        if math.isnan(value):
            nans.add((step, time))
        else:
            numbers.add((step, time, value + 0.0))
    every = sorted(numbers) + [(step, time, math.nan) for step, time in sorted(nans)]
    return Points(
        array("q", [point[0] for point in every]).tobytes(),
        array("q", [point[1] for point in every]).tobytes(),
        array("d", [point[2] for point in every]).tobytes(),
    )


@dataclass(frozen=True)
class ExperimentRecord:
    """An experiment."""

    source_id: str
    """Its id in MLflow."""
    name: str
    is_deleted: bool
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunRecord:
    """A run with all that was logged to it, but for its files."""

    run_id: str
    name: str
    """Empty where it has none."""
    status: str
    start_time: int
    end_time: int | None
    user: str
    source: str
    git_commit: str
    parent_run_id: str
    description: str
    is_deleted: bool
    params: Mapping[str, str]
    tags: Mapping[str, str]
    datasets: tuple[DatasetInput, ...]
    input_models: tuple[str, ...]
    outputs: tuple[LoggedModelOutput, ...]
    series: Mapping[Series, Points]
    artifact_uri: str = ""
    """Where MLflow keeps its files."""


@dataclass(frozen=True)
class LoggedModelRecord:
    """A logged model, but for its metrics, which are its runs', and its files."""

    model_id: str
    name: str
    model_type: str
    source_run_id: str
    status: str
    """`PENDING`, `READY` or `UPLOAD_FAILED`."""
    params: Mapping[str, str]
    tags: Mapping[str, str]
    artifact_uri: str = ""


@dataclass(frozen=True)
class VersionRecord:
    """A version of a registered model that is not deleted."""

    number: int
    source: str
    run_id: str
    stage: str
    description: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class ModelRecord:
    """A registered model."""

    name: str
    description: str
    tags: Mapping[str, str]
    aliases: Mapping[str, int]
    versions: tuple[VersionRecord, ...]
    """By number."""


@dataclass(frozen=True)
class ModelPoint:
    """A point that a run measured of a logged model, perhaps on a dataset."""

    key: str
    model_id: str
    dataset_name: str
    dataset_digest: str
    point: Point


def to_series(history: Mapping[str, Iterable[Point]], measured: Iterable[ModelPoint]) -> dict[Series, Points]:
    """The series of a run.

    MLflow keeps a point of a logged model twice: among the points of the run, without the model, and as one of the
    model. It becomes one point here, in the series of the model.

    Args:
        history: The points of the run by their key.
        measured: Those of them that were measured of models.
    """
    of_models: dict[Series, list[Point]] = {}
    for one in measured:
        series = Series(
            one.key, model_id=one.model_id, dataset_name=one.dataset_name, dataset_digest=one.dataset_digest
        )
        of_models.setdefault(series, []).append(one.point)
    found = {series: to_points(points) for series, points in of_models.items()}
    claimed: dict[str, set[Point]] = {}
    for series, points in found.items():
        claimed.setdefault(series.key, set()).update(map(comparable, points.rows()))
    for key, rows in history.items():
        mine = claimed.get(key)
        plain = to_points(row for row in rows if mine is None or comparable(row) not in mine)
        if len(plain):
            found[Series(key)] = plain
    return found


def comparable(point: Point) -> tuple[int, int, float]:
    """A point that equals itself also where its value is NaN, which becomes a value that nothing else has."""
    step, time, value = point
    # More than a float can be: no number of a history equals it.
    return (step, time, 1 << 1100) if math.isnan(value) else (step, time, value + 0.0)
