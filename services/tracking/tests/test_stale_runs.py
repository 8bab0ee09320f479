"""Runs that have not been written for long. Time passes in the database: rows are made older."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import grpc
import pytest
import sqlalchemy as sa
from google.protobuf.field_mask_pb2 import FieldMask

from trivet_kit.db import Database
from trivet_proto.tracking.v1 import run_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.records import create_run, get_run, id_of, metric, search_runs, write
from trivet_testing.tracking import Tracking, start_server
from trivet_tracking.server import open_database
from trivet_tracking.settings import STALE_AFTER_SECONDS
from trivet_tracking.store import tables

LONG_MILLIS = round(STALE_AFTER_SECONDS * 1000) + 60_000


@pytest.fixture(scope="module")
def database(server_database_url: str) -> Iterator[Database]:
    """The server's database, opened a second time."""
    with closing(open_database(server_database_url)) as database:
        yield database


def age(database: Database, tracking: Tracking, run: str, millis: int) -> None:
    """Makes what was written to a run so much older."""
    writer = tables.metric_writer
    of_run = sa.and_(tables.run.c.workspace == tracking.workspace, tables.run.c.run_id == id_of(run))
    with database.transaction("write") as connection:
        run_pk = connection.execute(sa.select(tables.run.c.run_pk).where(of_run)).scalar_one()
        connection.execute(sa.update(tables.run).where(of_run).values(update_time=tables.run.c.update_time - millis))
        connection.execute(sa.update(writer).where(writer.c.run_pk == run_pk).values(time=writer.c.time - millis))


def update(tracking: Tracking, run: str, **fields: object) -> run_pb2.Run:
    changed = run_pb2.Run(name=run, **fields)  # type: ignore[arg-type] # fields of Run
    return tracking.stub.UpdateRun(pb.UpdateRunRequest(run=changed, update_mask=FieldMask(paths=list(fields))))


def test_a_running_run_that_is_not_written_for_long_is_stale(tracking: Tracking, database: Database) -> None:
    run = create_run(tracking, "old").name
    create_run(tracking, "new")
    write(tracking, run, metrics=metric("loss", (1, 1, 1.0)), writer_id=5, sequence=1)
    assert not get_run(tracking, run).stale
    age(database, tracking, run, LONG_MILLIS)
    assert get_run(tracking, run).stale
    assert search_runs(tracking, "stale = 'true'") == ["old"]
    assert search_runs(tracking, "stale != 'true'") == ["new"]
    assert search_runs(tracking, "stale IN ('true', 'false')", "stale ASC") == ["new", "old"]
    assert search_runs(tracking, "", "last_write_time ASC") == ["old", "new"]
    at = get_run(tracking, run).last_write_time.ToMilliseconds()
    assert search_runs(tracking, f"last_write_time = {at}") == ["old"]
    assert search_runs(tracking, f"last_write_time > {at}") == ["new"]


WRITES: dict[str, Callable[[Tracking, str], object]] = {
    "a-writer": lambda tracking, run: write(tracking, run, tags=[pb.Tag(key="a")], writer_id=5, sequence=1),
    "no-writer": lambda tracking, run: write(tracking, run, metrics=metric("loss", (1, 1, 1.0))),
    "an-update": lambda tracking, run: update(tracking, run, description="still there"),
}


@pytest.mark.parametrize("way", WRITES)
def test_a_run_that_is_written_again_is_not_stale_any_more(tracking: Tracking, database: Database, way: str) -> None:
    run = create_run(tracking).name
    WRITES[way](tracking, run)
    first = get_run(tracking, run).last_write_time
    age(database, tracking, run, LONG_MILLIS)
    stale = get_run(tracking, run)
    assert stale.stale
    assert stale.last_write_time.ToMilliseconds() == first.ToMilliseconds() - LONG_MILLIS
    if way == "a-writer":
        write(tracking, run, tags=[pb.Tag(key="a")], writer_id=5, sequence=2)
    else:
        WRITES[way](tracking, run)
    found = get_run(tracking, run)
    assert not found.stale
    assert found.last_write_time.ToMilliseconds() >= first.ToMilliseconds()
    assert search_runs(tracking, "stale = 'true'") == []


def test_a_run_that_has_ended_is_never_stale(tracking: Tracking, database: Database) -> None:
    run = create_run(tracking).name
    update(tracking, run, status=run_pb2.RUN_STATUS_FINISHED)
    age(database, tracking, run, LONG_MILLIS)
    assert not get_run(tracking, run).stale
    assert search_runs(tracking, "stale = 'true'") == []


def test_both_are_read_where_they_are_asked_for(tracking: Tracking) -> None:
    create_run(tracking)
    for paths, has_time in ((["name"], False), (["last_write_time"], True), (["stale"], False), ([], True)):
        request = pb.SearchRunsRequest(parent=tracking.parent, read_mask=FieldMask(paths=paths))
        (run,) = tracking.stub.SearchRuns(request).runs
        assert run.HasField("last_write_time") is has_time


@pytest.mark.parametrize(("seconds", "stale"), [("0", []), ("60", ["old"])])
def test_an_operator_says_how_long_that_is(
    tracking: Tracking, database: Database, server_database_url: str, seconds: str, stale: list[str]
) -> None:
    run = create_run(tracking, "old").name
    age(database, tracking, run, 61_000)
    with (
        start_server(server_database_url, TRIVET_STALE_AFTER_SECONDS=seconds) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        other = Tracking(TrackingServiceStub(channel), tracking.workspace)
        assert get_run(other, run).stale is bool(stale)
        assert search_runs(other, "stale = 'true'") == stale
