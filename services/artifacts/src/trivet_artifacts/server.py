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
from trivet_artifacts.listed_contents import ListedContents
from trivet_artifacts.measuring import figures
from trivet_artifacts.memory import share_arenas
from trivet_artifacts.resuming import Resuming
from trivet_artifacts.scheduled import ScheduledCollections, collect_all
from trivet_artifacts.servicers.artifacts import ArtifactServicer
from trivet_artifacts.servicers.contents import ContentServicer
from trivet_artifacts.servicers.garbage import GarbageServicer
from trivet_artifacts.servicers.uploads import UploadServicer
from trivet_artifacts.servicers.verification import VerificationServicer
from trivet_artifacts.settings import GRACE_SECONDS, UPLOAD_LEASE_SECONDS
from trivet_artifacts.store import new_files
from trivet_artifacts.store.artifacts import SqlArtifacts
from trivet_artifacts.store.checks import SqlChecks
from trivet_artifacts.store.contents import SqlContents
from trivet_artifacts.store.garbage import SqlGarbage
from trivet_artifacts.store.inventory import SqlInventory
from trivet_artifacts.store.keeping import SqlKeeping
from trivet_artifacts.store.resumables import SqlResumables
from trivet_artifacts.store.space import SqlSpace
from trivet_artifacts.store.tables import SCHEMA
from trivet_artifacts.store.uploads import SqlUploads
from trivet_artifacts.verifying import Verifier
from trivet_kit import page_tokens
from trivet_kit.audit.trail import AuditTrail
from trivet_kit.db import Database, Migrations
from trivet_kit.db.audit_events import SqlAuditEvents
from trivet_kit.db.rate_demands import rate_demands
from trivet_kit.errors import CallerError
from trivet_kit.quotas import QuotasOf, unlimited
from trivet_kit.server import Component, Service
from trivet_kit.settings import AUDIT_DAYS
from trivet_kit.tallies import Tally
from trivet_kit.timestamps import now_millis
from trivet_kit.tracing import CarryingThreads
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

_SPACE_REMEDY = (
    "Delete files or runs and have what is left collected (`trivet artifacts gc`), or ask an administrator for more."
)
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
    database: Database,
    blobs: BlobStore,
    lease: timedelta = _LEASE,
    collect_every: timedelta | None = None,
    quotas: QuotasOf = unlimited,
    audit_days: int = AUDIT_DAYS,
) -> Component:
    """The artifact service over a migrated database and a usable store, which it closes at its end.

    Args:
        database: its index.
        blobs: its bytes.
        lease: how long after its server's death an upload is left alone.
        collect_every: how often it collects garbage by itself; None: only when it is asked to.
        quotas: of workspaces.
        audit_days: how long it is kept who did what.
    """
    share_arenas()  # before there are threads
    artifacts = SqlArtifacts(database, now_millis)
    uploads = SqlUploads(database, now_millis, lease)
    resumables = SqlResumables(database, now_millis)
    garbage = SqlGarbage(database, now_millis)
    threads = CarryingThreads(BLOB_THREADS, thread_name_prefix="blob")
    index = CarryingThreads(INDEX_THREADS, thread_name_prefix="index")
    leftovers = Leftovers(uploads, resumables, blobs, lease)
    checking = Checking(SqlChecks(database, now_millis), blobs)
    collector = Collector(garbage, uploads, blobs, threads)
    kept = SqlSpace(database)
    space = Tally("bytes", lambda workspace: quotas(workspace).bytes, kept.kept_bytes, _SPACE_REMEDY)
    resuming = Resuming(resumables, uploads, artifacts, blobs, space, checking.wake)
    completions = Completions(resuming)
    trail = AuditTrail(SqlAuditEvents(database), timedelta(days=audit_days))
    scheduled = ScheduledCollections(collector, collect_every, _GRACE) if collect_every else None
    servicers = (
        ArtifactServicer(
            artifacts=artifacts,
            intakes=Intakes(uploads, resumables, blobs, threads, index, space),
            downloads=Downloads(artifacts, blobs, threads, index),
            contents=ListedContents(blobs, threads),
        ),
        ContentServicer(SqlContents(database, now_millis)),
        UploadServicer(resuming, completions, threads),
        GarbageServicer(
            garbage=garbage,
            collector=collector,
            keeping=SqlKeeping(database, now_millis),
            resumables=resumables,
        ),
        VerificationServicer(Verifier(SqlInventory(database), blobs, threads)),
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
        trail.close()
        database.close()

    descriptor = artifact_service_pb2.DESCRIPTOR.services_by_name["ArtifactService"]
    return Component(
        (Service(descriptor, servicers),),
        probe,
        close,
        LIMITS,
        trail,
        kept=(space,),
        demands=rate_demands(database),
        pool_use=database.pool_use,
        figures=lambda: figures(kept),
    )
