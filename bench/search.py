"""How long a caller waits for a page of 100 of 100,000 runs, beside the plain SQL for the ids of that page.

    .venv/bin/python bench/search.py [--runs 100000] [--calls 40] [--database URL]

Each search is a call over gRPC that returns whole runs. The plain SQL is what one would write without a plan rule: one
correlated EXISTS a term, the planner left free, and only the ids returned, by psycopg2 (sqlite3 for SQLite).
"""

from __future__ import annotations

import argparse
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import dataset
import psycopg2
from google.protobuf.field_mask_pb2 import FieldMask
from harness import PARENT, Cell, Setting, Side, millis, percentile, served

from trivet_kit.db.database import parse_url
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing import postgres
from trivet_testing.tracking import migrate
from trivet_tracking.store.tables import SCHEMA


@dataclass(frozen=True)
class Case:
    """A search and the plain SQL for the same ids."""

    name: str
    reach_millis: int
    """What its 95th percentile is to be below."""
    where: str = ""
    order_by: str = ""
    plain_where: str = "true"
    plain_order: str = ""
    page: int = 1
    fields: dict[str, object] = field(default_factory=dict)
    """More fields of the request."""


def _metric(key: str, passes: str) -> str:
    return (
        "EXISTS (SELECT 1 FROM {schema}metric_latest m WHERE m.run_pk = run.run_pk AND m.context = 0 "
        f"AND m.key = '{key}' AND m.{passes})"
    )


def _entry(table: str, key: str, passes: str) -> str:
    return f"EXISTS (SELECT 1 FROM {{schema}}{table} e WHERE e.run_pk = run.run_pk AND e.key = '{key}' AND e.{passes})"


def _number(key: str, passes: str) -> str:
    return _entry("param", key, f"key IS NOT NULL AND CAST(e.value AS float8) {passes}")


def _is(table: str, key: str, text: str) -> str:
    return _entry(table, key, f"value = '{text}'")


def _by_metric(key: str, direction: str = "ASC") -> str:
    value = (
        f"(SELECT m.value FROM {{schema}}metric_latest m WHERE m.run_pk = run.run_pk AND m.context = 0 "
        f"AND m.key = '{key}')"
    )
    return f"{value} {direction} NULLS LAST"


_TWO_TERMS = Case(
    "two terms, ordered by a metric",
    50,
    "metrics.rmse < 0.5 AND params.model = 'xgb'",
    "metrics.rmse",
    f"{_metric('rmse', 'value < 0.5')} AND {_is('param', 'model', 'xgb')}",
    _by_metric("rmse"),
)

_FIVE_KEYS: dict[str, object] = {
    "read_mask": FieldMask(paths=["name", "display_name", "status", "start_time", "metrics", "params"]),
    "metric_keys": ["rmse", "r2", "val/loss"],
    "param_keys": ["model", "lr"],
}

