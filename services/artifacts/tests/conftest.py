"""A real artifact server for these tests, once over SQLite and a folder, once over PostgreSQL and MinIO.

Each test has a workspace of its own in it, so that tests see nothing of each other and the server starts only once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_testing.artifacts import Artifacts, Place, migrate, start_server
from trivet_testing.depot import Depot
from trivet_testing.workspaces import unused_workspace


@pytest.fixture(scope="session", params=["sqlite-folder", "postgres-s3"])
def shared_place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Where the shared server keeps things; migrated."""
    place = make_place(request, tmp_path_factory.mktemp("artifacts"))
    migrate(place.database_url)
    return place


def make_place(request: pytest.FixtureRequest, folder: Path) -> Place:
    """A database and a store that nobody else has, of the kinds that the fixture's parameter says."""
    if request.param == "sqlite-folder":
        return Place(f"sqlite:///{folder / 'artifacts.db'}", str(folder / "store"), {})
    minio = request.getfixturevalue("minio_server")
    database_url = request.getfixturevalue("postgres_server").create_database()
    return Place(database_url, minio.store(minio.create_bucket()), minio.credentials)


@pytest.fixture(scope="session")
def artifacts_address(shared_place: Place) -> Iterator[str]:
    """The address of the shared server."""
    with start_server(shared_place) as server:
        yield server.address
        # Whatever the tests did, nothing in it was a fault of the server.
        assert "Traceback" not in server.stderr, server.stderr[-20_000:]


@pytest.fixture(scope="session")
def channel(artifacts_address: str) -> Iterator[grpc.Channel]:
    """A channel to the shared server."""
    with grpc.insecure_channel(artifacts_address) as channel:
        yield channel


@pytest.fixture
def artifacts(channel: grpc.Channel) -> Artifacts:
    """The shared server, in a workspace that no other test uses."""
    return Artifacts(ArtifactServiceStub(channel), unused_workspace())


@pytest.fixture(params=["sqlite-folder", "postgres-s3"])
def depot(request: pytest.FixtureRequest, tmp_path: Path) -> Depot:
    """A place of this test's own, seen from behind the server."""
    place = make_place(request, tmp_path)
    migrate(place.database_url)
    return Depot(place)
