"""The command `trivet-tracking`."""

from __future__ import annotations

import logging
from functools import partial
from typing import Annotated

import typer

from trivet_kit import commands, starting
from trivet_kit.logs import set_up_logs
from trivet_kit.settings import (
    AUDIT_DAYS,
    MAX_CONNECTION_AGE_SECONDS,
    MAX_MESSAGE_BYTES,
    READ_URL_SETTING,
    AuditDaysOption,
    DatabaseReadUrlFileOption,
    DatabaseReadUrlOption,
    DatabaseUrlFileOption,
    DatabaseUrlOption,
    InsecureNoAuthOption,
    MaxConnectionAgeOption,
    MaxMessageBytesOption,
    MetricsListenOption,
    PolicyOption,
    ReadyOption,
    ServerSettings,
    TlsCertOption,
    TlsClientCaOption,
    TlsKeyOption,
    TlsTerminatedOption,
    WorkspacesOption,
    parse_address,
    parse_metrics_address,
    parse_policy,
    parse_tls,
    parse_workspaces,
    read_database_url,
)
from trivet_kit.tracing import set_up_tracing
from trivet_kit.webhooks.settings import (
    DEFAULT_WEBHOOK_RETRY_SECONDS,
    DEFAULT_WEBHOOK_TIMEOUT_SECONDS,
    WebhookNetworksOption,
    WebhookRetryOption,
    WebhookSettings,
    WebhookTimeoutOption,
    parse_webhook_networks,
)
from trivet_tracking.settings import (
    CONSOLE_BYTES,
    FOLD_AFTER_SECONDS,
    KEEP_CHANGES_SECONDS,
    STALE_AFTER_SECONDS,
    ConsoleBytesOption,
    FoldAfterOption,
    KeepChangesOption,
    StaleAfterOption,
)

PROGRAM = "trivet-tracking"
SERVICE = "trivet.tracking.v1.TrackingService"

app = typer.Typer(
    help="The tracking service of Trivet: experiments, runs, params, metrics, tags.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ListenOption = Annotated[
    str, typer.Option(envvar="TRIVET_LISTEN", metavar="HOST:PORT", help="Where to listen; port 0 is any free one.")
]


@app.command()
def serve(
    database_url: DatabaseUrlOption = "",
    database_url_file: DatabaseUrlFileOption = "",
    database_read_url: DatabaseReadUrlOption = "",
    database_read_url_file: DatabaseReadUrlFileOption = "",
    listen: ListenOption = "127.0.0.1:7332",
    tls_cert: TlsCertOption = "",
    tls_key: TlsKeyOption = "",
    tls_client_ca: TlsClientCaOption = "",
    tls_terminated: TlsTerminatedOption = False,  # noqa: FBT002 - a flag of the command line
    policy: PolicyOption = "",
    workspaces: WorkspacesOption = "",
    insecure_no_auth: InsecureNoAuthOption = False,  # noqa: FBT002 - a flag of the command line
    max_message_bytes: MaxMessageBytesOption = MAX_MESSAGE_BYTES,
    fold_after_seconds: FoldAfterOption = FOLD_AFTER_SECONDS,
    keep_changes_seconds: KeepChangesOption = KEEP_CHANGES_SECONDS,
    stale_after_seconds: StaleAfterOption = STALE_AFTER_SECONDS,
    console_bytes: ConsoleBytesOption = CONSOLE_BYTES,
    max_connection_age_seconds: MaxConnectionAgeOption = MAX_CONNECTION_AGE_SECONDS,
    webhook_networks: WebhookNetworksOption = "",
    webhook_timeout_seconds: WebhookTimeoutOption = DEFAULT_WEBHOOK_TIMEOUT_SECONDS,
    webhook_retry_seconds: WebhookRetryOption = DEFAULT_WEBHOOK_RETRY_SECONDS,
    audit_days: AuditDaysOption = AUDIT_DAYS,
    metrics_listen: MetricsListenOption = "",
) -> None:
    """Serves until SIGTERM; the schema must be current (`migrate`)."""
    starting.begin()
    from trivet_kit.identity.access import open_access  # noqa: PLC0415 - as the other
    from trivet_kit.server import run  # noqa: PLC0415 - most of a start, which `health` does without
    from trivet_tracking.folder import Delays  # noqa: PLC0415 - as the other
    from trivet_tracking.server import build, migrations, open_database  # noqa: PLC0415 - as the other

    set_up_logs(logging.INFO)
    set_up_tracing(PROGRAM)
    settings = ServerSettings(
        listen=parse_address(listen, "TRIVET_LISTEN"),
        workspaces=parse_workspaces(workspaces),
        tls=parse_tls(tls_cert, tls_key, tls_client_ca),
        insecure_no_auth=insecure_no_auth,
        policy=parse_policy(policy),
        tls_terminated=tls_terminated,
        max_message_bytes=max_message_bytes,
        max_connection_age_seconds=max_connection_age_seconds,
        metrics=parse_metrics_address(metrics_listen),
    )
    settings.check()
    webhooks = WebhookSettings(parse_webhook_networks(webhook_networks), webhook_timeout_seconds, webhook_retry_seconds)
    database = open_database(
        read_database_url(database_url, database_url_file),
        read_database_url(database_read_url, database_read_url_file, READ_URL_SETTING),
    )
    database.check_usable()
    migrations(database).check(f"{PROGRAM} migrate")
    with open_access(settings.policy, settings.workspaces, with_certificates=settings.with_certificates) as access:
        component = build(
            database,
            Delays(fold_after_seconds, keep_changes_seconds),
            max_connection_age_seconds,
            stale_after_seconds,
            console_bytes,
            webhooks,
            access.quotas,
            audit_days,
        )
        run((component,), settings, access, partial(commands.say_ready, PROGRAM))


@app.command()
def migrate(database_url: DatabaseUrlOption = "", database_url_file: DatabaseUrlFileOption = "") -> None:
    """Brings the database's schema to the version that this code needs; safe to start several times at once."""
    from trivet_tracking.server import migrations, open_database  # noqa: PLC0415 - as above

    database = open_database(read_database_url(database_url, database_url_file))
    commands.migrate(database, migrations(database))


@app.command()
def health(
    listen: ListenOption = "127.0.0.1:7332",
    tls_cert: TlsCertOption = "",
    tls_key: TlsKeyOption = "",
    tls_client_ca: TlsClientCaOption = "",
    ready: ReadyOption = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Asks the server that runs here with the same settings whether it serves; ends with code 0 or 1."""
    address = parse_address(listen, "TRIVET_LISTEN")
    commands.say_health(PROGRAM, address, parse_tls(tls_cert, tls_key, tls_client_ca), SERVICE if ready else "")


def main() -> None:
    """Runs the command."""
    commands.run(app, PROGRAM)


if __name__ == "__main__":
    main()
