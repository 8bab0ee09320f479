"""`trivet models`: the stages of a workspace, and what is protected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer

import trivet
from trivet._commands.answers import Answer, Details, Field
from trivet._commands.declaring import client_command
from trivet._commands.kinds import NAMES, TIME

app = typer.Typer()

_RULES: Final[Sequence[Field[trivet.PromotionRules]]] = (
    Field("stages", "Stages", NAMES),
    Field("protected_stages", "Protected stages", NAMES),
    Field("protected_aliases", "Protected aliases", NAMES),
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


@client_command(app, "protect", example="trivet models protect --stage Production --alias champion")
def protect(client: trivet.Client, stages: _StagesOption = None, aliases: _AliasesOption = None) -> Answer:
    """Protect stages, which no version may enter or leave then, and aliases, which cannot be moved."""
    _check(stages, aliases)
    return Details(_RULES, client.registry.promotion.protect(stages=stages or (), aliases=aliases or ()))


@client_command(app, "unprotect", example="trivet models unprotect --stage Production")
def unprotect(client: trivet.Client, stages: _StagesOption = None, aliases: _AliasesOption = None) -> Answer:
    """Protect stages and aliases no longer."""
    _check(stages, aliases)
    return Details(_RULES, client.registry.promotion.unprotect(stages=stages or (), aliases=aliases or ()))


def _check(stages: Sequence[str] | None, aliases: Sequence[str] | None) -> None:
    if not stages and not aliases:
        raise typer.BadParameter("Say which stages or aliases.", param_hint="--stage")
