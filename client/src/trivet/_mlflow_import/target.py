"""What Trivet has of an import, as the same records as the source gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from trivet._client import Client
from trivet._entities import Experiment, LoggedModel, Run, RunInputs, RunOutputs
from trivet._errors import LoggedModelNotFound, ModelNotFound
from trivet._filter_texts import quoted
from trivet._mlflow_import.records import (
    ExperimentRecord,
    LoggedModelRecord,
    ModelRecord,
    Point,
    RunRecord,
    VersionRecord,
    to_points,
)
from trivet._spool.frames import Series
from trivet._view_type import ViewType

_ALL_VERSIONS: Final = 1_000_000


def experiment_record(experiment: Experiment, source: ExperimentRecord) -> ExperimentRecord:
    """An experiment, with those of its tags that the source has: others may use it too."""
    return ExperimentRecord(
        source.source_id,
        experiment.name,
        experiment.lifecycle_stage == "deleted",
        experiment.description if source.description else "",
        {key: value for key, value in experiment.tags.items() if key in source.tags},
    )


def read_runs(client: Client, run_ids: Sequence[str]) -> dict[str, tuple[RunRecord, str]]:
    """Those of some runs that are there, with all their points, and the experiment that each is in."""
    if not run_ids:
        return {}
    ids = ", ".join(f"'{run_id}'" for run_id in run_ids)
    runs = client.tracking.search_runs(
        (),
        filter_string=f"run_id IN ({ids})",
        run_view_type=ViewType.ALL,
        max_results=len(run_ids),
        metric_keys=(),
        with_inputs=True,
    )
    rows: dict[str, dict[Series, list[Point]]] = {}
    for run_id, series, points in client.tracking.backfill.points([run.info.run_id for run in runs]) if runs else ():
        rows.setdefault(run_id, {}).setdefault(series, []).extend(points)
    return {run.info.run_id: (_run_record(run, rows.get(run.info.run_id, {})), run.info.experiment_id) for run in runs}


def _run_record(run: Run, rows: dict[Series, list[Point]]) -> RunRecord:
    info, inputs, outputs = run.info, run.inputs or RunInputs(), run.outputs or RunOutputs()
    return RunRecord(
        run_id=info.run_id,
        name=info.run_name,
        status=info.status,
        start_time=info.start_time or 0,
        end_time=info.end_time,
        user=info.user_id,
        source=info.source,
        git_commit=info.git_commit,
        parent_run_id=info.parent_run_id,
        description=info.description,
        is_deleted=info.lifecycle_stage == "deleted",
        params=run.data.params,
        tags=run.data.tags,
        datasets=inputs.dataset_inputs,
        input_models=tuple(model.model_id for model in inputs.model_inputs),
        outputs=outputs.model_outputs,
        series={series: to_points(points) for series, points in rows.items()},
    )


def read_logged_model(client: Client, model_id: str) -> LoggedModelRecord | None:
    """A logged model; None where there is none."""
    try:
        model: LoggedModel = client.tracking.logged_models.get(model_id)
    except LoggedModelNotFound:
        return None
    return LoggedModelRecord(
        model.model_id, model.name, model.model_type, model.source_run_id, model.status, model.params, model.tags
    )


def read_model(client: Client, name: str) -> ModelRecord | None:
    """A registered model with all its versions; None where there is none."""
    try:
        model = client.registry.get_registered_model(name)
    except ModelNotFound:
        return None
    versions = client.registry.search_model_versions(filter_string=f"name = {quoted(name)}", max_results=_ALL_VERSIONS)
    return ModelRecord(
        name,
        model.description,
        model.tags,
        {alias: int(number) for alias, number in model.aliases.items()},
        tuple(
            VersionRecord(
                version.version,
                version.source,
                version.run_id,
                version.current_stage if version.status == "READY" else version.status,
                version.description,
                version.tags,
            )
            for version in sorted(versions, key=lambda version: version.version)
        ),
    )
