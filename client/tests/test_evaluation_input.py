"""What cannot be evaluated says why, before anything is logged."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trivet

DATA = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 4.0], "label": ["a", "b", "a"]})


@pytest.fixture(autouse=True)
def nothing_is_logged(environment: object) -> Iterator[None]:
    yield
    assert trivet.active_run() is None
    assert trivet.search_runs(output_format="list") == []


def regressor(features: Any) -> Any:
    return np.ones(len(features))


def evaluate(
    model: Any = regressor, data: Any = DATA, targets: Any = "y", kind: Any = "regressor", **more: Any
) -> None:
    trivet.evaluate(model, data, targets, kind, **more)


def answers(values: Any) -> Callable[[Any], Any]:
    return lambda _: values


class Odds:
    """A classifier that answers what it is made with."""

    def __init__(self, probabilities: Any, classes: Any = None) -> None:
        self.probabilities = probabilities
        if classes is not None:
            self.classes_ = classes

    def predict(self, features: Any) -> Any:
        return ["a"] * len(features)

    def predict_proba(self, _: Any) -> Any:
        return self.probabilities


# --- data and targets


@pytest.mark.parametrize(
    ("data", "targets", "why"),
    [
        (DATA, "z", "no column 'z', but 'x', 'y', 'label'"),
        (DATA, None, "Targets are needed"),
        (DATA, [1, 2], "2 targets for 3 rows"),
        (DATA, ["x", "y"], "One column is needed as targets, not 2.*several outputs"),
        (DATA, DATA[["x", "y"]], "One value a row is needed as targets, not 3x2.*several outputs"),
        (DATA, 5, "no column 5"),
        (DATA.iloc[:0], "y", "no rows"),
        (np.zeros((0, 2)), [], "no rows"),
        (DATA[["x", "x", "y"]], "y", "more than one column 'x'"),
        (np.zeros((3, 1)), "y", "An array has no column 'y'"),
        ({"x": [1]}, "y", "not dict"),
        (7, "y", "not int"),
        (DATA.assign(y=[1, None, np.nan]), "y", r"2 of 3 targets are missing \(NaN or None\), the first in row 1"),
        (DATA.assign(y=[1, 2, np.inf]), "y", "1 targets are infinite, the first in row 2"),
        (DATA, "label", "targets of a regressor are numbers; of these one is 'a'"),
        (DATA, ["1", "2", "3"], "of these one is np.str_"),
        (DATA.assign(y=["1", 2, 3.0]), "y", "of these one is '1'"),
        (DATA.assign(y=pd.Timestamp("2026-01-01")), "y", "of these one is np.datetime64"),
        (DATA, [1j, 2, 3], "of these one is"),
        (trivet.Dataset("d", "1"), "y", "no file of this machine"),
    ],
)
def test_data_and_targets_have_to_go_together(data: Any, targets: Any, why: str) -> None:
    with pytest.raises(trivet.InvalidArgument, match=why):
        evaluate(data=data, targets=targets)


def test_files_have_to_be_there_and_of_a_kind_that_is_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        evaluate(data=tmp_path / "none.csv")
    (tmp_path / "data.xlsx").write_bytes(b"")
    with pytest.raises(trivet.InvalidArgument, match=r"\.csv, \.parquet and \.jsonl files, not from 'data\.xlsx'"):
        evaluate(data=tmp_path / "data.xlsx")


def test_data_without_a_digest_needs_a_dataset() -> None:
    data = DATA.assign(x=[[1], [2], [3]])
    with pytest.raises(trivet.InvalidArgument, match=r"dataset=trivet\.Dataset"):
        evaluate(data=data)


# --- models and what they answer


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (answers([1.0, 2.0]), "2 predictions for 3 rows"),
        (answers(np.ones((3, 2))), "as predictions, not 3x2.*several outputs"),
        (answers(1.0), "as predictions, not a single value"),
        (answers([1.0, np.nan, 2.0]), "1 of 3 predictions are missing .* row 1"),
        (answers([1.0, np.inf, 2.0]), "1 predictions are infinite"),
        (answers(["a", "b", "c"]), "predictions of a regressor are numbers"),
        (7, "int is none"),
        (None, "Give a model, or predictions="),
    ],
)
def test_a_model_answers_a_number_a_row(model: Any, why: str) -> None:
    with pytest.raises(trivet.InvalidArgument, match=why):
        evaluate(model)


def test_an_error_of_the_model_comes_through() -> None:
    def broken(features: Any) -> Any:
        raise KeyError("distance")

    with pytest.raises(KeyError, match="distance"):
        evaluate(broken)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"predictions": "x"}, "either a model, or its predictions"),
        ({"kind": "ranker"}, "'ranker'; it has to be one of regressor, classifier"),
        ({"pos_label": 1}, "pos_label are of classifiers"),
        ({"extra_metrics": {"r2_score": lambda *_: 1.0}}, "a metric 'r2_score' already"),
        ({"extra_metrics": {"": lambda *_: 1.0}}, "more than white space"),
        ({"extra_metrics": {"a\nb": lambda *_: 1.0}}, "control characters"),
        ({"extra_metrics": {"k" * 251: lambda *_: 1.0}}, "251 characters"),
        ({"extra_metrics": {"k" * 240: lambda *_: 1.0}, "slices": ["label"]}, "254 characters"),
        ({"prefix": "p" * 230}, "at most 250"),
        ({"prefix": "a\n"}, "control characters"),
        ({"prefix": "../"}, "artifact path 'evaluation/../evaluation.json'"),
        ({"prefix": "/"}, "empty segment"),
        ({"dataset": "d" * 501}, "501 characters"),
        ({"model_id": "no model"}, "not the id of a logged model"),
        ({"model": None, "predictions": "z"}, "no column 'z'"),
        ({"model": None, "predictions": [1, 2]}, "2 predictions for 3 rows"),
        ({"data": trivet.Dataset("d", "1"), "dataset": trivet.Dataset("e", "2")}, "cannot be noted as another one"),
    ],
)
def test_arguments_have_to_go_together(more: dict[str, Any], why: str) -> None:
    with pytest.raises(trivet.InvalidArgument, match=why):
        evaluate(**more)


# --- labels and probabilities


@pytest.mark.parametrize(
    ("model", "targets", "more", "why"),
    [
        (answers(["a", None, "b"]), "label", {}, "1 of 3 predictions are missing"),
        (answers(["a", "a", "a"]), ["a", None, "b"], {}, "1 of 3 targets are missing"),
        (answers([0, 1, 0]), "label", {}, "cannot be compared: they are labels such as 'a' and 0"),
        (answers([0.2, 0.7, 0.1]), [0, 1, 0], {}, r"0\.2 is none.*needs predict_proba"),
        (answers([0, 1, 0]), [0.5, 1.5, 0.5], {}, r"0\.5 is none.*a regressor"),
        (answers(["a", "c", "a"]), "label", {"labels": ["a", "b"]}, "'c' is in the data and not among them"),
        (answers(["a", "b", "a"]), "label", {"pos_label": "z"}, "pos_label is 'z'.* there are 'a', 'b'"),
        (answers(["a", "b", "c"]), "label", {"pos_label": "a"}, "one of two classes"),
        (Odds([[0.5, 0.5]] * 2), "label", {}, "these are 2x2"),
        (
            Odds([[0.5, 0.3, 0.2]] * 3, ["a", "b", "c"]),
            "label",
            {"labels": ["a", "b"]},
            "'c' is one that the model has",
        ),
        (Odds([0.5] * 3, ["a", "b", "c"]), "label", {"labels": ["a", "b"]}, "'c' is one that the model has"),
        (Odds([[0.5, 0.5]] * 3, ["a"]), "label", {}, "2 columns of probabilities and 1 classes"),
        (Odds([[0.2, 0.3, 0.5]] * 3), "label", {}, "3 columns of probabilities and 2 classes"),
        (Odds([[0.5, 0.6]] * 3), "label", {}, r"row 0 to 1\.1"),
        (Odds([[1.5, -0.5]] * 3), "label", {}, r"one is 1\.5"),
        (Odds([[np.nan, 1.0]] * 3), "label", {}, "one is nan"),
        (Odds([["x", "y"]] * 3), "label", {}, "numbers from 0 to 1"),
        (Odds([0.5] * 3), ["a", "b", "c"], {}, "goes with two classes; there are 3"),
        (Odds([0.5] * 3), ["a", "a", "a"], {}, "goes with two classes; there are 1"),
    ],
)
def test_a_classifier_answers_labels_and_probabilities_of_them(
    model: Any, targets: Any, more: dict[str, Any], why: str
) -> None:
    with pytest.raises(trivet.InvalidArgument, match=why):
        evaluate(model, targets=targets, kind="classifier", **more)


# --- the extra


@pytest.mark.parametrize("library", ["pandas", "sklearn", "matplotlib"])
def test_without_the_extra_it_says_what_to_install(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(trivet.InvalidArgument, match=rf"{library}.*pip install trivet\[evaluate\]"):
        evaluate()
    with pytest.raises(trivet.InvalidArgument, match=rf"{library}.*pip install trivet\[evaluate\]"):
        trivet.compare_models(None, None, DATA, "y", "regressor", thresholds={})
