"""The classes of a classifier: their order, and the numbers that stand for them while it is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trivet._errors import InvalidArgument
from trivet._evaluation.answers import Answers
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
    targets: Column, answers: Sequence[Answers], *, labels: Sequence[Any] | None, pos_label: Any
) -> Classes:
    """The classes of targets and predictions, and those that the models or the caller know of.

    Args:
        targets: What was to be predicted.
        answers: Of one model; or of several that are compared, which are measured by the same classes.
        labels: All classes, where the caller says which there are.
        pos_label: Of two, the positive one.

    Raises:
        InvalidArgument: labels are missing or no labels; targets and predictions cannot be compared; `labels` and
            `pos_label` do not go with them; or one model has two classes, and there are more together.
    """
    _check_are_labels(targets, "targets")
    of_each = [_classes_of(targets, each, labels) for each in answers]
    every = _in_order([label for classes in of_each for label in classes], targets, answers[-1])
    if len(every) > 2 and any(len(classes) == 2 for classes in of_each):
        # Metrics of the same name would be others than those that a threshold was chosen for.
        shown = " and ".join(f"[{_listed(classes)}]" for classes in of_each)
        raise InvalidArgument(
            f"The models do not have the same classes: {shown}. Of two classes precision, recall and F1 are those of "
            "the positive one, of more they are means. Say by labels= which classes there are."
        )
    if pos_label is None:
        return Classes(tuple(every))
    if pos_label not in every or len(every) != 2:
        raise InvalidArgument(
            f"pos_label is {pos_label!r}; it has to be one of two classes, and there are {_listed(every)}."
        )
    return Classes((*(label for label in every if label != pos_label), pos_label))


def _classes_of(targets: Column, answers: Answers, labels: Sequence[Any] | None) -> list[Any]:
    """Those that there are where one model is measured alone."""
    _check_are_labels(answers.predictions, "predictions")
    # A dictionary keeps the order: of equals, such as 1 and 1.0, the label of the targets is shown.
    found = dict.fromkeys([*targets.tolist(), *answers.predictions.tolist()])
    if labels is not None:
        unknown = [label for label in found if label not in labels]
        if unknown:
            raise InvalidArgument(f"labels must have all classes; {unknown[0]!r} is in the data and not among them.")
    return _in_order([*found, *(labels if labels is not None else answers.classes or ())], targets, answers)


def _in_order(labels: Sequence[Any], targets: Column, answers: Answers) -> list[Any]:
    try:
        return sorted(dict.fromkeys(labels))
    except TypeError:
        raise InvalidArgument(
            f"Targets and predictions cannot be compared: they are labels such as {targets.tolist()[0]!r} and "
            f"{answers.predictions.tolist()[0]!r}. Let the model answer the labels that the targets have."
        ) from None


def _listed(labels: Sequence[Any]) -> str:
    return ", ".join(map(repr, labels[:10])) + (", …" if len(labels) > 10 else "")


def _check_are_labels(values: Column, what: str) -> None:
    check_complete(values, what)
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
