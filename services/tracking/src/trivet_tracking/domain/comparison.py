"""Runs side by side: what they have in common, and what differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from trivet_tracking.domain.metrics import CurrentValue
from trivet_tracking.domain.runs import Run

_Value = TypeVar("_Value")

# By the names that searches have for them, and as text that a search would take.
_ATTRIBUTES: Mapping[str, Callable[[Run], object]] = {
    "experiment_id": lambda run: run.experiment_id,
    "run_name": lambda run: run.display_name,
    "status": lambda run: run.status.name,
    "start_time": lambda run: run.start_time,
    "end_time": lambda run: run.end_time,
    "duration": lambda run: None if run.end_time is None else run.end_time - run.start_time,
    "user_id": lambda run: run.user,
    "created_by": lambda run: run.created_by,
    "source": lambda run: run.source,
    "git_commit": lambda run: run.git_commit,
    "parent_run_id": lambda run: run.parent_run_id,
    "forked_from_run_id": lambda run: run.forked_from.run_id if run.forked_from is not None else "",
    "forked_from_step": lambda run: run.forked_from.step if run.forked_from is not None else None,
}


@dataclass(frozen=True)
class Compared(Generic[_Value]):
    """One key in all runs."""

    key: str
    values: Mapping[int, _Value]
    """By the number of the run, from 0 up; runs without the key are left out."""
    differs: bool
    """Whether two runs have different values, or one has none."""


@dataclass(frozen=True)
class RunComparison:
    """All keys of some runs, sorted; attributes in the order of their documentation."""

    attributes: tuple[Compared[str], ...]
    params: tuple[Compared[str], ...]
    tags: tuple[Compared[str], ...]
    metrics: tuple[Compared[CurrentValue], ...]


def compare(runs: Sequence[Run], *, only_differing: bool) -> RunComparison:
    """Compares runs; where asked, leaves out what is the same in all."""
    attributes = [
        {key: str(value) for key, read in _ATTRIBUTES.items() if (value := read(run)) not in (None, "")} for run in runs
    ]
    return RunComparison(
        attributes=_compared(attributes, list(_ATTRIBUTES), lambda text: text, only_differing=only_differing),
        params=_compared([run.params for run in runs], None, lambda text: text, only_differing=only_differing),
        tags=_compared([run.tags for run in runs], None, lambda text: text, only_differing=only_differing),
        # Values alone: runs that reached the same one at another step do not differ.
        metrics=_compared(
            [{metric.key: metric.current for metric in run.metrics} for run in runs],
            None,
            lambda current: (current.value, current.min, current.max),
            only_differing=only_differing,
        ),
    )


def _compared(
    of_runs: Sequence[Mapping[str, _Value]],
    order: Sequence[str] | None,
    identity: Callable[[_Value], object],
    *,
    only_differing: bool,
) -> tuple[Compared[_Value], ...]:
    present = {key for values in of_runs for key in values}
    compared = []
    for key in sorted(present) if order is None else [key for key in order if key in present]:
        values = {number: values[key] for number, values in enumerate(of_runs) if key in values}
        differs = len(values) < len(of_runs) or len({identity(value) for value in values.values()}) > 1
        if differs or not only_differing:
            compared.append(Compared(key, values, differs))
    return tuple(compared)
