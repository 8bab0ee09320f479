"""Metrics of parts of the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trivet

pytestmark = pytest.mark.usefixtures("environment")

DATA = pd.DataFrame(
    {
        "region": ["north", "north", "south", "south", "south"],
        "hour": [10, 9, 9, 10, 9],
        "guess": [1.0, 3.0, 1.0, 1.0, 4.0],
        "minutes": [1.0, 2.0, 1.0, 2.0, 3.0],
    }
)


def evaluate(data: pd.DataFrame, slices: Any) -> trivet.Evaluation:
    return trivet.evaluate(None, data, "minutes", "regressor", predictions="guess", slices=slices, plots=False)


def test_each_value_of_a_column_is_measured_on_its_own() -> None:
    found = evaluate(DATA, ["region", "hour"])
    assert [(part.name, part.rows) for part in found.slices] == [
        ("region/north", 2),
        ("region/south", 3),
        ("hour/9", 3),
        ("hour/10", 2),
    ]
    north = found.slices[0]
    assert north.metrics["mean_absolute_error"] == 0.5
    assert north.metrics["example_count"] == 2
    logged = trivet.get_run(found.run_id).metrics
    assert logged == found.all_metrics()
    assert logged["slice/region/south/mean_squared_error"] == pytest.approx(2 / 3)
    (run,) = trivet.search_runs(
        filter_string="metrics.slice/region/north/mean_absolute_error < 0.6", output_format="list"
    )
    assert run.info.run_id == found.run_id


def test_the_table_says_how_many_rows_each_has_and_what_is_left_out() -> None:
    table = evaluate(DATA.iloc[1:], ["region"]).tables["slices"].set_index("slice")
    assert table["rows"].to_dict() == {"region/north": 1, "region/south": 3}
    assert table.loc["region/north", "left_out"] == "r2_score: there is one row"
    assert np.isnan(table.loc["region/north", "r2_score"])
    assert table["value"].tolist() == ["north", "south"]


def test_masks_are_slices_of_their_names() -> None:
    found = evaluate(DATA, {"late south": (DATA["region"] == "south") & (DATA["hour"] == 10), "all": [True] * 5})
    assert [(part.name, part.rows) for part in found.slices] == [("late_south", 1), ("all", 5)]
    assert found.slices[1].metrics == found.metrics
    assert found.slices[0].key("max_error") == "slice/late_south/max_error"


def test_values_that_are_missing_are_a_slice() -> None:
    data = DATA.assign(region=["north", None, None, "south", "south"])
    assert [(part.name, part.rows) for part in evaluate(data, "region").slices] == [
        ("region/north", 1),
        ("region/south", 2),
        ("region/missing", 2),
    ]


def test_names_have_nothing_that_filters_would_quote_and_stay_apart() -> None:
    data = DATA.assign(region=["New York", "New/York", "..", "ü" * 300, ""])
    names = [part.name for part in evaluate(data, ["region"]).slices]
    assert names == ["region/_", "region/__2", "region/New_York", "region/New_York_2", f"region/{'ü' * 60}"]


def test_groups_of_numbers_are_in_their_order() -> None:
    data = DATA.assign(long=pd.cut(DATA["minutes"], [0, 1, 2, 10], labels=["short", "medium", "long"]))
    assert [part.name for part in evaluate(data, ["long"]).slices] == ["long/short", "long/medium", "long/long"]


def test_a_slice_of_one_class_has_no_curve() -> None:
    data = pd.DataFrame(
        {"region": ["n", "n", "s", "s"], "said": [0, 1, 1, 1], "p": [0.1, 0.8, 0.7, 0.9], "target": [0, 1, 1, 1]}
    )
    found = trivet.evaluate(
        None, data, "target", "classifier", predictions="said", probabilities="p", slices=["region"], plots=False
    )
    north, south = found.slices
    assert north.metrics["roc_auc"] == 1
    assert south.left_out == {"roc_auc": "all rows are 1"}
    assert "roc_auc" not in south.metrics
    assert found.all_left_out() == {"slice/region/s/roc_auc": "all rows are 1"}


@pytest.mark.parametrize(
    ("slices", "why"),
    [
        (["zone"], "no column 'zone'"),
        ({"odd": [1, 0, 1, 0, 1]}, "'odd' has to be of booleans"),
        ({"short": [True]}, r"1 values of the mask 'short' for 5 rows"),
        ({"none": [False] * 5}, "'none' has no rows"),
    ],
)
def test_what_cannot_be_sliced_by_says_so(slices: Any, why: str) -> None:
    with pytest.raises(trivet.InvalidArgument, match=why):
        evaluate(DATA, slices)
    assert trivet.search_runs(output_format="list") == []


def test_a_column_of_many_numbers_is_to_be_grouped_first() -> None:
    data = pd.DataFrame({"x": range(101), "guess": 1.0, "minutes": 1.0})
    with pytest.raises(trivet.InvalidArgument, match=r"'x' has 101 values, and 100 slices are the most.*pandas\.cut"):
        evaluate(data, ["x"])
    assert len(evaluate(data.iloc[:100], ["x"]).slices) == 100


def test_an_array_has_masks_alone() -> None:
    with pytest.raises(trivet.InvalidArgument, match="no column 'region'"):
        trivet.evaluate(None, np.zeros((2, 1)), [1, 2], "regressor", predictions=[1, 2], slices=["region"])
