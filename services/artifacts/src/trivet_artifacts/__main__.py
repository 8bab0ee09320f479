"""The command `trivet-artifacts`."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from typing import Annotated

import typer

from trivet_artifacts.settings import (
    GRACE_SECONDS,
    UPLOAD_LEASE_SECONDS,
    ArtifactStoreOption,
    CollectEveryOption,
    GraceOption,
    S3PublicEndpointOption,
    UploadLeaseOption,
)
from trivet_kit import commands, starting
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

PROGRAM = "trivet-artifacts"
SERVICE = "trivet.artifacts.v1.ArtifactService"

app = typer.Typer(
    help="The artifact service of Trivet: files of runs and models.",
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
    artifact_store: ArtifactStoreOption = "",
    s3_public_endpoint: S3PublicEndpointOption = "",
    listen: ListenOption = "127.0.0.1:7333",
    tls_cert: TlsCertOption = "",
    tls_key: TlsKeyOption = "",
    tls_client_ca: TlsClientCaOption = "",
    tls_terminated: TlsTerminatedOption = False,  # noqa: FBT002 - a flag of the command line
    policy: PolicyOption = "",
    workspaces: WorkspacesOption = "",
    insecure_no_auth: InsecureNoAuthOption = False,  # noqa: FBT002 - a flag of the command line
    max_message_bytes: MaxMessageBytesOption = MAX_MESSAGE_BYTES,
    max_connection_age_seconds: MaxConnectionAgeOption = MAX_CONNECTION_AGE_SECONDS,
    upload_lease: UploadLeaseOption = UPLOAD_LEASE_SECONDS,
    collect_every_seconds: CollectEveryOption = 0,
    audit_days: AuditDaysOption = AUDIT_DAYS,
    metrics_listen: MetricsListenOption = "",
) -> None:
    """Serves until SIGTERM; the schema must be current (`migrate`)."""
    starting.begin()
    from trivet_artifacts.server import build, migrations, open_blobs, open_database  # noqa: PLC0415 - as the other
    from trivet_kit.identity.access import open_access  # noqa: PLC0415 - as the other
    from trivet_kit.server import run  # noqa: PLC0415 - most of a start, which `health` does without

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
    blobs = open_blobs(artifact_store, s3_public_endpoint)
    database = open_database(read_database_url(database_url, database_url_file))
    database.check_usable()
    migrations(database).check(f"{PROGRAM} migrate")
    blobs.check_usable()
    with open_access(settings.policy, settings.workspaces, with_certificates=settings.with_certificates) as access:
        lease, collect_every = timedelta(seconds=upload_lease), timedelta(seconds=collect_every_seconds)
        component = build(database, blobs, lease, collect_every, access.quotas, audit_days)
        run((component,), settings, access, partial(commands.say_ready, PROGRAM))


@app.command()
def migrate(database_url: DatabaseUrlOption = "", database_url_file: DatabaseUrlFileOption = "") -> None:
    """Brings the database's schema to the version that this code needs; safe to start several times at once."""
    from trivet_artifacts.server import migrations, open_database  # noqa: PLC0415 - as above

    database = open_database(read_database_url(database_url, database_url_file))
    commands.migrate(database, migrations(database))


@app.command()
def collect(
    database_url: DatabaseUrlOption = "",
    database_url_file: DatabaseUrlFileOption = "",
    artifact_store: ArtifactStoreOption = "",
    grace_seconds: GraceOption = GRACE_SECONDS,
) -> None:
    """Collects the garbage of all workspaces once, beside servers that run; for a timer."""
    from trivet_artifacts.server import collect, migrations, open_blobs, open_database  # noqa: PLC0415 - as above

    set_up_logs(logging.INFO)
    blobs = open_blobs(artifact_store)
    database = open_database(read_database_url(database_url, database_url_file))
    database.check_usable()
    migrations(database).check(f"{PROGRAM} migrate")
    blobs.check_usable()
    for workspace, done in collect(database, blobs, timedelta(seconds=grace_seconds)).items():
        typer.echo(
            f"{workspace}: {done.expired_files} files ({done.expired_bytes} bytes) were kept long enough, "
            f"{done.freed_objects} contents ({done.freed_bytes} bytes) are freed"
        )


@app.command()
def health(
    listen: ListenOption = "127.0.0.1:7333",
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
