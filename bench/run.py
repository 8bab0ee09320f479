"""Measures what Trivet is to reach, beside the limits of the machine and MLflow. `make bench` runs it."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

import artifacts
import authentication
import beside_mlflow
import charts
import comparing
import dataset
import exports
import fairness
import gateway
import ingest
import metric_reads
import model_loading
import pages
import registry
import rules
import scaling
import search
import search_load
import serving
import watching
import wide
import workspace
from harness import Report, served, tracking_on

from trivet_testing import postgres
from trivet_testing.postgres import PostgresServer
from trivet_testing.tracking import migrate

_WITHOUT_OPTIONS = {
    "charts": charts.report_on,
    "comparing": comparing.report_on,
    "loading": model_loading.report_on,
    "serving": serving.report_on,
    "authentication": authentication.report_on,
}
_WITH_OTHER_SERVICES = (
    *("artifacts", "registry", "gateway", "pages", "workspace", "fairness", "scaling"),
    *_WITHOUT_OPTIONS,
)
_PARTS = ("ingest", "metrics", "exports", "watching", "rules", "search", "mlflow", "wide", *_WITH_OTHER_SERVICES)


def main() -> None:
    """Prints Markdown tables."""
    options = _options()
    # So that servers and data are cleared away then too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    begin = time.monotonic()
    report = Report(options.rounds)
    # Not one in a container: its network would be measured too.
    server = postgres.start_own()
    try:
        print(
            f"{os.cpu_count()} x {platform.machine()}, Python {platform.python_version()}, PostgreSQL: {server.origin}"
        )
        print(f"Medians [range] of {options.rounds} rounds where a range is printed.")
        for part in _PARTS:
            if part in options.only:
                report.notes.append(f"Load of the machine before: {os.getloadavg()[0]:.1f}.")
                _measure(part, report, server, options)
    finally:
        server.stop()
    report.summary()
    print(f"\nIt took {(time.monotonic() - begin) / 60:.0f} minutes; load at the end: {os.getloadavg()[0]:.1f}.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=_PARTS, nargs="+", default=_PARTS, help="parts to measure (default all)")
    parser.add_argument("--rounds", type=int, default=3, help="how often most cells are measured (default 3)")
    parser.add_argument("--sustained", type=float, default=60, help="seconds of the long floods (default 60)")
    parser.add_argument(
        "--runs", type=int, default=dataset.RUNS, help=f"to search, also in MLflow (default {dataset.RUNS:,})"
    )
    parser.add_argument("--calls", type=int, default=40, help="how often each search is called (default 40)")
    parser.add_argument("--steps", type=int, default=100_000, help="of 100 metrics in one run (default 100,000)")
    parser.add_argument("--file-mib", type=int, default=1024, help="of a large file (default 1,024 MiB)")
    parser.add_argument("--models", type=int, default=10_000, help="registered, of 10 versions each (default 10,000)")
    parser.add_argument("--minutes", type=float, default=1, help="that charts follow running runs (default 1)")
    parser.add_argument(
        "--full",
        action="store_true",
        help="1,000,000 steps, MLflow reads 1,000,000 points, replicas in three rounds: half an hour more",
    )
    return parser.parse_args()


def _measure(part: str, report: Report, server: PostgresServer, options: argparse.Namespace) -> None:
    if part in ("search", "mlflow"):
        with served(_database_of_runs(server, options.runs)) as setting:
            if part == "mlflow":
                sizes = beside_mlflow.Sizes(options.runs, long_history=options.full)
                beside_mlflow.report_on(report, server, setting, sizes)
            else:
                report.table(f"Searches among {options.runs:,} runs", search.cells(setting, options.calls))
                report.table("Searches and writes at once", search_load.cells(setting, report, 5 * options.calls))
        return
    if part in _WITH_OTHER_SERVICES:
        _measure_services(part, report, server, options)
        return
    with tracking_on(server) as setting:
        if part == "ingest":
            report.table("Ingest", ingest.cells(setting, report, options.sustained))
        elif part == "metrics":
            report.table("Histories, charts, room", metric_reads.cells(setting))
        elif part == "exports":
            report.table("Exports", exports.cells(setting))
        elif part == "watching":
            report.table("Calls beside 2,000 idle clients and 200 watchers", watching.cells(setting, report))
        elif part == "rules":
            report.table("Rules, beside 50 runs that are written", rules.cells(setting))
        else:
            steps = 1_000_000 if options.full else options.steps
            report.table("Wide and long", wide.cells(setting, report, steps))


def _measure_services(part: str, report: Report, server: PostgresServer, options: argparse.Namespace) -> None:
    """What needs more than the tracking service, and starts that itself."""
    if part == "artifacts":
        artifacts.report_on(report, server, options.file_mib)
    elif part == "registry":
        with tempfile.TemporaryDirectory(dir=os.environ.get("TRIVET_BENCH_DIR")) as folder:
            registry.report_on(report, server, options.models, Path(folder))
    elif part == "gateway":
        gateway.report_on(report, server, options.runs, options.file_mib)
    elif part == "pages":
        pages.report_on(report, server, options.runs)
    elif part == "fairness":
        fairness.report_on(report, server)
    elif part == "scaling":
        scaling.report_on(server, is_long=options.full)
    elif part == "workspace":
        workspace.report_on(report, options.minutes)
    else:
        _WITHOUT_OPTIONS[part](report)


@cache
def _database_of_runs(server: PostgresServer, runs: int) -> str:
    """One database with the shared data, for all parts that search it."""
    url = server.create_database()
    migrate(url)
    dataset.load(url, runs)
    return url


if __name__ == "__main__":
    main()
