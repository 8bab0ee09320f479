"""What our own client is asked of the registry, in a process of its own, as MLflow's client is in one.

In the process that started the servers, reading what they log would take turns with the calls.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import statistics
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from harness import millis, per_second

import trivet

_TIMES = 200
"""How often a call is made whose latency counts."""
_STAGES = ("Staging", "Production")


@dataclass(frozen=True)
class RegistryCalls:
    """Calls of one process, by their names: `alias`, `stage`, `outside`, `files`, `move`."""

    _pool: ProcessPoolExecutor

    def rate(self, what: str, callers: int) -> float:
        """Calls a second of so many threads, each of which makes one after the other."""
        return self._pool.submit(_rate, what, callers).result()

    def median(self, what: str) -> float:
        """Milliseconds of one caller."""
        return self._pool.submit(_median, what).result()


@contextmanager
def registry_calls(addresses: Mapping[str, str], workspace: str, models: int, source: str) -> Iterator[RegistryCalls]:
    """A process that makes them.

    Args:
        addresses: Of the services, as environment variables.
        workspace: Of the models.
        models: How many there are, `model-00000` and on.
        source: The URI of a run's files.
    """
    with ProcessPoolExecutor(
        1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_connect,
        initargs=(addresses, workspace, models, source),
    ) as pool:
        yield RegistryCalls(pool)


@dataclass(frozen=True)
class _Caller:
    """One of several at once. Each registers and moves a model of its own."""

    client: trivet.Client
    models: int
    source: str
    number: int
    counter: Iterator[int]

    def alias(self) -> object:
        return self.client.get_model_version_by_alias(self._next_model(), "champion")

    def stage(self) -> object:
        return self.client.get_latest_versions(self._next_model(), ["Production"])

    def outside(self) -> object:
        return self.client.registry.register_model("s3://models/new", f"new-{self.number}")

    def files(self) -> object:
        return self.client.registry.register_model(self.source, f"new-files-{self.number}")

    def move(self) -> object:
        stage = _STAGES[next(self.counter) % len(_STAGES)]
        return self.client.transition_model_version_stage(f"moved-{self.number}", 1, stage)

    def _next_model(self) -> str:
        return f"model-{next(self.counter) * 7919 % self.models:05}"


_facts: list[tuple[trivet.Client, int, str]] = []
"""Of this process, once it is connected."""


def _connect(addresses: Mapping[str, str], workspace: str, models: int, source: str) -> None:
    os.environ.update(addresses)
    _facts.append((trivet.Client(workspace=workspace), models, source))


def _act(what: str, number: int) -> Callable[[], object]:
    (client, models, source) = _facts[0]
    caller = _Caller(client, models, source, number, itertools.count(number * 1000))
    if what == "move":
        client.registry.register_model("s3://models/moved", f"moved-{number}")
    act: Callable[[], object] = getattr(caller, what)
    act()
    return act


def _rate(what: str, callers: int) -> float:
    acts = [_act(what, number) for number in range(callers)]
    barrier = threading.Barrier(callers)

    def call(act: Callable[[], object]) -> float:
        barrier.wait()
        return per_second(act)

    with ThreadPoolExecutor(callers) as pool:
        return sum(pool.map(call, acts))


def _median(what: str) -> float:
    act = _act(what, 0)
    return statistics.median(millis(act) for _ in range(_TIMES))
