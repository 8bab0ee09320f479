"""What capturing costs: a training with all of it beside the same one with nothing of it, in turn.

    .venv/bin/python bench/capturing.py [--rounds 5] [--steps 1500] [--lines 100000]

The training is scikit-learn's, by steps of some milliseconds; each step prints a line and logs ten metrics. The system
is sampled every second, ten times as often as by default. The servers run over SQLite on the same machine. On a machine
with other work, the time of processors says more than that of the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import trivet
from trivet_testing import artifacts, tracking
from trivet_testing.artifacts import Place

_TRAIN = """
import json, sys, time
import numpy as np
from sklearn.linear_model import SGDRegressor
import trivet

steps, lines = int(sys.argv[1]), int(sys.argv[2])
random = np.random.default_rng(7)
batch, target = random.normal(size=(4000, 60)), random.normal(size=4000)
model = SGDRegressor()
model.partial_fit(batch, target)
began = time.perf_counter()
run = trivet.start_run()
started, started_cpu = time.perf_counter(), time.process_time()
for step in range(steps):
    model.partial_fit(batch, target)
    trivet.log_metrics({f"metric {number}": step / (number + 1) for number in range(10)}, step=step)
    print("step", step, "of", steps)
trained, trained_cpu = time.perf_counter(), time.process_time()
for number in range(lines):
    print("a line of the usual length, with some numbers in it:", number, 1 / (number + 1))
printed, printed_cpu = time.perf_counter(), time.process_time()
trivet.end_run()
ended = time.perf_counter()
figures = {
    "run_id": run.info.run_id,
    "start": started - began,
    "train": trained - started,
    "train_cpu": trained_cpu - started_cpu,
    "print": (printed - trained) / lines,
    "print_cpu": (printed_cpu - trained_cpu) / lines,
    "end": ended - printed,
}
sys.stderr.write(json.dumps(figures))
"""
_IMPORT = "import time; began = time.process_time(); import trivet; print(time.process_time() - began)"


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="of each kind, in turn (default 5)")
    parser.add_argument("--steps", type=int, default=1500, help="of the training (default 1,500)")
    parser.add_argument("--lines", type=int, default=100_000, help="that are printed after it (default 100,000)")
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory() as folder:
        _measure(Path(folder), options)


def _measure(folder: Path, options: argparse.Namespace) -> None:
    url, place = f"sqlite:///{folder / 'tracking.db'}", Place(f"sqlite:///{folder / 'a.db'}", str(folder / "files"), {})
    tracking.migrate(url)
    artifacts.migrate(place.database_url)
    with tracking.start_server(url) as runs, artifacts.start_server(place) as files:
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TRIVET_")},
            "TRIVET_TRACKING_URL": f"grpc://{runs.address}",
            "TRIVET_ARTIFACTS_URL": f"grpc://{files.address}",
            "TRIVET_SPOOL_DIR": str(folder / "spool"),
            "TRIVET_SYSTEM_SECONDS": "1",
            # With more threads than free processors, linear algebra takes as long as it likes.
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        found: dict[str, list[dict[str, Any]]] = {"none": [], "all": []}
        for _ in range(options.rounds):
            for capture, figures in found.items():
                figures.append(_train({**env, "TRIVET_CAPTURE": capture}, options))
        _show(found)
        _read(env["TRIVET_TRACKING_URL"], found["all"][-1]["run_id"])
    seconds = min(
        float(subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True, check=True).stdout) for _ in range(5)
    )
    print(f"\n`import trivet` takes {1000 * seconds:.1f} ms of a processor.")


def _train(env: dict[str, str], options: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, "-c", _TRAIN, str(options.steps), str(options.lines)]
    done = subprocess.run(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return figures


def _show(found: dict[str, list[dict[str, Any]]]) -> None:
    print("| median | nothing captured | all captured |")
    print("|---|---|---|")
    rows = (
        ("training, s", "train", 1, 3),
        ("training, s of processors, all threads", "train_cpu", 1, 3),
        ("a print in a loop of them, µs", "print", 1e6, 2),
        ("the same, µs of processors, all threads", "print_cpu", 1e6, 2),
        ("start_run, ms", "start", 1000, 0),
        ("end_run, ms", "end", 1000, 0),
    )
    medians = {
        key: [statistics.median(figures[key] for figures in found[capture]) for capture in ("none", "all")]
        for _, key, _, _ in rows
    }
    for name, key, factor, digits in rows:
        without, captured = medians[key]
        print(f"| {name} | {without * factor:.{digits}f} | {captured * factor:.{digits}f} |")
    pairs = list(zip(found["none"], found["all"], strict=True))
    slower, dearer = (
        100 * (statistics.median(captured[key] / without[key] for without, captured in pairs) - 1)
        for key in ("train", "train_cpu")
    )
    print(f"\nWith all captured the training takes {slower:+.1f} %, of processors {dearer:+.1f} % (medians of pairs).")


def _read(url: str, run_id: str) -> None:
    os.environ["TRIVET_TRACKING_URL"] = url
    with trivet.Client() as client:
        began = time.perf_counter()
        lines = sum(1 for _ in client.console(run_id))
        took = time.perf_counter() - began
        began = time.perf_counter()
        newest = sum(1 for _ in client.console(run_id, 100))
        print(
            f"\n{lines:,} lines of the console are read in {took:.2f} s, by pages of 1,000; the newest {newest} in "
            f"{1000 * (time.perf_counter() - began):.0f} ms."
        )


if __name__ == "__main__":
    main()
