"""What a real HTTP server answered, recorded once and given again."""

from __future__ import annotations

import base64
import http.server
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Asked = tuple[str, str, str]
"""Method, path with query, and body."""
Answered = tuple[int, bytes]
"""Status and body."""


@contextmanager
def _answering(answer: Callable[[Asked], Answered]) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            status, content = answer((str(self.command), self.path, body))
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 - names that the library looks for

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def recorded(target: str, tape: Path) -> Iterator[str]:
    """An address that passes on to a server, and in the end writes into a file what that answered."""
    answers: dict[Asked, Answered] = {}

    def pass_on(asked: Asked) -> Answered:
        method, path, body = asked
        request = urllib.request.Request(
            target + path, body.encode() or None, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                answers[asked] = (answer.status, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                answers[asked] = (error.code, error.read())
        return answers[asked]

    with _answering(pass_on) as address:
        yield address
    rows = [[*asked, status, base64.b64encode(body).decode()] for asked, (status, body) in answers.items()]
    tape.write_text(json.dumps(rows), encoding="utf-8")


@contextmanager
def replayed(tape: Path) -> Iterator[str]:
    """An address that answers what was recorded; to anything else 418, which is nobody's answer."""
    rows = json.loads(tape.read_text(encoding="utf-8"))
    answers = {(method, path, body): (status, base64.b64decode(text)) for method, path, body, status, text in rows}
    with _answering(lambda asked: answers.get(asked, (418, b"{}"))) as address:
        yield address
