"""Generated writes, sent to a real server and to the model: every answer and all that can be read afterwards agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

import hypothesis
import pytest
from hypothesis import Phase
from hypothesis import strategies as st

from trivet_kit.errors import CallerError
from trivet_kit.timestamps import now_millis
from trivet_proto.tracking.v1 import metric_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.rewrite_pb2 import DeleteMetricsRequest, ForkRunRequest, RewindRunRequest
from trivet_testing.records import create_run
from trivet_testing.tracking import Tracking, full
from trivet_testing.tracking_model import (
    NO_CONTEXT,
    Answer,
    Context,
    RunModel,
    answer_of,
    assert_run_is,
    comparable,
    context_message,
    write,
)
from trivet_tracking.convert_writes import from_outcome, to_run_write
from trivet_tracking.domain.writes import RunWrite
from trivet_tracking.server import open_database
from trivet_tracking.store import chunks
from trivet_tracking.store.folding import Folding
from trivet_tracking.store.writes import SqlWrites

T = TypeVar("T")

WRITERS = (0, 1, 2**63, 2**64 - 1)
KEYS = st.sampled_from(["loss", "NULL", "Ä/µ", '"\\,{} '])
TEXTS = st.sampled_from(["", "1", "2", "zwei\nZeilen"])
BAD_KEYS = st.sampled_from(["a\nb", "\0", "k" * 251])
SMALL_STEPS = st.integers(-2, 2)
STEPS = st.one_of(SMALL_STEPS, st.sampled_from([-(2**63), 2**63 - 1]))
TIMES = st.one_of(st.integers(0, 2), st.sampled_from([1_700_000_000_000, 2**63 - 1]))
# Half of the values are special ones: that is where two points are one, and where databases differ.
SPECIAL = [float("nan"), -float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 5e-324, 1e308, -1e308, 1.0]
VALUES = st.one_of(st.sampled_from(SPECIAL), st.floats())
CONTEXTS = st.sampled_from(
    [
        NO_CONTEXT,
        Context(rank=0),
        Context(rank=1),
        Context(model_id="m"),
        Context(rank=0, model_id="m"),
        Context(dataset_name="d"),
        Context(dataset_name="d", dataset_digest="1f"),
    ]
)
RANGES = st.lists(st.tuples(st.none() | STEPS, st.none() | STEPS), max_size=2)


def rarely(bad: st.SearchStrategy[T], good: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    return st.integers(0, 14).flatmap(lambda die: bad if die == 14 else good)


@dataclass(frozen=True)
class Piece:
    key: str
    context: Context
    points: Sequence[tuple[int, int, float]]


PIECES = st.builds(
    Piece,
    rarely(BAD_KEYS, KEYS),
    CONTEXTS,
    st.lists(st.tuples(STEPS, rarely(st.just(-1), TIMES), VALUES), max_size=5),
)


def columns_of(pieces: Sequence[Piece], *, short: bool) -> metric_pb2.MetricColumns:
    """The columns of pieces; `short` leaves out what the contract lets a client leave out."""
    points = [point for piece in pieces for point in piece.points]
    contexts = list(dict.fromkeys(piece.context for piece in pieces))
    columns = metric_pb2.MetricColumns(
        keys=[piece.key for piece in pieces],
        counts=[len(piece.points) for piece in pieces],
        steps=[step for step, _, _ in points],
        times_millis=[time for _, time, _ in points] or [0],
        values=[value for _, _, value in points],
        contexts=[context_message(context) for context in contexts],
        context_index=[1 + contexts.index(piece.context) for piece in pieces],
    )
    if not short:
        return columns
    if set(columns.counts) == {1}:
        del columns.counts[:]
    if set(columns.steps) == {0}:
        del columns.steps[:]
    if len(set(columns.times_millis)) == 1:
        del columns.times_millis[1:]
    if contexts == [NO_CONTEXT]:
        del columns.contexts[:]
        del columns.context_index[:]
    return columns


def break_columns(columns: metric_pb2.MetricColumns, place: str) -> None:
    """Makes columns that do not fit together any more."""
    {
        "counts": lambda: columns.counts.extend([1] * (1 + len(columns.keys))),
        "steps": lambda: columns.steps.extend([0] * (1 + len(columns.values))),
        "times": lambda: columns.times_millis.extend([0] * (2 + len(columns.values))),
        "values": lambda: columns.values.append(1.0),
        "context_index": lambda: columns.context_index.append(1 + len(columns.contexts)),
    }[place]()


@dataclass(frozen=True)
class Content:
    """What a message says, without who says it."""

    pieces: Sequence[Piece]
    short: bool
    broken: str | None
    params: Sequence[tuple[str, str]]
    tags: Sequence[tuple[str, str]]
    deleted_tags: Sequence[str]
    atomic: bool

    def request(self, run: str, writer_id: int, sequence: int) -> pb.WriteRunRequest:
        request = pb.WriteRunRequest(
            run=run,
            writer_id=writer_id,
            sequence=sequence,
            params=[pb.Param(key=key, value=value) for key, value in self.params],
            tags=[pb.Tag(key=key, value=value) for key, value in self.tags],
            deleted_tags=self.deleted_tags,
            atomic=self.atomic,
        )
        if self.pieces:
            request.metrics.CopyFrom(columns_of(self.pieces, short=self.short))
            if self.broken:
                break_columns(request.metrics, self.broken)
        return request


def entries(bad_value: str) -> st.SearchStrategy[list[tuple[str, str]]]:
    value = rarely(st.sampled_from(["a\0b", bad_value]), TEXTS)
    return st.lists(st.tuples(rarely(BAD_KEYS, KEYS), value), max_size=3)


CONTENTS = st.builds(
    Content,
    pieces=st.lists(PIECES, max_size=4),
    short=st.booleans(),
    broken=rarely(st.sampled_from(["counts", "steps", "times", "values", "context_index"]), st.none()),
    params=entries("v" * (16 * 1024 + 1)),
    tags=entries("ü" * (32 * 1024 + 1)),
    deleted_tags=st.lists(rarely(BAD_KEYS, KEYS), max_size=2),
    atomic=st.booleans(),
)


@dataclass(frozen=True)
class Send:
    """The next message of a writer, or one `skipped` further on; writer 0 is none and must not skip."""

    writer: int
    content: Content
    skipped: int


@dataclass(frozen=True)
class Resend:
    """A message that was accepted from a writer before, once more."""

    place: int


@dataclass(frozen=True)
class Misnumber:
    """A sequence that no writer may have."""

    sequence: int
    content: Content


@dataclass(frozen=True)
class Fold:
    """All that was written so far is folded into chunks of so many points."""

    chunk_points: int


@dataclass(frozen=True)
class Late:
    """The next message of a writer that was ended by a rewind."""

    content: Content


@dataclass(frozen=True)
class Delete:
    """Series that are removed."""

    keys: Sequence[str]
    context: Context | None


@dataclass(frozen=True)
class Rewind:
    """The run is taken back to a step."""

    step: int


@dataclass(frozen=True)
class Fork:
    """The run is forked at a step; what follows is done to the fork, or to the run that was forked."""

    step: int
    goes_on_in_fork: bool


SENDS = st.builds(Send, st.integers(0, len(WRITERS) - 1), CONTENTS, rarely(st.integers(1, 3), st.just(0)))
OPERATIONS = st.lists(
    st.one_of(
        SENDS,
        SENDS,
        SENDS,
        st.builds(Resend, st.integers(0, 99)),
        st.builds(Misnumber, st.sampled_from([0, 2**63, 2**64 - 1]), CONTENTS),
        st.builds(Fold, st.integers(1, 4)),
    ),
    max_size=10,
)


CHANGES = st.lists(
    st.one_of(
        SENDS,
        SENDS,
        SENDS,
        st.builds(Resend, st.integers(0, 99)),
        st.builds(Late, CONTENTS),
        st.builds(Fold, st.integers(1, 4)),
        st.builds(Delete, st.lists(KEYS, min_size=1, max_size=2), st.none() | CONTEXTS),
        st.builds(Rewind, STEPS),
        st.builds(Fork, STEPS, st.booleans()),
    ),
    max_size=12,
)


class Sender:
    """Turns operations into messages for one run; what the model accepts counts as sent."""

    def __init__(self, run: str, model: RunModel | None = None) -> None:
        self.model = RunModel() if model is None else model
        self.run = run
        self._accepted: list[pb.WriteRunRequest] = []

    def message(self, operation: Send | Resend | Misnumber | Late) -> tuple[pb.WriteRunRequest, Answer] | None:
        """The next message and what the model answers it; None where there is nothing to resend, or no ended writer."""
        match operation:
            case Send(writer, content, skipped):
                writer_id = WRITERS[writer]
                while writer_id in self.model.ended_writers:
                    writer_id = (writer_id + 1) % 2**64
                sequence = 1 + self.model.writers.get(writer_id, 0) + skipped if writer else skipped
                request = content.request(self.run, writer_id, sequence)
            case Misnumber(sequence, content):
                request = content.request(self.run, WRITERS[1], sequence)
            case Late(content):
                if not self.model.ended_writers:
                    return None
                writer_id = max(self.model.ended_writers)
                request = content.request(self.run, writer_id, 1 + self.model.writers[writer_id])
            case Resend(place):
                if not self._accepted:
                    return None
                request = self._accepted[place % len(self._accepted)]
        answer = self.model.write(request)
        if request.writer_id and not answer.failure:
            self._accepted.append(request)
        return request, answer


def for_all(seed: int, examples: int, *given: st.SearchStrategy[object]) -> Callable[[Callable[..., None]], None]:
    """Runs a function for generated arguments, the same ones for the same seed; a failure is shrunk and printed."""

    def run(check: Callable[..., None]) -> None:
        settings = hypothesis.settings(
            max_examples=examples,
            deadline=None,
            database=None,
            print_blob=True,
            # The phase `explain` repeats a failure for minutes against a real server.
            phases=[Phase.generate, Phase.shrink],
        )
        hypothesis.seed(seed)(settings(hypothesis.given(*given)(check)))()

    return run


def fold_all(folding: Folding, chunk_points: int) -> None:
    """Folds every log. Small chunks, so that few points are many of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "CHUNK_POINTS", chunk_points)
        for run_pk in folding.due(age_millis=-1000):
            folding.fold(run_pk)


