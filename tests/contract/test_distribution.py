"""What docs/scaling.md says of the schemas: how tables are keyed and spread, and what refers to what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

import psycopg2
import pytest

from trivet_testing import artifacts, registry, tracking
from trivet_testing.postgres import PostgresServer

# What a run has.
OF_RUNS = {
    *("console", "console_chunk", "dataset_input", "dataset_input_tag", "metric_chunk", "metric_context"),
    *("metric_latest", "metric_log", "metric_writer", "model_input", "model_output", "param", "purged_run"),
    *("run_stop", "tag"),
}
# What has a column `run_pk` besides, and why it is keyed otherwise.
OTHERS = {
    "run",  # by what people name it, too
    "rule",  # most are of experiments
    "rule_event",
    "run_change",  # by transactions, in whose order it is read
}
PARTITIONED = {"metric_log", "metric_chunk", "console_chunk"}
PARTITIONS = 16


@pytest.fixture(scope="module")
def url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database with all three schemas."""
    url = postgres_server.create_database()
    for service in (tracking, artifacts, registry):
        service.migrate(url)
    yield url
    postgres_server.drop_database(url)


def rows(url: str, query: str) -> Sequence[tuple[object, ...]]:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def test_what_a_run_has_is_keyed_by_it_first(url: str) -> None:
    with_run = rows(
        url,
        """
        SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'trivet_tracking'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND a.attname = 'run_pk'
        """,
    )
    assert {name for (name,) in with_run} == OF_RUNS | OTHERS
    keys = rows(
        url,
        """
        SELECT c.relname, i.indisprimary, array_agg(a.attname::text ORDER BY k.place)
        FROM pg_index i
        JOIN pg_class c ON c.oid = i.indrelid
        CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(number, place)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
        WHERE c.relnamespace = 'trivet_tracking'::regnamespace AND i.indisunique AND NOT c.relispartition
          AND k.place <= i.indnkeyatts
        GROUP BY i.indexrelid, c.relname, i.indisprimary
        """,
    )
    of_runs = [(name, is_primary, columns) for name, is_primary, columns in keys if name in OF_RUNS]
    assert {name for name, is_primary, _ in of_runs if is_primary} == OF_RUNS
    for name, _, columns in of_runs:
        assert isinstance(columns, list)
        assert columns[0] == "run_pk", name


def test_the_bytes_of_points_and_consoles_are_spread_by_run(url: str) -> None:
    spread = rows(
        url,
        """
        SELECT p.partrelid::regclass::text, p.partstrat::text, pg_get_partkeydef(p.partrelid), count(*)
        FROM pg_partitioned_table p JOIN pg_inherits i ON i.inhparent = p.partrelid
        GROUP BY 1, 2, 3
        """,
    )
    assert sorted(spread) == sorted(
        (f"trivet_tracking.{name}", "h", "HASH (run_pk)", PARTITIONS) for name in PARTITIONED
    )


def test_no_reference_leaves_a_schema_and_what_a_run_has_refers_to_little_else(url: str) -> None:
    references = rows(
        url,
        """
        SELECT f.relnamespace::regnamespace::text, f.relname, t.relnamespace::regnamespace::text, t.relname
        FROM pg_constraint c JOIN pg_class f ON f.oid = c.conrelid JOIN pg_class t ON t.oid = c.confrelid
        WHERE c.contype = 'f' AND c.conparentid = 0
        """,
    )
    assert references
    assert all(schema == other for schema, _, other, _ in references)
    tracked = [(name, to) for schema, name, _, to in references if schema == "trivet_tracking"]
    assert {to for name, to in tracked if name in OF_RUNS} == {"run", "dataset"}
    assert {to for name, to in tracked if name == "run"} == {"experiment"}
