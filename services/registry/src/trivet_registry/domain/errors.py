"""What can go wrong with models and their versions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

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


def _way_in(approvals: int, command: str, waiting: str) -> tuple[str, dict[str, str]]:
    """How somebody gets through a protection that takes so many approvals; 0: none is enough. Also as facts.

    `command` is what follows `trivet models promotion`; `waiting` the request that asks for the same already, if any.
    """
    if approvals == 0:
        sentence = "Ask somebody with the permission ADMIN in the workspace to lift that by UpdatePromotionRules."
        return sentence, {"permission": "ADMIN", "approvals": "0"}
    facts = {"permission": "APPROVE", "approvals": str(approvals)}
    others = "another person" if approvals == 1 else f"{approvals} others"
    then = f"it is made once {others} with the permission APPROVE approved it"
    if waiting:
        request_id = waiting.rpartition("/")[2]
        show = f"`trivet models promotion show {request_id}`"
        sentence = f"{waiting} asks for that and waits; {then}. {show} says how far it is."
        return sentence, facts | {"promotion_request": waiting}
    return f"Ask for the move by CreatePromotionRequest, or `trivet models promotion {command}`; {then}.", facts


class StageProtected(CallerError):
    """A version cannot enter or leave a protected stage, nor be deleted in it. `name` is the version's."""

    code = Code.FAILED_PRECONDITION
    reason = "STAGE_PROTECTED"

    def __init__(self, name: str, stage: str, approvals: int, command: str = "request", waiting: str = "") -> None:
        sentence, facts = _way_in(approvals, command, waiting)
        self._protected = name, stage, approvals
        super().__init__(
            f"{name} stays where it is, because the stage {stage} is protected. {sentence}",
            metadata={"name": name, "stage": stage, **facts},
        )

    def asking_by(self, command: str, waiting: str) -> StageProtected:
        """The same, with the command that asks for the move, or the request that asks for it already."""
        return StageProtected(*self._protected, command, waiting)


class AliasProtected(CallerError):
    """An alias can neither be set nor removed. `name` is the model's."""

    code = Code.FAILED_PRECONDITION
    reason = "ALIAS_PROTECTED"

    def __init__(
        self, name: str, alias: str, approvals: int, command: str = "request-alias", waiting: str = ""
    ) -> None:
        sentence, facts = _way_in(approvals, command, waiting)
        self._protected = name, alias, approvals
        super().__init__(
            f"The alias {alias} of {name} stays as it is, because it is protected. {sentence}",
            metadata={"name": name, "alias": alias, **facts},
        )

    def asking_by(self, command: str, waiting: str) -> AliasProtected:
        """The same, with the command that asks for the change, or the request that asks for it already."""
        return AliasProtected(*self._protected, command, waiting)


class PromotionRequestNotFound(CallerError):
    """The workspace has no such promotion request."""

    code = Code.NOT_FOUND
    reason = "PROMOTION_REQUEST_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no promotion request {name}.", metadata={"name": name})


class PromotionRequestEnded(CallerError):
    """Nothing more can be decided about the request. `state` is how it ended."""

    code = Code.FAILED_PRECONDITION
    reason = "PROMOTION_REQUEST_ENDED"

    def __init__(self, name: str, state: str) -> None:
        super().__init__(f"{name} is {state} already.", metadata={"name": name, "state": state})


class PromotionRequestStale(CallerError):
    """What a request is about has changed since. `what` was `asked`, and is `now`."""

    code = Code.ABORTED
    reason = "PROMOTION_REQUEST_STALE"

    def __init__(self, name: str, what: str, asked: str, now: str) -> None:
        super().__init__(
            f"{name} cannot be approved: {what} was {asked} when it was asked for, and is {now}. Withdraw it, and ask "
            "again.",
            metadata={"name": name, "what": what, "asked": asked, "now": now},
        )


class PromotionNotProtected(CallerError):
    """A change needs no approval. `name` is the model's, `target` the stage or the alias."""

    code = Code.FAILED_PRECONDITION
    reason = "PROMOTION_NOT_PROTECTED"

    def __init__(self, name: str, target: str) -> None:
        super().__init__(
            f"Nothing of this is protected: {target} of {name} can be changed at once, without approvals.",
            metadata={"name": name, "target": target},
        )


class ApproverNotAllowed(CallerError):
    """The caller cannot approve a request. `problem` is `IS_ASKER` or `NOT_VERIFIED`."""

    code = Code.PERMISSION_DENIED
    reason = "APPROVER_NOT_ALLOWED"

    _WHY: ClassVar = {
        "IS_ASKER": "You asked for it yourself; somebody else has to approve it.",
        "NOT_VERIFIED": (
            "Nobody knows who you are, and so not whether you are another than who asked. Approvals need a server with "
            "authentication (TRIVET_POLICY)."
        ),
    }

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(
            f"You cannot approve {name}. {self._WHY[problem]}", metadata={"name": name, "problem": problem}
        )


class PromotionRequestNotYours(CallerError):
    """Only who asked can withdraw a request."""

    code = Code.PERMISSION_DENIED
    reason = "PROMOTION_REQUEST_NOT_YOURS"

    def __init__(self, name: str, asker: str) -> None:
        super().__init__(
            f"Only {asker}, who asked for it, can withdraw {name}. An approver can reject it.",
            metadata={"name": name, "asker": asker},
        )


class PromotionRequestLimitReached(CallerError):
    """A model has as many PENDING requests as it may have. `name` is the model's."""

    code = Code.FAILED_PRECONDITION
    reason = "PROMOTION_REQUEST_LIMIT_REACHED"

    def __init__(self, name: str, max_pending: int) -> None:
        super().__init__(
            f"{name} has {max_pending} promotion requests that wait, as many as it may have. Withdraw one first.",
            metadata={"name": name, "maxPending": str(max_pending)},
        )


class RulesSetByPolicy(CallerError):
    """The policy file sets fields of a workspace's rules."""

    code = Code.FAILED_PRECONDITION
    reason = "RULES_SET_BY_POLICY"

    def __init__(self, workspace: str, fields: Iterable[str]) -> None:
        named = ", ".join(sorted(fields))
        super().__init__(
            f"The server's policy file sets {named} of the workspace {workspace}. Change that there.",
            metadata={"workspace": workspace, "fields": named},
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