@pytest.fixture
def folding(server_database_url: str) -> Iterator[Folding]:
    """A folder at the side of the server's own."""
    with closing(open_database(server_database_url)) as database:
        yield Folding(database, now_millis)


def test_what_is_written_is_what_the_model_says(tracking: Tracking, folding: Folding, seed: int) -> None:
    @for_all(seed, full(60, 3000), OPERATIONS, RANGES)
    def check(operations: list[Send | Resend | Misnumber | Fold], ranges: list[tuple[int | None, int | None]]) -> None:
        run = create_run(tracking).name
        sender = Sender(run)
        for operation in operations:
            if isinstance(operation, Fold):
                fold_all(folding, operation.chunk_points)
            elif message := sender.message(operation):
                request, expected = message
                assert write(tracking.stub, request) == expected
        assert_run_is(tracking.stub, run, sender.model, [(None, None), *ranges])


def change(tracking: Tracking, sender: Sender, operation: Delete | Rewind | Fork) -> Sender:
    """Does it to the run and to its model; returns who sends what follows."""
    match operation:
        case Delete(keys, context):
            request = DeleteMetricsRequest(run=sender.run, keys=keys)
            if context is not None:
                request.context.CopyFrom(context_message(context))
            answer = tracking.stub.DeleteMetrics(request)
            assert (answer.deleted_series, answer.deleted_points) == sender.model.delete(keys, context)
        case Rewind(step):
            tracking.stub.RewindRun(RewindRunRequest(name=sender.run, step=step))
            sender.model.rewind(step)
        case Fork(step, goes_on_in_fork):
            fork = tracking.stub.ForkRun(ForkRunRequest(name=sender.run, step=step))
            forked = Sender(fork.name, sender.model.fork(step))
            other = sender if goes_on_in_fork else forked
            assert_run_is(tracking.stub, other.run, other.model)
            return forked if goes_on_in_fork else sender
    return sender


