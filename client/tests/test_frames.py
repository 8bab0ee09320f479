"""Searches that answer with a DataFrame."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import math

import pandas as pd
import pytest

import trivet

pytestmark = pytest.mark.usefixtures("tracked")


@pytest.fixture
def without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> importlib.machinery.ModuleSpec | None:
        return None if name == "pandas" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


def test_frame_has_a_row_a_run_and_a_column_a_key() -> None:
    with trivet.start_run(run_name="one") as first:
        trivet.log_metric("rmse", 0.5)
        trivet.log_param("depth", 3)
    with trivet.start_run(run_name="two", tags={"team": "a"}) as second:
        trivet.log_metric("acc", 1)
    frame = trivet.search_runs(order_by=["start_time ASC"])
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == [
        *("run_id", "run_name", "experiment_id", "status", "artifact_uri", "start_time", "end_time"),
        *("metrics.acc", "metrics.rmse", "params.depth", "tags.team"),
    ]
    assert list(frame["run_id"]) == [first.info.run_id, second.info.run_id]
    assert list(frame["artifact_uri"]) == [f"runs:/{first.info.run_id}", f"runs:/{second.info.run_id}"]
    assert frame["metrics.rmse"][0] == 0.5
    assert math.isnan(frame["metrics.rmse"][1])
    assert frame["params.depth"][0] == "3"
    assert frame["params.depth"].isna()[1]
    assert frame["start_time"][0].timestamp() * 1000 == first.info.start_time
    assert str(frame["end_time"].dt.tz) == "UTC"


def test_running_run_has_no_end() -> None:
    with trivet.start_run():
        frame = trivet.search_runs(output_format="pandas")
    assert frame["end_time"].isna().all()


def test_search_that_finds_nothing_gives_an_empty_frame() -> None:
    frame = trivet.search_runs(output_format="pandas")
    assert (len(frame), "run_id" in frame.columns) == (0, True)


@pytest.mark.usefixtures("without_pandas")
def test_without_pandas_runs_are_returned() -> None:
    with trivet.start_run() as run:
        pass
    found = trivet.search_runs()
    assert isinstance(found, list)
    assert found[0].info.run_id == run.info.run_id
    with pytest.raises(trivet.InvalidArgument, match="pip install pandas"):
        trivet.search_runs(output_format="pandas")


def test_other_format_is_refused() -> None:
    with pytest.raises(trivet.InvalidArgument, match="'pandas' or 'list'"):
        trivet.search_runs(output_format="polars")  # type: ignore[call-overload] # what is tested
