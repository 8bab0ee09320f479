"""Two tracking servers on one PostgreSQL database: whatever comes to both at once ends as if it had come to one."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import grpc
import pytest
import sqlalchemy as sa

from trivet_proto.tracking.v1 import experiment_pb2, logged_model_pb2, metric_pb2, run_inputs_pb2, run_pb2
from trivet_proto.tracking.v1 import logged_model_service_pb2 as models_pb
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.errors import CallFailure
from trivet_testing.postgres import PostgresServer
from trivet_testing.servers import ServerProcess
from trivet_testing.tracking import Tracking, full, migrate, start_server
from trivet_testing.tracking_model import (
    NO_CONTEXT,
    Context,
    RunModel,
    answer_of,
    assert_run_is,
    context_message,
    outcome,
    read_history,
)
from trivet_testing.workspaces import unused_workspace
from trivet_tracking.server import open_database
from trivet_tracking.store import tables

T = TypeVar("T")

DEADLINE_SECONDS = 60
CONTEXTS = [NO_CONTEXT, *(Context(rank=rank) for rank in range(4)), Context(model_id="m"), Context(dataset_name="d")]

# Two folders work all the time in the midst of what both write, or none does. Folding drops points that are there
# twice, so only without it can be seen that nothing was applied twice.
FOLD_SECONDS = {"folding": 0.05, "not folding": 3600.0}
both_ways = pytest.mark.parametrize("servers", FOLD_SECONDS, indirect=True)


@dataclass(frozen=True)
class Replicas:
    """Two servers on one database, in one workspace."""

    first: Tracking
    second: Tracking
    database_url: str
    folding: str

    @property
    def both(self) -> tuple[Tracking, Tracking]:
        return self.first, self.second

    def create_run(self) -> str:
        return self.first.stub.CreateRun(pb.CreateRunRequest(parent=self.first.parent)).name

    def make_countable(self, messages: Iterable[pb.WriteRunRequest]) -> None:
        """Gives each point a time of its own where points are counted: a group that has one twice stores it once."""
        times = itertools.count(1)
        for request in messages if self.folding == "not folding" else ():
            del request.metrics.times_millis[:]
            request.metrics.times_millis.extend(next(times) for _ in request.metrics.values)

    def assert_stored_once(self, run: str, messages: Iterable[pb.WriteRunRequest]) -> None:
        """Log and chunks hold as many points of a run as were sent: more of them would be something applied twice."""
        if self.folding == "folding":
            return
        named = (tables.run.c.workspace == self.first.workspace, tables.run.c.run_id == run.rpartition("/")[2])
        with closing(open_database(self.database_url)) as database, database.transaction("read") as connection:
            stored = sum(
                connection.execute(
                    sa.select(sa.func.coalesce(sa.func.sum(table.c.points), 0))
                    .join(tables.run, tables.run.c.run_pk == table.c.run_pk)
                    .where(*named)
                ).scalar_one()
                for table in (tables.metric_log, tables.metric_chunk)
            )
        assert stored == sum(len(request.metrics.values) for request in messages)

    def assert_run_is(self, run: str, model: RunModel) -> None:
        """Both replicas show what the model says."""
        for replica in self.both:
            assert_run_is(replica.stub, run, model)


@dataclass(frozen=True)
class Servers:
    """The two servers, and where they keep things."""

    first: ServerProcess
    second: ServerProcess
    database_url: str
    folding: str


@pytest.fixture(scope="module")
def servers(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> Iterator[Servers]:
    folding: str = getattr(request, "param", "folding")
    url = postgres_server.create_database()
    migrate(url)
    fold = {"TRIVET_FOLD_AFTER_SECONDS": str(FOLD_SECONDS[folding])}
    with start_server(url, **fold) as first, start_server(url, **fold) as second:
        yield Servers(first, second, url, folding)
    postgres_server.drop_database(url)


@pytest.fixture
def replicas(servers: Servers) -> Iterator[Replicas]:
    """The two servers in a workspace of the test's own; none of them may have had a fault of its own in the test."""
    workspace = unused_workspace()
    with ExitStack() as stack:
        stubs = [
            TrackingServiceStub(stack.enter_context(grpc.insecure_channel(server.address)))
            for server in (servers.first, servers.second)
        ]
        first, second = (Tracking(stub, workspace) for stub in stubs)
        yield Replicas(first, second, servers.database_url, servers.folding)
    for server in (servers.first, servers.second):
        assert server.exit_code is None
        assert "Traceback" not in server.stderr


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as pool:
        yield pool


