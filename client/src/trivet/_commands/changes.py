"""What `trivet runs watch` shows: a line for each change, or an object in a line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final

import typer

import trivet
from trivet._clock import now_millis
from trivet._commands.answers import as_object
from trivet._commands.kinds import local_time, number, plain_json, printable
from trivet._commands.run_fields import RUN_FIELDS

# In a line for people; JSON has all.
_MOST_METRICS: Final = 8
# Kinds of changes that are named; of the others the newest state is shown.
_WORDS: Final = ("created", "params", "tags", "metrics_removed")
_ENDED: Final = frozenset({"FINISHED", "FAILED", "KILLED"})


def show_changes(
    client: trivet.Client,
    run_ids: Sequence[str],
    experiment_ids: Sequence[str],
    metric_keys: Sequence[str] | None,
    *,
    until_ended: bool,
    as_json: bool,
) -> None:
    """Prints what changes, first what runs that are named are by now; `until_ended` returns when these have ended."""
    with client.tracking.watch_runs(experiment_ids, run_ids=run_ids, metric_keys=metric_keys) as watch:
        screen = _Screen(client, as_json=as_json)
        # Read after the watch has begun, so that nothing happens unseen in between.
        for run_id in run_ids:
            screen.show_run(client.get_run(run_id), metric_keys)
        if until_ended and screen.have_ended(run_ids):
            return
        for change in watch:
            screen.show(change)
            if until_ended and screen.have_ended(run_ids):
                return


class _Screen:
    """Prints changes, and knows the runs that it has shown."""

    def __init__(self, client: trivet.Client, *, as_json: bool) -> None:
        self._client = client
        self._as_json = as_json
        self._infos: dict[str, trivet.RunInfo] = {}

    def have_ended(self, run_ids: Sequence[str]) -> bool:
        """Whether all of these runs have ended, or are in the bin."""
        infos = [self._infos[run_id] for run_id in run_ids]
        return all(info.status in _ENDED or info.lifecycle_stage == "deleted" for info in infos)

    def show_run(self, run: trivet.Run, metric_keys: Sequence[str] | None) -> None:
        """Prints what a run is by now."""
        self._infos[run.info.run_id] = run.info
        metrics = {key: value for key, value in run.data.metrics.items() if metric_keys is None or key in metric_keys}
        self._print(run.info.run_id, {"kinds": [], **_facts(run), "metrics": metrics}, _listed(metrics))

    def show(self, change: trivet.RunChange | trivet.ExperimentChange) -> None:
        """Prints a change."""
        if isinstance(change, trivet.ExperimentChange):
            self._show_experiment(change)
            return
        if change.run is not None:
            self._infos[change.run_id] = change.run.info
        elif change.run_id not in self._infos and not self._as_json:
            self._infos[change.run_id] = self._client.get_run(change.run_id).info
        metrics = {key: summary.value for key, summary in change.metrics.items()}
        words = [word.replace("_", " ") for word in _WORDS if word in change.kinds]
        facts = {
            "kinds": sorted(change.kinds),
            "run_id": change.run_id,
            "experiment_id": change.experiment_id,
            **(_facts(change.run) if change.run is not None else {}),
            "metrics": metrics,
        }
        self._print(change.run_id, facts, ", ".join(filter(None, (*words, _listed(metrics)))))

    def _show_experiment(self, change: trivet.ExperimentChange) -> None:
        if self._as_json:
            _print_json(asdict(change))
        else:
            verb = "is in the bin" if change.lifecycle_stage == "deleted" else "is in use again"
            typer.echo(f"{local_time(now_millis())}  experiment {change.experiment_id} {verb}, and its runs")

    def _print(self, run_id: str, facts: Mapping[str, object], what: str) -> None:
        if self._as_json:
            _print_json(facts)
            return
        info = self._infos[run_id]
        state = "DELETED" if info.lifecycle_stage == "deleted" else info.status
        line = f"{local_time(now_millis())}  {run_id}  {printable(info.run_name)}  {state}  {what}"
        typer.echo(line.rstrip())


def _facts(run: trivet.Run) -> dict[str, object]:
    """What a run is and what was logged to it, without its metrics, by the names that `trivet runs show --json` has."""
    return as_object([field for field in RUN_FIELDS if field.key != "metrics"], run)


def _listed(metrics: Mapping[str, float]) -> str:
    shown = [f"{printable(key)}={number(value)}" for key, value in list(metrics.items())[:_MOST_METRICS]]
    more = len(metrics) - len(shown)
    return ", ".join([*shown, f"and {more} more metrics"] if more > 0 else shown)


def _print_json(facts: Mapping[str, object]) -> None:
    # In one line, and at once: a program reads line by line.
    typer.echo(json.dumps(plain_json(facts), allow_nan=False))
