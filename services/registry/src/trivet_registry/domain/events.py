"""What watchers are told: entries of histories, in the order in which they were committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from trivet_kit.resources import ModelName
from trivet_registry.domain.history import Action, Entry


@dataclass(frozen=True)
class Event:
    """An entry of a history, as others are told of it."""

    position: int
    """From 1 up, in the order of commits, over all workspaces."""
    model: ModelName
    """The name that the model had then."""
    entry: Entry

    @property
    def id(self) -> str:
        """Its id, the same however often it is told."""
        return f"{self.entry.model_uid}-{self.entry.sequence}"


@dataclass(frozen=True)
class EventQuery:
    """What a watcher wants to hear of."""

    workspace: str
    model_ids: frozenset[str]
    """Empty: all."""
    actions: frozenset[Action]
    """Empty: all."""


@dataclass(frozen=True)
class EventPage:
    """Events after a position."""

    events: Sequence[Event]
    reached: int
    """Up to where all events that were asked for are there."""


class Events(Protocol):
    """Finds events. Whoever has read up to a position has missed none below it."""

    def last_position(self) -> int:
        """The position of the last event; 0 before the first."""
        ...

    def after(self, query: EventQuery, position: int, limit: int) -> EventPage:
        """At most so many events after a position. Raises ResumeTokenExpired for one that lies after the last."""
        ...
