"""What can be read of a run besides what came with it, and how notebooks show one."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from trivet._entities import FileInfo, Run, RunInfo

if TYPE_CHECKING:
    from trivet._client import Client

_SHOWN: Final = 20
"""How many params, metrics or tags a notebook shows."""
_READ_BYTES: Final = 16 << 20
_STYLE: Final = "text-align: left; vertical-align: top"


class RunArtifacts:
    """The files of a run, read anew each time. Iterated, all files in all folders, by path."""

    def __init__(self, client: Client, run_id: str) -> None:
        self._client = client
        self._run_id = run_id

    def __iter__(self) -> Iterator[FileInfo]:
        return iter(self._client.artifacts.list_artifacts(self._run_id, recursive=True))

    def list(self, path: str | None = None) -> list[FileInfo]:
        """The files and folders in a folder, by default the top one."""
        return self._client.artifacts.list_artifacts(self._run_id, path=path)

    def read(self, path: str) -> bytes:
        """The bytes of a small file, verified. Raises ArtifactNotFound; FailedPrecondition for one of over 16 MiB."""
        return self._client.artifacts.read_artifact(self._run_id, path, max_bytes=_READ_BYTES)

    def download(self, path: str = "", dst_path: str | None = None) -> str:
        """Downloads a file, a folder or all, verified, and returns where it is. Raises ArtifactNotFound."""
        return self._client.download_artifacts(self._run_id, path, dst_path)

    def __repr__(self) -> str:
        return f"<artifacts of the run {self._run_id}>"


def attached(run: Run, client: Client) -> Run:
    """The run, which from now on reads by this client what did not come with it."""
    object.__setattr__(run, "_client", client)
    return run


def to_html(run: Run, workspace: str | None) -> str:
    """A run as a table for notebooks: what it is, and the first of its params, metrics and tags.

    Args:
        run: It.
        workspace: Its workspace, for the link; None where that is not known.
    """
    parts = {
        "params": run.params,
        "metrics": {key: f"{value:g}" for key, value in run.metrics.items()},
        "tags": {key: value for key, value in run.tags.items() if not key.startswith("mlflow.")},
    }
    tables = "".join(
        f'<td style="{_STYLE}"><b>{title}</b>{_rows(entries)}</td>' for title, entries in parts.items() if entries
    )
    return f"{info_to_html(run.info, workspace)}<table><tr>{tables}</tr></table>"


def info_to_html(info: RunInfo, workspace: str | None) -> str:
    """What a run is, as a line for notebooks, with a link where TRIVET_UI_URL says where people look at runs."""
    begin = datetime.fromtimestamp((info.start_time or 0) / 1000, UTC).isoformat(" ", "seconds")
    texts = (info.run_name or info.run_id, info.status, begin if info.start_time is not None else "")
    name, status, started = (html.escape(text) for text in texts)
    url = run_url(info, workspace)
    title = f'<a href="{html.escape(url)}" target="_blank" rel="noopener">{name}</a>' if url else f"<b>{name}</b>"
    return (
        f"<div>{title} {status}{', begun ' + started if started else ''} "
        f"<code>{html.escape(info.run_id)}</code> in experiment {html.escape(info.experiment_id)}</div>"
    )


def run_url(info: RunInfo, workspace: str | None) -> str:
    """Where people look at a run; empty where TRIVET_UI_URL does not say where that is."""
    base = os.environ.get("TRIVET_UI_URL", "").rstrip("/")
    if not base.startswith(("http://", "https://")) or workspace is None:
        return ""
    return f"{base}/w/{quote(workspace)}/experiments/{quote(info.experiment_id)}/runs/{quote(info.run_id)}"


def _rows(entries: Mapping[str, str]) -> str:
    shown = sorted(entries.items())[:_SHOWN]
    rows = "".join(f"<tr><td>{html.escape(key)}</td><td>{html.escape(value[:200])}</td></tr>" for key, value in shown)
    more = len(entries) - len(shown)
    return f"<table>{rows}</table>" + (f"and {more} more" if more else "")
