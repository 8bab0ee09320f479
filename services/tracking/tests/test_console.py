"""What processes wrote to their consoles is stored in order, once, and read by pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial

import grpc
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from trivet_kit.db import Database
from trivet_proto.tracking.v1 import console_pb2
from trivet_proto.tracking.v1 import rewrite_pb2 as rewrites
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.console_pb2 import (
    CONSOLE_STREAM_STDERR,
    CONSOLE_STREAM_STDOUT,
    ConsoleLine,
    ListConsoleLinesRequest,
)
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.errors import error_of, failure_in
from trivet_testing.records import create_run, get_run, id_of, write
from trivet_testing.tracking import Tracking, full, start_server
from trivet_testing.workspaces import unused_workspace
from trivet_tracking.store import tables

WRITER = 7


@pytest.fixture
def run(tracking: Tracking) -> str:
    """The name of a fresh run."""
    return create_run(tracking).name


def line(text: str, **fields: object) -> ConsoleLine:
    return ConsoleLine(time_millis=1, stream=CONSOLE_STREAM_STDOUT, text=text, **fields)  # type: ignore[arg-type] # fields of ConsoleLine


def pages(tracking: Tracking, run: str, **fields: object) -> Iterator[console_pb2.ListConsoleLinesResponse]:
    request = ListConsoleLinesRequest(parent=run, **{"page_size": 1000, **fields})  # type: ignore[arg-type] # fields of the request
    while True:
        page = tracking.stub.ListConsoleLines(request)
        yield page
        request.page_token = page.next_page_token
        if not request.page_token:
            return


def lines(tracking: Tracking, run: str, **fields: object) -> list[ConsoleLine]:
    return [found for page in pages(tracking, run, **fields) for found in page.lines]


def read(tracking: Tracking, run: str, **fields: object) -> list[str]:
    return [found.text for found in lines(tracking, run, **fields)]


def test_lines_are_read_as_they_were_written(tracking: Tracking, run: str) -> None:
    written = [
        ConsoleLine(time_millis=1_700_000_000_000, stream=CONSOLE_STREAM_STDOUT, text="\x1b[32mgreen\x1b[0m\tü 🚀"),
        ConsoleLine(time_millis=0, stream=CONSOLE_STREAM_STDERR, rank=0, text="10 %", unfinished=True),
        ConsoleLine(time_millis=2**62, stream=CONSOLE_STREAM_STDERR, rank=3, text="\r20 %"),
        ConsoleLine(time_millis=1, stream=CONSOLE_STREAM_STDOUT),
    ]
    assert not write(tracking, run, console=written).refused
    found = lines(tracking, run)
    assert [each.number for each in found] == [0, 1, 2, 3]
    for each in found:
        each.ClearField("number")
    assert found == written


def test_a_run_without_lines_has_none(tracking: Tracking, run: str) -> None:
    (page,) = pages(tracking, run)
    assert page == console_pb2.ListConsoleLinesResponse()


def test_lines_of_a_missing_run_are_not_found(tracking: Tracking, run: str) -> None:
    write(tracking, run, console=[line("secret")])
    other = Tracking(tracking.stub, unused_workspace())
    for name in (tracking.run_name("missing"), other.run_name(id_of(run))):
        failure = error_of(partial(lines, tracking, name))
        assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "RUN_NOT_FOUND")


def test_a_resend_adds_nothing(tracking: Tracking, run: str) -> None:
    for sequence in (1, 2, 2, 1, 3):
        write(tracking, run, writer_id=WRITER, sequence=sequence, console=[line(f"message {sequence}")])
    assert read(tracking, run) == ["message 1", "message 2", "message 3"]


def test_a_bad_line_is_refused_alone(tracking: Tracking, run: str) -> None:
    bad = [
        line("x" * (16 * 1024 + 1)),
        line("nul \0"),
        ConsoleLine(time_millis=1, text="of no stream"),
        ConsoleLine(time_millis=1, stream=9, text="of another stream"),  # type: ignore[arg-type] # unknown on purpose
        ConsoleLine(time_millis=-1, stream=CONSOLE_STREAM_STDOUT),
        line("rank", rank=-1),
    ]
    answer = write(tracking, run, console=[line("x" * 16 * 1024), *bad, line("good")])
    assert [(record.kind, record.index, failure_in(record.status).reason) for record in answer.refused] == [
        (pb.RECORD_KIND_CONSOLE_LINE, index, reason)
        for index, reason in enumerate(
            ["FIELD_TOO_LONG", "FIELD_INVALID", "FIELD_REQUIRED", "FIELD_INVALID", "FIELD_INVALID", "FIELD_INVALID"], 1
        )
    ]
    assert read(tracking, run) == ["x" * 16 * 1024, "good"]


def test_an_atomic_message_with_a_bad_line_writes_nothing(tracking: Tracking, run: str) -> None:
    message = {"console": [line("good"), line("nul \0")], "tags": [pb.Tag(key="a", value="b")], "atomic": True}
    failure = error_of(lambda: write(tracking, run, **message))
    assert (failure.reason, failure.fields) == ("FIELD_INVALID", ("console[1].text",))
    assert lines(tracking, run) == []
    assert not get_run(tracking, run).tags


def test_too_many_lines_are_refused_whole(tracking: Tracking, run: str) -> None:
    failure = error_of(lambda: write(tracking, run, console=[line("")] * 10_001))
    assert (failure.code, failure.reason, failure.fields) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        ("console",),
    )
    assert not write(tracking, run, console=[line("")] * 10_000).refused
    assert len(lines(tracking, run)) == 10_000


@pytest.mark.parametrize("field", ["min_number", "newest", "page_size"])
def test_a_negative_number_is_refused(tracking: Tracking, run: str, field: str) -> None:
    failure = error_of(lambda: lines(tracking, run, **{field: -1}))
    assert (failure.reason, failure.fields) == ("FIELD_INVALID", (field,))


def test_a_token_of_another_request_is_refused(tracking: Tracking, run: str) -> None:
    write(tracking, run, console=[line("a"), line("b")])
    (token, _) = [page.next_page_token for page in pages(tracking, run, page_size=1)]
    failures = (
        error_of(lambda: lines(tracking, run, page_token=token, newest=1)),
        error_of(lambda: lines(tracking, run, page_token="nonsense")),
    )
    assert [failure.reason for failure in failures] == ["PAGE_TOKEN_INVALID"] * 2


def test_reading_begins_at_a_number_or_with_the_newest(tracking: Tracking, run: str) -> None:
    texts = [f"line {number}" for number in range(2500)]
    for begin in range(0, 2500, 70):
        write(tracking, run, console=[line(text) for text in texts[begin : begin + 70]])
    for begin in (0, 1, 69, 70, 999, 1000, 2001, 2499):
        assert read(tracking, run, min_number=begin) == texts[begin:]
        assert [each.number for each in lines(tracking, run, min_number=begin)][:1] == [begin]
    assert lines(tracking, run, min_number=2500) == lines(tracking, run, min_number=10**9) == []
    for newest in (1, 2, 999, 2499, 2500, 10**9):
        assert read(tracking, run, newest=newest, page_size=300) == texts[-newest:]
    (page,) = pages(tracking, run, min_number=2499)
    assert (page.end_number, page.first_number) == (2500, 0)


def test_a_reader_that_follows_sees_each_line_once(tracking: Tracking, run: str) -> None:
    seen: list[str] = []
    at = 0
    for part in (["a"], [], ["b", "c"], ["d"] * 1200):
        if part:
            write(tracking, run, console=[line(text) for text in part])
        for page in pages(tracking, run, min_number=at):
            seen += [found.text for found in page.lines]
            at = page.end_number
    assert seen == ["a", "b", "c", *["d"] * 1200]


def test_a_page_has_three_mebibytes_at_most(tracking: Tracking, run: str) -> None:
    texts = [f"{number:04d} " + "ü" * 8000 for number in range(400)]
    for begin in range(0, 400, 100):
        write(tracking, run, console=[line(text) for text in texts[begin : begin + 100]])
    found = list(pages(tracking, run))
    assert [each.text for page in found for each in page.lines] == texts
    assert len(found) > 1
    assert max(page.ByteSize() for page in found) <= 3 * 1024 * 1024 + 1000


def rows_of(database: Database, tracking: Tracking, run: str) -> list[tuple[int, int]]:
    chunk = tables.console_chunk
    with database.transaction("read") as connection:
        rows = connection.execute(
            sa.select(chunk.c.first_number, chunk.c.lines)
            .join(tables.run, tables.run.c.run_pk == chunk.c.run_pk)
            .where(tables.run.c.workspace == tracking.workspace, tables.run.c.run_id == id_of(run))
            .order_by(chunk.c.first_number)
        )
        return [(row.first_number, row.lines) for row in rows]


def test_lines_that_came_one_by_one_are_joined_to_rows_of_a_thousand(
    tracking: Tracking, run: str, database: Database
) -> None:
    texts = [str(number) for number in range(2010)]
    write(tracking, run, console=[line(text) for text in texts[:970]])
    for text in texts[970:1030]:
        write(tracking, run, console=[line(text)])
    write(tracking, run, console=[line(text) for text in texts[1030:]])
    assert rows_of(database, tracking, run) == [(0, 1000), (1000, 1000), (2000, 10)]
    assert read(tracking, run) == texts


@settings(max_examples=full(15, 300), deadline=None)
@given(
    messages=st.lists(
        st.lists(st.tuples(st.sampled_from(["", "a", "ü\r", "z" * 700]), st.booleans()), min_size=1, max_size=700),
        max_size=5,
    ),
    page_size=st.integers(1, 1000),
)
def test_any_messages_are_read_in_their_order(
    channel: grpc.Channel, messages: list[list[tuple[str, bool]]], page_size: int
) -> None:
    tracking = Tracking(TrackingServiceStub(channel), unused_workspace())
    run = create_run(tracking).name
    for message in messages:
        write(tracking, run, console=[line(text, unfinished=unfinished) for text, unfinished in message])
    expected = [entry for message in messages for entry in message]
    # Not page by page of one line: that would be as many calls.
    found = lines(tracking, run, page_size=max(page_size, len(expected) // 20))
    assert [(each.text, each.unfinished) for each in found] == expected
    assert [each.number for each in found] == list(range(len(expected)))


def test_a_rewind_leaves_the_lines_and_a_fork_has_none(tracking: Tracking, run: str) -> None:
    write(tracking, run, console=[line("kept")])
    tracking.stub.RewindRun(rewrites.RewindRunRequest(name=run, step=0))
    fork = tracking.stub.ForkRun(rewrites.ForkRunRequest(name=run, step=0))
    assert read(tracking, run) == ["kept"]
    assert read(tracking, fork.name) == []


def test_a_deleted_run_is_read_but_not_written(tracking: Tracking, run: str) -> None:
    write(tracking, run, console=[line("kept")])
    tracking.stub.DeleteRun(pb.DeleteRunRequest(name=run))
    assert error_of(lambda: write(tracking, run, console=[line("more")])).reason == "RUN_DELETED"
    assert read(tracking, run) == ["kept"]


def test_the_newest_lines_are_kept_up_to_the_limit(server_database_url: str, tracking_address: str) -> None:
    with (
        start_server(server_database_url, TRIVET_CONSOLE_BYTES="10000") as server,
        closing(grpc.insecure_channel(server.address)) as channel,
    ):
        tracking = Tracking(TrackingServiceStub(channel), unused_workspace())
        run = create_run(tracking).name
        texts = [f"{number:099d}" for number in range(1500)]
        for begin in range(0, 1500, 10):
            write(tracking, run, console=[line(text) for text in texts[begin : begin + 10]])
        found = list(pages(tracking, run))
    kept = [each for page in found for each in page.lines]
    assert 100 <= len(kept) <= 120
    assert [each.text for each in kept] == texts[-len(kept) :]
    assert [each.number for each in kept] == list(range(1500 - len(kept), 1500))
    assert (found[0].first_number, found[0].end_number) == (1500 - len(kept), 1500)
