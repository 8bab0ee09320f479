"""Exports opened by DuckDB, pandas and Spark: all find what the service says; and docs/export.md, as it stands."""

from __future__ import annotations

import json
import math
import os
import random
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

import trivet
from trivet_testing.command_line import invoke
from trivet_testing.notebook import run_cell
from trivet_testing.pages import matches, steps_of

PAGE = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
RUN = "0192f0c1a7d47b6e9c3e5a8b1f2d4c60"

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Spark:
    """A session of Spark that runs in a folder."""

    folder: Path
    process: subprocess.Popen[str]
    errors: Path

    def rows(self, cells: Sequence[str]) -> list[Rows]:
        """The rows that pieces of code give, of which each makes a data frame."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(cells), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        assert answer, self.errors.read_text(encoding="utf-8")
        return [[tuple(row) for row in rows] for rows in json.loads(answer)]


@pytest.fixture(scope="module")
def spark(pyspark: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    """One for all tests: it takes ten seconds to start."""
    folder = tmp_path_factory.mktemp("spark")
    errors = folder / "errors"
    with (
        errors.open("w", encoding="utf-8") as sink,
        subprocess.Popen(
            [sys.executable, "-m", "trivet_testing.notebook"],
            env=os.environ | {"PYTHONPATH": str(pyspark), "SPARK_LOCAL_IP": "127.0.0.1"},
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sink,
            text=True,
        ) as process,
    ):
        try:
            yield Spark(folder, process, errors)
        except BaseException:
            process.kill()
            raise


def duckdb_rows(query: str) -> Rows:
    with duckdb.connect() as connection:
        return connection.execute(query).fetchall()


def pandas_rows(frame: pd.DataFrame) -> Rows:
    return list(frame.itertuples(index=False, name=None))


def blocks(heading: str, language: str) -> list[str]:
    """The pieces of code of a chapter of the page."""
    (chapter,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    return re.findall(rf"^```{language}\n(.*?)^```$", chapter, re.DOTALL | re.MULTILINE)


def make_taxi(client: trivet.Client) -> None:
    """Three good runs and a bad one."""
    experiment_id = client.create_experiment("taxi")
    for number, run_id in enumerate((RUN, *(f"{digit}" * 32 for digit in "abc"))):
        client.tracking.create_run(experiment_id, run_id=run_id)
        client.log_param(run_id, "alpha", number / 4)
        client.log_param(run_id, "model", "lasso")
        client.set_tag(run_id, "team", "routes")
        for step in range(4):
            client.log_metric(run_id, "rmse", 8.5 - step + number * 10 // 3, timestamp=step, step=step)
    client.log_metric(RUN, "loss", math.nan, timestamp=0, step=0)
    assert client.flush(60).pending == 0  # others read it, too
    client.delete_run("c" * 32)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which relative paths are meant."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def with_spark(spark: Spark, monkeypatch: pytest.MonkeyPatch) -> Spark:
    """The session, with its folder as that in which relative paths are meant."""
    monkeypatch.chdir(spark.folder)
    return spark


def test_the_queries_of_the_page_give_the_same_everywhere(client: trivet.Client, with_spark: Spark) -> None:
    make_taxi(client)
    client.export("taxi-data")
    expected: list[Rows] = [
        [("loss", 1, 1), ("rmse", 12, 3)],
        [(RUN, 0.0, 5.5), ("a" * 32, 0.25, 8.5), ("b" * 32, 0.5, 11.5)],
        [(0, 8.5), (1, 7.5), (2, 6.5), (3, 5.5)],
    ]
    assert [duckdb_rows(query) for query in blocks("DuckDB", "sql")] == expected
    assert [pandas_rows(run_cell(cell, {})) for cell in blocks("pandas", "python")] == expected
    assert with_spark.rows(blocks("Spark", "python")) == expected


def test_the_commands_of_the_page_answer_as_shown(client: trivet.Client, here: Path) -> None:
    make_taxi(client)
    client.restore_run("c" * 32)
    for step in steps_of(PAGE):
        program, *arguments = shlex.split(step.command)
        assert program == "trivet"
        ended = invoke(*arguments)
        assert matches(step.shown, ended.output), f"{step.command}\nanswers\n{ended.output}"
        assert ended.exit_code == int(step.shown[0].startswith("trivet:"))


def test_the_page_names_every_column(client: trivet.Client, here: Path) -> None:
    client.export("data")
    for table in ("runs", "params", "tags", "points"):
        for column in pd.read_parquet(f"data/{table}").columns:
            assert f"`{column}`" in PAGE


def log_noise(client: trivet.Client, seed: int) -> list[str]:
    """Runs with points of several metrics, some of them NaN and infinite; the ids of the runs."""
    chance = random.Random(seed)
    run_ids = [client.create_run("0").info.run_id for _ in range(30)]
    for run_id in run_ids:
        for key in ("loss", "acc/ü", "empty"):
            special = [math.nan, math.inf, -math.inf, 0.25] if key == "loss" else []
            count = chance.choice([0, 1, 50, 700])
            values = [chance.choice([*special, chance.randrange(-1000, 1000) / 8]) for _ in range(count)]
            client.log_batch(
                run_id, [trivet.Metric(key, value, 1000 + step, step) for step, value in enumerate(values)]
            )
        client.log_param(run_id, "number", chance.randrange(100))
        client.log_param(run_id, "text", "'\"\\\n\tü")
    return run_ids


_COUNTS = """
    SELECT key, count(*), sum(CASE WHEN isnan(value) THEN 1 ELSE 0 END),
           sum(CASE WHEN abs(value) < 1e300 THEN value END), sum(step), min(value), count(rank)
    FROM {points} GROUP BY key ORDER BY key
