"""Searches for runs, the keys that they have, and runs side by side."""

from __future__ import annotations

import pytest

import trivet


def logged_run(client: trivet.Client, **metrics: float) -> str:
    run_id = client.tracking.create_run(run_name="r").info.run_id
    client.tracking.log_params(run_id, {"lr": 0.1, "model": "xgb"})
    client.tracking.set_tag(run_id, "team", "a")
    client.tracking.log_metrics(run_id, metrics)
    return run_id


def test_search_reads_only_the_keys_asked_for(client: trivet.Client) -> None:
    run_id = logged_run(client, rmse=1.0, mae=2.0)
    (run,) = client.tracking.search_runs(metric_keys=["mae"], param_keys=[], tag_keys=["never"])
    assert (run.info.run_id, run.info.run_name) == (run_id, "r")
    assert run.data == trivet.RunData(metrics={"mae": 2.0})
    (whole,) = client.tracking.search_runs()
    assert whole == client.tracking.get_run(run_id)
    assert client.tracking.list_run_infos("0") == [whole.info]


def test_keys_of_runs_are_listed(client: trivet.Client) -> None:
    first = logged_run(client, **{"train/loss": 1.0, "acc": 1.0})
    logged_run(client, **{"val/loss": 1.0})
    assert client.list_run_keys("metric") == ["acc", "train/loss", "val/loss"]
    assert client.list_run_keys("metric", "0", contains="LOSS") == ["train/loss", "val/loss"]
    assert client.tracking.list_run_keys("metric", run_ids=[first]) == ["acc", "train/loss"]
    assert client.list_run_keys("param") == ["lr", "model"]
    assert client.list_run_keys("tag") == ["team"]
    page = client.tracking.list_run_keys("metric", max_results=2)
    assert client.tracking.list_run_keys("metric", page_token=page.token) == ["val/loss"]
    with pytest.raises(trivet.InvalidArgument, match="metric, param, tag"):
        client.list_run_keys("metrics")


def test_runs_are_compared(client: trivet.Client) -> None:
    first, second = logged_run(client, rmse=1.0), logged_run(client, rmse=2.0, mae=3.0)
    client.tracking.log_metric(second, "rmse", 1.5, step=4)
    comparison = client.compare_runs([first, second])
    assert [(param.key, param.differs, dict(param.values)) for param in comparison.params] == [
        ("lr", False, {first: "0.1", second: "0.1"}),
        ("model", False, {first: "xgb", second: "xgb"}),
    ]
    mae, rmse = comparison.metrics
    assert (mae.differs, list(mae.values)) == (True, [second])
    assert rmse.values == {
        first: trivet.MetricSummary(1.0, 0, 1.0, 1.0),
        second: trivet.MetricSummary(1.5, 4, 1.5, 2.0),
    }
    assert client.compare_runs([first, second], only_differing=True).params == ()
    with pytest.raises(trivet.RunNotFound):
        client.compare_runs([first, "never"])
