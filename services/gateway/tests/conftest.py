"""A gateway before real services: over SQLite and a folder, and over SQLite and S3."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trivet_testing.gateways import Gateway, gateway_before, services_in
from trivet_testing.minio import MinioServer


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The gRPC address of all three services, which keep things in a folder."""
    folder = tmp_path_factory.mktemp("services")
    with services_in(folder, "--data", str(folder)) as address:
        yield address


@pytest.fixture(scope="session")
def services_on_s3(tmp_path_factory: pytest.TempPathFactory, minio_server: MinioServer) -> Iterator[str]:
    """The gRPC address of all three services, whose files are in a bucket."""
    folder = tmp_path_factory.mktemp("services-s3")
    options = ("--database", f"sqlite:///{folder / 'trivet.db'}", "--artifacts")
    store = minio_server.store(minio_server.create_bucket())
    with services_in(folder, *options, store, **minio_server.credentials) as address:
        yield address


@pytest.fixture(scope="session")
def gateway_over_folder(services: str) -> Iterator[Gateway]:
    """A gateway over a folder."""
    with gateway_before(services) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def gateway(gateway_over_folder: Gateway) -> str:
    """The URL of the gateway over a folder."""
    return gateway_over_folder.url


@pytest.fixture(scope="session")
def gateway_over_s3(services_on_s3: str) -> Iterator[Gateway]:
    """A gateway over S3, which clients reach themselves."""
    with gateway_before(services_on_s3, TRIVET_DIRECT_TRANSFERS="true") as gateway:
        yield gateway


@pytest.fixture(scope="session")
def gateway_on_s3(gateway_over_s3: Gateway) -> str:
    """The URL of the gateway over S3."""
    return gateway_over_s3.url
