"""Data to train on, the same in every process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

COLUMNS = ("width", "height", "age", "weight")


def features(rows: int, seed: int) -> Any:
    """Numbers from 0 to 1, of shape (rows, 4)."""
    return np.random.RandomState(seed).random_sample((rows, len(COLUMNS)))


def frame(rows: int, seed: int) -> Any:
    """The same with names."""
    return pd.DataFrame(features(rows, seed), columns=list(COLUMNS))


def yes_or_no(given: Any) -> Any:
    """A class for each row of `features`, 0 or 1: by a rule, and of some as by chance."""
    values = np.asarray(given)
    by_rule = values[:, 0] + values[:, 1] > 1
    return np.where(values[:, 3] * 1000 % 1 < 0.3, ~by_rule, by_rule).astype(int)


def amounts(given: Any) -> Any:
    """A number for each row of `features`, noisy as to be learnt too well."""
    values = np.asarray(given)
    return values[:, 0] * 3 + values[:, 1] + values[:, 3] * 1000 % 1


def kinds(given: Any) -> Any:
    """A class for each row of `features`: 0, 1 or 2."""
    return (np.asarray(given)[:, 0] * 3).astype(int)
