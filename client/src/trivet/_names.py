"""Resource names, and URIs of models: the only module that splits or joins them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trivet._errors import InvalidArgument

_RUN_URI: Final = re.compile(r"runs:/+([^/]+)(?:/(.*))?")
_LOGGED_MODEL_URI: Final = re.compile(r"models:/+(m-[0-9a-f]{32})(?:/(.*))?")
_MODEL_URI: Final = re.compile(r"models:/+([^/@]+)(?:/([^/@]+)|@([^/@]+))(?:/(.*))?")
# Where the gateway says that files are (docs/gateway.md), with whatever lies before the id.
_SERVED_URI: Final = re.compile(
    r"mlflow-artifacts:(?://[^/]*)?/(?:.*?/)?(?:models/(m-[0-9a-f]{32})|([0-9a-f]{32}))/artifacts(?:/(.*))?"
)
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

    def experiments(self, experiment_ids: Sequence[str | int] | str | int) -> list[str]:
        """The names of experiments by their ids, or by one id alone."""
        ids = (experiment_ids,) if isinstance(experiment_ids, str | int) else experiment_ids
        return [self.experiment(experiment_id) for experiment_id in ids]

    def run(self, run_id: str) -> str:
        """`workspaces/{workspace}/runs/{run}`."""
        return f"{self.parent}/runs/{_segment(run_id, 'run_id')}"

    def logged_model(self, model_id: str) -> str:
        """`workspaces/{workspace}/loggedModels/{logged_model}`."""
        return f"{self.parent}/loggedModels/{_segment(model_id, 'model_id')}"

    def model(self, name: str) -> str:
        """`workspaces/{workspace}/models/{model}`."""
        return f"{self.parent}/models/{_segment(name, 'name')}"

    def model_version(self, name: str, version: str | int) -> str:
        """`workspaces/{workspace}/models/{model}/versions/{version}`."""
        if not _VERSION.fullmatch(str(version)):
            raise InvalidArgument(f"{version!r} is not a version: versions are numbers from 1 up.")
        return f"{self.model(name)}/versions/{version}"

    def rule(self, rule_id: str) -> str:
        """`workspaces/{workspace}/rules/{rule}`."""
        return f"{self.parent}/rules/{_segment(rule_id, 'rule_id')}"

    def promotion_request(self, promotion_request_id: str) -> str:
        """`workspaces/{workspace}/promotionRequests/{promotion_request}`."""
        return f"{self.parent}/promotionRequests/{_segment(promotion_request_id, 'promotion_request_id')}"

    def webhook(self, webhook_id: str) -> str:
        """`workspaces/{workspace}/webhooks/{webhook}`."""
        return f"{self.parent}/webhooks/{_segment(webhook_id, 'webhook_id')}"


def check_model_name(name: str) -> None:
    """Refuses what can be no name of a registered model. Raises InvalidArgument."""
    _segment(name, "registered_model_name")


def _segment(value: str, what: str) -> str:
    # Whatever else is wrong with an id, the server says; a slash would make it the name of something else.
    if not value or "/" in str(value):
        raise InvalidArgument(f"{what} is {value!r}; it must be a text that is not empty and has no slash.")
    return value


@dataclass(frozen=True)
class RunFiles:
    """`runs:/{run_id}/{path}`: files of a run."""

    run_id: str
    path: str = ""
    """Empty: all of them."""


@dataclass(frozen=True)
class LoggedModelFiles:
    """`models:/{model_id}/{path}`: files of a logged model."""

    model_id: str
    path: str = ""
    """Empty: all of them."""


@dataclass(frozen=True)
class RegisteredVersion:
    """`models:/{name}/{version}/{path}`: files of a version of a registered model, by its number."""

    name: str
    version: int
    path: str = ""
    """Empty: all of them."""


@dataclass(frozen=True)
class RegisteredStage:
    """`models:/{name}/{stage}/{path}`: files of the newest version in a stage."""

    name: str
    stage: str
    path: str = ""
    """Empty: all of them."""


@dataclass(frozen=True)
class RegisteredAlias:
    """`models:/{name}@{alias}/{path}`: files of the version that an alias points at."""

    name: str
    alias: str
    path: str = ""
    """Empty: all of them."""


@dataclass(frozen=True)
class Outside:
    """A URI of something that Trivet does not keep."""

    uri: str


Registered = RegisteredVersion | RegisteredStage | RegisteredAlias
FilesUri = RunFiles | LoggedModelFiles | Registered | Outside


def parse_files_uri(uri: str) -> FilesUri:
    """What the URI of a model, or of other files, names.

    Raises:
        InvalidArgument: it is none; says which forms there are.
    """
    if match := _RUN_URI.fullmatch(uri):
        return RunFiles(match[1], (match[2] or "").strip("/"))
    if match := _LOGGED_MODEL_URI.fullmatch(uri):
        return LoggedModelFiles(match[1], (match[2] or "").strip("/"))
    if match := _SERVED_URI.fullmatch(uri):
        path = (match[3] or "").strip("/")
        return LoggedModelFiles(match[1], path) if match[1] else RunFiles(match[2], path)
    if match := _MODEL_URI.fullmatch(uri):
        name, number_or_stage, alias, path = match[1], match[2], match[3], (match[4] or "").strip("/")
        if alias:
            return RegisteredAlias(name, alias, path)
        if _VERSION.fullmatch(number_or_stage):
            return RegisteredVersion(name, int(number_or_stage), path)
        return RegisteredStage(name, number_or_stage, path)
    if "://" in uri and not uri.startswith(("runs:", "models:")):
        return Outside(uri)
    raise InvalidArgument(
        f"{uri!r} does not name files. Use runs:/RUN_ID/PATH, models:/MODEL_ID/PATH for a logged model, or "
        "models:/NAME/VERSION, models:/NAME/STAGE or models:/NAME@ALIAS; to register what Trivet does not keep, a URI "
        "such as s3://BUCKET/PATH."
    )


def files_of_owner(text: str) -> RunFiles | LoggedModelFiles | Registered:
    """What the id of a run, or the URI of a run or model, names.

    Raises:
        InvalidArgument: it is a URI of something that Trivet does not keep, or none.
    """
    if ":/" not in text:
        return RunFiles(text)
    files = parse_files_uri(text)
    if isinstance(files, Outside):
        raise InvalidArgument(f"Trivet does not keep {text!r}. Use the id of a run, or a URI: runs:/ or models:/.")
    return files


def files_to_download(
    run_id: str | None, path: str, artifact_uri: str | None, artifact_path: str | None
) -> RunFiles | LoggedModelFiles | Registered:
    """What the arguments of `download_artifacts` name.

    Raises:
        InvalidArgument: they do not go together, or name what Trivet does not keep.
    """
    if (run_id is None) == (artifact_uri is None):
        raise InvalidArgument("Give either run_id or artifact_uri.")
    if path and artifact_path:
        raise InvalidArgument("path and artifact_path mean the same; give one of them.")
    path = path or artifact_path or ""
    if artifact_uri is None:
        assert run_id is not None
        if _RUN_URI.fullmatch(run_id) or _MODEL_URI.fullmatch(run_id):
            raise InvalidArgument(f"{run_id!r} is a URI, not the id of a run; give it as artifact_uri.")
        return RunFiles(run_id, path)
    if path:
        raise InvalidArgument("A path goes with run_id; with artifact_uri it is the end of the URI.")
    files = parse_files_uri(artifact_uri)
    if isinstance(files, Outside):
        raise InvalidArgument(f"Trivet does not keep {artifact_uri!r}; download it from where it is.")
    return files
