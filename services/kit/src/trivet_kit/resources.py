"""Resource names: the only module that splits or joins them.

A name is a path whose first two segments are `workspaces/{workspace}`; see `ResourceKind` in
trivet/common/v1/options.proto for every form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trivet_kit.errors import ResourceNameInvalid
from trivet_proto.common.v1 import options_pb2

DEFAULT_WORKSPACE = "default"
# No capturing groups in these: a name's groups are its identifiers.
WORKSPACE_ID = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")
RUN_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,255}")
# MLflow's own form is `m-` and 32 hexadecimal digits; import keeps foreign ids. As long as a context of metrics takes.
LOGGED_MODEL_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,249}")
# 18 digits fit into a signed 64-bit integer; no leading zeros, so that an id has one spelling.
_DECIMAL_ID = re.compile(r"0|[1-9][0-9]{0,17}")
_VERSION = re.compile(r"[1-9][0-9]{0,17}")
_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")
_WEBHOOK_ID = re.compile(r"[0-9a-f]{32}")
_SAVED_VIEW_ID = re.compile(r"[0-9a-f]{32}")
_RULE_ID = re.compile(r"[0-9a-f]{32}")
_PROMOTION_REQUEST_ID = re.compile(r"[0-9a-f]{32}")
MODEL_ID = re.compile(r"(?!\.{1,2}(?:/|$))[^/:\x00-\x1f\x7f-\x9f]{1,250}")


@dataclass(frozen=True)
class WorkspaceName:
    """`workspaces/{workspace}`."""

    workspace: str

    def __str__(self) -> str:
        return f"workspaces/{self.workspace}"


@dataclass(frozen=True)
class ExperimentName:
    """`workspaces/{workspace}/experiments/{experiment}`."""

    workspace: str
    experiment_id: int

    def __str__(self) -> str:
        return f"workspaces/{self.workspace}/experiments/{self.experiment_id}"


@dataclass(frozen=True)
class RunName:
    """`workspaces/{workspace}/runs/{run}`."""

    workspace: str
    run_id: str

    def __str__(self) -> str:
        return f"workspaces/{self.workspace}/runs/{self.run_id}"


@dataclass(frozen=True)
class LoggedModelName:
    """`workspaces/{workspace}/loggedModels/{logged_model}`."""

    workspace: str
    model_id: str

    def __str__(self) -> str:
        return f"workspaces/{self.workspace}/loggedModels/{self.model_id}"


@dataclass(frozen=True)
class ModelName:
    """`workspaces/{workspace}/models/{model}`."""

    workspace: str
    model_id: str

    def __str__(self) -> str:
        return f"workspaces/{self.workspace}/models/{self.model_id}"


@dataclass(frozen=True)
class ModelVersionName:
    """`workspaces/{workspace}/models/{model}/versions/{version}`."""

    workspace: str
    model_id: str
    version: int

    @property
    def model(self) -> ModelName:
        """The name of the model."""
        return ModelName(self.workspace, self.model_id)

    def __str__(self) -> str:
        return f"{self.model}/versions/{self.version}"


@dataclass(frozen=True)
class ArtifactOwnerName:
    """The name of a run, a logged model or a model version, as the owner of files."""

    workspace: str
    name: str
    """The whole name; it has one spelling, so that it can be compared."""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class UploadName:
    """`workspaces/{workspace}/uploads/{upload}`."""

    workspace: str
    upload_id: str

    def __str__(self) -> str:
        return f"workspaces/{self.workspace}/uploads/{self.upload_id}"


@dataclass(frozen=True)
class WebhookName:
    """`workspaces/{workspace}/webhooks/{webhook}`."""

    workspace: str
    webhook_id: str

    def __str__(self) -> str:
        return f"workspaces/{self.workspace}/webhooks/{self.webhook_id}"


@dataclass(frozen=True)
class SavedViewName:
    """`workspaces/{workspace}/savedViews/{saved_view}`."""

    workspace: str
    saved_view_id: str

    def __str__(self) -> str:
        return f"workspaces/{self.workspace}/savedViews/{self.saved_view_id}"


@dataclass(frozen=True)
class RuleName:
    """`workspaces/{workspace}/rules/{rule}`."""

    workspace: str
    rule_id: str

    def __str__(self) -> str:
        return f"workspaces/{self.workspace}/rules/{self.rule_id}"


@dataclass(frozen=True)
class PromotionRequestName:
    """`workspaces/{workspace}/promotionRequests/{promotion_request}`."""

    workspace: str
    promotion_request_id: str

    def __str__(self) -> str:
        return f"workspaces/{self.workspace}/promotionRequests/{self.promotion_request_id}"


@dataclass(frozen=True)
class _Form:
    pattern: str
    regex: re.Pattern[str]


def _form(pattern: str, *identifiers: re.Pattern[str]) -> _Form:
    """The form of a name; `identifiers` give the segments in braces after the workspace, in order."""
    remaining = iter((WORKSPACE_ID, *identifiers))
    segments = (f"({next(remaining).pattern})" if "{" in segment else segment for segment in pattern.split("/"))
    return _Form(pattern, re.compile("/".join(segments)))


_FORMS: dict[int, tuple[_Form, ...]] = {
    options_pb2.RESOURCE_KIND_WORKSPACE: (_form("workspaces/{workspace}"),),
    options_pb2.RESOURCE_KIND_EXPERIMENT: (_form("workspaces/{workspace}/experiments/{experiment}", _DECIMAL_ID),),
    options_pb2.RESOURCE_KIND_RUN: (_form("workspaces/{workspace}/runs/{run}", RUN_ID),),
    options_pb2.RESOURCE_KIND_LOGGED_MODEL: (
        _form("workspaces/{workspace}/loggedModels/{logged_model}", LOGGED_MODEL_ID),
    ),
    options_pb2.RESOURCE_KIND_MODEL: (_form("workspaces/{workspace}/models/{model}", MODEL_ID),),
    options_pb2.RESOURCE_KIND_MODEL_VERSION: (
        _form("workspaces/{workspace}/models/{model}/versions/{version}", MODEL_ID, _VERSION),
    ),
    options_pb2.RESOURCE_KIND_UPLOAD: (_form("workspaces/{workspace}/uploads/{upload}", _UPLOAD_ID),),
    options_pb2.RESOURCE_KIND_WEBHOOK: (_form("workspaces/{workspace}/webhooks/{webhook}", _WEBHOOK_ID),),
    options_pb2.RESOURCE_KIND_SAVED_VIEW: (_form("workspaces/{workspace}/savedViews/{saved_view}", _SAVED_VIEW_ID),),
    options_pb2.RESOURCE_KIND_RULE: (_form("workspaces/{workspace}/rules/{rule}", _RULE_ID),),
    options_pb2.RESOURCE_KIND_PROMOTION_REQUEST: (
        _form("workspaces/{workspace}/promotionRequests/{promotion_request}", _PROMOTION_REQUEST_ID),
    ),
}
_FORMS[options_pb2.RESOURCE_KIND_ARTIFACT_OWNER] = (
    *_FORMS[options_pb2.RESOURCE_KIND_RUN],
    *_FORMS[options_pb2.RESOURCE_KIND_LOGGED_MODEL],
    *_FORMS[options_pb2.RESOURCE_KIND_MODEL_VERSION],
)


def _segments(name: str, kind: int, field: str) -> tuple[str, ...]:
    """The identifiers in a name, the workspace first.

    Raises:
        ResourceNameInvalid: the name does not have the kind's form.
    """
    for form in _FORMS[kind]:
        if match := form.regex.fullmatch(name):
            return match.groups()
    raise ResourceNameInvalid(field, " or ".join(form.pattern for form in _FORMS[kind]))


def workspace_of(name: str, kind: int, field: str) -> str:
    """The workspace of a name of a kind (`ResourceKind`); `field` is where it stood, for the error.

    Raises:
        ResourceNameInvalid: the name does not have the kind's form.
    """
    return _segments(name, kind, field)[0]


def workspace_of_any(name: str, field: str) -> str:
    """The workspace of a name of whatever kind. Raises ResourceNameInvalid."""
    for forms in _FORMS.values():
        for form in forms:
            if match := form.regex.fullmatch(name):
                return match[1]
    raise ResourceNameInvalid(field, "workspaces/{workspace}, or that of something in it")


def parse_workspace(name: str, field: str) -> WorkspaceName:
    """Parses `workspaces/{workspace}`. Raises ResourceNameInvalid."""
    return WorkspaceName(*_segments(name, options_pb2.RESOURCE_KIND_WORKSPACE, field))


def parse_experiment(name: str, field: str) -> ExperimentName:
    """Parses `workspaces/{workspace}/experiments/{experiment}`. Raises ResourceNameInvalid."""
    workspace, experiment_id = _segments(name, options_pb2.RESOURCE_KIND_EXPERIMENT, field)
    return ExperimentName(workspace, int(experiment_id))


def parse_run(name: str, field: str) -> RunName:
    """Parses `workspaces/{workspace}/runs/{run}`. Raises ResourceNameInvalid."""
    return RunName(*_segments(name, options_pb2.RESOURCE_KIND_RUN, field))


def parse_logged_model(name: str, field: str) -> LoggedModelName:
    """Parses `workspaces/{workspace}/loggedModels/{logged_model}`. Raises ResourceNameInvalid."""
    return LoggedModelName(*_segments(name, options_pb2.RESOURCE_KIND_LOGGED_MODEL, field))


def parse_model(name: str, field: str) -> ModelName:
    """Parses `workspaces/{workspace}/models/{model}`. Raises ResourceNameInvalid."""
    return ModelName(*_segments(name, options_pb2.RESOURCE_KIND_MODEL, field))


def parse_model_version(name: str, field: str) -> ModelVersionName:
    """Parses `workspaces/{workspace}/models/{model}/versions/{version}`. Raises ResourceNameInvalid."""
    workspace, model_id, version = _segments(name, options_pb2.RESOURCE_KIND_MODEL_VERSION, field)
    return ModelVersionName(workspace, model_id, int(version))


def model_version_in(owner: str) -> ModelVersionName | None:
    """The model version that an owner of artifacts is; None for one of another kind."""
    form = _FORMS[options_pb2.RESOURCE_KIND_MODEL_VERSION][0]
    if match := form.regex.fullmatch(owner):
        return ModelVersionName(match[1], match[2], int(match[3]))
    return None


def parse_artifact_owner(name: str, field: str) -> ArtifactOwnerName:
    """Parses the name of a run, a logged model or a model version. Raises ResourceNameInvalid."""
    workspace = _segments(name, options_pb2.RESOURCE_KIND_ARTIFACT_OWNER, field)[0]
    return ArtifactOwnerName(workspace, name)


def parse_upload(name: str, field: str) -> UploadName:
    """Parses `workspaces/{workspace}/uploads/{upload}`. Raises ResourceNameInvalid."""
    return UploadName(*_segments(name, options_pb2.RESOURCE_KIND_UPLOAD, field))


def parse_webhook(name: str, field: str) -> WebhookName:
    """Parses `workspaces/{workspace}/webhooks/{webhook}`. Raises ResourceNameInvalid."""
    return WebhookName(*_segments(name, options_pb2.RESOURCE_KIND_WEBHOOK, field))


def parse_saved_view(name: str, field: str) -> SavedViewName:
    """Parses `workspaces/{workspace}/savedViews/{saved_view}`. Raises ResourceNameInvalid."""
    return SavedViewName(*_segments(name, options_pb2.RESOURCE_KIND_SAVED_VIEW, field))


def parse_rule(name: str, field: str) -> RuleName:
    """Parses `workspaces/{workspace}/rules/{rule}`. Raises ResourceNameInvalid."""
    return RuleName(*_segments(name, options_pb2.RESOURCE_KIND_RULE, field))


def parse_promotion_request(name: str, field: str) -> PromotionRequestName:
    """Parses `workspaces/{workspace}/promotionRequests/{promotion_request}`. Raises ResourceNameInvalid."""
    return PromotionRequestName(*_segments(name, options_pb2.RESOURCE_KIND_PROMOTION_REQUEST, field))
