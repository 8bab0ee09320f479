"""One client that keeps many messages on the way."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import grpc
import numpy as np
from harness import PARENT

from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub

if TYPE_CHECKING:
    from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceAsyncStub

_START_MILLIS = 1_700_000_000_000


@dataclass(frozen=True)
class Shape:
    """What each message holds."""

    series: int
    points: int
    """Of each series."""

    def __str__(self) -> str:
        return f"{self.series:,} series x {self.points:,} points"

    @property
    def total(self) -> int:
        """All points of a message."""
        return self.series * self.points


@dataclass
class Writer:
    """Messages of one writer, one after the other; each goes on where the one before ended."""

    run: str
    shape: Shape
    prefix: str
    request: pb.WriteRunRequest = field(init=False)

    def __post_init__(self) -> None:
        shape = self.shape
        self.request = pb.WriteRunRequest(run=self.run, writer_id=secrets.randbits(63) | 1)
        metrics = self.request.metrics
        metrics.keys.extend(f"{self.prefix}{number}" for number in range(shape.series))
        metrics.counts.extend([shape.points] * shape.series)
        # Born as 32-bit numbers, as losses are.
        metrics.values.extend(np.random.default_rng(0).random(shape.total, np.float32).tolist())
        metrics.times_millis.append(_START_MILLIS)

    def next(self) -> pb.WriteRunRequest:
        """The next message; the one before must have been sent."""
        begin = self.request.sequence * self.shape.points
        self.request.sequence += 1
        self.request.metrics.steps[:] = list(range(begin, begin + self.shape.points)) * self.shape.series
        self.request.metrics.times_millis[0] = _START_MILLIS + begin
        return self.request


def by_calls(address: str, shape: Shape, window: int, seconds: float) -> float:
    """Points a second, acknowledged, from as many writers to one run as calls are on the way."""
    return asyncio.run(_by_calls(address, shape, window, seconds))


def by_stream(address: str, shape: Shape, seconds: float) -> float:
    """Points a second, acknowledged, from one writer in one stream."""
    return asyncio.run(_by_stream(address, shape, seconds))


def async_stub(channel: grpc.aio.Channel) -> TrackingServiceAsyncStub:
    """The calls of the service, to be awaited."""
    # One class serves both kinds of channel; its types know two.
    return cast("TrackingServiceAsyncStub", TrackingServiceStub(channel))


async def _by_calls(address: str, shape: Shape, window: int, seconds: float) -> float:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = async_stub(channel)
        run = (await stub.CreateRun(pb.CreateRunRequest(parent=PARENT))).name
        begin = time.monotonic()

        async def write(number: int) -> int:
            writer = Writer(run, shape, f"{number}/")
            messages = 0
            while time.monotonic() < begin + seconds:
                await stub.WriteRun(writer.next())
                messages += 1
            return messages

        messages = sum(await asyncio.gather(*(write(number) for number in range(window))))
        return messages * shape.total / (time.monotonic() - begin)


async def _by_stream(address: str, shape: Shape, seconds: float) -> float:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = async_stub(channel)
        run = (await stub.CreateRun(pb.CreateRunRequest(parent=PARENT))).name
        begin = time.monotonic()

        async def messages() -> AsyncIterator[pb.StreamWritesRequest]:
            writer = Writer(run, shape, "")
            while time.monotonic() < begin + seconds:
                yield pb.StreamWritesRequest(write=writer.next())

        acknowledged = 0
        async for answer in stub.StreamWrites(messages()):
            acknowledged = answer.acknowledged_count
        return acknowledged * shape.total / (time.monotonic() - begin)
