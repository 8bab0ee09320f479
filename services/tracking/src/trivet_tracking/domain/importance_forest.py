"""A random forest that is asked how much it knows by each of its columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from trivet_tracking.domain.param_columns import Numbers

_TREES: Final = 100
# A third of the columns for each split, and no split of fewer than five rows: L. Breiman, Random Forests, 2001,
# https://doi.org/10.1023/A:1010933404324. Of many rows, one part of a hundred, which is as good and takes less time.
_PART_TRIED: Final = 1 / 3
_LEAST_TO_SPLIT: Final = 5
_LEAST_PART_TO_SPLIT: Final = 0.01
_SEED: Final = 20_260_101

_FEWEST_SHADOWS: Final = 10
# Of a normal distribution, one value of 700 is farther above the mean.
_DEVIATIONS: Final = 3

Codes = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Forest:
    """What a forest knows of a target."""

    explained: float
    """The part of the variance that it predicts, of rows that its trees have not seen; below 0 for none."""
    importances: Numbers
    """[n_columns]: how much of the variance is lost where the column is shuffled; about 0 for what tells nothing."""
    chance: float
    """How important a column may look that tells nothing."""


def forest_of(columns: Sequence[Codes], target: Numbers) -> Forest:
    """Grows a forest; the same for the same columns.

    Importance is Breiman's, of rows that a tree has not seen: how trees divide the rows that they were grown from makes
    a column of many values look important, whatever it means. What is only chance is seen by copies of the columns in
    random order, as in Boruta: Kursa and Rudnicki, 2010, https://doi.org/10.18637/jss.v036.i11.

    Args:
        columns: Each [n_rows]; at least one.
        target: [n_rows], not always the same.
    """
    from sklearn.ensemble import RandomForestRegressor  # noqa: PLC0415 - takes a second, and most servers are never asked

    random = np.random.default_rng(_SEED)
    shadows = [random.permutation(column) for column in list(columns) * math.ceil(_FEWEST_SHADOWS / len(columns))]
    rows = np.column_stack([*columns, *shadows])
    model = RandomForestRegressor(
        n_estimators=_TREES,
        max_features=_PART_TRIED,
        min_samples_split=max(_LEAST_TO_SPLIT, math.ceil(len(target) * _LEAST_PART_TO_SPLIT)),
        oob_score=True,
        random_state=_SEED,
    ).fit(rows, target)
    losses = _losses(model, rows, target, random) / np.var(target)
    of_shadows = losses[len(columns) :]
    chance = max(0.0, float(of_shadows.max()), float(of_shadows.mean() + _DEVIATIONS * of_shadows.std(ddof=1)))
    return Forest(float(model.oob_score_), losses[: len(columns)], chance)


def _losses(model: Any, rows: Codes, target: Numbers, random: np.random.Generator) -> Numbers:
    """[n_columns]: by how much the squared error rises where a column is shuffled; the mean of all trees."""
    losses = np.zeros(rows.shape[1])
    for tree, drawn in zip(model.estimators_, model.estimators_samples_, strict=True):
        unseen = np.setdiff1d(np.arange(len(target)), drawn)
        if not len(unseen):
            continue
        asked = np.ascontiguousarray(rows[unseen])
        error = np.square(tree.predict(asked, check_input=False) - target[unseen]).mean()
        for column in np.unique(tree.tree_.feature[tree.tree_.feature >= 0]):
            kept = asked[:, column].copy()
            asked[:, column] = random.permutation(kept)
            losses[column] += np.square(tree.predict(asked, check_input=False) - target[unseen]).mean() - error
            asked[:, column] = kept
    return losses / len(model.estimators_)
