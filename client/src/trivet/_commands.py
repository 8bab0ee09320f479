"""The commands of `trivet`. Needs the extra `cli`."""

from __future__ import annotations

import importlib.util
import os
import sys

import typer

import trivet

app = typer.Typer(
    help="Track experiments, store artifacts, promote models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def _commands() -> None:
    """Track experiments, store artifacts, promote models."""


# The options are those of the server that it becomes, so that they are described, checked and defaulted in one place.
@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False)
def up(context: typer.Context) -> None:
    """Run Trivet on this machine: one process, SQLite files and a folder (`trivet up --help`)."""
    if importlib.util.find_spec("trivet_standalone") is None:
        sys.exit("trivet up: a server on this machine needs an extra: pip install 'trivet[local]'")
    # Becomes the server instead of starting a child: signals and exit code need no passing on.
    os.execv(sys.executable, [sys.executable, "-m", "trivet_standalone", *context.args])  # noqa: S606 - itself


@app.command()
def version() -> None:
    """Print the version."""
    print(trivet.__version__)  # noqa: T201 - the answer of the command
