"""Callers of a server of a model, in a process of its own: what they do is to cost the server nothing.

Each caller has one connection and sends the next request when it has the answer to the last one.
"""

from __future__ import annotations

import multiprocessing
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from harness import percentile

_WARM_UP_SECONDS = 1.0
_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True)
class Figures:
    """What callers saw."""

    requests_per_second: float
    p99_millis: float


@dataclass(frozen=True)
class Callers:
    """A process that calls."""

    _pool: ProcessPoolExecutor

    def ask(self, address: str, body: bytes, callers: int, seconds: float) -> Figures:
        """Asks a server with so many callers for so long, after a second that does not count.

        Raises:
            AssertionError: it answered otherwise than with predictions.
        """
        return self._pool.submit(_ask, address, body, callers, seconds).result()


@contextmanager
def calling() -> Iterator[Callers]:
    """A process that calls, until the end of the block."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield Callers(pool)


def _ask(address: str, body: bytes, callers: int, seconds: float) -> Figures:
    head = f"POST /invocations HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n"
    request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
    begin = time.perf_counter() + _WARM_UP_SECONDS
    latencies: list[list[float]] = [[] for _ in range(callers)]
    faults: list[BaseException] = []

    def call(mine: list[float]) -> None:
        try:
            _call(address, request, begin, begin + seconds, mine)
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            faults.append(error)

    threads = [threading.Thread(target=call, args=(mine,)) for mine in latencies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    together = [each for mine in latencies for each in mine]
    return Figures(len(together) / seconds, percentile(together, 99) * 1000)


def _call(address: str, request: bytes, begin: float, end: float, latencies: list[float]) -> None:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (sent := time.perf_counter()) < end:
            connection.sendall(request)
            _receive(connection)
            if sent >= begin:
                latencies.append(time.perf_counter() - sent)


def _receive(connection: socket.socket) -> None:
    """Reads one answer to its end."""
    received = b""
    while _END_OF_HEAD not in received:
        received += _more(connection)
    head, _, body = received.partition(_END_OF_HEAD)
    assert head.startswith(b"HTTP/1.1 200 "), received[:500]
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    left = int(lengths[0].partition(b":")[2]) - len(body)
    while left > 0:
        left -= len(_more(connection))


def _more(connection: socket.socket) -> bytes:
    piece = connection.recv(1 << 20)
    assert piece, "the server closed the connection"
    return piece
