"""The HTTP server: a process of its own, or a thread of another one."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer
import uvicorn

from trivet_gateway.app import build
from trivet_gateway.hosts import names_of
from trivet_gateway.upstream import Addresses
from trivet_kit.settings import Address, StartupError

_DRAIN_SECONDS: Final = 10
_BACKLOG: Final = 512


def listen(address: Address) -> socket.socket:
    """Listens. Raises StartupError where that cannot be."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        # Python adds the address to the sentence of the system.
        why = os.strerror(error.errno) if error.errno else str(error)
        raise StartupError(f"Cannot listen on {address}: {why.lower()}.") from None


def serve(address: Address, services: Addresses, names: str = "") -> None:
    """Serves until SIGTERM or SIGINT, then lets running calls end.

    Args:
        address: Where to listen.
        services: Where the services are.
        names: More names of this server, with commas between.

    Raises:
        StartupError: the address cannot be listened on.
    """
    with listen(address) as listener:
        typer.echo(f"trivet-gateway is ready: http {_bound(listener)}")
        asyncio.run(_server(services, names_of(address, names)).serve(sockets=[listener]))


@contextmanager
def serving_in_thread(listener: socket.socket, services: Addresses) -> Iterator[str]:
    """Serves in a thread until the end of the block; gives the address. Closes what it listens by."""
    server = _server(services, names_of(_bound(listener)))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), name="gateway")
    with listener:
        thread.start()
        try:
            yield str(_bound(listener))
        finally:
            server.should_exit = True
            thread.join()


def _server(services: Addresses, names: frozenset[str] | None) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            build(services, names),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
    )


def _bound(listener: socket.socket) -> Address:
    host, port = listener.getsockname()[:2]
    return Address(host, port)
