"""A server that answers at once, with what another one answered before: what a client can reach at best.

    python bench/replay.py record TARGET TAPE
    python bench/replay.py replay TAPE

Answers are told apart by the method and the path with its query; where that query never came, by the path alone. It
reads requests by itself, because a real HTTP server would be a good part of what is measured.
"""

from __future__ import annotations

import json
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from trivet_testing.servers import ServerProcess

_READY = r"^ready (\S+)$"

_Request = tuple[str, str, bytes, bytes]
"""Method, path with query, type and content."""


@contextmanager
def recording(target: str, tape: Path) -> Iterator[str]:
    """The address of a server that passes on to another one, and in the end writes down what that answered."""
    with _running("record", target, str(tape)) as server:
        yield f"http://{server.address}"
        server.terminate()


@contextmanager
def replaying(tape: Path) -> Iterator[str]:
    """The address of a server that answers so."""
    with _running("replay", str(tape)) as server:
        yield f"http://{server.address}"
        server.terminate()


def _running(*arguments: str) -> ServerProcess:
    return ServerProcess.start([sys.executable, __file__, *arguments], {}, _READY)


class _Recorder:
    """Passes requests on, by a connection for each thread."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._host, self._port = str(parts.hostname), parts.port
        self._local = threading.local()
        self.answers: dict[str, str] = {}

    def __call__(self, request: _Request) -> bytes:
        method, path, kind, content = request
        connection: HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = HTTPConnection(self._host, self._port)
        headers = {"content-type": kind.decode(), "content-length": str(len(content))}
        connection.request(method, path, content or None, headers if content else {})
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (method, path, body)
        for key in _keys(method, path):
            self.answers[key] = body.decode()
        return body


def _keys(method: str, path: str) -> tuple[str, str]:
    return f"{method} {path}", f"{method} {path.partition('?')[0]}"


def _serve(answer: Callable[[_Request], bytes]) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        print(f"ready 127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_answer_all, args=(connection, answer), daemon=True).start()


def _answer_all(connection: socket.socket, answer: Callable[[_Request], bytes]) -> None:
    with connection, connection.makefile("rb") as incoming:
        while line := incoming.readline():
            method, path, _ = line.decode().split(" ", 2)
            headers = dict.fromkeys((b"content-length", b"content-type"), b"")
            while (header := incoming.readline()) != b"\r\n":
                name, _, value = header.partition(b":")
                headers[name.lower()] = value.strip()
            content = incoming.read(int(headers[b"content-length"] or 0))
            body = answer((method, path, headers[b"content-type"], content))
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
            connection.sendall(head + body)


def main() -> None:
    """Serves until it is ended; what was recorded is written then."""
    if sys.argv[1] == "replay":
        tape: dict[str, bytes] = {key: body.encode() for key, body in json.loads(Path(sys.argv[2]).read_text()).items()}

        def replay(request: _Request) -> bytes:
            exact, by_path = _keys(request[0], request[1])
            return tape[exact] if exact in tape else tape[by_path]

        _serve(replay)
        return
    recorder = _Recorder(sys.argv[2])
    try:
        _serve(recorder)
    finally:
        Path(sys.argv[3]).write_text(json.dumps(recorder.answers))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    main()
