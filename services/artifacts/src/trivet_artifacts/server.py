"""Wires the artifact service."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import timedelta

from trivet_artifacts.blobs import opening
from trivet_artifacts.blobs.blob_store import BlobStore
from trivet_artifacts.checks import Checking
from trivet_artifacts.collecting import Collector
from trivet_artifacts.completing import Completions
from trivet_artifacts.domain import limits
from trivet_artifacts.domain.garbage import Collected
from trivet_artifacts.downloads import Downloads
from trivet_artifacts.intake import Intakes
from trivet_artifacts.leftovers import Leftovers
from trivet_artifacts.memory import share_arenas
from trivet_artifacts.resuming import Resuming
from trivet_artifacts.scheduled import ScheduledCollections, collect_all
from trivet_artifacts.servicers.artifacts import ArtifactServicer
from trivet_artifacts.servicers.contents import ContentServicer
from trivet_artifacts.servicers.garbage import GarbageServicer
from trivet_artifacts.servicers.uploads import UploadServicer
from trivet_artifacts.settings import GRACE_SECONDS, UPLOAD_LEASE_SECONDS
from trivet_artifacts.store import new_files
from trivet_artifacts.store.artifacts import SqlArtifacts
from trivet_artifacts.store.checks import SqlChecks
from trivet_artifacts.store.contents import SqlContents
from trivet_artifacts.store.garbage import SqlGarbage
from trivet_artifacts.store.keeping import SqlKeeping
from trivet_artifacts.store.resumables import SqlResumables
from trivet_artifacts.store.tables import SCHEMA
from trivet_artifacts.store.uploads import SqlUploads
from trivet_kit import page_tokens
from trivet_kit.db import Database, Migrations
from trivet_kit.errors import CallerError
from trivet_kit.server import Component, Service
from trivet_kit.timestamps import now_millis
from trivet_proto.artifacts.v1 import artifact_service_pb2
from trivet_proto.common.v1 import system_service_pb2

LIMITS = system_service_pb2.Limits(
    max_page_size=page_tokens.MAX_PAGE_SIZE,
    max_artifact_path_bytes=limits.MAX_PATH_BYTES,
    max_artifact_data_bytes=limits.MAX_DATA_BYTES,
)
# Pieces of work on bytes at once: hashing and writing; a disk or a store is not faster by more.
BLOB_THREADS = 16
# Uploads and downloads at the index at once: with those of other calls, as many as there are connections.
INDEX_THREADS = 4

_LEASE = timedelta(seconds=UPLOAD_LEASE_SECONDS)
_GRACE = timedelta(seconds=GRACE_SECONDS)


def open_database(url: str) -> Database:
    """The artifact service's database. Raises StartupError for a URL that cannot be one."""
    return Database(url, SCHEMA)


def migrations(database: Database) -> Migrations:
    """The migrations of the artifact service's schema."""
    return Migrations(database, "trivet_artifacts", new_files.FUNCTIONS)


def open_blobs(store: str, public_endpoint: str = "") -> BlobStore:
    """The store of bytes that `TRIVET_ARTIFACT_STORE` means; `check_usable` tries it.

    `public_endpoint` is `TRIVET_S3_PUBLIC_ENDPOINT`: where clients reach it themselves.

    Raises:
        StartupError: no folder and no bucket.
    """
    return opening.open_blobs(store, public_endpoint)


def collect(database: Database, blobs: BlobStore, grace: timedelta) -> dict[str, Collected]:
    """Collects the garbage of all workspaces, and returns what was collected in each; closes what it is given."""
    with ThreadPoolExecutor(BLOB_THREADS, thread_name_prefix="blob") as threads, closing(blobs), closing(database):
        uploads = SqlUploads(database, now_millis, _LEASE)
        collector = Collector(SqlGarbage(database, now_millis), uploads, blobs, threads)
        return collect_all(collector, grace, threading.Event())


def build(
    database: Database, blobs: BlobStore, lease: timedelta = _LEASE, collect_every: timedelta | None = None
) -> Component:
    """The artifact service over a migrated database and a usable store, which it closes at its end.

    Args:
        database: its index.
        blobs: its bytes.
        lease: how long after its server's death an upload is left alone.
        collect_every: how often it collects garbage by itself; None: only when it is asked to.
    """
    share_arenas()  # before there are threads
    artifacts = SqlArtifacts(database, now_millis)
    uploads = SqlUploads(database, now_millis, lease)
    resumables = SqlResumables(database, now_millis)
    garbage = SqlGarbage(database, now_millis)
    threads = ThreadPoolExecutor(BLOB_THREADS, thread_name_prefix="blob")
    index = ThreadPoolExecutor(INDEX_THREADS, thread_name_prefix="index")
    leftovers = Leftovers(uploads, resumables, blobs, lease)
    checking = Checking(SqlChecks(database, now_millis), blobs)
    collector = Collector(garbage, uploads, blobs, threads)
    resuming = Resuming(resumables, uploads, artifacts, blobs, checking.wake)
    completions = Completions(resuming)
    scheduled = ScheduledCollections(collector, collect_every, _GRACE) if collect_every else None
    servicers = (
        ArtifactServicer(
            artifacts=artifacts,
            intakes=Intakes(uploads, resumables, blobs, threads, index),
            downloads=Downloads(artifacts, blobs, threads, index),
        ),
        ContentServicer(SqlContents(database, now_millis)),
        UploadServicer(resuming, completions, threads),
        GarbageServicer(
            garbage=garbage,
            collector=collector,
            keeping=SqlKeeping(database, now_millis),
            resumables=resumables,
        ),
    )

    def probe() -> None:
        database.probe()
        blobs.probe()

    def close() -> None:
        if scheduled is not None:
            scheduled.close()
        leftovers.close()
        checking.close()
        completions.close()
        # In this order: a commit hands what is spare to the other threads.
        index.shutdown()
        threads.shutdown()
        with suppress(CallerError):  # then they expire
            uploads.release_spare()
        blobs.close()
        database.close()

    descriptor = artifact_service_pb2.DESCRIPTOR.services_by_name["ArtifactService"]
    return Component((Service(descriptor, servicers),), probe, close, LIMITS)
