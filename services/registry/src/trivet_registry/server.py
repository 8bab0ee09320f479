"""Wires the registry service."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from trivet_kit import page_tokens
from trivet_kit.audit.trail import AuditTrail
from trivet_kit.auth import Policy
from trivet_kit.db import Database, Migrations
from trivet_kit.db.audit_events import SqlAuditEvents
from trivet_kit.db.rate_demands import rate_demands
from trivet_kit.identity.service_tokens import no_authorization
from trivet_kit.server import Component, Service
from trivet_kit.settings import AUDIT_DAYS, MAX_CONNECTION_AGE_SECONDS
from trivet_kit.timestamps import now_millis
from trivet_kit.upstream_tls import NO_UPSTREAM_TLS, UpstreamTls
from trivet_kit.webhooks.delivering import Delivering
from trivet_kit.webhooks.posting import Poster
from trivet_kit.webhooks.settings import WebhookSettings
from trivet_proto.common.v1 import system_service_pb2
from trivet_proto.registry.v1 import registry_service_pb2
from trivet_registry.convert_events import body_of
from trivet_registry.linking import ArtifactLinks
from trivet_registry.registering import Registrar
from trivet_registry.repeating import Repeating
from trivet_registry.servicers.events import EventServicer
from trivet_registry.servicers.history import HistoryServicer
from trivet_registry.servicers.models import ModelServicer
from trivet_registry.servicers.promotion import PromotionServicer
from trivet_registry.servicers.promotion_requests import PromotionRequestServicer
from trivet_registry.servicers.versions import VersionServicer
from trivet_registry.servicers.webhooks import WebhookServicer
from trivet_registry.settings import DEFAULT_LINK_TIMEOUT_SECONDS, DEFAULT_SWEEP_AFTER_SECONDS
from trivet_registry.store import models, open_models, registration, version_lookups
from trivet_registry.store.deliveries import SqlDeliveries
from trivet_registry.store.events import SqlEvents
from trivet_registry.store.history import SqlHistories
from trivet_registry.store.models import SqlModels
from trivet_registry.store.promotion_requests import SqlPromotionRequests
from trivet_registry.store.promotions import SqlPromotions
from trivet_registry.store.tables import SCHEMA
from trivet_registry.store.version_lookups import SqlVersionLookups
from trivet_registry.store.versions import SqlVersions
from trivet_registry.store.webhooks import SqlWebhooks
from trivet_registry.sweeper import LONGEST_INTERVAL_SECONDS, Sweeper
from trivet_registry.watching import Watching

DEFAULT_WEBHOOKS = WebhookSettings()
_USER_AGENT = "trivet-registry"
_NUMBERING_SECONDS = 0.25

# Those of texts differ from those of runs, and a server that has both says the latter.
LIMITS = system_service_pb2.Limits(max_page_size=page_tokens.MAX_PAGE_SIZE)


def open_database(url: str) -> Database:
    """The registry service's database. Raises StartupError for a URL that cannot be one."""
    return Database(url, SCHEMA)


def migrations(database: Database) -> Migrations:
    """The migrations of the registry service's schema."""
    functions = (*models.FUNCTIONS, *open_models.FUNCTIONS, *registration.FUNCTIONS, *version_lookups.FUNCTIONS)
    return Migrations(database, "trivet_registry", functions)


def build(
    database: Database,
    artifacts_target: Callable[[], str],
    *,
    policy: Policy,
    link_timeout_seconds: float = DEFAULT_LINK_TIMEOUT_SECONDS,
    sweep_after_seconds: float = DEFAULT_SWEEP_AFTER_SECONDS,
    webhooks: WebhookSettings = DEFAULT_WEBHOOKS,
    watch_seconds: float = MAX_CONNECTION_AGE_SECONDS,
    authorization: Callable[[], str] = no_authorization,
    audit_days: int = AUDIT_DAYS,
    upstream_tls: UpstreamTls = NO_UPSTREAM_TLS,
) -> Component:
    """The registry service over a migrated database, which it closes at its end.

    Args:
        database: where everything is kept.
        artifacts_target: gives the URL of the artifact service, `grpc://HOST:PORT`, `grpcs://HOST:PORT` or `unix:PATH`.
            It is asked at every use, and may give an empty text while the address is not known: versions that are
            registered until then stay PENDING for a while.
        policy: says what is set for workspaces: their stages, and what is protected.
        link_timeout_seconds: how long the artifact service may take to link a version's files.
        sweep_after_seconds: after how long the linking of a PENDING version is tried again; it is also looked so often,
            and every ten seconds at least, for promotion requests whose time is over.
        webhooks: how events are sent to webhooks.
        watch_seconds: how long a watcher stays before it has to call again.
        authorization: gives the `authorization` metadata of the service itself; empty for none.
        audit_days: how long it is kept who did what.
        upstream_tls: of an artifact service by `grpcs://`.
    """
    versions = SqlVersions(database, now_millis, policy.rules)
    links = ArtifactLinks(artifacts_target, link_timeout_seconds, upstream_tls)
    registrar = Registrar(versions, links)
    sweeper = Sweeper(versions, links, now_millis, sweep_after_seconds, authorization)
    promotions = SqlPromotions(database, now_millis, policy.rules)
    histories = SqlHistories(database)
    events = SqlEvents(database, now_millis)
    watching = Watching(events, watch_seconds)
    numbering = Repeating("numbering of events", _NUMBERING_SECONDS, events.number)
    requests = SqlPromotionRequests(database, now_millis, policy.rules)
    interval_seconds = min(sweep_after_seconds, LONGEST_INTERVAL_SECONDS)

    def expire() -> bool:
        requests.expire()
        return False  # all are done

    expiring = Repeating("expiring of promotion requests", interval_seconds, expire)
    poster = Poster(webhooks.guard, webhooks.timeout_seconds)
    deliveries = SqlDeliveries(database, now_millis)
    delivering = Delivering(
        deliveries,
        body_of,
        poster,
        _USER_AGENT,
        now_millis,
        webhooks.timeout_seconds,
        webhooks.retry_seconds,
        deliveries.forget,
    )
    trail = AuditTrail(SqlAuditEvents(database), timedelta(days=audit_days))
    lookups = SqlVersionLookups(database, policy.rules)
    servicers = (
        ModelServicer(SqlModels(database, now_millis, policy.rules), lookups),
        VersionServicer(versions, lookups, registrar),
        PromotionServicer(promotions),
        PromotionRequestServicer(requests, now_millis),
        HistoryServicer(histories, histories, promotions),
        EventServicer(watching),
        WebhookServicer(SqlWebhooks(database, now_millis)),
    )

    def close() -> None:
        links.close()
        registrar.close()
        sweeper.close()
        delivering.close()
        numbering.close()
        expiring.close()
        trail.close()
        database.close()

    descriptor = registry_service_pb2.DESCRIPTOR.services_by_name["RegistryService"]
    return Component(
        (Service(descriptor, servicers),),
        database.probe,
        close,
        LIMITS,
        trail,
        watching.drain,
        demands=rate_demands(database),
        pool_use=database.pool_use,
    )
