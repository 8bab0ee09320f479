from __future__ import annotations

import math
import time

import grpc
import pytest

from trivet_proto.tracking.v1 import run_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns, MetricContext
from trivet_testing.errors import CallFailure, error_of, failure_in
from trivet_testing.records import (
    create_run,
    get_run,
    list_metrics,
    metric,
    read_history,
    snapshot,
    write,
)
from trivet_testing.tracking import Tracking

WRITER = 0xFEDC_BA98_7654_3210
"""Above 2^63: a fixed64 has no sign."""


@pytest.fixture
def run(tracking: Tracking) -> str:
    """The name of a fresh run."""
    return create_run(tracking).name


def param(key: str, value: str) -> pb.Param:
    return pb.Param(key=key, value=value)


def tag(key: str, value: str) -> pb.Tag:
    return pb.Tag(key=key, value=value)


def refusals(response: pb.WriteRunResponse) -> list[tuple[str, int, str]]:
    """Kind, index and reason of each refused record, in order."""
    found = []
    for record in response.refused:
        failure: CallFailure = failure_in(record.status)
        found.append((pb.RecordKind.Name(record.kind).removeprefix("RECORD_KIND_"), record.index, failure.reason))
    return found


def test_a_write_is_there_when_it_returns(tracking: Tracking, run: str) -> None:
    response = write(
        tracking, run, metrics=metric("loss", (1, 1000, 0.5)), params=[param("lr", "0.1")], tags=[tag("team", "a")]
    )
    assert response == pb.WriteRunResponse()
    now = get_run(tracking, run)
    assert dict(now.params) == {"lr": "0.1"}
    assert dict(now.tags) == {"team": "a"}
    assert [(m.key, m.value, m.step, m.time_millis) for m in now.metrics] == [("loss", 0.5, 1, 1000)]
    assert read_history(tracking, run, "loss") == [(1, 1000, 0.5)]


def test_columns_are_cut_by_their_counts(tracking: Tracking, run: str) -> None:
    columns = MetricColumns(
        keys=["loss", "acc"],
        counts=[2, 1],
        steps=[1, 2, 2],
        times_millis=[1700000000000],
        values=[0.9, 0.7, 0.5],
    )
    write(tracking, run, metrics=columns)
    assert read_history(tracking, run, "loss") == [(1, 1700000000000, 0.9), (2, 1700000000000, 0.7)]
    assert read_history(tracking, run, "acc") == [(2, 1700000000000, 0.5)]


def test_without_counts_each_key_has_one_point_of_step_0(tracking: Tracking, run: str) -> None:
    write(tracking, run, metrics=MetricColumns(keys=["a", "b", "a"], values=[1, 2, 3], times_millis=[7, 8, 9]))
    assert read_history(tracking, run, "a") == [(0, 7, 1.0), (0, 9, 3.0)]
    assert read_history(tracking, run, "b") == [(0, 8, 2.0)]


def test_a_piece_may_have_no_points(tracking: Tracking, run: str) -> None:
    columns = MetricColumns(keys=["a", "none", "b"], counts=[1, 0, 1], values=[1, 2], times_millis=[0])
    assert not write(tracking, run, metrics=columns).refused
    assert [found.key for found in list_metrics(tracking, run)] == ["a", "b"]


def test_points_without_a_time_have_that_of_their_arrival(tracking: Tracking, run: str) -> None:
    before = time.time_ns() // 1_000_000
    write(tracking, run, metrics=MetricColumns(keys=["a"], counts=[2], steps=[1, 2], values=[1, 2]))
    after = time.time_ns() // 1_000_000
    times = [point[1] for point in read_history(tracking, run, "a")]
    assert len(times) == 2
    assert times[0] == times[1]
    assert before <= times[0] <= after


def test_steps_and_times_have_64_bits(tracking: Tracking, run: str) -> None:
    points = [(-(2**63), 0, 1.0), (-1, 2**63 - 1, 2.0), (2**63 - 1, 2**63 - 1, 3.0)]
    write(tracking, run, metrics=metric("a", *points))
    assert read_history(tracking, run, "a") == points
    assert [(m.step, m.time_millis, m.value) for m in list_metrics(tracking, run)] == [points[-1]]


@pytest.mark.parametrize(
    "value", [math.inf, -math.inf, math.nan, 5e-324, -1.7976931348623157e308, 0.1 + 0.2, 2**53 + 1.0], ids=str
)
def test_values_are_kept_bit_by_bit(tracking: Tracking, run: str, value: float) -> None:
    write(tracking, run, metrics=metric("a", (1, 2, value)))
    assert read_history(tracking, run, "a") == [(1, 2, value)]
    current = get_run(tracking, run).metrics[0]
    assert [repr(current.value), repr(current.min), repr(current.max)] == [repr(float(value))] * 3


