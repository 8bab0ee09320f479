"""What can go wrong with models and their versions."""

from __future__ import annotations

from trivet_kit.errors import CallerError, Code


class ModelNotFound(CallerError):
    """No such model in the workspace."""

    code = Code.NOT_FOUND
    reason = "MODEL_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no model {name}.", metadata={"name": name})


class ModelVersionNotFound(CallerError):
    """The model has no such version."""

    code = Code.NOT_FOUND
    reason = "MODEL_VERSION_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no model version {name}.", metadata={"name": name})


class ModelAliasNotFound(CallerError):
    """The model has no such alias. `name` is the model's."""

    code = Code.NOT_FOUND
    reason = "MODEL_ALIAS_NOT_FOUND"

    def __init__(self, name: str, alias: str) -> None:
        super().__init__(f"{name} has no alias {alias}.", metadata={"name": name, "alias": alias})


class ModelNameTaken(CallerError):
    """The workspace has a model of that name."""

    code = Code.ALREADY_EXISTS
    reason = "MODEL_NAME_TAKEN"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a model {name} already. Use it, or choose another name.", metadata={"name": name})


class ModelVersionNotReady(CallerError):
    """The version's files are not in place. `state` is `PENDING` or `FAILED`."""

    code = Code.FAILED_PRECONDITION
    reason = "MODEL_VERSION_NOT_READY"

    def __init__(self, name: str, state: str) -> None:
        advice = "Wait until it is READY." if state == "PENDING" else "Register its files again, as another version."
        super().__init__(f"{name} is {state}. {advice}", metadata={"name": name, "state": state})


class ModelSourceUnusable(CallerError):
    """The files that a version was to be made of cannot be linked.

    `name` is the version that failed, or the one that lacks files; `problem` is a clause without a full stop.
    """

    code = Code.FAILED_PRECONDITION
    reason = "MODEL_SOURCE_UNUSABLE"

    def __init__(self, name: str, owner: str, path: str, problem: str) -> None:
        what = f"the path {path!r} of {owner}" if path else f"what {owner} has"
        super().__init__(
            f"{name} cannot be made of {what}: {problem}.", metadata={"name": name, "owner": owner, "path": path}
        )


# What somebody needs to change the rules of promotion (registry_service.proto).
_LIFTS_PROTECTION = "ADMIN"
_ASK = f"Ask somebody with the permission {_LIFTS_PROTECTION} in the workspace to lift that by UpdatePromotionRules."


class StageProtected(CallerError):
    """A version cannot enter or leave a protected stage, nor be deleted in it. `name` is the version's."""

    code = Code.FAILED_PRECONDITION
    reason = "STAGE_PROTECTED"

    def __init__(self, name: str, stage: str) -> None:
        super().__init__(
            f"{name} stays where it is, because the stage {stage} is protected. {_ASK}",
            metadata={"name": name, "stage": stage, "permission": _LIFTS_PROTECTION},
        )


class AliasProtected(CallerError):
    """An alias can neither be set nor removed. `name` is the model's."""

    code = Code.FAILED_PRECONDITION
    reason = "ALIAS_PROTECTED"

    def __init__(self, name: str, alias: str) -> None:
        super().__init__(
            f"The alias {alias} of {name} stays as it is, because it is protected. {_ASK}",
            metadata={"name": name, "alias": alias, "permission": _LIFTS_PROTECTION},
        )


class ModelVersionUnverified(CallerError):
    """A version of an outside source cannot enter a protected stage."""

    code = Code.FAILED_PRECONDITION
    reason = "MODEL_VERSION_UNVERIFIED"

    def __init__(self, name: str, stage: str) -> None:
        super().__init__(
            f"{name} cannot enter the protected stage {stage}: its files are outside of Trivet. "
            "Register it with its files.",
            metadata={"name": name, "stage": stage},
        )


class StageInUse(CallerError):
    """A stage cannot be left out while a version is in it. `name` is the version's."""

    code = Code.FAILED_PRECONDITION
    reason = "STAGE_IN_USE"

    def __init__(self, name: str, stage: str) -> None:
        super().__init__(
            f"The stage {stage} cannot be left out: {name} is in it. Move it first.",
            metadata={"name": name, "stage": stage},
        )


class WebhookNotFound(CallerError):
    """The workspace has no such webhook."""

    code = Code.NOT_FOUND
    reason = "WEBHOOK_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no webhook {name}.", metadata={"name": name})


class WebhookLimitReached(CallerError):
    """The workspace has as many webhooks as it may have."""

    code = Code.FAILED_PRECONDITION
    reason = "WEBHOOK_LIMIT_REACHED"

    def __init__(self, workspace: str, max_webhooks: int) -> None:
        super().__init__(
            f"The workspace {workspace} has {max_webhooks} webhooks, as many as it may have. Delete one first.",
            metadata={"workspace": workspace, "maxWebhooks": str(max_webhooks)},
        )
