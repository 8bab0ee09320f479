"""The artifact service as the tests of other services see it: a real process whose files they put, list and delete."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Self

import grpc

from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_testing.artifacts import Place, messages, migrate, start_server


class ArtifactFiles:
    """An artifact server over a folder, and its files."""

    def __init__(self, folder: Path, listen: str = "127.0.0.1:0") -> None:
        """Starts it; a folder that another one had before has its files."""
        place = Place(f"sqlite:///{folder / 'artifacts.db'}", str(folder / "files"), {})
        migrate(place.database_url)
        self.server = start_server(place, listen)
        self._channel = grpc.insecure_channel(self.server.address)
        self._stub = ArtifactServiceStub(self._channel)

    def close(self) -> None:
        """Kills it. Idempotent."""
        self._channel.close()
        self.server.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def put(self, owner: str, files: Mapping[str, bytes]) -> None:
        """Uploads files."""
        requests = chain.from_iterable(messages(owner, path, content) for path, content in files.items())
        answers = list(self._stub.UploadArtifacts(requests, timeout=60))
        assert [answer.WhichOneof("result") for answer in answers] == ["artifact"] * len(files), answers

    def list(self, owner: str) -> dict[str, bytes]:
        """The SHA-256 of each file of an owner."""
        page = self._stub.ListArtifacts(
            pb.ListArtifactsRequest(owner=owner, recursive=True, page_size=1000), timeout=60
        )
        assert not page.next_page_token
        return {artifact.path: artifact.sha256 for artifact in page.artifacts}

    def delete(self, owner: str) -> None:
        """Removes all files of an owner."""
        self._stub.DeleteArtifacts(pb.DeleteArtifactsRequest(owner=owner), timeout=60)


def manifest(files: Mapping[str, bytes]) -> bytes:
    """The digest that files are pinned to, as LinkArtifactsResponse documents it."""
    lines = sorted(f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in files.items())
    return hashlib.sha256("".join(lines).encode()).digest()
