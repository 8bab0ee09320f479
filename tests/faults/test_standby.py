"""A tracking service with a hot standby: clients find what they have just written, and do not notice that it goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

import trivet
from trivet_testing.metrics import METRICS_LISTEN, metrics_url_of, scrape
from trivet_testing.postgres import PostgresServer
from trivet_testing.postgres_local import LocalCluster
from trivet_testing.servers import ServerProcess
from trivet_testing.tracking import full, migrate, start_server
from trivet_testing.waiting import wait_until
from trivet_testing.workspaces import unused_workspace


@dataclass(frozen=True)
class Served:
    """A service whose database has a standby."""

    server: ServerProcess
    standby: LocalCluster

    def count(self, outcome: str) -> float:
        """How many reads ended in a way."""
        return scrape(metrics_url_of(self.server)).total("trivet_standby_reads_total", outcome=outcome)


@pytest.fixture
def served(own_postgres_server: PostgresServer) -> Iterator[Served]:
    url = own_postgres_server.create_database()
    migrate(url)
    standby = own_postgres_server.start_standby()
    assert isinstance(standby.cluster, LocalCluster)
    try:
        read_url = standby.url(url.rpartition("/")[2])
        with start_server(url, TRIVET_DATABASE_READ_URL=read_url, **METRICS_LISTEN) as server:
            yield Served(server, standby.cluster)
            assert "Traceback" not in server.stderr
    finally:
        standby.stop()


def test_what_was_just_written_is_found_while_a_standby_reads_and_when_it_is_gone(served: Served) -> None:
    with trivet.Client(f"grpc://{served.server.address}/{unused_workspace()}") as client:
        experiment_id = client.create_experiment("read elsewhere")
        run_id = client.create_run(experiment_id).info.run_id
        written = 0

        def write_and_read() -> None:
            nonlocal written
            written += 1
            client.log_metric(run_id, "loss", written, step=written)
            (found,) = client.search_runs([experiment_id], f"metrics.loss = {written}")
            assert found.info.run_id == run_id
            assert [point.step for point in client.get_metric_history(run_id, "loss")] == list(range(1, written + 1))

        def is_read_by_standby() -> bool:
            before = served.count("standby")
            write_and_read()
            return served.count("standby") > before

        for _ in range(full(20, 500)):
            write_and_read()
        wait_until(is_read_by_standby)

        served.standby.kill()
        write_and_read()
        assert served.count("away") >= 1
        write_and_read()

        served.standby.start()
        wait_until(is_read_by_standby)


def test_a_service_starts_without_the_standby_that_it_is_to_have(postgres_url: str) -> None:
    migrate(postgres_url)
    gone = "postgresql://trivet:hunter2@127.0.0.1:1/gone"
    with start_server(postgres_url, TRIVET_DATABASE_READ_URL=gone) as server:
        with trivet.Client(f"grpc://{server.address}/{unused_workspace()}") as client:
            experiment_id = client.create_experiment("alone")
            run_id = client.create_run(experiment_id).info.run_id
            assert [run.info.run_id for run in client.search_runs([experiment_id])] == [run_id]
        server.wait_for_line("Until it answers, the database reads itself", on="stderr")
        assert "hunter2" not in server.stderr
