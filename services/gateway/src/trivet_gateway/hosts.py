"""Which names of this server a request may use.

A page elsewhere whose name was pointed at this machine (DNS rebinding) would read what is here otherwise.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from trivet_kit.settings import Address

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names of every machine."""
_PROBED: Final = "/health"
_FORM: Final = re.compile(r"(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?")
_UNKNOWN: Final = "This server is not known by the name in the Host header. TRIVET_ALLOWED_HOSTS has its names."
EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what somebody may have chosen
"""What means all addresses of this machine, and one of them."""


def names_of(address: Address, more: str = "") -> frozenset[str] | None:
    """The names that a server has which listens at an address; None for any.

    Args:
        address: Where it listens.
        more: Names with commas between, such as those of a Service; `*.example.org` is all below that, and
            `NAME:PORT` is a name at that port alone.
    """
    named = frozenset(name.strip().lower() for name in more.split(",") if name.strip())
    if address.host in EVERYWHERE and not named:
        return None  # behind names that nobody said
    return named | LOOPBACK | {address.host.lower()}


@dataclass(frozen=True)
class KnownHosts:
    """Refuses requests that name another host."""

    app: ASGIApp
    names: frozenset[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        # Probes ask by the address of a pod, and learn nothing else.
        if scope["type"] != "http" or scope["path"] == _PROBED or is_known(host_in(scope), self.names):
            await self.app(scope, receive, send)
            return
        content = {"error_code": "BAD_REQUEST", "message": _UNKNOWN}
        refused = Response(orjson.dumps(content), status_code=400, media_type="application/json")
        await refused(scope, receive, send)


def host_in(scope: Scope) -> str:
    """The Host header; empty where there is none, or more than one."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    return str(hosts[0].decode("latin-1")).lower() if len(hosts) == 1 else ""


def name_in(host: str) -> str:
    """The name or address in a Host header, without its port."""
    if host.startswith("["):
        return host.partition("]")[0].removeprefix("[")
    return host.partition(":")[0]


def port_in(host: str) -> str:
    """The port in a Host header; empty where it has none."""
    return host.rpartition("]")[2].partition(":")[2]


def is_form(host: str) -> bool:
    """Whether it is a name or an address, perhaps with a port."""
    return _FORM.fullmatch(host) is not None


def is_known(host: str, names: frozenset[str]) -> bool:
    """Whether a Host header has one of the names, or an address, which is no name that somebody pointed here."""
    name = name_in(host)
    return is_form(host) and (is_address(name) or is_named(name, names) or is_named(host, names))


def is_named(text: str, names: frozenset[str]) -> bool:
    """Whether it is one of the names, or below one that stands for all below it."""
    return text in names or any(text.endswith(each[1:]) for each in names if each.startswith("*."))


def is_address(name: str) -> bool:
    """Whether it is an address of IP."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
