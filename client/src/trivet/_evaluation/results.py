"""What evaluations and comparisons give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from trivet._errors import ThresholdMissed

if TYPE_CHECKING:
    import pandas as pd

    from trivet._entities import Dataset

_MAX_REASON_CHARACTERS: Final = 2048
"""What the registry keeps of a reason: registry_service.proto."""


@dataclass(frozen=True)
class EvaluatedSlice:
    """What was measured on a part of the data."""

    name: str
    """Such as `region/north` for the rows whose `region` is `north`; that of a mask is its own."""
    rows: int
    """How many there are: of few, metrics say little."""
    metrics: Mapping[str, float]
    left_out: Mapping[str, str] = field(default_factory=dict)
    """The metrics that have no value on these rows, and why."""

    def key(self, metric: str) -> str:
        """The key that a metric of this slice is logged under."""
        return f"slice/{self.name}/{metric}"


@dataclass(frozen=True)
class Evaluation:
    """How good a model is on data."""

    run_id: str
    """The run that all of it was logged to."""
    model_type: str
    """`regressor` or `classifier`."""
    model: str
    """What was evaluated: its URI, with the version in place of a stage or an alias; else the name of its class or
    function; empty where only predictions were given."""
    model_id: str
    """The logged model that the metrics were logged for; empty where there is none."""
    dataset: Dataset
    """What it was evaluated on."""
    metrics: Mapping[str, float]
    left_out: Mapping[str, str] = field(default_factory=dict)
    """The metrics that have no value on this data, and why."""
    slices: tuple[EvaluatedSlice, ...] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict, compare=False)
    """Such as `per_class_metrics`, `confusion_counts` and `slices`."""
    artifacts: Mapping[str, str] = field(default_factory=dict)
    """Where the plots and tables are among the files of the run, by their names."""

    def all_metrics(self) -> dict[str, float]:
        """The metrics of all the data, and those of each slice, by the keys that they are logged under."""
        of_slices = {each.key(name): value for each in self.slices for name, value in each.metrics.items()}
        return {**self.metrics, **of_slices}

    def all_left_out(self) -> dict[str, str]:
        """Why there is no value, by the same keys."""
        of_slices = {each.key(name): reason for each in self.slices for name, reason in each.left_out.items()}
        return {**self.left_out, **of_slices}


@dataclass(frozen=True)
class Threshold:
    """What a metric of a candidate has to reach. At least one of the first three is given; all that are must hold."""

    threshold: float | None = None
    """The value itself: at least this where greater is better, at most this where it is not."""
    min_absolute_change: float | None = None
    """By how much it must be better than that of the baseline; 0: no worse; below 0: it may be worse by so much."""
    min_relative_change: float | None = None
    """The same as a share of the baseline's size: 0.05 is better by 5 %, -0.02 may be worse by 2 %."""
    greater_is_better: bool | None = None
    """Default: as the metric is known; metrics of one's own need it."""


@dataclass(frozen=True)
class ThresholdCheck:
    """Whether a metric of a candidate reached its threshold."""

    metric: str
    passed: bool
    reason: str
    """With the numbers that decided it."""
    candidate: float | None
    """None where the metric has no value; so is the baseline's."""
    baseline: float | None


@dataclass(frozen=True)
class Comparison:
    """A candidate beside a baseline, on the same data."""

    run_id: str
    """The run that all of it was logged to."""
    baseline: Evaluation
    candidate: Evaluation
    checks: tuple[ThresholdCheck, ...]
    """One a threshold, in the order that they were given in."""

    @property
    def passed(self) -> bool:
        """Whether the candidate reached all thresholds."""
        return all(check.passed for check in self.checks)

    @property
    def summary(self) -> str:
        """All checks in one sentence, such as for the reason of a promotion: the failed ones first."""
        failed_first = sorted(self.checks, key=lambda check: check.passed)
        on = f"on {self.candidate.dataset.name}@{self.candidate.dataset.digest[:8]} (run {self.run_id})"
        verdict = "passed" if self.passed else "failed"
        text = f"Comparison {verdict} {on}: " + "; ".join(check.reason for check in failed_first)
        return text if len(text) <= _MAX_REASON_CHARACTERS else f"{text[: _MAX_REASON_CHARACTERS - 1]}…"

    def require(self) -> Self:
        """Returns the comparison itself where it passed.

        Raises:
            ThresholdMissed: it failed; says which metrics, and by which numbers.
        """
        if not self.passed:
            metrics = ",".join(check.metric for check in self.checks if not check.passed)
            raise ThresholdMissed(self.summary, metadata={"run_id": self.run_id, "metrics": metrics})
        return self
