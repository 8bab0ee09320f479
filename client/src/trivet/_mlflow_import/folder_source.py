"""MLflow's folder of files, `mlruns`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from trivet._entities import Dataset, DatasetInput, LoggedModelOutput
from trivet._errors import InvalidArgument
from trivet._mlflow_import.artifact_folders import folder_of
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
from trivet._verifying import files_in

_META: Final = "meta.yaml"
_TRASH: Final = ".trash"
_MODELS: Final = "models"
# MLflow's RunStatus and LoggedModelStatus.
_RUN_STATUSES: Final = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_MODEL_STATUSES: Final = {1: "PENDING", 2: "READY", 3: "UPLOAD_FAILED"}


class FolderSource:
    """As `Source` has it."""

    def __init__(self, folder: Path, artifacts: Path | None) -> None:
        """Looks whether it is a folder of MLflow.

        Raises:
            InvalidArgument: it is not, or PyYAML is missing.
        """
        try:
            import yaml  # noqa: PLC0415 - an extra
        except ImportError:
            raise InvalidArgument("An mlruns folder needs an extra: pip install 'trivet[import]'") from None
        self._yaml = yaml
        self._folder = folder
        self._artifacts = artifacts
        self._places = {
            str(meta["experiment_id"]): place
            for place, meta in self._folders(folder, folder / _TRASH)
            if "experiment_id" in meta
        }
        if not self._places:
            raise InvalidArgument(f"{folder} is not an mlruns folder: none of its folders is an experiment of MLflow.")
        self._runs: dict[str, Path] = {}
        self._measured: dict[str, list[ModelPoint]] | None = None

    def _meta(self, place: Path) -> Mapping[str, Any]:
        try:
            with (place / _META).open(encoding="utf-8") as file:
                meta = self._yaml.safe_load(file)
        except (self._yaml.YAMLError, UnicodeDecodeError) as error:
            raise InvalidArgument(f"{place / _META} cannot be read: {error}") from error
        if not isinstance(meta, dict):
            raise InvalidArgument(f"{place / _META} cannot be read: it is no mapping.")
        return meta

    def _folders(self, *parents: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        """The folders that say what they are, by name."""
        for parent in parents:
            for place in sorted(parent.iterdir()) if parent.is_dir() else ():
                if (place / _META).is_file():
                    yield place, self._meta(place)

    def experiments(self) -> Sequence[ExperimentRecord]:
        found = []
        for source_id, place in self._places.items():
            meta = self._meta(place)
            tags = _texts(place / "tags")
            is_deleted = meta.get("lifecycle_stage") == "deleted" or place.parent.name == _TRASH
            found.append(ExperimentRecord(source_id, str(meta["name"]), is_deleted, tags.get(NOTE_TAG, ""), tags))
        return found

    def run_ids(self, experiment: ExperimentRecord) -> Sequence[str]:
        found = []
        for place, meta in self._folders(self._places[experiment.source_id]):
            run_id = meta.get("run_id") or meta.get("run_uuid")
            if run_id:
                self._runs[str(run_id)] = place
                found.append((int(meta.get("start_time") or 0), str(run_id)))
        return [run_id for _, run_id in sorted(found)]

    def run(self, run_id: str) -> RunRecord:
        place = self._runs[run_id]
        meta = self._meta(place)
        tags = _texts(place / "tags")
        end_time = meta.get("end_time")
        return RunRecord(
            run_id=run_id,
            name=tags.get("mlflow.runName") or str(meta.get("run_name") or meta.get("name") or ""),
            status=_RUN_STATUSES.get(meta.get("status", 1), "RUNNING"),
            start_time=int(meta.get("start_time") or 0),
            end_time=None if end_time is None else int(end_time),
            user=str(meta.get("user_id") or tags.get("mlflow.user", "")),
            source=tags.get("mlflow.source.name") or str(meta.get("source_name") or ""),
            git_commit=tags.get("mlflow.source.git.commit") or str(meta.get("source_version") or ""),
            parent_run_id=tags.get("mlflow.parentRunId", ""),
            description=tags.get(NOTE_TAG, ""),
            is_deleted=meta.get("lifecycle_stage") == "deleted",
            params=_texts(place / "params"),
            tags=tags,
            datasets=tuple(self._datasets(place)),
            input_models=tuple(
                sorted(
                    str(meta["source_id"])
                    for _, meta in self._folders(place / "inputs")
                    if meta.get("source_type") == "MODEL_INPUT"
                )
            ),
            outputs=tuple(
                LoggedModelOutput(str(meta["destination_id"]), int(meta.get("step") or 0))
                for _, meta in self._folders(place / "outputs")
            ),
            series=to_series(
                {key: map(_point, rows) for key, rows in _rows(place / "metrics")}, self._of_models(run_id)
            ),
            artifact_uri=str(meta.get("artifact_uri") or ""),
        )

    def _datasets(self, place: Path) -> Iterator[DatasetInput]:
        for _, link in self._folders(place / "inputs"):
            if link.get("source_type") != "DATASET":
                continue
            meta = self._meta(place.parent / "datasets" / str(link["source_id"]))
            texts = (
                str(meta.get(name) or "") for name in ("name", "digest", "source_type", "source", "schema", "profile")
            )
            yield DatasetInput(
                Dataset(*texts), {str(key): str(value) for key, value in (link.get("tags") or {}).items()}
            )

    def _of_models(self, run_id: str) -> list[ModelPoint]:
        if self._measured is None:
            self._measured = {}
            for place in self._places.values():
                for model, meta in self._folders(place / _MODELS):
                    for key, rows in _rows(model / "metrics"):
                        for row in rows:
                            name, digest = row[4:6] if len(row) >= 6 else ("", "")
                            point = ModelPoint(key, str(meta["model_id"]), name, digest, _point(row))
                            self._measured.setdefault(row[3], []).append(point)
        return self._measured.get(run_id, [])

    def logged_models(self, experiment: ExperimentRecord) -> Sequence[LoggedModelRecord]:
        return [
            LoggedModelRecord(
                str(meta["model_id"]),
                str(meta["name"]),
                str(meta.get("model_type") or ""),
                str(meta.get("source_run_id") or ""),
                _MODEL_STATUSES.get(meta.get("status", 1), "PENDING"),
                _texts(place / "params"),
                _texts(place / "tags"),
                str(meta.get("artifact_location") or ""),
            )
            for place, meta in self._folders(self._places[experiment.source_id] / _MODELS)
            if meta.get("lifecycle_stage") != "deleted"
        ]

    def registered_models(self) -> Iterable[ModelRecord]:
        for place, meta in self._folders(self._folder / _MODELS):
            yield ModelRecord(
                str(meta["name"]),
                str(meta.get("description") or ""),
                _texts(place / "tags"),
                {alias: int(number) for alias, number in _texts(place / "aliases").items()},
                tuple(sorted(self._versions(place), key=lambda version: version.number)),
            )

    def _versions(self, model: Path) -> Iterator[VersionRecord]:
        for place, meta in self._folders(model):
            if meta.get("current_stage") != DELETED_STAGE:
                yield VersionRecord(
                    int(meta["version"]),
                    str(meta.get("source") or ""),
                    str(meta.get("run_id") or ""),
                    str(meta.get("current_stage") or "None"),
                    str(meta.get("description") or ""),
                    _texts(place / "tags"),
                )

    @contextmanager
    def files(self, owner: RunRecord | LoggedModelRecord) -> Iterator[Path | None]:
        # The folder may have been moved since it was written, and a run that is deleted with its experiment has been. A
        # folder from somebody else is not to name files outside of it.
        if isinstance(owner, RunRecord):
            own = self._runs[owner.run_id] / "artifacts"
            owns = [own] if own.is_dir() else []
        else:
            owns = [
                folder
                for place in self._places.values()
                if (folder := place / _MODELS / owner.model_id / "artifacts").is_dir()
            ]
        if owns:
            yield owns[0]
        else:
            yield folder_of(owner, self._artifacts or self._folder)

    def close(self) -> None:
        """Nothing is open."""


def _texts(folder: Path) -> dict[str, str]:
    """What files hold, by their path: a key may have slashes."""
    return {file.relative_to(folder).as_posix(): file.read_bytes().decode() for file in files_in(folder)}


def _rows(folder: Path) -> Iterator[tuple[str, Iterator[list[str]]]]:
    """The lines of metrics, in words."""
    for key, text in _texts(folder).items():
        yield key, (line.split(" ") for line in text.splitlines() if line)


def _point(row: Sequence[str]) -> Point:
    """Of time, value and step; the oldest files have no step."""
    return (int(row[2]) if len(row) > 2 else 0, int(row[0]), float(row[1]))
