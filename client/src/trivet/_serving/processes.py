"""The processes of workers, as the server has them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from trivet._serving.channel import Channel, Message
from trivet._serving.following import Fetched
from trivet._serving.settings import WorkerSettings


class WorkerProcess:
    """A worker that runs, and what is known of it."""

    def __init__(
        self,
        listener: socket.socket,
        slot: int,
        settings: WorkerSettings,
        environment: Mapping[str, str],
        told: Callable[[WorkerProcess, Message | None], None],
        *,
        at_once: bool,
    ) -> None:
        """Starts it.

        Args:
            listener: Where its requests come.
            slot: Which of the workers it is; another one takes its place when it has ended.
            settings: What it is told first.
            environment: Variables besides those of this process.
            told: Called by a thread with each message of the worker; None when it has ended.
            at_once: Whether it answers before it has a model.
        """
        self.listener = listener
        """Stays open here when the worker ends."""
        self.slot = slot
        ours, theirs = socket.socketpair()
        with theirs:
            fds = (listener.fileno(), theirs.fileno())
            self._process = subprocess.Popen(  # noqa: S603 - this program itself
                [sys.executable, "-m", "trivet._serving.worker", *map(str, fds)],
                pass_fds=fds,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the server, which then ends its workers in order
            )
        self._channel = Channel(ours)
        self._told = told
        self.loaded: int | None = None
        """The number of the model that it serves."""
        self.loading: int | None = None
        """The number of the model that it was told to load."""
        self.holds: set[int] = set()
        """The numbers of the models whose files it may still read."""
        self._channel.send({"say": "begin", "settings": settings.to_message(), "at_once": at_once})
        self._listening = threading.Thread(target=self._listen, name=f"worker {self.pid}", daemon=True)
        self._listening.start()
        threading.Thread(target=self._watch, name=f"end of worker {self.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def load(self, number: int, fetched: Fetched) -> None:
        """Tells it to load a model beside the one that it serves."""
        self.loading = number
        self.holds.add(number)
        self._channel.send(
            {
                "say": "load",
                "number": number,
                "uri": fetched.identity.uri,
                "version": fetched.identity.version,
                "folder": str(fetched.folder.path),
            }
        )

    def say_problem(self, problem: str) -> None:
        """Tells it why it does not serve what it should; empty where it does."""
        self._channel.send({"say": "problem", "problem": problem})

    def end(self) -> None:
        """Tells it to end when its requests have."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float) -> None:
        """Waits until it has ended, and kills it after so many seconds."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._channel.close()

    def _listen(self) -> None:
        while (message := self._channel.receive()) is not None:
            self._told(self, message)

    def _watch(self) -> None:
        # The end of the channel would not tell: a child of the model's may keep it open.
        self._process.wait()
        self._channel.close()
        # What it said last is heard before.
        self._listening.join()
        self._told(self, None)


def number_in(message: Mapping[str, Any]) -> int:
    """The number of the model that a message is about."""
    return int(message["number"])
