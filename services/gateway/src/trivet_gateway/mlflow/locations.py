"""Where the files of experiments are."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote

from trivet_gateway.errors import MlflowError, invalid
from trivet_gateway.mlflow.places import Place, place_in
from trivet_gateway.upstream import Caller, last
from trivet_proto.tracking.v1 import experiment_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

_SECONDS: Final = 60.0
_MOST: Final = 10_000
# Up to the path's end, and what is after it: a query, or a fragment. What has no scheme is a path as a whole.
_URI: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*:[^?#]*)(.*)", re.DOTALL)
# Of a run that is not there, to see what would become of one.
_AN_ID: Final = "0" * 32


def location_of(experiment: experiment_pb2.Experiment) -> str:
    """Where the files of its runs and logged models go."""
    return experiment.artifact_location or f"mlflow-artifacts:/{last(experiment.name)}"


def below(location: str, path: str) -> str:
    """The URI of a path below a location, whose query stays at its end."""
    found = _URI.fullmatch(location)
    root, rest = (found[1], found[2]) if found else (location, "")
    return f"{root}{path}{rest}" if root.endswith("/") else f"{root}/{path}{rest}"


def root_of_run(location: str, run_id: str) -> str:
    """Where the files of a run are, in an experiment of a location."""
    return below(location, f"{run_id}/artifacts")


def root_of_model(location: str, model_id: str) -> str:
    """Where the files of a logged model are, in an experiment of a location."""
    return below(location, f"models/{model_id}/artifacts")


def check_location(caller: Caller, location: str) -> None:
    """That runs and logged models of an experiment would have their own files there (ADR 46).

    Raises:
        MlflowError: another one would have them, or nobody; or it has a fragment.
    """
    if "#" in location:
        raise invalid(f"'artifact_location' must have no fragment, and has one: {location[:250]!r}.")
    model_id = f"m-{_AN_ID}"
    run, model = Place(caller.run(_AN_ID), ""), Place(caller.logged_model(model_id), "")
    # Clients ask for files there by URLs, whose paths are read without escapes, and take a scheme in capitals too.
    scheme, mark, rest = location.partition(":")
    plain = f"{scheme.lower()}{mark}{rest}"
    for each in (plain, unquote(plain)):
        try:
            own = place_in(caller, root_of_run(each, _AN_ID)), place_in(caller, root_of_model(each, model_id))
        except MlflowError:
            own = None
        if own not in ((run, model), (None, None)):
            raise invalid(
                f"'artifact_location' is {location[:250]!r}, where runs would not have their own files: its path must "
                "be plain, without a query, and without the folder of a run, logged model or model version in it."
            )


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
