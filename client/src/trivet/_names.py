"""Resource names, and URIs of models: the only module that splits or joins them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from trivet._errors import InvalidArgument

_RUN_URI: Final = re.compile(r"runs:/+([^/]+)(?:/(.*))?")
_MODEL_URI: Final = re.compile(r"models:/+([^/@]+)(?:/([^/@]+)|@([^/@]+))")
_VERSION: Final = re.compile(r"[1-9][0-9]{0,17}")


def last_segment(name: str) -> str:
    """What people call it: the id at the end of a resource name."""
    return name.rpartition("/")[2]


def model_and_version(name: str) -> tuple[str, int]:
    """The model's name and the version's number in `workspaces/{workspace}/models/{model}/versions/{version}`."""
    segments = name.split("/")
    return segments[3], int(segments[5])


@dataclass(frozen=True)
class Names:
    """Makes the names of one workspace's resources."""

    workspace: str

    @property
    def parent(self) -> str:
        """`workspaces/{workspace}`."""
        return f"workspaces/{self.workspace}"

    def experiment(self, experiment_id: str | int) -> str:
        """`workspaces/{workspace}/experiments/{experiment}`."""
        return f"{self.parent}/experiments/{_segment(str(experiment_id), 'experiment_id')}"

    def run(self, run_id: str) -> str:
        """`workspaces/{workspace}/runs/{run}`."""
        return f"{self.parent}/runs/{_segment(run_id, 'run_id')}"

    def model(self, name: str) -> str:
        """`workspaces/{workspace}/models/{model}`."""
        return f"{self.parent}/models/{_segment(name, 'name')}"

    def model_version(self, name: str, version: str | int) -> str:
        """`workspaces/{workspace}/models/{model}/versions/{version}`."""
        if not _VERSION.fullmatch(str(version)):
            raise InvalidArgument(f"{version!r} is not a version: versions are numbers from 1 up.")
        return f"{self.model(name)}/versions/{version}"


def _segment(value: str, what: str) -> str:
    # Whatever else is wrong with an id, the server says; a slash would make it the name of something else.
    if not value or "/" in str(value):
        raise InvalidArgument(f"{what} is {value!r}; it must be a text that is not empty and has no slash.")
    return value


@dataclass(frozen=True)
class RunFiles:
    """`runs:/{run_id}/{path}`: files of a run."""

    run_id: str
    path: str
    """Empty: all of them."""


@dataclass(frozen=True)
class RegisteredVersion:
    """`models:/{name}/{version}`: a version of a registered model by its number."""

    name: str
    version: int


@dataclass(frozen=True)
class RegisteredStage:
    """`models:/{name}/{stage}`: the newest version in a stage."""

    name: str
    stage: str


@dataclass(frozen=True)
class RegisteredAlias:
    """`models:/{name}@{alias}`: the version that an alias points at."""

    name: str
    alias: str


@dataclass(frozen=True)
class Outside:
    """A URI of something that Trivet does not keep."""

    uri: str


ModelUri = RunFiles | RegisteredVersion | RegisteredStage | RegisteredAlias | Outside


def parse_model_uri(uri: str) -> ModelUri:
    """What a model URI names.

    Raises:
        InvalidArgument: it is none; says which forms there are.
    """
    if match := _RUN_URI.fullmatch(uri):
        return RunFiles(match[1], (match[2] or "").strip("/"))
    if match := _MODEL_URI.fullmatch(uri):
        if match[3]:
            return RegisteredAlias(match[1], match[3])
        return (
            RegisteredVersion(match[1], int(match[2]))
            if _VERSION.fullmatch(match[2])
            else (RegisteredStage(match[1], match[2]))
        )
    if "://" in uri and not uri.startswith(("runs:", "models:")):
        return Outside(uri)
    raise InvalidArgument(
        f"{uri!r} does not name a model. Use runs:/RUN_ID/PATH, models:/NAME/VERSION, models:/NAME/STAGE, "
        "models:/NAME@ALIAS, or a URI outside Trivet such as s3://BUCKET/PATH."
    )
