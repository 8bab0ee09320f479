"""A team that writes more than its quota, in a process of its own, which `fairness.py` starts and ends."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import cast

import grpc
from flood import Shape, Writer, async_stub
from google.rpc import error_details_pb2, status_pb2

from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

SHAPE = Shape(series=10, points=100)
WRITERS = 64


async def _flood(address: str, workspace: str, *, obedient: bool) -> None:
    """Writes until its input ends, and prints calls refused and points stored a second."""
    # What it takes of the processors itself is not what is measured: the clients of a team have machines of their own.
    os.setpriority(os.PRIO_PROCESS, 0, 19)
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    refused = stored = 0
    async with grpc.aio.insecure_channel(address) as channel:
        stub = async_stub(channel)
        run = (await stub.CreateRun(pb.CreateRunRequest(parent=f"workspaces/{workspace}"))).name
        begin = time.monotonic()

        async def write(number: int) -> None:
            nonlocal refused, stored
            writer = Writer(run, SHAPE, f"{number}/")
            request = writer.next()
            while not ended.done():
                try:
                    await stub.WriteRun(request)
                except grpc.aio.AioRpcError as error:
                    if not refused:
                        print("begun", flush=True)  # the burst is over
                    refused += 1
                    wait = _retry_seconds(error)
                    if obedient:
                        await asyncio.wait((ended,), timeout=wait)
                else:
                    stored += SHAPE.total
                    request = writer.next()

        await asyncio.gather(*(write(number) for number in range(WRITERS)))
        seconds = time.monotonic() - begin
    print(refused / seconds, stored / seconds)


def _retry_seconds(error: grpc.aio.AioRpcError) -> float:
    if error.code() != grpc.StatusCode.RESOURCE_EXHAUSTED:
        raise error
    trailer = dict(error.trailing_metadata() or ())
    retry = error_details_pb2.RetryInfo()
    for detail in status_pb2.Status.FromString(cast("bytes", trailer["grpc-status-details-bin"])).details:
        if detail.Unpack(retry):
            return float(retry.retry_delay.ToNanoseconds() / 1e9)
    raise error


if __name__ == "__main__":
    asyncio.run(_flood(sys.argv[1], sys.argv[2], obedient=sys.argv[3] == "obedient"))
