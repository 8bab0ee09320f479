"""Measures the hot paths of the tracking service beside their limits; `make bench` runs it."""

from __future__ import annotations

import argparse
import platform

import ingest
import reads
from harness import measure, tracking_on

from trivet_testing import postgres


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each side is measured, in turn (default 3)")
    rounds = parser.parse_args().rounds
    # Not one in a container: its network would be measured too.
    server = postgres.start_own()
    try:
        with tracking_on(server) as setting:
            print(f"{platform.machine()}, Python {platform.python_version()}, PostgreSQL: {server.origin}")
            print(f"Medians [range] of {rounds} rounds.\n")
            print("| what | Trivet | limit | ratio |\n|---|---|---|---|")
            for comparison in (*ingest.comparisons(setting), *reads.comparisons(setting)):
                print(measure(comparison, rounds), flush=True)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
