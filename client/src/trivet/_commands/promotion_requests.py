"""`trivet models promotion`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer

import trivet
from trivet._commands.answers import Answer, Details, Done, Field, Listing, as_object
from trivet._commands.declaring import client_command
from trivet._commands.kinds import COUNT, ID, NAMES, TIME
from trivet._commands.options import MaxOption, ModelArgument, ReasonOption, VersionArgument, parse_time

app = typer.Typer(no_args_is_help=True, help="Changes of what is protected: asked for, and approved by others.")

_ID: Final = "5b1e7f0a9c3d4e2f8a6b1c0d9e8f7a6b"


def _change(request: trivet.PromotionRequest) -> str:
    if request.alias:
        target = f"version {request.version}" if request.version else "nothing"
        return f"alias {request.alias} → {target}"
    archived = f", archiving {', '.join(map(str, request.archived_versions))}" if request.archived_versions else ""
    return f"version {request.version}: {request.from_stage} → {request.stage}{archived}"


def _approvals(request: trivet.PromotionRequest) -> str:
    return f"{len(request.approvals)} of {request.required_approvals}" if request.required_approvals else "frozen"


_REQUEST: Final[Sequence[Field[trivet.PromotionRequest]]] = (
    Field("promotion_request_id", "ID", ID),
    Field("name", "Model"),
    Field("", "Change", ID, _change),
    Field("state", "State", ID),
    Field("", "Approvals", ID, _approvals),
    Field("created_by", "Asked by"),
    Field("reason", "Why"),
    Field("creation_timestamp", "Asked", TIME, is_listed=False),
    Field("expiration_timestamp", "Until", TIME),
    Field("version", "Version", COUNT, is_listed=False),
    Field("stage", "Stage", ID, is_listed=False),
    Field("from_stage", "From stage", ID, is_listed=False),
    Field(
        "archived_versions",
        "Archives",
        NAMES,
        lambda request: [str(version) for version in request.archived_versions],
        is_listed=False,
    ),
    Field("alias", "Alias", ID, is_listed=False),
    Field("from_version", "From version", COUNT, is_listed=False),
    Field("required_approvals", "Needs approvals", COUNT, is_listed=False),
    Field(
        "approved_by",
        "Approved by",
        NAMES,
        lambda request: [each.approver for each in request.approvals],
        is_listed=False,
    ),
    Field("ended_by", "Ended by", is_listed=False),
    Field("end_timestamp", "Ended", TIME, is_listed=False),
    Field("end_reason", "Why so", is_listed=False),
)
_APPROVAL: Final[Sequence[Field[trivet.PromotionApproval]]] = (
    Field("approver", "Who"),
    Field("timestamp", "Time", TIME),
    Field("reason", "Why"),
)

_RequestArgument = Annotated[
    str, typer.Argument(metavar="REQUEST_ID", help="The id of the promotion request.", show_default=False)
]
_ExpiresOption = Annotated[
    str,
    typer.Option(
        "--expires",
        metavar="TIME",
        help="Until when it can be approved, such as 2026-12-01T12:00:00Z. Default: in 7 days.",
        show_default=False,
    ),
]


@client_command(app, "request", example='trivet models promotion request taxi 2 Production --reason "3% better"')
def request(
    client: trivet.Client,
    model: ModelArgument,
    version: VersionArgument,
    stage: Annotated[str, typer.Argument(metavar="STAGE", help="Where it is to go.", show_default=False)],
    archives_existing: Annotated[  # noqa: FBT002 - a flag
        bool,
        typer.Option("--archive-existing", help="Move other versions in that stage to Archived.", show_default=False),
    ] = False,
    reason: ReasonOption = "",
    expires: _ExpiresOption = "",
) -> Answer:
    """Ask for a move of a version into or out of a protected stage."""
    asked = client.registry.promotion_requests.ask_for_stage(
        model,
        version,
        stage,
        archive_existing_versions=archives_existing,
        reason=reason,
        expires=parse_time(expires, "--expires") if expires else None,
    )
    return _asked(asked)


@client_command(app, "request-alias", example="trivet models promotion request-alias taxi champion 2")
def request_alias(
    client: trivet.Client,
    model: ModelArgument,
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="The alias.", show_default=False)],
    version: Annotated[
        int | None,
        typer.Argument(
            metavar="[VERSION]", min=1, help="Where it is to point. Default: it is removed.", show_default=False
        ),
    ] = None,
    reason: ReasonOption = "",
    expires: _ExpiresOption = "",
) -> Answer:
    """Ask that a protected alias points at a version, or is removed."""
    asked = client.registry.promotion_requests.ask_for_alias(
        model, alias, version, reason=reason, expires=parse_time(expires, "--expires") if expires else None
    )
    return _asked(asked)


@client_command(app, "ls", example="trivet models promotion ls --state PENDING")
def ls(
    client: trivet.Client,
    state: Annotated[
        str,
        typer.Option(
            metavar="STATE",
            help="Only those that are PENDING, APPROVED, REJECTED, WITHDRAWN or EXPIRED.",
            show_default=False,
        ),
    ] = "",
    model: Annotated[
        str, typer.Option("--model", metavar="MODEL", help="Only those about this model.", show_default=False)
    ] = "",
    max_results: MaxOption = 100,
) -> Answer:
    """List promotion requests, the newest first."""
    found = client.list_promotion_requests(state, model, max_results)
    return Listing(_REQUEST, found, nothing="There are no such promotion requests.", has_more=bool(found.token))


@client_command(app, "show", example=f"trivet models promotion show {_ID}")
def show(client: trivet.Client, request_id: _RequestArgument) -> Answer:
    """Show a promotion request, and who approved it."""
    found = client.get_promotion_request(request_id)
    return Details(
        _REQUEST, found, {"approvals": Listing(_APPROVAL, found.approvals, nothing="Nobody has approved it yet.")}
    )


@client_command(app, "approve", example=f'trivet models promotion approve {_ID} --reason "tried it"')
def approve(client: trivet.Client, request_id: _RequestArgument, reason: ReasonOption = "") -> Answer:
    """Approve a promotion request; the last approval that it needs makes the change."""
    approved = client.approve_promotion_request(request_id, reason)
    if approved.state == "APPROVED":
        return _done(f"{_change(approved)} of {approved.name!r} is done.", approved)
    return _done(f"Approved: {_approvals(approved)}.", approved)


@client_command(app, "reject", example=f'trivet models promotion reject {_ID} --reason "worse at night"')
def reject(
    client: trivet.Client,
    request_id: _RequestArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept in the history.", show_default=False)],
) -> Answer:
    """Reject a promotion request, for good."""
    return _done("Rejected.", client.reject_promotion_request(request_id, reason))


@client_command(app, "withdraw", example=f"trivet models promotion withdraw {_ID}")
def withdraw(client: trivet.Client, request_id: _RequestArgument, reason: ReasonOption = "") -> Answer:
    """Take back what you asked for."""
    return _done("Withdrawn.", client.withdraw_promotion_request(request_id, reason))


def _asked(request: trivet.PromotionRequest) -> Answer:
    number = request.required_approvals
    others = "somebody else approves" if number == 1 else f"{number} others approve"
    return _done(f"Asked for {_change(request)}. It waits until {others} {request.promotion_request_id}.", request)


def _done(sentence: str, request: trivet.PromotionRequest) -> Answer:
    return Done(sentence, as_object(_REQUEST, request))
