"""A process that answers requests, with a model of its own: `python -m trivet._serving.worker LISTENER CHANNEL`.

The server starts it, and tells it by the channel what to load. Where the channel ends, so does the worker: nothing is
left of a server that was killed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
import weakref
from pathlib import Path
from typing import Final

import uvicorn
import uvloop

import trivet
from trivet._serving.app import State, build
from trivet._serving.channel import Channel, Message
from trivet._serving.identity import Identity
from trivet._serving.logs import set_up_logs
from trivet._serving.metrics import Metrics
from trivet._serving.served_model import Scorer, ServedModel
from trivet._serving.settings import WorkerSettings

_log: Final = logging.getLogger("trivet.serving")


def load_scorer(folder: Path) -> Scorer:
    """Loads the model in a folder, whatever that takes."""
    from trivet import pyfunc  # noqa: PLC0415 - most of a start, and after it is known that there is a server

    return pyfunc.load_model(str(folder))


class Worker:
    """What a worker has: a state that requests read, and a thread that changes it."""

    def __init__(self, channel: Channel, settings: WorkerSettings) -> None:
        self._channel = channel
        self._settings = settings
        self._state = State()
        self._measured = Metrics()
        self._may_serve = threading.Event()
        self._listens = threading.Event()
        self._is_over = False
        self._server: uvicorn.Server | None = None

    def run(self, listener: socket.socket, *, at_once: bool) -> None:
        """Serves until it is told to end.

        Args:
            listener: Where its requests come, from when it listens.
            at_once: Whether it answers before it has a model. Else the others do, which have one.
        """
        threading.Thread(target=self._obey, name="channel", daemon=True).start()
        if not at_once:
            self._may_serve.wait()
        if self._is_over:
            return
        config = uvicorn.Config(
            build(self._settings, self._state, self._measured),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # nothing asks who is at the other end
            timeout_graceful_shutdown=self._settings.limits.drain_seconds,
        )
        self._server = _Server(config, self._listens)
        # uvicorn takes signals while it serves, and raises them again afterwards.
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._server.serve(sockets=[listener]))

    def _end(self) -> None:
        self._is_over = True
        self._may_serve.set()
        self._listens.set()
        if self._server is not None:
            self._server.should_exit = True

    def _obey(self) -> None:
        try:
            while (message := self._channel.receive()) is not None:
                if message["say"] == "load":
                    self._load(message)
                else:
                    self._state.problem = str(message["problem"])
        finally:
            self._end()

    def _load(self, message: Message) -> None:
        """Loads a model beside the one that is served, and puts it into its place; that one stays where this fails."""
        identity = Identity(str(message["uri"]), str(message["version"]))
        number, folder = int(message["number"]), Path(message["folder"])
        try:
            model = ServedModel(identity, load_scorer(folder), folder, self._settings.limits.max_body_bytes)
            model.warm_up()
        except BaseException as error:  # noqa: BLE001 - it is logged, and whatever it is, what is served stays
            _log.exception("%s, version %r, cannot be loaded", identity.uri, identity.version)
            self._measured.loads.labels("failed").inc()
            why = error.message if isinstance(error, trivet.TrivetError) else f"{type(error).__name__}: {error}"
            self._channel.send({"say": "failed", "number": number, "why": why})
            return
        # When nothing uses it any more: requests that run keep the model that they began with.
        released = weakref.finalize(model, self._channel.send, {"say": "released", "number": number})
        released.atexit = False
        before = self._state.model
        if before is not None:
            self._measured.workers.labels(before.identity.uri, before.identity.version).set(0)
        self._measured.workers.labels(identity.uri, identity.version).set(1)
        self._measured.loads.labels("loaded").inc()
        self._state.model = model
        self._may_serve.set()
        self._listens.wait()
        self._channel.send({"say": "loaded", "number": number})


class _Server(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config, listens: threading.Event) -> None:
        super().__init__(config)
        self._listens = listens

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins, as uvicorn does."""
        await super().startup(sockets)
        self._listens.set()


def main() -> None:
    """Runs a worker."""
    set_up_logs()
    listener = socket.socket(fileno=int(sys.argv[1]))
    channel = Channel(socket.socket(fileno=int(sys.argv[2])))
    first = channel.receive()
    if first is not None:
        worker = Worker(channel, WorkerSettings.from_message(first["settings"]))
        worker.run(listener, at_once=bool(first["at_once"]))
    logging.shutdown()
    # Not by the end of the interpreter: it would wait for predictions whose callers have gone.
    os._exit(0)


if __name__ == "__main__":
    main()
