"""How plots look. They are made by matplotlib's objects alone: nothing of a process's own figures is touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

COLORS: Final = (
    "#1e69d2",
    "#c31e0f",
    "#2d7869",
    "#8778d2",
    "#69a50f",
    "#c30fa5",
    "#0f6996",
    "#ff4ba5",
    "#87873c",
    "#5a3cff",
)
"""Of the lines of a plot: those of the web pages, which can be told apart on white."""
MAIN: Final = COLORS[0]
QUIET: Final = "#6b7280"
"""Of lines that help reading: diagonals, means, frames."""
_GRID: Final = "#e5e7eb"
_DPI: Final = 144
_MAX_LABEL: Final = 28


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, whose parts make room for one another."""
    return Figure(figsize=(width, height), dpi=_DPI, layout="constrained", facecolor="white")


def dress(axes: Axes, title: str, x_label: str, y_label: str) -> None:
    """Gives axes their texts, a quiet grid below what is drawn, and no box."""
    axes.set_title(title, fontsize=11, fontweight="bold", loc="left", pad=10)
    axes.set_xlabel(x_label, fontsize=9, color="#374151")
    axes.set_ylabel(y_label, fontsize=9, color="#374151")
    axes.tick_params(labelsize=8, colors="#374151", length=0)
    axes.grid(visible=True, color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#9ca3af")


def name_lines(axes: Axes, lines: Sequence[Line2D], labels: Sequence[str], title: str) -> None:
    """A legend beside the axes, in the order of the lines."""
    legend = axes.legend(
        lines,
        labels,
        title=title,
        loc="upper left",
        bbox_to_anchor=(1.02, 1.0),
        borderaxespad=0.0,
        frameon=False,
        fontsize=8,
        title_fontsize=8,
        alignment="left",
    )
    for text in legend.get_texts():
        text.set_parse_math(False)  # a label may have dollars


def add_color_bar(figure: Figure, axes: Axes, mappable: ScalarMappable, label: str) -> Colorbar:
    """What the colours of an image mean, beside its axes."""
    bar = figure.colorbar(mappable, ax=axes, shrink=0.75, pad=0.02)
    bar.set_label(label, fontsize=8)
    bar.ax.tick_params(labelsize=7, length=0)
    bar.outline.set_visible(False)
    return bar


def shown(label: object) -> str:
    """A label of a class, as short as there is room for."""
    text = str(label).replace("\n", " ")
    return text if len(text) <= _MAX_LABEL else f"{text[: _MAX_LABEL - 1]}…"
