"""Exports as a folder of Parquet."""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import importlib.machinery
import importlib.util
import json
import math
import os
import random
import re
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import trivet
from trivet_testing.command_line import invoke
from trivet_testing.servers import run_to_exit

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
    assert isinstance(run.pop("create_time"), pd.Timestamp | dt.datetime)
    assert isinstance(run.pop("update_time"), pd.Timestamp | dt.datetime)
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
    owner = {"run_id": run_id, "run_hash": int(partition[-2:])}
    assert rows_of(folder, "params", "key") == [
        {**owner, "key": "alpha", "value": "0.01", "number": 0.01},
        {**owner, "key": "model", "value": "lasso", "number": None},
    ]
    assert rows_of(folder, "tags") == [{**owner, "key": "team", "value": "routes"}]
    points = rows_of(folder, "points", "step")
    assert [(point["step"], repr(point["value"])) for point in points] == [
        (0, "0.5"),
        (1, "nan"),
        (2, "inf"),
        (3, "-inf"),
    ]
    assert points[3] == {
        **owner,
        "key": "rmse",
        "rank": None,
        "model_id": None,
        "dataset_name": None,
        "dataset_digest": None,
        "step": 3,
        "time": began + pd.Timedelta(3, "ms"),
        "value": -math.inf,
    }


def test_the_columns_have_the_types_that_are_documented(client: trivet.Client, run_id: str, tmp_path: Path) -> None:
    client.export(tmp_path)
    time = pa.timestamp("ms", tz="UTC")
    points = next((tmp_path / "points").rglob("*.parquet"))
    assert pq.read_schema(points) == pa.schema(
        [
            pa.field("run_id", pa.string(), nullable=False),
            pa.field("key", pa.string(), nullable=False),
            pa.field("rank", pa.int32()),
            pa.field("model_id", pa.string()),
            pa.field("dataset_name", pa.string()),
            pa.field("dataset_digest", pa.string()),
            pa.field("step", pa.int64(), nullable=False),
            pa.field("time", time, nullable=False),
            pa.field("value", pa.float64(), nullable=False),
        ]
    )
    assert pq.ParquetFile(points).metadata.row_group(0).column(8).statistics.null_count == 0


def test_the_manifest_says_what_was_exported(
    client: trivet.Client, run_id: str, workspace: str, tmp_path: Path
) -> None:
    done = client.export(tmp_path, "1", filter_string="metrics.rmse < 7 OR params.alpha > 0", tables=["points", "runs"])
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["begin_time_millis"] <= manifest["end_time_millis"]
    assert {name: value for name, value in manifest.items() if "time" not in name and "version" not in name} == {
        "format": "trivet-export",
        "workspace": workspace,
        "experiment_ids": ["1"],
        "filter": "metrics.rmse < 7 OR params.alpha > 0",
        "view": "active",
        "partitions": 16,
        "partitioned_by": "the first hexadecimal digit of the SHA-256 of run_id",
        "tables": {
            name: {"rows": rows, "files": 1, "size_bytes": done.tables[name].size_bytes}
            for name, rows in (("runs", 1), ("points", 4))
        },
    }
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.parquet")) == sum(
        table.size_bytes for table in done.tables.values()
    )


def test_runs_are_spread_over_partitions_by_the_hash_of_their_ids(client: trivet.Client, tmp_path: Path) -> None:
    experiment_id = client.create_experiment("many")
    run_ids = [client.create_run(experiment_id).info.run_id for _ in range(40)]
    for number, run_id in enumerate(run_ids):
        client.log_batch(
            run_id,
            [trivet.Metric("m", step, 5, step) for step in range(number)],
            {"number": number},
        )
    client.export(tmp_path)
    points = pq.read_table(tmp_path / "points").to_pandas()
    for run_id, of_run in points.groupby("run_id"):
        digit = int(hashlib.sha256(str(run_id).encode()).hexdigest()[0], 16)
        assert set(of_run["run_hash"].astype(int)) == {digit}
        assert sorted(of_run["step"]) == list(range(run_ids.index(str(run_id))))
    params = pq.read_table(tmp_path / "params").to_pandas()
    assert dict(zip(params["run_id"], params["number"], strict=True)) == {
        run_id: float(number) for number, run_id in enumerate(run_ids)
    }


