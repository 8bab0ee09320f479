"""`trivet artifacts`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

import trivet
from trivet._commands.answers import Answer, Done, Field, Listing
from trivet._commands.declaring import client_command
from trivet._commands.kinds import FLAG, ID, SIZE
from trivet._commands.options import RunArgument, YesOption, confirm

app = typer.Typer(no_args_is_help=True, help="Files of runs.")

_RUN_ID: Final = "0192f0c1a7d47b6e9c3e5a8b1f2d4c60"
_FILE: Final[Sequence[Field[trivet.FileInfo]]] = (
    Field("path", "Path", ID),
    Field("is_dir", "Folder", FLAG),
    Field("file_size", "Size", SIZE),
)

_AnyPath = Annotated[
    str,
    typer.Argument(metavar="[PATH]", help="A file or folder of the run. Default: all.", show_default=False),
]


@client_command(app, "ls", example=f"trivet artifacts ls {_RUN_ID} model")
def ls(client: trivet.Client, run_id: RunArgument, path: _AnyPath = "") -> Answer:
    """List the files and folders of a run, or in a folder of it."""
    found = client.list_artifacts(run_id, path)
    if not found:
        _check_there(client, run_id, path)
    return Listing(_FILE, found, nothing="The run has no artifacts.")


@client_command(app, "get", example=f"trivet artifacts get {_RUN_ID} model --to downloads")
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
) -> Answer:
    """Download a file, a folder, or all that a run has; each file is verified by its digest."""
    found = client.list_artifacts(run_id, path)
    if not found:
        _check_there(client, run_id, path)
    names = [path.rstrip("/")] if path.rstrip("/") else [info.path for info in found]
    for name in names:
        if (folder / name).exists() and not replaces:
            raise FileExistsError(f"{folder / name} is there. Use --force to replace it, or --to for another folder.")
    place = client.download_artifacts(run_id, path, str(folder))
    return Done(f"Downloaded to {place}", {"path": place})


@client_command(app, "put", example=f"trivet artifacts put {_RUN_ID} report.html plots")
def put(
    client: trivet.Client,
    run_id: RunArgument,
    local_path: Annotated[Path, typer.Argument(metavar="FILE", help="A file or folder here.", show_default=False)],
    path: Annotated[
        str,
        typer.Argument(
            metavar="[PATH]", help="The folder of the run to put it into. Default: the top.", show_default=False
        ),
    ] = "",
) -> Answer:
    """Upload a file, or a folder with all in it, to a run."""
    # The artifact service does not ask whether its owners are there.
    client.get_run(run_id)
    client.log_artifact(run_id, str(local_path), path)
    stored = "/".join(filter(None, (path.rstrip("/"), local_path.resolve().name)))
    return Done(f"{local_path} is stored as {stored!r} of the run {run_id}.", {"run_id": run_id, "path": stored})


@client_command(app, "cat", example=f"trivet artifacts cat {_RUN_ID} plots/report.html", has_json=False)
def cat(
    client: trivet.Client,
    run_id: RunArgument,
    path: Annotated[str, typer.Argument(metavar="PATH", help="A file of the run.", show_default=False)],
) -> None:
    """Write a file of a run to standard output, byte by byte, once all of it is here and verified."""
    if any(info.path != path.rstrip("/") for info in client.list_artifacts(run_id, path)):
        raise IsADirectoryError(f"{path} is a folder. `trivet artifacts get` downloads it.")
    with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
        place = Path(client.download_artifacts(run_id, path, folder))
        with place.open("rb") as source:
            shutil.copyfileobj(source, sys.stdout.buffer)


@client_command(app, "rm", example=f"trivet artifacts rm {_RUN_ID} plots")
def rm(
    client: trivet.Client,
    run_id: RunArgument,
    path: Annotated[
        str, typer.Argument(metavar="[PATH]", help="A file or folder of the run.", show_default=False)
    ] = "",
    removes_all: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--all", help="All files of the run, instead of PATH.", show_default=False)
    ] = False,
    is_sure: YesOption = False,  # noqa: FBT002 - a flag
) -> Answer:
    """Remove a file of a run, or a folder with all in it. There is no way back."""
    # An empty variable of a script must not mean all.
    if removes_all == bool(path):
        raise typer.BadParameter("Name a file or folder, or say --all.", param_hint="PATH")
    what = "all artifacts" if removes_all else repr(path)
    confirm(f"Remove {what} of run {run_id}? There is no way back.", is_sure=is_sure)
    count = client.delete_artifacts(run_id, path)
    if count == 0:
        _check_there(client, run_id, path)
    return Done(f"Removed {count} file{'' if count == 1 else 's'}.", {"run_id": run_id, "deleted_files": count})


def _check_there(client: trivet.Client, run_id: str, path: str) -> None:
    """Says what is missing where no artifact was found; a run without artifacts is fine."""
    client.get_run(run_id)
    if path.rstrip("/"):
        raise trivet.ArtifactNotFound(
            f"The run {run_id} has no artifact {path!r}; `trivet artifacts ls {run_id}` lists those that it has."
        )
