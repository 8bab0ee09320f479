"""How fast all points of runs become Parquet."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from harness import PARENT, Cell, Setting, Side

import trivet
from trivet_proto.tracking.v1 import run_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.experiment_pb2 import Experiment
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns

_LONG_POINTS = 5_000_000
_BATCH = 100_000
_SHORT_RUNS = 500
_SHORT_KEYS = 10
_SHORT_POINTS = 100


def cells(setting: Setting) -> Iterator[Cell]:
    """One long series, and many short ones; makes the data first."""
    for name, make in (
        (f"a run of {_LONG_POINTS:,} points", _make_long),
        (f"{_SHORT_RUNS} runs of {_SHORT_KEYS} metrics of {_SHORT_POINTS} points", _make_short),
    ):
        experiment_id = make(setting)
        for limit in (
            Side("the same tables written by pyarrow alone", partial(_write_alone, setting, experiment_id)),
            Side("a call a series, to NumPy, by the SDK", partial(_read_series, setting, experiment_id)),
        ):
            export = partial(_export, setting, experiment_id)
            yield Cell(f"export of {name}, to Parquet", "points/s", export, limit=limit)


def _make_long(setting: Setting) -> str:
    experiment = _make_experiment(setting, "export long")
    random = np.random.default_rng(0)
    run = setting.stub.CreateRun(pb.CreateRunRequest(parent=PARENT, run=run_pb2.Run(experiment=experiment))).name
    for begin in range(0, _LONG_POINTS, _BATCH):
        _write(setting, run, ["loss"], np.arange(begin, begin + _BATCH), random)
    return experiment.rpartition("/")[2]


def _make_short(setting: Setting) -> str:
    experiment = _make_experiment(setting, "export short")
    random = np.random.default_rng(0)
    keys = [f"metric-{number}" for number in range(_SHORT_KEYS)]
    for _ in range(_SHORT_RUNS):
        run = setting.stub.CreateRun(pb.CreateRunRequest(parent=PARENT, run=run_pb2.Run(experiment=experiment))).name
        _write(setting, run, keys, np.tile(np.arange(_SHORT_POINTS), _SHORT_KEYS), random)
    return experiment.rpartition("/")[2]


def _make_experiment(setting: Setting, name: str) -> str:
    request = pb.CreateExperimentRequest(parent=PARENT, experiment=Experiment(display_name=name))
    return setting.stub.CreateExperiment(request).name


def _write(
    setting: Setting, run: str, keys: list[str], steps: npt.NDArray[np.int64], random: np.random.Generator
) -> None:
    """A noisy loss, a point about every 100 ms."""
    values = (2.0 / np.sqrt(1.0 + steps) + random.normal(0.0, 0.05, len(steps))).astype(np.float32)
    times = 1_700_000_000_000 + 100 * steps + random.integers(0, 5, len(steps))
    columns = MetricColumns(
        keys=keys,
        counts=[len(steps) // len(keys)] * len(keys),
        steps=steps.tolist(),
        times_millis=times.tolist(),
        values=values.tolist(),
    )
    setting.stub.WriteRun(pb.WriteRunRequest(run=run, metrics=columns))


def _points_per_second(read: Callable[[], int]) -> float:
    begin = time.monotonic()
    points = read()
    return points / (time.monotonic() - begin)


def _export(setting: Setting, experiment_id: str) -> float:
    with trivet.Client(f"grpc://{setting.address}") as client, tempfile.TemporaryDirectory() as folder:
        return _points_per_second(lambda: client.export(folder, experiment_id, tables=["points"]).tables["points"].rows)


def _write_alone(setting: Setting, experiment_id: str) -> float:
    """Writes files of the same rows, which are in memory, with the same codec."""
    with trivet.Client(f"grpc://{setting.address}") as client, tempfile.TemporaryDirectory() as folder:
        client.export(folder, experiment_id, tables=["points"])
        texts = ["run_id", "key"]
        tables = [
            pq.read_table(file, partitioning=None, read_dictionary=texts) for file in Path(folder).rglob("*.parquet")
        ]

        def write() -> int:
            for number, table in enumerate(tables):
                pq.write_table(table, Path(folder) / f"{number}.parquet", compression="zstd", use_dictionary=texts)
            return sum(table.num_rows for table in tables)

        return _points_per_second(write)


def _read_series(setting: Setting, experiment_id: str) -> float:
    with trivet.Client(f"grpc://{setting.address}") as client:
        series = [(run.info.run_id, key) for run in client.search_runs(experiment_id) for key in run.data.metrics]

        def read() -> int:
            return sum(len(client.tracking.get_metric_columns(run_id, key).values) for run_id, key in series)

        return _points_per_second(read)
