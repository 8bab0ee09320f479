"""Every plan of a search for runs gives what the language means, in the order asked for, on pages of any size.

The store is asked directly, because how far its plans go is an argument of it: with the bounds of a server, a few runs
would only ever be looked at one by one.
"""

from __future__ import annotations

import math
import operator
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trivet_kit.search.expressions import (
    Aggregate,
    And,
    Comparison,
    Entity,
    Expression,
    Key,
    Not,
    Operator,
    Or,
    OrderClause,
)
from trivet_kit.timestamps import now_millis
from trivet_proto.tracking.v1 import run_pb2
from trivet_proto.tracking.v1.tracking_service_pb2 import DeleteRunRequest
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.records import create_experiment, create_run, dataset_input, metric, timestamp, write
from trivet_testing.tracking import Tracking, full
from trivet_testing.workspaces import unused_workspace
from trivet_tracking.domain.experiments import View
from trivet_tracking.domain.runs import RunQuery, RunStatus
from trivet_tracking.server import open_database
from trivet_tracking.store.experiments import SqlExperiments
from trivet_tracking.store.run_attributes import run_attributes
from trivet_tracking.store.run_probes import PlanBounds
from trivet_tracking.store.runs import SqlRuns

BOUNDS = {
    "sets": PlanBounds(driven=0, walked=0),
    "a short walk": PlanBounds(driven=0, walked=4),
    "a long walk": PlanBounds(driven=0, walked=1000),
    "driving": PlanBounds(driven=1000, walked=0),
    "some of each": PlanBounds(driven=6, walked=8),
}
N_RUNS = 40
LONG = "x" * 200
TEXTS = ["", "a", "A", "ab", "0.5", "5", "1e1", "-inf", "nan", "0x1", LONG, LONG + "a", LONG + "b"]
NUMBERS = [-1.0, 0.0, 0.5, 1.0, 10.0]
METRIC_VALUES = [math.nan, math.inf, -math.inf, *NUMBERS]
PATTERNS = ["%", "", "a%", "%a", "_", "%B", f"{LONG}_", f"{LONG}%", "%5"]


@dataclass
class RunRow:
    """A run as the oracle knows it."""

    run_id: str
    experiment_id: int
    start_time: int
    end_time: int | None
    status: RunStatus
    deleted: bool
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    """The values by step."""
    datasets: list[dict[str, str | None]] = field(default_factory=list)
    """Name, digest and context of each."""

    def value(self, key: Key) -> str | int | float | None:
        """What a key means of the run; None if it has none."""
        match key.entity:
            case Entity.PARAM:
                return self.params.get(key.name)
            case Entity.TAG:
                return self.tags.get(key.name)
            case Entity.METRIC:
                values = self.metrics.get(key.name)
                if values is None or key.aggregate is Aggregate.LAST:
                    return None if values is None else values[-1]
                numbers = [value for value in values if not math.isnan(value)]
                return (min if key.aggregate is Aggregate.MIN else max)(numbers, default=math.nan)
        if key.name == "duration":
            return None if self.end_time is None else self.end_time - self.start_time
        value: str | int | None = self.status.name if key.name == "status" else getattr(self, key.name)
        return value


@dataclass(frozen=True)
class Data:
    """Runs in a store, and what the oracle knows of them."""

    workspace: str
    stores: dict[str, SqlRuns]
    rows: list[RunRow] = field(repr=False)


@pytest.fixture(scope="module")
def data(channel: grpc.Channel, server_database_url: str, tracking_address: str) -> Iterator[Data]:
    tracking = Tracking(TrackingServiceStub(channel), unused_workspace())
    chance = random.Random(5)
    experiments = [int(create_experiment(tracking, name).name.rpartition("/")[2]) for name in ("one", "two")]
    rows = [_make_run(tracking, chance, number, experiments[number % 8 == 0]) for number in range(N_RUNS)]
    database = open_database(server_database_url)
    of_experiments = SqlExperiments(database, now_millis)
    attributes = run_attributes(database.dialect, stale_after_millis=0)
    stores = {
        name: SqlRuns(database, of_experiments, now_millis, attributes, bounds) for name, bounds in BOUNDS.items()
    }
    yield Data(tracking.workspace, stores, rows)
    database.close()


