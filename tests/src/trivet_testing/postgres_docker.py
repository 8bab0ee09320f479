"""PostgreSQL in a container."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trivet_testing.docker_engine import require_image
from trivet_testing.secret_search import make_secret

if TYPE_CHECKING:
    from testcontainers.community.postgres import PostgresContainer

_IMAGE: Final = "postgres:15"
_USER: Final = "trivet"


def postgres_image() -> PostgresImage:
    """The image that servers are made of.

    Raises:
        NoEngineError: If no Docker engine answers or it has no way to the image.
    """
    require_image(_IMAGE)
    return PostgresImage(origin=f"{_IMAGE} in a container")


@dataclass(frozen=True)
class PostgresImage:
    """The image, to be had from a Docker engine that answers."""

    origin: str
    """What it is, for the person who reads the output of a run."""

    def create(self, *, syncs: bool) -> DockerCluster:
        """Starts a container and returns when its server answers; `syncs` is as in `Source`."""
        # The reaper is one more image to pull, and the fixtures stop what they started.
        os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
        from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - reads the variable, and 0.5 s

        container = PostgresContainer(_IMAGE, username=_USER, password=make_secret("postgres"), dbname="postgres")
        if not syncs:
            container.with_command("postgres -c fsync=off -c full_page_writes=off")
        try:
            container.start()
            return DockerCluster(container, self.origin)
        except BaseException:
            container.stop()
            raise


class DockerCluster:
    """A running server in a container of its own, reached at a port of this machine."""

    def __init__(self, container: PostgresContainer, origin: str) -> None:
        self._container: PostgresContainer | None = container
        host = container.get_container_host_ip().replace("localhost", "127.0.0.1")  # never ::1 first
        self.address = f"{host}:{container.get_exposed_port(container.port)}"
        self.user = container.username
        self.password = container.password
        self.origin = origin

    def stop(self) -> None:
        """Removes the container and its data. Idempotent."""
        if self._container is not None:
            self._container.stop()
            self._container = None