CASES = (
    _TWO_TERMS,
    replace(_TWO_TERMS, name="its page 50", reach_millis=35, page=50),
    Case("default page", 35),
    Case("default page, page 50", 35, page=50),
    Case("default page, five projected keys", 20, fields=_FIVE_KEYS),
    Case(
        "three terms, ordered by a metric",
        150,
        "metrics.rmse < 0.5 AND params.model = 'xgb' AND tags.team = 'team-3'",
        "metrics.rmse",
        f"{_metric('rmse', 'value < 0.5')} AND {_is('param', 'model', 'xgb')} AND {_is('tag', 'team', 'team-3')}",
        _by_metric("rmse"),
    ),
    Case("tag =", 150, "tags.team = 'team-3'", "", _is("tag", "team", "team-3")),
    Case(
        "rare param, ordered by a metric",
        150,
        "params.early_stop = 'yes'",
        "metrics.rmse",
        _is("param", "early_stop", "yes"),
        _by_metric("rmse"),
    ),
    Case("ILIKE with hits", 150, "tags.note ILIKE '%USER-7'", "", _entry("tag", "note", "value ILIKE '%USER-7'")),
    Case("ILIKE without hits", 150, "tags.note ILIKE '%nobody%'", "", _entry("tag", "note", "value ILIKE '%nobody%'")),
    Case("metric DESC", 150, "", "metrics.rmse DESC", "true", _by_metric("rmse", "DESC")),
    Case("metric that half lack, their page 550", 150, "", "metrics.auc DESC", "true", _by_metric("auc", "DESC"), 550),
    Case(
        "two metrics below a bound that few pass",
        150,
        "metrics.rmse < 0.05 AND metrics.mae > 1.5",
        "",
        f"{_metric('rmse', 'value < 0.05')} AND {_metric('mae', 'value > 1.5')}",
    ),
    Case("run_name LIKE '%…%'", 150, "run_name LIKE '%quiet-yak%'", "", "run.display_name LIKE '%quiet-yak%'"),
    Case("status = 'RUNNING'", 150, "status = 'RUNNING'", "", "run.status = 1"),
    Case("ordered by run_name", 150, "", "run_name", "true", "run.display_name"),
    Case("ordered by end_time DESC", 150, "", "end_time DESC", "true", "run.end_time DESC NULLS LAST"),
    Case(
        "ordered by a param",
        150,
        "",
        "params.lr",
        "true",
        "(SELECT e.value FROM {schema}param e WHERE e.run_pk = run.run_pk AND e.key = 'lr')",
    ),
    Case(
        "ordered by two metrics",
        150,
        "",
        "metrics.epoch_seconds DESC, metrics.f1",
        "true",
        f"{_by_metric('epoch_seconds', 'DESC')}, {_by_metric('f1')}",
    ),
    Case(
        "OR of two, ordered by a metric",
        150,
        "params.model = 'xgb' OR tags.team = 'team-3'",
        "metrics.rmse",
        f"({_is('param', 'model', 'xgb')} OR {_is('tag', 'team', 'team-3')})",
        _by_metric("rmse"),
    ),
    Case(
        "OR of two that are rare",
        150,
        "params.seed = '7' OR params.early_stop = 'yes'",
        "metrics.rmse",
        f"({_is('param', 'seed', '7')} OR {_is('param', 'early_stop', 'yes')})",
        _by_metric("rmse"),
    ),
    Case(
        "NOT of a common term, and a rare one under OR",
        150,
        "NOT (params.optimizer = 'adam' OR metrics.rmse > 0.02)",
        "",
        f"NOT ({_is('param', 'optimizer', 'adam')} OR {_metric('rmse', 'value > 0.02')})",
    ),
    Case(
        "metric BETWEEN, ordered by another",
        150,
        "metrics.rmse BETWEEN 0.4 AND 0.5",
        "metrics.mae DESC",
        _metric("rmse", "value BETWEEN 0.4 AND 0.5"),
        _by_metric("mae", "DESC"),
    ),
    Case(
        "numbers of params",
        150,
        "params.lr < 0.001 AND params.depth IN (3, 4)",
        "metrics.rmse",
        f"{_number('lr', '< 0.001')} AND {_number('depth', 'IN (3, 4)')}",
        _by_metric("rmse"),
    ),
    Case(
        "metrics.KEY.min",
        150,
        "metrics.rmse.min < 0.1 AND metrics.r2.max > 1",
        "metrics.r2.max DESC",
        f"{_metric('rmse', 'min < 0.1')} AND {_metric('r2', 'max > 1')}",
        _by_metric("r2", "DESC").replace("m.value", "m.max"),
    ),
    Case(
        "duration, ordered by it",
        150,
        "duration BETWEEN 60000 AND 600000",
        "duration DESC",
        "run.end_time - run.start_time BETWEEN 60000 AND 600000",
        "run.end_time - run.start_time DESC NULLS LAST",
    ),
    Case(
        "with the total count",
        150,
        "metrics.rmse < 0.5 AND params.model = 'xgb'",
        "metrics.rmse",
        _TWO_TERMS.plain_where,
        _by_metric("rmse"),
        fields={"count_total": True},
    ),
    Case("params.KEY IS NULL", 150, "params.never IS NULL", "", f"NOT {_entry('param', 'never', 'value IS NOT NULL')}"),
)


@dataclass(frozen=True)
class Timing:
    """What callers waited for, in milliseconds."""

    p50: float
    p95: float
    plain_p50: float
    plain_p95: float


def two_terms(page: int) -> Case:
    """A page of the search that people make most."""
    return replace(_TWO_TERMS, page=page)


