"""`trivet audit`."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final

import typer

import trivet
from trivet._commands.answers import Answer, Field, Listing
from trivet._commands.declaring import client_command
from trivet._commands.kinds import COUNT, FLAG, ID, NAMES, TIME
from trivet._commands.options import MaxOption, parse_moment

app = typer.Typer(no_args_is_help=True, help="Who did what; for administrators.")


class _Outcome(StrEnum):
    """How calls ended."""

    SUCCEEDED = "succeeded"
    DENIED = "denied"
    FAILED = "failed"


_EVENT: Final[Sequence[Field[trivet.AuditEvent]]] = (
    Field("timestamp", "Time", TIME),
    Field("subject", "Who"),
    Field("", "Method", ID, lambda event: event.method.rsplit("/", 1)[1]),
    Field("method", "Method", ID, is_listed=False),
    Field("call_count", "Calls", COUNT),
    Field("workspace", "Workspace", ID, is_listed=False),
    Field("resources", "What", NAMES),
    Field("more_resource_count", "More", COUNT, is_listed=False),
    Field("outcome", "Outcome", ID, is_listed=False),
    Field("code", "Outcome", ID),
    Field("reason", "Reason", ID),
    Field("peer", "From", ID),
    Field("claimed_forwarded_for", "Claims to come from"),
    Field("first_timestamp", "First", TIME, is_listed=False),
    Field("is_authenticated", "Authenticated", FLAG, is_listed=False),
    Field("token_id", "Token", ID, is_listed=False),
    Field("user_agent", "Program", is_listed=False),
    Field("request_id", "Request", ID, is_listed=False),
    Field("event_id", "ID", ID, is_listed=False),
)


def _time_option(name: str, text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(name, metavar="TIME|AGE", help=text, show_default=False)
    return option


@client_command(app, "ls", example="trivet audit ls --outcome denied --max 20")
def ls(
    client: trivet.Client,
    subject: Annotated[
        str, typer.Option("--principal", metavar="ISSUER/NAME", help="Only what they did.", show_default=False)
    ] = "",
    method: Annotated[
        str, typer.Option(metavar="METHOD", help="Only calls of it, such as CreateRun.", show_default=False)
    ] = "",
    outcome: Annotated[_Outcome | None, typer.Option(help="Only calls that ended so.", show_default=False)] = None,
    since: Annotated[str, _time_option("--since", "Only calls at this time or later; 5m is five minutes ago.")] = "",
    until: Annotated[str, _time_option("--until", "Only calls before this time; as --since.")] = "",
    resource: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Only calls that named it or what is below it, such as workspaces/team-a/models/taxi.",
            show_default=False,
        ),
    ] = "",
    whole_server: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--whole-server", help="In all workspaces and in none.", show_default=False)
    ] = False,
    max_results: MaxOption = 100,
) -> Answer:
    """List who changed what in the workspace, and who was turned away; the newest first."""
    found = client.list_audit_events(
        subject=subject,
        method=method,
        outcome=outcome.value.upper() if outcome is not None else "",
        start_time=parse_moment(since, "--since") if since else None,
        end_time=parse_moment(until, "--until") if until else None,
        resource=resource,
        whole_server=whole_server,
        # One more than is shown says whether there are more.
        max_results=max_results + 1,
    )
    has_more = len(found) > max_results
    return Listing(_EVENT, found[:max_results], nothing="There are no such events.", has_more=has_more)