def test_negative_zero_is_zero(tracking: Tracking, run: str) -> None:
    write(tracking, run, metrics=metric("a", (1, 2, -0.0), (1, 2, 0.0)))
    assert [repr(value) for _, _, value in read_history(tracking, run, "a")] == ["0.0"]
    assert repr(get_run(tracking, run).metrics[0].value) == "0.0"


def test_writing_the_same_again_changes_nothing(tracking: Tracking, run: str) -> None:
    def again() -> pb.WriteRunResponse:
        return write(
            tracking,
            run,
            metrics=metric("a", (1, 2, math.nan), (1, 2, 3.0), (1, 2, 3.0)),
            params=[param("p", "1"), param("p", "1")],
            tags=[tag("t", "1")],
        )

    again()
    before = snapshot(tracking)
    assert again() == pb.WriteRunResponse()
    assert snapshot(tracking) == before
    assert read_history(tracking, run, "a") == [(1, 2, math.nan), (1, 2, 3.0)]


def test_the_last_of_a_tag_counts(tracking: Tracking, run: str) -> None:
    write(tracking, run, tags=[tag("a", "1"), tag("b", "1"), tag("a", "2")])
    write(tracking, run, tags=[tag("b", "2")])
    assert dict(get_run(tracking, run).tags) == {"a": "2", "b": "2"}


def test_tags_are_removed_before_others_are_set(tracking: Tracking, run: str) -> None:
    write(tracking, run, tags=[tag("gone", "1"), tag("back", "1"), tag("kept", "1")])
    write(tracking, run, tags=[tag("back", "2")], deleted_tags=["gone", "back", "never", "gone"])
    assert dict(get_run(tracking, run).tags) == {"back": "2", "kept": "1"}


def test_a_tag_that_is_not_there_can_be_removed_atomically(tracking: Tracking, run: str) -> None:
    assert write(tracking, run, deleted_tags=["never"], atomic=True) == pb.WriteRunResponse()


def test_a_finished_run_may_be_written(tracking: Tracking) -> None:
    run = create_run(tracking, status=run_pb2.RUN_STATUS_FINISHED)
    write(tracking, run.name, metrics=metric("a", (1, 2, 3.0)), params=[param("p", "1")])
    assert read_history(tracking, run.name, "a") == [(1, 2, 3.0)]


def test_an_empty_write_changes_nothing(tracking: Tracking, run: str) -> None:
    before = snapshot(tracking)
    assert write(tracking, run) == pb.WriteRunResponse()
    assert write(tracking, run, writer_id=WRITER, sequence=1).sequence == 1
    assert snapshot(tracking) == before


def test_an_empty_param_is_a_value_of_its_own(tracking: Tracking, run: str) -> None:
    write(tracking, run, params=[param("a", "")])
    assert refusals(write(tracking, run, params=[param("a", "1")])) == [("PARAM", 0, "PARAM_CHANGED")]
    assert dict(get_run(tracking, run).params) == {"a": ""}


def test_a_write_of_many_records_is_taken_as_a_whole(tracking: Tracking, run: str) -> None:
    count = 2000
    params = [param(f"param {number}", "x") for number in range(count)]
    tags = [tag(f"tag {number}", "x") for number in range(count)]
    keys = [f"metric {number}" for number in range(count)]
    columns = MetricColumns(keys=keys, values=[1.0] * count, times_millis=[0])
    assert not write(tracking, run, metrics=columns, params=params, tags=tags, atomic=True).refused
    assert not write(tracking, run, deleted_tags=[record.key for record in tags], atomic=True).refused
    now = get_run(tracking, run)
    assert (len(now.params), len(now.tags), len(now.metrics)) == (count, 0, count)


def test_contexts_of_the_greatest_lengths_are_kept(tracking: Tracking, run: str) -> None:
    context = MetricContext(rank=2**31 - 1, model_id="🧠" * 250, dataset_name="🗃" * 500, dataset_digest="📦" * 64)
    write(tracking, run, metrics=metric("🔑" * 250, (1, 2, 3.0), context=context))
    assert [m.context for m in list_metrics(tracking, run) if m.HasField("context")] == [context]
    assert read_history(tracking, run, "🔑" * 250, context=context) == [(1, 2, 3.0)]


# Writers and sequences