def at_once(pool: ThreadPoolExecutor, calls: Sequence[Callable[[], T]]) -> list[T | CallFailure]:
    """What calls answer that are made at the same moment, each from a thread of its own."""
    start = threading.Barrier(len(calls))

    def make(call: Callable[[], T]) -> T | CallFailure:
        start.wait(DEADLINE_SECONDS)
        return outcome(call)

    return [made.result(DEADLINE_SECONDS) for made in [pool.submit(make, call) for call in calls]]


def parted(outcomes: Sequence[T | CallFailure]) -> tuple[list[T], list[CallFailure]]:
    """The answers and the failures."""
    failures = [found for found in outcomes if isinstance(found, CallFailure)]
    return [found for found in outcomes if not isinstance(found, CallFailure)], failures


def write(replica: Tracking, request: pb.WriteRunRequest) -> pb.WriteRunResponse:
    return replica.stub.WriteRun(request, timeout=DEADLINE_SECONDS)


def some_points(random_source: random.Random) -> metric_pb2.MetricColumns:
    """Points of a few series, many of them the same in other messages."""
    n_points = random_source.randint(1, 12)
    return metric_pb2.MetricColumns(
        keys=[random_source.choice(["loss", "acc"]) for _ in range(n_points)],
        steps=[random_source.randint(-1, 20) for _ in range(n_points)],
        times_millis=[random_source.randint(0, 2) for _ in range(n_points)],
        values=[random_source.choice([float("nan"), -0.0, 0.5, float("inf")]) for _ in range(n_points)],
        contexts=map(context_message, CONTEXTS),
        context_index=[random_source.randint(0, len(CONTEXTS)) for _ in range(n_points)],
    )


def messages_of(run: str, writer: int, count: int, random_source: random.Random) -> list[pb.WriteRunRequest]:
    """Messages of a writer: points and params that other writers write too, params and tags that only this one does."""
    return [
        pb.WriteRunRequest(
            run=run,
            writer_id=writer,
            sequence=sequence,
            metrics=some_points(random_source),
            params=[
                pb.Param(key=f"shared {random_source.randint(0, 30)}", value="the same"),
                pb.Param(key=f"of {writer}, {sequence}", value=str(sequence)),
            ],
            tags=[pb.Tag(key=f"of {writer}, {sequence % 3}", value=str(sequence))],
            deleted_tags=[f"of {writer}, {(sequence + 1) % 3}"],
        )
        for sequence in range(1, count + 1)
    ]


@both_ways
def test_writers_at_both_replicas_write_one_run(replicas: Replicas, pool: ThreadPoolExecutor, seed: int) -> None:
    run = replicas.create_run()
    random_source = random.Random(seed)
    messages = [messages_of(run, writer, full(25, 500), random_source) for writer in range(1, 9)]
    replicas.make_countable(itertools.chain(*messages))
    # Each writer changes the replica with each message, as behind a load balancer.
    ways = [itertools.cycle(replicas.both if number % 2 else replicas.both[::-1]) for number in range(len(messages))]

    def send_all(way: Iterator[Tracking], requests: list[pb.WriteRunRequest]) -> None:
        for request in requests:
            response = write(next(way), request)
            assert (response.sequence, response.resend, len(response.refused)) == (request.sequence, False, 0)

    sent = at_once(pool, [partial(send_all, way, requests) for way, requests in zip(ways, messages, strict=True)])
    assert sent == [None] * len(messages)
    model = RunModel()
    for request in itertools.chain(*messages):
        assert not model.write(request).failure
    replicas.assert_run_is(run, model)
    replicas.assert_stored_once(run, itertools.chain(*messages))


