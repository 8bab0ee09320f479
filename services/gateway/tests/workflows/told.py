"""What a server tells of an experiment and of models, without what differs each time: ids, times, random names."""

from __future__ import annotations

import hashlib
import json
import math
import re
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import ViewType

_RANDOM = (
    (re.compile(r"\bm-[0-9a-f]{32}\b"), "MODEL"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "UUID"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "ID"),
    (re.compile(r"\btimestamp\+[0-9]+\b"), "timestamp"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?"), "TIME"),
    (re.compile(r"\b[a-z]+-[a-z]+-[0-9]{1,3}\b"), "random-name-1"),
    (re.compile(r"mlflow-artifacts:/[0-9]+\b"), "mlflow-artifacts:/EXPERIMENT"),
    (re.compile(r"\bsk-[a-z]+-id-[0-9]+\b"), "sk-id"),
    (re.compile(r"/tmp/\w+"), "/tmp/FOLDER"),
)
# How long something took, and how large a pickle is that has ids in it.
_MEASURED = re.compile(r"time|per_second|size_bytes")
# Upstream's server and its client both write it, and so have each version twice, once as a number.
_VERSIONS = "mlflow.modelVersions"


def masked(text: str) -> str:
    """A text without what is random in it."""
    for pattern, name in _RANDOM:
        text = pattern.sub(name, text)
    return text


def of_experiment(name: str) -> dict[str, Any]:
    """All of an experiment: runs with their points and files, and logged models. Ids become numbers."""
    client = MlflowClient()
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    experiments = [experiment.experiment_id]
    runs = _all(lambda token: client.search_runs(experiments, "", ViewType.ALL, 100, page_token=token))
    told_runs = [(run.info.run_id, _run(client, run)) for run in runs]
    models: list[tuple[str, dict[str, Any]]] = []
    if hasattr(client, "search_logged_models"):
        found = _all(lambda token: client.search_logged_models(experiments, max_results=50, page_token=token))
        models = [(model.model_id, _model(model)) for model in found]
    experiment_told = {
        "name": experiment.name,
        "tags": experiment.tags,
        "stage": experiment.lifecycle_stage,
        "location": experiment.artifact_location,
    }
    told: dict[str, Any] = numbered({"run": told_runs, "model": models}, experiment_told)
    return told


def of_models(prefix: str) -> list[dict[str, Any]]:
    """All of the registered models whose names begin so."""
    client = MlflowClient()
    models = _all(lambda token: client.search_registered_models(f"name LIKE '{prefix}%'", 50, None, token))
    return [
        {
            "name": model.name,
            "description": model.description,
            "tags": model.tags,
            "aliases": model.aliases,
            "latest": {each.current_stage: each.version for each in model.latest_versions},
            "versions": [
                {
                    "version": version.version,
                    "stage": version.current_stage,
                    "description": version.description,
                    "source": masked(version.source),
                    "has_run": bool(version.run_id),
                    "status": version.status,
                    "tags": version.tags,
                    "aliases": sorted(client.get_model_version(model.name, version.version).aliases),
                }
                for version in sorted(
                    client.search_model_versions(f"name = '{model.name}'"), key=lambda each: int(each.version)
                )
            ],
        }
        for model in models
    ]


def numbered(things: dict[str, list[tuple[str, dict[str, Any]]]], rest: dict[str, Any]) -> dict[str, Any]:
    """Things in the order of what they are, with numbers in place of their ids, wherever these are named."""
    text_of: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for kind, entries in things.items():
        entries.sort(key=lambda entry: masked(json.dumps(entry[1], sort_keys=True)))
        names |= {thing_id: f"{kind}-{number}" for number, (thing_id, _) in enumerate(entries)}
        text_of[kind] = [json.dumps(told, sort_keys=True) for _, told in entries]

    def without_ids(text: str) -> Any:
        for thing_id, name in names.items():
            text = text.replace(thing_id, name)
        told = json.loads(masked(text))
        for models in (told.get("models_in"), told.get("models_out")):
            if models:
                models.sort()
        return told

    return {
        **{f"{kind}s": [without_ids(text) for text in texts] for kind, texts in text_of.items()},
        "experiment": without_ids(json.dumps(rest)),
    }


def tags_of(tags: dict[str, str]) -> dict[str, object]:
    """Tags, but for those that say from which state of a repository a program came, and the one that is ours."""
    left_out = (_VERSIONS, "mlflow.source.git.", "trivet.mlflow.cut")
    return {key: _tag(value) for key, value in sorted(tags.items()) if not key.startswith(left_out)}


def failure(act: Callable[[], object]) -> str:
    """The class and the code of what an act raises."""
    try:
        act()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        return f"{type(error).__name__} {getattr(error, 'error_code', '')}".strip()
    return "nothing"


def number(value: float) -> float | str:
    """A value that JSON has; the last digits of what was computed are left out."""
    return float(f"{value:.10g}") if math.isfinite(value) else str(value)


def _all(page: Callable[[str | None], Any]) -> list[Any]:
    found: list[Any] = []
    token = None
    while True:
        entries = page(token)
        found.extend(entries)
        token = entries.token
        if not token:
            return found


def _run(client: MlflowClient, run: Any) -> dict[str, Any]:
    info, data = run.info, run.data
    # A search of MLflow's server leaves out which models a run uses.
    inputs, outputs = client.get_run(info.run_id).inputs, getattr(run, "outputs", None)
    return {
        "name": info.run_name,
        "status": info.status,
        "stage": info.lifecycle_stage,
        "user": info.user_id,
        "is_ended": info.end_time is not None,
        "artifact_uri": info.artifact_uri,
        "params": data.params,
        "last": {key: _value(key, value) for key, value in sorted(data.metrics.items())},
        "points": {
            key: [(point.step, _value(key, point.value)) for point in client.get_metric_history(info.run_id, key)]
            for key in sorted(data.metrics)
        },
        "tags": tags_of(data.tags),
        "datasets": sorted(
            (
                {**_dataset(used.dataset), "tags": {tag.key: tag.value for tag in used.tags}}
                for used in inputs.dataset_inputs
            ),
            key=str,
        ),
        "models_in": sorted(str(each.model_id) for each in getattr(inputs, "model_inputs", None) or []),
        "models_out": sorted((each.model_id, each.step) for each in outputs.model_outputs) if outputs else [],
        "listed": sorted((each.path, each.is_dir) for each in client.list_artifacts(info.run_id)),
        "files": _files(info.artifact_uri) if client.list_artifacts(info.run_id) else {},
    }


def _dataset(dataset: Any) -> dict[str, Any]:
    """A dataset; one that a program made names the program, its place and its state in a repository."""
    told = dict(dataset)
    return told | {"source": "a program"} if told["source_type"] == "code" else told


def _model(model: Any) -> dict[str, Any]:
    return {
        "name": model.name,
        "status": str(model.status),
        "type": model.model_type,
        "source_run": model.source_run_id,
        "location": model.artifact_location,
        "params": model.params,
        "tags": tags_of(model.tags),
        "versions": sorted(
            {(each["name"], str(each["version"])) for each in json.loads(model.tags.get(_VERSIONS, "[]"))}
        ),
        "metrics": sorted(_last_of(model.metrics or []).items()),
        "files": _files(model.artifact_location)
        if str(model.status) == "READY" and model.tags.get("files") != "none"
        else {},
    }


def _last_of(metrics: list[Any]) -> dict[str, tuple[int, float | str]]:
    """The last of each metric and dataset: MLflow's server lists all points, ours the last ones."""
    last: dict[str, tuple[int, float | str]] = {}
    for each in sorted(metrics, key=lambda each: (each.step, each.timestamp)):
        last[f"{each.key} {each.dataset_name} {each.dataset_digest}"] = (each.step, _value(each.key, each.value))
    return last


def _value(key: str, value: float) -> float | str:
    return "measured" if _MEASURED.search(key) else number(value)


def _tag(value: str) -> object:
    """A tag; one of JSON without the spaces and times in it."""
    try:
        parsed = json.loads(value)
    except ValueError:
        return value
    return parsed if not isinstance(parsed, list | dict) else masked(json.dumps(parsed, sort_keys=True))


def _files(uri: str) -> dict[str, str]:
    """What was stored, downloaded: a digest of each file, or of its text without what is random in it."""
    with tempfile.TemporaryDirectory() as folder:
        there = Path(mlflow.artifacts.download_artifacts(uri, dst_path=folder))
        files: Iterable[Path] = sorted(file for file in there.rglob("*") if file.is_file())
        return {masked(str(file.relative_to(there))): _digest(file) for file in files}


def _digest(file: Path) -> str:
    content = file.read_bytes()
    if file.suffix in (".pkl", ".skops", ".ckpt", ".bin"):
        return "pickled"  # of objects with ids
    if file.name in ("cv_results.csv", "estimator.html"):
        return "has times"
    try:
        text = masked(content.decode())
    except UnicodeDecodeError:
        return f"{len(content)} {hashlib.sha256(content).hexdigest()[:12]}"
    # Sorted: some lists in files of models are made of sets.
    lines = sorted(line for line in text.splitlines() if not _MEASURED.search(line))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
