"""The trail of a service: notes events in the log at once, and in the database soon.

Whoever calls waits for neither. Events wait in memory for the thread that writes them, some hundred at a time: a
process that is killed loses those of the last second from the database, and none from its log. Calls that are alike and
come often are counted for a minute: of these, a process that is killed loses how many they were.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from typing import Protocol

from trivet_kit.audit.events import AuditEvent, AuditEvents, AuditQuery, CallFacts, Outcome
from trivet_kit.errors import CallerError, Code
from trivet_kit.page_tokens import Cursor
from trivet_kit.redaction import redacted
from trivet_kit.timestamps import now_millis

# So long an event is only in the log.
_WRITE_SECONDS = 1.0
# So long calls that are alike are one event.
_COUNT_MILLIS = 60_000
_AT_ONCE = 500
# Events that wait for a database that is away, and counts that run: some kilobytes each.
_MAX_WAITING = 10_000
# Of these. Callers who are turned away can call as often as they like, and must not push out what others did.
_MAX_WAITING_DENIALS = 5_000
# Of the counts that run: of callers who are nobody, and of those who are somebody, each.
_MAX_COUNTED_DENIALS = 2_500
_FORGET_EVERY_SECONDS = 3600.0

_log = logging.getLogger("trivet.audit")
_numbers = count()


class Trail(Protocol):
    """Takes note of calls."""

    def note(self, facts: CallFacts, request_id: str, *, frequent: bool) -> None:
        """Takes note of a call that has ended now; never waits, never raises.

        Args:
            facts: What is noted.
            request_id: Of the call.
            frequent: Whether it is counted with those that are alike.
        """
        ...


@dataclass
class _Counted:
    """An event whose calls are still being counted."""

    event: AuditEvent
    calls: int
    time: int


class AuditTrail:
    """Implements `Trail` over a database, with a thread. Safe for threads; `close` is for one, after the last call."""

    def __init__(
        self,
        events: AuditEvents,
        keep: timedelta,
        now: Callable[[], int] = now_millis,
        write_seconds: float = _WRITE_SECONDS,
    ) -> None:
        """Starts the thread.

        Args:
            events: Where they are kept.
            keep: How long.
            now: Gives milliseconds since the Unix epoch.
            write_seconds: How long events wait for others, with which they are written.
        """
        self._events = events
        self._keep_millis = round(keep.total_seconds() * 1000)
        self._now = now
        self._write_seconds = write_seconds
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        """Held while events are written; taken before the other."""
        self._counted: dict[CallFacts, _Counted] = {}
        """By what the calls have in common; the oldest first."""
        self._counts: Counter[str] = Counter()
        """How many of `_counted` there are, by `_share`."""
        self._waiting: deque[AuditEvent] = deque()
        self._waiting_denials = 0
        self._dropped = 0
        self._dropped_before = 0
        self._is_away = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    @property
    def dropped_count(self) -> int:
        """Of how many calls no event was kept, since the start."""
        with self._lock:
            return self._dropped

    def note(self, facts: CallFacts, request_id: str, *, frequent: bool) -> None:
        """Takes note of a call, as `Trail` has it."""
        time = self._now()
        is_counted = frequent or facts.code == Code.UNAUTHENTICATED.name
        alike = _alike(facts)
        with self._lock:
            if is_counted and (counted := self._counted.get(alike)) is not None:
                counted.calls += 1
                counted.time = time
                return
            event = AuditEvent(_new_id(time), time, time, 1, redacted(request_id), _without_secrets(facts))
            if not is_counted:
                self._wait(event)
            else:
                self._count(alike, _Counted(event, 1, time))
        _write_line(event)

    def page(self, query: AuditQuery, after: Cursor | None, limit: int) -> list[AuditEvent]:
        """What `AuditEvents.page` gives, with what waits here: whoever asks sees what they did before.

        Calls that are still being counted are missing.
        """
        self._write()
        return self._events.page(query, after, limit)

    def close(self) -> None:
        """Writes what waits, once, and ends the thread."""
        self._closing.set()
        self._thread.join()

    def _count(self, alike: CallFacts, counted: _Counted) -> None:
        """Begins a count, where there is room; under the lock."""
        share = _share(alike)
        if len(self._counted) >= _MAX_WAITING or (share and self._counts[share] >= _MAX_COUNTED_DENIALS):
            self._dropped += counted.calls
            return
        self._counted[alike] = counted
        self._counts[share] += 1

    def _wait(self, event: AuditEvent) -> None:
        """Lets an event wait to be written, where there is room; under the lock."""
        is_denial = event.facts.outcome == Outcome.DENIED
        if len(self._waiting) >= _MAX_WAITING or (is_denial and self._waiting_denials >= _MAX_WAITING_DENIALS):
            self._dropped += event.call_count
            return
        self._waiting.append(event)
        self._waiting_denials += is_denial

    def _run(self) -> None:
        pauses_to_forget = 0
        while not self._closing.wait(self._write_seconds):
            self._end_counts(self._now() - _COUNT_MILLIS)
            self._write()
            if pauses_to_forget <= 0:
                self._forget()
                pauses_to_forget = round(_FORGET_EVERY_SECONDS / self._write_seconds)
            pauses_to_forget -= 1
        self._end_counts(None)
        self._write()
        with self._lock:
            self._dropped += sum(event.call_count for event in self._waiting)
        self._say_dropped()

    def _end_counts(self, until: int | None) -> None:
        """Lets the events wait whose first call was until then; None: all of them."""
        ended = []
        with self._lock:
            while self._counted:
                alike, counted = next(iter(self._counted.items()))
                if until is not None and counted.event.first_time > until:
                    break
                del self._counted[alike]
                self._counts[_share(alike)] -= 1
                event = replace(counted.event, time=counted.time, call_count=counted.calls)
                ended.append(event)
                self._wait(event)
        for event in ended:
            if event.call_count > 1:
                _write_line(event)

    def _write(self) -> None:
        """Writes what waits to the database; what it does not take waits on."""
        with self._writing:
            self._write_waiting()
            self._say_dropped()

    def _write_waiting(self) -> None:
        while True:
            with self._lock:
                batch = list(islice(self._waiting, _AT_ONCE))
            if not batch:
                break
            try:
                self._events.add(batch)
            except CallerError as error:
                if not self._is_away:
                    _log.warning("audit events wait, because they cannot be written: %s", error)
                self._is_away = True
                break
            except Exception:  # noqa: BLE001 - whatever it is, the thread goes on
                # Tried again, it would hold up those behind it for ever.
                _log.exception("%d audit events cannot be written; they are in this log alone", len(batch))
                with self._lock:
                    self._dropped += sum(event.call_count for event in batch)
            self._is_away = False
            with self._lock:
                for event in batch:
                    self._waiting.popleft()
                    self._waiting_denials -= event.facts.outcome == Outcome.DENIED

    def _say_dropped(self) -> None:
        dropped = self.dropped_count
        if dropped > self._dropped_before:
            _log.warning(
                "audit events of %d calls were not kept, %d since the start; they are in this log alone",
                dropped - self._dropped_before,
                dropped,
            )
            self._dropped_before = dropped

    def _forget(self) -> None:
        before = self._now() - self._keep_millis
        try:
            while not self._closing.is_set() and self._events.forget(before, _AT_ONCE) == _AT_ONCE:
                pass
        except CallerError as error:
            _log.warning("old audit events stay for now: %s", error)
        except Exception:  # noqa: BLE001 - whatever it is, the thread goes on
            _log.exception("old audit events stay for now")


def _alike(facts: CallFacts) -> CallFacts:
    """What the calls have in common that are counted as one.

    Of calls that are turned away, not what they name nor what they claim: that can be something else each time.
    """
    if facts.outcome != Outcome.DENIED:
        return facts
    return replace(facts, resources=(), more_resources=0, claimed_forwarded_for="", user_agent="")


def _share(facts: CallFacts) -> str:
    """Those with whom a call that was turned away shares the room for counts; empty for all others."""
    if facts.outcome != Outcome.DENIED:
        return ""
    return "nobody" if facts.code == Code.UNAUTHENTICATED.name else "somebody"


def _new_id(time: int) -> str:
    """An id that no other event has; of those of this process and a millisecond, a later one is greater."""
    return f"{time:012x}{next(_numbers) & 0xFFFFF:05x}{secrets.token_hex(8)[1:]}"


def _without_secrets(facts: CallFacts) -> CallFacts:
    """The facts, where callers had a say in them without any secret that they put there."""
    return replace(
        facts,
        workspace=redacted(facts.workspace),
        resources=tuple(redacted(name) for name in facts.resources),
        claimed_forwarded_for=redacted(facts.claimed_forwarded_for),
        user_agent=redacted(facts.user_agent),
    )


def _write_line(event: AuditEvent) -> None:
    facts = {name: value for name, value in vars(event.facts).items() if value not in ("", 0, ())}
    _log.info(
        "audit",
        extra={
            "event_id": event.event_id,
            "call_count": event.call_count,
            "first_time": datetime.fromtimestamp(event.first_time / 1000, UTC).isoformat(timespec="milliseconds"),
            "request_id": event.request_id,
            **facts,
            "authenticated": event.facts.authenticated,
            "outcome": event.facts.outcome.name,
        },
    )
