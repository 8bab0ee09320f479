"""The places of numbers in their order."""

from __future__ import annotations

import numpy as np

from trivet_tracking.domain.param_columns import Numbers


def ranks(values: Numbers) -> Numbers:
    """[n_values] from 1; equal values share the mean of their places.

    Args:
        values: [n_values], without NaN.
    """
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranked: Numbers = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return ranked
