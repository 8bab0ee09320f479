"""A real tracking server for the tests of this service, once over SQLite and once over PostgreSQL.

Each test has a workspace of its own in it, so that tests see nothing of each other and the server starts only once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import grpc
import pytest

from trivet_kit.db import Database
from trivet_kit.timestamps import now_millis
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.tracking import Tracking, migrate, start_server
from trivet_testing.workspaces import unused_workspace
from trivet_tracking.server import open_database
from trivet_tracking.store.folding import Folding


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def server_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of the database that the shared server runs on."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('tracking') / 'tracking.db'}"
    url: str = request.getfixturevalue("postgres_server").create_database()
    return url


@pytest.fixture(scope="session")
def tracking_address(server_database_url: str) -> Iterator[str]:
    """The address of the shared server."""
    migrate(server_database_url)
    with start_server(server_database_url) as server:
        yield server.address


@pytest.fixture(scope="session")
def channel(tracking_address: str) -> Iterator[grpc.Channel]:
    """A channel to the shared server."""
    with grpc.insecure_channel(tracking_address) as channel:
        yield channel


@pytest.fixture
def tracking(channel: grpc.Channel) -> Tracking:
    """The shared server, in a workspace that no other test uses."""
    return Tracking(TrackingServiceStub(channel), unused_workspace())


@pytest.fixture(scope="session")
def database(server_database_url: str) -> Iterator[Database]:
    """The shared server's database, opened a second time."""
    with closing(open_database(server_database_url)) as database:
        yield database


@pytest.fixture(scope="session")
def folding(database: Database) -> Folding:
    """Makes chunks of what the shared server's log has."""
    return Folding(database, now_millis)
