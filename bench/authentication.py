"""What it costs to know who calls: a cheap call with a token and without, and the first call with a token."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from harness import Cell, Report, Side, percentile
from processes import cpu_seconds

from trivet_kit.identity.access import open_access
from trivet_proto.common.v1 import system_service_pb2 as pb
from trivet_proto.common.v1.system_service_pb2_grpc import SystemServiceStub
from trivet_testing.openid import OpenIdProvider, PrivateKey, ec_key, openid_provider, rsa_key
from trivet_testing.policies import issuer_entry, write_policy
from trivet_testing.servers import ServerProcess
from trivet_testing.tracking import migrate, start_server

_GOAL_MICROS = 100.0
_CALLS = 2_000
_AT_ONCE = 200
_FIRST_CALLS = 300
_LOOKED_UP = 20_000
_KEYS: dict[str, PrivateKey] = {"RS256": rsa_key("bench"), "ES256": ec_key(), "EdDSA": Ed25519PrivateKey.generate()}

_Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Server:
    """A server, and how its cheapest call is made that asks who calls."""

    process: ServerProcess
    stub: SystemServiceStub

    def call(self, metadata: _Metadata) -> float:
        """Makes one; returns what it took at the caller, in µs."""
        begin = time.perf_counter()
        self.stub.WhoAmI(pb.WhoAmIRequest(), metadata=metadata, timeout=60)
        return (time.perf_counter() - begin) * 1e6


@dataclass(frozen=True)
class _Figures:
    """Of many calls, in µs for one."""

    caller: float
    """At the caller: what a tenth of them took at the most, as the rest waited for other programs of the machine."""
    processor: float
    """Of the server's processor."""


def report_on(report: Report) -> None:
    """Starts one server that asks who calls and one that does not, both on SQLite, which the calls do not touch."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        providers = {name: stack.enter_context(openid_provider("trivet", {name: key})) for name, key in _KEYS.items()}
        entries = {name.lower(): issuer_entry(provider) for name, provider in providers.items()}
        policy = Path(folder) / "policy.yaml"
        write_policy(policy, {"issuers": entries, "workspaces": {"team-a": {}}})

        def server(name: str, **env: str) -> _Server:
            database = f"sqlite:///{folder}/{name}.db"
            migrate(database)
            process = stack.enter_context(start_server(database, TRIVET_WORKSPACES="", **env))
            channel = stack.enter_context(grpc.insecure_channel(process.address))
            return _Server(process, SystemServiceStub(channel))

        token = providers["RS256"].token("ann")
        report.table("Looking up who calls, without the call", [_looking_up(policy, token)])
        asking, open_to_all = server("asking", TRIVET_POLICY=str(policy)), server("open")
        report.table("Knowing who calls", _cells(report, asking, open_to_all, providers))


def _cells(
    report: Report, asking: _Server, open_to_all: _Server, providers: dict[str, OpenIdProvider]
) -> Iterator[Cell]:
    measured: list[Sequence[_Figures]] = []
    """Each of a call with a known token, of one with a token that nobody looks at, and of one without."""

    def added() -> float:
        token = [_bearer(providers["RS256"].token("ann"))] * _CALLS
        asking.call(token[0])
        open_to_all.call(token[0])
        each = _in_turn([(asking, token), (open_to_all, token), (open_to_all, [()] * _CALLS)])
        measured.append(each)
        known, carried, without = each
        report.notes.append(
            f"A call with a known token took {known.caller:.0f} µs at the caller and {known.processor:.0f} µs of the "
            f"server's processor; one with the same token to a server that asks nobody {carried.caller:.0f} µs and "
            f"{carried.processor:.0f} µs; one without a token {without.caller:.0f} µs and {without.processor:.0f} µs: "
            f"{known.caller / without.caller:.2f} and {known.processor / without.processor:.2f} times as much."
        )
        return max(0.0, known.caller - without.caller)

    def added_to_the_processor() -> float:
        return max(0.0, statistics.median(known.processor - without.processor for known, _, without in measured))

    def carried() -> float:
        return max(0.0, statistics.median(carried.caller - without.caller for _, carried, without in measured))

    def carried_by_the_processor() -> float:
        return max(0.0, statistics.median(carried.processor - without.processor for _, carried, without in measured))

    yield Cell("added to a call by a known token, at the caller", "µs", added, _GOAL_MICROS, less_is_better=True)
    yield Cell(
        "added to a call by a known token, of the server's processor",
        "µs",
        added_to_the_processor,
        _GOAL_MICROS,
        less_is_better=True,
        rounds=1,
    )
    # What gRPC takes to carry a token, at both ends, whoever asks for it; part of the two rows above.
    yield Cell("of it, for carrying a token that nobody looks at, at the caller", "µs", carried, rounds=1)
    yield Cell("of it, for carrying one, of the server's processor", "µs", carried_by_the_processor, rounds=1)
    without = Side("without", lambda: _figures(open_to_all, [()] * _FIRST_CALLS).processor)
    for name, provider in providers.items():

        def first(provider: OpenIdProvider = provider) -> float:
            tokens = [_bearer(provider.token(f"{number}-{time.time_ns()}")) for number in range(_FIRST_CALLS)]
            return _figures(asking, tokens).processor

        yield Cell(
            f"first call with a token by {name}, of the server's processor",
            "µs",
            first,
            less_is_better=True,
            limit=without,
        )


def _looking_up(policy: Path, token: str) -> Cell:
    """What the calls below do besides, which is too little to be seen in them on a machine that does other things."""

    def micros() -> float:
        metadata = dict(_bearer(token))
        with open_access(policy, frozenset()) as access:
            asyncio.run(access.authenticator.verify(metadata))
            begin = time.perf_counter()
            for _ in range(_LOOKED_UP):
                assert access.authenticator.known(metadata) is not None
            return (time.perf_counter() - begin) / _LOOKED_UP * 1e6

    return Cell("a known token", "µs", micros, _GOAL_MICROS, less_is_better=True)


def _in_turn(sides: Sequence[tuple[_Server, Sequence[_Metadata]]]) -> Sequence[_Figures]:
    """The figures of each side, whose calls are made some at a time, in turn: what else the machine does meets all."""
    parts: list[list[_Figures]] = [[] for _ in sides]
    for begin in range(0, _CALLS, _AT_ONCE):
        for part, (server, calls) in zip(parts, sides, strict=True):
            part.append(_figures(server, calls[begin : begin + _AT_ONCE]))
    # Of the processor's time, ticks of 10 ms are known: what the parts have together is nearer than one of them.
    return [
        _Figures(statistics.median(each.caller for each in part), statistics.mean(each.processor for each in part))
        for part in parts
    ]


def _figures(server: _Server, calls: Sequence[_Metadata]) -> _Figures:
    begin = cpu_seconds([server.process.pid])
    taken = [server.call(metadata) for metadata in calls]
    processor = (cpu_seconds([server.process.pid]) - begin) / len(calls) * 1e6
    return _Figures(percentile(taken, 10), processor)


def _bearer(token: str) -> _Metadata:
    return (("authorization", f"Bearer {token}"),)
