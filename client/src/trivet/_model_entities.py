"""What the SDK returns about registered models, with the names that users of MLflow know.

Times are milliseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trivet._entities import FileInfo, Run


@dataclass(frozen=True)
class ModelDataset:
    """A dataset that a version was made of."""

    name: str
    digest: str
    context: str = ""
    """What it was used for, such as `training`."""


@dataclass(frozen=True)
class ModelSignature:
    """What a model takes and gives, each as the JSON text that MLmodel files have; empty where it is not known."""

    inputs: str = ""
    outputs: str = ""
    params: str = ""


@dataclass(frozen=True)
class ModelVersion:
    """A version of a registered model."""

    name: str
    """Of the model."""
    version: int
    """Counted from 1 up."""
    current_stage: str
    """One of the workspace's stages: `None`, `Staging`, `Production` or `Archived`, unless it has others."""
    status: str
    """`PENDING`, `READY` or `FAILED`."""
    status_message: str = ""
    """Why it failed."""
    description: str = ""
    source: str = ""
    """Where its files came from, as a model URI."""
    run_id: str = ""
    """The run that made it, where that is known."""
    model_id: str = ""
    """The logged model that it is, where that is known."""
    git_commit: str = ""
    """The commit of the code that made it, where that is known."""
    datasets: tuple[ModelDataset, ...] = ()
    """What it was made of, as its run's inputs said."""
    signature: ModelSignature | None = None
    """What it takes and gives, where that is known."""
    copied_from: str = ""
    """The version that it is a copy of, as `models:/NAME/VERSION` by the name that it had then; empty for others."""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    verified: bool = False
    """Whether Trivet keeps its files and knows their digests."""
    artifact_owner: str = ""
    """Under which the artifact service has its files, whatever becomes of run and name; empty for a source outside."""
    manifest_sha256: str = ""
    """What its files are pinned to, in hexadecimal: the `sha256` of their `Manifest`; empty for a source outside."""
    created_by: str = ""
    creation_timestamp: int | None = None
    last_updated_timestamp: int | None = None
    etag: str = field(default="", compare=False)
    """Changes with every change of it; sent back with a change, that is made only if nobody was faster."""


@dataclass(frozen=True)
class RegisteredModel:
    """A name under which versions of a model are counted."""

    name: str
    description: str = ""
    latest_versions: tuple[ModelVersion, ...] = ()
    """The newest ready version in each stage that has any."""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)
    """The version that each alias points at."""
    uid: str = ""
    """What it is called whatever its name: 32 hexadecimal digits, also after it is deleted."""
    created_by: str = ""
    creation_timestamp: int | None = None
    last_updated_timestamp: int | None = None
    etag: str = field(default="", compare=False)
    """Changes with every change of the model itself and of its aliases; sent back with a change, that is made only if
    nobody was faster."""


@dataclass(frozen=True)
class ModelVersionLineage:
    """Where a version came from, as far as that is there still."""

    version: ModelVersion
    """With the run's id, the datasets and the commit as they were noted when it was registered."""
    run: Run | None
    """The run that made it, with its params and inputs; None where none is known, or it is purged."""
    files: tuple[FileInfo, ...]
    """What it consists of, with digests; nothing for a source outside."""


@dataclass(frozen=True)
class FieldChange:
    """A change of one field of a model or a version."""

    field: str
    """Such as `stage`, `description`, `tags.KEY`, `aliases.ALIAS` or `model_id`, which is the model's name."""
    before: str | None
    """None where it was not there, or was empty."""
    after: str | None


@dataclass(frozen=True)
class ModelHistoryEntry:
    """What happened to a model, once."""

    sequence: int
    """Counts the entries of a model from 1 up, without gaps."""
    action: str
    """Such as `VERSION_MOVED` or `ALIAS_SET`: a name of `trivet.registry.v1.ModelAction` without its prefix."""
    version: int | None
    """The version that it was done to, or that an alias pointed at; None for the model itself."""
    changes: tuple[FieldChange, ...]
    """By field."""
    timestamp: int
    actor: str
    """The verified caller, or `registry` for the service itself."""
    reason: str
    """Why, in the caller's words."""
    previous_sha256: str
    """In hexadecimal: the digest of the entry before it."""
    sha256: str
    """In hexadecimal: of the entry, as the contract of ModelHistoryEntry says."""


@dataclass(frozen=True)
class ModelEvent:
    """That something happened to a model."""

    event_id: str
    """The same however often it comes."""
    name: str
    """Of the model, as it was called then."""
    model_uid: str
    entry: ModelHistoryEntry


@dataclass(frozen=True)
class ModelAsOf:
    """How a model stood at some time."""

    exists: bool
    """Whether it was there: created, and not deleted yet."""
    name: str
    """As it was called then; empty where it was not there."""
    model_uid: str
    stages: Mapping[str, tuple[int, ...]]
    """The ready versions in each stage that had any, ascending; the last one is what the stage's URI meant."""
    aliases: Mapping[str, int]
    """The version that each alias pointed at."""
    sequence: int
    """Of the last entry of its history until then; 0 where there is none."""