def test_a_sequence_is_applied_once(tracking: Tracking, run: str) -> None:
    first = write(tracking, run, writer_id=WRITER, sequence=1, tags=[tag("a", "first")])
    assert first == pb.WriteRunResponse(sequence=1)
    write(tracking, run, tags=[tag("a", "other")])
    again = write(tracking, run, writer_id=WRITER, sequence=1, tags=[tag("a", "first")])
    assert again == pb.WriteRunResponse(sequence=1, resend=True)
    assert dict(get_run(tracking, run).tags) == {"a": "other"}


def test_an_older_resend_answers_with_the_last_sequence(tracking: Tracking, run: str) -> None:
    for sequence in (1, 2, 3):
        write(tracking, run, writer_id=WRITER, sequence=sequence, tags=[tag("a", str(sequence))])
    assert write(tracking, run, writer_id=WRITER, sequence=1, tags=[tag("a", "1")]) == pb.WriteRunResponse(
        sequence=3, resend=True
    )
    assert dict(get_run(tracking, run).tags) == {"a": "3"}


def test_points_without_a_time_are_not_doubled_by_a_resend(tracking: Tracking, run: str) -> None:
    columns = MetricColumns(keys=["a"], values=[1.0])
    write(tracking, run, writer_id=WRITER, sequence=1, metrics=columns)
    once = read_history(tracking, run, "a")
    assert write(tracking, run, writer_id=WRITER, sequence=1, metrics=columns).resend
    assert read_history(tracking, run, "a") == once


@pytest.mark.parametrize(("written", "sent"), [(0, 2), (1, 3), (2, 2**63 - 1)])
def test_a_gap_is_refused_with_the_sequence_that_is_expected(
    tracking: Tracking, run: str, written: int, sent: int
) -> None:
    for sequence in range(1, written + 1):
        write(tracking, run, writer_id=WRITER, sequence=sequence)
    before = snapshot(tracking)
    failure = error_of(lambda: write(tracking, run, writer_id=WRITER, sequence=sent, tags=[tag("a", "b")]))
    assert failure.code == grpc.StatusCode.FAILED_PRECONDITION
    assert failure.reason == "SEQUENCE_GAP"
    assert failure.metadata.items() >= {"sequence": str(sent), "expectedSequence": str(written + 1)}.items()
    assert snapshot(tracking) == before
    assert write(tracking, run, writer_id=WRITER, sequence=written + 1) == pb.WriteRunResponse(sequence=written + 1)


def test_writers_count_by_themselves(tracking: Tracking, run: str) -> None:
    for writer in (1, 2**63, 2**64 - 1):
        assert write(tracking, run, writer_id=writer, sequence=1) == pb.WriteRunResponse(sequence=1)
    another = create_run(tracking).name
    assert write(tracking, another, writer_id=1, sequence=1) == pb.WriteRunResponse(sequence=1)


def test_without_a_writer_every_call_is_applied(tracking: Tracking, run: str) -> None:
    for value in ("1", "2", "1"):
        assert write(tracking, run, tags=[tag("a", value)]) == pb.WriteRunResponse()
        assert dict(get_run(tracking, run).tags) == {"a": value}


# Bad records

BAD_RECORDS = pb.WriteRunRequest(
    metrics=MetricColumns(
        keys=["good", "", "k" * 251, "half", "line\nbreak"],
        counts=[1, 2, 1, 3, 1],
        steps=[1, 1, 2, 1, 1, 2, 3, 1],
        times_millis=[10, 10, 10, 10, 10, -1, 10, 10],
        values=[1, 2, 3, 4, 5, 6, 7, 8],
    ),
    params=[
        pb.Param(key="known", value="another"),
        pb.Param(key="good", value="1"),
        pb.Param(key="", value="1"),
        pb.Param(key="good", value="2"),
        pb.Param(key="long", value="x" * (16 * 1024 + 1)),
        pb.Param(key="nul", value="a\0b"),
        pb.Param(key="good", value="1"),
    ],
    tags=[
        pb.Tag(key="good", value="1"),
        pb.Tag(key="\x7f", value="1"),
        pb.Tag(key="k" * 251, value="1"),
        pb.Tag(key="long", value="🚀" * (16 * 1024) + "x"),
        pb.Tag(key="nul", value="\0"),
    ],
    deleted_tags=["old", "", "\0", "k" * 251],
)
REFUSED = [
    ("METRIC_KEY", 1, "FIELD_REQUIRED"),
    ("METRIC_KEY", 2, "FIELD_TOO_LONG"),
    ("METRIC_KEY", 4, "FIELD_INVALID"),
    ("METRIC_POINT", 5, "FIELD_INVALID"),
    ("PARAM", 0, "PARAM_CHANGED"),
    ("PARAM", 2, "FIELD_REQUIRED"),
    ("PARAM", 3, "PARAM_CHANGED"),
    ("PARAM", 4, "FIELD_TOO_LONG"),
    ("PARAM", 5, "FIELD_INVALID"),
    ("TAG", 1, "FIELD_INVALID"),
    ("TAG", 2, "FIELD_TOO_LONG"),
    ("TAG", 3, "FIELD_TOO_LONG"),
    ("TAG", 4, "FIELD_INVALID"),
    ("DELETED_TAG", 1, "FIELD_REQUIRED"),
    ("DELETED_TAG", 2, "FIELD_INVALID"),
    ("DELETED_TAG", 3, "FIELD_TOO_LONG"),
]


