"""HTTP receivers as webhooks have them: real ones, which do as a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class Received:
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event_id(self) -> str:
        """The id that the header has."""
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """A server that keeps what comes, and answers as `answer` says. Safe for threads."""

    answer: Callable[[Received], int] = lambda _: 204
    """The status for a request; 0 to break the connection, a redirect is one to `/elsewhere`."""
    received: list[Received] = field(default_factory=list)
    url: str = ""
    came: threading.Condition = field(default_factory=threading.Condition)
    silent: threading.Event = field(default_factory=threading.Event)
    """Until it is set, requests that `answer` gives -1 for get no answer."""

    def wait_for(self, done: Callable[[list[Received]], bool]) -> list[Received]:
        """What came, once it is enough."""
        with self.came:
            assert self.came.wait_for(lambda: done(self.received), _WAIT_SECONDS), self.received
            return list(self.received)

    def wait_for_count(self, count: int) -> list[Received]:
        """What came, once there are so many."""
        return self.wait_for(lambda received: len(received) >= count)


@contextmanager
def receiving(answer: Callable[[Received], int] = lambda _: 204) -> Iterator[Receiver]:
    """A receiver on the loopback interface."""
    receiver = Receiver(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            request = Received(self.path, {key.lower(): value for key, value in self.headers.items()}, body)
            with receiver.came:
                status = receiver.answer(request)
                receiver.received.append(request)
                receiver.came.notify_all()
            if status < 0:
                receiver.silent.wait(_WAIT_SECONDS)
            if status > 0:
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("location", "/elsewhere")
                self.end_headers()

        do_GET = do_POST  # noqa: N815 - named as the base class has it

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.silent.set()
        server.shutdown()
        server.server_close()
        thread.join()
