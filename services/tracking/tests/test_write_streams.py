from __future__ import annotations

import queue
from collections.abc import Iterator

import grpc
import pytest

from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_testing.errors import error_of
from trivet_testing.records import create_run, metric, read_history
from trivet_testing.tracking import Tracking

MESSAGES = 1200


@pytest.fixture
def run(tracking: Tracking) -> str:
    """The name of a fresh run."""
    return create_run(tracking).name


def message(run: str, sequence: int, writer: int = 5, **fields: object) -> pb.StreamWritesRequest:
    """A point of step `sequence`."""
    points = metric("a", (sequence, 1, float(sequence)))
    write = pb.WriteRunRequest(run=run, writer_id=writer, sequence=sequence, metrics=points, **fields)  # type: ignore[arg-type] # fields of the message
    return pb.StreamWritesRequest(write=write)


def test_a_flood_is_acknowledged_in_order_and_cumulatively(tracking: Tracking, run: str) -> None:
    messages = [message(run, sequence) for sequence in range(1, MESSAGES + 1)]
    counts = [answer.acknowledged_count for answer in tracking.stub.StreamWrites(iter(messages), timeout=60)]
    assert counts == sorted(set(counts))
    assert counts[-1] == MESSAGES
    assert [step for step, _, _ in read_history(tracking, run, "a")] == list(range(1, MESSAGES + 1))


def test_what_is_acknowledged_is_seen_while_the_stream_is_open(tracking: Tracking, run: str) -> None:
    messages: queue.Queue[pb.StreamWritesRequest | None] = queue.Queue()
    answers = tracking.stub.StreamWrites(iter(messages.get, None), timeout=60)
    for sequence in range(1, 4):
        messages.put(message(run, sequence))
        assert next(answers).acknowledged_count == sequence
        assert len(read_history(tracking, run, "a")) == sequence
    messages.put(None)
    assert list(answers) == []


def test_resends_and_refused_records_are_told_of(tracking: Tracking, run: str) -> None:
    messages = [
        message(run, 1),
        message(run, 1),
        message(run, 2, params=[pb.Param(key="", value="1"), pb.Param(key="p", value="1")]),
        message(run, 3),
    ]
    answers = [
        answer for response in tracking.stub.StreamWrites(iter(messages), timeout=60) for answer in response.answers
    ]
    assert [(answer.index, answer.response.resend, answer.response.refused_count) for answer in answers] == [
        (1, True, 0),
        (2, False, 1),
    ]
    assert answers[1].response.refused[0].index == 0


def test_the_first_message_that_fails_ends_the_stream_after_what_came_before(tracking: Tracking, run: str) -> None:
    counts: list[int] = []

    def send(messages: list[pb.StreamWritesRequest]) -> None:
        for answer in tracking.stub.StreamWrites(iter(messages), timeout=60):
            counts.append(answer.acknowledged_count)  # noqa: PERF401 - those before the failure count

    failure = error_of(lambda: send([message(run, 1), message(run, 2), message(run, 4), message(run, 3)]))
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "SEQUENCE_GAP")
    assert failure.metadata["expectedSequence"] == "3"
    assert counts[-1] == 2
    # All of it again, and the missing one: nothing is there twice.
    send([message(run, sequence) for sequence in range(1, 5)])
    assert counts[-1] == 4
    assert [step for step, _, _ in read_history(tracking, run, "a")] == [1, 2, 3, 4]


def test_messages_that_cannot_be_streamed_are_refused(tracking: Tracking, run: str) -> None:
    def failure_of(*messages: pb.StreamWritesRequest) -> tuple[str, tuple[str, ...]]:
        failure = error_of(lambda: list(tracking.stub.StreamWrites(iter(messages), timeout=60)))
        return failure.reason, failure.fields

    assert failure_of(message(run, 0, writer=0)) == ("FIELD_REQUIRED", ("write.writer_id",))
    assert failure_of(pb.StreamWritesRequest()) == ("FIELD_REQUIRED", ("write",))
    elsewhere = message("workspaces/default/runs/missing", 1)
    assert failure_of(message(run, 1), elsewhere)[0] == "WORKSPACES_MIXED"
    assert failure_of(message(tracking.run_name("missing"), 1))[0] == "RUN_NOT_FOUND"


def test_a_sender_that_goes_away_disturbs_nobody(tracking: Tracking, run: str) -> None:
    def endless() -> Iterator[pb.StreamWritesRequest]:
        sequence = 0
        while True:
            sequence += 1
            yield message(run, sequence)

    answers = tracking.stub.StreamWrites(endless(), timeout=60)
    acknowledged = next(answers).acknowledged_count
    answers.cancel()
    stored = [step for step, _, _ in read_history(tracking, run, "a")]
    assert len(stored) >= acknowledged
    assert stored == list(range(1, len(stored) + 1))
    answer = tracking.stub.WriteRun(message(run, 1).write)
    assert answer.resend
