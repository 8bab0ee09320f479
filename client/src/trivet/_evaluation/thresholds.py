"""Whether a candidate reaches its thresholds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from trivet._errors import InvalidArgument
from trivet._evaluation import classifier, regressor
from trivet._evaluation.results import Evaluation, Threshold, ThresholdCheck

_GREATER_IS_BETTER: Final = {**regressor.GREATER_IS_BETTER, **classifier.GREATER_IS_BETTER}
_CLOSE: Final = 1e-12
"""How much of a value may be lost to the arithmetic of a limit."""


def check_thresholds(thresholds: Mapping[str, Threshold]) -> dict[str, bool]:
    """Of each metric, whether greater is better.

    Raises:
        InvalidArgument: there are no thresholds, one asks for nothing, or it is not known which way is better.
    """
    if not thresholds:
        raise InvalidArgument("Without thresholds a comparison cannot fail; give at least one.")
    directions = {}
    for metric, threshold in thresholds.items():
        limits = (threshold.threshold, threshold.min_absolute_change, threshold.min_relative_change)
        if all(limit is None for limit in limits):
            raise InvalidArgument(
                f"The threshold of {metric!r} asks for nothing; give threshold, min_absolute_change or "
                "min_relative_change."
            )
        if any(limit is not None and math.isnan(limit) for limit in limits):
            raise InvalidArgument(f"The threshold of {metric!r} is NaN, which nothing reaches.")
        known = _GREATER_IS_BETTER.get(metric.rpartition("/")[2])
        greater_is_better = known if threshold.greater_is_better is None else threshold.greater_is_better
        if greater_is_better is None:
            raise InvalidArgument(f"It is not known which way {metric!r} is better; say greater_is_better.")
        directions[metric] = greater_is_better
    return directions


def compare(
    thresholds: Mapping[str, Threshold], baseline: Evaluation, candidate: Evaluation
) -> tuple[ThresholdCheck, ...]:
    """What became of each threshold. A metric without a value has not reached it.

    Raises:
        InvalidArgument: as `check_thresholds`, or there is no such metric.
    """
    directions = check_thresholds(thresholds)
    known = {**candidate.all_metrics(), **candidate.all_left_out()}
    for metric in thresholds:
        if metric not in known:
            raise InvalidArgument(f"There is no metric {metric!r}. There are {', '.join(sorted(known))}.")
    return tuple(
        _check(metric, threshold, baseline, candidate, greater_is_better=directions[metric])
        for metric, threshold in thresholds.items()
    )


def _check(
    metric: str, threshold: Threshold, baseline: Evaluation, candidate: Evaluation, *, greater_is_better: bool
) -> ThresholdCheck:
    value, before = candidate.all_metrics().get(metric), baseline.all_metrics().get(metric)
    if value is None:
        reason = f"{metric} has no value: {candidate.all_left_out()[metric]}"
        return ThresholdCheck(metric, passed=False, reason=reason, candidate=None, baseline=before)
    is_relative = threshold.min_absolute_change is not None or threshold.min_relative_change is not None
    if is_relative and before is None:
        why = baseline.all_left_out().get(metric, "it was not measured")
        reason = f"{metric} is {value:.6g}, and that of the baseline has no value: {why}"
        return ThresholdCheck(metric, passed=False, reason=reason, candidate=value, baseline=None)
    limits = _limits(threshold, before, greater_is_better=greater_is_better)
    strictest = max(limits) if greater_is_better else min(limits)
    margin = value - strictest if greater_is_better else strictest - value
    passed = margin >= -_CLOSE * max(abs(strictest), abs(value))
    measured = f"{metric} is {value:.6g}" + ("" if before is None else f" (baseline {before:.6g})")
    relation = ("at least" if greater_is_better else "at most") + f" {strictest:.6g}"
    reason = f"{measured}, {relation}" if passed else f"{measured}, and must be {relation}"
    return ThresholdCheck(metric, passed=passed, reason=reason, candidate=value, baseline=before)


def _limits(threshold: Threshold, before: float | None, *, greater_is_better: bool) -> list[float]:
    """All that the value has to be beyond."""
    sign = 1 if greater_is_better else -1
    limits = [] if threshold.threshold is None else [threshold.threshold]
    if threshold.min_absolute_change is not None and before is not None:
        limits.append(before + sign * threshold.min_absolute_change)
    if threshold.min_relative_change is not None and before is not None:
        limits.append(before + sign * threshold.min_relative_change * abs(before))
    return limits
