"""`trivet purge`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import typer

import trivet
from trivet._commands.answers import Answer, Field, Listing, as_object, notice
from trivet._commands.declaring import client_command
from trivet._commands.kinds import COUNT, ID, SIZE
from trivet._commands.options import DryRunOption, YesOption, confirm, parse_age

app = typer.Typer()

_EXPERIMENT: Final[Sequence[Field[trivet.PurgedExperiment]]] = (
    Field("experiment_id", "Experiment", ID),
    Field("name", "Name"),
    Field("run_count", "Runs", COUNT),
)
_RUN: Final[Sequence[Field[trivet.PurgedRun]]] = (
    Field("run_id", "Run", ID),
    Field("run_name", "Name"),
    Field("point_count", "Points", COUNT),
    Field("point_bytes", "Size", SIZE),
)


@dataclass(frozen=True)
class _PurgeAnswer:
    """What was removed, or would be."""

    purged: trivet.Purged
    is_dry: bool
    exit_code: int = 0

    def to_json(self) -> object:
        return {
            "dry_run": self.is_dry,
            "experiments": [as_object(_EXPERIMENT, experiment) for experiment in self.purged.experiments],
            "runs": [as_object(_RUN, run) for run in self.purged.runs],
        }

    def show(self) -> None:
        if self.is_dry:
            _show(self.purged)
        typer.echo(f"{_counted(self.purged)} {'would be' if self.is_dry else 'are'} removed for good.")


def _show(purged: trivet.Purged) -> None:
    for listing in (Listing(_EXPERIMENT, purged.experiments, ""), Listing(_RUN, purged.runs, "")):
        if listing.items:
            listing.show()
            typer.echo()


def _counted(purged: trivet.Purged) -> str:
    size = SIZE.show(sum(run.point_bytes for run in purged.runs))
    points = sum(run.point_count for run in purged.runs)
    return f"{len(purged.experiments)} experiments and {len(purged.runs)} runs with {points} points ({size})"


@dataclass(frozen=True)
class _PolicyAnswer:
    """What was removed from each workspace, or would be."""

    purged: Mapping[str, trivet.Purged]
    is_dry: bool
    exit_code: int = 0

    def to_json(self) -> object:
        return {name: _PurgeAnswer(purged, self.is_dry).to_json() for name, purged in self.purged.items()}

    def show(self) -> None:
        for name, purged in self.purged.items():
            typer.echo(f"{name}: {_counted(purged)} {'would be' if self.is_dry else 'are'} removed for good.")
        if not self.purged:
            typer.echo("The policy file keeps nothing for a number of days, where you may purge.")


@client_command(app, "purge", example="trivet purge --older-than 30d --dry-run")
def purge(
    client: trivet.Client,
    older_than: Annotated[
        str,
        typer.Option(
            metavar="AGE", help="Only what was deleted at least so long ago: 30d, 12h, 1d12h; 0s is all of the bin."
        ),
    ] = "30d",
    run_ids: Annotated[
        list[str] | None,
        typer.Option("--run-id", metavar="ID", help="Only this run; may be given several times.", show_default=False),
    ] = None,
    experiment_ids: Annotated[
        list[str] | None,
        typer.Option(
            "--experiment-id",
            metavar="ID",
            help="Only this experiment, and deleted runs in it; may be given several times.",
            show_default=False,
        ),
    ] = None,
    by_policy: Annotated[  # noqa: FBT002 - a flag
        bool,
        typer.Option(
            "--by-policy",
            help="In every workspace what has been in the bin for as long as the policy file says; for a timer.",
            show_default=False,
        ),
    ] = False,
    is_dry: DryRunOption = False,  # noqa: FBT002 - a flag
    is_sure: YesOption = False,  # noqa: FBT002 - a flag
) -> Answer:
    """Remove for good what has long been in the bin: runs with their files, experiments with all their runs."""
    if by_policy:
        if run_ids or experiment_ids:
            raise typer.BadParameter("it is for whole workspaces.", param_hint="--by-policy")
        return _PolicyAnswer(client.purge_by_policy(dry_run=is_dry), is_dry)
    age = parse_age(older_than, "--older-than")
    chosen = (run_ids or (), experiment_ids or ())
    if not is_dry and not is_sure:
        would_be = client.purge(age, *chosen, dry_run=True)
        if not would_be.experiments and not would_be.runs:
            notice("Nothing has been in the bin for so long.")
            return _PurgeAnswer(would_be, is_dry=False)
        confirm(f"Remove {_counted(would_be)}, and their files, for good? There is no way back.", is_sure=False)
    return _PurgeAnswer(client.purge(age, *chosen, dry_run=is_dry), is_dry)
