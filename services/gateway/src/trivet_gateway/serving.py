"""The HTTP server: a process of its own, or a thread of another one."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer
import uvicorn
import uvloop

from trivet_gateway.app import build
from trivet_gateway.connections import Connection
from trivet_gateway.hosts import names_of
from trivet_gateway.sign_in.settings import SignInSettings
from trivet_gateway.tls import server_context
from trivet_gateway.upstream import Addresses
from trivet_kit import starting
from trivet_kit.server import DRAIN_SECONDS
from trivet_kit.settings import Address, StartupError, TlsFiles

_DRAIN_SECONDS: Final = int(DRAIN_SECONDS)
_BACKLOG: Final = 512


def listen(address: Address) -> socket.socket:
    """Listens. Raises StartupError where that cannot be."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        listener = socket.create_server((address.host, address.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        # Python adds the address to the sentence of the system.
        why = os.strerror(error.errno) if error.errno else str(error)
        raise StartupError(f"Cannot listen on {address}: {why.lower()}.") from None
    # Connections have it from here: an answer's second packet would wait until the first one is acknowledged.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def serve(
    address: Address,
    services: Addresses,
    names: str,
    sign_in: SignInSettings,
    tls: TlsFiles | None,
    *,
    is_direct: bool = False,
) -> None:
    """Serves until SIGTERM or SIGINT, then lets running calls end.

    Args:
        address: Where to listen.
        services: Where the services are.
        names: More names of this server, with commas between.
        sign_in: How people sign in.
        tls: The certificate of this server; None: it speaks HTTP.
        is_direct: Whether clients reach the store of files themselves.

    Raises:
        StartupError: the address cannot be listened on.
    """
    with listen(address) as listener:
        server = _server(services, names_of(address, names), sign_in, tls, is_direct=is_direct)
        # uvicorn has this while it serves. Before that, a signal must not be lost; afterwards uvicorn sends itself the
        # signal again, which would end the process before it has tidied up.
        signal.signal(signal.SIGTERM, server.handle_exit)
        typer.echo(f"trivet-gateway is ready: {'http' if tls is None else 'https'} {_bound(listener)}")
        starting.end()
        _run(server, listener)


@contextmanager
def serving_in_thread(
    listener: socket.socket,
    services: Addresses,
    names: frozenset[str] | None,
    sign_in: SignInSettings,
    *,
    is_direct: bool = False,
) -> Iterator[str]:
    """Serves in a thread until the end of the block; gives the address. Closes what it listens by.

    Args:
        listener: Where it listens.
        services: Where the services are.
        names: Of this server, as `names_of` gives them.
        sign_in: How people sign in.
        is_direct: Whether clients reach the store of files themselves.
    """
    server = _server(services, names, sign_in, None, is_direct=is_direct)
    thread = threading.Thread(target=_run, args=(server, listener), name="gateway")
    with listener:
        thread.start()
        try:
            yield str(_bound(listener))
        finally:
            server.should_exit = True
            thread.join()


def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    # uvicorn's own `run` would take signals, which a thread cannot.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve(sockets=[listener]))


class _Server(uvicorn.Server):
    """Tells the application when it begins to end: streams that never do would hold it."""

    def __init__(self, config: uvicorn.Config, ending: asyncio.Event) -> None:
        super().__init__(config)
        self._ending = ending

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends, as uvicorn does."""
        self._ending.set()
        await super().shutdown(sockets)


def _server(
    services: Addresses,
    names: frozenset[str] | None,
    sign_in: SignInSettings,
    tls: TlsFiles | None,
    *,
    is_direct: bool,
) -> uvicorn.Server:
    ending = asyncio.Event()
    config = uvicorn.Config(
        build(services, names, ending, sign_in, is_direct=is_direct),
        http=Connection,
        ws="none",  # or what is installed for it would be imported, for nothing
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing asks who is at the other end
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    config.load()
    if tls is not None:
        config.ssl = server_context(tls)
    return _Server(config, ending)


def _bound(listener: socket.socket) -> Address:
    host, port = listener.getsockname()[:2]
    return Address(host, port)
