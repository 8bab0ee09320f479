"""The history of a model: entries that are only ever added, each with the digest of the one before it (ADR 28)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

# What an entry's digest begins with, so that no other kind of record has the same.
_KIND = "trivet.registry.v1.ModelHistoryEntry"
_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Action(Enum):
    """What can be done to a model; numbered as in the contract."""

    UNKNOWN = 0
    """Of an entry that was altered."""
    MODEL_CREATED = 1
    MODEL_RENAMED = 2
    MODEL_DESCRIBED = 3
    MODEL_TAGGED = 4
    MODEL_DELETED = 5
    VERSION_CREATED = 6
    VERSION_READY = 7
    VERSION_FAILED = 8
    VERSION_DESCRIBED = 9
    VERSION_TAGGED = 10
    VERSION_MOVED = 11
    VERSION_DELETED = 12
    ALIAS_SET = 13
    ALIAS_DELETED = 14
    PROMOTION_REQUESTED = 15
    PROMOTION_APPROVED = 16
    PROMOTION_REJECTED = 17
    PROMOTION_WITHDRAWN = 18
    PROMOTION_EXPIRED = 19


@dataclass(frozen=True)
class By:
    """Who does something, and why."""

    actor: str
    reason: str = ""


THE_REGISTRY = By("registry")
"""What nobody asks for."""


@dataclass(frozen=True)
class FieldChange:
    """A change of one field; None where there is none."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Head:
    """Where a history ends."""

    sequence: int
    sha256: bytes


START = Head(0, bytes(32))
"""Of a model without entries."""


@dataclass(frozen=True)
class EntryTexts:
    """What an entry says, wherever it stands in whichever history: JSON texts of what its digest is made of.

    The others are numbers and digits: of the model's uid, of the digest before it. So a database puts the digest
    together without making JSON of texts, which each maker of JSON writes in a way of its own.
    """

    kind: str
    action: str
    actor: str
    reason: str
    changes: str
    """A JSON array of [field, before, after]."""


def entry_texts(action: Action, actor: str, reason: str, changes: Iterable[FieldChange]) -> EntryTexts:
    """What an entry says."""
    return EntryTexts(
        kind=_to_json(_KIND),
        action=_to_json(action.name),
        actor=_to_json(actor),
        reason=_to_json(reason),
        changes=_to_json([[change.field, change.before, change.after] for change in changes]),
    )


@dataclass(frozen=True)
class Entry:
    """An entry as it is kept."""

    model_uid: str
    sequence: int
    """From 1 up, without gaps."""
    action: Action
    version: int
    """0: the model itself."""
    changes: tuple[FieldChange, ...]
    time: int
    """Milliseconds since the Unix epoch; never before that of an entry before it."""
    actor: str
    reason: str
    previous_sha256: bytes
    sha256: bytes

    @property
    def head(self) -> Head:
        """Where the history ends with it."""
        return Head(self.sequence, self.sha256)

    @property
    def texts(self) -> EntryTexts:
        """What it says."""
        return entry_texts(self.action, self.actor, self.reason, self.changes)

    def digest(self) -> bytes:
        """The digest that its content has, as the contract says (model_history.proto)."""
        said = self.texts
        content = (
            said.kind,
            _to_json(self.model_uid),
            str(self.sequence),
            said.action,
            str(self.version),
            str(self.time),
            said.actor,
            said.reason,
            said.changes,
            _to_json(self.previous_sha256.hex()),
        )
        return hashlib.sha256(f"[{','.join(content)}]".encode()).digest()


def next_entry(
    model_uid: str, head: Head, action: Action, version: int, changes: Iterable[FieldChange], time: int, by: By
) -> Entry:
    """The entry that follows a head."""
    entry = Entry(
        model_uid=model_uid,
        sequence=head.sequence + 1,
        action=action,
        version=version,
        changes=tuple(changes),
        time=time,
        actor=by.actor,
        reason=by.reason,
        previous_sha256=head.sha256,
        sha256=b"",
    )
    return replace(entry, sha256=entry.digest())


def changes_between(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[FieldChange, ...]:
    """What is different in two sets of fields, sorted by field."""
    return tuple(
        FieldChange(field, before.get(field), after.get(field))
        for field in sorted(before.keys() | after.keys())
        if before.get(field) != after.get(field)
    )


@dataclass(frozen=True)
class HistoryQuery:
    """A page of a history."""

    version: int
    """0: all."""
    newest_first: bool
    size: int
    after: int | None
    """The sequence of the last entry of the page before."""


@dataclass(frozen=True)
class HistoryPage:
    """Entries of a model."""

    model_uid: str
    entries: tuple[Entry, ...]
    is_last: bool
    """Whether nothing follows."""


class Histories(Protocol):
    """Reads histories. `model` is a name, or has the uid of a model in its place, which may be deleted.

    All raise ModelNotFound.
    """

    def page(self, workspace: str, model: str, query: HistoryQuery) -> HistoryPage:
        """A page of a model's history."""
        ...

    def until(self, workspace: str, model: str, time: int) -> tuple[str, Sequence[Entry]]:
        """The uid of a model, and its entries up to a time and with it, in order."""
        ...
