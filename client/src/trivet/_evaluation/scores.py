"""What every type of model is measured by: the seam between an evaluation and the types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from trivet._errors import InvalidArgument

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Mask = npt.NDArray[np.bool_]
"""Which rows, one value each."""
ExtraMetrics = Mapping[str, Callable[[Any, Any], float]]
"""By their names, functions of targets and predictions."""


@dataclass(frozen=True)
class Scores:
    """Metrics on some rows."""

    values: Mapping[str, float]
    left_out: Mapping[str, str]
    """Those that are not defined on these rows, and why."""


class Scored(Protocol):
    """Targets, and what a model predicted of them. Made of what fits together; anything else was refused."""

    def score(self, mask: Mask) -> Scores:
        """The metrics of some rows, at least one."""

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """What is to be looked up rather than searched, by names."""

    def figures(self) -> Iterable[tuple[str, Figure]]:
        """The plots by their names, each made when it is asked for."""


def add_extra(scores: Scores, extra: ExtraMetrics, targets: Any, predictions: Any) -> Scores:
    """The scores with metrics of one's own; a ValueError of one of them, or NaN, leaves it out.

    Raises:
        InvalidArgument: one is called as a metric that there is.
    """
    values, left_out = dict(scores.values), dict(scores.left_out)
    for name, function in extra.items():
        if name in values or name in left_out:
            raise InvalidArgument(f"There is a metric {name!r} already; give that of extra_metrics another name.")
        try:
            value = float(function(targets, predictions))
        except ValueError as error:
            left_out[name] = str(error)
            continue
        if np.isnan(value):
            left_out[name] = "the function gave NaN"
        else:
            values[name] = value
    return Scores(values, left_out)
