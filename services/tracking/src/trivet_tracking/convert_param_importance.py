"""Importance of params between messages and values. Checks what needs no database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from trivet_kit import texts
from trivet_kit.errors import FieldInvalid
from trivet_proto.tracking.v1 import param_importance_pb2 as pb
from trivet_tracking.domain.metrics import CurrentValue
from trivet_tracking.domain.param_importance import MAX_PARAMS, Finding, Importance
from trivet_tracking.domain.rank_correlation import Correlation
from trivet_tracking.domain.runs import RunFields

_FIGURES: Final[Mapping[int, Callable[[CurrentValue], float | None]]] = {
    pb.METRIC_FIGURE_UNSPECIFIED: lambda current: current.value,
    pb.METRIC_FIGURE_LAST: lambda current: current.value,
    pb.METRIC_FIGURE_MIN: lambda current: current.min,
    pb.METRIC_FIGURE_MAX: lambda current: current.max,
}


def to_figure(figure: pb.MetricFigure.ValueType) -> Callable[[CurrentValue], float | None]:
    """What gives the value that is asked for; None is NaN. Raises FieldInvalid."""
    if figure not in _FIGURES:
        raise FieldInvalid("figure", f"has the unknown value {figure}")
    return _FIGURES[figure]


def to_fields(request: pb.ReadParamImportanceRequest) -> RunFields:
    """What to load of runs. Raises FieldRequired, FieldInvalid, FieldTooLong."""
    if len(request.param_keys) > MAX_PARAMS:
        raise FieldInvalid("param_keys", f"must have at most {MAX_PARAMS} entries")
    params = frozenset(texts.check_key(key, f"param_keys[{index}]") for index, key in enumerate(request.param_keys))
    return RunFields(
        metrics=frozenset({texts.check_key(request.metric_key, "metric_key")}),
        params=params or None,
        tags=frozenset(),
        description=False,
        last_write=False,
        inputs=False,
        outputs=False,
    )


def from_importance(importance: Importance, *, has_more_runs: bool) -> pb.ParamImportance:
    """The answer as a message."""
    return pb.ParamImportance(
        runs=importance.runs,
        not_finite_runs=importance.not_finite,
        has_more_runs=has_more_runs,
        same_params=importance.same,
        left_out_params=importance.left_out,
        explained=importance.explained,
        findings=map(_from_finding, importance.findings),
    )


def _from_finding(finding: Finding) -> pb.ParamFinding:
    return pb.ParamFinding(
        key=finding.key,
        importance=finding.importance,
        above_chance=finding.is_above_chance,
        correlation=None if finding.correlation is None else _from_correlation(finding.correlation),
        towards=finding.towards,
    )


def _from_correlation(correlation: Correlation) -> pb.RankCorrelation:
    return pb.RankCorrelation(
        coefficient=correlation.coefficient, low=correlation.low, high=correlation.high, runs=correlation.runs
    )