@dataclass(frozen=True)
class HistoryFault:
    """Something that was altered behind the registry's back."""

    kind: str
    """`ENTRY_ALTERED`, `CHAIN_BROKEN`, `ENTRY_MISSING`, `STATE_ALTERED` or `KNOWN_ENTRY_ALTERED`."""
    sequence: int | None
    """The entry at fault; None where no single one is."""
    version: int | None
    """The version at fault; None for the model itself."""
    field: str
    """What is not as the history says; empty where the fault is in the history."""
    message: str
    """A sentence that says all this."""


@dataclass(frozen=True)
class ModelVerification:
    """What a comparison of a model with its history has found."""

    faults: tuple[HistoryFault, ...]
    """The first 100; none: nothing was altered."""
    sequence: int
    """Of the last entry."""
    sha256: str
    """In hexadecimal: the digest of the last entry. Kept elsewhere, it proves later that nothing before was altered."""
    model_uid: str

    @property
    def is_intact(self) -> bool:
        """Whether nothing was altered."""
        return not self.faults


@dataclass(frozen=True)
class PromotionRules:
    """How versions are promoted in a workspace."""

    stages: tuple[str, ...]
    """In their order: `None` first, `Archived` last."""
    protected_stages: tuple[str, ...] = ()
    """Those that no version may enter or leave but by a promotion request, nor be deleted in."""
    protected_aliases: tuple[str, ...] = ()
    """Those that can neither be set nor removed but by a promotion request."""
    stage_approvals: Mapping[str, int] = field(default_factory=dict)
    """How many others have to approve, for each of the protected stages; one that is not here is frozen."""
    alias_approvals: Mapping[str, int] = field(default_factory=dict)
    """The same of the protected aliases."""
    policy_fields: tuple[str, ...] = ()
    """What the server's policy file sets, and nobody can change here."""
    last_updated_timestamp: int | None = None
    """None where they were never changed."""
    updated_by: str = ""
    etag: str = field(default="", compare=False)
    """Changes with every change; sent back with a change, that is made only if nobody was faster."""


@dataclass(frozen=True)
class PromotionApproval:
    """An approval of a promotion request."""

    approver: str
    timestamp: int
    reason: str = ""


@dataclass(frozen=True)
class PromotionRequest:
    """A change of what is protected that somebody asks for: of a version's stage, or of where an alias points."""

    promotion_request_id: str
    name: str
    """Of the model, as it is called now, or was when it was deleted."""
    model_uid: str
    state: str
    """`PENDING`, `APPROVED`, `REJECTED`, `WITHDRAWN` or `EXPIRED`."""
    version: int | None
    """The version that is moved or pointed at; None where the alias is removed."""
    stage: str
    """Where the version goes; empty for an alias."""
    from_stage: str
    """Where it was when it was asked for."""
    archive_existing_versions: bool
    archived_versions: tuple[int, ...]
    """What goes to `Archived` in the same step."""
    alias: str
    """The alias that is set or removed; empty for a stage."""
    from_version: int | None
    """Where it pointed when it was asked for; None: nowhere."""
    reason: str
    required_approvals: int
    """How many it takes; 0: it is frozen, and none is enough."""
    approvals: tuple[PromotionApproval, ...]
    created_by: str
    creation_timestamp: int
    expiration_timestamp: int
    ended_by: str = ""
    """Who approved it last, rejected or withdrew it."""
    end_timestamp: int | None = None
    end_reason: str = ""
    """Why it was rejected or withdrawn."""


@dataclass(frozen=True)
class Webhook:
    """A URL that is told what happens to the models of a workspace."""

    webhook_id: str
    url: str
    description: str = ""
    actions: tuple[str, ...] = ()
    """Only of these is it told, such as `VERSION_MOVED`; empty: of all."""
    is_disabled: bool = False
    secret: str = field(default="", repr=False)
    """What signatures are made with; only the answer to its creation has it."""
    created_by: str = ""
    creation_timestamp: int | None = None
    last_updated_timestamp: int | None = None
    etag: str = field(default="", compare=False)
    """Changes with every change; sent back with a change, that is made only if nobody was faster."""


@dataclass(frozen=True)
class WebhookDelivery:
    """The sending of an event to a webhook."""

    event_id: str
    action: str
    state: str
    """`PENDING`, `DELIVERED` or `FAILED`."""
    attempts: int
    """How many times it was sent."""
    http_status: int | None
    """Of the last answer; None where there was none."""
    problem: str
    """Why the last attempt failed; empty where it did not."""
    creation_timestamp: int
    """When the service took it up."""
    attempt_timestamp: int | None
    """When it was last sent."""
    next_attempt_timestamp: int | None
    """When it is sent next; None where it is not."""
