"""What servers measure, read as Prometheus reads it."""

from __future__ import annotations

import urllib.request
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from trivet_testing.servers import ServerProcess

METRICS_LISTEN: Final = {"TRIVET_METRICS_LISTEN": "127.0.0.1:0"}
"""The setting by which a server serves metrics at any free port, which its log says."""


@dataclass(frozen=True)
class Sample:
    """A value, and what it is of."""

    name: str
    labels: dict[str, str]
    value: float


@dataclass(frozen=True)
class Scraped:
    """What a server said."""

    samples: tuple[Sample, ...]

    @property
    def names(self) -> frozenset[str]:
        """The names of all samples, as queries have them."""
        return frozenset(sample.name for sample in self.samples)

    def values(self, name: str, **labels: str) -> list[float]:
        """Of the samples of a name that have these labels, and perhaps others."""
        return [
            sample.value for sample in self.samples if sample.name == name and labels.items() <= sample.labels.items()
        ]

    def total(self, name: str, **labels: str) -> float:
        """The sum of the values; 0 where there is none."""
        return sum(self.values(name, **labels))


def metrics_url_of(server: ServerProcess) -> str:
    """Where a server that was started with METRICS_LISTEN serves them."""
    return server.wait_for_line(r'metrics are at (http://[^"\s]+)', on="stderr")[1]


def scrape(url: str) -> Scraped:
    """What is served at a URL, strictly parsed; a name that is described twice is an error."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        families = list(text_string_to_metric_families(answer.read().decode()))
    names = [family.name for family in families]
    assert len(names) == len(set(names)), names
    return Scraped(
        tuple(Sample(each.name, dict(each.labels), each.value) for family in families for each in family.samples)
    )
