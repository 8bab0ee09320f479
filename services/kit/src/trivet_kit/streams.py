"""What blocks, streamed from an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from typing import TypeVar

_Item = TypeVar("_Item")


async def ahead(items: Iterator[_Item]) -> AsyncGenerator[_Item, None]:
    """The items of an iterator that blocks, each made in a thread while the one before is being sent.

    Where the generator is closed early, the thread ends the item that it is at, which is dropped.
    """
    end = object()
    coming = asyncio.ensure_future(asyncio.to_thread(next, items, end))
    try:
        while (item := await coming) is not end:
            coming = asyncio.ensure_future(asyncio.to_thread(next, items, end))
            yield item  # type: ignore[misc] # the end is no item, and does not come here
    finally:
        coming.cancel()
