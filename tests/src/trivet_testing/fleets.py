"""All four servers, each a process of its own, over one PostgreSQL database and a bucket, as a platform runs them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from trivet_testing import artifacts, registry, tracking
from trivet_testing.artifacts import Place
from trivet_testing.gateways import READY as GATEWAY_READY
from trivet_testing.metrics import METRICS_LISTEN, Scraped, metrics_url_of, scrape
from trivet_testing.servers import ServerProcess

SERVERS: Final = ("tracking", "artifacts", "registry", "gateway")


@dataclass(frozen=True)
class Fleet:
    """Servers that run, by what they are."""

    servers: Mapping[str, ServerProcess]
    metrics_urls: Mapping[str, str]

    @property
    def addresses(self) -> dict[str, str]:
        """The settings by which a client finds the three services."""
        return _addresses(self.servers)

    @property
    def gateway_url(self) -> str:
        """Of the gateway."""
        return f"http://{self.servers['gateway'].address}"

    def scrape(self, server: str) -> Scraped:
        """What a server has measured until now."""
        return scrape(self.metrics_urls[server])


@contextmanager
def fleet(database_url: str, store: str, credentials: Mapping[str, str], **settings: str) -> Iterator[Fleet]:
    """Servers on an empty database of PostgreSQL and an empty bucket, with more settings for all of them.

    Each serves its metrics.
    """
    for service in (tracking, artifacts, registry):
        service.migrate(database_url)
    env = {**METRICS_LISTEN, **settings}
    with ExitStack() as stack:
        servers = {"tracking": stack.enter_context(tracking.start_server(database_url, **env))}
        place = Place(database_url, store, {**credentials, **env})
        servers["artifacts"] = stack.enter_context(artifacts.start_server(place))
        artifacts_url = f"grpc://{servers['artifacts'].address}"
        servers["registry"] = stack.enter_context(
            registry.start_server(database_url, artifacts_url=artifacts_url, **env)
        )
        command = [sys.executable, "-m", "trivet_gateway", "serve", "--listen", "127.0.0.1:0"]
        gateway = ServerProcess.start(command, {**_addresses(servers), **env}, GATEWAY_READY)
        servers["gateway"] = stack.enter_context(gateway)
        yield Fleet(servers, {name: metrics_url_of(server) for name, server in servers.items()})


def _addresses(servers: Mapping[str, ServerProcess]) -> dict[str, str]:
    return {
        f"TRIVET_{name.upper()}_URL": f"grpc://{servers[name].address}"
        for name in ("tracking", "artifacts", "registry")
    }
