"""`trivet models`: the stages of a workspace, and what is protected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer

import trivet
from trivet._commands.answers import Answer, Details, Field
from trivet._commands.declaring import client_command
from trivet._commands.kinds import NAMES, PAIRS, TIME

app = typer.Typer()

_RULES: Final[Sequence[Field[trivet.PromotionRules]]] = (
    Field("stages", "Stages", NAMES),
    Field("protected_stages", "Protected stages", NAMES),
    Field("stage_approvals", "Approvals", PAIRS),
    Field("protected_aliases", "Protected aliases", NAMES),
    Field("alias_approvals", "Approvals of aliases", PAIRS),
    Field("policy_fields", "Set by the policy file", NAMES),
    Field("last_updated_timestamp", "Updated", TIME),
    Field("updated_by", "Updated by"),
)

_StagesOption = Annotated[
    list[str] | None,
    typer.Option("--stage", metavar="STAGE", help="A stage; may be given several times.", show_default=False),
]
_AliasesOption = Annotated[
    list[str] | None,
    typer.Option("--alias", metavar="ALIAS", help="An alias; may be given several times.", show_default=False),
]


@client_command(app, "stages", example="trivet models stages None Canary Production Archived")
def stages(
    client: trivet.Client,
    stages: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STAGE...]",
            help="The stages that there shall be, in order, from None to Archived. Default: only show them.",
            show_default=False,
        ),
    ] = None,
) -> Answer:
    """Show the stages of the workspace and what is protected, or set the stages."""
    promotion = client.registry.promotion
    return Details(_RULES, promotion.update_rules(stages=stages) if stages else promotion.get_rules())


@client_command(app, "protect", example="trivet models protect --stage Production --approvals 2")
def protect(
    client: trivet.Client,
    stages: _StagesOption = None,
    aliases: _AliasesOption = None,
    approvals: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            max=10,
            help="How many others have to approve a change; 0: none is made. Default: as it is, or 0.",
            show_default=False,
        ),
    ] = None,
) -> Answer:
    """Protect stages and aliases: nothing of them changes, but what others approve (`trivet models promotion`)."""
    _check(stages, aliases)
    promotion = client.registry.promotion
    return Details(_RULES, promotion.protect(stages=stages or (), aliases=aliases or (), approvals=approvals))


@client_command(app, "unprotect", example="trivet models unprotect --stage Production")
def unprotect(client: trivet.Client, stages: _StagesOption = None, aliases: _AliasesOption = None) -> Answer:
    """Protect stages and aliases no longer."""
    _check(stages, aliases)
    return Details(_RULES, client.registry.promotion.unprotect(stages=stages or (), aliases=aliases or ()))


def _check(stages: Sequence[str] | None, aliases: Sequence[str] | None) -> None:
    if not stages and not aliases:
        raise typer.BadParameter("Say which stages or aliases.", param_hint="--stage")
