"""Streams of an export that go on where they broke, on whichever replica answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, Protocol, TypeVar

from trivet._connection import RETRY_SECONDS, Pauses
from trivet._errors import DeadlineExceeded, ServerUnavailable

STREAM_SECONDS: Final = 300.0
"""After so long a stream is taken up anew, so that one that hangs is noticed however long the export takes."""
# An export that has got something is worth more patience than an address that may be wrong: a server that is replaced
# is back by then.
_PATIENCE_SECONDS: Final = 60.0


class Message(Protocol):
    """A message of an export."""

    @property
    def resume_token(self) -> str:
        """Asks for what follows; empty in the middle of a group of messages."""
        ...


_Message = TypeVar("_Message", bound=Message)


def groups(ask: Callable[[str], Iterator[_Message]]) -> Iterator[list[_Message]]:
    """The messages of an export in groups that come whole and once, however often the stream breaks.

    Args:
        ask: Begins the stream, after a token.

    Raises:
        TrivetError: the export cannot go on.
    """
    token, group = "", list[_Message]()
    began, pauses = time.monotonic(), Pauses()
    while True:
        try:
            for message in ask(token):
                group.append(message)
                if message.resume_token:
                    yield group
                    token, group = message.resume_token, []
                    began, pauses = time.monotonic(), Pauses()
        except (ServerUnavailable, DeadlineExceeded) as error:
            pause = pauses.after(error)
            if time.monotonic() + pause > began + (_PATIENCE_SECONDS if token else RETRY_SECONDS):
                raise
            group = []
            time.sleep(pause)
        else:
            return
