"""Where the files of a model came from: looked up when they are registered, and when somebody asks for it."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from trivet._entities import Run
from trivet._errors import ArtifactNotFound, FailedPrecondition, NotFound, TargetInvalid
from trivet._model_entities import ModelDataset, ModelSignature, ModelVersion, ModelVersionLineage
from trivet._names import FilesUri, LoggedModelFiles, RunFiles
from trivet._safe_paths import joined

if TYPE_CHECKING:
    from trivet._client import Client

_CONTEXT_TAG: Final = "mlflow.data.context"
# What the contract takes: model_version.proto, ModelSource.
_MAX_DATASETS: Final = 100
_MAX_COMMIT: Final = 250


@dataclass(frozen=True)
class ModelOrigin:
    """What is known of the making of a model; empty where it is not."""

    run_id: str = ""
    model_id: str = ""
    """Of the logged model."""
    git_commit: str = ""
    datasets: tuple[ModelDataset, ...] = ()
    signature: ModelSignature | None = None


def find_origin(client: Client, uri: FilesUri, *, with_signature: bool = True) -> ModelOrigin:
    """What tracking and the files themselves say of files of a run, or of a logged model; of others nothing.

    Both are asked at once. Without `with_signature`, only tracking is.

    Raises:
        ServerUnavailable: one of the services is away: what nobody notes now, nobody knows later.
    """
    if not isinstance(uri, RunFiles | LoggedModelFiles):
        return ModelOrigin()
    if not with_signature or importlib.util.find_spec("yaml") is None:
        return _of_files(client, uri)
    with ThreadPoolExecutor(1, thread_name_prefix="trivet-signature") as pool:
        signature = pool.submit(_signature, client, uri)
        return replace(_of_files(client, uri), signature=signature.result())


def find_lineage(client: Client, version: ModelVersion) -> ModelVersionLineage:
    """A version with the run that made it, as far as that is there still, and its files."""
    files = client.artifacts.list_model_version_artifacts(version, recursive=True) if version.artifact_owner else []
    run = None
    if version.run_id:
        try:
            run = client.get_run(version.run_id)
        except (NotFound, TargetInvalid):
            run = None
    return ModelVersionLineage(version, run, tuple(files))


def _of_files(client: Client, uri: RunFiles | LoggedModelFiles) -> ModelOrigin:
    """What tracking says."""
    return _of_run(client, uri.run_id) if isinstance(uri, RunFiles) else _of_logged_model(client, uri.model_id)


def _of_run(client: Client, run_id: str) -> ModelOrigin:
    try:
        run = client.tracking.get_run_inputs(run_id)
    except (NotFound, TargetInvalid):  # the latter of a client of the registry alone
        return ModelOrigin(run_id=run_id)
    return ModelOrigin(run_id=run_id, git_commit=run.info.git_commit[:_MAX_COMMIT], datasets=_datasets(run))


def _of_logged_model(client: Client, model_id: str) -> ModelOrigin:
    try:
        run_id = client.get_logged_model(model_id).source_run_id
    except (NotFound, TargetInvalid):
        return ModelOrigin(model_id=model_id)
    origin = _of_run(client, run_id) if run_id else ModelOrigin()
    return replace(origin, model_id=model_id)


def _datasets(run: Run) -> tuple[ModelDataset, ...]:
    inputs = run.inputs.dataset_inputs if run.inputs is not None else ()
    return tuple(
        ModelDataset(entry.dataset.name, entry.dataset.digest, entry.tags.get(_CONTEXT_TAG, ""))
        for entry in inputs[:_MAX_DATASETS]
    )


def _signature(client: Client, uri: RunFiles | LoggedModelFiles) -> ModelSignature | None:
    """What the MLmodel file says; None without such a file."""
    path = joined(uri.path, "MLmodel")
    try:
        if isinstance(uri, RunFiles):
            content = client.artifacts.read_artifact(uri.run_id, path)
        else:
            content = client.artifacts.read_logged_model_artifact(uri.model_id, path)
    except (ArtifactNotFound, FailedPrecondition, TargetInvalid):
        return None
    return read_signature(content)


def read_signature(mlmodel: bytes) -> ModelSignature | None:
    """The signature in the bytes of an MLmodel file; None where it has none, or is no such file."""
    yaml = importlib.import_module("yaml")
    try:
        parsed = yaml.load(mlmodel, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError):
        return None
    signature = parsed.get("signature") if isinstance(parsed, Mapping) else None
    if not isinstance(signature, Mapping):
        return None
    texts = {name: signature.get(name) or "" for name in ("inputs", "outputs", "params")}
    if not any(texts.values()) or not all(isinstance(text, str) for text in texts.values()):
        return None
    return ModelSignature(**texts)
