"""Whether the caller of a stream may still do what let it in, for as long as the stream lasts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Self

AGAIN_SECONDS: Final = 1.0
"""How long an answer holds."""


class Standing:
    """Asks again and again, while its block runs, and ends the block once the answer is no. For one task.

    The block ends where it waits, with what the asking raised, whatever it makes of being ended: an idle one too.
    """

    def __init__(self, ask: Callable[[], Awaitable[None]] | None) -> None:
        """Takes the caller for one who was just let in.

        Args:
            ask: raises when the caller may no more. None: nobody is ever asked.
        """
        self._ask = ask
        self._asked = time.monotonic()
        self._asking = asyncio.Lock()
        self._refusal: Exception | None = None
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.Task[None] | None = None
        self._cancelled_before = 0
        self._ended = False

    async def check(self) -> None:
        """To be waited for before anything is taken from the caller or told it; asks where the last answer is old.

        Raises:
            Exception: what asking raised.
        """
        await self._ask_if_old()
        if self._refusal is not None:
            raise self._refusal

    async def __aenter__(self) -> Self:
        self._task = asyncio.current_task()
        assert self._task is not None
        self._cancelled_before = self._task.cancelling()
        if self._ask is not None:
            self._timer = asyncio.create_task(self._check_again_and_again(self._task))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        assert self._task is not None
        # As asyncio.timeout does it: what others cancelled stays so.
        if self._ended and self._task.uncancel() > self._cancelled_before:
            return
        if self._refusal is not None and (self._ended or not isinstance(error, asyncio.CancelledError)):
            raise self._refusal

    async def _ask_if_old(self) -> None:
        """Keeps a refusal, which is for good."""
        if self._ask is None or not self._is_old():
            return
        async with self._asking:
            # Somebody else may have asked meanwhile, with whatever answer.
            if self._is_old():
                try:
                    await self._ask()
                except Exception as refusal:  # noqa: BLE001 - who cannot be asked about may nothing
                    self._refusal = refusal
                self._asked = time.monotonic()

    def _is_old(self) -> bool:
        return self._refusal is None and time.monotonic() - self._asked >= AGAIN_SECONDS

    async def _check_again_and_again(self, task: asyncio.Task[object]) -> None:
        while self._refusal is None:
            await asyncio.sleep(AGAIN_SECONDS - (time.monotonic() - self._asked))
            await self._ask_if_old()
        self._ended = True
        task.cancel()
