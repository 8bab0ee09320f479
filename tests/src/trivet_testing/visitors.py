"""Somebody's browser, as far as cookies and redirects go: for what real browsers do not let a test do."""

from __future__ import annotations

import http.client
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from trivet_testing.sign_in_provider import ANN, SignInProvider

OWN: Final = {"sec-fetch-site": "same-origin"}
"""What browsers say of requests of a server's own pages."""
VISIT: Final = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
"""What browsers say when somebody follows a link from elsewhere."""


@dataclass(frozen=True)
class Answered:
    """What a server answered."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """The headers of a name, in lower case."""
        return [value for key, value in self.headers if key == name]

    @property
    def location(self) -> str:
        """Where a redirect leads."""
        (where,) = self.all("location")
        return where

    @property
    def json(self) -> dict[str, Any]:
        """The body, as JSON."""
        content: dict[str, Any] = json.loads(self.body)
        return content


@dataclass
class Visitor:
    """A browser at one server. Its cookies may be looked at and changed."""

    host: str
    """`HOST:PORT` of the server."""
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answered:
        """Asks the server, with the cookies, and keeps those of the answer; follows no redirect."""
        sent = {**OWN, **(headers or {})}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = asked(self.host, method, path, sent, body)
        for said in answer.all("set-cookie"):
            name, _, value = said.partition(";")[0].partition("=")
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return answer

    def begin(self, return_path: str = "/", **query: str) -> str:
        """Begins to sign in; returns where the provider is."""
        answer = self.ask("GET", f"/auth/sign-in?{urlencode({'return': return_path, **query})}", VISIT)
        assert answer.status == 303, answer
        return answer.location

    def sign_in(self, provider: SignInProvider, user: str = ANN, return_path: str = "/") -> Answered:
        """Signs in, and returns what the server answers to whoever comes back."""
        return self.ask("GET", came_back(consent(provider, self.begin(return_path), user)), VISIT)

    def call(self, path: str, headers: Mapping[str, str] | None = None) -> Answered:
        """Makes a call of gRPC-web with an empty message."""
        kind = {"content-type": "application/grpc-web+proto"}
        return self.ask("POST", path, kind | dict(headers or {}), b"\0" + struct.pack(">I", 0))


def consent(provider: SignInProvider, where: str, user: str | None = ANN) -> str:
    """What somebody does at the provider: they sign in, or deny where there is no user. Returns where it sends them."""
    parts = urlsplit(where)
    assert where.startswith(f"{provider.issuer}/")
    form = urlencode({"user": user or "", "do": "allow" if user else "deny"}).encode()
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = asked(parts.netloc, "POST", f"{parts.path}?{parts.query}", kind, form)
    assert answer.status == 302, answer
    return answer.location


def came_back(url: str) -> str:
    """The path of a URL with its query."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def query_in(url: str) -> dict[str, str]:
    """What a URL asks for."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def asked(
    host: str, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> Answered:
    """One request over a connection of its own."""
    connection = http.client.HTTPConnection(host, timeout=60)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return Answered(
            answer.status, tuple((name.lower(), value) for name, value in answer.getheaders()), answer.read()
        )
    finally:
        connection.close()
