"""Wires the tracking service."""

from __future__ import annotations

from datetime import timedelta

from trivet_kit import page_tokens, texts
from trivet_kit.audit.trail import AuditTrail
from trivet_kit.db import Database, Migrations
from trivet_kit.db.audit_events import SqlAuditEvents
from trivet_kit.db.rate_demands import rate_demands
from trivet_kit.quotas import QuotasOf, unlimited
from trivet_kit.rates import Rates
from trivet_kit.server import Component, Service
from trivet_kit.settings import AUDIT_DAYS, MAX_CONNECTION_AGE_SECONDS
from trivet_kit.tallies import Tally
from trivet_kit.timestamps import now_millis
from trivet_kit.webhooks.delivering import Delivering
from trivet_kit.webhooks.posting import Poster
from trivet_kit.webhooks.settings import WebhookSettings
from trivet_proto.common.v1 import system_service_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2
from trivet_tracking.commits import GroupCommitter
from trivet_tracking.convert_rules import body_of
from trivet_tracking.domain import limits
from trivet_tracking.folder import DEFAULT_DELAYS, Delays, start_folder
from trivet_tracking.judging import Judging
from trivet_tracking.measuring import figures
from trivet_tracking.servicers.console import ConsoleServicer
from trivet_tracking.servicers.datasets import DatasetServicer
from trivet_tracking.servicers.experiments import ExperimentServicer
from trivet_tracking.servicers.exports import ExportServicer
from trivet_tracking.servicers.logged_models import LoggedModelServicer
from trivet_tracking.servicers.metrics import MetricServicer
from trivet_tracking.servicers.param_importance import ParamImportanceServicer
from trivet_tracking.servicers.purge import PurgeServicer
from trivet_tracking.servicers.rewrites import RewriteServicer
from trivet_tracking.servicers.rules import RuleServicer
from trivet_tracking.servicers.runs import RunServicer
from trivet_tracking.servicers.saved_views import SavedViewServicer
from trivet_tracking.servicers.watches import WatchServicer
from trivet_tracking.settings import CONSOLE_BYTES, STALE_AFTER_SECONDS
from trivet_tracking.store import entries, latest, marks, run_creation, single_runs
from trivet_tracking.store.changes import SqlChanges
from trivet_tracking.store.console import SqlConsole
from trivet_tracking.store.datasets import SqlDatasets
from trivet_tracking.store.experiments import SqlExperiments
from trivet_tracking.store.exports import SqlExports
from trivet_tracking.store.judged import SqlJudged
from trivet_tracking.store.logged_models import SqlLoggedModels
from trivet_tracking.store.metrics import SqlMetrics
from trivet_tracking.store.purge import SqlPurge
from trivet_tracking.store.rewrites import SqlRewrites
from trivet_tracking.store.rule_deliveries import SqlRuleDeliveries
from trivet_tracking.store.rules import SqlRules
from trivet_tracking.store.run_attributes import run_attributes
from trivet_tracking.store.run_stops import SqlRunStops
from trivet_tracking.store.runs import SqlRuns
from trivet_tracking.store.saved_views import SqlSavedViews
from trivet_tracking.store.tables import SCHEMA
from trivet_tracking.store.unfolded import SqlUnfolded
from trivet_tracking.store.writes import SqlWrites
from trivet_tracking.turns import Turns
from trivet_tracking.watching import Watching

DEFAULT_WEBHOOKS = WebhookSettings()
_RUNS_REMEDY = "Purge runs (deleted ones count until then), or ask an administrator for more."
_USER_AGENT = "trivet-tracking"
# A forest takes a processor for a few seconds at most, and a server is there for those who log.
IMPORTANCE_PATIENCE_SECONDS = 10.0

LIMITS = system_service_pb2.Limits(
    max_key_characters=texts.MAX_KEY_CHARACTERS,
    max_param_value_bytes=limits.MAX_PARAM_VALUE_BYTES,
    max_tag_value_bytes=limits.MAX_TAG_VALUE_BYTES,
    max_display_name_characters=limits.MAX_DISPLAY_NAME_CHARACTERS,
    max_page_size=page_tokens.MAX_PAGE_SIZE,
)


