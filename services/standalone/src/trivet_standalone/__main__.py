"""`python -m trivet_standalone`, which `trivet up` starts, and the SDK in local mode."""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from trivet_artifacts.settings import CollectEveryOption, S3PublicEndpointOption
from trivet_gateway.settings import AllowedHostsOption
from trivet_gateway.sign_in.settings import (
    PublicUrlOption,
    SessionKeyFileOption,
    SignInOptions,
    SignInSettings,
    checked,
)
from trivet_kit import commands, starting
from trivet_kit.identity.access import Access, open_access
from trivet_kit.logs import set_up_logs
from trivet_kit.settings import (
    AUDIT_DAYS,
    Address,
    AuditDaysOption,
    InsecureNoAuthOption,
    MetricsListenOption,
    PolicyOption,
    ServerSettings,
    ServiceTokenFileOption,
    StartupError,
    TlsTerminatedOption,
    WorkspacesOption,
    parse_metrics_address,
    parse_policy,
    parse_workspaces,
)
from trivet_kit.tracing import set_up_tracing
from trivet_kit.webhooks.settings import WebhookNetworksOption, WebhookSettings, parse_webhook_networks
from trivet_standalone.local_clients import LocalClients, local_sockets
from trivet_standalone.places import Places, places
from trivet_standalone.serving import check_not_served, serving
from trivet_tracking.settings import CONSOLE_BYTES, STALE_AFTER_SECONDS, ConsoleBytesOption, StaleAfterOption

_DAY_SECONDS = 24 * 60 * 60
_HTTP_PORT = 7331

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def up(
    data: Annotated[Path, typer.Option(metavar="DIR", help="The folder in which everything is kept.")] = Path(
        ".trivet"
    ),
    host: Annotated[str, typer.Option(help="Where to listen; beyond this machine it needs --policy.")] = ("127.0.0.1"),
    grpc_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of gRPC; 0 is any free one.")] = 7330,
    http_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Port for MLflow's own client; 0 is any free one. Default: 7331 where that is free.",
            show_default=False,
        ),
    ] = None,
    database: Annotated[
        str,
        typer.Option(metavar="URL", help="postgresql://… or sqlite:///FILE instead of databases in the data folder."),
    ] = "",
    artifacts: Annotated[
        str,
        typer.Option(metavar="STORE", help="s3://BUCKET?endpoint=URL&region=REGION, or another folder, for files."),
    ] = "",
    allowed_hosts: AllowedHostsOption = "",
    policy: PolicyOption = "",
    service_token_file: ServiceTokenFileOption = "",
    tls_terminated: TlsTerminatedOption = False,  # noqa: FBT002 - a flag of the command line
    session_key_file: SessionKeyFileOption = "",
    public_url: PublicUrlOption = "",
    workspaces: WorkspacesOption = "",
    insecure_no_auth: InsecureNoAuthOption = False,  # noqa: FBT002 - a flag of the command line
    stale_after_seconds: StaleAfterOption = STALE_AFTER_SECONDS,
    console_bytes: ConsoleBytesOption = CONSOLE_BYTES,
    s3_public_endpoint: S3PublicEndpointOption = "",
    collect_every_seconds: CollectEveryOption = _DAY_SECONDS,
    webhook_networks: WebhookNetworksOption = "",
    audit_days: AuditDaysOption = AUDIT_DAYS,
    metrics_listen: MetricsListenOption = "",
    local: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0,
            hidden=True,  # for the SDK, which starts servers by it
            help="Serve programs of this user alone, on a socket, and end so long after the last one; 0 is off.",
        ),
    ] = 0,
) -> None:
    """Runs Trivet on this machine: one process, SQLite files and a folder. Ctrl-C stops it."""
    starting.begin()
    from trivet_kit.server import check_free, run  # noqa: PLC0415 - most of a start, as the other
    from trivet_standalone.components import OwnAddress, Wishes, build  # noqa: PLC0415 - as the other

    set_up_logs(logging.WARNING)
    set_up_tracing("trivet")
    kept = places(data, database, artifacts)
    listen = _local_address(kept) if local else Address(host, grpc_port)
    settings = ServerSettings(
        listen=listen,
        workspaces=parse_workspaces(workspaces),
        insecure_no_auth=insecure_no_auth,
        policy=parse_policy(policy),
        tls_terminated=tls_terminated,
        metrics=parse_metrics_address(metrics_listen),
    )
    settings.check()
    webhooks = WebhookSettings(parse_webhook_networks(webhook_networks))
    # Who serves the data already is the better answer to a second start than that the address is in use.
    if kept.lock_file is not None:
        check_not_served(kept.lock_file)
    check_free(listen)
    own_address = OwnAddress()
    with ExitStack() as stack:
        access = stack.enter_context(open_access(settings.policy, settings.workspaces))
        listener = None if local else _http_listener(host, http_port)
        if listener is not None:
            stack.enter_context(listener)
        holding = None if kept.lock_file is None else stack.enter_context(serving(kept.lock_file))
        wishes = Wishes(
            stale_after_seconds,
            console_bytes,
            collect_every_seconds,
            s3_public_endpoint,
            webhooks,
            audit_days,
            service_token_file,
        )
        components = build(kept, own_address, wishes, access.policy, access.quotas)
        clients = stack.enter_context(_local_clients(kept, local)) if local else None

        def on_ready(address: str) -> None:
            dial = own_address.set(address)
            if holding is not None:
                holding.announce(dial, clients)
            # MLflow's client has no other way, so its clients reach the bucket where somebody said so.
            is_direct = s3_public_endpoint not in ("", "none")
            http = ""
            if listener is not None:
                options = SignInOptions(session_key_file, public_url)
                sign_in = checked(access.sign_in, options, is_local=Address(host, 0).is_local)
                http = stack.enter_context(_gateway(listener, dial, host, allowed_hosts, sign_in, is_direct=is_direct))
            _say_ready(address, http, kept, _ways_in(address, access) if settings.policy is not None else None)

        run(components, settings, access, on_ready)


