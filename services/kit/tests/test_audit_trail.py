"""The trail: what waits, what is counted, what is written, what is dropped and said to be, and what is forgotten."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from trivet_kit.audit import trail as audit_trail
from trivet_kit.audit.events import AuditEvent, AuditQuery, CallFacts, Outcome, cursor_of
from trivet_kit.audit.reading import read_page
from trivet_kit.audit.trail import AuditTrail
from trivet_kit.db import Database
from trivet_kit.db.audit_events import SqlAuditEvents, audit_event_table
from trivet_kit.errors import DatabaseUnavailable, PageTokenInvalid
from trivet_kit.page_tokens import Cursor
from trivet_testing.waiting import wait_until

SCHEMA = "kit_test"
DAY_MILLIS = 24 * 3600 * 1000
ALL = AuditQuery()

FACTS = CallFacts(
    method="/trivet.tracking.v1.TrackingService/WriteRun",
    subject="people/ann@example.org",
    authenticated=True,
    token_id="5f0c",
    workspace="team-a",
    resources=("workspaces/team-a/runs/x",),
    more_resources=0,
    outcome=Outcome.SUCCEEDED,
    code="OK",
    reason="",
    peer="10.0.0.7",
    claimed_forwarded_for="",
    user_agent="grpc-python/1.66.2",
)
DENIED = replace(FACTS, outcome=Outcome.DENIED, code="PERMISSION_DENIED", reason="PERMISSION_DENIED")
OTHER = replace(
    FACTS,
    method="/a.B/Create_Run",
    subject="x/y",
    workspace="team-b",
    resources=("workspaces/team-b/models/taxi/versions/1", 'workspaces/team-b/models/%_\\, "m"'),
)
FORGED = replace(DENIED, code="UNAUTHENTICATED", reason="CREDENTIALS_INVALID", subject="anonymous", authenticated=False)


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.millis = 400 * DAY_MILLIS

    def __call__(self) -> int:
        return self.millis


@pytest.fixture
def clock() -> Clock:
    return Clock()


def with_table(url: str) -> Database:
    database = Database(url, SCHEMA)
    with database.transaction("write") as connection:
        if not database.is_sqlite:
            connection.execute(sa.schema.CreateSchema(SCHEMA, if_not_exists=True))
        audit_event_table(SCHEMA).metadata.create_all(connection)
    return database


@pytest.fixture
def events(database_url: str) -> Iterator[SqlAuditEvents]:
    with closing(with_table(database_url)) as database:
        yield SqlAuditEvents(database)


@pytest.fixture
def sqlite_events(tmp_path: Path) -> Iterator[SqlAuditEvents]:
    with closing(with_table(f"sqlite:///{tmp_path / 'audit.db'}")) as database:
        yield SqlAuditEvents(database)


@pytest.fixture
def make_trail(clock: Clock) -> Iterator[Callable[..., AuditTrail]]:
    with ExitStack() as stack:

        def make(events: SqlAuditEvents, keep_days: int = 90) -> AuditTrail:
            trail = AuditTrail(events, timedelta(days=keep_days), clock, write_seconds=0.01)
            stack.callback(trail.close)
            return trail

        yield make


def kept(events: SqlAuditEvents) -> list[AuditEvent]:
    return events.page(ALL, None, 100_000)


class Away(SqlAuditEvents):
    """A database that can be taken away."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.failure: Exception | None = None
        self.asked = threading.Event()

    def add(self, events: list[AuditEvent]) -> None:
        self.asked.set()
        if self.failure is not None:
            raise self.failure
        super().add(events)


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Away]:
    with closing(with_table(f"sqlite:///{tmp_path / 'away.db'}")) as database:
        yield Away(database)


def test_an_event_comes_back_as_it_was_noted(
    events: SqlAuditEvents, make_trail: Callable[..., AuditTrail], clock: Clock
) -> None:
    trail = make_trail(events)
    odd = replace(FACTS, resources=("workspaces/team-a/models/Fußgänger %_\\", "x"), more_resources=7, workspace="")
    trail.note(odd, "request-1", frequent=False)
    wait_until(lambda: len(kept(events)) == 1)
    (event,) = kept(events)
    assert event == AuditEvent(event.event_id, clock.millis, clock.millis, 1, "request-1", odd)
    assert len(bytes.fromhex(event.event_id)) == 16
    events.add([event])  # sent again, because the answer was lost
    assert kept(events) == [event]


