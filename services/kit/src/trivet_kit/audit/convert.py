"""Audit events between messages and values."""

from __future__ import annotations

from trivet_kit import texts
from trivet_kit.audit.events import AuditEvent, AuditQuery, Outcome
from trivet_kit.audit.facts import MAX_TEXT_CHARACTERS
from trivet_kit.errors import FieldInvalid
from trivet_kit.timestamps import from_millis, to_millis
from trivet_proto.common.v1 import system_service_pb2 as pb


def to_query(message: pb.AuditQuery, workspace: str | None) -> AuditQuery:
    """Checks what is asked for, of a workspace, or, for None, of all. Raises FieldInvalid, FieldTooLong."""
    if message.outcome not in (pb.AUDIT_OUTCOME_UNSPECIFIED, *Outcome):
        raise FieldInvalid("query.outcome", "must be one of AuditOutcome")
    return AuditQuery(
        workspace=workspace,
        subject=texts.check_text(message.subject, "query.subject", MAX_TEXT_CHARACTERS) or None,
        method=texts.check_text(message.method, "query.method", MAX_TEXT_CHARACTERS) or None,
        outcome=Outcome(message.outcome) if message.outcome else None,
        start_time=to_millis(message.start_time, "query.start_time") if message.HasField("start_time") else None,
        end_time=to_millis(message.end_time, "query.end_time") if message.HasField("end_time") else None,
        resource=texts.check_text(message.resource, "query.resource", MAX_TEXT_CHARACTERS) or None,
    )


def from_event(event: AuditEvent) -> pb.AuditEvent:
    """The message of an event."""
    facts = event.facts
    return pb.AuditEvent(
        event_id=event.event_id,
        time=from_millis(event.time),
        first_time=from_millis(event.first_time),
        call_count=event.call_count,
        method=facts.method,
        subject=facts.subject,
        authenticated=facts.authenticated,
        token_id=facts.token_id,
        workspace=facts.workspace,
        resources=facts.resources,
        more_resource_count=facts.more_resources,
        outcome=pb.AuditOutcome.ValueType(facts.outcome),
        code=facts.code,
        reason=facts.reason,
        peer=facts.peer,
        claimed_forwarded_for=facts.claimed_forwarded_for,
        user_agent=facts.user_agent,
        request_id=event.request_id,
    )
