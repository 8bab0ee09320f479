"""Probabilities of classes, checked and put into the order of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from trivet._errors import InvalidArgument
from trivet._evaluation.labels import Classes

_SUM_TOLERANCE: Final = 1e-4
"""By how much those of a row may miss 1: sums of some thousands in 32 bits do by 1e-5."""


@dataclass(frozen=True)
class Probabilities:
    """Of each class in each row."""

    values: npt.NDArray[np.float64]
    """A row each, a column for each class in order; 0 for a class that the model does not know."""
    unknown: tuple[int, ...]
    """The places of classes that the model does not know."""


def to_probabilities(given: Any, order: Sequence[Any] | None, classes: Classes, rows: int) -> Probabilities:
    """What was given, in the order of the classes.

    Args:
        given: A column for each class, or, of two classes, one of the positive one.
        order: Which class each column is of. Default: the classes, sorted.
        classes: All that there are.
        rows: How many there must be.

    Raises:
        InvalidArgument: there are other rows or columns, or they are no probabilities, or of another class; says which.
    """
    try:
        values = np.asarray(given, np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"Probabilities are numbers from 0 to 1; these are not: {error}.") from None
    if values.ndim not in (1, 2) or len(values) != rows:
        shape = "x".join(map(str, values.shape))
        raise InvalidArgument(f"Probabilities have a row for each of the {rows} rows of data; these are {shape}.")
    outside = ~((values >= 0) & (values <= 1))  # NaN too
    if outside.any():
        raise InvalidArgument(f"Probabilities are from 0 to 1; one is {values[outside][0]}.")
    strange = [label for label in order or () if label not in classes.labels]
    if strange:
        raise InvalidArgument(
            f"labels must have all classes; {strange[0]!r} is one that the model has probabilities of, and not among "
            "them."
        )
    if values.ndim == 1 or values.shape[1] == 1:
        if not classes.are_two:
            raise InvalidArgument(
                f"One column of probabilities goes with two classes; there are {len(classes.labels)}. Say which there "
                "are by labels=, or give a column for each."
            )
        positive = values.reshape(-1)
        return Probabilities(np.column_stack([1 - positive, positive]), ())
    return _placed(values, sorted(classes.labels) if order is None else list(order), classes)


def _placed(values: npt.NDArray[np.float64], order: list[Any], classes: Classes) -> Probabilities:
    if len(order) != values.shape[1]:
        raise InvalidArgument(
            f"There are {values.shape[1]} columns of probabilities and {len(order)} classes; say by labels= which "
            "class each column is of, in their order."
        )
    sums = values.sum(axis=1)
    odd = np.abs(sums - 1) > _SUM_TOLERANCE
    if odd.any():
        row = int(odd.argmax())
        raise InvalidArgument(f"The probabilities of a row add up to 1; those of row {row} to {sums[row]:g}.")
    placed = np.zeros((len(values), len(classes.labels)))
    for column, label in enumerate(order):
        placed[:, classes.labels.index(label)] = values[:, column]
    unknown = tuple(place for place, label in enumerate(classes.labels) if label not in order)
    return Probabilities(placed, unknown)
