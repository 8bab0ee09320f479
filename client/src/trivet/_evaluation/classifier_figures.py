"""Plots of classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from sklearn import metrics as sklearn_metrics

from trivet._evaluation.figure_style import COLORS, QUIET, add_color_bar, dress, name_lines, new_figure, shown

Curve = tuple[Any, npt.NDArray[np.bool_], npt.NDArray[np.float64]]
"""Of a class: its label, which rows are of it, and the probability of it in each row."""

_MAX_CURVES: Final = len(COLORS)
_MAX_NAMED_CLASSES: Final = 40
"""Of more, not every row and column of the matrix has room for its label."""
_CHARACTERS_BELOW: Final = 40
"""Have room side by side below the smallest matrix."""
_MAX_COUNTED_CLASSES: Final = 20
"""Of more, cells have no room for numbers."""
_MAX_CLASSES_WITH_SHARES: Final = 8
_CALIBRATION_BINS: Final = 10


def confusion_matrix(counts: npt.NDArray[np.int64], labels: Sequence[Any]) -> Figure:
    """How many rows of each class were taken for which; coloured by the share of the rows of that class."""
    classes = len(labels)
    rows = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, rows, out=np.zeros(counts.shape), where=rows > 0)
    size = min(3.4 + 0.55 * classes, 11.0)
    figure = new_figure(size + 1.2, size)
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    dress(axes, "Confusion matrix", "predicted", "actual")
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    _name_classes(axes, labels)
    if classes <= _MAX_COUNTED_CLASSES:
        _write_counts(axes, counts, shares)
    bar = add_color_bar(figure, axes, image, "of the rows of the actual class")
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def _name_classes(axes: Axes, labels: Sequence[Any]) -> None:
    ticks = range(0, len(labels), -(-len(labels) // _MAX_NAMED_CLASSES))
    texts = [shown(labels[tick]) for tick in ticks]
    axes.set_yticks(ticks, texts, parse_math=False)
    if len(labels) > 12:
        axes.set_xticks(ticks, texts, parse_math=False, rotation=90)
    elif max(map(len, texts)) * len(labels) > _CHARACTERS_BELOW:
        axes.set_xticks(ticks, texts, parse_math=False, rotation=40, ha="right", rotation_mode="anchor")
    else:
        axes.set_xticks(ticks, texts, parse_math=False)


def _write_counts(axes: Axes, counts: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]) -> None:
    has_shares = len(counts) <= _MAX_CLASSES_WITH_SHARES
    for (actual, predicted), share in np.ndenumerate(shares):
        text = f"{counts[actual, predicted]:,}" + (f"\n{share:.1%}" if has_shares else "")
        axes.text(
            predicted,
            actual,
            text,
            ha="center",
            va="center",
            color="white" if share > 0.55 else "#1f2937",
            fontsize=9 if has_shares else 7,
        )


def roc_curve(curves: Sequence[Curve]) -> Figure:
    """True positives over false positives as the limit goes down, of each class against all others."""
    figure = new_figure(7.2, 5.0)
    axes = figure.add_subplot()
    lines, labels = [], []
    for color, (label, is_it, probabilities) in _coloured(curves):
        false, true, _ = sklearn_metrics.roc_curve(is_it, probabilities)
        lines += axes.plot(false, true, color=color, linewidth=1.8, drawstyle="steps-post")
        labels.append(f"{sklearn_metrics.roc_auc_score(is_it, probabilities):.3f}  {shown(label)}")
    lines += axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle="--")
    labels.append("0.500  by chance")
    dress(axes, _titled("ROC", curves), "false positive rate", "true positive rate")
    _whole_square(axes)
    name_lines(axes, lines, labels, "AUC")
    return figure


def precision_recall_curve(curves: Sequence[Curve]) -> Figure:
    """Precision over recall as the limit goes down, of each class against all others."""
    figure = new_figure(7.2, 5.0)
    axes = figure.add_subplot()
    lines, labels = [], []
    for color, (label, is_it, probabilities) in _coloured(curves):
        precision, recall, _ = sklearn_metrics.precision_recall_curve(is_it, probabilities)
        lines += axes.plot(recall, precision, color=color, linewidth=1.8, drawstyle="steps-post")
        labels.append(f"{sklearn_metrics.average_precision_score(is_it, probabilities):.3f}  {shown(label)}")
        if len(curves) == 1:
            lines.append(axes.axhline(is_it.mean(), color=QUIET, linewidth=1, linestyle="--"))
            labels.append(f"{is_it.mean():.3f}  by chance")
    dress(axes, _titled("Precision and recall", curves), "recall", "precision")
    _whole_square(axes)
    name_lines(axes, lines, labels, "average precision")
    return figure


def calibration_curve(curves: Sequence[Curve]) -> Figure:
    """How often rows are of a class over how probable that was said to be, and of how many rows it was said."""
    figure = new_figure(7.2, 6.2)
    axes, counted = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    edges = np.linspace(0, 1, _CALIBRATION_BINS + 1)
    lines, labels = [], []
    for color, (label, is_it, probabilities) in _coloured(curves):
        bins = np.clip(np.searchsorted(edges, probabilities, side="right") - 1, 0, _CALIBRATION_BINS - 1)
        rows = np.bincount(bins, minlength=_CALIBRATION_BINS)
        said = np.bincount(bins, probabilities, _CALIBRATION_BINS)[rows > 0] / rows[rows > 0]
        so = np.bincount(bins, is_it, _CALIBRATION_BINS)[rows > 0] / rows[rows > 0]
        lines += axes.plot(said, so, color=color, linewidth=1.8, marker="o", markersize=4)
        labels.append(f"{np.mean((probabilities - is_it) ** 2):.3f}  {shown(label)}")
        counted.stairs(rows, edges, color=color, linewidth=1.4, fill=len(curves) == 1)
    lines += axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle="--")
    labels.append("perfectly calibrated")
    dress(axes, _titled("Calibration", curves), "", "share of rows that are it")
    dress(counted, "", "predicted probability", "rows")
    counted.set_yscale("symlog", linthresh=1)
    counted.set_ylim(bottom=0)
    _whole_square(axes)
    name_lines(axes, lines, labels, "Brier score")
    return figure


def _coloured(curves: Sequence[Curve]) -> list[tuple[str, Curve]]:
    """The classes of the most rows, in their order, as many as there are colours."""
    largest = sorted(range(len(curves)), key=lambda place: -int(curves[place][1].sum()))[:_MAX_CURVES]
    return list(zip(COLORS, (curves[place] for place in sorted(largest)), strict=False))


def _titled(title: str, curves: Sequence[Curve]) -> str:
    if len(curves) == 1:
        return title
    if len(curves) <= _MAX_CURVES:
        return f"{title}, each class against the others"
    return f"{title}, the {_MAX_CURVES} largest of {len(curves)} classes"


def _whole_square(axes: Axes) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
