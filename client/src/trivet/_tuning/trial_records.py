"""What a trial of Optuna is as a run: the keys are those that users of Optuna's callback for MLflow know."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from trivet._entities import Metric
from trivet._errors import InvalidArgument

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

RUN_ATTRIBUTE: Final = "trivet_run_id"
"""Under which trials and studies keep the ids of their runs, among the attributes of users."""

INTERMEDIATE_PREFIX: Final = "intermediate_"
"""Before the name of the metric, for the values that a trial reports while it goes on: under one key, the last of them
would be the current value in place of the result, since their steps are later."""

_STATUSES: Final[Mapping[str, str]] = {
    "COMPLETE": "FINISHED",
    # Stopped on purpose before its end: neither is it whole, nor did anything go wrong.
    "PRUNED": "KILLED",
    "FAIL": "FAILED",
}

# The limits of the server; a study is not to end because of a long text.
_MAX_PARAM_BYTES: Final = 16 * 1024
_MAX_TAG_BYTES: Final = 64 * 1024
_CUT: Final = "..."

_log = logging.getLogger("trivet")


@dataclass(frozen=True)
class TrialRecord:
    """What is logged of a trial. Times are milliseconds since the Unix epoch."""

    status: str
    """`FINISHED`, `FAILED` or `KILLED`."""
    params: Mapping[str, str]
    metrics: Sequence[Metric]
    tags: Mapping[str, str]
    start_time: int | None
    end_time: int | None


def metric_names(metric_name: str | Sequence[str], objectives: int) -> list[str]:
    """The keys of the values of a trial: a name for all is numbered from 0 where there are several.

    Raises:
        InvalidArgument: there are not as many names as objectives.
    """
    if isinstance(metric_name, str):
        return [metric_name] if objectives == 1 else [f"{metric_name}_{number}" for number in range(objectives)]
    if len(metric_name) != objectives:
        raise InvalidArgument(
            f"metric_name has {len(metric_name)} names, and the study {objectives} objectives. Give a name for each, "
            "or one for all."
        )
    return list(metric_name)


def record_of(
    study: Study,
    trial: FrozenTrial,
    names: Sequence[str],
    *,
    with_study_attrs: bool,
    with_trial_attrs: bool,
) -> TrialRecord:
    """What is logged of a trial that has ended.

    Args:
        study: Whose trial it is.
        trial: It has ended.
        names: The keys of its values.
        with_study_attrs: Whether the attributes of the study are among the tags.
        with_trial_attrs: The same of those of the trial.
    """
    end_time = _to_millis(trial.datetime_complete)
    attributes: dict[str, Any] = {}
    if with_trial_attrs:
        attributes |= trial.user_attrs
    if with_study_attrs:
        attributes |= study.user_attrs
    attributes.pop(RUN_ATTRIBUTE, None)
    # Before the attributes, which may replace them.
    tags: dict[str, Any] = {
        "number": trial.number,
        "datetime_start": trial.datetime_start,
        "datetime_complete": trial.datetime_complete,
        "state": trial.state.name,
        "direction": _directions(study),
        **{f"{key}_distribution": distribution for key, distribution in trial.distributions.items()},
        **attributes,
    }
    return TrialRecord(
        status=_STATUSES[trial.state.name],
        params={key: _fitting(f"param {key}", value, _MAX_PARAM_BYTES) for key, value in trial.params.items()},
        metrics=_metrics(trial, names, end_time or 0),
        tags={key: _fitting(f"tag {key}", value, _MAX_TAG_BYTES) for key, value in tags.items()},
        start_time=_to_millis(trial.datetime_start),
        end_time=end_time,
    )


def _directions(study: Study) -> str:
    names = [direction.name for direction in study.directions]
    return names[0] if len(names) == 1 else str(names)


def _metrics(trial: FrozenTrial, names: Sequence[str], time: int) -> list[Metric]:
    # A pruned trial has its last intermediate value for its value, which is no result.
    values = trial.values if trial.state.name == "COMPLETE" else None
    found = [Metric(name, value, time, 0) for name, value in zip(names, values or (), strict=False)]
    # Studies of several objectives have no intermediate values.
    key = f"{INTERMEDIATE_PREFIX}{names[0]}"
    return [*found, *(Metric(key, value, time, step) for step, value in sorted(trial.intermediate_values.items()))]


def _to_millis(time: datetime | None) -> int | None:
    return None if time is None else round(time.timestamp() * 1000)


def _fitting(what: str, value: object, limit: int) -> str:
    """A value as a text of at most so many bytes; with a word in the log and dots at its end where it is cut."""
    text = str(value)
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    _log.warning("trial: %s has %d bytes, and is cut to %d", what, len(encoded), limit)
    return encoded[: limit - len(_CUT)].decode(errors="ignore") + _CUT
