"""What searches have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final

from trivet_gateway.errors import MlflowError, invalid
from trivet_gateway.fields import Fields
from trivet_gateway.upstream import Caller
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

VIEWS: Final = {"ACTIVE_ONLY": 1, "DELETED_ONLY": 2, "ALL": 3}
"""MLflow's names and numbers; the contract of tracking has the same numbers."""
_MOST: Final = 50_000
_ASKED_AT_ONCE: Final = 16


def view_of(fields: Fields, name: str = "view_type") -> int:
    """Which, by their state."""
    return VIEWS[fields.choice(name, VIEWS, "ACTIVE_ONLY")]


def check_max_results(fields: Fields, default: int, most: int = _MOST) -> int:
    """How many at most."""
    wanted = fields.whole("max_results", default)
    if not 1 <= wanted <= most:
        raise invalid(
            f"Invalid value {wanted} for parameter 'max_results' supplied: it must be at least 1 and at most {most}."
        )
    return wanted


def ordered(fields: Fields) -> str:
    """The clauses of an order, as one text."""
    return ", ".join(fields.texts("order_by"))


async def gathered_of_experiments(
    caller: Caller, method: Any, request: Any, entries: Callable[[Any], Iterable[Any]], most: int
) -> tuple[list[Any], str]:
    """As `gathered`, of those experiments of the request that are there: upstream has no fault in the others.

    Raises:
        MlflowError: as the search does.
    """
    begin = request.page_token
    try:
        return await gathered(caller, method, request, entries, most)
    except MlflowError as error:
        if error.reason != "EXPERIMENT_NOT_FOUND":
            raise
    names = list(dict.fromkeys(request.experiments))
    del request.experiments[:]
    for first in range(0, len(names), _ASKED_AT_ONCE):
        some = names[first : first + _ASKED_AT_ONCE]
        are_there = await asyncio.gather(*(_is_there(caller, name) for name in some))
        request.experiments.extend(name for name, is_there in zip(some, are_there, strict=True) if is_there)
    if not request.experiments:
        return [], ""
    request.page_token = begin
    return await gathered(caller, method, request, entries, most)


async def _is_there(caller: Caller, experiment: str) -> bool:
    try:
        await caller.call(caller.upstream.tracking.GetExperiment, pb.GetExperimentRequest(name=experiment))
    except MlflowError as error:
        if error.reason != "EXPERIMENT_NOT_FOUND":
            raise
        return False
    return True


async def gathered(
    caller: Caller, method: Any, request: Any, entries: Callable[[Any], Iterable[Any]], most: int
) -> tuple[list[Any], str]:
    """So many entries of a search from where the request begins, of as many pages as that takes, and where it goes on.

    Raises:
        MlflowError: as the search does.
    """
    found: list[Any] = []
    while True:
        request.page_size = most - len(found)
        page = await caller.call(method, request)
        found.extend(entries(page))
        request.page_token = page.next_page_token
        if not request.page_token or len(found) >= most:
            return found, request.page_token
