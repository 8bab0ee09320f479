"""An HTTP proxy that loses replies after the server has acted: what a client sees when a link breaks just then."""

from __future__ import annotations

import http.client
import http.server
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

_OF_CONNECTIONS: Final = frozenset(
    ("connection", "keep-alive", "transfer-encoding", "content-length", "date", "server")
)
_ID: Final = re.compile(r"/(?:m-)?[0-9a-f]{32}(?=/|$)")


@dataclass
class LossyProxy:
    """What went through one, by method and path. Paths have no ids, and those of files end at the API's name."""

    address: str = ""
    calls: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)


@contextmanager
def losing_replies(target: str, one_of: int) -> Iterator[LossyProxy]:
    """A proxy before `http://HOST:PORT` that loses the first reply of each kind of call, and then one of so many.

    The server has then answered; the client's connection is cut without a byte of that.
    """
    proxy = LossyProxy()
    turn = threading.Lock()

    def loses(kind: str) -> bool:
        with turn:
            proxy.calls[kind] += 1
            is_lost = proxy.calls[kind] % one_of == 1
            proxy.lost[kind] += is_lost
            return is_lost

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(urlsplit(target).netloc, loses))
    server.daemon_threads = True
    proxy.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(netloc: str, loses: Callable[[str], bool]) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            connection = http.client.HTTPConnection(netloc, timeout=60)
            connection.request(str(self.command), self.path, body or None, dict(self.headers.items()))
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            if loses(f"{self.command} {_kind(self.path)}"):
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _OF_CONNECTIONS:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815 - names that the library looks for

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    return Handler


def _kind(path: str) -> str:
    path = path.partition("?")[0]
    before, found, _ = path.partition("/mlflow-artifacts/artifacts")
    return before + found if found else _ID.sub("/ID", path)
