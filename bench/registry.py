"""Models found, resolved, registered and moved, beside MLflow's registry on the same PostgreSQL server.

Each side is asked by its own Python client in a process of its own, by one caller and by several threads of it, each
of which makes one call after the other. Latencies are those that one user of the client waits for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg2
from harness import Cell, Report, Side, millis, per_second, percentile
from peer import Peer, mlflow_on
from registry_calls import RegistryCalls, registry_calls

import trivet
from trivet_registry.store.tables import SCHEMA
from trivet_testing import artifacts as artifact_server
from trivet_testing import registry as registry_server
from trivet_testing import tracking as tracking_server
from trivet_testing.artifacts import Place
from trivet_testing.postgres import PostgresServer
from trivet_testing.workspaces import WORKSPACES

VERSIONS = 10
"""Of each model: the last one in Production and the `champion`, the one before in Staging, those before archived."""
_TIMES = 100
"""How often each search is asked."""
_CALLERS = (1, 8)
_CALLS = (
    ("resolve an alias", "alias", "resolve_alias"),
    ("resolve a stage", "stage", "resolve_stage"),
    ("create a version of an outside source", "outside", "create_version"),
    ("create a version of a run's files", "files", "register_run"),
    ("move a version into another stage", "move", "move_stage"),
)
"""What is said of each, its name for us, and for MLflow."""
_WRITES = ("outside", "files", "move")


@dataclass(frozen=True)
class Bench:
    """A registry full of models, and a client of it."""

    client: trivet.Client
    models: int
    calls: RegistryCalls
    database_url: str
    """Of the same server that the registry uses, for the limits."""


def report_on(report: Report, postgres: PostgresServer, models: int, folder: Path) -> None:
    """Measures and prints the table."""
    with _bench(postgres, models, folder) as bench, mlflow_on(postgres) as peer:
        peer.fill_models(models, VERSIONS)
        report.notes.append(
            f"{models:,} models of {VERSIONS} versions each on either side, put into the tables at once: calls would "
            f"take hours with MLflow. Latencies are those of one caller. {peer.versions()}."
        )
        report.table(f"Registry of {models:,} models", cells(bench, peer))


def cells(bench: Bench, peer: Peer) -> Iterator[Cell]:
    """What jobs and people ask of a registry."""
    for name, what, way in _CALLS:
        for callers in _CALLERS:
            yield Cell(
                f"{name}, {callers} callers" if callers > 1 else name,
                "calls/s",
                partial(bench.calls.rate, what, callers),
                peer=partial(peer.best, way, number=bench.models, callers=callers, most=True),
                peer_reach=10,
                limit=Side("a row and its commit", partial(_commits_per_second, bench.database_url, callers))
                if what in _WRITES
                else None,
            )
        if what in ("alias", "stage"):
            yield Cell(
                f"{name}, median at the client",
                "ms",
                partial(bench.calls.median, what),
                reach=2,
                less_is_better=True,
            )
    yield from _searches(bench, peer)


def _searches(bench: Bench, peer: Peer) -> Iterator[Cell]:
    client = bench.client
    middle = f"model-{bench.models // 2:05}"
    searches: tuple[tuple[str, Callable[[], trivet.PagedList[object]], str], ...] = (
        ("models by part of the name", lambda: _models(client, "name LIKE '%-00%'"), "search_models_by_name"),
        ("models by a tag", lambda: _models(client, "tags.team = 'team-7'"), "search_models_by_tag"),
        ("models changed last", lambda: _models(client, "", ["last_updated_timestamp DESC"]), "search_models_newest"),
        ("versions of a model", lambda: _versions(client, f"name = '{middle}'"), "search_versions_of_model"),
        ("version of a run", lambda: _versions(client, f"run_id = '{12345:032x}'"), "search_version_of_run"),
        ("versions by a tag", lambda: _versions(client, "tags.kind = 'kind-7'"), "search_versions_by_tag"),
        ("versions in a stage", lambda: _versions(client, "stage = 'Production'"), ""),
        ("versions changed last", lambda: _versions(client, ""), "search_versions_newest"),
    )
    for name, search, way in searches:
        yield Cell(
            f"page of at most 100 {name}, 95th percentile",
            "ms",
            partial(_high, search),
            reach=100,
            less_is_better=True,
            peer=partial(peer.best, way, number=bench.models) if way else None,
            rounds=1,
        )


def _models(client: trivet.Client, where: str, order_by: list[str] | None = None) -> trivet.PagedList[object]:
    return client.search_registered_models(where, 100, order_by)  # type: ignore[return-value] # a list is invariant


def _versions(client: trivet.Client, where: str) -> trivet.PagedList[object]:
    return client.search_model_versions(where, 100)  # type: ignore[return-value] # a list is invariant


def _high(search: Callable[[], trivet.PagedList[object]]) -> float:
    assert search(), "the page is empty"
    return percentile([millis(search) for _ in range(_TIMES)], 95)


def _commits_per_second(database_url: str, callers: int) -> float:
    """How often so many connections can commit one row each, by the driver alone."""
    with closing(psycopg2.connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_row (data text)")

    def commits(_: int) -> float:
        with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            return per_second(lambda: cursor.execute("INSERT INTO bench_row (data) VALUES ('')"))

    with ThreadPoolExecutor(callers) as pool:
        return sum(pool.map(commits, range(callers)))


@contextmanager
def _bench(postgres: PostgresServer, models: int, folder: Path) -> Iterator[Bench]:
    place = Place(postgres.create_database(), str(folder / "store"), {})
    tracking, registry = postgres.create_database(), postgres.create_database()
    artifact_server.migrate(place.database_url)
    tracking_server.migrate(tracking)
    registry_server.migrate(registry)
    with ExitStack() as stack:
        artifacts = f"grpc://{stack.enter_context(artifact_server.start_server(place)).address}"
        addresses = {
            "TRIVET_ARTIFACTS_URL": artifacts,
            "TRIVET_TRACKING_URL": f"grpc://{stack.enter_context(tracking_server.start_server(tracking)).address}",
            "TRIVET_REGISTRY_URL": "grpc://"
            + stack.enter_context(registry_server.start_server(registry, artifacts_url=artifacts)).address,
        }
        os.environ.update(addresses)
        client = stack.enter_context(trivet.Client(workspace=WORKSPACES[0]))
        source = fill(client, registry, models, folder)
        calls = stack.enter_context(registry_calls(addresses, WORKSPACES[0], models, source))
        yield Bench(client, models, calls, registry)


def fill(client: trivet.Client, database_url: str, models: int, folder: Path) -> str:
    """Makes all models, and a run with files, whose URI it returns."""
    run = client.create_run("0").info.run_id
    (folder / "model").mkdir()
    for name in ("MLmodel", "model.pkl", "requirements.txt"):
        (folder / "model" / name).write_text(f"{name} of the run\n", encoding="utf-8")
    client.log_artifact(run, str(folder / "model"))
    client.create_registered_model("model-00000", tags={"team": "team-0"}, description="A model to be found.")
    for number in range(1, VERSIONS + 1):
        client.registry.register_model("s3://models/model-00000", "model-00000", tags={"kind": "kind-0"})
        client.transition_model_version_stage(
            "model-00000", number, {VERSIONS: "Production", VERSIONS - 1: "Staging"}.get(number, "Archived")
        )
    client.set_registered_model_alias("model-00000", "champion", VERSIONS)
    client.set_registered_model_alias("model-00000", "challenger", VERSIONS - 1)
    _multiply(database_url, models)
    return f"runs:/{run}/model"


def _multiply(database_url: str, models: int) -> None:
    """Copies the rows of the first model for all others; histories, which no search reads, are left out."""
    with closing(psycopg2.connect(database_url)) as connection:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMPORARY TABLE n AS SELECT generate_series(1, {models - 1}) AS i")
            _copy_rows(
                cursor,
                "model",
                {"model_id": "'model-' || lpad(i::text, 5, '0')", "uid": "md5('uid ' || i)", **_later("t")},
                "FROM {table} t CROSS JOIN n WHERE t.model_id = 'model-00000'",
            )
            cursor.execute(
                "CREATE TEMPORARY TABLE pair AS SELECT a.model_pk AS source_pk, b.model_pk AS target_pk, "
                f"substr(b.model_id, 7)::int AS i FROM {SCHEMA}.model a JOIN {SCHEMA}.model b ON b.model_id LIKE "
                "'model-%' AND b.model_id <> 'model-00000' WHERE a.model_id = 'model-00000'"
            )
            _copy_rows(
                cursor,
                "version",
                {
                    "model_pk": "p.target_pk",
                    "source_path": "'s3://models/model-' || lpad(i::text, 5, '0')",
                    "run_id": f"lpad(to_hex(i * {VERSIONS} + t.version), 32, '0')",
                    **_later("t"),
                },
                "FROM {table} t JOIN pair p ON p.source_pk = t.model_pk",
            )
            cursor.execute(
                "CREATE TEMPORARY TABLE version_pair AS SELECT a.version_pk AS source_pk, b.version_pk AS target_pk, i "
                f"FROM pair p JOIN {SCHEMA}.version a ON a.model_pk = p.source_pk "
                f"JOIN {SCHEMA}.version b ON b.model_pk = p.target_pk AND b.version = a.version"
            )
            _copy_rows(
                cursor,
                "model_tag",
                {"model_pk": "p.target_pk", "value": "'team-' || i % 200"},
                "FROM {table} t JOIN pair p ON p.source_pk = t.model_pk",
            )
            of_version = "FROM {table} t JOIN version_pair p ON p.source_pk = t.version_pk"
            _copy_rows(cursor, "version_tag", {"version_pk": "p.target_pk", "value": "'kind-' || i % 200"}, of_version)
            _copy_rows(
                cursor,
                "alias",
                {
                    "version_pk": "p.target_pk",
                    "model_pk": f"(SELECT v.model_pk FROM {SCHEMA}.version v WHERE v.version_pk = p.target_pk)",
                },
                of_version,
            )
        connection.commit()
        connection.autocommit = True
        with connection.cursor() as cursor:
            # What autovacuum does within a minute of such a load.
            cursor.execute("VACUUM ANALYZE")


def _later(table: str) -> dict[str, str]:
    return {"update_time": f"{table}.update_time + i", "create_time": f"{table}.create_time + i"}


def _copy_rows(cursor: psycopg2.extensions.cursor, table: str, changed: dict[str, str], rest: str) -> None:
    """Inserts rows that are copies of others but for some columns, and for keys that the table counts up."""
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s "
        "AND is_identity = 'NO' AND is_generated = 'NEVER'",
        (SCHEMA, table),
    )
    columns = [name for (name,) in cursor.fetchall()]
    values = ", ".join(changed.get(column, f"t.{column}") for column in columns)
    cursor.execute(
        f"INSERT INTO {SCHEMA}.{table} ({', '.join(columns)}) SELECT {values} {rest.format(table=f'{SCHEMA}.{table}')}"
    )
