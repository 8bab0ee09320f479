"""`trivet artifacts`."""

from __future__ import annotations

import glob
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

import trivet
from trivet._artifact_owners import check_writable
from trivet._commands.answers import Answer, Done, Field, Listing, as_object
from trivet._commands.declaring import client_command
from trivet._commands.kinds import FLAG, ID, SIZE, TEXT, size
from trivet._commands.options import YesOption, confirm
from trivet._commands.owners import RUN_ID, OwnerArgument, check_owner, check_there, uri_of
from trivet._commands.patterns import find, is_pattern

app = typer.Typer(no_args_is_help=True, help="Files of runs, logged models and model versions.")

_FILE: Final[Sequence[Field[trivet.FileInfo]]] = (
    Field("path", "Path", ID),
    Field("is_dir", "Folder", FLAG),
    Field("file_size", "Size", SIZE),
    Field("sha256", "SHA-256", ID, is_listed=False),
    Field("reference_uri", "Stays at", ID, is_listed=False),
    Field("is_verified", "Verified", FLAG, is_listed=False),
)
_CHECK: Final[Sequence[Field[trivet.FileCheck]]] = (
    Field("path", "Path", ID),
    Field("state", "State", TEXT),
    Field("file_size", "Size", SIZE),
)
_WELL: Final = frozenset({"ok", "reference"})

_AnyPath = Annotated[
    str,
    typer.Argument(
        metavar="[PATH]",
        help="A file or folder of the owner, or a pattern such as 'plots/*.png' or '**/*.json'. Default: all.",
        show_default=False,
    ),
]
_AllOption = Annotated[
    bool,
    typer.Option("--all", help="All that the workspace has: the index is compared with the store.", show_default=False),
]
_PresenceOption = Annotated[
    bool,
    typer.Option("--presence", help="With --all: see that the bytes are there, and read none.", show_default=False),
]
_QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show no bar for what takes long.", show_default=False)
]


@client_command(app, "ls", example=f"trivet artifacts ls {RUN_ID} model")
def ls(
    client: trivet.Client,
    owner: OwnerArgument,
    path: _AnyPath = "",
    recursive: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--recursive", "-R", help="The files in all folders below.", show_default=False)
    ] = False,
) -> Answer:
    """List the files and folders that an owner has, in a folder of it, or that match a pattern."""
    place = client.find_artifacts(owner, path)
    listed = partial(client.artifacts.list_artifacts, place.owner)
    found = find(client, place) if is_pattern(place.path) else []
    if not is_pattern(place.path) or (len(found) == 1 and found[0].path == place.path.rstrip("/")):
        found = listed(path=place.path, recursive=recursive)
    elif recursive:
        found = [file for match in found for file in listed(path=match.path, recursive=True)]
    if not found:
        check_there(client, place)
    return Listing(_FILE, found, nothing=f"{place.owner.title} has no artifacts.")


@client_command(app, "get", example=f"trivet artifacts get {RUN_ID} model --to downloads")
def get(
    client: trivet.Client,
    owner: OwnerArgument,
    path: _AnyPath = "",
    folder: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="The folder to put it into, made where there is none.")
    ] = Path(),
    replaces: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--force", "-f", help="Replace files that are there.", show_default=False)
    ] = False,
    is_quiet: _QuietOption = False,  # noqa: FBT002 - a flag
) -> Answer:
    """Download a file, a folder, what matches a pattern, or all that there is; each file is verified by its digest."""
    place = client.find_artifacts(owner, path)
    found = find(client, place)
    if not found:
        check_there(client, place)
    for info in found:
        if (folder / info.path).exists() and not replaces:
            raise FileExistsError(
                f"{folder / info.path} is there. Use --force to replace it, or --to for another folder."
            )
    wanted = [info.path for info in found] if place.path.rstrip("/") else [""]
    places = [
        client.artifacts.download_artifacts(place.owner, path=name, dst_path=folder, progress=not is_quiet)
        for name in wanted
    ]
    if len(places) == 1:
        return Done(f"Downloaded to {places[0]}", {"path": places[0]})
    return Done(f"Downloaded {len(places)} files and folders to {folder}", {"paths": places})


@client_command(app, "put", example=f"trivet artifacts put {RUN_ID} report.html plots")
def put(
    client: trivet.Client,
    owner: OwnerArgument,
    local_path: Annotated[
        str, typer.Argument(metavar="FILE", help="A file or folder here, or a pattern.", show_default=False)
    ],
    path: Annotated[
        str,
        typer.Argument(
            metavar="[PATH]", help="The folder of the owner to put it into. Default: the top.", show_default=False
        ),
    ] = "",
    is_quiet: _QuietOption = False,  # noqa: FBT002 - a flag
) -> Answer:
    """Upload a file, or a folder with all in it; what the server has already does not move."""
    place = client.find_artifacts(owner, path)
    check_writable(place.owner)
    check_owner(client, place.owner)
    given = Path(local_path)
    found = [given] if given.exists() else [Path(name) for name in sorted(glob.glob(local_path, recursive=True))]  # noqa: PTH207 - as shells understand it
    for local in found or [given]:
        client.artifacts.log_artifact(place.owner, local, artifact_path=place.path, progress=not is_quiet)
    stored = ["/".join(filter(None, (place.path.rstrip("/"), local.resolve().name))) for local in found]
    facts: dict[str, object] = {"owner": place.owner.name}
    if len(found) == 1:
        return Done(f"{found[0]} is stored as {uri_of(place, stored[0])}.", facts | {"path": stored[0]})
    return Done(f"{len(found)} files and folders are stored in {uri_of(place)}.", facts | {"paths": stored})


