"""The tree of commands."""

from __future__ import annotations

from typing import Annotated

import typer

import trivet
from trivet._commands import (
    artifacts,
    audit,
    doctor,
    evaluation,
    experiments,
    export,
    identity,
    importing,
    logged_models,
    login,
    model_history,
    models,
    prediction,
    projects,
    promotion,
    promotion_requests,
    purging,
    rules,
    runs,
    servers,
    serving,
    spool,
    storage,
    webhooks,
)

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)


def _show_version(is_wanted: bool) -> None:  # noqa: FBT001 - typer gives it so
    if is_wanted:
        typer.echo(trivet.__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[  # noqa: FBT002 - a flag, whose callback is what it does
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Track experiments, store artifacts, promote models."""


app.add_typer(servers.app)
app.add_typer(spool.app)
app.add_typer(doctor.app)
app.add_typer(login.app)
app.add_typer(identity.app)
app.add_typer(projects.app)
app.add_typer(experiments.app, name="experiments")
app.add_typer(runs.app, name="runs")
runs.app.add_typer(export.runs_app)
app.add_typer(rules.app, name="rules")
app.add_typer(artifacts.app, name="artifacts")
artifacts.app.add_typer(storage.app)
app.add_typer(logged_models.app, name="logged-models")
app.add_typer(models.app, name="models")
for part in (model_history, promotion, prediction, evaluation, serving):
    models.app.add_typer(part.app)
models.app.add_typer(promotion_requests.app, name="promotion")
models.app.add_typer(webhooks.app, name="webhooks")
app.add_typer(audit.app, name="audit")
app.add_typer(export.app)
app.add_typer(importing.app, name="import")
app.add_typer(purging.app)
app.add_typer(storage.garbage_app)
