"""A small HTTP server on loopback, for the services of others that a test has to stand in for."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

Answer = Callable[[str, Mapping[str, str]], bytes | None]
"""From `METHOD PATH` and the headers, their names in lower case, to the body of the answer; None refuses (403)."""


@contextmanager
def serving(answer: Answer, tls: tuple[Path, Path] | None = None) -> Iterator[str]:
    """Answers until the end of the block, by TLS with a certificate and its key; the URL has no slash at its end."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = answer(f"{self.command} {self.path}", {name.lower(): value for name, value in self.headers.items()})
            self.send_response(403 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        do_GET = do_PUT = do_POST = _answer  # noqa: N815 - names that the base class asks for

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http{'' if tls is None else 's'}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
