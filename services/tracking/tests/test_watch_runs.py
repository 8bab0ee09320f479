"""Watching runs: every change arrives, on both databases, also after an interruption."""

from __future__ import annotations

import base64
import json
import math
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from trivet_proto.tracking.v1 import lifecycle_pb2, metric_pb2, purge_pb2, rewrite_pb2, run_pb2, watch_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.errors import CallFailure, error_of, outcome
from trivet_testing.records import create_experiment, create_run, get_run, log, metric, write
from trivet_testing.servers import ServerProcess
from trivet_testing.tracking import Tracking, migrate, start_server
from trivet_testing.watcher import PATIENCE_SECONDS, Watcher
from trivet_testing.workspaces import WORKSPACES, unused_workspace


@pytest.fixture
def watcher(tracking: Tracking) -> Iterator[Watcher]:
    """A watcher of the whole workspace."""
    with Watcher(tracking) as watcher:
        yield watcher


def update(tracking: Tracking, run: str, *paths: str, **fields: object) -> None:
    tracking.stub.UpdateRun(
        pb.UpdateRunRequest(run=run_pb2.Run(name=run, **fields), update_mask=FieldMask(paths=paths))  # type: ignore[arg-type] # fields of Run
    )


def delete(tracking: Tracking, run: str) -> None:
    tracking.stub.DeleteRun(pb.DeleteRunRequest(name=run))


def kinds_of(watcher: Watcher, run: str) -> set[str]:
    return set().union(*watcher.runs[run].kinds) if run in watcher.runs else set()


def test_the_first_message_has_a_token_and_no_changes(tracking: Tracking) -> None:
    create_run(tracking, "before")
    with Watcher(tracking) as watcher:
        # What was made just before may come; the rest is there to be read.
        assert watcher.messages[0].resume_token
        assert not watcher.messages[0].runs


def test_a_created_run_arrives_as_a_reader_sees_it(tracking: Tracking, watcher: Watcher) -> None:
    run = create_run(tracking, "a", params={"lr": "0.1"}, tags={"team": "t"}, description="long").name
    watcher.until(lambda: run in watcher.runs)
    assert watcher.runs[run].run == get_run(tracking, run)
    assert "created" in kinds_of(watcher, run)


@pytest.mark.parametrize(
    ("kind", "change", "check"),
    [
        (
            "fields",
            lambda tracking, run: update(tracking, run, "status", status=run_pb2.RUN_STATUS_FAILED),
            lambda run: run.status == run_pb2.RUN_STATUS_FAILED,
        ),
        (
            "fields",
            lambda tracking, run: update(tracking, run, "description", description="notes"),
            lambda run: run.description == "notes",
        ),
        ("fields", delete, lambda run: run.state == lifecycle_pb2.LIFECYCLE_STATE_DELETED),
        (
            "params",
            lambda tracking, run: write(tracking, run, params=[pb.Param(key="lr", value="1")]),
            lambda run: run.params == {"lr": "1"},
        ),
        (
            "tags",
            lambda tracking, run: write(tracking, run, tags=[pb.Tag(key="team", value="u")]),
            lambda run: run.tags == {"team": "u"},
        ),
        ("tags", lambda tracking, run: write(tracking, run, deleted_tags=["team"]), lambda run: not run.tags),
    ],
    ids=["status", "description", "deleted", "param", "tag", "tag removed"],
)
def test_a_change_arrives_with_its_kind_and_the_newest_state(
    tracking: Tracking,
    kind: str,
    change: Callable[[Tracking, str], object],
    check: Callable[[run_pb2.Run], bool],
) -> None:
    run = create_run(tracking, tags={"team": "t"}).name
    with Watcher(tracking) as watcher:
        change(tracking, run)
        watcher.until(lambda: run in watcher.runs and check(watcher.runs[run].run))
        known = watcher.runs[run]
        assert kind in known.kinds[-1]
        assert known.run == get_run(tracking, run)


