"""Contracts made in a test, and servers of the kit that serve them on loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count

import grpc
import pytest
from google.api import field_behavior_pb2
from google.protobuf import descriptor_pool, empty_pb2, text_format
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from trivet_kit.calls import Gate, UnknownMethods, service_handler
from trivet_proto.common.v1 import options_pb2
from trivet_testing.audit import Notes

_IMPORTS = (field_behavior_pb2, empty_pb2, options_pb2)
_numbers = count()


@pytest.fixture(scope="session")
def make_service() -> Callable[[str], ServiceDescriptor]:
    """Makes the one service that a file declares, given as the text form of a FileDescriptorProto.

    Each file gets a package of its own, which the text may name as `PACKAGE`.
    """

    def make(text: str) -> ServiceDescriptor:
        package = f"trivet.kit_test_{next(_numbers)}.v1"
        file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
        file.dependency.extend(module.DESCRIPTOR.name for module in _IMPORTS)
        text_format.Merge(text.replace("PACKAGE", f".{package}"), file)
        pool = descriptor_pool.Default()
        pool.AddSerializedFile(file.SerializeToString())
        (service,) = pool.FindFileByName(file.name).services_by_name.values()
        return service

    return make


@contextmanager
def _serving(handler: grpc.GenericRpcHandler) -> Iterator[str]:
    """A server with a loop and a thread of its own; gives its address."""
    started: Future[str] = Future()
    loop = asyncio.new_event_loop()
    stopping = asyncio.Event()

    async def serve() -> None:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((handler, UnknownMethods()))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        started.set_result(f"127.0.0.1:{port}")
        await stopping.wait()
        await server.stop(None)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="test server")
    thread.start()
    try:
        yield started.result(30)
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(30)
        assert not thread.is_alive()
        loop.close()


@pytest.fixture
def notes() -> Notes:
    """What the servers of a test note for audit, in the order in which calls end."""
    return Notes()


@pytest.fixture
def serve(notes: Notes) -> Iterator[Callable[[ServiceDescriptor, object, Gate], grpc.Channel]]:
    """Serves a service until the end of the test, and gives a channel to it."""
    with ExitStack() as stack:

        def start(service: ServiceDescriptor, servicer: object, gate: Gate) -> grpc.Channel:
            threads = stack.enter_context(ThreadPoolExecutor(2))
            address = stack.enter_context(_serving(service_handler(service, (servicer,), gate, threads, notes)))
            return stack.enter_context(grpc.insecure_channel(address))

        yield start
