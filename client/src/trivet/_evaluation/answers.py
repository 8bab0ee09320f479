"""What a model answers to data: predictions, and probabilities where it has any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trivet._errors import InvalidArgument
from trivet._evaluation.columns import Column, to_column
from trivet._evaluation.rows import Rows


@dataclass(frozen=True)
class Answers:
    """What a model predicted, a row each."""

    predictions: Column
    probabilities: Any = None
    """Of each class, in columns; or in one column of the positive one. None where the model has none."""
    classes: Sequence[Any] | None = None
    """Which class each column of probabilities is of; None where the model does not say."""


def ask(model: Any, rows: Rows, *, wants_probabilities: bool) -> Answers:
    """Asks a model once of all rows.

    Args:
        model: A function of the features, or what has `predict`; `predict_proba` is asked too. Of what wraps an object
            of a library, as a pyfunc does, the object is asked for probabilities: the wrapping has none.
        rows: Where the features are. The model gets a copy of them.
        wants_probabilities: Whether they are of use.

    Raises:
        InvalidArgument: it is no model, or did not answer one value a row.
    """
    predict = getattr(model, "predict", model)
    if not callable(predict):
        raise InvalidArgument(
            f"A model is a function, has a method predict, or is named by a URI; {type(model).__name__} is none."
        )
    inner = model.unwrap() if callable(getattr(model, "unwrap", None)) else model
    names = _wanted_columns(model, inner)
    predictions = to_column(predict(_features(rows.features, names)), "predictions", len(rows))
    predict_proba = getattr(inner, "predict_proba", None)
    if not wants_probabilities or not callable(predict_proba):
        return Answers(predictions)
    classes = getattr(inner, "classes_", None)
    return Answers(
        predictions,
        predict_proba(_features(rows.features, names)),
        None if classes is None else np.asarray(classes).tolist(),
    )


def _features(features: Any, names: Sequence[Any]) -> Any:
    """A copy, because a model may change what it gets, and the next one is asked of the same."""
    wanted = [name for name in names if name in features.columns] if isinstance(features, pd.DataFrame) else []
    return features[wanted].copy() if wanted else features.copy()


def _wanted_columns(model: Any, inner: Any) -> Sequence[Any]:
    """The columns that a model takes, where it says so: data has others too, such as those of slices."""
    signature = getattr(getattr(model, "metadata", None), "signature", None)
    names = getattr(getattr(signature, "inputs", None), "names", ())
    return list(names) or list(getattr(inner, "feature_names_in_", ()))