def test_deleted_runs_come_by_view(client: trivet.Client, run_id: str, tmp_path: Path) -> None:
    client.delete_run(run_id)
    rows = {
        view: client.export(tmp_path / view.name, run_view_type=view).tables["points"].rows for view in trivet.ViewType
    }
    assert rows == {
        trivet.ViewType.ACTIVE_ONLY: 0,
        trivet.ViewType.DELETED_ONLY: 4,
        trivet.ViewType.ALL: 4,
    }
    (run,) = rows_of(tmp_path / "ALL", "runs")
    assert run["lifecycle_stage"] == "deleted"
    assert run["delete_time"] is not None


def test_tables_without_rows_have_their_columns(client: trivet.Client, tmp_path: Path) -> None:
    done = client.export(tmp_path)
    assert {name: (table.rows, table.files) for name, table in done.tables.items()} == dict.fromkeys(
        ("runs", "params", "tags", "points"), (0, 1)
    )
    assert pq.read_table(tmp_path / "points").column_names == [
        *("run_id", "key", "rank", "model_id", "dataset_name", "dataset_digest", "step", "time", "value", "run_hash")
    ]


def test_progress_is_told_up_to_the_end(client: trivet.Client, run_id: str, tmp_path: Path) -> None:
    told: list[trivet.ExportProgress] = []
    client.export(tmp_path, on_progress=told.append)
    assert told[0] == trivet.ExportProgress(1, 0, 0, {"runs": 0, "params": 0, "tags": 0, "points": 0})
    assert told[-1] == trivet.ExportProgress(1, 1, 1, {"runs": 1, "params": 2, "tags": 1, "points": 4})


# --- the folder


def test_an_export_is_replaced_only_where_that_is_asked_for(client: trivet.Client, run_id: str, tmp_path: Path) -> None:
    client.export(tmp_path)
    before = files_of(tmp_path)
    with pytest.raises(FileExistsError, match="holds an export already"):
        client.export(tmp_path, tables=["runs"])
    assert files_of(tmp_path) == before
    client.export(tmp_path, tables=["runs"], overwrite=True)
    assert {name.partition("/")[0] for name in files_of(tmp_path)} == {"manifest.json", "runs"}


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_that_holds_something_else_is_left_alone(
    client: trivet.Client,
    tmp_path: Path,
    *,
    overwrite: bool,
) -> None:
    (tmp_path / "manifest.json").write_text('{"format": "other"}', encoding="utf-8")
    (tmp_path / "runs").mkdir()
    with pytest.raises(FileExistsError, match="is no export of Trivet"):
        client.export(tmp_path, overwrite=overwrite)
    assert files_of(tmp_path) == {"manifest.json"}


