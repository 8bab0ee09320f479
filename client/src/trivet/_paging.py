"""Searches that take more than one call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Protocol, TypeVar

from trivet._entities import PagedList
from trivet._errors import InvalidArgument

_Item = TypeVar("_Item")
_Message = TypeVar("_Message")

_MAX_PAGE: Final = 1000  # a server lowers larger ones


class Page(Protocol):
    """An answer that may not be the last one."""

    @property
    def next_page_token(self) -> str:
        """Where it goes on; empty at the end."""
        ...


_Page = TypeVar("_Page", bound=Page)


def collect(
    ask: Callable[[int, str], _Page],
    items: Callable[[_Page], Iterable[_Message]],
    convert: Callable[[_Message], _Item],
    max_results: int,
    page_token: str | None,
) -> PagedList[_Item]:
    """Up to `max_results` of a search, from as many pages as that takes.

    Args:
        ask: Gets a page of at most so many, from a token on.
        items: The messages of a page.
        convert: The value of a message.
        max_results: From 1 up.
        page_token: Where to begin; empty or None: at the start.

    Raises:
        InvalidArgument: `max_results` is below 1.
    """
    if max_results < 1:
        raise InvalidArgument(f"max_results is {max_results}; it must be 1 or more.")
    found: PagedList[_Item] = PagedList(token=page_token or "")
    while True:
        page = ask(min(_MAX_PAGE, max_results - len(found)), found.token)
        found.extend(convert(item) for item in items(page))
        found.token = page.next_page_token
        if not found.token or len(found) >= max_results:
            return found


def iterated(search: Callable[[str | None], PagedList[_Item]]) -> Iterator[_Item]:
    """All that a search finds, page after page, each asked for when the one before is used up.

    Args:
        search: Returns a page, from a token on.
    """
    token: str | None = None
    while True:
        page = search(token)
        yield from page
        if not page.token:
            return
        token = page.token


def joined(clauses: Sequence[str] | str | None) -> str:
    """Clauses of an order, as one text."""
    return clauses if isinstance(clauses, str) else ", ".join(clauses or ())
