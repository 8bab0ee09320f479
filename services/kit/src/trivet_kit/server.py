"""Starts, runs and stops a server process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from prometheus_client.registry import Collector

from trivet_kit import starting
from trivet_kit.audit.trail import AuditTrail
from trivet_kit.calls import Gate, UnknownMethods, service_handler
from trivet_kit.identity.access import Access
from trivet_kit.metrics import collected, count_in_flight, serving_metrics
from trivet_kit.quotas import Quota
from trivet_kit.rate_sharing import Demands, RateSharing
from trivet_kit.rates import Rates
from trivet_kit.readings import Pools, PoolUse, ReadFigures, Readings
from trivet_kit.reflecting import SERVICE_NAME as REFLECTION
from trivet_kit.reflecting import add_reflection
from trivet_kit.settings import Address, ServerSettings, StartupError
from trivet_kit.system import ServerFacts, SystemServicer
from trivet_kit.tls import server_credentials
from trivet_kit.tracing import CarryingThreads
from trivet_kit.usage import UsageServicer
from trivet_proto.common.v1 import system_service_pb2

# As many calls may be at the database at once; the pool of connections has the same size.
WORKER_THREADS = 16
# How long running calls may go on after SIGTERM; below Kubernetes' default of 30 s from SIGTERM to SIGKILL.
DRAIN_SECONDS = 20.0
# How long those who watch the health have to hear that it ends, and to send their calls elsewhere. gRPC's server fails
# calls that reach it while it stops, and cannot tell clients to go before that.
LEAVE_SECONDS = 0.5
# How long the rest of stopping may take, after the drain.
LAST_SECONDS = 5.0
# What a client may send of a stream before it is read, in bytes. At 100 ms from the client, 20 MiB/s of one stream.
UNREAD_BYTES = 2 * 1024 * 1024
# Metadata of a call: a token, at most 16 KiB, and what proxies add.
MAX_METADATA_BYTES = 32 * 1024
# How often a server looks whether its components can work; readiness follows within this time.
PROBE_SECONDS = 2.0
# A component that does not answer for so long is not ready.
PROBE_TIMEOUT_SECONDS = 5.0

_log = logging.getLogger("trivet.server")


@dataclass(frozen=True)
class Service:
    """A gRPC service and the objects that implement it, each some of its methods."""

    descriptor: ServiceDescriptor
    servicers: tuple[object, ...]


@dataclass(frozen=True)
class Component:
    """A part that a server process is made of: tracking, artifacts, registry."""

    services: tuple[Service, ...]
    probe: Callable[[], None]
    """Raises when the component cannot work now, because its database is away."""
    close: Callable[[], None]
    """Frees what it holds, after the last call has ended."""
    limits: system_service_pb2.Limits
    """What it refuses for its size."""
    trail: AuditTrail
    """Where its calls are noted. It is closed with the rest."""
    drain: Callable[[], None] = lambda: None
    """Ends the streams that have no end by themselves, with ServerDraining; on the event loop, when the server is about
    to stop."""
    rates: tuple[Rates, ...] = ()
    """Rates that it holds workspaces to, and shares with its other replicas."""
    kept: tuple[Quota, ...] = ()
    """What it limits besides."""
    demands: Demands | None = None
    """By which its replicas tell each other what they are asked for; None: there is but one."""
    pool_use: Callable[[], PoolUse] | None = None
    """How its connections to the database are used, at this moment; None: it has none."""
    figures: ReadFigures | None = None
    """What it has to look up when somebody measures it."""


def run(
    components: tuple[Component, ...], settings: ServerSettings, access: Access, on_ready: Callable[[str], None]
) -> None:
    """Serves until SIGTERM or SIGINT, then drains: health answers NOT_SERVING, running calls end, and it returns.

    Args:
        components: what to serve. They are closed at the end, also when the server does not start.
        settings: where and how.
        access: who may call.
        on_ready: called once with the address, the real port in it, when calls are answered.

    Raises:
        StartupError: a setting that does not work here, such as a port in use.
    """
    try:
        settings.check()
        with collected(_collectors(components, access)), serving_metrics(settings.metrics):
            asyncio.run(_Server(components, settings, access).serve(on_ready))
    finally:
        for component in components:
            component.close()


def _collectors(components: tuple[Component, ...], access: Access) -> list[Collector]:
    """What is looked up when somebody measures the process."""
    pools = [(each.services[0].descriptor.full_name, each.pool_use) for each in components if each.pool_use is not None]
    figures = [Readings(each.figures, access.workspaces) for each in components if each.figures is not None]
    return [Pools(pools), *figures]


class _Health(health.aio.HealthServicer):  # type: ignore[misc] # the package has no types
    """gRPC's own service of health, which knows whether somebody watches it."""

    def __init__(self) -> None:
        super().__init__()
        self.watchers = 0

    async def Watch(self, request: Any, context: Any) -> None:  # noqa: N802 - named as in the contract
        self.watchers += 1
        try:
            await super().Watch(request, context)
        finally:
            self.watchers -= 1


