"""An MLflow server."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from trivet._entities import Dataset, DatasetInput, LoggedModelOutput
from trivet._mlflow_import.records import (
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
from trivet._mlflow_import.rest_calls import Json, NotThere, RestCalls
from trivet._safe_paths import safe_join

_PAGE: Final = 1000
_POINTS_OF_PAGE: Final = 25_000
_LOGGED_MODELS_OF_PAGE: Final = 50
# By itself, the search of models leaves prompts out, which are models too.
_PROMPTS: Final = "tags.`mlflow.prompt.is_prompt` = 'true'"


class RestSource:
    """As `Source` has it."""

    def __init__(self, url: str, workspace: str) -> None:
        """Looks whether MLflow answers.

        Raises:
            InvalidArgument: something else does.
            ServerUnavailable: nobody answers.
        """
        self._calls = RestCalls(url, workspace)
        self._experiments = [
            _experiment(found) for found in self._found("experiments/search", "experiments", {"view_type": "ALL"})
        ]
        self._models: dict[str, list[LoggedModelRecord]] | None = None
        self._measured: dict[str, list[ModelPoint]] = {}

    def _found(self, path: str, items: str, body: Json, size: int = _PAGE) -> Iterator[Json]:
        """All pages of a search that is asked for by POST."""
        return _pages(lambda page: self._calls.post(path, {**body, **page}), items, size)

    def _listed(self, path: str, items: str, query: Json, size: int = _PAGE) -> Iterator[Json]:
        """All pages of a list that is asked for by GET."""
        return _pages(lambda page: self._calls.get(path, {**query, **page}), items, size)

    def experiments(self) -> Sequence[ExperimentRecord]:
        return sorted(self._experiments, key=lambda record: (len(record.source_id), record.source_id))

    def run_ids(self, experiment: ExperimentRecord) -> Sequence[str]:
        # Runs that are created meanwhile come last, and shift no page.
        body = {
            "experiment_ids": [experiment.source_id],
            "run_view_type": "ALL",
            "order_by": ["attributes.start_time ASC"],
        }
        return list(dict.fromkeys(run["info"]["run_id"] for run in self._found("runs/search", "runs", body)))

    def run(self, run_id: str) -> RunRecord:
        run = self._calls.get("runs/get", {"run_id": run_id})["run"]
        info, data = run["info"], run.get("data", {})
        inputs = run.get("inputs", {})
        tags = _pairs(data.get("tags", ()))
        keys = dict.fromkeys(metric["key"] for metric in data.get("metrics", ()))
        self._read_models()
        return RunRecord(
            run_id=run_id,
            name=tags.get("mlflow.runName") or info.get("run_name", ""),
            status=info["status"],
            start_time=int(info.get("start_time", 0)),
            end_time=int(info["end_time"]) if "end_time" in info else None,
            user=info.get("user_id") or tags.get("mlflow.user", ""),
            source=tags.get("mlflow.source.name", ""),
            git_commit=tags.get("mlflow.source.git.commit", ""),
            parent_run_id=tags.get("mlflow.parentRunId", ""),
            description=tags.get(NOTE_TAG, ""),
            is_deleted=info["lifecycle_stage"] == "deleted",
            params=_pairs(data.get("params", ())),
            tags=tags,
            datasets=tuple(map(_dataset, inputs.get("dataset_inputs", ()))),
            input_models=tuple(sorted(model["model_id"] for model in inputs.get("model_inputs", ()))),
            outputs=tuple(
                LoggedModelOutput(made["model_id"], int(made.get("step", 0)))
                for made in run.get("outputs", {}).get("model_outputs", ())
            ),
            series=to_series({key: self._history(run_id, key) for key in keys}, self._measured.get(run_id, ())),
            artifact_uri=info.get("artifact_uri", ""),
        )

    def _history(self, run_id: str, key: str) -> Iterator[Point]:
        query = {"run_id": run_id, "metric_key": key}
        return map(_point, self._listed("metrics/get-history", "metrics", query, _POINTS_OF_PAGE))

    def logged_models(self, experiment: ExperimentRecord) -> Sequence[LoggedModelRecord]:
        return self._read_models().get(experiment.source_id, ())

    def _read_models(self) -> Mapping[str, Sequence[LoggedModelRecord]]:
        """All of them, by the experiment: a run may measure a model of another one."""
        if self._models is None:
            self._models = {}
            for experiment in self._experiments:
                body = {"experiment_ids": [experiment.source_id]}
                try:
                    found = list(self._found("logged-models/search", "models", body, _LOGGED_MODELS_OF_PAGE))
                except NotThere:  # before MLflow 3
                    break
                self._models[experiment.source_id] = [_logged_model(model) for model in found]
                for model in found:
                    for metric in model.get("data", {}).get("metrics", ()):
                        self._measured.setdefault(metric["run_id"], []).append(
                            ModelPoint(
                                metric["key"],
                                model["info"]["model_id"],
                                metric.get("dataset_name", ""),
                                metric.get("dataset_digest", ""),
                                _point(metric),
                            )
                        )
        return self._models

    def registered_models(self) -> Iterable[ModelRecord]:
        names = {
            model["name"]
            for query in ({}, {"filter": _PROMPTS})
            for model in self._listed("registered-models/search", "registered_models", query)
        }
        for name in sorted(names):
            model = self._calls.get("registered-models/get", {"name": name})["registered_model"]
            quote = '"' if "'" in name else "'"
            versions = self._listed(
                "model-versions/search", "model_versions", {"filter": f"name = {quote}{name}{quote}"}
            )
            yield ModelRecord(
                name,
                model.get("description", ""),
                _pairs(model.get("tags", ())),
                {alias["alias"]: int(alias["version"]) for alias in model.get("aliases", ())},
                tuple(sorted(map(_version, versions), key=lambda version: version.number)),
            )

    @contextmanager
    def files(self, owner: RunRecord | LoggedModelRecord) -> Iterator[Path | None]:
        with tempfile.TemporaryDirectory(prefix="trivet-import-") as name:
            folder = Path(name)
            found = False
            for path in self._paths(owner, ""):
                place = safe_join(folder, path)
                place.parent.mkdir(parents=True, exist_ok=True)
                self._fetch(owner, path, place)
                found = True
            yield folder if found else None

    def _paths(self, owner: RunRecord | LoggedModelRecord, folder: str) -> Iterator[str]:
        """The files below a folder."""
        if isinstance(owner, RunRecord):
            files = self._listed("artifacts/list", "files", {"run_id": owner.run_id, "path": folder})
        else:
            path = f"logged-models/{owner.model_id}/artifacts/directories"
            files = self._listed(path, "files", {"artifact_directory_path": folder})
        for file in files:
            if file.get("is_dir"):
                yield from self._paths(owner, file["path"])
            else:
                yield file["path"]

    def _fetch(self, owner: RunRecord | LoggedModelRecord, path: str, place: Path) -> None:
        if isinstance(owner, RunRecord):
            self._calls.download("get-artifact", {"run_id": owner.run_id, "path": path}, place)
        else:
            url = f"ajax-api/2.0/mlflow/logged-models/{owner.model_id}/artifacts/files"
            self._calls.download(url, {"artifact_file_path": path}, place)

    def close(self) -> None:
        """Nothing is open."""


def _pages(ask: Callable[[Json], Json], items: str, size: int) -> Iterator[Json]:
    page: Json = {"max_results": size}
    while True:
        answer = ask(page)
        yield from answer.get(items, ())
        token = answer.get("next_page_token", "")
        if not token:
            return
        page = {"max_results": size, "page_token": token}


def _experiment(found: Json) -> ExperimentRecord:
    tags = _pairs(found.get("tags", ()))
    return ExperimentRecord(
        found["experiment_id"], found["name"], found["lifecycle_stage"] == "deleted", tags.get(NOTE_TAG, ""), tags
    )


def _logged_model(model: Json) -> LoggedModelRecord:
    info = model["info"]
    return LoggedModelRecord(
        info["model_id"],
        info.get("name", ""),
        info.get("model_type", ""),
        info.get("source_run_id", ""),
        info["status"].removeprefix("LOGGED_MODEL_"),
        _pairs(model.get("data", {}).get("params", ())),
        _pairs(info.get("tags", ())),
        info.get("artifact_uri", ""),
    )


def _version(found: Json) -> VersionRecord:
    return VersionRecord(
        int(found["version"]),
        found.get("source", ""),
        found.get("run_id", ""),
        found.get("current_stage") or "None",
        found.get("description", ""),
        _pairs(found.get("tags", ())),
    )


def _dataset(used: Json) -> DatasetInput:
    dataset = used["dataset"]
    texts = (dataset.get(name, "") for name in ("name", "digest", "source_type", "source", "schema", "profile"))
    return DatasetInput(Dataset(*texts), _pairs(used.get("tags", ())))


def _point(metric: Json) -> Point:
    # NaN and the infinities come as texts.
    return (int(metric.get("step", 0)), int(metric["timestamp"]), float(metric.get("value", 0)))


def _pairs(items: Iterable[Any]) -> dict[str, str]:
    return {item["key"]: item.get("value", "") for item in items}
