"""Where the files of a run or logged model are on this machine, by the URI that MLflow keeps of them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from trivet._mlflow_import.records import LoggedModelRecord, RunRecord
from trivet._mlflow_import.source import FilesUnreadable

# MLflow's own layout: EXPERIMENT/RUN/artifacts, and EXPERIMENT/models/MODEL/artifacts.
_HINT: Final = "say by --artifacts where the files are, import from a server, or leave them out by --no-artifacts"
_LAYOUT: Final = {RunRecord: 3, LoggedModelRecord: 4}


def folder_of(owner: RunRecord | LoggedModelRecord, root: Path | None) -> Path | None:
    """The folder; None where there is none, as nothing was ever logged.

    Args:
        owner: Whose files.
        root: The folder below which MLflow's layout begins. None: where the URI says.

    Raises:
        FilesUnreadable: the URI is of no folder here, or leads out of the root.
    """
    uri = owner.artifact_uri
    parts = urlsplit(uri)
    path = PurePosixPath(unquote(parts.path) if parts.scheme else uri)
    depth = _LAYOUT[type(owner)]
    if root is not None:
        below = [part for part in path.parts[-depth:] if part != "/"]
        if ".." in below:
            raise FilesUnreadable(f"{uri} leads out of {root}")
        folder = root.joinpath(*below)
    elif parts.scheme in ("", "file"):
        folder = Path(path)
        # A run without files has no folder. Where all of them are elsewhere, none is to be taken for such a run.
        if not folder.exists() and not Path(*path.parts[:-depth]).is_dir():
            raise FilesUnreadable(f"there is no folder {Path(*path.parts[:-depth])}; {_HINT}")
    else:
        raise FilesUnreadable(f"{uri} cannot be read; {_HINT}")
    return folder if folder.is_dir() else None
