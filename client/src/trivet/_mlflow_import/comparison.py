"""Both sides of an import beside each other: how much there is of each kind, one digest of it, and what differs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from trivet._mlflow_import.records import (
    ExperimentRecord,
    LoggedModelRecord,
    ModelRecord,
    Points,
    RunRecord,
)


@dataclass(frozen=True)
class Fact:
    """Something that has to be the same on both sides."""

    text: str
    """Short, for people."""
    count: int = 1
    """How many things it is, of its kind."""
    content: bytes = b""
    """What the text does not show."""


Facts = Mapping[str, Mapping[str, Fact]]
"""By kind and key."""


@dataclass(frozen=True)
class Mismatch:
    """What is not the same on both sides."""

    where: str
    """Of what it is, such as `run 0192f0c1`."""
    kind: str
    key: str
    source: str
    """In MLflow; empty where it has none."""
    target: str
    """In Trivet; empty where it has none."""


@dataclass(frozen=True)
class KindSummary:
    """A kind of things on both sides."""

    kind: str
    source_count: int
    target_count: int
    source_sha256: str
    target_sha256: str


@dataclass
class _Tally:
    source_count: int = 0
    target_count: int = 0
    source: hashlib._Hash = field(default_factory=hashlib.sha256)
    target: hashlib._Hash = field(default_factory=hashlib.sha256)


class Comparison:
    """Takes the two sides of one thing after the other."""

    def __init__(self) -> None:
        self.mismatches: list[Mismatch] = []
        self._tallies: dict[str, _Tally] = {}

    def add(self, where: str, source: Facts, target: Facts) -> None:
        """Compares a thing, and counts it."""
        for kind in {**source, **target}:
            here, there = source.get(kind, {}), target.get(kind, {})
            tally = self._tallies.setdefault(kind, _Tally())
            tally.source_count += _digest(tally.source, where, here)
            tally.target_count += _digest(tally.target, where, there)
            self.mismatches += differences(where, kind, here, there)

    def fail(self, where: str, kind: str, why: str) -> None:
        """Something could not be brought over or compared."""
        self.mismatches.append(Mismatch(where, kind, "", "", why))

    def kinds(self) -> list[KindSummary]:
        """What was compared, in the order in which kinds came."""
        return [
            KindSummary(
                kind, tally.source_count, tally.target_count, tally.source.hexdigest(), tally.target.hexdigest()
            )
            for kind, tally in self._tallies.items()
        ]


def _digest(digest: hashlib._Hash, where: str, facts: Mapping[str, Fact]) -> int:
    for key, fact in sorted(facts.items()):
        digest.update(json.dumps([where, key, fact.text, hashlib.sha256(fact.content).hexdigest()]).encode())
    return sum(fact.count for fact in facts.values())


def differences(where: str, kind: str, source: Mapping[str, Fact], target: Mapping[str, Fact]) -> list[Mismatch]:
    """What is not the same."""
    found = []
    for key in sorted(source.keys() | target.keys()):
        here, there = source.get(key), target.get(key)
        if here != there:
            found.append(
                Mismatch(where, kind, key, "" if here is None else here.text, "" if there is None else there.text)
            )
    return found


def of_experiment(record: ExperimentRecord) -> Facts:
    """What an experiment is."""
    texts = {"name": record.name, "description": record.description, "deleted": str(record.is_deleted)}
    return {"experiments": {"": _whole(texts)}, "experiment tags": _texts(record.tags)}


def run_attributes(record: RunRecord) -> dict[str, str]:
    """What a run is."""
    return {
        "name": record.name,
        "status": record.status,
        "start_time": str(record.start_time),
        "end_time": "" if record.end_time is None else str(record.end_time),
        "user": record.user,
        "source": record.source,
        "git_commit": record.git_commit,
        "parent_run_id": record.parent_run_id,
        "description": record.description,
        "deleted": str(record.is_deleted),
    }


def of_run(record: RunRecord) -> Facts:
    """What a run is, and what was logged to it."""
    return {
        "runs": {"": _whole(run_attributes(record))},
        "params": _texts(record.params),
        "tags": _texts(record.tags),
        "points": {_label(series): _points(points) for series, points in record.series.items()},
        "datasets": {
            f"{used.dataset.name} {used.dataset.digest}": _whole(
                {
                    "source_type": used.dataset.source_type,
                    "source": used.dataset.source,
                    "schema": used.dataset.schema,
                    "profile": used.dataset.profile,
                    "tags": json.dumps(dict(used.tags), sort_keys=True),
                }
            )
            for used in record.datasets
        },
        "model inputs": {model_id: Fact(model_id) for model_id in record.input_models},
        "model outputs": {f"{made.model_id} {made.step}": Fact(made.model_id) for made in record.outputs},
    }


def _label(series: tuple[object, ...]) -> str:
    key, _rank, *context = series
    return " ".join([str(key), *(str(part) for part in context if part)])


def _points(points: Points) -> Fact:
    content = points.steps + points.times + points.values
    return Fact(f"{len(points)} points, {hashlib.sha256(content).hexdigest()[:12]}", len(points), content)


def of_logged_model(record: LoggedModelRecord) -> Facts:
    """What a logged model is."""
    texts = {
        "name": record.name,
        "type": record.model_type,
        "source_run_id": record.source_run_id,
        "status": record.status,
    }
    return {
        "logged models": {"": _whole(texts)},
        "logged model params": _texts(record.params),
        "logged model tags": _texts(record.tags),
    }


def of_model(record: ModelRecord) -> Facts:
    """What a registered model is, with its versions."""
    return {
        "registered models": {"": _whole({"name": record.name, "description": record.description})},
        "registered model tags": _texts(record.tags),
        "aliases": {alias: Fact(str(number)) for alias, number in record.aliases.items()},
        "model versions": {
            str(version.number): _whole(
                {
                    "source": version.source,
                    "run_id": version.run_id,
                    "stage": version.stage,
                    "description": version.description,
                }
            )
            for version in record.versions
        },
        "model version tags": {
            f"{version.number} {key}": Fact(value) for version in record.versions for key, value in version.tags.items()
        },
    }


def of_files(digests: Mapping[str, str]) -> Facts:
    """Files by path, with the digest of their bytes."""
    return {"files": {path: Fact(sha256) for path, sha256 in digests.items()}}


def _texts(texts: Mapping[str, str]) -> dict[str, Fact]:
    return {key: Fact(value) for key, value in texts.items()}


def _whole(texts: Mapping[str, str]) -> Fact:
    return Fact(", ".join(f"{key} {value!r:.80}" for key, value in texts.items()), 1, json.dumps(texts).encode())
