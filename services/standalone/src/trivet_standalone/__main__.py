"""`python -m trivet_standalone`, which `trivet up` starts."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from trivet_kit import commands
from trivet_kit import server as kit_server
from trivet_kit.logs import set_up_logs
from trivet_kit.server import check_free
from trivet_kit.settings import (
    Address,
    InsecureNoAuthOption,
    ServerSettings,
    WorkspacesOption,
    parse_workspaces,
)
from trivet_standalone.data_folder import DataFolder, check_not_served, open_data_folder
from trivet_tracking import server as tracking

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def up(
    data: Annotated[Path, typer.Option(metavar="DIR", help="The folder in which everything is kept.")] = Path(
        ".trivet"
    ),
    host: Annotated[str, typer.Option(help="Where to listen; beyond this machine it needs --insecure-no-auth.")] = (
        "127.0.0.1"
    ),
    grpc_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of gRPC; 0 is any free one.")] = 7330,
    http_port: Annotated[  # noqa: ARG001 - kept for the gateway, so that scripts need not change when it comes
        int, typer.Option(min=0, max=65535, help="Port of the web UI and the MLflow API; nothing listens there yet.")
    ] = 7331,
    database: Annotated[
        str, typer.Option(metavar="URL", help="postgresql://… instead of SQLite files in the data folder.")
    ] = "",
    workspaces: WorkspacesOption = "",
    insecure_no_auth: InsecureNoAuthOption = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Runs Trivet on this machine: one process, SQLite files and a folder. Ctrl-C stops it."""
    set_up_logs(logging.WARNING)
    settings = ServerSettings(
        listen=Address(host, grpc_port),
        workspaces=parse_workspaces(workspaces),
        insecure_no_auth=insecure_no_auth,
    )
    settings.check()
    # Who serves the folder already is the better answer to a second start than that the address is in use.
    if not database:
        check_not_served(data)
    check_free(settings.listen)
    with ExitStack() as stack:
        folder = None if database else stack.enter_context(open_data_folder(data))
        tracking_database = tracking.open_database(database or _folder_database(folder, "tracking"))
        tracking_database.check_usable()
        tracking.migrations(tracking_database).upgrade()
        kit_server.run(
            (tracking.build(tracking_database),), settings, lambda address: _announce(address, folder, database)
        )


def _folder_database(folder: DataFolder | None, service: str) -> str:
    assert folder is not None
    return folder.database_url(service)


def _announce(address: str, folder: DataFolder | None, database: str) -> None:
    if folder is not None:
        folder.announce(address)
    kept = f"in {folder.path}" if folder is not None else f"in {database.rsplit('@', maxsplit=1)[-1]}"
    print(  # noqa: T201 - for whoever started it
        f"Trivet is ready: grpc {address}\n"
        f"  Everything is kept {kept}. Ctrl-C stops it.\n"
        f"  Try: grpcurl -plaintext {address} list\n"
        f"       grpcurl -plaintext {address} trivet.common.v1.SystemService/GetServerInfo",
        flush=True,
    )


def main() -> None:
    """Runs the command."""
    commands.run(app, "trivet up")


if __name__ == "__main__":
    main()
