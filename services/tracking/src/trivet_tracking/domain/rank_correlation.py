"""How far two things rise and fall together, by the ranks of their values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from trivet_tracking.domain.param_columns import Numbers
from trivet_tracking.domain.ranks import ranks

FEWEST_CORRELATED: Final = 5
"""Of fewer runs, no interval can be told."""

# Of the normal distribution, 95 % are within so many deviations.
_DEVIATIONS: Final = 1.959_964


@dataclass(frozen=True)
class Correlation:
    """Spearman's coefficient of some runs."""

    coefficient: float
    """From -1 to 1."""
    low: float
    """With `high`, where the coefficient of all such runs lies, with a confidence of 95 %."""
    high: float
    runs: int
    """How many runs have both."""


def rank_correlation(xs: Numbers, ys: Numbers) -> Correlation | None:
    """Spearman's coefficient of pairs of numbers; None of too few, and where a side is always the same.

    The interval is by Fisher's transformation and the variance of Bonett and Wright (2000),
    https://doi.org/10.1007/BF02294183.

    Args:
        xs: [n_pairs], without NaN.
        ys: [n_pairs], without NaN.
    """
    runs = len(xs)
    if runs < FEWEST_CORRELATED:
        return None
    of_x, of_y = (ranks(values) - (runs + 1) / 2 for values in (xs, ys))
    squares = float(np.dot(of_x, of_x)) * float(np.dot(of_y, of_y))
    if squares == 0:
        return None
    coefficient = max(-1.0, min(1.0, float(np.dot(of_x, of_y)) / math.sqrt(squares)))
    if abs(coefficient) == 1:
        return Correlation(coefficient, coefficient, coefficient, runs)  # the transformation is infinite
    around = _DEVIATIONS * math.sqrt((1 + coefficient**2 / 2) / (runs - 3))
    at = math.atanh(coefficient)
    return Correlation(coefficient, math.tanh(at - around), math.tanh(at + around), runs)