def test_what_follows_a_purge_arrives(tracking: Tracking) -> None:
    run, purged = create_run(tracking).name, create_run(tracking).name
    for _ in range(3):
        log(tracking, purged, loss=1.0)
    delete(tracking, purged)
    with Watcher(tracking) as watcher:
        tracking.stub.PurgeRuns(purge_pb2.PurgeRunsRequest(parent=tracking.parent, older_than=Duration()))
        log(tracking, run, loss=2.0)
        watcher.until(lambda: watcher.values(run) == {"loss": 2.0})


def test_a_restored_run_arrives(tracking: Tracking) -> None:
    run = create_run(tracking).name
    delete(tracking, run)
    with Watcher(tracking) as watcher:
        tracking.stub.RestoreRun(pb.RestoreRunRequest(name=run))
        watcher.until(
            lambda: run in watcher.runs and watcher.runs[run].run.state == lifecycle_pb2.LIFECYCLE_STATE_ACTIVE
        )


def test_metrics_arrive_with_the_keys_that_changed_and_whole_summaries(tracking: Tracking) -> None:
    run = create_run(tracking).name
    log(tracking, run, before=1.0, both=5.0)
    with Watcher(tracking) as watcher:
        context = metric_pb2.MetricContext(rank=1)
        write(tracking, run, metrics=metric("both", (3, 9, 2.0), (4, 9, math.nan)))
        write(tracking, run, metrics=metric("new", (1, 1, 7.0), context=context))
        watcher.until(lambda: watcher.values(run).keys() >= {"both", "new"})
        both = watcher.runs[run].metrics["both"]
        assert (both.step, both.time_millis, both.min, both.max) == (4, 9, 2.0, 5.0)
        assert math.isnan(both.value)
        assert watcher.values(run)["new"] == 7.0
        # Only metrics changed: the rest of the run was neither read nor sent.
        change = next(
            change
            for message in watcher.messages
            for change in message.runs
            if change.kinds == [watch_pb2.RUN_CHANGE_KIND_METRICS]
        )
        assert {field.name for field, _ in change.run.ListFields()} == {"name", "experiment"}
    # A watcher that comes later hears of nothing that was written before and not since.
    with Watcher(tracking, watcher.token) as later:
        log(tracking, run, after=1.0)
        later.until(lambda: "after" in later.values(run))
        assert "before" not in later.values(run)


def test_a_late_point_that_is_not_the_newest_is_a_change_too(tracking: Tracking, watcher: Watcher) -> None:
    run = create_run(tracking).name
    write(tracking, run, metrics=metric("a", (5, 1, 1.0)))
    watcher.until(lambda: watcher.values(run) == {"a": 1.0})
    heard = len(watcher.runs[run].kinds)
    write(tracking, run, metrics=metric("a", (1, 1, -3.0)))
    watcher.until(lambda: watcher.runs[run].metrics["a"].min == -3.0)
    assert watcher.values(run) == {"a": 1.0}
    assert len(watcher.runs[run].kinds) > heard


def test_writes_through_a_stream_arrive(tracking: Tracking, watcher: Watcher) -> None:
    run = create_run(tracking).name
    messages = [
        pb.StreamWritesRequest(
            write=pb.WriteRunRequest(run=run, writer_id=1, sequence=number, metrics=metric("a", (number, 1, number)))
        )
        for number in range(1, 51)
    ]
    assert list(tracking.stub.StreamWrites(iter(messages)))[-1].acknowledged_count == 50
    watcher.until(lambda: watcher.values(run) == {"a": 50.0})


