"""What is logged of trainings, as either product's client reads it, without what differs each time."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any


def told_of(client: Any, experiment_name: str) -> dict[str, Any]:
    """All of the one run of an experiment, and of the models that it made."""
    experiment_id = client.get_experiment_by_name(experiment_name).experiment_id
    (found,) = client.search_runs([experiment_id])
    run = client.get_run(found.info.run_id)
    return {
        "name": run.info.run_name,
        "status": run.info.status,
        "params": dict(run.data.params),
        "points": {key: _points(client, run.info.run_id, key) for key in sorted(run.data.metrics)},
        "tags": dict(run.data.tags),
        "datasets": sorted(_dataset(used) for used in run.inputs.dataset_inputs),
        "files": _files(client, run.info.run_id),
        "models": [_model(model) for model in client.search_logged_models([experiment_id])],
    }


def _points(client: Any, run_id: str, key: str) -> list[tuple[int, float]]:
    return sorted((point.step, _number(point.value)) for point in client.get_metric_history(run_id, key))


def _number(value: float) -> float:
    """A value without the last digits, which other processors compute differently."""
    return float(f"{value:.9g}")


def _dataset(used: Any) -> list[str]:
    """Its name, and what it was used for."""
    tags = used.tags if isinstance(used.tags, dict) else {tag.key: tag.value for tag in used.tags}
    return [used.dataset.name, tags["mlflow.data.context"]]


def _model(model: Any) -> dict[str, Any]:
    last: dict[str, list[Any]] = {}
    for each in sorted(model.metrics or (), key=lambda each: (each.step, each.timestamp)):
        last[each.key] = [each.step, _number(each.value)]
    return {"name": model.name, "status": str(model.status), "params": dict(model.params), "last": last}


def _files(client: Any, run_id: str, folder: str | None = None) -> dict[str, Any]:
    """What files there are, with what those of JSON hold; those of the model are not the run's."""
    found: dict[str, Any] = {}
    for each in client.list_artifacts(run_id, folder):
        if each.is_dir:
            found |= _files(client, run_id, each.path) if each.path != "model" else {}
        else:
            found[each.path] = _content(client, run_id, each.path) if each.path.endswith(".json") else ""
    return found


def _content(client: Any, run_id: str, path: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        text = Path(client.download_artifacts(run_id, path, folder)).read_text()
    return json.loads(text, parse_float=lambda digits: _number(float(digits)))
