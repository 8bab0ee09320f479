"""What a log call costs the loop that makes it, beside other trackers, and what is lost when the process is killed.

    .venv/bin/python bench/log_calls.py [--calls 10000] [--only trivet wandb]

Each product logs from a process of its own, by `log_calls_client.py`, in an environment of its own; those that do not
install are left out, and it is said. Products that need a server have one that is well: Trivet over SQLite, MLflow with
one worker over SQLite. The others log as they do offline. `lost` is what is neither on the server nor in files that
product reads later, after a SIGKILL right after the last call returned and, where there is one, its own way to send
what was left. `slowed` is what ten metrics a step add to a step of small networks of scikit-learn and of torch, trained
in turn with and without logging; torch only where the product's environment has it (`--python` is Trivet's).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peer import mlflow_on_sqlite

from trivet_testing.environments import environment_with, mlflow_environment
from trivet_testing.tracking import migrate, start_server

_CLIENT = Path(__file__).with_name("log_calls_client.py")
_REACH = {"log_metric p50": 5.0, "log_metric p99": 50.0, "log_metrics(10) p50": 15.0}


@dataclass(frozen=True)
class Product:
    """Something to log with."""

    name: str
    package: str
    """Empty: in this environment."""
    server: str
    """`trivet`, `mlflow`, or empty."""


_PRODUCTS = (
    Product("trivet", "", "trivet"),
    Product("trivet-offline", "", "trivet"),  # which is asked for what it got when all is sent
    Product("mlflow-sync", "mlflow", "mlflow"),
    Product("mlflow-async", "mlflow", "mlflow"),
    Product("wandb-offline", "wandb", ""),
    Product("trackio", "trackio", ""),
    Product("neptune-scale-offline", "neptune-scale", ""),
)


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=10_000, help="of each kind (default 10,000; MLflow sync 1/20)")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="that logs with Trivet")
    parser.add_argument("--only", nargs="+", choices=[product.name for product in _PRODUCTS])
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}\n")
    print(
        "| product | log_metric p50 µs | p99 µs | 10 metrics p50 µs | p99 µs | lost after SIGKILL | bytes a point | "
        "scikit-learn slowed | torch slowed |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    missed = []
    for product in _PRODUCTS:
        if options.only and product.name not in options.only:
            continue
        calls = options.calls // 20 if product.name == "mlflow-sync" else options.calls
        try:
            figures = _measure(product, calls, options.python)
        except subprocess.CalledProcessError as error:
            print(f"| {product.name} | left out: {(error.stderr or str(error)).strip().splitlines()[-1][:120]} |")
            continue
        print(
            f"| {product.name} {figures['version']} | {figures['one_p50']:.1f} | {figures['one_p99']:.1f} | "
            f"{figures['ten_p50']:.1f} | {figures['ten_p99']:.1f} | {figures['lost']} of {calls:,} | "
            f"{figures['bytes']} | {_share(figures['sklearn'])} | {_share(figures['torch'])} |",
            flush=True,
        )
        if product.name.startswith("trivet"):
            of = {"log_metric p50": "one_p50", "log_metric p99": "one_p99", "log_metrics(10) p50": "ten_p50"}
            missed += [
                f"{product.name}: {what} {figures[key]:.1f} µs, to reach {_REACH[what]:g}"
                for what, key in of.items()
                if figures[key] > _REACH[what]
            ]
    print("\nNot reached: " + "; ".join(missed) if missed else "\nAll of Trivet's was reached.")


def _measure(product: Product, calls: int, trivets_python: Path) -> dict[str, Any]:
    python = _python_of(product) or trivets_python
    with tempfile.TemporaryDirectory() as folder, _served(product, Path(folder)) as address:
        env = _environment(product, Path(folder), address)
        figures = json.loads(_asked(python, env, product, "time", calls))
        figures |= json.loads(_asked(python, env, product, "train", 2 if product.name == "mlflow-sync" else 50))
        killed = subprocess.run(
            [str(python), str(_CLIENT), product.name, "die", str(calls)],
            env=env,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL, killed
        found = json.loads(_asked(python, env, product, "find", killed.stdout.strip()))
        return {**figures, "lost": f"{calls - found['points']:,}"}


def _python_of(product: Product) -> Path | None:
    if not product.package:
        return None
    if product.package == "mlflow":
        return mlflow_environment() / "bin" / "python"
    return environment_with(f"bench-{product.package}-2", [product.package, "scikit-learn"]) / "bin" / "python"


def _share(slowed: tuple[float, float] | None) -> str:
    return "-" if slowed is None else f"{slowed[1] / slowed[0] * 100:+.1f} % of {slowed[0]:.0f} µs"


def _asked(python: Path, env: dict[str, str], product: Product, what: str, argument: object) -> str:
    done = subprocess.run(
        [str(python), str(_CLIENT), product.name, what, str(argument)],
        env=env,
        cwd=env["BENCH_FOLDER"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]


def _environment(product: Product, folder: Path, address: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRIVET_", "WANDB_", "NEPTUNE_"))}
    return {
        **kept,
        "BENCH_FOLDER": str(folder),
        "TRIVET_URL": address or "grpc://127.0.0.1:1",
        "TRIVET_SPOOL_DIR": str(folder / "spool"),
        "TRIVET_MODE": "offline" if product.name == "trivet-offline" else "online",
        "MLFLOW_TRACKING_URI": address,
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "WANDB_DIR": str(folder),
        "TRACKIO_DIR": str(folder / "trackio"),
        "HF_HUB_OFFLINE": "1",
        "NEPTUNE_MODE": "offline",
        # Libraries of linear algebra that wait for a second processor would measure who else is on it.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "NEPTUNE_PROJECT": "bench/log-calls",
    }


@contextmanager
def _served(product: Product, folder: Path) -> Iterator[str]:
    if product.server == "trivet":
        url = f"sqlite:///{folder / 'trivet.db'}"
        migrate(url)
        with start_server(url) as server:
            yield f"grpc://{server.address}"
    elif product.server == "mlflow":
        with mlflow_on_sqlite(folder) as address:
            yield address
    else:
        yield ""


if __name__ == "__main__":
    main()