@both_ways
def test_a_message_sent_to_both_replicas_at_once_is_applied_once_and_acknowledged_twice(
    replicas: Replicas, pool: ThreadPoolExecutor, seed: int
) -> None:
    run = replicas.create_run()
    model = RunModel()
    resends = [0, 0]
    messages = messages_of(run, 2**64 - 1, full(60, 1000), random.Random(seed))
    replicas.make_countable(messages)
    for request in messages:
        answers, failures = parted(at_once(pool, [partial(write, replica, request) for replica in replicas.both]))
        assert not failures
        assert sorted(answer.resend for answer in answers) == [False, True]
        assert [answer.sequence for answer in answers] == [request.sequence] * 2
        assert not model.write(request).failure
        resends[[answer.resend for answer in answers].index(True)] += 1
    replicas.assert_run_is(run, model)
    replicas.assert_stored_once(run, messages)
    print(f"seed {seed}: resends answered by each replica: {resends}")  # noqa: T201 - what a person asks of such a run


@both_ways
def test_two_senders_of_one_writer_never_swallow_a_message(
    replicas: Replicas, pool: ThreadPoolExecutor, seed: int
) -> None:
    """Two processes with one writer id, which nothing keeps in step: one may be behind, and must not leave a gap."""
    run = replicas.create_run()
    messages = messages_of(run, 5, full(60, 1000), random.Random(seed))
    replicas.make_countable(messages)

    def send_all(replica: Tracking) -> int:
        applied = 0
        for request in messages:
            response = write(replica, request)
            assert response.sequence >= request.sequence
            assert response.resend or response.sequence == request.sequence
            applied += not response.resend
        return applied

    counts, failures = parted(at_once(pool, [partial(send_all, replica) for replica in replicas.both]))
    assert not failures
    assert sum(counts) == len(messages)
    model = RunModel()
    for request in messages:
        model.write(request)
    replicas.assert_run_is(run, model)
    replicas.assert_stored_once(run, messages)


def test_contexts_that_are_new_at_both_replicas_become_one(
    replicas: Replicas, pool: ThreadPoolExecutor, seed: int
) -> None:
    random_source = random.Random(seed)
    for _ in range(full(8, 200)):
        run = replicas.create_run()
        model = RunModel()
        requests = []
        for number in range(6):
            contexts = random_source.sample([Context(rank=rank) for rank in range(12)], 8)
            columns = metric_pb2.MetricColumns(
                keys=["loss"] * len(contexts),
                steps=[number] * len(contexts),
                times_millis=[number],
                values=range(len(contexts)),
                contexts=map(context_message, contexts),
                context_index=range(1, 1 + len(contexts)),
            )
            requests.append(pb.WriteRunRequest(run=run, metrics=columns))
            model.write(requests[-1])
        ways = zip(itertools.cycle(replicas.both), requests, strict=False)
        _, failures = parted(at_once(pool, [partial(write, replica, request) for replica, request in ways]))
        assert not failures
        replicas.assert_run_is(run, model)


@pytest.mark.parametrize("atomic", [False, True])
def test_of_two_values_for_a_param_exactly_one_is_kept(
    replicas: Replicas, pool: ThreadPoolExecutor, seed: int, *, atomic: bool
) -> None:
    run = replicas.create_run()
    expected: dict[str, str] = {}
    random_source = random.Random(seed)
    for number in range(full(30, 1000)):
        keys = [f"{number}, {part}" for part in range(3)]
        requests = []
        for value in ("first", "second"):
            # In another order at each replica: whoever waits for a row must not hold one that the other waits for.
            random_source.shuffle(keys)
            params = [pb.Param(key=key, value=value) for key in keys]
            requests.append(pb.WriteRunRequest(run=run, params=params, atomic=atomic))
        outcomes = at_once(
            pool, [partial(write, replica, request) for replica, request in zip(replicas.both, requests, strict=True)]
        )
        assert [_is_refused(found, len(keys)) for found in outcomes].count(True) == 1
        winner = "first" if _is_refused(outcomes[1], len(keys)) else "second"
        expected |= dict.fromkeys(keys, winner)
    replicas.assert_run_is(run, RunModel(params=expected))


def _is_refused(found: pb.WriteRunResponse | CallFailure, n_params: int) -> bool:
    """Whether all params of a write were refused, in the way of an atomic one or in the other; none were otherwise."""
    if isinstance(found, CallFailure):
        assert found.reason == "PARAM_CHANGED"
        return True
    refused = answer_of(found).refused
    assert refused in ((), tuple((pb.RECORD_KIND_PARAM, index, "PARAM_CHANGED") for index in range(n_params)))
    return bool(refused)


