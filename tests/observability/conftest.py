"""A fleet that some work was done on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trivet_testing.fleets import Fleet, fleet
from trivet_testing.minio import MinioServer
from trivet_testing.postgres import PostgresServer


@pytest.fixture(scope="package")
def running_fleet(postgres_server: PostgresServer, minio_server: MinioServer) -> Iterator[Fleet]:
    """Four servers that whoever measures may read."""
    database_url = postgres_server.create_database()
    store = minio_server.store(minio_server.create_bucket())
    settings = {"TRIVET_FOLD_AFTER_SECONDS": "6"}  # longer than figures are kept, so that one sees what waits
    with fleet(database_url, store, minio_server.credentials, **settings) as running:
        yield running
    postgres_server.drop_database(database_url)
