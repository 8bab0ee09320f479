"""Logs with one product and prints JSON; runs in that product's environment, and imports nothing else.

python bench/log_calls_client.py PRODUCT time CALLS    percentiles of calls, in µs
python bench/log_calls_client.py PRODUCT train STEPS   a step of real trainings, and what ten metrics add to it, in µs
python bench/log_calls_client.py PRODUCT die CALLS     logs, prints what `find` needs, and kills itself
python bench/log_calls_client.py PRODUCT find WHAT     how many points are there
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import struct
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

_FOLDER = Path(os.environ["BENCH_FOLDER"])
_WANDB_BLOCK = 32 * 1024
_PAIRS = 21
_KEYS = [f"metric {number}" for number in range(10)]


class _Run(NamedTuple):
    """A run that is being logged to."""

    name: str
    """Under which `find` finds it."""
    one: Callable[[int], None]
    """Logs one metric at a step."""
    ten: Callable[[int], None]
    """Logs ten metrics at a step, by the product's call for several."""
    end: Callable[[], None]


def _begin(product: str) -> _Run:
    return {
        "trivet": _trivet,
        "trivet-offline": _trivet,
        "mlflow-sync": _mlflow,
        "mlflow-async": _mlflow,
        "wandb-offline": _wandb,
        "trackio": _trackio,
        "neptune-scale-offline": _neptune,
    }[product]()


def _ten(step: int) -> dict[str, float]:
    return dict.fromkeys(_KEYS, 1 / (step + 1))


def _trivet() -> _Run:
    import trivet

    run = trivet.start_run()
    return _Run(
        run.info.run_id,
        lambda step: trivet.log_metric("loss", 1 / (step + 1), step=step),
        lambda step: trivet.log_metrics(_ten(step), step=step),
        trivet.end_run,
    )


def _mlflow() -> _Run:
    import mlflow

    is_async = sys.argv[1] == "mlflow-async"
    run = mlflow.start_run()
    return _Run(
        run.info.run_id,
        lambda step: mlflow.log_metric("loss", 1 / (step + 1), step=step, synchronous=not is_async),
        lambda step: mlflow.log_metrics(_ten(step), step=step, synchronous=not is_async),
        mlflow.end_run,
    )


def _wandb() -> _Run:
    import wandb

    run = wandb.init(project="bench")
    return _Run(run.id, lambda step: run.log({"loss": 1 / (step + 1)}), lambda step: run.log(_ten(step)), run.finish)


def _trackio() -> _Run:
    import trackio

    name = f"run-{os.getpid()}"
    trackio.init(project="bench", name=name, embed=False)
    return _Run(
        name,
        lambda step: trackio.log({"loss": 1 / (step + 1)}),
        lambda step: trackio.log(_ten(step)),
        trackio.finish,
    )


def _neptune() -> _Run:
    from neptune_scale import Run

    run = Run(run_id=f"run-{os.getpid()}", project="bench/log-calls", mode="offline", log_directory=str(_FOLDER))
    return _Run(
        f"run-{os.getpid()}",
        lambda step: run.log_metrics({"loss": 1 / (step + 1)}, step=step + 1_000_000),
        lambda step: run.log_metrics(_ten(step), step=step),
        run.close,
    )


def _time(product: str, calls: int) -> dict[str, object]:
    run = _begin(product)
    figures: dict[str, object] = {"version": _version(product)}
    for name, log in (("ten", run.ten), ("one", run.one)):
        log(0)
        taken = []
        for step in range(1, calls):
            begin = time.perf_counter_ns()
            log(step)
            taken.append(time.perf_counter_ns() - begin)
        taken.sort()
        figures |= {f"{name}_p50": taken[len(taken) // 2] / 1000, f"{name}_p99": taken[len(taken) * 99 // 100] / 1000}
    kept = _FOLDER / "spool" if product == "trivet-offline" else _FOLDER
    size = sum(file.stat().st_blocks * 512 for file in kept.rglob("*") if file.is_file())
    figures["bytes"] = round(size / (11 * calls)) if product.endswith("offline") else "-"
    if product != "mlflow-async":  # its queue takes minutes
        run.end()
        return figures
    print(json.dumps(figures), flush=True)
    os._exit(0)


def _sklearn() -> Callable[[], object]:
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    digits = load_digits()
    features, labels = digits.data[:128] / 16, digits.target[:128]
    model = MLPClassifier((64,), random_state=0)
    return lambda: model.partial_fit(features, labels, classes=range(10))


def _torch() -> Callable[[], object]:
    import torch

    torch.set_num_threads(1)
    features, labels = torch.rand(128, 64), torch.randint(10, (128,))
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters())

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(features), labels).backward()
        optimizer.step()

    return step