@contextmanager
def _runner(database_url: str) -> Iterator[Callable[[str], int]]:
    """Executes plain SQL on a connection of its own, and tells how many rows came."""
    if parse_url(database_url).get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(parse_url(database_url).database))) as file:
            yield lambda statement: len(file.execute(statement).fetchall())
        return
    with closing(psycopg2.connect(database_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:

            def run(statement: str) -> int:
                cursor.execute(statement)
                return len(cursor.fetchall())

            yield run


def _plain_sql(case: Case, schema: str) -> str:
    order = f"{case.plain_order}, " if case.plain_order else ""
    statement = (
        f"SELECT run_id FROM {{schema}}run run WHERE run.experiment_pk = 2 AND run.delete_time IS NULL "
        f"AND {case.plain_where} ORDER BY {order}run.start_time DESC, run.run_id "
        f"LIMIT 100 OFFSET {(case.page - 1) * 100}"
    ).format(schema=schema)
    if schema:
        return statement
    # SQLite's LIKE does not count case, unless told to.
    return statement.replace("ILIKE", "LIKE")


def request_of(stub: TrackingServiceStub, case: Case) -> pb.SearchRunsRequest:
    """The request for the case's page, gone to from the first one; LookupError if there are fewer pages."""
    request = pb.SearchRunsRequest(
        parent=PARENT,
        experiments=[dataset.EXPERIMENT],
        filter=case.where,
        order_by=case.order_by,
        page_size=100,
        **case.fields,  # type: ignore[arg-type] # fields of the request
    )
    # Thousand at a time; the size may change between pages.
    skip = (case.page - 1) * 100
    while skip:
        request.page_size = min(skip, 1000)
        answer = stub.SearchRuns(request)
        if not answer.next_page_token:
            raise LookupError(f"{case.name}: there is no page {case.page}")
        assert len(answer.runs) == request.page_size
        skip -= request.page_size
        request.page_token = answer.next_page_token
    request.page_size = 100
    return request


def measure(case: Case, stub: TrackingServiceStub, plain: Callable[[str], int], schema: str, calls: int) -> Timing:
    """Runs both sides in turn."""
    request = request_of(stub, case)
    statement = _plain_sql(case, schema)
    assert len(stub.SearchRuns(request).runs) == plain(statement), case.name
    ours, plains = [], []
    for _ in range(calls):
        ours.append(millis(lambda: stub.SearchRuns(request)))
        plains.append(millis(lambda: plain(statement)))
    return Timing(percentile(ours, 50), percentile(ours, 95), percentile(plains, 50), percentile(plains, 95))


def cells(setting: Setting, calls: int) -> Iterator[Cell]:
    """All cases, on a loaded database."""
    with _runner(setting.database_url) as plain:
        for case in _cases_with_pages(setting.stub):
            yield _cell(case, partial(measure, case, setting.stub, plain, _schema(setting.database_url), calls))


def _cell(case: Case, time_both: Callable[[], Timing]) -> Cell:
    timings: list[Timing] = []

    def ours() -> float:
        timings.append(time_both())
        return timings[-1].p95

    # Measured in turn with ours, call by call, not round by round.
    plain = Side("plain SQL for the ids", lambda: timings[-1].plain_p95)
    return Cell(f"{case.name}: p95", "ms", ours, case.reach_millis, less_is_better=True, limit=plain, rounds=1)


def report(database_url: str, calls: int, only: str = "") -> None:
    """Prints the table of all cases on a loaded database."""
    print(f"Load of the machine before: {os.getloadavg()[0]:.1f}.\n")
    print("| search | p50 / p95, ms | p95 to reach | plain SQL for the ids, ms | ratio |\n|---|---|---|---|---|")
    with served(database_url) as setting, _runner(database_url) as plain:
        for case in _cases_with_pages(setting.stub):
            if only in case.name:
                its = measure(case, setting.stub, plain, _schema(database_url), calls)
                print(
                    f"| {case.name} | {its.p50:.1f} / {its.p95:.1f} | < {case.reach_millis} "
                    f"| {its.plain_p50:.1f} / {its.plain_p95:.1f} | {its.p50 / its.plain_p50:.2f} |",
                    flush=True,
                )


def _cases_with_pages(stub: TrackingServiceStub) -> Iterator[Case]:
    """All of them, but those whose page a smaller set of runs does not have."""
    for case in CASES:
        try:
            request_of(stub, case)
        except LookupError as missing:
            print(f"| {missing} |" + " |" * 4)
        else:
            yield case


def _schema(database_url: str) -> str:
    return "" if parse_url(database_url).get_backend_name() == "sqlite" else f"{SCHEMA}."


def main() -> None:
    """Loads the data where no database is given, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=dataset.RUNS, help=f"how many (default {dataset.RUNS:,})")
    parser.add_argument("--calls", type=int, default=40, help="how often each search is measured (default 40)")
    parser.add_argument("--database", help="one that bench/dataset.py has filled; default: a PostgreSQL of its own")
    parser.add_argument("--only", default="", help="only searches whose name holds this")
    options = parser.parse_args()
    if options.database:
        report(options.database, options.calls, options.only)
        return
    server = postgres.start_own()
    try:
        url = server.create_database()
        migrate(url)
        dataset.load(url, options.runs)
        report(url, options.calls, options.only)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