def _make_run(tracking: Tracking, chance: random.Random, number: int, experiment_id: int) -> RunRow:
    start = chance.randrange(4)
    row = RunRow(
        run_id=f"r{number:02}",
        experiment_id=experiment_id,
        start_time=start,
        end_time=chance.choice([None, start, start + 1, start + 5]),
        status=chance.choice([RunStatus.RUNNING, RunStatus.FINISHED]),
        deleted=number % 7 == 0,
    )
    for entries in (row.params, row.tags):
        entries |= {key: chance.choice(TEXTS) for key in ("k", "l") if chance.random() < 0.8}
    for key in ("m", "n"):
        if chance.random() < 0.8:
            row.metrics[key] = [chance.choice(METRIC_VALUES) for _ in range(chance.randrange(1, 4))]
    for name, digest in chance.sample([("d", "1"), ("d", "2"), ("ab", "1")], chance.randrange(3)):
        row.datasets.append({"name": name, "digest": digest, "context": chance.choice([None, "a", "A"])})
    run = create_run(
        tracking,
        row.run_id,
        experiment=tracking.experiment_name(experiment_id),
        start_time=timestamp(row.start_time),
        end_time=None if row.end_time is None else timestamp(row.end_time),
        status=run_pb2.RunStatus.ValueType(row.status.value),
        params={"k": row.params["k"]} if "k" in row.params else {},
        tags=row.tags,
    )
    # Some params come with the run, and some later.
    write(tracking, run.name, params=[{"key": key, "value": text} for key, text in row.params.items()])
    for key, values in row.metrics.items():
        write(tracking, run.name, metrics=metric(key, *((step, 0, value) for step, value in enumerate(values))))
    used = [dataset_input(str(one["name"]), str(one["digest"]), one["context"] or "") for one in row.datasets]
    write(tracking, run.name, inputs={"datasets": used})
    if row.deleted:
        tracking.stub.DeleteRun(DeleteRunRequest(name=run.name))
    return row


# What the language means, written from docs/search.md.


def passes(row: RunRow, expression: Expression) -> bool:
    match expression:
        case And(terms):
            return all(passes(row, term) for term in terms)
        case Or(terms):
            return any(passes(row, term) for term in terms)
        case Not(term):
            return not passes(row, term)
    if expression.key.entity is Entity.DATASET:
        return _has_dataset(row, expression)
    value, wanted = row.value(expression.key), expression.value
    if expression.operator in (Operator.IS_NULL, Operator.IS_NOT_NULL):
        return (value is None) is (expression.operator is Operator.IS_NULL)
    if value is None:
        return False
    first = wanted[0] if isinstance(wanted, tuple) else wanted
    if expression.key.entity is Entity.PARAM and isinstance(first, float):
        if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf", str(value)) is None:
            return False
        value = float(value)
    return _COMPARES[expression.operator](value, wanted)


def _has_dataset(row: RunRow, term: Comparison) -> bool:
    values = [dataset[term.key.name] for dataset in row.datasets if dataset[term.key.name] is not None]
    if term.operator in (Operator.IS_NULL, Operator.IS_NOT_NULL):
        return bool(values) is (term.operator is Operator.IS_NOT_NULL)
    return any(_COMPARES[term.operator](value, term.value) for value in values)


_COMPARES: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
    Operator.IN: lambda value, wanted: value in wanted,
    Operator.NOT_IN: lambda value, wanted: value not in wanted,
    Operator.BETWEEN: lambda value, wanted: wanted[0] <= value <= wanted[1],
    Operator.NOT_BETWEEN: lambda value, wanted: not wanted[0] <= value <= wanted[1],
    Operator.LIKE: lambda value, wanted: _is_like(value, wanted, re.DOTALL),
    Operator.ILIKE: lambda value, wanted: _is_like(value, wanted, re.DOTALL | re.IGNORECASE | re.ASCII),
}


