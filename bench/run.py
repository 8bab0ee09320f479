"""Measures the hot paths of the tracking service beside their limits; `make bench` runs it."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Iterator

import dataset
import exports
import ingest
import metric_reads
import reads
import search
import watching
from harness import Comparison, Setting, measure, tracking_on

from trivet_testing import postgres
from trivet_testing.tracking import migrate

_PARTS = ("exports", "ingest", "metrics", "runs", "watching", "search")


def main() -> None:
    """Prints Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each side is measured, in turn (default 3)")
    parser.add_argument("--sustained", type=float, default=20, help="seconds of the long floods (default 20)")
    parser.add_argument("--only", choices=_PARTS, nargs="+", default=_PARTS, help="parts to measure (default all)")
    options = parser.parse_args()
    rounds = options.rounds
    # Not one in a container: its network would be measured too.
    server = postgres.start_own()
    try:
        with tracking_on(server) as setting:
            print(f"{platform.machine()}, Python {platform.python_version()}, PostgreSQL: {server.origin}")
            print(f"Medians [range] of {rounds} rounds; load of the machine before: {os.getloadavg()[0]:.1f}.\n")
            print("| what | Trivet | limit | ratio |\n|---|---|---|---|")
            for comparison in _comparisons(setting, options):
                print(measure(comparison, rounds), flush=True)
            if "watching" in options.only:
                print("\nCalls beside 2,000 idle clients and 200 watchers.\n")
                watching.report(setting, rounds)
        if "search" in options.only:
            print(f"\nSearches among {dataset.RUNS:,} runs.\n")
            url = server.create_database()
            migrate(url)
            dataset.load(url)
            search.report(url, calls=20 * rounds)
    finally:
        server.stop()


def _comparisons(setting: Setting, options: argparse.Namespace) -> Iterator[Comparison]:
    if "ingest" in options.only:
        yield from ingest.comparisons(setting, options.sustained)
    if "metrics" in options.only:
        yield from metric_reads.comparisons(setting)
    if "exports" in options.only:
        yield from exports.comparisons(setting)
    if "runs" in options.only:
        yield from reads.comparisons(setting)


if __name__ == "__main__":
    main()