def test_tags_set_and_removed_at_both_replicas_are_each_as_one_of_the_writes_left_them(
    replicas: Replicas, pool: ThreadPoolExecutor, seed: int
) -> None:
    """Rows locked in different orders are what deadlocks are made of; no caller may see one."""
    run = replicas.create_run()
    random_source = random.Random(seed)
    keys = [f"tag {number}" for number in range(40)]
    for _ in range(full(30, 1000)):
        requests = []
        left: dict[str, set[str | None]] = {key: set() for key in keys}
        for number in range(len(replicas.both)):
            random_source.shuffle(keys)
            kept, removed = keys[:20], keys[20:]
            tags = [pb.Tag(key=key, value=f"{number}") for key in kept]
            requests.append(pb.WriteRunRequest(run=run, tags=tags, deleted_tags=removed))
            for key in keys:
                left[key].add(f"{number}" if key in kept else None)
        calls = [partial(write, replica, request) for replica, request in zip(replicas.both, requests, strict=True)]
        _, failures = parted(at_once(pool, calls * 3))
        assert not failures
        found = dict(replicas.first.stub.GetRun(pb.GetRunRequest(name=run)).tags)
        assert [key for key in keys if found.get(key) not in left[key]] == []


def test_a_run_created_at_both_replicas_with_one_body_is_one_run(replicas: Replicas, pool: ThreadPoolExecutor) -> None:
    for number in range(full(15, 500)):
        body = run_pb2.Run(display_name="twice", params={"p": "1"}, tags={"t": "1"})
        request = pb.CreateRunRequest(parent=replicas.first.parent, run_id=f"run-{number}", run=body)
        runs, failures = parted(at_once(pool, [partial(replica.stub.CreateRun, request) for replica in replicas.both]))
        assert not failures
        assert runs[0] == runs[1]
        assert dict(runs[0].params) == {"p": "1"}
    found = replicas.first.stub.SearchRuns(pb.SearchRunsRequest(parent=replicas.first.parent, page_size=1000)).runs
    assert len(found) == full(15, 500)


def test_a_run_created_at_both_replicas_with_two_bodies_is_the_first_one_s(
    replicas: Replicas, pool: ThreadPoolExecutor
) -> None:
    for number in range(full(15, 500)):
        requests = [
            pb.CreateRunRequest(
                parent=replicas.first.parent,
                run_id=f"run-{number}",
                run=run_pb2.Run(display_name=name, params={name: name}),
                experiment_display_name=f"{number}, {name}",
                create_experiment=True,
            )
            for name in ("a", "b")
        ]
        calls = zip(replicas.both, requests, strict=True)
        runs, failures = parted(at_once(pool, [partial(replica.stub.CreateRun, request) for replica, request in calls]))
        assert [failure.reason for failure in failures] == ["RUN_ID_TAKEN"]
        (run,) = runs
        assert dict(run.params) == {run.display_name: run.display_name}
        for replica in replicas.both:
            assert replica.stub.GetRun(pb.GetRunRequest(name=run.name)) == run


def new_experiment(replica: Tracking, name: str, request_id: str = "") -> experiment_pb2.Experiment:
    experiment = experiment_pb2.Experiment(display_name=name)
    request = pb.CreateExperimentRequest(parent=replica.parent, experiment=experiment, request_id=request_id)
    return replica.stub.CreateExperiment(request, timeout=DEADLINE_SECONDS)


def experiment_ids(replica: Tracking) -> list[int]:
    """The ids of all experiments of the workspace, in ascending order."""
    request = pb.SearchExperimentsRequest(parent=replica.parent, page_size=1000)
    return sorted(int(found.name.rpartition("/")[2]) for found in replica.stub.SearchExperiments(request).experiments)


def test_an_experiment_s_name_goes_to_one_replica_and_ids_have_no_gaps(
    replicas: Replicas, pool: ThreadPoolExecutor
) -> None:
    """The first round meets a workspace that nobody has used before."""
    rounds = full(15, 300)
    for number in range(rounds):
        calls = [
            partial(new_experiment, replica, f"{number}: {name}")
            for replica, names in zip(replicas.both, (("contested", "a"), ("contested", "b")), strict=True)
            for name in names
        ]
        created, failures = parted(at_once(pool, calls))
        assert [failure.reason for failure in failures] == ["EXPERIMENT_NAME_TAKEN"]
        (winner,) = [experiment.name for experiment in created if experiment.display_name == f"{number}: contested"]
        assert failures[0].metadata["name"] == winner
    for replica in replicas.both:
        assert experiment_ids(replica) == list(range(1 + 3 * rounds))


