"""Which params of runs tell a metric, and in which direction. What counts how is said in the contract."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from trivet_tracking.domain.importance_forest import forest_of
from trivet_tracking.domain.param_columns import Numbers, ParamColumn, param_column
from trivet_tracking.domain.rank_correlation import Correlation, rank_correlation
from trivet_tracking.domain.ranks import ranks

MAX_RUNS: Final = 1000
"""As many as charts show; an answer takes a few seconds at most then."""
MAX_PARAMS: Final = 100
FEWEST_FOR_FOREST: Final = 10
"""From fewer runs, a forest would learn their names."""


@dataclass(frozen=True)
class MeasuredRun:
    """A run that has the metric."""

    params: Mapping[str, str]
    value: float
    """Of the metric."""


@dataclass(frozen=True)
class Finding:
    """How a param and the metric go together."""

    key: str
    importance: float | None
    """Its part of what the params tell of the order of the runs; None where no forest was grown."""
    is_above_chance: bool
    correlation: Correlation | None
    towards: str
    """Of two texts, the one that a positive correlation goes with; else empty."""


@dataclass(frozen=True)
class Importance:
    """How the params of some runs and a metric go together."""

    runs: int
    """How many have a finite value."""
    not_finite: int
    """How many have another one."""
    same: int
    """How many params are the same in all runs that count."""
    left_out: int
    """How many params differ and were not looked at, because there are too many."""
    explained: float | None
    """The part of the order of the runs that the params tell; None where no forest was grown."""
    findings: tuple[Finding, ...]
    """The most important first."""


def param_importance(measured: Sequence[MeasuredRun]) -> Importance:
    """Finds out which params tell the metric."""
    counting = [run for run in measured if math.isfinite(run.value)]
    target: Numbers = np.array([run.value for run in counting], np.float64)
    having = Counter(key for run in counting for key in run.params)
    columns = [param_column(key, [run.params.get(key) for run in counting]) for key in sorted(having)]
    differing = [column for column in columns if column.differs]
    # Sorting keeps the order of keys among those of as many runs.
    looked_at = sorted(differing, key=lambda column: -having[column.key])[:MAX_PARAMS]
    explained: float | None = None
    parts: list[float | None] = [None] * len(looked_at)
    are_above = [False] * len(looked_at)
    if len(counting) >= FEWEST_FOR_FOREST and looked_at and len(np.unique(target)) > 1:
        forest = forest_of([column.codes() for column in looked_at], ranks(target))
        explained = forest.explained
        parts = _parts(forest.importances)
        are_above = [bool(importance > forest.chance) for importance in forest.importances]
    findings = [
        Finding(column.key, part, is_above, _correlation(column, target), _towards(column))
        for column, part, is_above in zip(looked_at, parts, are_above, strict=True)
    ]
    return Importance(
        runs=len(counting),
        not_finite=len(measured) - len(counting),
        same=len(columns) - len(differing),
        left_out=len(differing) - len(looked_at),
        explained=explained,
        findings=tuple(sorted(findings, key=lambda finding: (-_weight(finding), finding.key))),
    )


def _parts(importances: Numbers) -> list[float | None]:
    positive = np.maximum(importances, 0)
    whole = positive.sum()
    return [float(each) for each in (positive / whole if whole else positive)]


def _correlation(column: ParamColumn, target: Numbers) -> Correlation | None:
    if column.categories is not None and len(column.categories) != 2:
        return None
    there = ~np.isnan(column.values)
    return rank_correlation(column.values[there], target[there])


def _towards(column: ParamColumn) -> str:
    return column.categories[1] if column.categories is not None and len(column.categories) == 2 else ""


def _weight(finding: Finding) -> float:
    if finding.importance is not None:
        return finding.importance
    return abs(finding.correlation.coefficient) if finding.correlation is not None else 0.0
