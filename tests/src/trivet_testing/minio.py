"""A real server of S3's protocol for tests: MinIO, on loopback, with a folder and credentials of its own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from minio import Minio

from trivet_testing.secret_search import make_secret
from trivet_testing.servers import ServerNotReadyError, ServerProcess, free_port

_START_ATTEMPTS: Final = 3


@dataclass
class MinioServer:
    """A running server. `restart` is for the test that has it alone."""

    program: Path
    folder: Path
    port: int
    user: str = "trivet"
    password: str = field(default_factory=lambda: make_secret("s3"))
    settings: dict[str, str] = field(default_factory=dict)
    """What else its environment says, from the next `start` on."""
    process: ServerProcess | None = None

    @property
    def endpoint(self) -> str:
        """`http://host:port`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def credentials(self) -> dict[str, str]:
        """The environment of a process that is to use the server."""
        return {"AWS_ACCESS_KEY_ID": self.user, "AWS_SECRET_ACCESS_KEY": self.password}

    def client(self) -> Minio:
        """A client of the tests' own, to look behind the service."""
        return Minio(
            f"127.0.0.1:{self.port}", access_key=self.user, secret_key=self.password, secure=False, region="us-east-1"
        )

    def create_bucket(self) -> str:
        """Makes an empty bucket of a random name and returns the name."""
        name = f"test-{secrets.token_hex(8)}"
        self.client().make_bucket(name)
        return name

    def store(self, bucket: str) -> str:
        """The setting with which an artifact service uses a bucket."""
        return f"s3://{bucket}?endpoint={self.endpoint}&region=us-east-1"

    def start(self) -> None:
        """Starts the server on its port, and returns when it answers."""
        command = [
            str(self.program),
            "server",
            "--address",
            f"127.0.0.1:{self.port}",
            "--console-address",
            "127.0.0.1:0",
            str(self.folder),
        ]
        env = {
            "MINIO_ROOT_USER": self.user,
            "MINIO_ROOT_PASSWORD": self.password,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            **self.settings,
        }
        self.process = ServerProcess.start(command, env, r"^API: ", ready_on="stderr")

    def kill(self) -> None:
        """Kills the server, as a crash would. Idempotent."""
        if self.process is not None:
            self.process.kill()


@contextmanager
def start(program: Path, folder: Path) -> Iterator[MinioServer]:
    """Starts a server whose data are in a folder, on a free port; it is gone at the end of the block."""
    for attempt in range(1, _START_ATTEMPTS + 1):
        server = MinioServer(program, folder, free_port())
        try:
            server.start()
            break
        except ServerNotReadyError:
            # Somebody else may have taken the port.
            if attempt == _START_ATTEMPTS:
                raise
    try:
        yield server
    finally:
        server.kill()
