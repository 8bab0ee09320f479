"""`trivet token` and `trivet policy`: who may do what on a server, for those who operate it."""

from __future__ import annotations

import typer

from trivet._commands.becoming import AS_THE_PROGRAM, become

app = typer.Typer()


@app.command(context_settings=AS_THE_PROGRAM, add_help_option=False)
def token(context: typer.Context) -> None:
    """Make Trivet's own tokens, and the keys that they are signed by (`trivet token --help`)."""
    become("token", context.args)


@app.command(context_settings=AS_THE_PROGRAM, add_help_option=False)
def policy(context: typer.Context) -> None:
    """Check policy files, and explain what they decide (`trivet policy --help`)."""
    become("policy", context.args)