@client_command(app, "cat", example=f"trivet artifacts cat {RUN_ID} plots/report.html", has_json=False)
def cat(
    client: trivet.Client,
    owner: OwnerArgument,
    path: Annotated[
        str, typer.Argument(metavar="[PATH]", help="A file of the owner, or a pattern.", show_default=False)
    ] = "",
) -> None:
    """Write files to standard output, byte by byte, once all of each is here and verified."""
    place = client.find_artifacts(owner, path)
    if not place.path:
        raise typer.BadParameter("Name a file.", param_hint="PATH")
    found = find(client, place)
    for info in found:
        if info.is_dir:
            raise IsADirectoryError(f"{info.path} is a folder. `trivet artifacts get` downloads it.")
    with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
        for name in [info.path for info in found] or [place.path]:
            here = client.artifacts.download_artifacts(place.owner, path=name, dst_path=folder, progress=False)
            with Path(here).open("rb") as source:
                shutil.copyfileobj(source, sys.stdout.buffer)


@client_command(app, "rm", example=f"trivet artifacts rm {RUN_ID} plots")
def rm(
    client: trivet.Client,
    owner: OwnerArgument,
    path: Annotated[
        str, typer.Argument(metavar="[PATH]", help="A file or folder of the owner, or a pattern.", show_default=False)
    ] = "",
    removes_all: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--all", help="All files of the owner, instead of PATH.", show_default=False)
    ] = False,
    is_sure: YesOption = False,  # noqa: FBT002 - a flag
) -> Answer:
    """Remove a file, a folder with all in it, or what matches a pattern. There is no way back."""
    place = client.find_artifacts(owner, path)
    check_writable(place.owner)
    # An empty variable of a script must not mean all.
    if removes_all == bool(place.path):
        raise typer.BadParameter("Name a file or folder, or say --all.", param_hint="PATH")
    names = [info.path for info in find(client, place)] if is_pattern(place.path) else [place.path]
    what = "all artifacts" if removes_all else ", ".join(map(repr, names)) or repr(place.path)
    confirm(f"Remove {what} of {place.owner.uri}? There is no way back.", is_sure=is_sure)
    count = sum(client.artifacts.delete_artifacts(place.owner, path=name) for name in names)
    if count == 0:
        check_there(client, place)
    return Done(
        f"Removed {count} file{'' if count == 1 else 's'}.", {"owner": place.owner.name, "deleted_files": count}
    )


@client_command(app, "verify", example=f"trivet artifacts verify {RUN_ID} model --local downloads/model")
def verify(
    client: trivet.Client,
    owner: Annotated[
        str,
        typer.Argument(
            metavar="[OWNER]", help="Whose files, as in `trivet artifacts ls`; or --all.", show_default=False
        ),
    ] = "",
    path: Annotated[
        str, typer.Argument(metavar="[PATH]", help="A file or folder of the owner. Default: all.", show_default=False)
    ] = "",
    is_all: _AllOption = False,  # noqa: FBT002 - a flag
    is_presence: _PresenceOption = False,  # noqa: FBT002 - a flag
    local_path: Annotated[
        Path | None,
        typer.Option(
            "--local",
            metavar="PATH",
            help="A copy of it here, to be compared with what is stored. Default: all bytes are read from the server.",
            show_default=False,
        ),
    ] = None,
    is_quiet: _QuietOption = False,  # noqa: FBT002 - a flag
) -> Answer:
    """Check the bytes of files by their digests, and list those that are not well; 1 is returned if there are some."""
    if is_all == bool(owner):
        raise typer.BadParameter("Say whose files: OWNER, or --all.", param_hint="OWNER")
    if is_all and local_path is not None:
        raise typer.BadParameter("A copy here is of one owner's files.", param_hint="--local")
    if is_presence and not is_all:
        raise typer.BadParameter("It is for --all.", param_hint="--presence")
    if is_all:
        return _StoreChecked(
            client.artifacts.housekeeping.verify_store(presence_only=is_presence, progress=not is_quiet)
        )
    place = client.find_artifacts(owner, path)
    check_owner(client, place.owner)
    if local_path is not None and not local_path.exists():
        raise FileNotFoundError(f"There is no file or folder {local_path}.")
    checks = client.artifacts.verify_artifacts(
        place.owner, path=place.path, local_path=local_path, progress=not is_quiet
    )
    return _Checked(checks)


