"""The parts of an embedded server, each over its migrated place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from trivet_artifacts import server as artifacts
from trivet_kit.auth import Policy
from trivet_kit.db import Database, Migrations
from trivet_kit.identity.service_tokens import authorization_from
from trivet_kit.quotas import QuotasOf
from trivet_kit.server import Component
from trivet_kit.webhooks.settings import WebhookSettings
from trivet_registry import server as registry
from trivet_standalone.places import Places
from trivet_tracking import server as tracking

# What is listened on where every address of the machine is; a client cannot dial these.
_ANY_HOST = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - not listened on here


class OwnAddress:
    """Where this server can be reached from this machine: the registry asks the artifact service there. Thread-safe."""

    def __init__(self) -> None:
        self._dial = ""

    def set(self, address: str) -> str:
        """Says what is listened on, once it is known, `HOST:PORT` or `unix:PATH`; returns what to dial."""
        host, _, port = address.rpartition(":")
        self._dial = address if address.startswith("unix:") else f"{_ANY_HOST.get(host, host)}:{port}"
        return self._dial

    def url(self) -> str:
        """As the registry takes it; empty until it is known."""
        if not self._dial or self._dial.startswith("unix:"):
            return self._dial
        return f"grpc://{self._dial}"


@dataclass(frozen=True)
class Wishes:
    """What whoever starts a server may set."""

    stale_after_seconds: float
    """A RUNNING run counts as stale that was not written for so long; 0: none does."""
    console_bytes: int
    """How much text of the console of a run is kept."""
    collect_every_seconds: int
    """How often the garbage of artifacts is collected; 0: only when somebody asks for it."""
    s3_public_endpoint: str
    """As TRIVET_S3_PUBLIC_ENDPOINT has it."""
    webhooks: WebhookSettings
    """How events are sent to webhooks."""
    audit_days: int
    """How long it is kept who did what."""
    service_token_file: str = ""
    """A file with the server's own token; empty for none."""


def build(
    kept: Places, own_address: OwnAddress, wishes: Wishes, policy: Policy, quotas: QuotasOf
) -> tuple[Component, ...]:
    """Migrates what is kept, and builds tracking, artifacts and registry over it.

    They ask `policy` for the rules of workspaces, and `quotas` for what these may use.

    Raises:
        StartupError: a database or the store of files cannot be used, or is of a newer version.
    """
    blobs = artifacts.open_blobs(kept.artifact_store, wishes.s3_public_endpoint)
    tracking_database = tracking.open_database(kept.tracking_database)
    artifacts_database = artifacts.open_database(kept.artifacts_database)
    registry_database = registry.open_database(kept.registry_database)
    _migrate(tracking_database, tracking.migrations(tracking_database))
    _migrate(artifacts_database, artifacts.migrations(artifacts_database))
    _migrate(registry_database, registry.migrations(registry_database))
    blobs.check_usable()
    return (
        tracking.build(
            tracking_database,
            stale_after_seconds=wishes.stale_after_seconds,
            console_bytes=wishes.console_bytes,
            webhooks=wishes.webhooks,
            quotas=quotas,
            audit_days=wishes.audit_days,
        ),
        artifacts.build(
            artifacts_database,
            blobs,
            collect_every=timedelta(seconds=wishes.collect_every_seconds),
            quotas=quotas,
            audit_days=wishes.audit_days,
        ),
        registry.build(
            registry_database,
            own_address.url,
            policy=policy,
            webhooks=wishes.webhooks,
            audit_days=wishes.audit_days,
            authorization=authorization_from(wishes.service_token_file),
        ),
    )


def _migrate(database: Database, migrations: Migrations) -> None:
    database.check_usable()
    migrations.upgrade()
