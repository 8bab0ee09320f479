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