def test_an_experiment_that_is_deleted_and_restored_arrives_once_for_its_runs(tracking: Tracking) -> None:
    experiment = create_experiment(tracking).name
    run = create_run(tracking, experiment=experiment).name
    other = create_run(tracking).name
    with (
        Watcher(tracking) as all_runs,
        Watcher(tracking, experiments=[experiment]) as in_experiment,
        Watcher(tracking, runs=[run]) as its_run,
        Watcher(tracking, runs=[other]) as other_run,
    ):
        tracking.stub.DeleteExperiment(pb.DeleteExperimentRequest(name=experiment))
        for watcher in (all_runs, in_experiment, its_run):
            watcher.until(partial(has_state, watcher, experiment, lifecycle_pb2.LIFECYCLE_STATE_DELETED))
        tracking.stub.RestoreExperiment(pb.RestoreExperimentRequest(name=experiment))
        for watcher in (all_runs, in_experiment, its_run):
            watcher.until(partial(has_state, watcher, experiment, lifecycle_pb2.LIFECYCLE_STATE_ACTIVE))
        log(tracking, other, done=1.0)
        other_run.until(lambda: "done" in other_run.values(other))
        assert not other_run.experiments
        # A change of its other fields is no change of its runs.
        assert run not in all_runs.runs


def has_state(watcher: Watcher, experiment: str, state: int) -> bool:
    return watcher.experiments.get(experiment) == state


def has_values(watcher: Watcher, run: str, values: dict[str, float]) -> bool:
    return watcher.values(run) == values


def test_only_the_runs_asked_for_arrive(tracking: Tracking) -> None:
    experiment = create_experiment(tracking).name
    inside, outside = create_run(tracking, experiment=experiment).name, create_run(tracking).name
    with Watcher(tracking, experiments=[experiment]) as of_experiment, Watcher(tracking, runs=[inside]) as of_run:
        log(tracking, outside, a=1.0)
        later = create_run(tracking, experiment=experiment).name
        log(tracking, inside, a=1.0)
        for watcher in (of_experiment, of_run):
            watcher.until(partial(has_values, watcher, inside, {"a": 1.0}))
        of_experiment.until(lambda: later in of_experiment.runs)
        assert outside not in of_experiment.runs
        assert set(of_run.runs) == {inside}


def has_status(watcher: Watcher, run: str, status: int) -> bool:
    return run in watcher.runs and watcher.runs[run].run.status == status


def test_what_the_mask_and_the_keys_leave_out_is_neither_sent_nor_a_change(tracking: Tracking) -> None:
    run = create_run(tracking, params={"lr": "1", "seed": "2"}, tags={"a": "1", "b": "2"}).name
    mask = FieldMask(paths=["status", "metrics", "params", "tags"])
    with (
        Watcher(tracking, read_mask=mask, metric_keys=["loss"], param_keys=["lr"], tag_keys=["b"]) as some,
        Watcher(tracking, read_mask=FieldMask(paths=["status"])) as status_only,
    ):
        log(tracking, run, acc=1.0)
        write(tracking, run, tags=[pb.Tag(key="a", value="3")])
        log(tracking, run, loss=2.0)
        some.until(lambda: some.values(run) == {"loss": 2.0})
        update(tracking, run, "status", status=run_pb2.RUN_STATUS_KILLED)
        for watcher in (some, status_only):
            watcher.until(partial(has_status, watcher, run, run_pb2.RUN_STATUS_KILLED))
        known = some.runs[run].run
        assert {field.name for field, _ in known.ListFields()} == {"name", "experiment", "status", "params", "tags"}
        assert (dict(known.params), dict(known.tags)) == ({"lr": "1"}, {"b": "2"})
        assert "acc" not in some.values(run)
        assert status_only.runs[run].kinds == [{"fields"}]
        assert {field.name for field, _ in status_only.runs[run].run.ListFields()} == {"name", "experiment", "status"}


def test_what_changed_while_nobody_watched_arrives_after_a_resume(tracking: Tracking) -> None:
    runs = [create_run(tracking).name for _ in range(3)]
    with Watcher(tracking) as first:
        log(tracking, runs[0], a=1.0)
        first.until(lambda: first.values(runs[0]) == {"a": 1.0})
    log(tracking, runs[0], a=2.0, b=1.0)
    delete(tracking, runs[1])
    created = create_run(tracking, "made-meanwhile").name
    with Watcher(tracking, first.token) as second:
        second.until(
            lambda: (
                second.values(runs[0]) == {"a": 2.0, "b": 1.0}
                and second.is_deleted(runs[1])
                and "created" in kinds_of(second, created)
            )
        )
        assert runs[2] not in second.runs
    # Also from the token of the very first message, and by another selection of runs.
    with Watcher(tracking, first.messages[0].resume_token, runs=[runs[1]]) as third:
        third.until(lambda: third.is_deleted(runs[1]))
        assert set(third.runs) == {runs[1]}


