"""Who did what: the audit events of all services, as one list."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from difflib import get_close_matches
from itertools import islice
from typing import Final

from trivet._audit_entities import AuditEvent
from trivet._connection import Connection
from trivet._errors import InvalidArgument
from trivet._timestamps import millis, timestamp
from trivet_proto.artifacts.v1 import artifact_service_pb2
from trivet_proto.common.v1 import system_service_pb2 as pb
from trivet_proto.common.v1.system_service_pb2_grpc import SystemServiceStub
from trivet_proto.registry.v1 import registry_service_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2

_PREFIX: Final = "AUDIT_OUTCOME_"
_OUTCOMES: Final = tuple(name.removeprefix(_PREFIX) for name in pb.AuditOutcome.keys()[1:])
_PAGE: Final = 1000  # a server lowers larger ones


def to_query(
    *,
    subject: str,
    method: str,
    outcome: str,
    start_time: datetime | int | None,
    end_time: datetime | int | None,
    resource: str,
) -> pb.AuditQuery:
    """Which events are asked for. Raises InvalidArgument for an outcome that there is not."""
    if outcome and outcome not in _OUTCOMES:
        raise InvalidArgument(f"outcome is {outcome!r}; it must be one of {', '.join(_OUTCOMES)}.")
    query = pb.AuditQuery(
        subject=subject,
        method=method,
        outcome=pb.AuditOutcome.Value(f"{_PREFIX}{outcome}") if outcome else pb.AUDIT_OUTCOME_UNSPECIFIED,
        resource=resource,
    )
    if start_time is not None:
        query.start_time.CopyFrom(timestamp(_millis_of(start_time)))
    if end_time is not None:
        query.end_time.CopyFrom(timestamp(_millis_of(end_time)))
    return query


def newest(
    connections: Sequence[Connection], query: pb.AuditQuery, workspace: str | None, max_results: int
) -> list[AuditEvent]:
    """The newest events of several servers, the newest first.

    Args:
        connections: One for each server.
        query: Which events.
        workspace: Of this one; None: of the servers as a whole.
        max_results: How many at most; as many calls are made as that takes.

    Raises:
        InvalidArgument: `max_results` is below 1; or nothing was found, and there is no such method.
    """
    if max_results < 1:
        raise InvalidArgument(f"max_results is {max_results}; it must be 1 or more.")
    size = min(_PAGE, max_results)
    lists = [_events(_asking(connection, query, workspace, size)) for connection in connections]
    merged = heapq.merge(*lists, key=lambda event: (event.timestamp, event.event_id), reverse=True)
    found = list(islice(merged, max_results))
    if not found and query.method:
        _check_method(query.method)
    return found


def _check_method(name: str) -> None:
    """Raises InvalidArgument where there is no such method, with those that are called nearly so.

    A server that is newer than this client may have it; so who finds something is not asked.
    """
    modules = (pb, artifact_service_pb2, registry_service_pb2, tracking_service_pb2)
    services = [service for module in modules for service in module.DESCRIPTOR.services_by_name.values()]
    paths = {f"/{service.full_name}/{method.name}": method.name for service in services for method in service.methods}
    if name in paths or name in paths.values():
        return
    names = {each.lower(): each for each in paths.values()}
    near = [names[each] for each in get_close_matches(name.rpartition("/")[2].lower(), names)]
    hint = f"; there are {', '.join(near)}" if near else ""
    raise InvalidArgument(f"There is no method {name!r}{hint}.")


_Page = pb.ListAuditEventsResponse | pb.ListServerAuditEventsResponse


def _asking(connection: Connection, query: pb.AuditQuery, workspace: str | None, size: int) -> Callable[[str], _Page]:
    """Gets a page from a token on."""
    stub = connection.stub(SystemServiceStub)

    def ask(token: str) -> _Page:
        if workspace is None:
            of_server = pb.ListServerAuditEventsRequest(query=query, page_size=size, page_token=token)
            return connection.call(stub.ListServerAuditEvents, of_server, repeatable=True)
        request = pb.ListAuditEventsRequest(
            parent=f"workspaces/{workspace}", query=query, page_size=size, page_token=token
        )
        return connection.call(stub.ListAuditEvents, request, repeatable=True)

    return ask


def _events(ask: Callable[[str], _Page]) -> Iterator[AuditEvent]:
    """All events of a server, page after page, each asked for when the one before is used up."""
    token = ""
    while True:
        page = ask(token)
        yield from map(_from_event, page.audit_events)
        token = page.next_page_token
        if not token:
            return


def _from_event(message: pb.AuditEvent) -> AuditEvent:
    return AuditEvent(
        event_id=message.event_id,
        timestamp=millis(message.time),
        first_timestamp=millis(message.first_time),
        call_count=message.call_count,
        method=message.method,
        subject=message.subject,
        is_authenticated=message.authenticated,
        token_id=message.token_id,
        workspace=message.workspace,
        resources=tuple(message.resources),
        more_resource_count=message.more_resource_count,
        outcome=pb.AuditOutcome.Name(message.outcome).removeprefix(_PREFIX),
        code=message.code,
        reason=message.reason,
        peer=message.peer,
        claimed_forwarded_for=message.claimed_forwarded_for,
        user_agent=message.user_agent,
        request_id=message.request_id,
    )


def _millis_of(time: datetime | int) -> int:
    return time if isinstance(time, int) else round(time.timestamp() * 1000)
