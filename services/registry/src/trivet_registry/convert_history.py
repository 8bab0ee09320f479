"""Between the messages of histories and the domain's values."""

from __future__ import annotations

from collections.abc import Sequence

from trivet_kit import page_tokens
from trivet_kit.errors import FieldInvalid, PageTokenInvalid
from trivet_kit.timestamps import from_millis
from trivet_proto.registry.v1 import model_history_pb2 as pb
from trivet_registry.domain.history import Entry, Head, HistoryQuery
from trivet_registry.domain.replay import Replay
from trivet_registry.domain.verification import Fault, Verified

_SHA256_BYTES = 32


def to_query(request: pb.ListModelHistoryRequest, bound_to: str) -> HistoryQuery:
    """The page that a request asks for. Raises FieldInvalid, PageTokenInvalid."""
    if request.version < 0:
        raise FieldInvalid("version", "must be 0 or more")
    after: int | None = None
    match page_tokens.decode(bound_to, request.page_token):
        case None:
            pass
        case [int(sequence)] if 0 < sequence < 2**63:
            after = sequence
        case _:
            raise PageTokenInvalid
    return HistoryQuery(request.version, request.newest_first, page_tokens.page_size(request.page_size), after)


def to_known(request: pb.VerifyModelRequest) -> Head | None:
    """The entry that the caller knows; None for none. Raises FieldInvalid."""
    if request.known_sequence < 0:
        raise FieldInvalid("known_sequence", "must be 0 or more")
    if len(request.known_sha256) != (_SHA256_BYTES if request.known_sequence else 0):
        raise FieldInvalid("known_sha256", "must have 32 bytes with a known_sequence, and none without")
    return Head(request.known_sequence, request.known_sha256) if request.known_sequence else None


def from_entry(entry: Entry) -> pb.ModelHistoryEntry:
    """The entry as a message."""
    return pb.ModelHistoryEntry(
        sequence=entry.sequence,
        action=pb.ModelAction.ValueType(entry.action.value),
        version=entry.version,
        changes=[
            pb.FieldChange(field=change.field, before=change.before, after=change.after) for change in entry.changes
        ],
        time=from_millis(entry.time),
        actor=entry.actor,
        reason=entry.reason,
        previous_sha256=entry.previous_sha256,
        sha256=entry.sha256,
    )


def from_replay(replay: Replay, model_uid: str, stages: Sequence[str]) -> pb.ModelAsOf:
    """How a model stood after some entries; `stages` are those of the workspace by now."""
    versions = replay.ready_versions()
    ordered = [*(stage for stage in stages if stage in versions), *sorted(versions.keys() - set(stages))]
    return pb.ModelAsOf(
        exists=replay.exists,
        model_id=replay.model.get("model_id", ""),
        model_uid=model_uid,
        stages=[pb.StageAsOf(stage=stage, versions=versions[stage]) for stage in ordered],
        aliases=replay.aliases,
        sequence=replay.sequence,
    )


def from_verified(verified: Verified) -> pb.VerifyModelResponse:
    """What was found as a message."""
    return pb.VerifyModelResponse(
        faults=[_from_fault(fault) for fault in verified.faults],
        sequence=verified.head.sequence,
        sha256=verified.head.sha256,
        model_uid=verified.model_uid,
    )


def _from_fault(fault: Fault) -> pb.HistoryFault:
    return pb.HistoryFault(
        kind=pb.HistoryFaultKind.ValueType(fault.kind.value),
        sequence=fault.sequence,
        version=fault.version,
        field=fault.field,
        message=fault.message,
    )