def test_resuming_where_nothing_changed_answers_at_once_with_a_token(tracking: Tracking, watcher: Watcher) -> None:
    with Watcher(tracking, watcher.token) as again:
        assert again.token
        assert not again.runs


def test_many_changed_runs_arrive_in_messages_that_clients_take(tracking: Tracking) -> None:
    with Watcher(tracking) as first:
        token = first.token
    note = "x" * 60_000
    for number in range(120):
        create_run(tracking, f"r{number}", description=note)
    with Watcher(tracking, token) as watcher:
        watcher.until(lambda: len(watcher.runs) == 120)
        with_changes = [message for message in watcher.messages if message.runs]
        assert len(with_changes) > 1
        assert max(message.ByteSize() for message in with_changes) < 4 * 1024 * 1024
        # Resuming from the first of several messages repeats the rest.
        token = with_changes[0].resume_token
    with Watcher(tracking, token) as again:
        again.until(lambda: len(again.runs) == 120)


def test_a_run_with_very_many_metrics_arrives_whole(tracking: Tracking, watcher: Watcher) -> None:
    run = create_run(tracking).name
    keys = [f"layer{number:05d}" for number in range(12_000)]
    columns = metric_pb2.MetricColumns(keys=keys, times_millis=[1], values=[float(number) for number in range(12_000)])
    assert not write(tracking, run, metrics=columns).refused
    watcher.until(lambda: len(watcher.values(run)) == 12_000)
    assert watcher.values(run)["layer11999"] == 11_999.0


def test_another_workspace_is_not_seen(tracking: Tracking, channel: grpc.Channel) -> None:
    other = Tracking(TrackingServiceStub(channel), unused_workspace())
    with Watcher(tracking) as watcher, Watcher(other) as of_other:
        hidden = create_run(tracking).name
        watcher.until(lambda: hidden in watcher.runs)
        shown = create_run(other).name
        of_other.until(lambda: shown in of_other.runs)
        assert set(watcher.runs) == {hidden}
        assert hidden not in of_other.runs
        # Nor by a token of it, nor by name.
        with Watcher(other, watcher.messages[0].resume_token) as resumed:
            resumed.until(lambda: shown in resumed.runs)
            assert hidden not in resumed.runs
        mixed = watch_pb2.WatchRunsRequest(parent=other.parent, runs=[hidden])
        assert error_of(lambda: list(other.stub.WatchRuns(mixed))).reason == "WORKSPACES_MIXED"


def token_of(*cursor: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(["watch", *cursor]).encode()).decode()


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"read_mask": FieldMask(paths=["nothing"])}, "FIELD_INVALID", "read_mask.paths[0]"),
        ({"metric_keys": [""]}, "FIELD_REQUIRED", "metric_keys[0]"),
        ({"resume_token": "?"}, "FIELD_INVALID", "resume_token"),
        ({"resume_token": token_of("1:2")}, "FIELD_INVALID", "resume_token"),
        ({"resume_token": token_of("5:4:")}, "FIELD_INVALID", "resume_token"),
        ({"resume_token": token_of("4:9:7,6")}, "FIELD_INVALID", "resume_token"),
        ({"resume_token": token_of("9" * 30)}, "FIELD_INVALID", "resume_token"),
        ({"resume_token": token_of("0")}, "FIELD_INVALID", "resume_token"),
        ({"resume_token": token_of("'; DROP TABLE run; --")}, "FIELD_INVALID", "resume_token"),
        ({"resume_token": token_of(7)}, "FIELD_INVALID", "resume_token"),
        ({"resume_token": token_of("1", "2")}, "FIELD_INVALID", "resume_token"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    tracking: Tracking, fields: dict[str, object], reason: str, field: str
) -> None:
    request = watch_pb2.WatchRunsRequest(parent=tracking.parent, **fields)  # type: ignore[arg-type] # fields of the request
    failure = error_of(lambda: list(tracking.stub.WatchRuns(request)))
    assert (failure.code, failure.reason, failure.fields) == (grpc.StatusCode.INVALID_ARGUMENT, reason, (field,))


