"""The command `trivet-registry`."""

from __future__ import annotations

import logging
from functools import partial
from typing import Annotated

import typer

from trivet_kit import commands, starting
from trivet_kit.identity.service_tokens import authorization_from
from trivet_kit.logs import set_up_logs
from trivet_kit.settings import (
    AUDIT_DAYS,
    MAX_CONNECTION_AGE_SECONDS,
    MAX_MESSAGE_BYTES,
    AuditDaysOption,
    DatabaseUrlFileOption,
    DatabaseUrlOption,
    InsecureNoAuthOption,
    MaxConnectionAgeOption,
    MaxMessageBytesOption,
    MetricsListenOption,
    PolicyOption,
    ReadyOption,
    ServerSettings,
    ServiceTokenFileOption,
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
from trivet_kit.upstream_tls import UpstreamCaOption, UpstreamCertOption, UpstreamKeyOption, parse_upstream_tls
from trivet_kit.webhooks.settings import (
    DEFAULT_WEBHOOK_RETRY_SECONDS,
    DEFAULT_WEBHOOK_TIMEOUT_SECONDS,
    WebhookNetworksOption,
    WebhookRetryOption,
    WebhookSettings,
    WebhookTimeoutOption,
    parse_webhook_networks,
)
from trivet_registry.settings import (
    DEFAULT_ARTIFACTS_URL,
    DEFAULT_LINK_TIMEOUT_SECONDS,
    DEFAULT_SWEEP_AFTER_SECONDS,
    ArtifactsUrlOption,
    LinkTimeoutOption,
    SweepAfterOption,
    parse_artifacts_url,
)

PROGRAM = "trivet-registry"
SERVICE = "trivet.registry.v1.RegistryService"

app = typer.Typer(
    help="The registry service of Trivet: models, their versions, stages and aliases.",
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
    listen: ListenOption = "127.0.0.1:7334",
    tls_cert: TlsCertOption = "",
    tls_key: TlsKeyOption = "",
    tls_client_ca: TlsClientCaOption = "",
    tls_terminated: TlsTerminatedOption = False,  # noqa: FBT002 - a flag of the command line
    policy: PolicyOption = "",
    workspaces: WorkspacesOption = "",
    insecure_no_auth: InsecureNoAuthOption = False,  # noqa: FBT002 - a flag of the command line
    max_message_bytes: MaxMessageBytesOption = MAX_MESSAGE_BYTES,
    max_connection_age_seconds: MaxConnectionAgeOption = MAX_CONNECTION_AGE_SECONDS,
    artifacts_url: ArtifactsUrlOption = DEFAULT_ARTIFACTS_URL,
    upstream_ca: UpstreamCaOption = "",
    upstream_cert: UpstreamCertOption = "",
    upstream_key: UpstreamKeyOption = "",
    link_timeout_seconds: LinkTimeoutOption = DEFAULT_LINK_TIMEOUT_SECONDS,
    sweep_after_seconds: SweepAfterOption = DEFAULT_SWEEP_AFTER_SECONDS,
    webhook_networks: WebhookNetworksOption = "",
    webhook_timeout_seconds: WebhookTimeoutOption = DEFAULT_WEBHOOK_TIMEOUT_SECONDS,
    webhook_retry_seconds: WebhookRetryOption = DEFAULT_WEBHOOK_RETRY_SECONDS,
    service_token_file: ServiceTokenFileOption = "",
    audit_days: AuditDaysOption = AUDIT_DAYS,
    metrics_listen: MetricsListenOption = "",
) -> None:
    """Serves until SIGTERM; the schema must be current (`migrate`)."""
    starting.begin()
    from trivet_kit.identity.access import open_access  # noqa: PLC0415 - as the other
    from trivet_kit.server import run  # noqa: PLC0415 - most of a start, which `health` does without
    from trivet_registry.server import build, migrations, open_database  # noqa: PLC0415 - as the other

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
    artifacts = parse_artifacts_url(artifacts_url)
    if not artifacts.is_secure:
        settings.check_clear(artifacts.address, "TRIVET_ARTIFACTS_URL")
    webhooks = WebhookSettings(parse_webhook_networks(webhook_networks), webhook_timeout_seconds, webhook_retry_seconds)
    database = open_database(read_database_url(database_url, database_url_file))
    database.check_usable()
    migrations(database).check(f"{PROGRAM} migrate")
    with open_access(settings.policy, settings.workspaces, with_certificates=settings.with_certificates) as access:
        registry = build(
            database,
            lambda: artifacts_url,
            policy=access.policy,
            link_timeout_seconds=link_timeout_seconds,
            sweep_after_seconds=sweep_after_seconds,
            webhooks=webhooks,
            watch_seconds=max_connection_age_seconds,
            upstream_tls=parse_upstream_tls(upstream_ca, upstream_cert, upstream_key),
            authorization=authorization_from(service_token_file),
            audit_days=audit_days,
        )
        run((registry,), settings, access, partial(commands.say_ready, PROGRAM))


@app.command()
def migrate(database_url: DatabaseUrlOption = "", database_url_file: DatabaseUrlFileOption = "") -> None:
    """Brings the database's schema to the version that this code needs; safe to start several times at once."""
    from trivet_registry.server import migrations, open_database  # noqa: PLC0415 - as above

    database = open_database(read_database_url(database_url, database_url_file))
    commands.migrate(database, migrations(database))


@app.command()
def health(
    listen: ListenOption = "127.0.0.1:7334",
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