def test_a_request_id_sent_to_both_replicas_creates_one_experiment(
    replicas: Replicas, pool: ThreadPoolExecutor
) -> None:
    for number in range(full(15, 300)):
        request_id = f"00000000-0000-4000-8000-{number:012}"
        calls = [partial(new_experiment, replica, f"name {number}", request_id) for replica in replicas.both]
        created, failures = parted(at_once(pool, calls))
        assert not failures
        assert created[0] == created[1]
    assert experiment_ids(replicas.first) == list(range(1 + full(15, 300)))


def test_runs_that_create_their_experiment_at_both_replicas_share_it(
    replicas: Replicas, pool: ThreadPoolExecutor
) -> None:
    rounds = full(15, 300)
    for number in range(rounds):
        request = pb.CreateRunRequest(
            parent=replicas.first.parent, experiment_display_name=f"name {number}", create_experiment=True
        )
        calls = [partial(replica.stub.CreateRun, request) for replica in replicas.both * 2]
        runs, failures = parted(at_once(pool, calls))
        assert not failures
        assert len({run.name for run in runs}) == 4
        assert {run.experiment for run in runs} == {replicas.first.experiment_name(1 + number)}
    assert experiment_ids(replicas.second) == list(range(1 + rounds))


def test_what_one_replica_acknowledged_the_other_shows_at_once(
    replicas: Replicas, pool: ThreadPoolExecutor, seed: int
) -> None:
    """Also while other writers keep both of them busy."""
    busy_run, run = replicas.create_run(), replicas.create_run()
    ended = threading.Event()

    def keep_busy(replica: Tracking, writer: int) -> int:
        requests = messages_of(busy_run, writer, 2000, random.Random(seed + writer))
        for number, request in enumerate(requests):
            if ended.is_set():
                return number
            write(replica, request)
        return len(requests)

    busy = [pool.submit(keep_busy, replica, 1 + number) for number, replica in enumerate(replicas.both * 2)]
    model = RunModel()
    ways = itertools.cycle([replicas.both, replicas.both[::-1]])
    try:
        for (writing, reading), request in zip(
            ways, messages_of(run, 9, full(40, 500), random.Random(seed)), strict=False
        ):
            assert not write(writing, request).refused
            model.write(request)
            found = reading.stub.GetRun(pb.GetRunRequest(name=run))
            assert (dict(found.params), dict(found.tags)) == (model.params, model.tags)
            assert [metric.key for metric in found.metrics] == [current.key for current in model.current()]
            for key in ("loss", "acc"):
                assert read_history(reading.stub, run, key) == model.history(key, None)
    finally:
        ended.set()
    assert all(writes.result(DEADLINE_SECONDS) > 0 for writes in busy)
    replicas.assert_run_is(run, model)


@pytest.mark.parametrize("bodies", [1, 2])
def test_a_logged_model_is_created_once(replicas: Replicas, pool: ThreadPoolExecutor, bodies: int) -> None:
    for number in range(full(10, 100)):
        requests = [
            models_pb.CreateLoggedModelRequest(
                parent=replicas.first.parent,
                logged_model_id=f"m-{number}",
                logged_model=logged_model_pb2.LoggedModel(params={"body": str(sender % bodies)}),
            )
            for sender in range(8)
        ]
        replies = at_once(
            pool,
            [
                partial(replica.stub.CreateLoggedModel, request, timeout=DEADLINE_SECONDS)
                for replica, request in zip(itertools.cycle(replicas.both), requests, strict=False)
            ],
        )
        created, failures = parted(replies)
        assert len({model.SerializeToString(deterministic=True) for model in created}) == 1
        assert len(created) == 8 // bodies
        assert {failure.reason for failure in failures} <= {"LOGGED_MODEL_ID_TAKEN"}
        for replica in replicas.both:
            assert replica.stub.GetLoggedModel(models_pb.GetLoggedModelRequest(name=created[0].name)) == created[0]