def test_what_is_not_there_cannot_be_watched(tracking: Tracking) -> None:
    experiment, run = tracking.experiment_name(77), tracking.run_name("none")

    def reason(request: watch_pb2.WatchRunsRequest) -> str:
        return error_of(lambda: list(tracking.stub.WatchRuns(request))).reason

    assert reason(watch_pb2.WatchRunsRequest(parent=tracking.parent, experiments=[experiment])) == (
        "EXPERIMENT_NOT_FOUND"
    )
    assert reason(watch_pb2.WatchRunsRequest(parent=tracking.parent, runs=[run])) == "RUN_NOT_FOUND"
    both = watch_pb2.WatchRunsRequest(parent=tracking.parent, experiments=[experiment], runs=[run])
    assert reason(both) == "FIELD_INVALID"


def test_a_quiet_stream_sends_tokens(tracking: Tracking, watcher: Watcher) -> None:
    watcher.until(lambda: len(watcher.messages) > 1)
    assert not watcher.messages[1].runs
    run = create_run(tracking).name
    with Watcher(tracking, watcher.messages[1].resume_token) as resumed:
        resumed.until(lambda: run in resumed.runs)


@pytest.fixture
def own_server_url(database_url: str) -> str:
    """A migrated database of the test's own."""
    migrate(database_url)
    return database_url


def in_it(server: ServerProcess, channel: grpc.Channel) -> Tracking:
    assert server.address
    return Tracking(TrackingServiceStub(channel), WORKSPACES[0])


def expired(tracking: Tracking, token: str) -> CallFailure:
    """Resumes until that is refused."""
    request = watch_pb2.WatchRunsRequest(parent=tracking.parent, resume_token=token)
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE_SECONDS:
        call = tracking.stub.WatchRuns(request)
        answer = outcome(partial(next, call))
        if isinstance(answer, CallFailure):
            return answer
        call.cancel()
    raise AssertionError("the token is still good")


def test_a_token_that_is_too_old_says_so_and_a_younger_one_is_good(own_server_url: str) -> None:
    with (
        start_server(own_server_url, TRIVET_KEEP_CHANGES_SECONDS="1", TRIVET_FOLD_AFTER_SECONDS="0.1") as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        tracking = in_it(server, channel)
        with Watcher(tracking) as watcher:
            old = watcher.token
            run = create_run(tracking).name
            watcher.until(lambda: run in watcher.runs)
            failure = expired(tracking, old)
            assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "RESUME_TOKEN_EXPIRED")
            # Who has watched all the time misses nothing all the same, however much was dropped.
            log(tracking, run, a=1.0)
            watcher.until(lambda: watcher.values(run) == {"a": 1.0})
            with Watcher(tracking, watcher.token) as young:
                log(tracking, run, a=2.0)
                young.until(lambda: young.values(run) == {"a": 2.0})


def test_a_token_of_another_database_has_expired(tracking: Tracking, server_database_url: str) -> None:
    later = token_of(str(2**62)) if server_database_url.startswith("sqlite") else token_of(f"{2**62}:{2**62}:")
    request = watch_pb2.WatchRunsRequest(parent=tracking.parent, resume_token=later)
    assert error_of(lambda: list(tracking.stub.WatchRuns(request))).reason == "RESUME_TOKEN_EXPIRED"