def _local_address(kept: Places) -> Address:
    if kept.lock_file is None:
        raise StartupError("--local is for data on this machine.")
    return Address("", 0, local_sockets(kept.lock_file).grpc)


@contextmanager
def _local_clients(kept: Places, grace_seconds: float) -> Iterator[Path]:
    """Where programs say that they use the server, which ends some time after the last one."""
    assert kept.lock_file is not None
    path = local_sockets(kept.lock_file).clients
    with LocalClients(path, lambda: os.kill(os.getpid(), signal.SIGTERM), grace_seconds):
        yield path


def _http_listener(host: str, port: int | None) -> socket.socket | None:
    """Listens for MLflow's client; None where nobody chose the port and it is in use."""
    from trivet_gateway.serving import listen  # noqa: PLC0415 - programs that serve only themselves do without

    try:
        return listen(Address(host, _HTTP_PORT if port is None else port))
    except StartupError:
        if port is not None:
            raise
        return None


@contextmanager
def _gateway(
    listener: socket.socket, dial: str, host: str, allowed_hosts: str, sign_in: SignInSettings, *, is_direct: bool
) -> Iterator[str]:
    """Serves MLflow's client until the end of the block; gives the address."""
    from trivet_gateway.hosts import names_of  # noqa: PLC0415 - as above
    from trivet_gateway.serving import serving_in_thread  # noqa: PLC0415 - as above
    from trivet_gateway.upstream import everywhere  # noqa: PLC0415 - as above

    names = names_of(Address(host, 0), allowed_hosts)
    with serving_in_thread(listener, everywhere(dial), names, sign_in, is_direct=is_direct) as address:
        yield address


def _ways_in(address: str, access: Access) -> str:
    """How callers get the credentials that the policy file has them present."""
    people = f"  People: trivet login grpc://{address}\n" if access.sign_in() else ""
    made = "$(trivet token create --key FILE --subject NAME --expires 1d)"
    return f"  Callers need credentials.\n{people}  Programs: export TRIVET_TOKEN={made}\n"


def _say_ready(address: str, http: str, kept: Places, ways_in: str | None) -> None:
    none = f"no, port {_HTTP_PORT} is in use: --http-port"
    header = "" if ways_in is None else '-H "authorization: Bearer $TRIVET_TOKEN" '
    mlflow = f"export MLFLOW_TRACKING_URI=http://{http}" if http else none
    pages = f"http://{http}" if http else none
    print(  # noqa: T201 - for whoever started it
        f"Trivet is ready: grpc {address}\n"
        f"  Everything is kept {kept.shown}. Ctrl-C stops it.\n"
        f"  Web pages: {pages}\n"
        f"{ways_in or ''}"
        f"  Try: export TRIVET_URL=grpc://{address}   # then: import trivet\n"
        f"       trivet status\n"
        f"       grpcurl {header}-plaintext {address} list\n"
        f"  MLflow's own client: {mlflow}",
        flush=True,
    )


def main() -> None:
    """Runs the command."""
    commands.run(app, "trivet up")


if __name__ == "__main__":
    main()
