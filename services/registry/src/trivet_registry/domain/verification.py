"""Finds what was altered of a model behind the registry's back, by its history."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import Protocol

from trivet_registry.domain.fields import alias_field, model_fields, version_fields
from trivet_registry.domain.history import START, Entry, Head
from trivet_registry.domain.models import Model
from trivet_registry.domain.promotion_requests import PromotionRequest
from trivet_registry.domain.replay import Replay
from trivet_registry.domain.versions import ModelVersion

MAX_FAULTS = 100


class FaultKind(Enum):
    """What can be wrong; numbered as in the contract."""

    ENTRY_ALTERED = 1
    CHAIN_BROKEN = 2
    ENTRY_MISSING = 3
    STATE_ALTERED = 4
    KNOWN_ENTRY_ALTERED = 5


@dataclass(frozen=True)
class Fault:
    """Something that was altered."""

    kind: FaultKind
    message: str
    sequence: int = 0
    version: int = 0
    field: str = ""


@dataclass(frozen=True)
class Kept:
    """A model as the database has it, seen at one moment."""

    model_uid: str
    entries: Iterable[Entry]
    """Its history, by sequence; read once."""
    head: Head | None
    """Where its row says that the history ends; None where it was deleted."""
    model: Model | None
    """None where it was deleted."""
    versions: tuple[ModelVersion, ...]
    promotion_requests: tuple[PromotionRequest, ...]
    """All that anybody asked for it."""


@dataclass(frozen=True)
class Verified:
    """What was found."""

    model_uid: str
    faults: tuple[Fault, ...]
    """The first ones."""
    head: Head
    """Where the history ends."""


def verify(kept: Kept, known: Head | None) -> Verified:
    """Compares a model with its history.

    Args:
        kept: What there is.
        known: An entry that the caller knows of; None for none.
    """
    replay = Replay()
    chain = _Chain(replay, known)
    faults = chain.faults(kept.entries)
    found = list(islice(faults, MAX_FAULTS))
    deque(faults, maxlen=0)  # the rest counts for what the entries lead to
    found += _faults_of_the_end(kept, chain.head, known)
    found += _faults_of_the_state(kept, replay)
    asked = {field: value for request in kept.promotion_requests for field, value in request.fields().items()}
    found += _differences(0, "A promotion request", replay.promotion_requests, asked)
    return Verified(kept.model_uid, tuple(found[:MAX_FAULTS]), chain.head)


class _Chain:
    """Goes along the entries."""

    def __init__(self, replay: Replay, known: Head | None) -> None:
        self._replay = replay
        self._known = known
        self.head = START

    def faults(self, entries: Iterable[Entry]) -> Iterator[Fault]:
        """The faults of all entries."""
        time = 0
        for entry in entries:
            yield from self._faults_of(entry, time)
            self._replay.apply(entry)
            self.head = entry.head
            time = entry.time

    def _faults_of(self, entry: Entry, time_before: int) -> Iterator[Fault]:
        at, expected = entry.sequence, self.head.sequence + 1

        def fault(kind: FaultKind, problem: str) -> Fault:
            return Fault(kind, f"Entry {at} {problem}.", at, entry.version)

        if at != expected:
            yield Fault(FaultKind.ENTRY_MISSING, f"Entries {expected} to {at - 1} are missing.", sequence=expected)
        elif entry.previous_sha256 != self.head.sha256:
            yield fault(FaultKind.CHAIN_BROKEN, "does not hold the digest of the one before it")
        if entry.digest() != entry.sha256:
            yield fault(FaultKind.ENTRY_ALTERED, "was altered: it does not have its digest")
        if entry.time < time_before:
            yield fault(FaultKind.CHAIN_BROKEN, "has an earlier time than the one before it")
        if self._known is not None and at == self._known.sequence and entry.sha256 != self._known.sha256:
            yield fault(FaultKind.KNOWN_ENTRY_ALTERED, "has another digest than the one that you know")


def _faults_of_the_end(kept: Kept, head: Head, known: Head | None) -> Iterator[Fault]:
    if kept.head is not None and kept.head.sequence > head.sequence:
        message = f"Entries {head.sequence + 1} to {kept.head.sequence} are missing: the last ones."
        yield Fault(FaultKind.ENTRY_MISSING, message, sequence=head.sequence + 1)
    elif kept.head is not None and kept.head != head:
        message = "The model's row has another end of the history than its last entry."
        yield Fault(FaultKind.CHAIN_BROKEN, message, sequence=head.sequence)
    if known is not None and known.sequence > head.sequence:
        message = f"Entry {known.sequence}, which you know, is not there."
        yield Fault(FaultKind.KNOWN_ENTRY_ALTERED, message, sequence=known.sequence)


def _faults_of_the_state(kept: Kept, replay: Replay) -> Iterator[Fault]:
    if replay.exists != (kept.model is not None):
        says = "is there" if replay.exists else "is not there"
        yield Fault(FaultKind.STATE_ALTERED, f"By its history, the model {says}.")
        return
    if kept.model is None:
        return
    aliases = {alias_field(alias): str(number) for alias, number in replay.aliases.items()}
    then = {**replay.model, **aliases}
    yield from _differences(0, "The model", then, model_fields(kept.model))
    yield from _creation(0, "The model", replay, (kept.model.created_by, kept.model.create_time))
    versions = {version.name.version: version for version in kept.versions}
    for number in sorted(replay.versions.keys() | versions.keys()):
        what = f"Version {number}"
        if number not in replay.versions:
            yield Fault(FaultKind.STATE_ALTERED, f"{what} is not in the history.", version=number)
        elif number not in versions:
            yield Fault(FaultKind.STATE_ALTERED, f"{what} is gone, which the history does not say.", version=number)
        else:
            version = versions[number]
            yield from _differences(number, what, replay.versions[number], version_fields(version))
            yield from _creation(number, what, replay, (version.created_by, version.create_time))


def _differences(version: int, what: str, then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Fault]:
    for field in sorted(then.keys() | now.keys()):
        if then.get(field) != now.get(field):
            yield _altered(version, what, field)


def _creation(version: int, what: str, replay: Replay, now: tuple[str, int]) -> Iterator[Fault]:
    then = replay.created.get(version)
    for field, index in (("created_by", 0), ("create_time", 1)):
        if then is not None and then[index] != now[index]:
            yield _altered(version, what, field)


def _altered(version: int, what: str, field: str) -> Fault:
    message = f"{what}: {field} is not what the history says."
    return Fault(FaultKind.STATE_ALTERED, message, version=version, field=field)


class Verifier(Protocol):
    """Verifies what is kept of models."""

    def verify(self, workspace: str, model: str, known: Head | None) -> Verified:
        """Compares a model with its history; `model` is a name, or a uid in its place. Raises ModelNotFound."""
        ...
