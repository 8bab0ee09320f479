"""Predictions for files of any size: CSV, Parquet and JSON lines, by the command and by its function."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trivet
import trivet.models
import trivet.pyfunc
from trivet._batch.prediction import BatchOptions, predict_file
from trivet_testing.command_line import invoke
from trivet_testing.tracking import full

TRIPS = pd.DataFrame({"id": ["007", "08", "9"], "distance": [1.0, 2.5, 4.0], "riders": [1, 2, 3]})


def minutes(rows: pd.DataFrame) -> Any:
    return rows["distance"] * 3 + rows["riders"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a model that takes distances and riders."""
    trivet.pyfunc.save_model(
        minutes, tmp_path / "model", input_example=TRIPS[["distance", "riders"]], pip_requirements=[]
    )
    return tmp_path / "model"


def write(frame: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines=True)
    return path


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".csv":
        return pd.read_csv(path, dtype={"id": str})
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_json(path, lines=True, dtype={"id": str})


@pytest.mark.parametrize("output", ["csv", "parquet", "jsonl"])
@pytest.mark.parametrize("given", ["csv", "parquet", "jsonl"])
def test_each_row_of_a_file_is_predicted(tmp_path: Path, folder: Path, given: str, output: str) -> None:
    source = write(TRIPS, tmp_path / f"trips.{given}")
    target = tmp_path / f"minutes.{output}"
    done = invoke(
        "models", "predict", "-m", str(folder), "-i", str(source), "-o", str(target), "--keep", "id", "--json"
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"rows": 3, "columns": ["id", "prediction"], "output": str(target)}
    answer = read(target)
    assert answer["prediction"].tolist() == [4.0, 9.5, 15.0]
    assert answer["id"].tolist() == ["007", "08", "9"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["model", source.name, target.name])


def test_types_of_text_are_those_of_the_signature(tmp_path: Path) -> None:
    example = pd.DataFrame({"code": ["007"], "when": [pd.Timestamp("2026-01-02")], "open": [True]})
    trivet.pyfunc.save_model(
        lambda rows: rows["code"] + rows["when"].dt.strftime(" %Y ") + rows["open"].astype(str),
        tmp_path / "model",
        input_example=example,
        pip_requirements=[],
    )
    (tmp_path / "in.csv").write_text("code,when,open\n007,2026-01-02,true\n1e3,2025-01-02,false\n", encoding="utf-8")
    model = trivet.pyfunc.load_model(tmp_path / "model")
    predict_file(model, tmp_path / "in.csv", tmp_path / "out.csv", BatchOptions())
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert lines == ['"prediction"', '"007 2026 True"', '"1e3 2025 False"']


def test_what_is_kept_stays_as_it_stands(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "in.csv").write_text("country,distance,riders\nNA,1,2\n007,NaN,3\n", encoding="utf-8")
    model = trivet.pyfunc.load_model(folder)
    with pytest.raises(trivet.InvalidArgument, match="no column 'nothing' to keep"):
        predict_file(model, tmp_path / "in.csv", tmp_path / "out.csv", BatchOptions(keep=["nothing"]))
    predict_file(model, tmp_path / "in.csv", tmp_path / "out.csv", BatchOptions(keep=["country"]))
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert lines == ['"country","prediction"', '"NA",5', '"007",']
    (tmp_path / "in.jsonl").write_text('{"id": 7, "distance": 1, "riders": 2}\n', encoding="utf-8")
    predict_file(model, tmp_path / "in.jsonl", tmp_path / "out.jsonl", BatchOptions(keep=["id"]))
    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8")) == {"id": 7, "prediction": 5.0}


@pytest.mark.parametrize("name", ["in.jsonl", "in.csv", "in.parquet"])
def test_a_column_that_is_missing_is_said_in_every_format(tmp_path: Path, folder: Path, name: str) -> None:
    source = write(pd.DataFrame({"Distance": [1.0], "riders": [1]}), tmp_path / name)
    with pytest.raises(trivet.InvalidArgument, match="distance"):
        predict_file(trivet.pyfunc.load_model(folder), source, tmp_path / "out.csv", BatchOptions())


@pytest.mark.parametrize("file_format", ["csv", "parquet", "jsonl"])
def test_a_file_without_rows_is_said(tmp_path: Path, folder: Path, file_format: str) -> None:
    source = write(TRIPS.head(0), tmp_path / f"in.{file_format}")
    with pytest.raises(trivet.InvalidArgument, match="has no rows"):
        predict_file(trivet.pyfunc.load_model(folder), source, tmp_path / "out.parquet", BatchOptions())
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize("file_format", ["csv", "parquet", "jsonl"])
def test_rows_keep_their_order_over_many_batches(tmp_path: Path, folder: Path, file_format: str) -> None:
    count = 25_003
    rows = pd.DataFrame({"distance": np.arange(count, dtype=float), "riders": np.zeros(count, dtype=int)})
    source = write(rows, tmp_path / f"in.{file_format}")
    told: list[int] = []
    model = trivet.pyfunc.load_model(folder)
    options = BatchOptions(batch_rows=1_000)
    done = predict_file(model, source, tmp_path / f"out.{file_format}", options, told.append)
    assert done.rows == count
    assert read(tmp_path / f"out.{file_format}")["prediction"].tolist() == (np.arange(count) * 3.0).tolist()
    assert len(told) == 26
    assert sum(told) == source.stat().st_size


