"""The command `trivet-tracking`."""

from __future__ import annotations

import logging
from functools import partial
from typing import Annotated

import typer

from trivet_kit import commands
from trivet_kit import server as kit_server
from trivet_kit.logs import set_up_logs
from trivet_kit.settings import (
    MAX_MESSAGE_BYTES,
    DatabaseUrlOption,
    InsecureNoAuthOption,
    MaxMessageBytesOption,
    ServerSettings,
    TlsCertOption,
    TlsClientCaOption,
    TlsKeyOption,
    WorkspacesOption,
    parse_address,
    parse_tls,
    parse_workspaces,
)
from trivet_tracking.folder import FOLD_AFTER_SECONDS
from trivet_tracking.server import build, migrations, open_database

PROGRAM = "trivet-tracking"

app = typer.Typer(
    help="The tracking service of Trivet: experiments, runs, params, metrics, tags.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

FoldAfterOption = Annotated[
    float,
    typer.Option(
        envvar="TRIVET_FOLD_AFTER_SECONDS",
        min=0.01,
        metavar="SECONDS",
        help="How old points become in the log before they are packed into chunks.",
    ),
]
ListenOption = Annotated[
    str, typer.Option(envvar="TRIVET_LISTEN", metavar="HOST:PORT", help="Where to listen; port 0 is any free one.")
]


@app.command()
def serve(
    database_url: DatabaseUrlOption = "",
    listen: ListenOption = "127.0.0.1:7332",
    tls_cert: TlsCertOption = "",
    tls_key: TlsKeyOption = "",
    tls_client_ca: TlsClientCaOption = "",
    workspaces: WorkspacesOption = "",
    insecure_no_auth: InsecureNoAuthOption = False,  # noqa: FBT002 - a flag of the command line
    max_message_bytes: MaxMessageBytesOption = MAX_MESSAGE_BYTES,
    fold_after_seconds: FoldAfterOption = FOLD_AFTER_SECONDS,
) -> None:
    """Serves until SIGTERM; the schema must be current (`migrate`)."""
    set_up_logs(logging.INFO)
    settings = ServerSettings(
        listen=parse_address(listen, "TRIVET_LISTEN"),
        workspaces=parse_workspaces(workspaces),
        tls=parse_tls(tls_cert, tls_key, tls_client_ca),
        insecure_no_auth=insecure_no_auth,
        max_message_bytes=max_message_bytes,
    )
    settings.check()
    database = open_database(database_url)
    database.check_usable()
    migrations(database).check(f"{PROGRAM} migrate")
    kit_server.run((build(database, fold_after_seconds),), settings, partial(commands.say_ready, PROGRAM))


@app.command()
def migrate(database_url: DatabaseUrlOption = "") -> None:
    """Brings the database's schema to the version that this code needs; safe to start several times at once."""
    database = open_database(database_url)
    commands.migrate(database, migrations(database))


def main() -> None:
    """Runs the command."""
    commands.run(app, PROGRAM)


if __name__ == "__main__":
    main()
