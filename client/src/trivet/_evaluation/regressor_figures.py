"""Plots of regressors."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trivet._evaluation.figure_style import MAIN, QUIET, add_color_bar, dress, new_figure

Numbers = npt.NDArray[np.float64]

_MAX_DOTS: Final = 3000
"""Of more rows, dots hide one another, and hexagons are counted instead."""
_BINS: Final = 40


def predicted_vs_actual(targets: Numbers, predictions: Numbers) -> Figure:
    """What was predicted over what was so: the nearer to the diagonal, the better."""
    figure = new_figure(6.2, 5.6)
    axes = figure.add_subplot()
    _scatter(figure, axes, targets, predictions)
    low, high = _range_of(np.concatenate([targets, predictions]))
    axes.plot([low, high], [low, high], color=QUIET, linewidth=1.2, linestyle="--", zorder=3)
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.set_aspect("equal")
    dress(axes, "Predicted and actual", "actual", "predicted")
    return figure


def residuals(targets: Numbers, predictions: Numbers) -> Figure:
    """What was so less what was predicted, over what was predicted, and how often it was how much."""
    errors = targets - predictions
    figure = new_figure(8.4, 4.6)
    over, counted = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
    _scatter(figure, over, predictions, errors)
    over.set_xlim(*_range_of(predictions))
    low, high = _range_of(errors)
    over.set_ylim(low, high)
    counted.hist(errors, bins=_BINS, range=(low, high), orientation="horizontal", color=MAIN, alpha=0.85)
    for axes in (over, counted):
        axes.axhline(0, color=QUIET, linewidth=1.2, linestyle="--", zorder=3)
    mean = float(errors.mean())
    if abs(mean) < 1e-9 * (high - low):
        mean = 0.0  # what is left by the arithmetic of a model that makes it 0
    counted.axhline(mean, color="#c31e0f", linewidth=1.2, zorder=3)
    dress(over, "Residuals", "predicted", "actual - predicted")
    dress(counted, f"mean {mean:.4g}", "rows", "")
    return figure


def _scatter(figure: Figure, axes: Axes, x: Numbers, y: Numbers) -> None:
    if len(x) <= _MAX_DOTS:
        axes.scatter(x, y, s=14 if len(x) <= 500 else 7, color=MAIN, alpha=0.55, linewidths=0, zorder=2)
        return
    cells = axes.hexbin(x, y, gridsize=55, bins="log", mincnt=1, cmap="Blues", linewidths=0.1, zorder=2)
    # The lightest of the map are not to be seen on white.
    cells.set_clim(0.3, None)
    add_color_bar(figure, axes, cells, "rows")


def _range_of(values: Numbers) -> tuple[float, float]:
    """From the least to the greatest, with room around, also where all are the same."""
    low, high = float(values.min()), float(values.max())
    room = 0.05 * (high - low) or 0.5 * abs(low) or 0.5
    return low - room, high + room
