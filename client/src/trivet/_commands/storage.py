"""`trivet artifacts du`, `gc`, `retention`, `hold`, `release` and `holds`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Final

import typer

import trivet
from trivet._commands.answers import Answer, Details, Done, Field, Listing
from trivet._commands.declaring import client_command
from trivet._commands.kinds import COUNT, ID, SIZE, TEXT, TIME, size
from trivet._commands.options import DryRunOption, YesOption, confirm, parse_age
from trivet._commands.owners import RUN_ID, OwnerArgument, check_owner, check_there, whole

app = typer.Typer()
garbage_app = typer.Typer()
"""At the top of the tree, where people look for it."""

_USAGE: Final[Sequence[Field[trivet.SpaceUsage]]] = (
    Field("stored_bytes", "Stored", SIZE),
    Field("stored_contents", "Contents", COUNT),
    Field("unreferenced_bytes", "Can be freed", SIZE),
    Field("unreferenced_contents", "Of contents", COUNT),
    Field("open_uploads", "Open uploads", COUNT),
)
_KIND: Final[Sequence[Field[trivet.OwnerKindUsage]]] = (
    Field("owner_kind", "Owners", TEXT),
    Field("owner_count", "Count", COUNT),
    Field("file_count", "Files", COUNT),
    Field("file_bytes", "Size", SIZE),
    Field("reference_count", "References", COUNT),
)
_MANIFEST: Final[Sequence[Field[trivet.Manifest]]] = (
    Field("file_count", "Files", COUNT),
    Field("total_bytes", "Size", SIZE),
    Field("reference_count", "References", COUNT),
    Field("sha256", "SHA-256", ID),
)
_HOLD: Final[Sequence[Field[trivet.Hold]]] = (
    Field("owner", "Owner", ID, is_listed=False),
    Field("", "Owner", ID, read=lambda hold: hold.owner.split("/", 2)[2]),
    Field("reason", "Reason"),
    Field("create_time", "Since", TIME),
)
_FOREVER: Final = "forever"


@client_command(app, "du", example=f"trivet artifacts du {RUN_ID} model")
def du(
    client: trivet.Client,
    owner: Annotated[
        str,
        typer.Argument(
            metavar="[OWNER]",
            help="Only the files of this one, as of `ls`. Default: the workspace.",
            show_default=False,
        ),
    ] = "",
    path: Annotated[
        str, typer.Argument(metavar="[PATH]", help="A file or folder of the owner. Default: all.", show_default=False)
    ] = "",
) -> Answer:
    """Show how much room files take, of an owner or, each content once, of the workspace, and what could be freed."""
    if owner:
        return Details(_MANIFEST, _manifest(client, client.find_artifacts(owner, path)))
    usage = client.artifacts.housekeeping.get_space_usage()
    kinds = Listing(_KIND, usage.owner_kinds, nothing="The workspace has no files.")
    return Details(_USAGE, usage, parts={"owner_kinds": kinds})


def _manifest(client: trivet.Client, place: trivet.ArtifactPlace) -> trivet.Manifest:
    try:
        return client.artifacts.get_manifest(place.owner, path=place.path)
    except trivet.ArtifactNotFound:
        check_there(client, place)
        raise


@client_command(garbage_app, "gc", example="trivet gc --dry-run")
@client_command(app, "gc", example="trivet artifacts gc --dry-run")
def gc(
    client: trivet.Client,
    grace: Annotated[
        str, typer.Option(metavar="AGE", help="Free what nothing has referred to for so long: 30d, 12h, 0s.")
    ] = "1h",
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=10_000, help="At most so many files, and so many contents.")
    ] = 1_000,
    is_dry: DryRunOption = False,  # noqa: FBT002 - a flag
    is_sure: YesOption = False,  # noqa: FBT002 - a flag
) -> Answer:
    """Remove files that were kept long enough, and free bytes to which nothing refers any more."""
    grace_period = parse_age(grace, "--grace")
    collect = client.artifacts.housekeeping.collect_garbage
    if not is_dry and not is_sure:
        would_be = collect(dry_run=True, grace_period=grace_period, limit=limit)
        confirm(f"Remove {_counted(would_be)}? There is no way back.", is_sure=False)
    done = collect(dry_run=is_dry, grace_period=grace_period, limit=limit)
    more = " There is more: say it again, or a higher --limit." if done.has_more else ""
    verb = "would be" if is_dry else "are"
    return Done(f"{_counted(done)} {verb} removed.{more}", {"dry_run": is_dry, **asdict(done)})


def _counted(done: trivet.CollectedGarbage) -> str:
    expired = f"{done.expired_files} files ({size(done.expired_bytes)}) that were kept long enough"
    return f"{expired} and {done.freed_contents} contents ({size(done.freed_bytes)}) that nothing refers to"


@client_command(app, "retention", example="trivet artifacts retention --runs 90d")
def retention(
    client: trivet.Client,
    runs: Annotated[
        str, typer.Option(metavar="AGE", help="How long files of runs are kept: 90d; or forever.", show_default=False)
    ] = "",
    logged_models: Annotated[
        str, typer.Option(metavar="AGE", help="The same of logged models.", show_default=False)
    ] = "",
    model_versions: Annotated[
        str, typer.Option(metavar="AGE", help="The same of model versions.", show_default=False)
    ] = "",
) -> Answer:
    """Show how long files are kept, or set that; `trivet artifacts gc` removes those that were kept long enough."""
    housekeeping = client.artifacts.housekeeping
    rules = housekeeping.get_retention_policy()
    given: dict[trivet.OwnerKind, tuple[str, str]] = {
        "run": (runs, "--runs"),
        "logged_model": (logged_models, "--logged-models"),
        "model_version": (model_versions, "--model-versions"),
    }
    for kind, (text, option) in given.items():
        if text == _FOREVER:
            rules.pop(kind, None)
        elif text:
            rules[kind] = parse_age(text, option)
    if any(text for text, _ in given.values()):
        rules = housekeeping.set_retention_policy(rules)
    seconds = {kind: rules[kind].total_seconds() if kind in rules else None for kind in given}
    said = ", ".join(f"{kind.replace('_', ' ')}s: {_age(rules.get(kind))}" for kind in given)
    return Done(f"Files are kept: {said}.", {"keep_seconds": seconds})


def _age(keep_for: timedelta | None) -> str:
    """As `parse_age` reads it."""
    if keep_for is None:
        return _FOREVER
    days, seconds = divmod(int(keep_for.total_seconds()), 24 * 60 * 60)
    hours, seconds = divmod(seconds, 60 * 60)
    minutes, seconds = divmod(seconds, 60)
    parts = ((days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)


@client_command(app, "hold", example=f"trivet artifacts hold {RUN_ID} --reason audit")
def hold(
    client: trivet.Client,
    owner: OwnerArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.", show_default=False)] = "",
) -> Answer:
    """Keep the files of an owner from being removed or replaced, whatever the retention says."""
    found = whole(client.find_artifacts(owner))
    check_owner(client, found)
    held = client.artifacts.housekeeping.hold(found, reason=reason)
    return Done(f"The files of {found.uri} are held.", {"owner": found.name, "reason": held.reason})


@client_command(app, "release", example=f"trivet artifacts release {RUN_ID}")
def release(client: trivet.Client, owner: OwnerArgument) -> Answer:
    """End a hold."""
    found = whole(client.find_artifacts(owner))
    client.artifacts.housekeeping.release(found)
    return Done(f"The files of {found.uri} are not held.", {"owner": found.name})


@client_command(app, "holds", example="trivet artifacts holds")
def holds(client: trivet.Client) -> Answer:
    """List what is held."""
    return Listing(_HOLD, client.artifacts.housekeeping.list_holds(), nothing="Nothing is held.")
