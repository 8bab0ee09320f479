"""What searches have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from trivet_gateway.errors import invalid
from trivet_gateway.fields import Fields
from trivet_gateway.upstream import Caller

VIEWS: Final = {"ACTIVE_ONLY": 1, "DELETED_ONLY": 2, "ALL": 3}
"""MLflow's names and numbers; the contract of tracking has the same numbers."""
_MOST: Final = 50_000


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
