"""What servers note for audit, as tests see it."""

from __future__ import annotations

import queue
from dataclasses import dataclass, field
from typing import NamedTuple

from trivet_kit.audit.events import CallFacts


class Note(NamedTuple):
    """A call of which note was taken."""

    facts: CallFacts
    request_id: str
    frequent: bool


@dataclass(frozen=True)
class Notes:
    """A trail that is kept in memory, in the order in which calls end."""

    taken: queue.Queue[Note] = field(default_factory=queue.Queue)

    def note(self, facts: CallFacts, request_id: str, *, frequent: bool) -> None:
        """Takes note of a call."""
        self.taken.put(Note(facts, request_id, frequent))

    def next(self) -> Note:
        """The next one; waits for it."""
        return self.taken.get(timeout=30)
