"""`trivet artifacts`."""

from __future__ import annotations

import glob
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

import trivet
from trivet._commands.answers import Answer, Done, Field, Listing, as_object
from trivet._commands.declaring import client_command
from trivet._commands.kinds import FLAG, ID, SIZE, TEXT
from trivet._commands.options import RunArgument, YesOption, confirm
from trivet._commands.patterns import find, is_pattern

app = typer.Typer(no_args_is_help=True, help="Files of runs.")

RUN_ID: Final = "0192f0c1a7d47b6e9c3e5a8b1f2d4c60"
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
        help="A file or folder of the run, or a pattern such as 'plots/*.png' or '**/*.json'. Default: all.",
        show_default=False,
    ),
]
_QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show no bar for what takes long.", show_default=False)
]


@client_command(app, "ls", example=f"trivet artifacts ls {RUN_ID} model")
def ls(
    client: trivet.Client,
    run_id: RunArgument,
    path: _AnyPath = "",
    recursive: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--recursive", "-R", help="The files in all folders below.", show_default=False)
    ] = False,
) -> Answer:
    """List the files and folders of a run, in a folder of it, or that match a pattern."""
    found = find(client, run_id, path) if is_pattern(path) else []
    if not is_pattern(path) or (len(found) == 1 and found[0].path == path.rstrip("/")):
        found = client.artifacts.list_artifacts(run_id, path=path, recursive=recursive)
    elif recursive:
        found = [
            file for match in found for file in client.artifacts.list_artifacts(run_id, path=match.path, recursive=True)
        ]
    if not found:
        _check_there(client, run_id, path)
    return Listing(_FILE, found, nothing="The run has no artifacts.")


@client_command(app, "get", example=f"trivet artifacts get {RUN_ID} model --to downloads")
def get(
    client: trivet.Client,
    run_id: RunArgument,
    path: _AnyPath = "",
    folder: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="The folder to put it into, made where there is none.")
    ] = Path(),
    replaces: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--force", "-f", help="Replace files that are there.", show_default=False)
    ] = False,
    is_quiet: _QuietOption = False,  # noqa: FBT002 - a flag
) -> Answer:
    """Download a file, a folder, what matches a pattern, or all that a run has; each file is verified by its digest."""
    found = find(client, run_id, path)
    if not found:
        _check_there(client, run_id, path)
    for info in found:
        if (folder / info.path).exists() and not replaces:
            raise FileExistsError(
                f"{folder / info.path} is there. Use --force to replace it, or --to for another folder."
            )
    wanted = [info.path for info in found] if path.rstrip("/") else [""]
    places = [
        client.artifacts.download_artifacts(run_id, path=name, dst_path=folder, progress=not is_quiet)
        for name in wanted
    ]
    if len(places) == 1:
        return Done(f"Downloaded to {places[0]}", {"path": places[0]})
    return Done(f"Downloaded {len(places)} files and folders to {folder}", {"paths": places})


@client_command(app, "put", example=f"trivet artifacts put {RUN_ID} report.html plots")
def put(
    client: trivet.Client,
    run_id: RunArgument,
    local_path: Annotated[
        str, typer.Argument(metavar="FILE", help="A file or folder here, or a pattern.", show_default=False)
    ],
    path: Annotated[
        str,
        typer.Argument(
            metavar="[PATH]", help="The folder of the run to put it into. Default: the top.", show_default=False
        ),
    ] = "",
    is_quiet: _QuietOption = False,  # noqa: FBT002 - a flag
) -> Answer:
    """Upload a file, or a folder with all in it, to a run; what the server has already does not move."""
    # The artifact service does not ask whether its owners are there.
    client.get_run(run_id)
    given = Path(local_path)
    found = [given] if given.exists() else [Path(name) for name in sorted(glob.glob(local_path, recursive=True))]  # noqa: PTH207 - as shells understand it
    for local in found or [given]:
        client.artifacts.log_artifact(run_id, local, artifact_path=path, progress=not is_quiet)
    stored = ["/".join(filter(None, (path.rstrip("/"), local.resolve().name))) for local in found]
    if len(found) == 1:
        return Done(
            f"{found[0]} is stored as {stored[0]!r} of the run {run_id}.", {"run_id": run_id, "path": stored[0]}
        )
    return Done(
        f"{len(found)} files and folders are stored in {path or 'the top'!r} of the run {run_id}.",
        {"run_id": run_id, "paths": stored},
    )


@client_command(app, "cat", example=f"trivet artifacts cat {RUN_ID} plots/report.html", has_json=False)
def cat(
    client: trivet.Client,
    run_id: RunArgument,
    path: Annotated[str, typer.Argument(metavar="PATH", help="A file of the run, or a pattern.", show_default=False)],
) -> None:
    """Write files of a run to standard output, byte by byte, once all of each is here and verified."""
    found = find(client, run_id, path)
    for info in found:
        if info.is_dir:
            raise IsADirectoryError(f"{info.path} is a folder. `trivet artifacts get` downloads it.")
    with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
        for name in [info.path for info in found] or [path]:
            place = Path(client.artifacts.download_artifacts(run_id, path=name, dst_path=folder, progress=False))
            with place.open("rb") as source:
                shutil.copyfileobj(source, sys.stdout.buffer)


@client_command(app, "rm", example=f"trivet artifacts rm {RUN_ID} plots")
def rm(
    client: trivet.Client,
    run_id: RunArgument,
    path: Annotated[
        str, typer.Argument(metavar="[PATH]", help="A file or folder of the run, or a pattern.", show_default=False)
    ] = "",
    removes_all: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--all", help="All files of the run, instead of PATH.", show_default=False)
    ] = False,
    is_sure: YesOption = False,  # noqa: FBT002 - a flag
) -> Answer:
    """Remove a file of a run, a folder with all in it, or what matches a pattern. There is no way back."""
    # An empty variable of a script must not mean all.
    if removes_all == bool(path):
        raise typer.BadParameter("Name a file or folder, or say --all.", param_hint="PATH")
    names = [info.path for info in find(client, run_id, path)] if is_pattern(path) else [path]
    what = "all artifacts" if removes_all else ", ".join(map(repr, names)) or repr(path)
    confirm(f"Remove {what} of run {run_id}? There is no way back.", is_sure=is_sure)
    count = sum(client.delete_artifacts(run_id, name) for name in names)
    if count == 0:
        _check_there(client, run_id, path)
    return Done(f"Removed {count} file{'' if count == 1 else 's'}.", {"run_id": run_id, "deleted_files": count})


@client_command(app, "verify", example=f"trivet artifacts verify {RUN_ID} model --local downloads/model")
def verify(
    client: trivet.Client,
    run_id: RunArgument,
    path: Annotated[
        str, typer.Argument(metavar="[PATH]", help="A file or folder of the run. Default: all.", show_default=False)
    ] = "",
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
    client.get_run(run_id)
    if local_path is not None and not local_path.exists():
        raise FileNotFoundError(f"There is no file or folder {local_path}.")
    checks = client.artifacts.verify_artifacts(run_id, path=path, local_path=local_path, progress=not is_quiet)
    return _Checked(checks)


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


def _check_there(client: trivet.Client, run_id: str, path: str) -> None:
    """Says what is missing where no artifact was found; a run without artifacts is fine."""
    client.get_run(run_id)
    if path.rstrip("/"):
        raise trivet.ArtifactNotFound(
            f"The run {run_id} has no artifact {path!r}; `trivet artifacts ls {run_id}` lists those that it has."
        )
