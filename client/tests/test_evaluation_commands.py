"""`trivet models evaluate` and `compare`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import trivet
import trivet.pyfunc
from trivet_testing.command_line import invoke

pytestmark = pytest.mark.usefixtures("environment")

REGRESSION = ("--targets", "fare", "--type", "regressor")


def rough(trips: Any) -> Any:
    return trips["miles"]


def exact(trips: Any) -> Any:
    return 2 - trips["miles"] % 2


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models, and trips."""
    monkeypatch.chdir(tmp_path)
    for model in (rough, exact):
        trivet.pyfunc.save_model(model, model.__name__, pip_requirements=[])
    trips = pd.DataFrame({"miles": [1, 2, 3, 4], "region": ["north", "north", "south", "south"], "fare": [1, 2, 1, 2]})
    trips.to_csv("trips.csv", index=False)


def asked(*arguments: str, exit_code: int = 0) -> Any:
    ended = invoke("models", *arguments, "--json")
    assert ended.exit_code == exit_code, ended.output
    return json.loads(ended.stdout if exit_code == 0 or ended.stdout else ended.stderr)


def test_a_model_is_evaluated_in_a_run_of_its_own(client: trivet.Client) -> None:
    found = asked(
        "evaluate", "rough", "trips.csv", *REGRESSION, "--slice", "region", "--experiment", "taxi", "--dataset", "june"
    )
    metrics = {metric["key"]: (metric["value"], metric["rows"]) for metric in found["metrics"]}
    assert metrics["max_error"] == (2, 4)
    assert metrics["slice/region/north/max_error"] == (0, 2)
    run = client.get_run(found["run_id"])
    assert run.info.status == "FINISHED"
    assert client.get_experiment(run.info.experiment_id).name == "taxi"
    assert run.metrics == {key: value for key, (value, _) in metrics.items()}
    assert found["dataset"].startswith("june@")


def test_a_comparison_says_by_its_exit_code_whether_it_passed(client: trivet.Client) -> None:
    limits = (
        "--threshold",
        "max_error=1",
        "--min-relative-change",
        "max_error=0.5",
        "--min-absolute-change",
        "max_error=0",
    )
    passed = asked("compare", "rough", "exact", "trips.csv", *REGRESSION, *limits)
    assert (passed["passed"], passed["candidate"]) == (True, "exact")
    assert client.get_run(passed["run_id"]).tags["trivet.comparison"] == "passed"
    failed = asked("compare", "exact", "rough", "trips.csv", *REGRESSION, *limits, exit_code=1)
    assert failed["checks"] == [
        {
            "passed": False,
            "metric": "max_error",
            "candidate": 2,
            "baseline": 0,
            "reason": "max_error is 2 (baseline 0), and must be at most 0",
        }
    ]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ((), "give at least one"),
        (("--threshold", "max_error"), "is not KEY=VALUE"),
        (("--threshold", "max_error=low"), "'low' is no number"),
        (("--min-relative-change", "max_error=nan"), "'nan' is no number"),
    ],
)
def test_thresholds_that_cannot_be_read_are_refused(client: trivet.Client, options: tuple[str, ...], why: str) -> None:
    ended = invoke(
        "models",
        "compare",
        "rough",
        "exact",
        "trips.csv",
        *REGRESSION,
        *options,
        env={"COLUMNS": "200", "NO_COLOR": "1"},
    )
    assert ended.exit_code == 2
    assert why in ended.output
    assert client.search_runs("0") == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("evaluate", "rough", "trips.csv", "--targets", "price", "--type", "regressor"), "no column 'price'"),
        (("evaluate", "rough", "none.csv", *REGRESSION), "none.csv"),
        (("evaluate", "rough", "trips.csv", *REGRESSION, "--slice", "town"), "no column 'town'"),
        (("evaluate", "missing", "trips.csv", *REGRESSION), "missing"),
        (("evaluate", "rough", "trips.csv", *REGRESSION, "--dataset", "n" * 501), "501 characters"),
        (("compare", "rough", "exact", "none.csv", *REGRESSION, "--threshold", "max_error=1"), "none.csv"),
        (("compare", "rough", "exact", "trips.csv", *REGRESSION, "--threshold", "recall_score=1"), "no metric"),
        (("compare", "rough", "exact", "trips.csv", *REGRESSION, "--threshold", "bias=1"), "which way 'bias'"),
    ],
)
def test_what_cannot_be_evaluated_leaves_neither_run_nor_experiment(
    client: trivet.Client, arguments: tuple[str, ...], why: str
) -> None:
    error = asked(*arguments, "--experiment", "taxi", exit_code=1)
    assert why in error["error"]["message"]
    assert client.get_experiment_by_name("taxi") is None
    assert client.search_runs("0") == []
