"""The command `trivet-gateway`."""

from __future__ import annotations

import logging
import re
from typing import Annotated

import typer

from trivet_gateway.settings import AllowedHostsOption
from trivet_gateway.sign_in.settings import PublicUrlOption, SessionKeyFileOption, SignInOptions, open_settings
from trivet_gateway.upstream import Addresses, Endpoint
from trivet_kit import commands, starting
from trivet_kit.logs import set_up_logs
from trivet_kit.settings import (
    InsecureNoAuthOption,
    MetricsListenOption,
    PolicyOption,
    ServerSettings,
    StartupError,
    TlsCertOption,
    TlsKeyOption,
    TlsTerminatedOption,
    parse_address,
    parse_metrics_address,
    parse_policy,
    parse_tls,
)
from trivet_kit.tracing import set_up_tracing
from trivet_kit.upstream_tls import UpstreamCaOption, UpstreamCertOption, UpstreamKeyOption, parse_upstream_tls

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
_IPV4 = re.compile(r"[0-9]+(\.[0-9]+){3}")
_HELP = "Of the service: grpc://HOST:PORT, grpcs:// for TLS, grpc://IP:PORT,IP:PORT for replicas, or unix:PATH."


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
    upstream_ca: UpstreamCaOption = "",
    upstream_cert: UpstreamCertOption = "",
    upstream_key: UpstreamKeyOption = "",
    tls_cert: TlsCertOption = "",
    tls_key: TlsKeyOption = "",
    tls_terminated: TlsTerminatedOption = False,  # noqa: FBT002 - a flag of the command line
    policy: PolicyOption = "",
    session_key_file: SessionKeyFileOption = "",
    public_url: PublicUrlOption = "",
    insecure_no_auth: InsecureNoAuthOption = False,  # noqa: FBT002 - a flag of the command line
    metrics_listen: MetricsListenOption = "",
) -> None:
    """Serves until SIGTERM."""
    starting.begin()
    from trivet_gateway.serving import serve as run  # noqa: PLC0415 - most of a start
    from trivet_kit.metrics import serving_metrics  # noqa: PLC0415 - as above

    set_up_logs(logging.INFO)
    set_up_tracing(PROGRAM)
    settings = ServerSettings(
        listen=parse_address(listen, "TRIVET_LISTEN"),
        tls=parse_tls(tls_cert, tls_key, ""),
        insecure_no_auth=insecure_no_auth,
        policy=parse_policy(policy),
        tls_terminated=tls_terminated,
        metrics=parse_metrics_address(metrics_listen),
    )
    settings.check()
    services = Addresses(
        _endpoint(tracking_url, "TRIVET_TRACKING_URL", settings),
        _endpoint(artifacts_url, "TRIVET_ARTIFACTS_URL", settings),
        _endpoint(registry_url, "TRIVET_REGISTRY_URL", settings),
        parse_upstream_tls(upstream_ca, upstream_cert, upstream_key),
    )
    options = SignInOptions(session_key_file, public_url)
    is_local = settings.listen.is_local
    with serving_metrics(settings.metrics), open_settings(settings.policy, options, is_local=is_local) as sign_in:
        run(settings.listen, services, allowed_hosts, sign_in, settings.tls, is_direct=direct_transfers)


@app.command()
def health(listen: _ListenOption = _LISTEN, tls_cert: TlsCertOption = "") -> None:
    """Asks the gateway that runs here with the same settings whether it serves; ends with code 0 or 1."""
    from trivet_gateway.probing import check  # noqa: PLC0415 - as above

    address = parse_address(listen, "TRIVET_LISTEN")
    check(address, is_tls=bool(tls_cert))
    typer.echo(f"{PROGRAM} serves.")


@app.callback()
def _root() -> None:
    """The HTTP gateway of Trivet: MLflow's REST protocol."""


def _endpoint(url: str, setting: str, settings: ServerSettings) -> Endpoint:
    if url.startswith("unix:"):
        return Endpoint(url)
    scheme, _, rest = url.partition("://")
    if scheme not in ("grpc", "grpcs"):
        raise StartupError(
            f"{url!r} is not the address of a service: grpc://HOST:PORT, grpcs:// for TLS, or unix:PATH."
        )
    replicas = [parse_address(text, "the address of a service") for text in rest.rstrip("/").split(",")]
    if scheme == "grpc":
        for address in replicas:
            settings.check_clear(address, setting)
    if len(replicas) == 1:
        return Endpoint(str(replicas[0]), scheme == "grpcs")
    if scheme == "grpcs" or not all(_IPV4.fullmatch(address.host) for address in replicas):
        raise StartupError(
            f"{setting} lists servers, which must be IPv4 addresses, without TLS. Otherwise, use a name that leads to "
            "all of them."
        )
    return Endpoint(f"ipv4:{','.join(map(str, replicas))}")


def main() -> None:
    """Runs the command."""
    commands.run(app, PROGRAM)


if __name__ == "__main__":
    main()