def test_a_file_in_the_place_of_the_folder_is_left_alone(client: trivet.Client, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine", encoding="utf-8")
    with pytest.raises(OSError, match="data"):
        client.export(tmp_path / "data")
    assert (tmp_path / "data").read_text(encoding="utf-8") == "mine"


def test_what_a_killed_export_left_is_in_nobodys_way(client: trivet.Client, tmp_path: Path) -> None:
    (tmp_path / ".trivet-export-killed" / "runs").mkdir(parents=True)
    client.export(tmp_path)
    assert pq.read_table(tmp_path / "runs").num_rows == 0


def test_an_export_that_fails_leaves_nothing(client: trivet.Client, run_id: str, tmp_path: Path) -> None:
    def fail(progress: trivet.ExportProgress) -> None:
        if progress.points:
            raise KeyboardInterrupt

    client.export(tmp_path / "old")
    before = {path: path.read_bytes() for path in (tmp_path / "old").rglob("*") if path.is_file()}
    for folder in (tmp_path / "new", tmp_path / "old"):
        with pytest.raises(KeyboardInterrupt):
            client.export(folder, overwrite=True, on_progress=fail)
    assert not (tmp_path / "new").exists()
    assert {path: path.read_bytes() for path in (tmp_path / "old").rglob("*") if path.is_file()} == before
    assert [path.name for path in (tmp_path / "old").iterdir() if path.name.startswith(".")] == []


def test_a_folder_that_fills_meanwhile_is_left_alone(client: trivet.Client, run_id: str, tmp_path: Path) -> None:
    def fill(progress: trivet.ExportProgress) -> None:
        (tmp_path / "mine").touch()

    with pytest.raises(FileExistsError):
        client.export(tmp_path, on_progress=fill)
    assert files_of(tmp_path) == {"mine"}


def test_a_full_disk_leaves_nothing(client: trivet.Client, tmp_path: Path, environment: object) -> None:
    run = client.create_run("0")
    # Noise, which nothing makes smaller than the limit.
    noise = random.Random(0)
    client.log_batch(run.info.run_id, [trivet.Metric("m", noise.random(), 5, step) for step in range(40_000)])
    client.flush()
    program = """
import resource, sys, trivet
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    trivet.Client().export(sys.argv[1])
except OSError as error:
    print("OSError", error.errno)
"""
    ended = run_to_exit([sys.executable, "-c", program, str(tmp_path / "data")], dict(os.environ))
    assert (ended.stdout, ended.stderr) == (f"OSError {errno.EFBIG}\n", "")
    assert not (tmp_path / "data").exists()


# --- what is asked for


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"tables": ["runs", "metrics"]}, trivet.InvalidArgument),
        ({"tables": []}, trivet.InvalidArgument),
        ({"filter_string": "metrics.m <"}, trivet.FilterInvalid),
        ({"experiment_ids": ["77"]}, trivet.ExperimentNotFound),
        ({"run_view_type": 9}, trivet.InvalidArgument),
    ],
    ids=["table", "no table", "filter", "experiment", "view"],
)
def test_what_cannot_be_exported_is_refused_and_leaves_nothing(
    client: trivet.Client, tmp_path: Path, arguments: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        client.export(tmp_path / "data", **arguments)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("missing", ["pyarrow", "numpy"])
def test_without_its_extra_an_export_says_what_to_install(
    client: trivet.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    found = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> importlib.machinery.ModuleSpec | None:
        return None if name == missing else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    with pytest.raises(trivet.InvalidArgument, match=re.escape("pip install 'trivet[export]'")):
        client.export(tmp_path / "data")


def test_the_client_imports_nothing_of_the_extra() -> None:
    program = """
import sys, trivet
trivet.Client("grpc://127.0.0.1:1").tracking
print(sorted({"pyarrow", "numpy", "pandas"} & set(sys.modules)))
"""
    assert run_to_exit([sys.executable, "-c", program], {}).stdout == "[]\n"


# --- the command


def test_the_command_answers_in_json(client: trivet.Client, run_id: str, tmp_path: Path) -> None:
    arguments = ["export", str(tmp_path / "data"), "--experiment", "taxi", "--what", "points, params", "--json"]
    ended = invoke(*arguments)
    answer = json.loads(ended.stdout)
    assert answer.pop("duration_seconds") >= 0
    assert {name: table["rows"] for name, table in answer["tables"].items()} == {"params": 2, "points": 4}
    assert answer["folder"] == str(tmp_path / "data")
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["manifest.json", "params", "points"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [(["--what", "metrics"], "INVALID_ARGUMENT"), (["--filter", "x"], "FILTER_INVALID"), ([], "LOCAL_FILE")],
)
def test_the_command_says_why_it_fails(client: trivet.Client, tmp_path: Path, options: list[str], reason: str) -> None:
    (tmp_path / "mine").touch()
    folder = tmp_path if reason == "LOCAL_FILE" else tmp_path / "data"
    ended = invoke("export", str(folder), *options, "--json")
    assert ended.exit_code == 1
    assert json.loads(ended.stderr)["error"]["reason"] == reason
    assert files_of(tmp_path) == {"mine"}
