"""The classes of a classifier: their order, and the numbers that stand for them while it is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trivet._errors import InvalidArgument
from trivet._evaluation.columns import Column, check_complete

Codes = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Classes:
    """All classes there are, in order; of two, the positive one is the last."""

    labels: tuple[Any, ...]

    @property
    def are_two(self) -> bool:
        """Whether one of them is the positive one."""
        return len(self.labels) == 2

    def codes(self, values: Column) -> Codes:
        """The place of each label. All of them are known."""
        places = {label: place for place, label in enumerate(self.labels)}
        return np.array([places[value] for value in values.tolist()], np.intp)


def find_classes(
    targets: Column,
    predictions: Column,
    *,
    of_model: Sequence[Any] | None,
    labels: Sequence[Any] | None,
    pos_label: Any,
) -> Classes:
    """The classes of targets and predictions, and those that the model or the caller knows of.

    Raises:
        InvalidArgument: labels are missing or no labels; targets and predictions cannot be compared; or `labels` and
            `pos_label` do not go with them.
    """
    for values, what in ((targets, "targets"), (predictions, "predictions")):
        check_complete(values, what)
        _check_are_labels(values, what)
    # A dictionary keeps the order: of equals, such as 1 and 1.0, the label of the targets is shown.
    found = dict.fromkeys([*targets.tolist(), *predictions.tolist()])
    if labels is not None:
        unknown = [label for label in found if label not in labels]
        if unknown:
            raise InvalidArgument(f"labels must have all classes; {unknown[0]!r} is in the data and not among them.")
    every = list(dict.fromkeys([*found, *(labels if labels is not None else of_model or ())]))
    try:
        every.sort()
    except TypeError:
        raise InvalidArgument(
            f"Targets and predictions cannot be compared: they are labels such as {targets.tolist()[0]!r} and "
            f"{predictions.tolist()[0]!r}. Let the model answer the labels that the targets have."
        ) from None
    if pos_label is None:
        return Classes(tuple(every))
    if pos_label not in every or len(every) != 2:
        shown = ", ".join(map(repr, every[:10]))
        raise InvalidArgument(f"pos_label is {pos_label!r}; it has to be one of two classes, and there are {shown}.")
    return Classes((*(label for label in every if label != pos_label), pos_label))


def _check_are_labels(values: Column, what: str) -> None:
    if values.dtype.kind != "f":
        return
    odd = values != np.floor(values)
    if odd.any():
        hint = (
            "A model of numbers is a regressor."
            if what == "targets"
            else "A model that answers probabilities needs predict_proba, or predictions= and probabilities=."
        )
        raise InvalidArgument(f"The {what} of a classifier are labels, and {values[odd][0]} is none. {hint}")