def open_database(url: str, standby_url: str = "") -> Database:
    """The tracking service's database, with a hot standby where there is one.

    Raises:
        StartupError: a URL that cannot be one.
    """
    if not standby_url:
        return Database(url, SCHEMA)
    from trivet_kit.db.standby import DatabaseWithStandby  # noqa: PLC0415 - few have one

    return DatabaseWithStandby(url, SCHEMA, standby_url)


def migrations(database: Database) -> Migrations:
    """The migrations of the tracking service's schema."""
    kept = (entries, latest, marks, run_creation, single_runs)
    return Migrations(database, "trivet_tracking", [each for part in kept for each in part.FUNCTIONS])


def build(
    database: Database,
    delays: Delays = DEFAULT_DELAYS,
    watch_seconds: float = MAX_CONNECTION_AGE_SECONDS,
    stale_after_seconds: float = STALE_AFTER_SECONDS,
    console_bytes: int = CONSOLE_BYTES,
    webhooks: WebhookSettings = DEFAULT_WEBHOOKS,
    quotas: QuotasOf = unlimited,
    audit_days: int = AUDIT_DAYS,
) -> Component:
    """The tracking service over a migrated database, which it closes at its end; and the folder beside it.

    Args:
        database: Where it keeps everything.
        delays: When the folder does what.
        watch_seconds: How long a watcher stays before it has to call again.
        stale_after_seconds: How long a run may be silent before it is stale; 0: it never is.
        console_bytes: How much text of the console of a run is kept.
        webhooks: How events of rules are sent.
        quotas: Of workspaces.
        audit_days: How long it is kept who did what.
    """
    experiments = SqlExperiments(database, now_millis)
    attributes = run_attributes(database.dialect, round(stale_after_seconds * 1000))
    committer = GroupCommitter(SqlWrites(database, now_millis, console_bytes))
    folder = start_folder(database, delays)
    unfolded = SqlUnfolded(database, now_millis)
    changes = SqlChanges(database, experiments, attributes)
    watching = Watching(changes, watch_seconds)
    judging = Judging(SqlJudged(database, now_millis))
    delivering = Delivering(
        SqlRuleDeliveries(database, now_millis),
        body_of,
        Poster(webhooks.guard, webhooks.timeout_seconds),
        _USER_AGENT,
        now_millis,
        webhooks.timeout_seconds,
        webhooks.retry_seconds,
    )
    trail = AuditTrail(SqlAuditEvents(database), timedelta(days=audit_days))
    runs = SqlRuns(database, experiments, now_millis, attributes)
    kept_runs = Tally("runs", lambda workspace: quotas(workspace).runs, runs.count, _RUNS_REMEDY)
    points = Rates("points_per_second", lambda workspace: quotas(workspace).points_per_second)
    servicers = (
        ExperimentServicer(experiments),
        RunServicer(runs, now_millis, kept_runs),
        ParamImportanceServicer(runs, Turns("importances", at_once=1, patience_seconds=IMPORTANCE_PATIENCE_SECONDS)),
        RewriteServicer(SqlRewrites(database, now_millis, attributes), runs, now_millis, kept_runs),
        PurgeServicer(SqlPurge(database, now_millis)),
        MetricServicer(SqlMetrics(database), committer, now_millis, points),
        ConsoleServicer(SqlConsole(database)),
        ExportServicer(SqlExports(database, experiments, attributes)),
        WatchServicer(changes, watching),
        LoggedModelServicer(SqlLoggedModels(database, experiments, now_millis)),
        DatasetServicer(SqlDatasets(database, experiments)),
        SavedViewServicer(SqlSavedViews(database, experiments, now_millis)),
        RuleServicer(SqlRules(database, experiments, now_millis), SqlRunStops(database, now_millis)),
    )

    def close() -> None:
        watching.close()
        judging.close()
        delivering.close()
        committer.close()
        folder.close()
        trail.close()
        database.close()

    descriptor = tracking_service_pb2.DESCRIPTOR.services_by_name["TrackingService"]
    return Component(
        (Service(descriptor, servicers),),
        database.probe,
        close,
        LIMITS,
        trail,
        watching.drain,
        rates=(points,),
        kept=(kept_runs,),
        demands=rate_demands(database),
        pool_use=database.pool_use,
        figures=lambda: figures(unfolded),
    )
