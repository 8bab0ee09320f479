"""Prometheus, which measures servers and is asked as Grafana asks it."""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from trivet_testing.servers import ServerNotReadyError, ServerProcess, free_port
from trivet_testing.tools import find_prometheus

_START_ATTEMPTS: Final = 3


@dataclass(frozen=True)
class Series:
    """What a panel draws as one curve."""

    labels: dict[str, str]
    points: list[tuple[float, float]]
    """Seconds since the epoch, and values; in the order of time."""

    def named(self, legend: str) -> str:
        """The legend of a panel, `{{job}} {{instance}}`, with the labels of this series."""
        return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: self.labels.get(found[1], ""), legend).strip()


@dataclass(frozen=True)
class Prometheus:
    """A server that measures others."""

    url: str
    interval_seconds: int
    """How often it measures."""

    @property
    def rate_interval_seconds(self) -> int:
        """What Grafana takes for `$__rate_interval`: four measurements."""
        return 4 * self.interval_seconds

    def ask(self, expression: str) -> list[Series]:
        """What an expression of a dashboard is now; a point each.

        Raises:
            urllib.error.HTTPError: Prometheus does not understand it.
        """
        answer = self._get("query", query=self._bound(expression))
        return [Series(each["metric"], _points([each["value"]])) for each in answer]

    def ask_range(self, expression: str, begin: float, end: float) -> list[Series]:
        """What an expression of a dashboard was, each time that was measured.

        Args:
            expression: Of PromQL.
            begin: Seconds since the epoch.
            end: The same, later.

        Raises:
            urllib.error.HTTPError: Prometheus does not understand it.
        """
        span = {"start": str(begin), "end": str(end), "step": str(self.interval_seconds)}
        answer = self._get("query_range", query=self._bound(expression), **span)
        return [Series(each["metric"], _points(each["values"])) for each in answer]

    def _bound(self, expression: str) -> str:
        return expression.replace("$__rate_interval", f"{self.rate_interval_seconds}s")

    def _get(self, what: str, **parameters: str) -> list[Any]:
        url = f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            result: list[Any] = json.load(answer)["data"]["result"]
        return result


def _points(values: list[list[Any]]) -> list[tuple[float, float]]:
    return [(float(at), float(value)) for at, value in values]


@contextmanager
def measuring(folder: Path, targets: Mapping[str, str], interval_seconds: int = 1) -> Iterator[Prometheus]:
    """Runs Prometheus, which is gone at the end of the block.

    Args:
        folder: For what it measures.
        targets: The URLs of metrics, by the names of jobs.
        interval_seconds: How often it measures.

    Raises:
        ToolMissingError: It is not on this machine.
    """
    program = find_prometheus().path
    jobs = [
        {"job_name": name, "metrics_path": parts.path, "static_configs": [{"targets": [parts.netloc]}]}
        for name, parts in ((name, urllib.parse.urlsplit(url)) for name, url in targets.items())
    ]
    configuration = {"global": {"scrape_interval": f"{interval_seconds}s"}, "scrape_configs": jobs}
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    files = [f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'measured'}"]
    for attempt in range(1, _START_ATTEMPTS + 1):
        listen = f"127.0.0.1:{free_port()}"
        command = [str(program), *files, f"--web.listen-address={listen}"]
        try:
            server = ServerProcess.start(command, {}, "Server is ready to receive web requests", ready_on="stderr")
            break
        except ServerNotReadyError:
            # Somebody else may have taken the port.
            if attempt == _START_ATTEMPTS:
                raise
    with server:
        yield Prometheus(f"http://{listen}", interval_seconds)
