"""Registered models with their versions, stages and aliases."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from trivet._artifact_owners import of_logged_model as files_of_logged_model
from trivet._client import Client
from trivet._errors import ModelVersionNotFound, ServerUnavailable, TrivetError
from trivet._mlflow_import.comparison import Comparison, of_model
from trivet._mlflow_import.records import ModelRecord, VersionRecord
from trivet._mlflow_import.target import read_model
from trivet._model_entities import ModelVersion
from trivet._model_origins import find_origin
from trivet._names import LoggedModelFiles, RegisteredVersion, RunFiles, parse_files_uri

GAP_SOURCE: Final = "mlflow://deleted-version"
"""The source of a version that only takes up a number, and is deleted when all have theirs."""
# MLflow's layout of files.
_RUN_FILES: Final = re.compile(r".*/([0-9a-zA-Z][\w-]{0,255})/artifacts(?:/(.*))?")
_MODEL_FILES: Final = re.compile(r".*/models/(m-[0-9a-f]{32})/artifacts(?:/(.*))?")
_LONGEST_CHAIN: Final = 100


class ModelImport:
    """Brings registered models over, one after the other."""

    def __init__(self, client: Client, models: Sequence[ModelRecord], comparison: Comparison, *, writes: bool) -> None:
        """Prepares it.

        Args:
            client: Of the target.
            models: All models of the source: versions may be copies of one another.
            comparison: Takes both sides of each model.
            writes: False: only compare.
        """
        self._client = client
        self._versions: Mapping[tuple[str, int], VersionRecord] = {
            (model.name, version.number): version for model in models for version in model.versions
        }
        self._comparison = comparison
        self._writes = writes

    def take(self, model: ModelRecord) -> None:
        """Brings over what a model has not yet, and compares it."""
        where = f"model {model.name}"
        there: ModelRecord | None = None
        with self._noted(where):
            if self._writes:
                self._bring(model)
        with self._noted(where):
            there = read_model(self._client, model.name)
        self._comparison.add(where, of_model(self._expected(model, there)), {} if there is None else of_model(there))

    @contextmanager
    def _noted(self, where: str) -> Iterator[None]:
        """What is refused is a mismatch of one model, such as a name that none can have here."""
        try:
            yield
        except ServerUnavailable:
            raise
        except TrivetError as error:
            self._comparison.fail(where, "registered models", str(error))

    def _bring(self, model: ModelRecord) -> None:
        registry = self._client.registry
        there = read_model(self._client, model.name)
        if there is None:
            registry.create_registered_model(model.name, tags=model.tags, description=model.description)
            there = ModelRecord(model.name, model.description, model.tags, {}, ())
        if there.description != model.description:
            registry.update_registered_model(model.name, description=model.description)
        for key, value in model.tags.items():
            if there.tags.get(key) != value:
                registry.set_registered_model_tag(model.name, key, value)
        self._number(model, there)
        there = read_model(self._client, model.name)
        assert there is not None
        by_number = {version.number: version for version in there.versions}
        for version in model.versions:
            if version.number in by_number:
                self._update(model.name, version, by_number[version.number])
        for alias, number in model.aliases.items():
            if there.aliases.get(alias) != number:
                registry.set_registered_model_alias(model.name, alias, number)

    def _number(self, model: ModelRecord, there: ModelRecord) -> None:
        """Gives each version its number.

        The registry counts by itself. So versions come in order, and a number that MLflow has deleted is taken by a
        version that is deleted in the end: not before all are there, so that the greatest number always says how far it
        has come, also after a kill.
        """
        wanted = {version.number: version for version in model.versions}
        last = max(wanted, default=0)
        begin = max((version.number for version in there.versions), default=0) + 1
        for number in range(begin, last + 1):
            created = self._create(model.name, wanted.get(number))
            if created.version != number:
                self._client.registry.delete_model_version(model.name, created.version)
                raise ModelVersionNotFound(
                    f"Version {number} of {model.name!r} cannot be made: Trivet had others of this model, and counts "
                    f"on from {created.version}. Rename or delete the model in Trivet, and import again."
                )
        now = read_model(self._client, model.name)
        for version in () if now is None else now.versions:
            if version.source == GAP_SOURCE and version.number not in wanted:
                self._client.registry.delete_model_version(model.name, version.number)

    def _update(self, name: str, version: VersionRecord, there: VersionRecord) -> None:
        registry = self._client.registry
        if there.description != version.description:
            registry.update_model_version(name, version.number, description=version.description)
        for key, value in version.tags.items():
            if there.tags.get(key) != value:
                registry.set_model_version_tag(name, version.number, key, value)
        if there.stage != version.stage:
            registry.transition_model_version_stage(name, version.number, version.stage)

    def _create(self, name: str, version: VersionRecord | None) -> ModelVersion:
        """Makes the next version: of files in Trivet where they are there, else of their place in MLflow.

        None takes up a number.
        """
        registry = self._client.registry
        if version is None:
            return registry.create_model_version(name, GAP_SOURCE)
        source = self._origin(version).source
        files = files_named_by(source)
        if files is None or not self._has_files(files):
            return registry.create_model_version(
                name, outside(source), run_id=version.run_id, tags=version.tags, description=version.description
            )
        origin = find_origin(self._client, files)
        return registry.create_model_version(
            name,
            uri_of(files),
            run_id=version.run_id,
            model_id=origin.model_id,
            git_commit=origin.git_commit,
            datasets=origin.datasets,
            signature=origin.signature,
            tags=version.tags,
            description=version.description,
        )

    def _origin(self, version: VersionRecord) -> VersionRecord:
        """The version that it is a copy of, over all copies of copies; itself where it is none."""
        for _ in range(_LONGEST_CHAIN):
            if not version.source.startswith("models:/"):
                return version
            try:
                uri = parse_files_uri(version.source)
            except TrivetError:
                return version
            if not isinstance(uri, RegisteredVersion) or (uri.name, uri.version) not in self._versions:
                return version
            version = self._versions[uri.name, uri.version]
        return version

    def _has_files(self, files: RunFiles | LoggedModelFiles) -> bool:
        if isinstance(files, RunFiles):
            owner = files.run_id
            found = self._client.artifacts.list_artifacts(owner, path=files.path, recursive=True)
        else:
            model = files_of_logged_model(self._client.tracking.backfill.names, files.model_id)
            found = self._client.artifacts.list_artifacts(model, path=files.path, recursive=True)
        return bool(found)

    def _expected(self, model: ModelRecord, there: ModelRecord | None) -> ModelRecord:
        """A model as it is to be: a version is of files in Trivet, or of their place in MLflow."""
        sources = {} if there is None else {version.number: version.source for version in there.versions}
        versions = []
        for version in model.versions:
            origin = self._origin(version).source
            files = files_named_by(origin)
            possible = [outside(origin)] if files is None else [uri_of(files), outside(origin)]
            found = sources.get(version.number, "")
            versions.append(dataclasses.replace(version, source=found if found in possible else possible[0]))
        return dataclasses.replace(model, versions=tuple(versions))


def files_named_by(source: str) -> RunFiles | LoggedModelFiles | None:
    """The files of a run or logged model that MLflow's source of a version names; None for anything else."""
    if source.startswith(("runs:/", "models:/")):
        try:
            files = parse_files_uri(source)
        except TrivetError:
            return None
        return files if isinstance(files, RunFiles | LoggedModelFiles) else None
    if match := _MODEL_FILES.fullmatch(source):
        return LoggedModelFiles(match[1], (match[2] or "").strip("/"))
    if match := _RUN_FILES.fullmatch(source):
        return RunFiles(match[1], (match[2] or "").strip("/"))
    return None


def uri_of(files: RunFiles | LoggedModelFiles) -> str:
    """As Trivet writes it."""
    owner = f"runs:/{files.run_id}" if isinstance(files, RunFiles) else f"models:/{files.model_id}"
    return f"{owner}/{files.path}" if files.path else owner


def outside(source: str) -> str:
    """A source as a URI of something that Trivet does not keep."""
    if "://" in source and not source.startswith(("runs:", "models:")):
        return source
    return f"file://{source}" if source.startswith("/") else f"mlflow://{source}"
