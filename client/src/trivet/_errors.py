"""The errors that callers of Trivet see.

TrivetError
├── TargetInvalid              an address that cannot be used
├── ClientClosed               a call on a client after its close()
├── SpoolUnusable              what is logged cannot be kept on this machine
│   └── SpoolFull
├── InvalidArgument            a value that can never be right (also a ValueError)
│   ├── FilterInvalid
│   └── OrderByInvalid
├── NotFound
│   ├── WorkspaceNotFound
│   ├── ExperimentNotFound
│   ├── RunNotFound
│   ├── LoggedModelNotFound
│   ├── RuleNotFound
│   ├── TagNotFound
│   ├── ArtifactNotFound
│   ├── ModelNotFound
│   ├── ModelVersionNotFound
│   ├── ModelAliasNotFound
│   ├── PromotionRequestNotFound
│   └── WebhookNotFound
├── AlreadyExists
│   ├── ExperimentNameTaken
│   ├── RunIdTaken
│   ├── LoggedModelIdTaken
│   ├── RuleNameTaken
│   └── ModelNameTaken
├── FailedPrecondition         not now: something has to be changed first
│   ├── ExperimentDeleted
│   ├── RunDeleted
│   ├── ParamChanged
│   ├── ResumeTokenExpired
│   ├── LoggedModelFinalized
│   ├── ModelVersionNotReady
│   ├── ModelSourceUnusable
│   ├── StageProtected
│   ├── AliasProtected
│   ├── PromotionNotProtected
│   ├── PromotionRequestEnded
│   ├── ModelVersionUnverified
│   ├── StageInUse
│   └── ThresholdMissed
├── ProjectFailed              the command of a project did not end well
├── Conflict                   somebody else was faster; read again and repeat
├── CredentialsInvalid
├── PermissionDenied
├── ResourceExhausted
│   ├── Overloaded
│   ├── QuotaExceeded
│   └── MessageTooLarge
├── DeadlineExceeded
├── ServerUnavailable          nobody answers, or not now; the same call may be sent again
├── MethodUnknown              the server is older than this client
├── ServerError                a fault of the server
└── ArtifactCorrupt            a download that is not what the server said it would be

A failed call becomes the class of its reason (`trivet.common.v1.ErrorReason`), and the class of its status code where
the reason has none of its own.
"""

from __future__ import annotations

from collections.abc import Mapping


class TrivetError(Exception):
    """What every error of Trivet is. Holds facts beside its sentence; which there are depends on the reason."""

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        request_id: str = "",
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        """What happened, with what, and what to do."""
        self.reason = reason
        """A name of `trivet.common.v1.ErrorReason` without its prefix; empty where no Trivet server answered."""
        self.metadata = dict(metadata or {})
        """The facts of the reason, as its comment in the contract lists them."""
        self.request_id = request_id
        """Under which the server's log has the call; empty where no server answered."""
        self.retry_after_seconds = retry_after_seconds
        """How long the server asked to wait; None where it did not."""


class TargetInvalid(TrivetError):
    """An address that cannot be used; says which ones can."""


class ClientClosed(TrivetError):
    """The client was closed before the call."""


class SpoolUnusable(TrivetError):
    """What is logged cannot be kept on this machine; says what to set."""


class SpoolFull(SpoolUnusable):
    """There is no room for what is logged, and none will be freed."""


class InvalidArgument(TrivetError, ValueError):
    """A value that can never be right."""


class FilterInvalid(InvalidArgument):
    """A filter that cannot be understood; `metadata["position"]` counts characters from 1."""


class OrderByInvalid(InvalidArgument):
    """An order that cannot be understood; `metadata["position"]` counts characters from 1."""


class NotFound(TrivetError):
    """There is no such thing, or none that the caller may see."""


class WorkspaceNotFound(NotFound):
    """No such workspace, or none that the caller may see."""


class ExperimentNotFound(NotFound):
    """No such experiment."""


class RunNotFound(NotFound):
    """No such run."""


class LoggedModelNotFound(NotFound):
    """No such logged model, or a deleted one."""