@pytest.fixture
def run_with_known(tracking: Tracking) -> str:
    """The name of a run that BAD_RECORDS has something to change in."""
    return create_run(tracking, params={"known": "1"}, tags={"old": "1"}).name


def bad_records(run: str, writer_id: int = 0, sequence: int = 0, *, atomic: bool = False) -> pb.WriteRunRequest:
    request = pb.WriteRunRequest()
    request.CopyFrom(BAD_RECORDS)
    request.run, request.writer_id, request.sequence, request.atomic = run, writer_id, sequence, atomic
    return request


def test_bad_records_are_listed_and_the_others_are_written(tracking: Tracking, run_with_known: str) -> None:
    response = tracking.stub.WriteRun(bad_records(run_with_known, WRITER, 1))
    assert refusals(response) == REFUSED
    assert (response.sequence, response.resend) == (1, False)
    now = get_run(tracking, run_with_known)
    assert dict(now.params) == {"known": "1", "good": "1"}
    assert dict(now.tags) == {"good": "1"}
    assert [found.key for found in now.metrics] == ["good", "half"]
    assert read_history(tracking, run_with_known, "good") == [(1, 10, 1.0)]
    assert read_history(tracking, run_with_known, "half") == [(1, 10, 5.0), (3, 10, 7.0)]


def test_a_refused_record_has_the_status_that_a_failed_call_has(tracking: Tracking, run_with_known: str) -> None:
    response = tracking.stub.WriteRun(bad_records(run_with_known))
    failures = {(record.kind, record.index): failure_in(record.status) for record in response.refused}
    changed = failures[pb.RECORD_KIND_PARAM, 0]
    assert changed.code == grpc.StatusCode.FAILED_PRECONDITION
    assert changed.metadata["key"] == "known"
    long = failures[pb.RECORD_KIND_TAG, 2]
    assert long.code == grpc.StatusCode.INVALID_ARGUMENT
    assert long.fields == ("tags[2].key",)
    assert long.metadata == {"field": "tags[2].key", "characters": "251", "maxCharacters": "250"}
    assert failures[pb.RECORD_KIND_METRIC_POINT, 5].fields == ("metrics.times_millis[5]",)
    assert failures[pb.RECORD_KIND_DELETED_TAG, 2].fields == ("deleted_tags[2]",)


def test_a_resend_lists_the_refused_records_again(tracking: Tracking, run_with_known: str) -> None:
    request = bad_records(run_with_known, WRITER, 1)
    first = tracking.stub.WriteRun(request)
    before = snapshot(tracking)
    again = tracking.stub.WriteRun(request)
    assert again.resend
    assert list(again.refused) == list(first.refused)
    assert snapshot(tracking) == before
    # Later writes of the writer, and of others, change nothing about it.
    write(tracking, run_with_known, writer_id=WRITER, sequence=2, params=[param("later", "1")], tags=[tag("b", "c")])
    assert list(tracking.stub.WriteRun(request).refused) == list(first.refused)


def only(request: pb.WriteRunRequest, kind: str, index: int) -> pb.WriteRunRequest:
    """The request with one bad record and all good ones."""
    kept = pb.WriteRunRequest()
    kept.CopyFrom(request)
    for name in ("params", "tags", "deleted_tags"):
        refused = {i for k, i, _ in REFUSED if k == name[:-1].upper() and (k, i) != (kind, index)}
        records = [record for i, record in enumerate(getattr(request, name)) if i not in refused]
        del getattr(kept, name)[:]
        getattr(kept, name).extend(records)
    if kind == "METRIC_KEY":
        kept.metrics.times_millis[5] = 10
        kept.metrics.keys[:] = [key if i in (0, 3, index) else "fine" for i, key in enumerate(kept.metrics.keys)]
    else:
        kept.metrics.keys[:] = [key if i in (0, 3) else "fine" for i, key in enumerate(kept.metrics.keys)]
        if kind != "METRIC_POINT":
            kept.metrics.times_millis[5] = 10
    return kept