def test_frequent_calls_that_are_alike_are_one_event_a_minute(
    sqlite_events: SqlAuditEvents,
    make_trail: Callable[..., AuditTrail],
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "trivet.audit")
    trail = make_trail(sqlite_events)
    began = clock.millis
    other = replace(FACTS, resources=("workspaces/team-a/runs/y",))
    for number in range(5):
        clock.millis = began + number
        trail.note(FACTS, f"request-{number}", frequent=True)
    trail.note(other, "request-y", frequent=True)
    trail.note(replace(FACTS, method="/a.B/Create"), "request-c", frequent=False)
    wait_until(lambda: len(kept(sqlite_events)) == 1)  # the one that is not frequent
    clock.millis = began + 60_000
    wait_until(lambda: len(kept(sqlite_events)) == 2)
    clock.millis = began + 60_004
    wait_until(lambda: len(kept(sqlite_events)) == 3)
    counted = {event.facts: event for event in kept(sqlite_events)}
    event = counted[FACTS]
    assert (event.call_count, event.first_time, event.time) == (5, began, began + 4)
    assert event.request_id == "request-0"
    assert (counted[other].call_count, counted[other].request_id) == (1, "request-y")
    # The log has the first at once, and how many they were in the end.
    lines = [record.__dict__ for record in caplog.records if record.__dict__.get("event_id") == event.event_id]
    wait_until(lambda: sum(record.__dict__.get("event_id") == event.event_id for record in caplog.records) == 2)
    lines = [record.__dict__ for record in caplog.records if record.__dict__.get("event_id") == event.event_id]
    assert [line["call_count"] for line in lines] == [1, 5]
    trail.note(FACTS, "request-6", frequent=True)
    trail.close()
    assert sorted(event.call_count for event in kept(sqlite_events)) == [1, 1, 1, 5]


def test_calls_of_nobody_are_counted_whatever_they_call(
    sqlite_events: SqlAuditEvents, make_trail: Callable[..., AuditTrail]
) -> None:
    trail = make_trail(sqlite_events)
    for number in range(3):
        trail.note(FORGED, f"request-{number}", frequent=False)
        trail.note(DENIED, f"denied-{number}", frequent=False)
    trail.close()
    assert sorted((event.facts.code, event.call_count) for event in kept(sqlite_events)) == [
        *[("PERMISSION_DENIED", 1)] * 3,
        ("UNAUTHENTICATED", 3),
    ]


def test_frequent_calls_that_are_turned_away_are_counted_whatever_they_name(
    sqlite_events: SqlAuditEvents, make_trail: Callable[..., AuditTrail]
) -> None:
    trail = make_trail(sqlite_events)
    first = replace(DENIED, more_resources=2, claimed_forwarded_for="192.0.2.1", user_agent="made-up/0")
    others = [
        replace(first, subject="people/bob@example.org"),
        replace(first, method="/trivet.tracking.v1.TrackingService/StreamWrites"),
        replace(first, workspace="team-b"),
        replace(first, code="NOT_FOUND", reason="WORKSPACE_NOT_FOUND"),
        replace(first, token_id="6a1d"),
        replace(first, peer="10.0.0.8"),
    ]
    for facts in (first, *others):
        trail.note(facts, "first", frequent=True)
    for number in range(50):
        made_up = replace(
            first,
            resources=(f"workspaces/team-a/runs/{number}",),
            more_resources=number,
            claimed_forwarded_for=f"192.0.2.{number}",
            user_agent=f"made-up/{number}",
        )
        trail.note(made_up, "made-up", frequent=True)
    trail.close()
    counted = {event.facts: event.call_count for event in kept(sqlite_events)}
    assert counted == {first: 51, **dict.fromkeys(others, 1)}


