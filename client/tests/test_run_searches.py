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
    (whole,) = client.tracking.search_runs(with_inputs=True)
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


def test_a_run_that_is_too_large_for_one_message_is_whole_all_the_same(client: trivet.Client) -> None:
    run_id = client.create_run(
        "0", tags={f"{number:02}": f"{number}" + "t" * 60_000 for number in range(60)}
    ).info.run_id
    client.log_batch(
        run_id,
        [trivet.Metric(f"{'long' * 50}/{number:05}", float(number), 1, 0) for number in range(15_000)],
        {f"{number:03}": f"{number}" + "p" * 16_000 for number in range(250)},
    )
    run = client.get_run(run_id)
    assert [value.rstrip("t") for _, value in sorted(run.data.tags.items())] == [str(number) for number in range(60)]
    assert [value.rstrip("p") for _, value in sorted(run.data.params.items())] == [str(number) for number in range(250)]
    assert run.data.metrics == {f"{'long' * 50}/{number:05}": float(number) for number in range(15_000)}
    assert client.tracking.search_runs("0", with_inputs=True) == [run]
    (part,) = client.tracking.search_runs(metric_keys=[], param_keys=["007"], tag_keys=sorted(run.data.tags))
    assert part.data == trivet.RunData(params={"007": run.data.params["007"]}, tags=run.data.tags)
