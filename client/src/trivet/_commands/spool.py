"""`trivet sync`, and what `trivet status` says of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from trivet._commands.answers import Answer, Field, Listing
from trivet._commands.declaring import command
from trivet._commands.kinds import COUNT, ID, SIZE
from trivet._commands.options import UrlOption, WorkspaceOption

if TYPE_CHECKING:
    from trivet._sync import SpoolState, SyncedRun

app = typer.Typer()

_RUN: Final[Sequence[Field[SyncedRun]]] = (
    Field("run_id", "Run", ID),
    Field("stored", "Stored", COUNT),
    Field("refused", "Refused", COUNT),
    Field("damaged", "Damaged", COUNT),
    Field("problem", "Left, because"),
    Field("folder", "Folder", ID, lambda run: str(run.folder), is_listed=False),
)
_STATE: Final[Sequence[Field[SpoolState]]] = (
    Field("address", "Kept for", ID),
    Field("workspace", "Workspace"),
    Field("pending", "Not sent", COUNT),
    Field("size_bytes", "Size", SIZE),
    Field("refused_records", "Refused", COUNT),
    Field("refused_runs", "Refused runs", COUNT),
    Field("refused_files", "Refused files", COUNT),
    Field("waits_for", "Waits for quota"),
    Field("folder", "Folder", ID, lambda state: str(state.folder), is_listed=False),
)


@command(app, "sync", example="trivet sync")
def sync_spool(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR", help="A spool. Default: TRIVET_SPOOL_DIR, else that of this user.", show_default=False
        ),
    ] = None,
    url: UrlOption = "",
    workspace: WorkspaceOption = "",
    experiment: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Create runs in this experiment, which is made if it is missing; those that were refused too.",
            show_default=False,
        ),
    ] = "",
) -> Answer:
    """Send what was logged on this machine and not sent: offline, or before a process was killed.

    It goes to the servers and the workspace that it was logged for, unless `--url` or `--workspace` name others.
    Processes that still run are left alone. It may be repeated, and interrupted: the server has everything once. The
    exit code is 1 if something is left.
    """
    from trivet._sync import sync  # noqa: PLC0415 - other commands need no client

    synced = list(sync(folder, url=url, workspace=workspace, experiment=experiment))
    return Listing(_RUN, synced, "Nothing is left to send.", exit_code=int(any(run.problem for run in synced)))


def spool_listing() -> Listing[SpoolState]:
    """What lies on this machine."""
    from trivet._sync import spool_states  # noqa: PLC0415 - other commands need no client

    return Listing(_STATE, spool_states(), "")
