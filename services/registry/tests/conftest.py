"""A real registry server for the tests of this service, once over SQLite and once over PostgreSQL.

Each test has a workspace of its own in it, so that tests see nothing of each other and the server starts only once.
No artifact service answers it: a version of artifacts stays PENDING.
"""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest

from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from trivet_testing.registry import Registry, migrate, start_server
from trivet_testing.workspaces import unused_workspace


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def server_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of the database that the shared server runs on."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('registry') / 'registry.db'}"
    url: str = request.getfixturevalue("postgres_server").create_database()
    return url


@pytest.fixture(scope="session")
def registry_address(server_database_url: str) -> Iterator[str]:
    """The address of the shared server."""
    migrate(server_database_url)
    with start_server(server_database_url) as server:
        yield server.address


@pytest.fixture(scope="session")
def channel(registry_address: str) -> Iterator[grpc.Channel]:
    """A channel to the shared server."""
    with grpc.insecure_channel(registry_address) as channel:
        yield channel


@pytest.fixture
def registry(channel: grpc.Channel) -> Registry:
    """The shared server, in a workspace that no other test uses."""
    return Registry(RegistryServiceStub(channel), unused_workspace())