class _Server:
    def __init__(self, components: tuple[Component, ...], settings: ServerSettings, access: Access) -> None:
        self._components = components
        self._settings = settings
        self._threads = CarryingThreads(WORKER_THREADS, thread_name_prefix="call")
        requests = Rates("requests_per_second", lambda workspace: access.quotas(workspace).requests_per_second)
        self._rates = (requests, *(rates for component in components for rates in component.rates))
        self._sign_in = access.sign_in
        self._gate = Gate(
            access.authenticator,
            access.policy,
            settings.max_message_bytes,
            requests,
            with_certificates=settings.with_certificates,
        )
        self._health = _Health()
        self._draining = asyncio.Event()

    async def serve(self, on_ready: Callable[[str], None]) -> None:
        count_in_flight(self._gate.running.count)
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        server = self._build()
        await self._look_at_components()
        address = await self._listen(server)
        following = asyncio.create_task(self._follow_components())
        demands = next((each.demands for each in self._components if each.demands is not None), None)
        sharing = RateSharing(demands, self._rates)
        if self._settings.insecure_no_auth:
            _log.warning("authentication is off (--insecure-no-auth): whoever reaches %s may do everything", address)
        starting.end()
        on_ready(str(address))
        await stopped.wait()
        _log.info("stopping: running calls have %g s to end", DRAIN_SECONDS)
        _end_at_last(LEAVE_SECONDS + DRAIN_SECONDS + LAST_SECONDS)
        following.cancel()
        await self._leave()
        if self._health.watchers:
            await asyncio.sleep(LEAVE_SECONDS)
        await self._stop(server)
        sharing.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _stop(self, server: grpc.aio.Server) -> None:
        """Takes no new calls, and returns when the running ones have ended or their time is over."""
        stopping = asyncio.create_task(server.stop(DRAIN_SECONDS))
        await asyncio.sleep(0)  # from here on no call begins, so that none running means that all have ended
        ended = asyncio.create_task(self._gate.running.wait_for_none())
        await asyncio.wait((stopping, ended), return_when=asyncio.FIRST_COMPLETED)
        # What is left are watchers of health, which would stay until the drain's end; half a second sends last answers.
        await server.stop(0.5)
        await stopping
        ended.cancel()
        # Of a call that came at this very moment gRPC has tasks that have not begun. One that is cancelled before it
        # has, as all are when the loop closes, leaves a traceback on standard error.
        if begun_late := asyncio.all_tasks() - {asyncio.current_task(), ended}:
            await asyncio.wait(begun_late, timeout=0.5)

    def _build(self) -> grpc.aio.Server:
        settings = self._settings
        server = grpc.aio.server(
            options=(
                # Two servers on one port would each get half of the calls; a port in use must be an error.
                ("grpc.so_reuseport", 0),
                # Above our own limit, so that our own error, with its reason, answers what is not absurdly large.
                ("grpc.max_receive_message_length", 2 * settings.max_message_bytes),
                # A token may have 16 KiB. Above the lower limit gRPC refuses calls by chance, by default from 8 KiB on.
                ("grpc.max_metadata_size", MAX_METADATA_BYTES),
                ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
                # Clients may ping idle connections every 30 s; gRPC's default of 5 minutes cuts them off.
                ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.keepalive_time_ms", 60_000),
                # What a client may send of a stream before it is read. gRPC's own estimate grows to many MiB where
                # the reader is slower than the network, and all of that is lost when the connection breaks.
                ("grpc.http2.bdp_probe", 0),
                ("grpc.http2.lookahead_bytes", UNREAD_BYTES),
                # Spread by a tenth by gRPC itself. Without a grace period: uploads and downloads go on to their end.
                ("grpc.max_connection_age_ms", settings.max_connection_age_seconds * 1000),
            ),
        )
        names = [service.descriptor.full_name for component in self._components for service in component.services]
        system = system_service_pb2.DESCRIPTOR.services_by_name["SystemService"]
        names.append(system.full_name)
        started = Timestamp()
        started.GetCurrentTime()
        facts = ServerFacts(services=tuple(names), started=started, limits=self._limits())
        quotas = (*self._rates, *(quota for component in self._components for quota in component.kept))
        trails = tuple(component.trail for component in self._components)
        system_servicers = (
            SystemServicer(
                facts, self._gate.authenticator, self._gate.policy, self._sign_in, self._draining.set, trails
            ),
            UsageServicer(quotas),
        )
        # What is asked of the server as a whole is noted where its first component notes.
        noted = [(service, component.trail) for component in self._components for service in component.services]
        for service, trail in (*noted, (Service(system, system_servicers), trails[0])):
            handler = service_handler(service.descriptor, service.servicers, self._gate, self._threads, trail)
            server.add_generic_rpc_handlers((handler,))
        # Both come from gRPC's own packages. Health is open to all who reach the server: probes have no token.
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        add_reflection(server, (*names, health.SERVICE_NAME, REFLECTION), self._gate)
        server.add_generic_rpc_handlers((UnknownMethods(),))
        return server

    def _limits(self) -> system_service_pb2.Limits:
        limits = system_service_pb2.Limits(max_message_bytes=self._settings.max_message_bytes)
        for component in self._components:
            limits.MergeFrom(component.limits)
        return limits

    async def _listen(self, server: grpc.aio.Server) -> Address:
        address = self._settings.listen
        check_free(address)
        try:
            if self._settings.tls is None:
                port = server.add_insecure_port(str(address))
            else:
                port = server.add_secure_port(str(address), server_credentials(self._settings.tls))
        except RuntimeError:
            raise StartupError(f"Cannot listen on {address}.") from None
        await server.start()
        return address if address.socket is not None else Address(address.host, port)

    async def _follow_components(self) -> None:
        """Keeps the health of services current until the server drains."""
        while True:
            try:
                await asyncio.wait_for(self._draining.wait(), PROBE_SECONDS)
            except TimeoutError:
                await self._look_at_components()
            else:
                break
        await self._leave()

    async def _look_at_components(self) -> None:
        """Sets the health: the server as a whole serves until it drains, its services while they can work."""
        await self._health.set("", health_pb2.HealthCheckResponse.SERVING)
        for component in self._components:
            ready = await self._is_ready(component)
            status = health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
            for service in component.services:
                await self._health.set(service.descriptor.full_name, status)

    async def _leave(self) -> None:
        """Sets all health to NOT_SERVING, for good, and sends away those who would stay."""
        await self._health.enter_graceful_shutdown()
        for component in self._components:
            component.drain()

    async def _is_ready(self, component: Component) -> bool:
        try:
            probe = asyncio.get_running_loop().run_in_executor(self._threads, component.probe)
            await asyncio.wait_for(probe, PROBE_TIMEOUT_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever keeps a component from working makes it not ready
            _log.warning("not ready: %s", error)
            return False
        return True


def _end_at_last(seconds: float) -> None:
    """Ends the process after some time, whatever hangs: a thread may wait for a database that no longer answers."""

    def end() -> None:
        _log.error("not stopped after %g s; ending", seconds)
        logging.shutdown()
        os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def check_free(address: Address) -> None:
    """Tries whether an address can be listened on; gRPC itself does not say why it cannot.

    Raises:
        StartupError: it cannot; says why.
    """
    if address.socket is not None:
        _check_socket(address)
        return
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
    except OSError as error:
        raise StartupError(f"Cannot listen on {address}: {(error.strerror or str(error)).lower()}.") from None


def _check_socket(address: Address) -> None:
    assert address.socket is not None
    if not address.socket.parent.is_dir():
        raise StartupError(f"Cannot listen on {address}: its folder does not exist.")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(address.socket))
        except OSError:
            return  # nobody answers: it is free, or left behind by a server that was killed
    raise StartupError(f"Cannot listen on {address}: another server does.")
