"""`trivet purge`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final

import typer

import trivet
from trivet._commands.answers import Answer, Field, Listing, as_object, notice
from trivet._commands.declaring import client_command
from trivet._commands.kinds import COUNT, ID, SIZE
from trivet._commands.options import YesOption, confirm

app = typer.Typer()

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.", show_default=False)]

_UNITS: Final[Mapping[str, timedelta]] = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
_AGE: Final = re.compile(r"(?:[0-9]{1,7}[dhms])+")

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


def _parse_age(text: str) -> timedelta:
    """The time of a text such as `30d` or `1d12h`."""
    if not _AGE.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is no age; write 30d, 12h or 1d12h.", param_hint="--older-than")
    return sum(
        (int(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9]+)([dhms])", text)), start=timedelta()
    )


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
    is_dry: DryRunOption = False,  # noqa: FBT002 - a flag
    is_sure: YesOption = False,  # noqa: FBT002 - a flag
) -> Answer:
    """Remove for good what has long been in the bin: runs with their files, experiments with all their runs."""
    age = _parse_age(older_than)
    chosen = (run_ids or (), experiment_ids or ())
    if not is_dry and not is_sure:
        would_be = client.purge(age, *chosen, dry_run=True)
        if not would_be.experiments and not would_be.runs:
            notice("Nothing has been in the bin for so long.")
            return _PurgeAnswer(would_be, is_dry=False)
        confirm(f"Remove {_counted(would_be)}, and their files, for good? There is no way back.", is_sure=False)
    return _PurgeAnswer(client.purge(age, *chosen, dry_run=is_dry), is_dry)
