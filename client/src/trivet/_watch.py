"""Watching: one call after the other, so that it looks like one that never ends."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Generic, Protocol, Self, TypeVar

from trivet._connection import RETRY_SECONDS, Pauses, Subscription
from trivet._errors import ClientClosed, CredentialsInvalid, DeadlineExceeded, Overloaded, ServerUnavailable

# The server says something every 10 s (contracts of WatchRuns and WatchModelEvents): one that misses three times is
# lost, whatever its connection looks like.
SILENCE_SECONDS: Final = 30.0

_log = logging.getLogger("trivet")


class Message(Protocol):
    """What a server says to who watches."""

    @property
    def resume_token(self) -> str:
        """Where to go on after it."""
        ...


_Message = TypeVar("_Message", bound=Message)
_Change = TypeVar("_Change")


class Watch(Generic[_Message, _Change]):
    """What changes from when it was made, as an iterator without an end.

    Where the connection breaks, the server stops or believes the token of the call no more, it goes on where it was, at
    another replica or when there is one again, with the token that there is by then: nothing is missed, some changes
    come again. It ends by `close()`, also as a context manager; another thread may call that, and only that. It does
    not outlive a fork.
    """

    def __init__(
        self,
        subscribe: Callable[[str], Subscription[_Message]],
        changes_in: Callable[[_Message], Sequence[_Change]],
        resume_token: str,
    ) -> None:
        """Returns when the server has begun to watch: what is read from then on, and the changes, leave no gap.

        Args:
            subscribe: Calls the server, from a token on.
            changes_in: The changes of which a message tells, in order.
            resume_token: That of an earlier watch; empty: from now on.

        Raises:
            TrivetError: it cannot be watched; ServerUnavailable after some seconds of tries.
        """
        self._subscribe = subscribe
        self._changes_in = changes_in
        self._token = resume_token
        self._waiting: deque[tuple[_Change, str]] = deque()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._call: Subscription[_Message] | None = None
        self._silence: _Silence | None = None
        self._received_token = resume_token
        self._take(self._next_message(time.monotonic() + RETRY_SECONDS))

    @property
    def resume_token(self) -> str:
        """Where a later watch goes on, after the changes that were taken from this one."""
        return self._token

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> _Change:
        """Waits for the next change.

        Raises:
            StopIteration: it was closed.
            ResumeTokenExpired: it was cut off for longer than the server keeps changes; watch anew and read.
            TrivetError: the server refuses to go on; being away is no reason.
        """
        while not self._waiting:
            message = self._next_message(None)
            if message is None:
                raise StopIteration
            self._take(message)
        change, self._token = self._waiting.popleft()
        return change

    def close(self) -> None:
        """Ends it, also for a thread that waits for the next change. Idempotent."""
        with self._lock:
            self._closed.set()
            call = self._call
        if call is not None:
            call.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, message: _Message | None) -> None:
        """Keeps the changes of a message until they are asked for."""
        if message is None:
            return
        changes = self._changes_in(message)
        # The message's token stands after all of it; until the last of it is taken, the one before holds.
        for change in changes[:-1]:
            self._waiting.append((change, self._received_token))
        if changes:
            self._waiting.append((changes[-1], message.resume_token))
        elif not self._waiting:
            self._token = message.resume_token
        self._received_token = message.resume_token

    def _next_message(self, give_up: float | None) -> _Message | None:
        """The next message of this call or of one after it; None when closed.

        Raises:
            TrivetError: what does not pass by itself; from the moment `give_up` on also what does.
        """
        pauses = Pauses()
        while True:
            try:
                if self._call is None and not self._begin():
                    return None
                message = self._received()
                if message is not None:
                    return message
                self._end()  # it lasted as long as it may; the next one begins at once
            except (ServerUnavailable, Overloaded, DeadlineExceeded, ClientClosed) as error:
                was_silent = self._silence is not None and self._silence.was_too_long
                self._end()
                if self._closed.is_set():
                    return None
                if isinstance(error, ClientClosed) and not was_silent:
                    raise
                pause = pauses.after(error)
                if give_up is not None and time.monotonic() + pause > give_up:
                    raise
                _log.info("watching was interrupted, and goes on: %s", error)
                self._closed.wait(pause)
            except BaseException as error:
                self._end()
                # Closing ends the call by an error of its own; an interrupt of the program is not that.
                if self._closed.is_set() and isinstance(error, Exception):
                    return None
                raise

    def _received(self) -> _Message | None:
        """The next message of this call; None at its end.

        Raises:
            TrivetError: it broke.
        """
        assert self._call is not None
        assert self._silence is not None
        try:
            message = next(self._call, None)
        except CredentialsInvalid:
            # Of a call that was let in: there may be another token by now. Who is refused at once has no better one.
            if not self._silence.was_broken:
                raise
            return None
        self._silence.heard()
        return message

    def _begin(self) -> bool:
        """Calls the server; False when closed."""
        with self._lock:
            if self._closed.is_set():
                return False
            self._call = self._subscribe(self._received_token)
            self._silence = _Silence(SILENCE_SECONDS, self._call.cancel)
            return True

    def _end(self) -> None:
        with self._lock:
            call, self._call = self._call, None
            silence, self._silence = self._silence, None
        if silence is not None:
            silence.stop()
        if call is not None:
            call.cancel()


class _Silence:
    """Acts when nothing was heard for too long, by a timer that wakes up once in that time."""

    def __init__(self, seconds: float, act: Callable[[], None]) -> None:
        self._seconds = seconds
        self._act = act
        self._heard = time.monotonic()
        self._stopped = False
        self.was_broken = False
        """Whether anything was heard."""
        self.was_too_long = False
        """Whether it has acted."""
        self._arm(seconds)

    def heard(self) -> None:
        """Says that something was heard."""
        self.was_broken = True
        self._heard = time.monotonic()

    def stop(self) -> None:
        """Does nothing more."""
        self._stopped = True
        self._timer.cancel()

    def _arm(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._look)
        self._timer.name = "trivet-watch-silence"
        self._timer.daemon = True
        self._timer.start()

    def _look(self) -> None:
        left = self._heard + self._seconds - time.monotonic()
        if self._stopped:
            return
        if left > 0:
            self._arm(left)
            return
        self.was_too_long = True
        self._act()
