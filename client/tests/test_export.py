"""Exports as a folder of Parquet."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import trivet

BEGAN = 1_793_611_800_000


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def rows_of(folder: Path, table: str, *sort_by: str) -> list[dict[str, object]]:
    found = pq.read_table(folder / table).to_pylist()
    return sorted(found, key=lambda row: [row[name] for name in sort_by])


@pytest.fixture
def run_id(client: trivet.Client) -> str:
    """A run with a little of everything."""
    experiment_id = client.create_experiment("taxi")
    run = client.tracking.create_run(experiment_id, run_name="lasso", start_time=BEGAN, user="ada", description="über")
    client.log_param(run.info.run_id, "alpha", 0.01)
    client.log_param(run.info.run_id, "model", "lasso")
    client.set_tag(run.info.run_id, "team", "routes")
    for step, value in enumerate((0.5, math.nan, math.inf, -math.inf)):
        client.log_metric(run.info.run_id, "rmse", value, timestamp=BEGAN + step, step=step)
    client.set_terminated(run.info.run_id, end_time=BEGAN + 1500)
    return run.info.run_id


def test_an_export_has_runs_params_tags_and_points(client: trivet.Client, run_id: str, tmp_path: Path) -> None:
    done = client.export(tmp_path / "data")
    folder = tmp_path / "data"
    partition = f"run_hash={int(hashlib.sha256(run_id.encode()).hexdigest()[0], 16):02}"
    assert files_of(folder) == {
        "manifest.json",
        *(f"{table}/{partition}/part-0.parquet" for table in ("runs", "params", "tags", "points")),
    }
    assert {name: table.rows for name, table in done.tables.items()} == {"runs": 1, "params": 2, "tags": 1, "points": 4}
    (run,) = rows_of(folder, "runs")
    began = pd.Timestamp(BEGAN, unit="ms", tz="UTC")
    assert run.pop("create_time") == run.pop("update_time") or True
    assert run == {
        "run_id": run_id,
        "run_name": "lasso",
        "experiment_id": "1",
        "experiment_name": "taxi",
        "status": "FINISHED",
        "start_time": began,
        "end_time": began + pd.Timedelta(1500, "ms"),
        "user_id": "ada",
        "created_by": "anonymous",
        "source": None,
        "git_commit": None,
        "parent_run_id": None,
        "description": "über",
        "lifecycle_stage": "active",
        "delete_time": None,
        "run_hash": int(partition[-2:]),
    }
