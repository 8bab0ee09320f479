"""The command `python -m trivet_kit.identity`, which `trivet token` and `trivet policy` become."""

from __future__ import annotations

import typer

from trivet_kit import commands
from trivet_kit.identity import policy_commands, token_commands

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(policy_commands.app, name="policy")
app.add_typer(token_commands.app, name="token")


if __name__ == "__main__":
    commands.run(app, "trivet")