def test_counts_of_who_is_turned_away_push_out_nothing_that_was_done(
    sqlite_events: SqlAuditEvents, make_trail: Callable[..., AuditTrail], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_trail, "_MAX_WAITING", 12)
    monkeypatch.setattr(audit_trail, "_MAX_WAITING_DENIALS", 6)
    monkeypatch.setattr(audit_trail, "_MAX_COUNTED_DENIALS", 3)
    trail = make_trail(sqlite_events)
    for number in range(20):
        trail.note(replace(FORGED, peer=f"192.0.2.{number}"), "forged", frequent=True)
    assert trail.dropped_count == 17
    # Nor do those who are nobody push out those who are somebody, nor an event that is there already.
    for number in range(20):
        trail.note(replace(DENIED, workspace=f"made-up-{number}"), "denied", frequent=True)
    trail.note(replace(FORGED, peer="192.0.2.0"), "forged", frequent=True)
    assert trail.dropped_count == 34
    for number in range(6):
        trail.note(replace(FACTS, resources=(f"workspaces/team-b/runs/{number}",)), "done", frequent=True)
    assert trail.dropped_count == 34
    trail.close()
    assert trail.dropped_count == 34
    codes = [event.facts.code for event in kept(sqlite_events)]
    assert [codes.count(code) for code in ("UNAUTHENTICATED", "PERMISSION_DENIED", "OK")] == [3, 3, 6]


def test_counts_that_have_ended_leave_room_for_who_is_turned_away(
    sqlite_events: SqlAuditEvents,
    make_trail: Callable[..., AuditTrail],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit_trail, "_MAX_COUNTED_DENIALS", 1)
    trail = make_trail(sqlite_events)
    for minute in range(2):
        trail.note(replace(DENIED, workspace=f"made-up-{minute}"), "denied", frequent=True)
        trail.note(FORGED, "forged", frequent=True)
        clock.millis += 60_000
        wait_until(lambda: len(kept(sqlite_events)) == 2 * (minute + 1))  # noqa: B023 - called before the next
    assert trail.dropped_count == 0


def test_events_wait_for_a_database_that_is_away(away: Away, make_trail: Callable[..., AuditTrail]) -> None:
    away.failure = DatabaseUnavailable()
    trail = make_trail(away)
    for number in range(3):
        trail.note(FACTS, f"request-{number}", frequent=False)
    assert away.asked.wait(30)
    assert kept(away) == []
    away.failure = None
    wait_until(lambda: len(kept(away)) == 3)
    assert trail.dropped_count == 0


def test_what_finds_no_room_is_counted_and_said(
    away: Away,
    make_trail: Callable[..., AuditTrail],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit_trail, "_MAX_WAITING", 8)
    monkeypatch.setattr(audit_trail, "_MAX_WAITING_DENIALS", 3)
    away.failure = DatabaseUnavailable()
    trail = make_trail(away)
    for number in range(10):
        trail.note(DENIED, f"denied-{number}", frequent=False)
    assert trail.dropped_count == 7
    for number in range(6):
        trail.note(FACTS, f"request-{number}", frequent=False)
    assert trail.dropped_count == 8
    for number in range(9):
        trail.note(replace(FACTS, token_id=str(number)), "counted", frequent=True)
    assert trail.dropped_count == 9
    wait_until(lambda: any("were not kept" in record.getMessage() for record in caplog.records))
    away.failure = None
    # A flood of those who are turned away pushes out nothing that was done.
    wait_until(lambda: len(kept(away)) == 8)
    codes = [event.facts.code for event in kept(away)]
    assert (codes.count("PERMISSION_DENIED"), codes.count("OK")) == (3, 5)


def test_events_that_cannot_be_written_hold_up_no_others(
    away: Away, make_trail: Callable[..., AuditTrail], caplog: pytest.LogCaptureFixture
) -> None:
    away.failure = ValueError("a fault of ours")
    trail = make_trail(away)
    trail.note(FACTS, "lost", frequent=False)
    wait_until(lambda: trail.dropped_count == 1)
    away.failure = None
    trail.note(FACTS, "kept", frequent=False)
    wait_until(lambda: [event.request_id for event in kept(away)] == ["kept"])
    assert any("cannot be written" in record.getMessage() for record in caplog.records)


def test_a_trail_that_ends_beside_a_database_that_is_away_says_what_is_lost(
    away: Away, make_trail: Callable[..., AuditTrail], caplog: pytest.LogCaptureFixture
) -> None:
    away.failure = DatabaseUnavailable()
    trail = make_trail(away)
    trail.note(FACTS, "lost", frequent=True)
    trail.close()
    assert trail.dropped_count == 1
    assert any("of 1 calls were not kept" in record.getMessage() for record in caplog.records)


