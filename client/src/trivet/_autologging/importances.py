"""How important features are, drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from trivet._evaluation.figure_style import COLORS, MAIN, dress, new_figure, shown

_MAX_FEATURES: Final = 50
"""Of more features, the most important ones are drawn: no picture is as tall as thousands of names."""
_BAR_INCHES: Final = 0.24


def importance_figure(kind: str, importances: Mapping[str, Any]) -> Figure:
    """A bar for each feature, the most important on top; with one for each class where there are such.

    Args:
        kind: How it is measured, such as `gain`.
        importances: By the features' names, at least one: a number, or one for each class.
    """
    values = np.array([np.atleast_1d(np.asarray(each, dtype=float)) for each in importances.values()])
    order = np.argsort(np.abs(values).sum(axis=1), kind="stable")[-_MAX_FEATURES:]
    features, classes = len(order), values.shape[1]
    figure = new_figure(7.2, 1.4 + _BAR_INCHES * features * (1 + 0.4 * (classes - 1)))
    axes = figure.add_subplot()
    places = np.arange(features)
    height = 0.7 / classes
    for number in range(classes):
        axes.barh(
            places + (number - (classes - 1) / 2) * height,
            values[order, number],
            height=height,
            color=MAIN if classes == 1 else COLORS[number % len(COLORS)],
            label=f"class {number}",
        )
    axes.set_yticks(places, [shown(list(importances)[place]) for place in order], parse_math=False)
    axes.margins(y=0.01)
    title = f"Feature importance ({kind})"
    dress(axes, title if features == len(importances) else f"{title}: {features} of {len(importances)}", kind, "")
    if classes > 1:
        axes.legend(frameon=False, fontsize=8)
    return figure