@pytest.mark.parametrize(
    ("model", "columns"),
    [
        (lambda rows: rows[["distance"]].rename(columns={"distance": "km"}), ["km"]),
        (lambda rows: rows.to_numpy()[:, 1:], ["prediction_0", "prediction_1"]),
        (lambda rows: rows["distance"].tolist(), ["prediction"]),
        (lambda rows: rows[["riders", "distance"]].to_dict("records"), ["riders", "distance"]),
        (lambda rows: {"a": rows["distance"].to_numpy(), "b": rows["riders"].to_numpy()}, ["a", "b"]),
    ],
)
def test_whatever_a_model_gives_becomes_columns(tmp_path: Path, model: Any, columns: list[str]) -> None:
    trivet.pyfunc.save_model(model, tmp_path / "model", pip_requirements=[])
    source = write(TRIPS, tmp_path / "in.parquet")
    loaded = trivet.pyfunc.load_model(tmp_path / "model")
    done = predict_file(loaded, source, tmp_path / "out.parquet", BatchOptions())
    assert list(done.columns) == columns
    assert list(read(tmp_path / "out.parquet").columns) == columns


@pytest.mark.parametrize(
    ("content", "options", "match"),
    [
        ("distance,riders\n1,2\n1,x\n", (), "in.csv.*is not csv"),
        ("distance\n1\n", (), r"rows 1 to 1: .*riders"),
        ("distance,riders\n1,2\n", ("--keep", "id"), "no column 'id' to keep"),
        ("distance,riders\n1,2\n", ("-t", "xml"), "format of .* is 'xml'"),
        ("distance,riders\n1,2\n", ("--output-format", "xml"), "format of .* is 'xml'"),
        ("distance,riders\n1,2\n", ("--params", "[1]"), "must be an object"),
        ("distance,riders\n1,2\n", ("--params", "{"), "no JSON"),
    ],
)
def test_what_cannot_be_predicted_is_said_and_nothing_is_replaced(
    tmp_path: Path, folder: Path, content: str, options: tuple[str, ...], match: str
) -> None:
    (tmp_path / "in.csv").write_text(content, encoding="utf-8")
    target = tmp_path / "out.csv"
    target.write_text("before", encoding="utf-8")
    done = invoke("models", "predict", "-m", str(folder), "-i", str(tmp_path / "in.csv"), "-o", str(target), *options)
    assert done.exit_code == 1
    assert re.search(match, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert target.read_text(encoding="utf-8") == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "model", "out.csv"]


def test_a_model_that_fails_for_later_rows_leaves_nothing(tmp_path: Path) -> None:
    def late(rows: pd.DataFrame) -> Any:
        if rows["distance"].max() > 15:
            raise RuntimeError("too far")
        return rows["distance"] if rows["distance"].max() < 10 else rows["distance"].head(1)

    trivet.pyfunc.save_model(late, tmp_path / "model", pip_requirements=[])
    model = trivet.pyfunc.load_model(tmp_path / "model")
    rows = pd.DataFrame({"distance": np.arange(20.0)})
    source = write(rows, tmp_path / "in.parquet")
    for batch_rows, match in ((20, "fails for rows 1 to 20: RuntimeError: too far"), (5, "rows 11 to 15 .* gives 1")):
        with pytest.raises(trivet.InvalidArgument, match=match):
            predict_file(model, source, tmp_path / "out.parquet", BatchOptions(batch_rows=batch_rows))
    assert not (tmp_path / "out.parquet").exists()


def test_missing_files_are_said(tmp_path: Path, folder: Path) -> None:
    done = invoke("models", "predict", "-m", str(folder), "-i", str(tmp_path / "no.csv"), "-o", str(tmp_path / "o.csv"))
    assert done.exit_code == 1
    assert "no.csv: No such file" in done.stderr
    source = write(TRIPS, tmp_path / "in.csv")
    done = invoke("models", "predict", "-m", str(folder), "-i", str(source), "-o", str(tmp_path / "no" / "o.csv"))
    assert done.exit_code == 1
    assert "No such file" in done.stderr


# Prints the most memory that it ever had, in KiB, before and after.
MEASURED = """
import resource, sys
from pathlib import Path
import trivet.pyfunc
from trivet._batch.prediction import BatchOptions, predict_file
model = trivet.pyfunc.load_model(sys.argv[1])
predict_file(model, Path(sys.argv[2]), Path(sys.argv[4]), BatchOptions())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
predict_file(model, Path(sys.argv[3]), Path(sys.argv[4]), BatchOptions())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("file_format", ["csv", "parquet", "jsonl"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, folder: Path, file_format: str) -> None:
    count = full(500_000, 20_000_000)
    rows = pd.DataFrame({"distance": np.random.default_rng(1).random(50_000), "riders": np.arange(50_000)})
    small = write(rows, tmp_path / f"small.{file_format}")
    large = tmp_path / f"large.{file_format}"
    if file_format == "parquet":
        import pyarrow as pa  # noqa: PLC0415 - of this case alone
        import pyarrow.parquet as pq  # noqa: PLC0415

        table = pa.Table.from_pandas(rows, preserve_index=False)
        with pq.ParquetWriter(large, table.schema) as writer:
            for _ in range(count // 50_000):
                writer.write_table(table)
    else:
        header, _, body = (
            small.read_bytes().partition(b"\n") if file_format == "csv" else (b"", b"", small.read_bytes())
        )
        with large.open("wb") as file:
            file.write(header + b"\n" if header else b"")
            for _ in range(count // 50_000):
                file.write(body)
    command = [sys.executable, "-c", MEASURED, *map(str, (folder, small, large, tmp_path / f"out.{file_format}"))]
    grown_kib = int(subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ).stdout)
    assert grown_kib < 60 * 1024
    assert len(read(tmp_path / f"out.{file_format}")) == count
