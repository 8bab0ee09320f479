"""What the upload or the download of files needs, whichever way their bytes go."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Final

from trivet._artifact_cache import ArtifactCache
from trivet._at_once import Stop
from trivet._connection import Connection
from trivet._direct import StoreConnections
from trivet._progress import TransferProgress
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub

# Slower than this, a transfer is taken for one that hangs: a bad mobile connection.
SLOWEST_BYTES_PER_SECOND: Final = 64 * 1024
# From here on a file is sent in parts and fetched in pieces, several at once, and gone on with after an interruption.
LARGE_BYTES: Final = 16 * 1024 * 1024
# How often in a row something is tried without that a byte arrives.
TRIES: Final = 3
# How long a transfer that has begun waits for a service that went away, without that a byte arrives: a pod is started
# anew in that time.
PATIENCE_SECONDS: Final = 30.0
# What a client has in flight at once of one large file: as many as the `minio` package by default.
LARGE_WORKERS: Final = 3
# The reason with which a service says that it has no store that clients reach.
DIRECT_UNAVAILABLE: Final = "DIRECT_TRANSFER_UNAVAILABLE"


@dataclass(frozen=True)
class Transfer:
    """One upload or download, of however many files."""

    connection: Connection
    owner: str
    cache: ArtifactCache
    timeout_seconds: float
    """Of each call to begin with; what it moves adds to it."""
    progress: TransferProgress
    stop: Stop
    store: StoreConnections
    goes_direct: bool
    """Whether large files may go to the store itself."""
    is_pinned: bool = False
    """Whether files must be those that were listed; otherwise a small one may be replaced until it is fetched."""
    fills_cache: bool = True
    """Whether the cache takes the contents that were fetched."""
    _store_is_lost: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        if not self.goes_direct:
            self.give_up_direct()

    @property
    def stub(self) -> ArtifactServiceStub:
        """The service."""
        return self.connection.stub(ArtifactServiceStub)

    def timeout_of(self, size_bytes: int) -> float:
        """Seconds for a call that moves so many bytes."""
        return self.timeout_seconds + size_bytes / SLOWEST_BYTES_PER_SECOND

    @property
    def may_go_direct(self) -> bool:
        """Whether the store may be asked directly: it was not out of reach so far."""
        return not self._store_is_lost.is_set()

    def give_up_direct(self) -> None:
        """Says that the store cannot be reached from here, so that nothing of this transfer tries again."""
        self._store_is_lost.set()
