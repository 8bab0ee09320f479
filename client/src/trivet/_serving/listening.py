"""The port that all workers of a server share.

Each worker has a socket of its own, among which Linux spreads connections evenly (SO_REUSEPORT). On one socket for all,
the worker that wakes up first takes most of what comes at once, and keeps it as long as connections last.
"""

from __future__ import annotations

import contextlib
import socket

Address = tuple[str, int]


def reserve(host: str, port: int) -> Address:
    """The address, with a port that nobody else listens on; 0 becomes a free one.

    Raises:
        OSError: somebody does, or the address is none of this machine.
    """
    # Without SO_REUSEPORT: two servers of one user would share a port, and neither would know.
    with socket.create_server((host, port), family=_family(host)) as alone:
        bound: Address = alone.getsockname()[:2]
        return bound


def bind(address: Address) -> socket.socket:
    """A socket for one worker, which takes connections from when that listens."""
    bound = socket.socket(_family(address[0]), socket.SOCK_STREAM)
    for level, option in (
        (socket.SOL_SOCKET, socket.SO_REUSEADDR),
        (socket.SOL_SOCKET, socket.SO_REUSEPORT),
        # Connections have it from here: an answer's second packet would wait until the first one is acknowledged.
        (socket.IPPROTO_TCP, socket.TCP_NODELAY),
    ):
        bound.setsockopt(level, option, 1)
    bound.bind(address)
    return bound


def close_for_all(listener: socket.socket) -> None:
    """Takes no more connections, even where a child of a worker that ended has the socket still."""
    # It may not listen yet.
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def shown(address: Address) -> str:
    """`HOST:PORT`."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
