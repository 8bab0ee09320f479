"""The command `trivet-gateway`."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from trivet_gateway.settings import AllowedHostsOption
from trivet_gateway.upstream import Addresses
from trivet_kit import commands
from trivet_kit.logs import set_up_logs
from trivet_kit.settings import InsecureNoAuthOption, ServerSettings, StartupError, parse_address

PROGRAM = "trivet-gateway"

app = typer.Typer(
    help="The HTTP gateway of Trivet: MLflow's REST protocol.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_LISTEN = "127.0.0.1:7331"
_ListenOption = Annotated[
    str, typer.Option(envvar="TRIVET_LISTEN", metavar="HOST:PORT", help="Where to listen; port 0 is any free one.")
]
_HELP = "Of the service: grpc://HOST:PORT, or unix:PATH."


@app.command()
def serve(
    listen: _ListenOption = _LISTEN,
    tracking_url: Annotated[
        str, typer.Option(envvar="TRIVET_TRACKING_URL", metavar="URL", help=_HELP)
    ] = "grpc://127.0.0.1:7332",
    artifacts_url: Annotated[
        str, typer.Option(envvar="TRIVET_ARTIFACTS_URL", metavar="URL", help=_HELP)
    ] = "grpc://127.0.0.1:7333",
    registry_url: Annotated[
        str, typer.Option(envvar="TRIVET_REGISTRY_URL", metavar="URL", help=_HELP)
    ] = "grpc://127.0.0.1:7334",
    allowed_hosts: AllowedHostsOption = "",
    direct_transfers: Annotated[  # noqa: FBT002 - a flag of the command line
        bool,
        typer.Option(
            envvar="TRIVET_DIRECT_TRANSFERS",
            help="MLflow's clients reach the bucket where the artifact service says it is; large files go there.",
        ),
    ] = False,
    insecure_no_auth: InsecureNoAuthOption = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Serves until SIGTERM."""
    from trivet_gateway.serving import serve as run  # noqa: PLC0415 - most of a start

    set_up_logs(logging.INFO)
    address = parse_address(listen, "TRIVET_LISTEN")
    ServerSettings(listen=address, insecure_no_auth=insecure_no_auth).check()
    services = Addresses(*map(_target, (tracking_url, artifacts_url, registry_url)))
    run(address, services, allowed_hosts, is_direct=direct_transfers)


@app.command()
def health(listen: _ListenOption = _LISTEN) -> None:
    """Asks the gateway that runs here with the same settings whether it serves; ends with code 0 or 1."""
    from trivet_gateway.probing import check  # noqa: PLC0415 - as above

    address = parse_address(listen, "TRIVET_LISTEN")
    check(address)
    typer.echo(f"{PROGRAM} serves.")


@app.callback()
def _root() -> None:
    """The HTTP gateway of Trivet: MLflow's REST protocol."""


def _target(url: str) -> str:
    if url.startswith("unix:"):
        return url
    if not url.startswith("grpc://"):
        raise StartupError(f"{url!r} is not the address of a service: grpc://HOST:PORT, or unix:PATH.")
    return str(parse_address(url.removeprefix("grpc://").rstrip("/"), "the address of a service"))


def main() -> None:
    """Runs the command."""
    commands.run(app, PROGRAM)


if __name__ == "__main__":
    main()