class TagNotFound(NotFound):
    """No such tag."""


class ArtifactNotFound(NotFound):
    """No such file or folder."""


class ModelNotFound(NotFound):
    """No such registered model."""


class ModelVersionNotFound(NotFound):
    """No such model version."""


class ModelAliasNotFound(NotFound):
    """The model has no such alias."""


class RuleNotFound(NotFound):
    """No such rule on live metrics."""


class PromotionRequestNotFound(NotFound):
    """The workspace has no such promotion request."""


class WebhookNotFound(NotFound):
    """No such webhook."""


class AlreadyExists(TrivetError):
    """It is there already."""


class ExperimentNameTaken(AlreadyExists):
    """The workspace has an experiment of that name, perhaps a deleted one."""


class RunIdTaken(AlreadyExists):
    """A run of that id was created with other content."""


class LoggedModelIdTaken(AlreadyExists):
    """A logged model of that id was created with other content, or is deleted."""


class RuleNameTaken(AlreadyExists):
    """The experiment or run has a rule of that name, which says something else."""


class ModelNameTaken(AlreadyExists):
    """The workspace has a model of that name."""


class FailedPrecondition(TrivetError):
    """Not now: something has to be changed first."""


class ExperimentDeleted(FailedPrecondition):
    """The experiment is deleted; restore it first."""


class RunDeleted(FailedPrecondition):
    """The run, or its experiment, is deleted; restore it first."""


class ParamChanged(FailedPrecondition):
    """The param was logged before with another value; params are written once."""


class ResumeTokenExpired(FailedPrecondition):
    """Changes are no longer kept from as far back as the token says; watch anew, and read the runs again."""


class LoggedModelFinalized(FailedPrecondition):
    """The logged model has another status for good."""


class ModelVersionNotReady(FailedPrecondition):
    """The files of the model version are not in place."""


class ModelSourceUnusable(FailedPrecondition):
    """The files that a model version was to be made of are not there, or may not be read."""


class StageProtected(FailedPrecondition):
    """The stage is protected. Where `metadata["approvals"]` is not 0, so many approvals let a promotion through."""


class AliasProtected(FailedPrecondition):
    """The alias is protected. Where `metadata["approvals"]` is not 0, so many approvals let a promotion through."""


class PromotionNotProtected(FailedPrecondition):
    """Nothing of what was asked for is protected: it can be done at once."""


class PromotionRequestEnded(FailedPrecondition):
    """The promotion request is no longer PENDING; `metadata["state"]` is how it ended."""


class ModelVersionUnverified(FailedPrecondition):
    """The files of the model version are outside of Trivet, and cannot enter a protected stage."""


class StageInUse(FailedPrecondition):
    """A stage cannot be left out of the workspace's while a version is in it."""


class ThresholdMissed(FailedPrecondition):
    """A model did not reach what a comparison asks of it; `metadata["metrics"]` says where, with commas between."""


class ProjectFailed(TrivetError):
    """The command of a project did not end well; `metadata["run_id"]` names its run."""


class Conflict(TrivetError):
    """Somebody else changed it meanwhile; read it again and repeat the change."""


class CredentialsInvalid(TrivetError):
    """No token, or one that does not verify."""


class PermissionDenied(TrivetError):
    """The caller may not do this."""


class ResourceExhausted(TrivetError):
    """More than the server takes."""


class Overloaded(ResourceExhausted):
    """More is waiting than the server takes in; try again after `retry_after_seconds`."""


class QuotaExceeded(ResourceExhausted):
    """The workspace has used up a quota; `metadata` says which, and its limit."""

    @property
    def is_rate(self) -> bool:
        """Whether it is one of so much a second, so that waiting for `retry_after_seconds` helps."""
        return self.retry_after_seconds is not None


class MessageTooLarge(ResourceExhausted):
    """A message of more bytes than the server takes."""


class DeadlineExceeded(TrivetError):
    """The call took longer than its timeout. Whether it had an effect is open."""


class ServerUnavailable(TrivetError):
    """No server answers, or it cannot work now. The same call may be sent again."""