def _is_like(value: str, pattern: str, flags: re.RegexFlag) -> bool:
    parts = ({"%": ".*", "_": "."}.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch("".join(parts), value, flags) is not None


def in_order(rows: list[RunRow], order_by: list[OrderClause]) -> list[RunRow]:
    # The last clause first: sorting is stable.
    found = sorted(rows, key=lambda row: (-row.start_time, row.run_id))
    for clause in reversed(order_by):
        with_value = [row for row in found if not _is_missing(row.value(clause.key))]
        missing = [row for row in found if _is_missing(row.value(clause.key))]
        placed: list[RunRow] = []
        for value in sorted({row.value(clause.key) for row in with_value}, reverse=clause.descending):  # type: ignore[type-var] # of one type
            placed += [row for row in with_value if row.value(clause.key) == value]
        found = placed + sorted(missing, key=lambda row: row.value(clause.key) is None)
    return found


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


KEYS = st.sampled_from(["k", "l", "never"])
METRIC_KEYS = st.builds(Key, st.just(Entity.METRIC), st.sampled_from(["m", "n", "never"]), st.sampled_from(Aggregate))
TEXT_KEYS = st.builds(Key, st.sampled_from([Entity.PARAM, Entity.TAG]), KEYS)
TIMES = st.builds(Key, st.just(Entity.ATTRIBUTE), st.sampled_from(["start_time", "end_time", "duration"]))
OTHERS = st.builds(Key, st.just(Entity.ATTRIBUTE), st.sampled_from(["run_id", "status"]))
ORDERED = [Operator.EQ, Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE]


def compared(keys: st.SearchStrategy[Key], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Expression]:
    lists = st.lists(values, min_size=1, max_size=3).map(tuple)
    return (
        st.builds(Comparison, keys, st.sampled_from(ORDERED), values)
        | st.builds(Comparison, keys, st.sampled_from([Operator.IN, Operator.NOT_IN]), lists)
        | st.builds(
            Comparison, keys, st.sampled_from([Operator.BETWEEN, Operator.NOT_BETWEEN]), st.tuples(values, values)
        )
    )


def matched(keys: st.SearchStrategy[Key], texts: list[str]) -> st.SearchStrategy[Expression]:
    lists = st.lists(st.sampled_from(texts), min_size=1, max_size=3).map(tuple)
    return (
        st.builds(Comparison, keys, st.sampled_from([Operator.EQ, Operator.NE]), st.sampled_from(texts))
        | st.builds(Comparison, keys, st.sampled_from([Operator.IN, Operator.NOT_IN]), lists)
        | st.builds(Comparison, keys, st.sampled_from([Operator.LIKE, Operator.ILIKE]), st.sampled_from(PATTERNS))
    )


def absent(keys: st.SearchStrategy[Key]) -> st.SearchStrategy[Expression]:
    return st.builds(Comparison, keys, st.sampled_from([Operator.IS_NULL, Operator.IS_NOT_NULL]), st.none())


DATASETS = st.builds(Key, st.just(Entity.DATASET), st.sampled_from(["name", "digest", "context"]))
PARAMS = st.builds(Key, st.just(Entity.PARAM), KEYS)
LEAVES = st.one_of(
    compared(METRIC_KEYS, st.sampled_from(NUMBERS)),
    compared(PARAMS, st.sampled_from(NUMBERS)),
    compared(TIMES, st.integers(-1, 6)),
    matched(TEXT_KEYS, TEXTS),
    matched(OTHERS, ["r01", "r02", "RUNNING", "FINISHED"]),
    matched(DATASETS, ["d", "ab", "1", "2", "a", "A"]),
    absent(METRIC_KEYS | TEXT_KEYS | DATASETS | TIMES.filter(lambda key: key.name != "start_time")),
)
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=5,
)
FILTERS = st.lists(EXPRESSIONS, max_size=2).map(lambda terms: And(tuple(terms)))
CLAUSES = st.builds(OrderClause, METRIC_KEYS | TEXT_KEYS | TIMES | OTHERS, st.booleans())
ORDERS = st.lists(CLAUSES, max_size=2, unique_by=lambda clause: clause.key)


@pytest.mark.parametrize("plan", BOUNDS)
@settings(max_examples=full(20, 2000), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    where=FILTERS,
    order_by=ORDERS,
    size=st.sampled_from([1, 3, 10, 100]),
    view=st.sampled_from([View.ACTIVE, View.ACTIVE, View.ALL, View.DELETED]),
    n_experiments=st.sampled_from([0, 1, 1, 2]),
)
def test_pages_are_what_the_language_means(
    data: Data, plan: str, where: And, order_by: list[OrderClause], size: int, view: View, n_experiments: int
) -> None:
    # None means all.
    experiment_ids = tuple(sorted({row.experiment_id for row in data.rows}))[:n_experiments]
    searched = [
        row
        for row in data.rows
        if (not experiment_ids or row.experiment_id in experiment_ids)
        and (view is View.ALL or row.deleted is (view is View.DELETED))
    ]
    expected = [row.run_id for row in in_order([row for row in searched if passes(row, where)], order_by)]
    found: list[str] = []
    after = None
    while True:
        query = RunQuery(experiment_ids, where, tuple(order_by), view, size, after, count=True)
        page = data.stores[plan].search(data.workspace, query)
        assert page.total == len(expected)
        found += [run.run_id for run in page.runs]
        if page.is_last:
            break
        after = page.cursors[-1]
    assert found == expected