def test_a_slow_reader_misses_nothing_in_the_end_and_stops_nobody(tracking: Tracking, tracking_address: str) -> None:
    runs = [create_run(tracking).name for _ in range(30)]
    # Its end of the connection takes 64 KiB ahead of what is read, and not as much as the machine has room for.
    narrow = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65536))
    rounds = 8
    with Watcher(tracking) as quick, grpc.insecure_channel(tracking_address, narrow) as channel:
        request = watch_pb2.WatchRunsRequest(parent=tracking.parent, resume_token=quick.token)
        slow = TrackingServiceStub(channel).WatchRuns(request)
        assert next(slow).resume_token
        for number in range(rounds):
            for run in runs:
                update(tracking, run, "description", description=f"{number} " + "x" * 60_000)
            quick.until(partial(have_descriptions, quick, runs, f"{number} "))
        known: dict[str, str] = {}
        size = 0
        while len(known) < len(runs) or not all(text.startswith(f"{rounds - 1} ") for text in known.values()):
            message = next(slow)
            size += message.ByteSize()
            known |= {change.run.name: change.run.description for change in message.runs}
        slow.cancel()
    # It was sent what was on the way, and then the newest: 14 MB were written.
    assert size < 8_000_000


def have_descriptions(watcher: Watcher, runs: list[str], start: str) -> bool:
    return all(run in watcher.runs and watcher.runs[run].run.description.startswith(start) for run in runs)


def test_watchers_are_sent_away_when_the_server_stops(own_server_url: str) -> None:
    with start_server(own_server_url) as server, grpc.insecure_channel(server.address) as channel:
        tracking = in_it(server, channel)
        with Watcher(tracking) as watcher, Watcher(tracking, runs=[create_run(tracking).name]) as other:
            assert server.terminate(by=signal.SIGTERM, timeout_seconds=15) == 0
            for one in (watcher, other):
                failure = one.until_failed()
                assert (failure.code, failure.reason) == (grpc.StatusCode.UNAVAILABLE, "SERVER_DRAINING")
        assert "Traceback" not in server.stderr


def test_a_stream_ends_well_after_the_age_of_connections(own_server_url: str) -> None:
    with (
        start_server(own_server_url, TRIVET_MAX_CONNECTION_AGE_SECONDS="1") as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        tracking = in_it(server, channel)
        with Watcher(tracking) as watcher:
            watcher.until_ended_well()
        run = create_run(tracking).name
        with Watcher(tracking, watcher.token) as again:
            again.until(lambda: run in again.runs)


def test_points_that_are_removed_are_told(tracking: Tracking, watcher: Watcher) -> None:
    run = create_run(tracking, "a").name
    write(tracking, run, metrics=metric("loss", (1, 1, 3.0), (2, 1, 2.0), (3, 1, 1.0)))
    write(tracking, run, metrics=metric("acc", (1, 1, 0.5)))
    watcher.until(lambda: "metrics" in kinds_of(watcher, run))
    tracking.stub.RewindRun(rewrite_pb2.RewindRunRequest(name=run, step=2))
    watcher.until(lambda: "metrics_removed" in kinds_of(watcher, run))
    watcher.until(lambda: watcher.values(run)["loss"] == 2.0)
    with Watcher(tracking) as later:
        tracking.stub.DeleteMetrics(rewrite_pb2.DeleteMetricsRequest(run=run, keys=["acc"]))
        later.until(lambda: "metrics_removed" in kinds_of(later, run))
        assert "acc" not in later.runs[run].metrics


def test_a_fork_arrives_with_what_it_inherits(tracking: Tracking, watcher: Watcher) -> None:
    run = create_run(tracking, "a").name
    write(tracking, run, metrics=metric("loss", (1, 1, 3.0), (2, 1, 2.0), (3, 1, 1.0)))
    write(tracking, run, metrics=metric("acc", (1, 1, 0.5)))
    fork = tracking.stub.ForkRun(rewrite_pb2.ForkRunRequest(name=run, step=2)).name
    watcher.until(lambda: {"created", "metrics"} <= kinds_of(watcher, fork))
    assert watcher.values(fork) == {"loss": 2.0, "acc": 0.5}
