"""`trivet models`: what happened to models, and where they came from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import typer

import trivet
from trivet._commands.answers import Answer, Details, Field, Listing, as_object
from trivet._commands.declaring import client_command
from trivet._commands.kinds import COUNT, FLAG, ID, NAMES, PAIRS, SIZE, TIME, local_time, printable
from trivet._commands.models import VERSION_FIELDS
from trivet._commands.options import (
    JsonOption,
    MaxOption,
    ModelArgument,
    OptionalVersion,
    VersionArgument,
    parse_time,
)
from trivet._filter_texts import quoted

app = typer.Typer()

# A line for people has no room for a description, or for all that a new version has; JSON has all.
_MOST_CHARACTERS: Final = 40
_MOST_CHANGES: Final = 3


def _shown(value: str | None) -> str:
    if value is None:
        return "-"
    return value if len(value) <= _MOST_CHARACTERS else f"{value[:_MOST_CHARACTERS]}…"


def _changes(entry: trivet.ModelHistoryEntry) -> list[str]:
    shown = [
        f"{change.field}: {_shown(change.before)} → {_shown(change.after)}"
        if change.before is not None
        else f"{change.field}={_shown(change.after)}"
        for change in entry.changes[:_MOST_CHANGES]
    ]
    more = len(entry.changes) - len(shown)
    return [*shown, f"and {more} more"] if more > 0 else shown


_ENTRY: Final[Sequence[Field[trivet.ModelHistoryEntry]]] = (
    Field("sequence", "Entry", COUNT),
    Field("timestamp", "Time", TIME),
    Field("actor", "Who"),
    Field("action", "Action", ID),
    Field("version", "Version", COUNT),
    Field("", "Changes", NAMES, _changes),
    Field("reason", "Why"),
    Field(
        "changes",
        "Changes",
        read=lambda entry: [
            {"field": change.field, "before": change.before, "after": change.after} for change in entry.changes
        ],
        is_listed=False,
    ),
    Field("previous_sha256", "Previous", ID, is_listed=False),
    Field("sha256", "Digest", ID, is_listed=False),
)
_AS_OF: Final[Sequence[Field[trivet.ModelAsOf]]] = (
    Field("exists", "Existed", FLAG),
    Field("name", "Name"),
    Field("model_uid", "Uid", ID),
    Field("sequence", "Entry", COUNT),
    Field(
        "stages",
        "Stages",
        PAIRS,
        lambda model: {stage: ", ".join(map(str, versions)) for stage, versions in model.stages.items()},
    ),
    Field("aliases", "Aliases", PAIRS),
)
_VERIFICATION: Final[Sequence[Field[trivet.ModelVerification]]] = (
    Field("is_intact", "Intact", FLAG),
    Field("model_uid", "Uid", ID),
    Field("sequence", "Last entry", COUNT),
    Field("sha256", "Its digest", ID),
)
_FAULT: Final[Sequence[Field[trivet.HistoryFault]]] = (
    Field("kind", "Fault", ID),
    Field("sequence", "Entry", COUNT),
    Field("version", "Version", COUNT),
    Field("field", "Field"),
    Field("message", "What"),
)
_FILE: Final[Sequence[Field[trivet.FileInfo]]] = (
    Field("path", "Path"),
    Field("file_size", "Size", SIZE),
    Field("sha256", "Digest", ID),
)


@dataclass(frozen=True)
class _VersionCheck:
    """What was found of the files of a version."""

    version: int
    path: str
    state: str
    problem: str = ""


_VERSION_CHECK: Final[Sequence[Field[_VersionCheck]]] = (
    Field("version", "Version", COUNT),
    Field("path", "Path"),
    Field("state", "State", ID),
    Field("problem", "Why"),
)


@client_command(app, "history", example="trivet models history taxi --newest-first --max 10")
def history(
    client: trivet.Client,
    model: ModelArgument,
    version: OptionalVersion = None,
    newest_first: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--newest-first", help="Begin with what happened last.", show_default=False)
    ] = False,
    max_results: MaxOption = 100,
) -> Answer:
    """Show what happened to a model: who did what, when and why. MODEL may be the uid of a deleted one."""
    found = client.registry.history.list(model, version=version, newest_first=newest_first, max_results=max_results)
    return Listing(_ENTRY, found, nothing="Nothing happened to it.", has_more=bool(found.token))


@client_command(app, "as-of", example="trivet models as-of taxi 2026-11-02T09:30:00Z")
def as_of(
    client: trivet.Client,
    model: ModelArgument,
    time: Annotated[
        str,
        typer.Argument(
            metavar="TIME", help="Such as 2026-11-02T09:30:00Z; local time without a zone.", show_default=False
        ),
    ],
) -> Answer:
    """Show which versions were in which stage at some time, and where each alias pointed."""
    return Details(_AS_OF, client.get_model_as_of(model, parse_time(time, "TIME")))


@client_command(app, "verify", example="trivet models verify taxi --files")
def verify(
    client: trivet.Client,
    model: ModelArgument,
    reads_files: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--files", help="Read all bytes of all versions too.", show_default=False)
    ] = False,
    known: Annotated[
        str,
        typer.Option(
            metavar="ENTRY:DIGEST",
            help="What an earlier answer said of the last entry, and was kept elsewhere.",
            show_default=False,
        ),
    ] = "",
) -> Answer:
    """Compare a model with its history, and say what was altered behind its back; then the exit code is 1."""
    sequence, separator, digest = known.partition(":")
    if known and not (separator and sequence.isdecimal()):
        raise typer.BadParameter("Write ENTRY:DIGEST, such as 12:6f1c….", param_hint="--known")
    found = client.registry.history.verify(model, known_sequence=int(sequence or 0), known_sha256=digest)
    faults = Listing(_FAULT, found.faults, nothing="Nothing was altered.")
    if not reads_files:
        return Details(_VERIFICATION, found, {"faults": faults}, exit_code=int(not found.is_intact))
    checks = list(_check_files(client, model))
    wrong = [check for check in checks if check.state not in ("ok", "reference", "outside")]
    files = Listing(_VERSION_CHECK, checks, nothing="It has no files.")
    return Details(
        _VERIFICATION, found, {"faults": faults, "files": files}, exit_code=int(bool(wrong) or not found.is_intact)
    )


def _check_files(client: trivet.Client, model: str) -> Iterator[_VersionCheck]:
    for version in client.search_model_versions(f"name = {quoted(model)}", order_by="version_number"):
        if version.status != "READY":
            continue
        if not version.artifact_owner:
            yield _VersionCheck(version.version, version.source, "outside")
            continue
        try:
            for check in client.artifacts.verify_model_version(version):
                yield _VersionCheck(version.version, check.path, check.state)
        except trivet.ArtifactCorrupt as error:
            yield _VersionCheck(version.version, "", "altered", error.message)


@client_command(app, "lineage", example="trivet models lineage taxi 2")
def lineage(client: trivet.Client, model: ModelArgument, version: VersionArgument) -> Answer:
    """Show where a version came from: its run with params and inputs, datasets, commit, files."""
    found = client.get_model_version_lineage(model, version)
    run = found.run
    fields = [
        *(field for field in VERSION_FIELDS if field.key in _LINEAGE),
        Field[trivet.ModelVersion]("run_name", "Run name", read=lambda _: run.info.run_name if run else ""),
        Field[trivet.ModelVersion]("params", "Params", PAIRS, lambda _: run.data.params if run else {}),
    ]
    return Details(fields, found.version, {"files": Listing(_FILE, found.files, nothing="Trivet has no files of it.")})


_LINEAGE: Final = (
    *("name", "version", "source", "copied_from", "run_id", "model_id", "git_commit", "datasets", "manifest_sha256"),
)


@client_command(app, "watch", example="trivet models watch taxi --action VERSION_MOVED", has_json=False)
def watch(
    client: trivet.Client,
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL...]", help="Only these models. Default: all.", show_default=False),
    ] = None,
    actions: Annotated[
        list[str] | None,
        typer.Option(
            "--action",
            metavar="ACTION",
            help="Only this, such as ALIAS_SET; may be given several times.",
            show_default=False,
        ),
    ] = None,
    resume_token: Annotated[
        str,
        typer.Option("--resume", metavar="TOKEN", help="Go on where an earlier watch was.", show_default=False),
    ] = "",
    most: Annotated[
        int | None, typer.Option("--max", metavar="N", min=1, help="Stop after so many events.", show_default=False)
    ] = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a flag
) -> None:
    """Print what happens to models as it happens, a line for each event, until Ctrl-C."""
    shown = 0
    with client.watch_model_events(models or (), actions=actions or (), resume_token=resume_token) as events:
        for event in events:
            typer.echo(_as_json(event, events.resume_token) if as_json else _as_line(event))
            shown += 1
            if shown == most:
                return


def _as_line(event: trivet.ModelEvent) -> str:
    entry = event.entry
    version = f" version {entry.version}" if entry.version else ""
    parts = [
        local_time(entry.timestamp),
        f"{printable(event.name)}{version}",
        entry.action,
        ", ".join(map(printable, _changes(entry))),
        *([f"({printable(entry.reason)})"] if entry.reason else []),
    ]
    return "  ".join(parts).rstrip()


def _as_json(event: trivet.ModelEvent, resume_token: str) -> str:
    facts = {"event_id": event.event_id, "name": event.name, "model_uid": event.model_uid}
    return json.dumps({**facts, **as_object(_ENTRY, event.entry), "resume_token": resume_token})