def test_series_deleted_and_runs_rewound_and_forked_are_what_the_model_says(
    tracking: Tracking, folding: Folding, seed: int
) -> None:
    @for_all(seed, full(40, 3000), CHANGES)
    def check(operations: list[Send | Resend | Late | Fold | Delete | Rewind | Fork]) -> None:
        sender = Sender(create_run(tracking).name)
        for operation in operations:
            match operation:
                case Fold(chunk_points):
                    fold_all(folding, chunk_points)
                case Delete() | Rewind() | Fork():
                    sender = change(tracking, sender, operation)
                    # At once, to see what a later change would repair.
                    assert_run_is(tracking.stub, sender.run, sender.model)
                case Send() | Resend() | Late():
                    if message := sender.message(operation):
                        request, expected = message
                        assert write(tracking.stub, request) == expected
        fold_all(folding, 3)
        assert_run_is(tracking.stub, sender.run, sender.model)


@dataclass(frozen=True)
class Delivery:
    """A way for points to come: in which order, cut into messages where, which of them twice."""

    order: Sequence[int]
    cuts: Sequence[bool]
    twice: Sequence[bool]

    def messages(self, pieces: Sequence[Piece]) -> list[list[Piece]]:
        messages: list[list[Piece]] = [[]]
        for place in self.order:
            messages[-1] += [pieces[place]] * (2 if self.twice[place] else 1)
            if self.cuts[place]:
                messages.append([])
        return [message for message in messages if message]


