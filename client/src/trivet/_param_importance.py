"""Which params of runs tell a metric, and in which direction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from trivet._errors import FailedPrecondition, InvalidArgument
from trivet_proto.tracking.v1 import param_importance_pb2 as pb

_FIGURES: Final[Mapping[str, pb.MetricFigure.ValueType]] = {
    "last": pb.METRIC_FIGURE_LAST,
    "min": pb.METRIC_FIGURE_MIN,
    "max": pb.METRIC_FIGURE_MAX,
}
# As the contract says of ParamFinding.
_FEWEST_CORRELATED: Final = 5


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rank correlation of a param and a metric."""

    coefficient: float
    """From -1 to 1; positive where the metric rises with the param."""
    low: float
    """With `high`, the interval in which the coefficient is with a confidence of 95 %."""
    high: float
    runs: int
    """How many runs have both."""


@dataclass(frozen=True)
class ParamFinding:
    """How a param and a metric go together."""

    key: str
    importance: float | None
    """Its part of what all params tell of the order of the runs, from 0 to 1. None for fewer than 10 runs, and where
    the metric is the same in all."""
    is_above_chance: bool
    """Whether that is more than params look important that tell nothing."""
    correlation: RankCorrelation | None
    """None of texts with more than two different values, and for fewer than 5 runs that have the param."""
    towards: str
    """Of two texts, the one that a positive correlation goes with; else empty."""


@dataclass(frozen=True)
class ParamImportance:
    """How the params of some runs and a metric go together."""

    runs: int
    """How many runs count: those that have the metric as a finite number."""
    not_finite_runs: int
    """How many have it, but not as a finite number."""
    has_more_runs: bool
    """Whether more than 1,000 runs have the metric, of which these are the newest."""
    same_params: int
    """How many params are the same in all of them."""
    left_out_params: int
    """How many params differ and were not looked at, because there are more than 100."""
    explained: float | None
    """The part of the order of the runs that the params tell together, of runs that were not learnt from: 1 is all of
    it, 0 and less is nothing. None where there is no importance."""
    findings: tuple[ParamFinding, ...]
    """The most important first; without importance, those with the strongest correlation."""


def to_figure(figure: str) -> pb.MetricFigure.ValueType:
    """The figure of that name. Raises InvalidArgument."""
    if figure not in _FIGURES:
        raise InvalidArgument(f"figure is {figure!r}; say last, min or max.")
    return _FIGURES[figure]


def from_importance(message: pb.ParamImportance, metric: str) -> ParamImportance:
    """What a server found out.

    Raises:
        FailedPrecondition: it could say nothing, since too few runs have the metric.
    """
    if message.runs < _FEWEST_CORRELATED:
        others = f" ({message.not_finite_runs} have another value)" if message.not_finite_runs else ""
        raise FailedPrecondition(
            f"Runs that have the metric {metric!r} as a finite number: {message.runs}{others}. Nothing can be said of "
            f"fewer than {_FEWEST_CORRELATED}, and importance needs 10."
        )
    return ParamImportance(
        runs=message.runs,
        not_finite_runs=message.not_finite_runs,
        has_more_runs=message.has_more_runs,
        same_params=message.same_params,
        left_out_params=message.left_out_params,
        explained=message.explained if message.HasField("explained") else None,
        findings=tuple(map(_from_finding, message.findings)),
    )


def _from_finding(message: pb.ParamFinding) -> ParamFinding:
    found = message.correlation
    return ParamFinding(
        key=message.key,
        importance=message.importance if message.HasField("importance") else None,
        is_above_chance=message.above_chance,
        correlation=RankCorrelation(found.coefficient, found.low, found.high, found.runs)
        if message.HasField("correlation")
        else None,
        towards=message.towards,
    )
