"""Clients that are connected and ask nothing, in a process of their own: `python -m trivet_testing.idle_clients`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import grpc

_CONNECTED: Final = "connected"
# Not shared by channels to one address, as gRPC would.
_OPTIONS: Final = (("grpc.use_local_subchannel_pool", 1),)
# Many at once would fill the queue of those who wait to be accepted.
_AT_ONCE: Final = 50


@contextmanager
def idle_clients(address: str, count: int) -> Iterator[int]:
    """Channels of gRPC that are connected to a server, as long as the block lasts; the id of their process."""
    command = [sys.executable, "-m", __spec__.name, address, str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            said = process.stdout.readline().strip()
            assert said == _CONNECTED, said
            yield process.pid
        finally:
            process.kill()


async def _connect(address: str, count: int) -> None:
    channels = [grpc.aio.insecure_channel(address, _OPTIONS) for _ in range(count)]
    for begin in range(0, count, _AT_ONCE):
        await asyncio.gather(*(_connected(channel) for channel in channels[begin : begin + _AT_ONCE]))
    print(_CONNECTED, flush=True)  # noqa: T201 - to the process that waits for it
    await asyncio.to_thread(sys.stdin.read)


async def _connected(channel: grpc.aio.Channel) -> None:
    state = channel.get_state(try_to_connect=True)
    while state != grpc.ChannelConnectivity.READY:
        await channel.wait_for_state_change(state)
        state = channel.get_state(try_to_connect=True)


if __name__ == "__main__":
    asyncio.run(_connect(sys.argv[1], int(sys.argv[2])))
