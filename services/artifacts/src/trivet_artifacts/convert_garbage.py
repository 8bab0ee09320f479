"""Between messages about garbage and the domain."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from trivet_artifacts.domain import limits
from trivet_artifacts.domain.garbage import Collected, Collection, Hold, OwnerKind, SpaceUsage
from trivet_artifacts.settings import GRACE_SECONDS
from trivet_kit.errors import FieldInvalid, FieldRequired, FieldTooLong
from trivet_kit.resources import WorkspaceName, parse_workspace
from trivet_kit.timestamps import from_millis
from trivet_proto.artifacts.v1 import garbage_pb2 as pb

_GRACE = timedelta(seconds=GRACE_SECONDS)
# The range of google.protobuf.Duration is larger than that of a time in milliseconds that is counted back from now.
_LONGEST = timedelta(days=365 * 1000)
_KINDS = {
    pb.OWNER_KIND_RUN: OwnerKind.RUN,
    pb.OWNER_KIND_LOGGED_MODEL: OwnerKind.LOGGED_MODEL,
    pb.OWNER_KIND_MODEL_VERSION: OwnerKind.MODEL_VERSION,
}
_VALUES = {kind: value for value, kind in _KINDS.items()}


def to_collection(request: pb.CollectGarbageRequest) -> Collection:
    """What is to be collected. Raises FieldInvalid, ResourceNameInvalid."""
    if request.limit < 0:
        raise FieldInvalid("limit", "must be 0 or more")
    grace = _GRACE
    if request.HasField("grace_period"):
        grace = _duration(request.grace_period, "grace_period", timedelta())
    return Collection(
        parse_workspace(request.parent, "parent").workspace,
        grace,
        min(request.limit or limits.DEFAULT_COLLECTED, limits.MAX_COLLECTED),
    )


def to_policy(policy: pb.RetentionPolicy) -> tuple[WorkspaceName, dict[OwnerKind, timedelta]]:
    """A policy, and whose it is. Raises FieldRequired, FieldInvalid, ResourceNameInvalid."""
    if not policy.parent:
        raise FieldRequired("policy.parent")
    rules: dict[OwnerKind, timedelta] = {}
    for place, rule in enumerate(policy.rules):
        field = f"policy.rules[{place}]"
        if rule.owner_kind not in _KINDS:
            raise FieldInvalid(f"{field}.owner_kind", "must be a kind of owner")
        kind = _KINDS[rule.owner_kind]
        if kind in rules:
            raise FieldInvalid(f"{field}.owner_kind", "must not have two rules")
        if not rule.HasField("keep_for"):
            raise FieldRequired(f"{field}.keep_for")
        rules[kind] = _duration(rule.keep_for, f"{field}.keep_for", timedelta(seconds=1))
    return parse_workspace(policy.parent, "policy.parent"), rules


def to_reason(request: pb.CreateHoldRequest) -> str:
    """Why files are kept. Raises FieldTooLong, FieldInvalid."""
    if len(request.reason) > limits.MAX_REASON_CHARACTERS:
        raise FieldTooLong("reason", len(request.reason), limits.MAX_REASON_CHARACTERS)
    if "\0" in request.reason:
        raise FieldInvalid("reason", "must have no NUL character")
    return request.reason


def from_collected(collected: Collected) -> pb.CollectGarbageResponse:
    """The message about what was collected."""
    return pb.CollectGarbageResponse(
        expired_files=collected.expired_files,
        expired_bytes=collected.expired_bytes,
        freed_contents=collected.freed_objects,
        freed_bytes=collected.freed_bytes,
        more=collected.more,
    )


def from_usage(usage: SpaceUsage, open_uploads: int) -> pb.SpaceUsage:
    """The message about the use of space."""
    return pb.SpaceUsage(
        owner_kinds=[
            pb.OwnerKindUsage(
                owner_kind=_VALUES[kind.kind],
                owner_count=kind.owners,
                file_count=kind.files,
                file_bytes=kind.size_bytes,
                reference_count=kind.references,
            )
            for kind in usage.kinds
        ],
        stored_contents=usage.stored_objects,
        stored_bytes=usage.stored_bytes,
        unreferenced_contents=usage.unreferenced_objects,
        unreferenced_bytes=usage.unreferenced_bytes,
        open_uploads=open_uploads,
    )


def from_policy(name: WorkspaceName, policy: Mapping[OwnerKind, timedelta]) -> pb.RetentionPolicy:
    """The message of a policy, its rules in the order of the kinds."""
    rules = []
    for kind, value in _VALUES.items():
        if kind in policy:
            keep_for = Duration()
            keep_for.FromTimedelta(policy[kind])
            rules.append(pb.RetentionRule(owner_kind=value, keep_for=keep_for))
    return pb.RetentionPolicy(parent=str(name), rules=rules)


def from_hold(hold: Hold) -> pb.Hold:
    """The message of a hold."""
    return pb.Hold(owner=hold.owner.name, reason=hold.reason, create_time=from_millis(hold.create_time))


def _duration(duration: Duration, field: str, at_least: timedelta) -> timedelta:
    try:
        span = duration.ToTimedelta()
    except (OverflowError, ValueError):
        raise FieldInvalid(field, "must be a span of time") from None
    if not at_least <= span <= _LONGEST:
        raise FieldInvalid(field, f"must be from {int(at_least.total_seconds())} seconds to {_LONGEST.days} days")
    return span
