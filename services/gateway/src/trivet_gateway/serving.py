"""The HTTP server."""

from __future__ import annotations

import asyncio
import socket

import typer
import uvicorn

from trivet_gateway.app import build
from trivet_gateway.upstream import Addresses
from trivet_kit.settings import Address, StartupError

_DRAIN_SECONDS = 10


def serve(address: Address, services: Addresses) -> None:
    """Serves until SIGTERM or SIGINT, then lets running calls end.

    Raises:
        StartupError: the address cannot be listened on.
    """
    config = uvicorn.Config(
        build(services),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    try:
        listener = socket.create_server(
            (address.host, address.port), family=socket.AF_INET6 if ":" in address.host else socket.AF_INET, backlog=512
        )
    except OSError as error:
        raise StartupError(f"Cannot listen on {address}: {(error.strerror or str(error)).lower()}.") from None
    with listener:
        host, port = listener.getsockname()[:2]
        typer.echo(f"trivet-gateway is ready: http {Address(host, port)}")
        asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))