class MethodUnknown(TrivetError):
    """The server does not have the method: it is another version, or has another service."""


class ServerError(TrivetError):
    """A fault of the server; its log has the cause under `request_id`."""


class ArtifactCorrupt(FailedPrecondition):
    """The bytes that arrived, or the names they came under, are not what they have to be. Nothing was kept."""


BY_REASON: Mapping[str, type[TrivetError]] = {
    "FILTER_INVALID": FilterInvalid,
    "ORDER_BY_INVALID": OrderByInvalid,
    "WORKSPACE_NOT_FOUND": WorkspaceNotFound,
    "EXPERIMENT_NOT_FOUND": ExperimentNotFound,
    "RUN_NOT_FOUND": RunNotFound,
    "LOGGED_MODEL_NOT_FOUND": LoggedModelNotFound,
    "TAG_NOT_FOUND": TagNotFound,
    "ARTIFACT_CORRUPT": ArtifactCorrupt,
    "ARTIFACT_NOT_FOUND": ArtifactNotFound,
    "MODEL_NOT_FOUND": ModelNotFound,
    "MODEL_VERSION_NOT_FOUND": ModelVersionNotFound,
    "MODEL_ALIAS_NOT_FOUND": ModelAliasNotFound,
    "EXPERIMENT_NAME_TAKEN": ExperimentNameTaken,
    "RUN_ID_TAKEN": RunIdTaken,
    "LOGGED_MODEL_ID_TAKEN": LoggedModelIdTaken,
    "MODEL_NAME_TAKEN": ModelNameTaken,
    "EXPERIMENT_DELETED": ExperimentDeleted,
    "RUN_DELETED": RunDeleted,
    "PARAM_CHANGED": ParamChanged,
    "RESUME_TOKEN_EXPIRED": ResumeTokenExpired,
    "LOGGED_MODEL_FINALIZED": LoggedModelFinalized,
    "MODEL_VERSION_NOT_READY": ModelVersionNotReady,
    "MODEL_SOURCE_UNUSABLE": ModelSourceUnusable,
    "STAGE_PROTECTED": StageProtected,
    "ALIAS_PROTECTED": AliasProtected,
    "MODEL_VERSION_UNVERIFIED": ModelVersionUnverified,
    "STAGE_IN_USE": StageInUse,
    "PROMOTION_REQUEST_NOT_FOUND": PromotionRequestNotFound,
    "PROMOTION_NOT_PROTECTED": PromotionNotProtected,
    "PROMOTION_REQUEST_ENDED": PromotionRequestEnded,
    "WEBHOOK_NOT_FOUND": WebhookNotFound,
    "RULE_NOT_FOUND": RuleNotFound,
    "RULE_NAME_TAKEN": RuleNameTaken,
    "OVERLOADED": Overloaded,
    "QUOTA_EXCEEDED": QuotaExceeded,
    "MESSAGE_TOO_LARGE": MessageTooLarge,
}
"""The reasons that have a class of their own. Each is a subclass of its code's class, so that a client which is older
than a reason raises a parent of what a newer one raises."""

BY_CODE: Mapping[int, type[TrivetError]] = {
    1: ClientClosed,  # CANCELLED: what gRPC says of a call whose channel is closed under it
    2: ServerError,  # UNKNOWN: what stands between client and server failed in its own way
    3: InvalidArgument,
    4: DeadlineExceeded,
    5: NotFound,
    6: AlreadyExists,
    7: PermissionDenied,
    8: ResourceExhausted,
    9: FailedPrecondition,
    10: Conflict,
    11: InvalidArgument,  # OUT_OF_RANGE
    12: MethodUnknown,
    13: ServerError,
    14: ServerUnavailable,
    15: ServerError,  # DATA_LOSS
    16: CredentialsInvalid,
}
"""The class of each status code, numbered as in google/rpc/code.proto."""


def class_of(code: int, reason: str) -> type[TrivetError]:
    """The class of a status: by its reason first, then by its code."""
    return BY_REASON.get(reason) or BY_CODE.get(code, ServerError)
