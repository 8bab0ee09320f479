"""Garbage, while a server starts."""

from __future__ import annotations

import gc
import weakref

from trivet_kit import starting


class _Knot:
    def __init__(self) -> None:
        self.itself = self


def test_no_garbage_is_looked_for_until_the_start_has_ended_and_none_in_what_is_there_then() -> None:
    starting.begin()
    try:
        assert not gc.isenabled()
        before = weakref.ref(_Knot())
        starting.end()
        assert gc.isenabled()
        after = weakref.ref(_Knot())
        gc.collect()
        assert before() is not None
        assert after() is None
    finally:
        gc.enable()
        gc.unfreeze()
