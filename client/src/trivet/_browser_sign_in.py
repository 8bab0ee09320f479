"""Signing in by a browser for a program on the same machine: it comes back to a port of loopback (RFC 8252)."""

from __future__ import annotations

import hmac
import secrets
import threading
import webbrowser
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Final
from urllib.parse import parse_qs, urlsplit

from trivet._errors import CredentialsInvalid
from trivet._oauth import Tokens, authorization_url, endpoints_of, exchange
from trivet._oauth_values import SignInWay

PATIENCE_SECONDS: Final = 300.0
"""How long somebody may take in the browser."""
_PAGE: Final = "<!doctype html><meta charset=utf-8><title>Trivet</title><p>{}</p>"
_DONE: Final = "You are signed in. This window can be closed."
_FAILED: Final = "You are not signed in. The terminal says why."


def sign_in(way: SignInWay, say: Callable[[str], None], *, port: int = 0, opens_browser: bool = True) -> Tokens:
    """Has somebody sign in, and returns what the issuer gives.

    Args:
        way: Of the server.
        say: Tells somebody a line, with the URL to open in it.
        port: Of 127.0.0.1, where the browser comes back to; 0 is any free one.
        opens_browser: Whether to open a browser; the URL is told either way.

    Raises:
        CredentialsInvalid: nobody came back in time, they denied, or the issuer refuses.
        ServerUnavailable: the issuer does not answer.
        OSError: the port is in use.
    """
    endpoints = endpoints_of(way.url)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    with _Waiting(port, state) as waiting:
        redirect_uri = f"http://127.0.0.1:{waiting.server_port}/callback"
        url = authorization_url(endpoints, way, redirect_uri, state, verifier)
        say(f"Sign in with {way.issuer} in a browser:\n  {url}")
        if opens_browser:
            webbrowser.open(url)
        return exchange(endpoints, way, waiting.code(), redirect_uri, verifier)


class _Waiting(HTTPServer):
    """Waits for a browser with the state of this attempt; whoever else comes changes nothing."""

    def __init__(self, port: int, state: str) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.state = state
        self.came: dict[str, str] | None = None
        """What the browser brought."""

    def code(self) -> str:
        """The code that the browser brings. Raises CredentialsInvalid."""
        over = threading.Event()
        timer = threading.Timer(PATIENCE_SECONDS, over.set)
        timer.daemon = True
        timer.start()
        self.timeout = 0.2
        while self.came is None and not over.is_set():
            self.handle_request()
        timer.cancel()
        if self.came is None:
            raise CredentialsInvalid(f"Nobody signed in within {PATIENCE_SECONDS / 60:.0f} minutes.")
        if "code" not in self.came:
            said = self.came.get("error", "")
            raise CredentialsInvalid(f"The issuer let nobody in: {said if said.isidentifier() else 'no reason'}.")
        return self.came["code"]


class _Handler(BaseHTTPRequestHandler):
    server: _Waiting
    timeout = 5  # a connection that says nothing holds the others

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        came = {name: values[0] for name, values in parse_qs(parts.query).items()}
        is_it = parts.path == "/callback" and _is_same(came.get("state", ""), self.server.state)
        if is_it and self.server.came is None:
            self.server.came = came
        page = _PAGE.format(_DONE if is_it and "code" in came else _FAILED).encode()
        self.send_response(200 if is_it else 404)
        for name, value in (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(page))),
            ("Content-Security-Policy", "default-src 'none'"),
            ("Referrer-Policy", "no-referrer"),
            ("Cache-Control", "no-store"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Says nothing: the code is in what was asked."""


def _is_same(given: str, state: str) -> bool:
    # Of texts it takes ASCII alone, and anybody may have written this one.
    return hmac.compare_digest(given.encode(errors="replace"), state.encode())