@pytest.mark.parametrize(("kind", "index", "reason"), REFUSED, ids=str)
def test_one_bad_record_fails_an_atomic_write_whole(
    tracking: Tracking, run_with_known: str, kind: str, index: int, reason: str
) -> None:
    before = snapshot(tracking)
    request = only(bad_records(run_with_known, WRITER, 1, atomic=True), kind, index)
    failure = error_of(lambda: tracking.stub.WriteRun(request))
    assert failure.reason == reason
    expected = "FAILED_PRECONDITION" if reason == "PARAM_CHANGED" else "INVALID_ARGUMENT"
    assert failure.code == grpc.StatusCode[expected]
    assert snapshot(tracking) == before
    # The sequence is not used up.
    assert write(tracking, run_with_known, writer_id=WRITER, sequence=1) == pb.WriteRunResponse(sequence=1)


def test_an_atomic_write_fails_with_the_status_of_its_first_bad_record(tracking: Tracking, run_with_known: str) -> None:
    request = bad_records(run_with_known, atomic=True)
    one_by_one = tracking.stub.WriteRun(bad_records(create_run(tracking, params={"known": "1"}).name))
    first = failure_in(one_by_one.refused[0].status)
    assert error_of(lambda: tracking.stub.WriteRun(request)) == first


def test_the_first_bad_record_may_be_a_changed_param(tracking: Tracking, run_with_known: str) -> None:
    failure = error_of(
        lambda: write(tracking, run_with_known, params=[param("known", "2")], tags=[tag("", "no key")], atomic=True)
    )
    assert failure.reason == "PARAM_CHANGED"


@pytest.mark.parametrize("atomic", [False, True], ids=["one-by-one", "atomic"])
def test_a_gap_comes_before_bad_records(tracking: Tracking, run: str, atomic: bool) -> None:  # noqa: FBT001 - a parameter of the test
    failure = error_of(lambda: write(tracking, run, writer_id=WRITER, sequence=2, tags=[tag("", "")], atomic=atomic))
    assert failure.reason == "SEQUENCE_GAP"


@pytest.mark.parametrize("atomic", [False, True], ids=["one-by-one", "atomic"])
def test_a_missing_run_comes_before_bad_records(tracking: Tracking, atomic: bool) -> None:  # noqa: FBT001 - a parameter of the test
    failure = error_of(lambda: write(tracking, tracking.run_name("missing"), tags=[tag("", "")], atomic=atomic))
    assert failure.reason == "RUN_NOT_FOUND"


def test_a_failed_write_in_the_same_moment_does_not_touch_the_others(tracking: Tracking, run: str) -> None:
    missing = tracking.run_name("missing")
    good = [
        tracking.stub.WriteRun.future(pb.WriteRunRequest(run=run, metrics=metric("a", (step, 0, 1.0))))
        for step in range(20)
    ]
    bad = [
        tracking.stub.WriteRun.future(pb.WriteRunRequest(run=missing, metrics=metric("a", (step, 0, 1.0))))
        for step in range(20)
    ]
    for call in good:
        assert call.result() == pb.WriteRunResponse()
    for call in bad:
        assert error_of(call.result).reason == "RUN_NOT_FOUND"
    assert [step for step, _, _ in read_history(tracking, run, "a")] == list(range(20))


def test_an_answer_lists_the_first_thousand_refusals_and_counts_all(tracking: Tracking, run: str) -> None:
    columns = MetricColumns(keys=["loss"], counts=[60_001], times_millis=[*([-1] * 60_000), 5], values=[1.0] * 60_001)

    response = write(tracking, run, metrics=columns)

    assert [(kind, index) for kind, index, _ in refusals(response)] == [("METRIC_POINT", i) for i in range(1000)]
    assert response.refused_count == 60_000
    assert read_history(tracking, run, "loss") == [(0, 5, 1.0)]


def test_a_message_of_very_many_records_is_written(tracking: Tracking, run: str) -> None:
    params = [param(f"p{i}", "") for i in range(50_000)]
    response = write(tracking, run, params=params, deleted_tags=[f"t{i}" for i in range(50_000)])

    assert response.refused_count == 0
    assert write(tracking, run, params=[param("p49999", "other")]).refused_count == 1