def test_a_logged_model_is_finalised_once(replicas: Replicas, pool: ThreadPoolExecutor) -> None:
    statuses = (logged_model_pb2.LOGGED_MODEL_STATUS_READY, logged_model_pb2.LOGGED_MODEL_STATUS_UPLOAD_FAILED)
    for _ in range(full(10, 100)):
        created = replicas.first.stub.CreateLoggedModel(
            models_pb.CreateLoggedModelRequest(parent=replicas.first.parent)
        )
        requests = [
            models_pb.FinalizeLoggedModelRequest(name=created.name, status=statuses[sender % 2]) for sender in range(8)
        ]
        # Each replica is told both.
        order = [*replicas.both, *replicas.both[::-1]] * 2
        replies = at_once(
            pool,
            [
                partial(replica.stub.FinalizeLoggedModel, request, timeout=DEADLINE_SECONDS)
                for replica, request in zip(order, requests, strict=True)
            ],
        )
        finalised, failures = parted(replies)
        assert len({model.SerializeToString(deterministic=True) for model in finalised}) == 1
        assert (len(finalised), len(failures)) == (4, 4)
        assert {failure.reason for failure in failures} == {"LOGGED_MODEL_FINALIZED"}
        for replica in replicas.both:
            request = models_pb.GetLoggedModelRequest(name=created.name)
            assert replica.stub.GetLoggedModel(request) == finalised[0]


def test_params_and_tags_of_a_logged_model_that_come_to_both_replicas(
    replicas: Replicas, pool: ThreadPoolExecutor
) -> None:
    for _ in range(full(5, 50)):
        name = replicas.first.stub.CreateLoggedModel(
            models_pb.CreateLoggedModelRequest(parent=replicas.first.parent)
        ).name
        params = [
            partial(
                replica.stub.AddLoggedModelParams,
                models_pb.AddLoggedModelParamsRequest(name=name, params={"a": str(number % 2), f"p{number}": "1"}),
                timeout=DEADLINE_SECONDS,
            )
            for number, replica in enumerate(replicas.both * 2)
        ]
        tags = [
            partial(
                replica.stub.SetLoggedModelTags,
                models_pb.SetLoggedModelTagsRequest(name=name, tags={f"t{number}": "1"}),
                timeout=DEADLINE_SECONDS,
            )
            for number, replica in enumerate(replicas.both * 2)
        ]
        changed, failures = parted(at_once(pool, [*params, *tags]))
        assert {failure.reason for failure in failures} == {"PARAM_CHANGED"}
        assert len(failures) == 2
        found = replicas.second.stub.GetLoggedModel(models_pb.GetLoggedModelRequest(name=name))
        assert dict(found.tags) == {f"t{number}": "1" for number in range(4)}
        first = int(found.params["a"])
        assert dict(found.params) == {"a": str(first), f"p{first}": "1", f"p{first + 2}": "1"}
        assert int(found.etag) == 1 + len(changed)


def test_inputs_that_come_to_both_replicas_are_there_once(replicas: Replicas, pool: ThreadPoolExecutor) -> None:
    for number in range(full(5, 50)):
        runs = [replicas.create_run() for _ in range(2)]
        used = [
            run_inputs_pb2.DatasetInput(
                dataset=run_inputs_pb2.Dataset(name=f"{number}-{place}", digest="1"),
                tags={"mlflow.data.context": "training"},
            )
            for place in range(5)
        ]
        requests = [
            pb.WriteRunRequest(
                run=runs[sender % 2],
                inputs=run_inputs_pb2.RunInputs(datasets=used if sender < 4 else used[::-1]),
                outputs=run_inputs_pb2.RunOutputs(models=[run_inputs_pb2.LoggedModelOutput(model_id="m-1")]),
            )
            for sender in range(8)
        ]
        replies = at_once(
            pool,
            [partial(write, replica, request) for replica, request in zip(replicas.both * 4, requests, strict=True)],
        )
        answers, failures = parted(replies)
        assert not failures
        assert not any(answer.refused for answer in answers)
        for replica, run in itertools.product(replicas.both, runs):
            found = replica.stub.GetRun(pb.GetRunRequest(name=run))
            assert list(found.inputs.datasets) == used
            assert len(found.outputs.models) == 1
    listed = replicas.first.stub.SearchDatasets(
        models_pb.SearchDatasetsRequest(parent=replicas.first.parent, page_size=1000)
    )
    assert len(listed.datasets) == 5 * full(5, 50)