def test_old_events_are_removed(events: SqlAuditEvents, make_trail: Callable[..., AuditTrail], clock: Clock) -> None:
    def event(number: int, age_days: float) -> AuditEvent:
        time = clock.millis - int(age_days * DAY_MILLIS)
        return AuditEvent(f"{number:032x}", time, time, 1, "old", FACTS)

    young = [event(number, 6.9) for number in range(3)]
    events.add([*young, *(event(100 + number, 7.1 + number) for number in range(1200))])
    make_trail(events, keep_days=7)
    wait_until(lambda: len(kept(events)) == 3)
    assert sorted(each.event_id for each in kept(events)) == [each.event_id for each in young]


def test_a_secret_that_a_caller_put_somewhere_is_in_no_event(
    sqlite_events: SqlAuditEvents, make_trail: Callable[..., AuditTrail]
) -> None:
    token = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2ln"
    trail = make_trail(sqlite_events)
    trail.note(
        replace(
            FACTS,
            resources=(f"workspaces/team-a/models/{token}",),
            workspace=token,
            user_agent=f"curl Bearer {token}",
            claimed_forwarded_for=token,
        ),
        token,
        frequent=False,
    )
    trail.close()
    (event,) = kept(sqlite_events)
    assert "eyJ" not in repr(event)


def test_questions_are_answered_from_several_databases_as_from_one(
    tmp_path: Path, make_trail: Callable[..., AuditTrail], clock: Clock
) -> None:
    with ExitStack() as stack:
        parts = [
            SqlAuditEvents(stack.enter_context(closing(with_table(f"sqlite:///{tmp_path / name}.db"))))
            for name in ("a", "b", "c")
        ]
        trails = [make_trail(part) for part in parts]
        for number in range(20):
            clock.millis += number % 3  # some at the same time
            facts = [FACTS, DENIED, OTHER]
            trails[number % len(trails)].note(facts[number % 7 % 3], f"request-{number}", frequent=False)
        for trail in trails:
            trail.close()
        everything = sorted(
            (event for part in parts for event in kept(part)), key=lambda event: (event.time, event.event_id)
        )[::-1]
        assert len(everything) == 20

        def ask(query: AuditQuery, size: int) -> list[AuditEvent]:
            found: list[AuditEvent] = []
            page = read_page(trails, query, None, size)
            found += page.events
            while page.next_cursor is not None:
                assert len(page.events) == size
                page = read_page(trails, query, page.next_cursor, size)
                found += page.events
            return found

        for size in (1, 3, 20, 100):
            assert ask(ALL, size) == everything
        middle = everything[10].time
        for query, passes in (
            (AuditQuery(workspace="team-b"), lambda event: event.facts.workspace == "team-b"),
            (AuditQuery(subject="x/y"), lambda event: event.facts.subject == "x/y"),
            (AuditQuery(method="Create_Run"), lambda event: event.facts.method == "/a.B/Create_Run"),
            (AuditQuery(method="/a.B/Create_Run"), lambda event: event.facts.method == "/a.B/Create_Run"),
            (AuditQuery(method="CreateXRun"), lambda _: False),
            (AuditQuery(method="Create%"), lambda _: False),
            (AuditQuery(outcome=Outcome.DENIED), lambda event: event.facts.outcome == Outcome.DENIED),
            (AuditQuery(start_time=middle), lambda event: event.time >= middle),
            (AuditQuery(end_time=middle), lambda event: event.time < middle),
            (AuditQuery(resource="workspaces/team-a/runs/x"), lambda event: event.facts != OTHER),
            (AuditQuery(resource="workspaces/team-b/models/taxi"), lambda event: event.facts == OTHER),
            (AuditQuery(resource=OTHER.resources[0]), lambda event: event.facts == OTHER),
            (AuditQuery(resource=OTHER.resources[1]), lambda event: event.facts == OTHER),
            (AuditQuery(resource="workspaces/team-b/models/tax"), lambda _: False),
            (AuditQuery(resource="workspaces/team-a/runs/X"), lambda _: False),
            (AuditQuery(resource="workspaces/team-_/runs/x"), lambda _: False),
            (AuditQuery(resource='m"'), lambda _: False),
            (
                AuditQuery(workspace="team-a", outcome=Outcome.SUCCEEDED, start_time=middle),
                lambda event: event.time >= middle and event.facts == FACTS,
            ),
        ):
            assert ask(query, 4) == [event for event in everything if passes(event)]
        cursors: list[Cursor] = [["x", "y"], [1], cursor_of(everything[0])[::-1]]
        for cursor in cursors:
            with pytest.raises(PageTokenInvalid):
                read_page(trails, ALL, cursor, 10)
