"""What can go wrong with experiments, runs, logged models, saved views and rules."""

from __future__ import annotations

from trivet_kit.errors import CallerError, Code


class ExperimentNotFound(CallerError):
    """No such experiment in the workspace. `name` is its resource name or its display name."""

    code = Code.NOT_FOUND
    reason = "EXPERIMENT_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no experiment {name}.", metadata={"name": name})


class ExperimentNameTaken(CallerError):
    """The workspace has an experiment of that display name."""

    code = Code.ALREADY_EXISTS
    reason = "EXPERIMENT_NAME_TAKEN"

    def __init__(self, display_name: str, name: str, *, deleted: bool) -> None:
        advice = "It is deleted: restore it, or choose another name." if deleted else "Use it, or choose another name."
        super().__init__(
            f"The display name {display_name!r} belongs to {name}. {advice}",
            metadata={"displayName": display_name, "name": name, "state": "DELETED" if deleted else "ACTIVE"},
        )


class ExperimentDeleted(CallerError):
    """The experiment is deleted."""

    code = Code.FAILED_PRECONDITION
    reason = "EXPERIMENT_DELETED"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is deleted. Restore it first.", metadata={"name": name})


class ExperimentProtected(CallerError):
    """The experiment `Default` cannot be deleted or renamed."""

    code = Code.FAILED_PRECONDITION
    reason = "EXPERIMENT_PROTECTED"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is the experiment that every workspace has; it cannot be deleted or renamed.",
            metadata={"name": name},
        )


class RunNotFound(CallerError):
    """No such run in the workspace."""

    code = Code.NOT_FOUND
    reason = "RUN_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no run {name}.", metadata={"name": name})


class RunIdTaken(CallerError):
    """A run of that id was created with another body."""

    code = Code.ALREADY_EXISTS
    reason = "RUN_ID_TAKEN"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} was created before, with other content. Make a new id for each run.", metadata={"name": name}
        )


class RunDeleted(CallerError):
    """The run, or its experiment, is deleted."""

    code = Code.FAILED_PRECONDITION
    reason = "RUN_DELETED"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is deleted, or its experiment is, and cannot be changed. Restore it first.",
            metadata={"name": name},
        )


class LoggedModelNotFound(CallerError):
    """No such logged model in the workspace, or a deleted one."""

    code = Code.NOT_FOUND
    reason = "LOGGED_MODEL_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no logged model {name}.", metadata={"name": name})


class LoggedModelIdTaken(CallerError):
    """A logged model of that id was created with another body, or is deleted."""

    code = Code.ALREADY_EXISTS
    reason = "LOGGED_MODEL_ID_TAKEN"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} was created before, with other content, or is deleted. Make a new id for each model.",
            metadata={"name": name},
        )


class LoggedModelFinalized(CallerError):
    """The logged model has another status for good."""

    code = Code.FAILED_PRECONDITION
    reason = "LOGGED_MODEL_FINALIZED"

    def __init__(self, name: str, status: str) -> None:
        super().__init__(
            f"{name} is {status}, and stays so. Log the model again under another id.",
            metadata={"name": name, "status": status},
        )


class SavedViewNotFound(CallerError):
    """No such saved view in the workspace."""

    code = Code.NOT_FOUND
    reason = "SAVED_VIEW_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no saved view {name}.", metadata={"name": name})


class SavedViewNameTaken(CallerError):
    """The experiment, or the workspace where it is of none, has a saved view of that display name."""

    code = Code.ALREADY_EXISTS
    reason = "SAVED_VIEW_NAME_TAKEN"

    def __init__(self, display_name: str, name: str) -> None:
        super().__init__(
            f"The display name {display_name!r} belongs to {name}. Change that one, or choose another name.",
            metadata={"displayName": display_name, "name": name},
        )


class SavedViewLimitReached(CallerError):
    """There are as many as there may be. `name` is that of the experiment, or of the workspace for those of none."""

    code = Code.FAILED_PRECONDITION
    reason = "SAVED_VIEW_LIMIT_REACHED"

    def __init__(self, name: str, max_saved_views: int) -> None:
        super().__init__(
            f"{name} has {max_saved_views} saved views, as many as it may have. Delete one first.",
            metadata={"name": name, "maxSavedViews": str(max_saved_views)},
        )


class RuleNotFound(CallerError):
    """No such rule in the workspace."""

    code = Code.NOT_FOUND
    reason = "RULE_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no rule {name}.", metadata={"name": name})


class RuleNameTaken(CallerError):
    """The experiment or run has another rule of that display name."""

    code = Code.ALREADY_EXISTS
    reason = "RULE_NAME_TAKEN"

    def __init__(self, display_name: str, name: str) -> None:
        super().__init__(
            f"The display name {display_name!r} belongs to {name}, which says something else. Delete that one first, "
            "or choose another name.",
            metadata={"displayName": display_name, "name": name},
        )


class RuleLimitReached(CallerError):
    """There are as many as there may be. `name` is that of the experiment or run."""

    code = Code.FAILED_PRECONDITION
    reason = "RULE_LIMIT_REACHED"

    def __init__(self, name: str, max_rules: int) -> None:
        super().__init__(
            f"{name} has {max_rules} rules, as many as it may have. Delete one first.",
            metadata={"name": name, "maxRules": str(max_rules)},
        )


class TagNotFound(CallerError):
    """The tag to remove is not there."""

    code = Code.NOT_FOUND
    reason = "TAG_NOT_FOUND"

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no tag {key!r}.", metadata={"key": key})


class ParamChanged(CallerError):
    """The param has another value already."""

    code = Code.FAILED_PRECONDITION
    reason = "PARAM_CHANGED"

    def __init__(self, key: str, field: str) -> None:
        super().__init__(
            f"The param {key!r} was written before with another value. Params are written once; use a tag for what "
            "changes.",
            metadata={"key": key},
            field=field,
        )


class SequenceGap(CallerError):
    """A writer skipped a sequence."""

    code = Code.FAILED_PRECONDITION
    reason = "SEQUENCE_GAP"

    def __init__(self, sequence: int, expected: int) -> None:
        super().__init__(
            f"The writer sent sequence {sequence}, and {expected} is the next one. Send that first.",
            metadata={"sequence": str(sequence), "expectedSequence": str(expected)},
            field="sequence",
        )


class WriterEnded(CallerError):
    """The run was rewound after the writer began."""

    code = Code.FAILED_PRECONDITION
    reason = "WRITER_ENDED"

    def __init__(self, name: str, last_sequence: int) -> None:
        super().__init__(
            f"{name} was rewound, and what wrote to it before writes no more. Write on with another writer_id.",
            metadata={"name": name, "lastSequence": str(last_sequence)},
            field="writer_id",
        )