"""
_PARAMS = "SELECT key, count(*), sum(number), max(value) FROM {params} GROUP BY key ORDER BY key"


def test_all_readers_find_what_the_service_says(client: trivet.Client, with_spark: Spark, seed: int) -> None:
    run_ids = log_noise(client, seed)
    client.export("data")
    points: dict[str, list[trivet.Metric]] = {}
    for run_id in run_ids:
        for key in client.list_run_keys("metric"):
            points.setdefault(key, []).extend(client.get_metric_history(run_id, key))
    expected_points = [
        (
            key,
            len(found),
            sum(math.isnan(metric.value) for metric in found),
            sum(metric.value for metric in found if math.isfinite(metric.value)) if found else None,
            sum(metric.step for metric in found),
            min((metric.value for metric in found if not math.isnan(metric.value)), default=math.nan),
            0,
        )
        for key, found in sorted(points.items())
    ]
    numbers = [float(run.data.params["number"]) for run in client.search_runs("0")]
    expected_params = [("number", 30, sum(numbers)), ("text", 30, None)]

    tables = {
        table: f"read_parquet('data/{table}/*/*.parquet', hive_partitioning = true)" for table in ("points", "params")
    }
    assert duckdb_rows(_COUNTS.format(**tables)) == expected_points
    in_duckdb = duckdb_rows(_PARAMS.format(**tables))
    assert [row[:3] for row in in_duckdb] == expected_params
    assert in_duckdb[1][3] == "'\"\\\n\tü"

    views = {table: f"parquet.`data/{table}`" for table in ("points", "params")}
    cells = [f"spark.sql({query.format(**views)!r})" for query in (_COUNTS, _PARAMS)]
    assert with_spark.rows(cells) == [expected_points, in_duckdb]

    frame = pd.read_parquet("data/points")
    in_pandas = [
        (
            key,
            len(of_key),
            int(of_key["value"].isna().sum()),
            of_key["value"][of_key["value"].abs() < math.inf].sum(),
            int(of_key["step"].sum()),
            of_key["value"].min(),
            int(of_key["rank"].count()),
        )
        for key, of_key in frame.groupby("key")
    ]
    assert in_pandas == expected_points
    assert str(frame["time"].dtype) == "datetime64[ms, UTC]"
