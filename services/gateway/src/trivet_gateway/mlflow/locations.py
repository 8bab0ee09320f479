"""Where the files of experiments are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Final

from trivet_gateway.upstream import Caller, last
from trivet_proto.tracking.v1 import experiment_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

_SECONDS: Final = 60.0
_MOST: Final = 10_000


def location_of(experiment: experiment_pb2.Experiment) -> str:
    """Where the files of its runs and logged models go."""
    return experiment.artifact_location or f"mlflow-artifacts:/{last(experiment.name)}"


async def locations_of(caller: Caller, names: Iterable[str]) -> Mapping[str, str]:
    """The locations of experiments, by their names. They never change, so those asked for lately are known.

    Raises:
        MlflowError: as for reading an experiment.
    """
    known = caller.upstream.locations
    now = time.monotonic()
    wanted = set(names)
    found = {name: known[name][1] for name in wanted if name in known and now - known[name][0] < _SECONDS}
    missing = [name for name in wanted if name not in found]
    if missing:
        read = dict(zip(missing, await asyncio.gather(*(_read(caller, name) for name in missing)), strict=True))
        if len(known) + len(read) > _MOST:
            known.clear()
        known.update((name, (now, location)) for name, location in read.items())
        found |= read
    return found


async def _read(caller: Caller, name: str) -> str:
    request = pb.GetExperimentRequest(name=name)
    return location_of(await caller.call(caller.upstream.tracking.GetExperiment, request))
