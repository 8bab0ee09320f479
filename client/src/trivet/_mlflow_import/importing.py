"""Bringing over what a source has, and comparing both sides as it goes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivet._artifact_owners import Owner
from trivet._artifact_owners import of_logged_model as files_of_logged_model
from trivet._client import Client
from trivet._entities import Experiment
from trivet._errors import (
    ExperimentNameTaken,
    InvalidArgument,
    ServerUnavailable,
    TrivetError,
)
from trivet._hashing import hash_file
from trivet._mlflow_import.comparison import (
    Comparison,
    KindSummary,
    Mismatch,
    of_experiment,
    of_files,
    of_logged_model,
    of_run,
)
from trivet._mlflow_import.messages import CHANGEABLE, to_run, to_writes
from trivet._mlflow_import.records import ExperimentRecord, LoggedModelRecord, RunRecord
from trivet._mlflow_import.registering import ModelImport
from trivet._mlflow_import.source import FilesUnreadable, Source
from trivet._mlflow_import.target import experiment_record, read_logged_model, read_runs
from trivet._safe_paths import to_logical
from trivet._verifying import files_in

# Read back together: by runs, and by points.
_BATCH_RUNS: Final = 50
_BATCH_POINTS: Final = 500_000


@dataclass(frozen=True)
class Choice:
    """What is imported, and how."""

    experiments: Sequence[str] = ()
    """Names or ids in MLflow. Empty: all, and the registry."""
    with_artifacts: bool = True
    with_registry: bool = True
    writes: bool = True
    """False: only compare."""


@dataclass(frozen=True)
class ImportReport:
    """What became of an import."""

    kinds: Sequence[KindSummary]
    mismatches: Sequence[Mismatch]
    experiment_ids: dict[str, str]
    """The id in Trivet by the id in MLflow, of experiments that are there."""


OnProgress = Callable[[str, int, int], None]
"""What is done, how many of those are, and of how many."""


def import_from(source: Source, client: Client, choice: Choice, on_progress: OnProgress) -> ImportReport:
    """Imports what is chosen; what is there already is not written again.

    It may be killed at any moment, and repeated: everything is there once, and what was not brought over is.

    Raises:
        InvalidArgument: the source has no such experiment.
        TrivetError: the source or the servers cannot be used. What concerns one thing alone is a mismatch instead.
    """
    return _Import(source, client, choice, on_progress).run()


class _Import:
    def __init__(self, source: Source, client: Client, choice: Choice, on_progress: OnProgress) -> None:
        self._source = source
        self._client = client
        self._choice = choice
        self._on_progress = on_progress
        self._comparison = Comparison()
        self._ids: dict[str, str] = {}
        self._total_runs = self._done_runs = 0

    def run(self) -> ImportReport:
        """All of it, in the order in which one needs another."""
        chosen = _chosen(self._source.experiments(), self._choice.experiments)
        run_ids = {record.source_id: self._source.run_ids(record) for record in chosen}
        self._total_runs = sum(map(len, run_ids.values()))
        self._on_progress("runs", 0, self._total_runs)
        for record in chosen:
            experiment = self._begin(record)
            for batch in self._batches(run_ids[record.source_id]):
                self._take_runs(record, experiment, batch)
            self._take_logged_models(record, experiment)
            self._end(record, experiment)
        if self._choice.with_registry and not self._choice.experiments:
            self._take_registry()
        return ImportReport(self._comparison.kinds(), self._comparison.mismatches, self._ids)

    # --- experiments

    def _begin(self, record: ExperimentRecord) -> Experiment | None:
        """The experiment in Trivet, made or brought up to date; None where there is none, or none that can be used."""
        tracking = self._client.tracking
        experiment = tracking.get_experiment_by_name(record.name)
        if not self._choice.writes:
            return experiment
        if experiment is None:
            try:
                experiment_id = tracking.create_experiment(
                    record.name, tags=record.tags, description=record.description
                )
            except ExperimentNameTaken as error:  # by somebody else, in this moment
                experiment_id = error.metadata.get("experiment_id", "")
            experiment = tracking.get_experiment(experiment_id) if experiment_id else None
        elif experiment.lifecycle_stage == "active":
            for key, value in record.tags.items():
                if experiment.tags.get(key) != value:
                    tracking.set_experiment_tag(experiment.experiment_id, key, value)
            if record.description and experiment.description != record.description:
                tracking.backfill.describe_experiment(experiment.experiment_id, record.description)
        return experiment

    def _end(self, record: ExperimentRecord, experiment: Experiment | None) -> None:
        """Deletes it where it is deleted in MLflow, and compares it."""
        where = f"experiment {record.name}"
        facts = of_experiment(record)
        if experiment is None:
            self._comparison.add(where, facts, {})
            return
        tracking = self._client.tracking
        self._ids[record.source_id] = experiment.experiment_id
        try:
            if self._choice.writes and record.is_deleted and experiment.lifecycle_stage == "active":
                tracking.delete_experiment(experiment.experiment_id)
        except TrivetError as error:
            self._fail(where, "experiments", error)
        now = tracking.get_experiment(experiment.experiment_id)
        self._comparison.add(where, facts, of_experiment(experiment_record(now, record)))

    # --- runs

    def _batches(self, run_ids: Sequence[str]) -> Iterator[list[RunRecord]]:
        batch: list[RunRecord] = []
        points = 0
        for run_id in run_ids:
            run = self._source.run(run_id)
            batch.append(run)
            points += sum(map(len, run.series.values()))
            if len(batch) >= _BATCH_RUNS or points >= _BATCH_POINTS:
                yield batch
                batch, points = [], 0
        if batch:
            yield batch

    def _take_runs(self, record: ExperimentRecord, experiment: Experiment | None, batch: list[RunRecord]) -> None:
        before = read_runs(self._client, [run.run_id for run in batch])
        elsewhere = {
            run_id
            for run_id, (_, experiment_id) in before.items()
            if experiment is None or experiment_id != experiment.experiment_id
        }
        changed = set()
        for run in batch:
            self._done_runs += 1
            self._on_progress("runs", self._done_runs, self._total_runs)
            there = before[run.run_id][0] if run.run_id in before else None
            if run.run_id in elsewhere:
                self._comparison.fail(
                    f"run {run.run_id}", "runs", f"a run of experiment {before[run.run_id][1]} has its id"
                )
                continue
            if self._choice.writes and experiment is not None and (there is None or not _is_same(run, there, record)):
                changed.add(run.run_id)
                self._bring(run, there, experiment)
            if self._choice.with_artifacts:
                self._take_files(run, run.run_id, is_there=there is not None or run.run_id in changed)
            if self._choice.writes and experiment is not None:
                self._delete_too(run, there, record)
        after = before | read_runs(self._client, sorted(changed))
        for run in batch:
            where = f"run {run.run_id}"
            if run.run_id not in after:
                self._comparison.add(where, of_run(run), {})
            else:
                wanted, found = _sides(run, after[run.run_id][0], record)
                self._comparison.add(where, of_run(wanted), of_run(found))

    def _delete_too(self, run: RunRecord, there: RunRecord | None, record: ExperimentRecord) -> None:
        """Deletes a run that is deleted in MLflow by itself; last, as it takes nothing more then."""
        is_deleted = there is not None and there.is_deleted
        if run.is_deleted and not record.is_deleted and not is_deleted:
            self._try(f"run {run.run_id}", "runs", lambda: self._client.delete_run(run.run_id))

    def _bring(self, run: RunRecord, before: RunRecord | None, experiment: Experiment) -> None:
        """Writes what a run has not yet. One that is deleted in Trivet is left alone."""
        backfill = self._client.tracking.backfill
        where = f"run {run.run_id}"
        try:
            if before is None:
                backfill.create(run.run_id, to_run(run, backfill.names, experiment.experiment_id))
            elif before.is_deleted:
                return
            else:
                wanted, is_now = to_run(run, backfill.names), to_run(before, backfill.names)
                fields = [name for name in CHANGEABLE if getattr(wanted, name) != getattr(is_now, name)]
                # A name that the server made up stays.
                fields = [name for name in fields if name != "display_name" or run.name]
                if fields:
                    backfill.update(wanted, fields)
            for message in to_writes(run, before, backfill.names.run(run.run_id)):
                answer = backfill.write(message)
                for refused in answer.refused:
                    self._comparison.fail(where, "records", refused.status.message)
        except ServerUnavailable:
            raise
        except TrivetError as error:
            self._fail(where, "runs", error)

    # --- logged models

    def _take_logged_models(self, record: ExperimentRecord, experiment: Experiment | None) -> None:
        for model in sorted(self._source.logged_models(record), key=lambda model: model.model_id):
            where = f"logged model {model.model_id}"
            there = read_logged_model(self._client, model.model_id)
            if self._choice.writes and experiment is not None and there is None:
                self._try(where, "logged models", lambda model=model: self._create_model(model, experiment))  # type: ignore[misc] # as above
                there = read_logged_model(self._client, model.model_id)
            if self._choice.with_artifacts:
                owner = files_of_logged_model(self._client.tracking.backfill.names, model.model_id)
                self._take_files(model, owner, is_there=there is not None)
            if self._choice.writes and there is not None and there != model:
                self._try(where, "logged models", lambda model=model, there=there: self._update_model(model, there))  # type: ignore[misc] # as above
                there = read_logged_model(self._client, model.model_id)
            self._comparison.add(where, of_logged_model(model), {} if there is None else of_logged_model(there))

    def _create_model(self, model: LoggedModelRecord, experiment: Experiment) -> None:
        self._client.tracking.logged_models.create(
            experiment.experiment_id,
            name=model.name,
            source_run_id=model.source_run_id or None,
            tags=model.tags,
            params=model.params,
            model_type=model.model_type,
            model_id=model.model_id,
        )

    def _update_model(self, model: LoggedModelRecord, there: LoggedModelRecord) -> None:
        models = self._client.tracking.logged_models
        tags = {key: value for key, value in model.tags.items() if there.tags.get(key) != value}
        params = {key: value for key, value in model.params.items() if key not in there.params}
        if tags:
            models.set_tags(model.model_id, tags)
        if params:
            models.log_params(model.model_id, params)
        # Last: whoever sees it READY finds its files.
        if model.status not in (there.status, "PENDING"):
            models.finalize(model.model_id, model.status)

    # --- files

    def _take_files(self, record: RunRecord | LoggedModelRecord, owner: Owner, *, is_there: bool) -> None:
        where = f"run {record.run_id}" if isinstance(record, RunRecord) else f"logged model {record.model_id}"
        try:
            with self._source.files(record) as folder:
                here = {} if folder is None else _digests(folder)
                there = self._stored(owner) if is_there else {}
                if folder is not None and here != there and self._choice.writes and is_there:
                    self._client.artifacts.log_artifacts(owner, folder, progress=False)
                    there = self._stored(owner)
        except FilesUnreadable as error:
            self._comparison.fail(where, "files", str(error))
        except ServerUnavailable:
            raise
        except (TrivetError, OSError) as error:
            self._fail(where, "files", error)
        else:
            self._comparison.add(where, of_files(here), of_files(there))

    def _stored(self, owner: Owner) -> dict[str, str]:
        files = self._client.artifacts.list_artifacts(owner, recursive=True)
        return {file.path: file.sha256 for file in files}

    # --- the registry

    def _take_registry(self) -> None:
        models = list(self._source.registered_models())
        imports = ModelImport(self._client, models, self._comparison, writes=self._choice.writes)
        for done, model in enumerate(models):
            self._on_progress("models", done, len(models))
            imports.take(model)
        self._on_progress("models", len(models), len(models))

    # --- faults that concern one thing

    def _try(self, where: str, kind: str, step: Callable[[], object]) -> None:
        try:
            step()
        except ServerUnavailable:
            raise
        except TrivetError as error:
            self._fail(where, kind, error)

    def _fail(self, where: str, kind: str, error: Exception) -> None:
        self._comparison.fail(where, kind, str(error))


def _chosen(experiments: Sequence[ExperimentRecord], wanted: Sequence[str]) -> list[ExperimentRecord]:
    """Those that are wanted by their name, or else by their id.

    Raises:
        InvalidArgument: there is none of that name or id.
    """
    if not wanted:
        return list(experiments)
    by_id = {record.source_id: record for record in experiments}
    by_name = {record.name: record for record in experiments}
    for text in wanted:
        if text not in by_name and text not in by_id:
            raise InvalidArgument(f"MLflow has no experiment {text!r} there.")
    found = {(by_name.get(text) or by_id[text]).source_id for text in wanted}
    return [record for record in experiments if record.source_id in found]


def _sides(run: RunRecord, there: RunRecord, record: ExperimentRecord) -> tuple[RunRecord, RunRecord]:
    """A run as it is to be, and as it is.

    Without a name of its own it has one that the server made up. In an experiment that is deleted it counts as deleted:
    it will be, at the end.
    """
    wanted = dataclasses.replace(run, name=run.name or there.name)
    if record.is_deleted:
        return dataclasses.replace(wanted, is_deleted=True), dataclasses.replace(there, is_deleted=True)
    return wanted, there


def _is_same(run: RunRecord, there: RunRecord, record: ExperimentRecord) -> bool:
    wanted, found = _sides(run, there, record)
    return of_run(wanted) == of_run(found)


def _digests(folder: Path) -> dict[str, str]:
    """The digest of each file of a folder, by its logical path."""
    return {to_logical(file.relative_to(folder)): hash_file(file).sha256.hex() for file in files_in(folder)}
