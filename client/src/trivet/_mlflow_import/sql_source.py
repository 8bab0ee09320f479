"""MLflow's database."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from trivet._entities import Dataset, DatasetInput, LoggedModelOutput
from trivet._errors import InvalidArgument
from trivet._mlflow_import.artifact_folders import folder_of
from trivet._mlflow_import.databases import Database, Row
from trivet._mlflow_import.records import (
    DELETED_STAGE,
    NOTE_TAG,
    ExperimentRecord,
    LoggedModelRecord,
    ModelPoint,
    ModelRecord,
    Point,
    RunRecord,
    VersionRecord,
    to_series,
)

# What is read of each table that all versions of MLflow have since 1.2 or so.
_NEEDED: Final[Mapping[str, str]] = {
    "experiments": "experiment_id name lifecycle_stage",
    "experiment_tags": "key value experiment_id",
    "runs": "run_uuid name source_name user_id status start_time end_time source_version lifecycle_stage artifact_uri "
    "experiment_id",
    "params": "key value run_uuid",
    "tags": "key value run_uuid",
    "metrics": "key value timestamp run_uuid step is_nan",
    "registered_models": "name description",
    "model_versions": "name version description current_stage source run_id status",
}
# MLflow's LoggedModelStatus.
_MODEL_STATUSES: Final = {1: "PENDING", 2: "READY", 3: "UPLOAD_FAILED"}


class SqlSource:
    """As `Source` has it."""

    def __init__(self, database: Database, artifacts: Path | None, workspace: str) -> None:
        """Looks whether it is a database of MLflow.

        Raises:
            InvalidArgument: it is not, or one of another version than can be read.
        """
        self._database = database
        self._artifacts = artifacts
        self._check_tables()
        self._has_inputs = bool(database.columns("inputs"))
        self._has_steps = "step" in database.columns("inputs")
        self._has_models = bool(database.columns("logged_models"))
        self._has_aliases = bool(database.columns("registered_model_aliases"))
        # Since 3.10 names are unique in a workspace.
        self._in_workspace = ""
        if "workspace" in database.columns("experiments"):
            self._in_workspace = " WHERE workspace = ?"
        self._workspace = (workspace,) if self._in_workspace else ()

    def _check_tables(self) -> None:
        versions = [row[0] for row in self._rows("alembic_version", "SELECT version_num FROM alembic_version")]
        if not versions or not self._database.columns("experiments"):
            raise InvalidArgument(
                "This is not a database of MLflow: it has no experiments, or no version of its tables."
            )
        for table, needed in _NEEDED.items():
            missing = sorted(set(needed.split()) - self._database.columns(table))
            if missing:
                raise InvalidArgument(
                    f"The tables of this database are of another version of MLflow ({', '.join(map(str, versions))}): "
                    f"{table} has no {', '.join(missing)}. Bring a copy up to date by `mlflow db upgrade`, and import "
                    "that."
                )

    def _rows(self, table: str, query: str) -> Iterator[Row]:
        return self._database.rows(query) if self._database.columns(table) else iter(())

    def experiments(self) -> Sequence[ExperimentRecord]:
        query = "SELECT experiment_id, name, lifecycle_stage FROM experiments"
        found = []
        for number, name, stage in list(
            self._database.rows(f"{query}{self._in_workspace} ORDER BY experiment_id", *self._workspace)
        ):
            tags = self._pairs("SELECT key, value FROM experiment_tags WHERE experiment_id = ?", number)
            found.append(ExperimentRecord(str(number), name, stage == "deleted", tags.get(NOTE_TAG, ""), tags))
        return found

    def run_ids(self, experiment: ExperimentRecord) -> Sequence[str]:
        query = "SELECT run_uuid FROM runs WHERE experiment_id = ? ORDER BY start_time, run_uuid"
        return [row[0] for row in self._database.rows(query, int(experiment.source_id))]

    def run(self, run_id: str) -> RunRecord:
        (row,) = self._database.rows(
            "SELECT name, source_name, user_id, status, start_time, end_time, source_version, lifecycle_stage, "
            "artifact_uri FROM runs WHERE run_uuid = ?",
            run_id,
        )
        name, source, user, status, start_time, end_time, commit, stage, artifact_uri = row
        tags = self._pairs("SELECT key, value FROM tags WHERE run_uuid = ?", run_id)
        return RunRecord(
            run_id=run_id,
            name=tags.get("mlflow.runName") or name or "",
            status=status,
            start_time=start_time or 0,
            end_time=end_time,
            user=user or tags.get("mlflow.user", ""),
            source=tags.get("mlflow.source.name") or source or "",
            git_commit=tags.get("mlflow.source.git.commit") or commit or "",
            parent_run_id=tags.get("mlflow.parentRunId", ""),
            description=tags.get(NOTE_TAG, ""),
            is_deleted=stage == "deleted",
            params=self._pairs("SELECT key, value FROM params WHERE run_uuid = ?", run_id),
            tags=tags,
            datasets=self._datasets(run_id),
            input_models=tuple(row[0] for row in self._links(run_id, "RUN_INPUT", "MODEL_INPUT")),
            outputs=tuple(LoggedModelOutput(*row) for row in self._links(run_id, "RUN_OUTPUT", "MODEL_OUTPUT")),
            series=to_series(self._history(run_id), self._measured(run_id)),
            artifact_uri=artifact_uri or "",
        )

    def _history(self, run_id: str) -> dict[str, list[Point]]:
        history: dict[str, list[Point]] = {}
        query = "SELECT key, step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ?"
        for key, step, time, value, is_nan in self._database.rows(query, run_id):
            history.setdefault(key, []).append((step, time, math.nan if is_nan else value))
        return history

    def _measured(self, run_id: str) -> Iterator[ModelPoint]:
        if not self._has_models:
            return
        query = (
            "SELECT metric_name, model_id, dataset_name, dataset_digest, metric_step, metric_timestamp_ms, "
            "metric_value FROM logged_model_metrics WHERE run_id = ?"
        )
        for key, model_id, name, digest, step, time, value in self._database.rows(query, run_id):
            point = (step, time, math.nan if value is None else value)
            yield ModelPoint(key, model_id, name or "", digest or "", point)

    def _datasets(self, run_id: str) -> tuple[DatasetInput, ...]:
        if not self._has_inputs:
            return ()
        query = (
            "SELECT input_uuid, name, digest, dataset_source_type, dataset_source, dataset_schema, dataset_profile "
            "FROM inputs JOIN datasets ON dataset_uuid = source_id "
            "WHERE source_type = 'DATASET' AND destination_type = 'RUN' AND destination_id = ? ORDER BY name, digest"
        )
        return tuple(
            DatasetInput(
                Dataset(*(text or "" for text in dataset)),
                self._pairs("SELECT name, value FROM input_tags WHERE input_uuid = ?", number),
            )
            for number, *dataset in list(self._database.rows(query, run_id))
        )

    def _links(self, run_id: str, source_type: str, destination_type: str) -> Iterator[Row]:
        if not self._has_inputs:
            return iter(())
        step = "step" if self._has_steps else "0"
        query = (
            f"SELECT destination_id, {step} FROM inputs WHERE source_type = ? AND destination_type = ? "  # noqa: S608 - of this line
            "AND source_id = ? ORDER BY 2, 1"
        )
        return self._database.rows(query, source_type, destination_type, run_id)

    def logged_models(self, experiment: ExperimentRecord) -> Sequence[LoggedModelRecord]:
        if not self._has_models:
            return ()
        query = (
            "SELECT model_id, name, model_type, source_run_id, status, artifact_location FROM logged_models "
            "WHERE experiment_id = ? AND lifecycle_stage = 'active' ORDER BY creation_timestamp_ms, model_id"
        )
        return [
            LoggedModelRecord(
                model_id,
                name,
                model_type or "",
                run_id or "",
                _MODEL_STATUSES.get(status, "PENDING"),
                self._pairs("SELECT param_key, param_value FROM logged_model_params WHERE model_id = ?", model_id),
                self._pairs("SELECT tag_key, tag_value FROM logged_model_tags WHERE model_id = ?", model_id),
                location,
            )
            for model_id, name, model_type, run_id, status, location in list(
                self._database.rows(query, int(experiment.source_id))
            )
        ]

    def registered_models(self) -> Iterable[ModelRecord]:
        query = f"SELECT name, description FROM registered_models{self._in_workspace} ORDER BY name"  # noqa: S608 - of this class
        for name, description in list(self._database.rows(query, *self._workspace)):
            aliases = {}
            if self._has_aliases:
                aliases = self._pairs(
                    f"SELECT alias, version FROM registered_model_aliases WHERE name = ?{self._and_workspace}",  # noqa: S608 - of this class
                    name,
                    *self._workspace,
                )
            tags = f"SELECT key, value FROM registered_model_tags WHERE name = ?{self._and_workspace}"  # noqa: S608 - of this class
            yield ModelRecord(
                name,
                description or "",
                self._pairs(tags, name, *self._workspace),
                {alias: int(number) for alias, number in aliases.items()},
                tuple(self._versions(name)),
            )

    @property
    def _and_workspace(self) -> str:
        return self._in_workspace.replace("WHERE", "AND")

    def _versions(self, name: str) -> Iterator[VersionRecord]:
        query = (
            "SELECT version, source, run_id, current_stage, description FROM model_versions "  # noqa: S608 - of this class
            f"WHERE name = ? AND current_stage != ?{self._and_workspace} ORDER BY version"
        )
        tags = f"SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?{self._and_workspace}"  # noqa: S608 - of this class
        for number, source, run_id, stage, description in list(
            self._database.rows(query, name, DELETED_STAGE, *self._workspace)
        ):
            pairs = self._pairs(tags, name, number, *self._workspace)
            yield VersionRecord(number, source or "", run_id or "", stage or "None", description or "", pairs)

    def _pairs(self, query: str, *parameters: object) -> dict[str, str]:
        return {key: "" if value is None else str(value) for key, value in self._database.rows(query, *parameters)}

    @contextmanager
    def files(self, owner: RunRecord | LoggedModelRecord) -> Iterator[Path | None]:
        yield folder_of(owner, self._artifacts)

    def close(self) -> None:
        self._database.close()
