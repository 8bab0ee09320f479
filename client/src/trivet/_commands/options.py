"""Arguments and options that several commands share, and how they are understood."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

import typer

import trivet
from trivet._commands.kinds import printable

_UNITS: Final[Mapping[str, timedelta]] = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
_AGE: Final = re.compile(r"(?:[0-9]{1,7}[dhms])+")

UrlOption = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="The server, such as grpc://HOST:PORT/WORKSPACE. Default: that of TRIVET_URL and its companions.",
        show_default=False,
    ),
]
WorkspaceOption = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="The workspace. Default: that of the URL, else TRIVET_WORKSPACE.", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.", show_default=False)]

ExperimentArgument = Annotated[
    str, typer.Argument(metavar="EXPERIMENT", help="Its name; a number is an id.", show_default=False)
]
RunArgument = Annotated[str, typer.Argument(metavar="RUN_ID", help="The id of the run.", show_default=False)]
ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="The name of the model.", show_default=False)]
VersionArgument = Annotated[
    int, typer.Argument(metavar="VERSION", min=1, help="The number of the version.", show_default=False)
]
OptionalVersion = Annotated[
    int | None,
    typer.Argument(metavar="[VERSION]", min=1, help="One version of it alone. Default: all.", show_default=False),
]
ReasonOption = Annotated[str, typer.Option(metavar="TEXT", help="Why; kept in the history.", show_default=False)]

ExperimentsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--experiment",
        metavar="NAME",
        help="Only those of this experiment; may be given several times.",
        show_default=False,
    ),
]
ExperimentIdsOption = Annotated[
    list[str] | None,
    typer.Option("--experiment-id", metavar="ID", help="The same, by the id.", show_default=False),
]
FilterOption = Annotated[
    str, typer.Option("--filter", metavar="FILTER", help="Only those that pass this.", show_default=False)
]
OrderByOption = Annotated[
    list[str] | None,
    typer.Option(
        "--order-by",
        metavar="NAME [ASC|DESC]",
        help="What comes first; may be given several times.",
        show_default=False,
    ),
]
MaxOption = Annotated[int, typer.Option("--max", metavar="N", min=1, help="How many at most.")]
TagsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tag", metavar="KEY=VALUE", help="What to mark it with; may be given several times.", show_default=False
    ),
]
DescriptionOption = Annotated[str, typer.Option(metavar="TEXT", help="What it is, in markdown.", show_default=False)]
UntilEndedOption = Annotated[
    bool, typer.Option("--until-ended", help="Stop when all the runs that are named have ended.", show_default=False)
]
FollowOption = Annotated[
    bool, typer.Option("--follow", "-f", help="Go on with what is written, until the run has ended.")
]
StepArgument = Annotated[int, typer.Argument(metavar="STEP", help="The last step that stays.", show_default=False)]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.", show_default=False)]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.", show_default=False)]


class View(StrEnum):
    """Which things a search looks at."""

    ACTIVE = "active"
    DELETED = "deleted"
    ALL = "all"

    @property
    def view_type(self) -> trivet.ViewType:
        """As the SDK has it."""
        return {
            View.ACTIVE: trivet.ViewType.ACTIVE_ONLY,
            View.DELETED: trivet.ViewType.DELETED_ONLY,
            View.ALL: trivet.ViewType.ALL,
        }[self]


ViewOption = Annotated[View, typer.Option(help="Those in use, those in the bin, or both.")]


def parse_tags(texts: Sequence[str] | None) -> dict[str, str]:
    """The tags of `KEY=VALUE` texts."""
    return parse_pairs(texts, "--tag")


def parse_pairs(texts: Sequence[str] | None, option: str) -> dict[str, str]:
    """What the `KEY=VALUE` texts of an option say."""
    pairs = {}
    for text in texts or ():
        key, is_pair, value = text.partition("=")
        if not (key and is_pair):
            raise typer.BadParameter(f"{text!r} is not KEY=VALUE.", param_hint=option)
        pairs[key] = value
    return pairs


def parse_time(text: str, name: str) -> datetime:
    """The time of a text such as `2026-11-02T09:30:00Z`; without a zone it is local time."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(
            f"{text!r} is no time; write 2026-11-02, '2026-11-02 09:30' or 2026-11-02T09:30:00Z.", param_hint=name
        ) from error


def parse_moment(text: str, option: str) -> datetime:
    """The moment of a text: a time as `parse_time` has it, or an age such as `5m` before now."""
    return datetime.now(UTC) - parse_age(text, option) if _AGE.fullmatch(text) else parse_time(text, option)


def parse_age(text: str, option: str) -> timedelta:
    """The time of a text such as `30d` or `1d12h`."""
    if not _AGE.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is no age; write 30d, 12h or 1d12h.", param_hint=option)
    return sum(
        (int(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9]+)([dhms])", text)), start=timedelta()
    )


def confirm(question: str, *, is_sure: bool) -> None:
    """Goes on if the person who types says so; ends the command otherwise.

    Args:
        question: What is about to happen, and whether there is a way back.
        is_sure: Whether `--yes` was given.
    """
    if is_sure:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("Nobody is there to be asked; say that you are sure.", param_hint="--yes")
    typer.echo(f"{printable(question)} [y/N] ", nl=False, err=True)
    # Not typer.confirm, which ends by Ctrl-C as by an answer.
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        typer.echo("Nothing was changed.", err=True)
        raise typer.Exit(1)