@client_command(
    app, "reference", example=f"trivet artifacts reference {RUN_ID} s3://bucket/trips.csv data/trips.csv --size 1024"
)
def reference(
    client: trivet.Client,
    owner: OwnerArgument,
    uri: Annotated[
        str,
        typer.Argument(
            metavar="URI",
            help="Where the file is, such as s3://BUCKET/data.csv; no server opens it.",
            show_default=False,
        ),
    ],
    path: Annotated[
        str,
        typer.Argument(
            metavar="[PATH]", help="The path that it gets. Default: the URI's last name.", show_default=False
        ),
    ] = "",
    size_bytes: Annotated[
        int | None,
        typer.Option("--size", metavar="BYTES", min=0, help="How large it is, where you know.", show_default=False),
    ] = None,
    sha256: Annotated[
        str, typer.Option("--sha256", metavar="HEX", help="Its digest, where you know.", show_default=False)
    ] = "",
) -> Answer:
    """Record a file that stays where it is, in place of what lies at that path; nothing said of it is verified."""
    place = client.find_artifacts(owner, path or _last_name(uri))
    check_writable(place.owner)
    check_owner(client, place.owner)
    client.artifacts.log_reference(place.owner, uri, place.path, size_bytes=size_bytes, sha256=sha256)
    return Done(
        f"{uri_of(place)} refers to {uri}.",
        {"owner": place.owner.name, "path": place.path.rstrip("/"), "reference_uri": uri},
    )


def _last_name(uri: str) -> str:
    name = uri.partition("?")[0].partition("#")[0].partition("://")[2].partition("/")[2].rpartition("/")[2]
    if not name:
        raise typer.BadParameter(
            f"{uri!r} does not end with the name of a file; say which path it gets.", param_hint="PATH"
        )
    return name


@client_command(app, "copy", example=f"trivet artifacts copy runs:/{RUN_ID}/model runs:/{RUN_ID}/best")
def copy(
    client: trivet.Client,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="What to copy: an OWNER, as of `ls`, with /PATH or without.", show_default=False
        ),
    ],
    destination: Annotated[
        str,
        typer.Argument(
            metavar="DEST",
            help="A run or logged model, or a folder of it. What a folder holds goes into it; a file keeps its name.",
            show_default=False,
        ),
    ],
) -> Answer:
    """Give files to another owner, all in one step; no bytes move, and nothing there is replaced."""
    gives, takes = client.find_artifacts(source), client.find_artifacts(destination)
    check_writable(takes.owner)
    check_owner(client, takes.owner)
    try:
        copied = client.artifacts.copy_artifacts(gives.owner, takes.owner, path=gives.path, destination_path=takes.path)
    except trivet.ArtifactNotFound:
        check_there(client, gives)
        raise
    count = copied.file_count
    return Done(
        f"{uri_of(takes)} has {count} file{'' if count == 1 else 's'} ({size(copied.total_bytes)}) of {uri_of(gives)}.",
        {
            "source_owner": gives.owner.name,
            "source_path": gives.path,
            "destination_owner": takes.owner.name,
            "destination_path": takes.path,
            "file_count": count,
            "total_bytes": copied.total_bytes,
            "sha256": copied.sha256,
        },
    )


@dataclass(frozen=True)
class _DamagedFile:
    """A row of what is not well in the store."""

    sha256: str
    problem: str
    size_bytes: int
    owner: str
    path: str


_DAMAGED: Final[Sequence[Field[_DamagedFile]]] = (
    Field("problem", "State", TEXT),
    Field("owner", "Owner", ID),
    Field("path", "Path", ID),
    Field("size_bytes", "Size", SIZE),
    Field("sha256", "SHA-256", ID),
)


@dataclass(frozen=True)
class _StoreChecked:
    """What a comparison of the index with the store found."""

    check: trivet.StoreCheck

    @property
    def exit_code(self) -> int:
        return 1 if self.check.damaged else 0

    def to_json(self) -> object:
        return asdict(self.check)

    def show(self) -> None:
        rows = [
            _DamagedFile(each.sha256, each.problem, each.size_bytes, owner, path)
            for each in self.check.damaged
            for owner, path in each.files or [("", "")]
        ]
        counted = f"{self.check.checked_contents} contents ({size(self.check.checked_bytes)})"
        Listing(_DAMAGED, rows, nothing=f"All is well: the store has {counted} as the index says.").show()


@dataclass(frozen=True)
class _Checked:
    """What a check found: all of it for a program, what is not well for people."""

    checks: Sequence[trivet.FileCheck]

    @property
    def exit_code(self) -> int:
        return 1 if self._wrong else 0

    @property
    def _wrong(self) -> list[trivet.FileCheck]:
        return [check for check in self.checks if check.state not in _WELL]

    def to_json(self) -> object:
        return [as_object(_CHECK, check) for check in self.checks]

    def show(self) -> None:
        counts = Counter(check.state for check in self.checks)
        said = ", ".join(f"{counts[state]} {state}" for state in sorted(counts)) or "no files"
        Listing(_CHECK, self._wrong, nothing=f"All is well: {said}.").show()
