"""Trains, compares, registers, promotes, and loads back by name; prints what it did.

It uses the server that TRIVET_URL names, else the one of `make up` at 127.0.0.1:7330, else one of its own, whose data
are gone at the end.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import promote
import train
import trivet
from data import Data, DataUnusableError, load


def main() -> int:
    """Runs the demo; returns 0 where the model that came back is as good as the one that was logged."""
    options = _options()
    try:
        data = load(options.data, options.target)
    except DataUnusableError as unusable:
        sys.exit(f"demo: {unusable}")
    # Its own server stays for half a minute, in case another program needs it, and may write while the folder goes.
    with TemporaryDirectory(prefix="trivet-demo-", ignore_cleanup_errors=True) as folder:
        if options.own_server or not _is_server_known():
            trivet.set_tracking_uri(f"file:{folder}")
        try:
            return _demo(data, options.alphas, options.trials, options.rounds)
        except trivet.TrivetError as error:
            sys.exit(f"demo: {error}")


def _demo(data: Data, alphas: list[float], trials: int, rounds: int) -> int:
    experiment = trivet.set_experiment(data.name)
    print(f"Training on {data.name}: {len(data.train.records)} rows, and {len(data.valid.records)} to judge by.")
    lassos = train.train_lassos(data, alphas)
    # The first model goes into production, whatever it is like: now there is one to be replaced.
    promote.promote(promote.register(lassos[0], data.name))
    train.tune_xgboost(data, trials, rounds)

    best = promote.best_run(data.name)
    version = promote.register(best.info.run_id, data.name)
    before = promote.stages(data.name)
    promote.promote(version)
    after = promote.stages(data.name)

    logged = best.data.metrics["rmse"]
    loaded = promote.load_from_production(data.name).rmse(data.valid)
    _print_table(
        {
            "server": trivet.get_tracking_uri(),
            "experiment": f"{experiment.name} (id {experiment.experiment_id})",
            "runs": f"{len(alphas)} lasso, {trials} xgboost",
            "best run": f"{best.info.run_name} ({best.info.run_id}): {best.data.params['model']}",
            "version": f"{version.version} of {version.name}",
            "stages before": _shown(before),
            "stages after": _shown(after),
            "rmse logged": repr(logged),
            "rmse after loading": repr(loaded),
        }
    )
    if loaded != logged:
        print("The model that came back is another one than was logged.", file=sys.stderr)
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help=".parquet or .csv file; default: scikit-learn's diabetes data")
    parser.add_argument("--target", help="column to predict, where the file is not of taxi trips")
    parser.add_argument("--own-server", action="store_true", help="use no server but one of its own")
    parser.add_argument(
        "--alphas", type=float, nargs="+", default=[10, 1, 0.1], help="penalties of Lasso; default: 10 1 0.1"
    )
    parser.add_argument("--trials", type=_count, default=10, help="trials of hyperopt; default: 10")
    parser.add_argument("--rounds", type=_count, default=50, help="boosting rounds of a trial; default: 50")
    return parser.parse_args()


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def _is_server_known() -> bool:
    """Whether the environment names a server; that of `make up` is named where it runs."""
    if os.environ.get("TRIVET_URL") or os.environ.get("TRIVET_TRACKING_URL"):
        return True
    with socket.socket() as trial:
        is_up = trial.connect_ex(("127.0.0.1", 7330)) == 0
    if is_up:
        trivet.set_tracking_uri("grpc://127.0.0.1:7330")
    return is_up


def _shown(stages: dict[int, str]) -> str:
    return ", ".join(f"{version} {stage}" for version, stage in stages.items()) or "none"


def _print_table(rows: dict[str, str]) -> None:
    width = max(map(len, rows))
    print("\n".join(f"{name:<{width}}  {value}" for name, value in rows.items()))


if __name__ == "__main__":
    sys.exit(main())
