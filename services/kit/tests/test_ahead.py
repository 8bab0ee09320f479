"""Iterators that block, streamed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from trivet_kit.streams import ahead


def test_items_come_in_order_and_none_is_the_end() -> None:
    async def collect() -> list[int | None]:
        return [item async for item in ahead(iter([1, None, 0, 2]))]

    assert asyncio.run(collect()) == [1, None, 0, 2]


def test_the_next_item_is_made_while_one_is_used_and_no_further() -> None:
    made: list[int] = []
    second_made = threading.Event()

    def items() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            if number == 1:
                second_made.set()
            yield number

    async def first() -> int:
        async with aclosing(ahead(items())) as stream:
            item = await anext(stream)
            assert await asyncio.to_thread(second_made.wait, 30)
            return item

    assert asyncio.run(first()) == 0
    assert made == [0, 1]


def test_what_an_item_raises_comes_in_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise LookupError("gone")

    async def collect() -> None:
        stream = ahead(items())
        assert await anext(stream) == 1
        with pytest.raises(LookupError, match="gone"):
            await anext(stream)

    asyncio.run(collect())