def deliveries(n_points: int) -> st.SearchStrategy[Delivery]:
    flags = st.lists(st.booleans(), min_size=n_points, max_size=n_points)
    return st.builds(Delivery, st.permutations(range(n_points)), flags, flags)


SINGLE_POINTS = st.builds(Piece, KEYS, CONTEXTS, st.tuples(st.tuples(SMALL_STEPS, st.integers(0, 1), VALUES)))
DELIVERED = st.lists(SINGLE_POINTS, min_size=1, max_size=30).flatmap(
    lambda pieces: st.tuples(st.just(pieces), st.tuples(deliveries(len(pieces)), deliveries(len(pieces))))
)


def test_arrival_order_never_matters(tracking: Tracking, folding: Folding, seed: int) -> None:
    """Nor does it matter what is folded in between."""

    @for_all(seed, full(25, 2000), DELIVERED)
    def check(delivered: tuple[list[Piece], tuple[Delivery, Delivery]]) -> None:
        pieces, ways = delivered
        model = RunModel()
        for piece in pieces:
            step, time, value = piece.points[0]
            model.series.setdefault((piece.key, piece.context), set()).add((step, time, comparable(value)))
        for way in ways:
            run = create_run(tracking).name
            for number, message in enumerate(way.messages(pieces)):
                tracking.stub.WriteRun(pb.WriteRunRequest(run=run, metrics=columns_of(message, short=True)))
                if number % 5 == 4:
                    fold_all(folding, chunk_points=1 + number % 3)
            assert_run_is(tracking.stub, run, model)


def answers(writes: SqlWrites, requests: Sequence[pb.WriteRunRequest]) -> list[Answer]:
    """What a group of requests is answered; they are checked as the servicer checks them before it submits them."""
    checked: list[RunWrite | CallerError] = []
    for request in requests:
        try:
            checked.append(to_run_write(request, now_millis=0))
        except CallerError as error:
            checked.append(error)
    outcomes = iter(writes.apply([write for write in checked if isinstance(write, RunWrite)]))
    found = []
    for write_or_error in checked:
        outcome = next(outcomes) if isinstance(write_or_error, RunWrite) else write_or_error
        if isinstance(outcome, CallerError):
            expected = int(outcome.metadata.get("expectedSequence", "0"))
            found.append(Answer(outcome.reason, expected_sequence=expected))
        else:
            found.append(answer_of(from_outcome(outcome)))
    return found


def test_writes_committed_in_groups_do_what_they_do_alone(
    tracking: Tracking, server_database_url: str, seed: int, request: pytest.FixtureRequest
) -> None:
    database = open_database(server_database_url)
    request.addfinalizer(database.close)
    writes = SqlWrites(database)

    @for_all(seed, full(30, 2000), st.lists(st.tuples(st.integers(0, 1), SENDS, st.booleans()), max_size=12))
    def check(sends: list[tuple[int, Send, bool]]) -> None:
        runs = [create_run(tracking).name for _ in range(2)]
        senders = [Sender(run) for run in runs]
        groups: list[list[tuple[pb.WriteRunRequest, Answer]]] = [[]]
        for number, send, last_of_group in sends:
            message = senders[number].message(send)
            assert message is not None
            groups[-1].append(message)
            if last_of_group:
                groups.append([])
        for group in groups:
            assert answers(writes, [message for message, _ in group]) == [expected for _, expected in group]
        for run, sender in zip(runs, senders, strict=True):
            assert_run_is(tracking.stub, run, sender.model)