def _train(product: str, steps: int) -> dict[str, tuple[float, float] | None]:
    """A step, and by how much it takes longer: the medians of pairs of blocks without and with logging, in µs."""
    run = _begin(product)
    slowed: dict[str, tuple[float, float] | None] = {}
    at = 0
    for name, make in (("sklearn", _sklearn), ("torch", _torch)):
        try:
            train = make()
        except ImportError:
            slowed[name] = None
            continue
        alone, added = [], []
        for pair in range(_PAIRS + 1):
            taken = []
            for log in (lambda _: None, run.ten):
                begin = time.perf_counter()
                for _ in range(steps):
                    train()
                    log(at)
                    at += 1
                taken.append(time.perf_counter() - begin)
            if pair:  # the first one is for warming up
                alone.append(taken[0] / steps * 1e6)
                added.append((taken[1] - taken[0]) / steps * 1e6)
        slowed[name] = sorted(alone)[_PAIRS // 2], sorted(added)[_PAIRS // 2]
    if product == "mlflow-async":
        print(json.dumps(slowed), flush=True)
        os._exit(0)
    run.end()
    return slowed


def _die(product: str, calls: int) -> None:
    run = _begin(product)
    print(run.name, flush=True)
    for step in range(calls):
        run.one(step)
    os.kill(os.getpid(), signal.SIGKILL)


def _find(product: str, name: str) -> dict[str, int]:
    if product.startswith("trivet"):
        os.environ["TRIVET_MODE"] = "online"
        import trivet
        from trivet._sync import sync

        list(sync())
        return {"points": len(trivet.get_metric_history(name, "loss"))}
    if product.startswith("mlflow"):
        import mlflow

        return {"points": len(mlflow.MlflowClient().get_metric_history(name, "loss"))}
    if product == "wandb-offline":
        files = (_FOLDER / "wandb").glob(f"offline-run-*-{name}/*.wandb")
        from wandb.proto import wandb_internal_pb2

        records = (
            wandb_internal_pb2.Record.FromString(data) for file in files for data in _wandb_records(file.read_bytes())
        )
        return {"points": sum(record.WhichOneof("record_type") == "history" for record in records)}
    if product == "trackio":
        query = f"SELECT COUNT(*) FROM metrics WHERE run_name = '{name}'"
        return {"points": _rows(list((_FOLDER / "trackio").rglob("*.db")), query)}
    query = "SELECT COUNT(*) FROM run_operations WHERE INSTR(operation, CAST('loss' AS BLOB)) > 0"
    return {"points": _rows(list(_FOLDER.glob(f"*{name}*/*.sqlite3")), query)}


def _wandb_records(data: bytes) -> Iterator[bytes]:
    """Whole records of a file in LevelDB's log format, after a header of seven bytes."""
    at, parts = 7, b""
    while at + 7 <= len(data):
        left = _WANDB_BLOCK - at % _WANDB_BLOCK
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        if not kind or at + 7 + length > len(data):
            return
        parts = (b"" if kind in (1, 2) else parts) + data[at + 7 : at + 7 + length]
        if kind in (1, 4):
            yield parts
        at += 7 + length


def _rows(files: list[Path], query: str) -> int:
    count = 0
    for file in files:
        with sqlite3.connect(file) as connection:
            count += connection.execute(query).fetchone()[0]
    return count


def _version(product: str) -> str:
    name = product.removesuffix("-offline").removesuffix("-sync").removesuffix("-async")
    return version(name)


def main() -> None:
    """Does what is asked."""
    product, what, argument = sys.argv[1:]
    if what == "die":
        _die(product, int(argument))
    answer: Any
    if what == "find":
        answer = _find(product, argument)
    else:
        answer = (_time if what == "time" else _train)(product, int(argument))
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
