"""Garbage that `trivet up` collects by itself."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import grpc
import sqlalchemy as sa

from trivet_artifacts.server import open_database
from trivet_artifacts.store import tables
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_testing.artifacts import Artifacts
from trivet_testing.depot import await_that
from trivet_testing.servers import ServerProcess

TRIVET_UP = (str(Path(sys.executable).with_name("trivet")), "up")
READY = r"^Trivet is ready: grpc (\S+)$"
HOUR_MILLIS = 60 * 60 * 1000


def test_up_frees_what_nothing_refers_to_by_itself(tmp_path: Path) -> None:
    env = {"TRIVET_COLLECT_EVERY_SECONDS": "1"}
    command = [*TRIVET_UP, "--grpc-port", "0", "--data", str(tmp_path / "data")]
    with ServerProcess.start(command, env, READY) as server, grpc.insecure_channel(server.address) as channel:
        artifacts = Artifacts(ArtifactServiceStub(channel), "default")
        for name in ("gone", "new", "kept"):
            artifacts.upload(artifacts.run(), name, name.encode())
        artifacts.delete(artifacts.run(), "gone")
        database = open_database(f"sqlite:///{tmp_path / 'data' / 'artifacts.db'}")
        kept = tables.artifact_object
        with database.transaction("write") as connection:
            connection.execute(sa.update(kept).values(touch_time=kept.c.touch_time - 2 * HOUR_MILLIS))
        database.close()
        # Within the hour that bytes are left alone.
        artifacts.delete(artifacts.run(), "new")

        def stored() -> set[bytes]:
            found = set()
            for file in (tmp_path / "data" / "artifacts" / "objects").rglob("*"):
                # It may be collected in between.
                with suppress(FileNotFoundError, IsADirectoryError):
                    found.add(file.read_bytes())
            return found

        await_that(lambda: b"gone" not in stored())
        assert stored() == {b"new", b"kept"}
        assert artifacts.download(artifacts.run(), "kept")[1] == b"kept"
        assert "Traceback" not in server.stderr
