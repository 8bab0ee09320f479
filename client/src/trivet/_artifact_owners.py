"""What has files: runs, logged models and versions of models, by the names that the artifact service knows them by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trivet._errors import ArtifactNotFound, FailedPrecondition, ModelVersionNotReady

if TYPE_CHECKING:
    from trivet._entities import OwnerKind
    from trivet._model_entities import ModelVersion
    from trivet._names import Names


@dataclass(frozen=True)
class ArtifactOwner:
    """What has files: a run, a logged model, or a version of a registered model."""

    kind: OwnerKind
    owner_id: str
    """Of the run or logged model; of a version its number."""
    name: str
    """Its resource name, as the artifact service has it."""
    uri: str
    """All its files: `runs:/RUN_ID`, `models:/MODEL_ID` or `models:/NAME/VERSION`."""
    title: str
    """For people, as a sentence begins with it: `The run 0192f0c1`."""
    version: ModelVersion | None = None
    """The version that it is; None of other kinds."""


@dataclass(frozen=True)
class ArtifactPlace:
    """Where files are: an owner, and a path in it."""

    owner: ArtifactOwner
    path: str
    """A file or folder; empty for all that the owner has."""


Owner = str | ArtifactOwner
"""The id of a run, or an owner of any kind."""


def owner_of(names: Names, owner: Owner) -> ArtifactOwner:
    """The owner itself; a text is the id of a run."""
    return of_run(names, owner) if isinstance(owner, str) else owner


def of_run(names: Names, run_id: str) -> ArtifactOwner:
    """A run, whether or not it is there."""
    return ArtifactOwner("run", run_id, names.run(run_id), f"runs:/{run_id}", f"The run {run_id}")


def of_logged_model(names: Names, model_id: str) -> ArtifactOwner:
    """A logged model, whether or not it is there."""
    return ArtifactOwner(
        "logged_model", model_id, names.logged_model(model_id), f"models:/{model_id}", f"The logged model {model_id}"
    )


def of_model_version(version: ModelVersion) -> ArtifactOwner:
    """A version of a registered model. Its files are its own: they stay when its source goes, or the model is renamed.

    Raises:
        ModelVersionNotReady: its files are not in place.
        ArtifactNotFound: it is one of a source outside Trivet.
    """
    title = f"Version {version.version} of {version.name!r}"
    if version.status != "READY":
        why = f": {version.status_message}" if version.status_message else ""
        raise ModelVersionNotReady(f"{title} is {version.status}, so its files cannot be read{why}.")
    uri = f"models:/{version.name}/{version.version}"
    return ArtifactOwner("model_version", str(version.version), stored_name(version), uri, title, version)


def stored_name(version: ModelVersion) -> str:
    """The resource name of a version's files. Raises ArtifactNotFound for a source outside."""
    if not version.artifact_owner:
        raise ArtifactNotFound(
            f"Version {version.version} of {version.name!r} was registered as {version.source!r}, which Trivet does "
            "not keep. Get it from there."
        )
    return version.artifact_owner


def check_writable(owner: ArtifactOwner) -> None:
    """Raises FailedPrecondition for a version of a model: what was registered is not changed."""
    if owner.kind == "model_version":
        raise FailedPrecondition(
            f"{owner.title} is read only: what was registered is not changed. Register another version instead.",
            metadata={"owner": owner.name},
        )
