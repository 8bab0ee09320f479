"""What is wrong on this machine and with its servers, and how to mend it: `trivet doctor`."""

from __future__ import annotations

import difflib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

from trivet._artifact_cache import cache_folder
from trivet._client import Client
from trivet._errors import TrivetError
from trivet._logins import logins_file, read_logins
from trivet._mode import Mode, current_mode
from trivet._spool.folders import spool_folder
from trivet._sync import spool_states

Outcome = Literal["ok", "note", "problem"]

_LOW_BYTES: Final = 1 << 30
"""Of free room: what a spool may take by default."""
_OPTIONAL: Final[Sequence[tuple[str, str]]] = (
    ("numpy", "histories as arrays, and histograms"),
    ("pandas", "searches and histories as DataFrames"),
    ("pyarrow", "trivet export, and tables as Parquet"),
    ("yaml", "signatures of models, and YAML files (PyYAML)"),
    ("PIL", "log_image (Pillow)"),
    ("trivet_standalone", "trivet up, and data on this machine (trivet[local])"),
)
_SETTINGS: Final = frozenset(
    {
        "TRIVET_ARTIFACTS_URL",
        "TRIVET_CACHE_DIR",
        "TRIVET_CACHE_SIZE",
        "TRIVET_CA_FILE",
        "TRIVET_CAPTURE",
        "TRIVET_CAPTURE_RANKS",
        "TRIVET_CAPTURE_VARIABLES",
        "TRIVET_CLIENT_CERT",
        "TRIVET_CLIENT_KEY",
        "TRIVET_DIRECT",
        "TRIVET_FINISH_TIMEOUT",
        "TRIVET_MODE",
        "TRIVET_PROGRESS",
        "TRIVET_RANK",
        "TRIVET_REGISTRY_URL",
        "TRIVET_RUN_ID",
        "TRIVET_SPOOL_DIR",
        "TRIVET_SPOOL_FULL",
        "TRIVET_SPOOL_SIZE",
        "TRIVET_SYSTEM_SECONDS",
        "TRIVET_TOKEN",
        "TRIVET_TOKEN_FILE",
        "TRIVET_TRACKING_URL",
        "TRIVET_UI_URL",
        "TRIVET_URL",
        "TRIVET_WORKSPACE",
    }
)
"""What the client reads; services have more."""


@dataclass(frozen=True)
class Finding:
    """What was looked at, and how it is."""

    outcome: Outcome
    """`note` is nothing wrong, but perhaps not what was meant."""
    what: str
    remedy: str = ""
    """What to do; empty where nothing is to be done."""


def examine(url: str, workspace: str) -> Iterator[Finding]:
    """Looks at one thing after the other, and says of each how it is. Raises nothing: what fails is a finding."""
    yield from _of_settings()
    yield from _of_logins()
    try:
        with Client(url, workspace=workspace) as client:
            yield from _of_services(client)
    except TrivetError as error:
        yield Finding("problem", error.message, "Set TRIVET_URL, give --url, or log in by `trivet login`.")
    yield from _of_spool()
    yield from _of_folder("The cache", cache_folder(), "TRIVET_CACHE_DIR")
    yield from _of_libraries()


def _of_settings() -> Iterator[Finding]:
    try:
        mode = current_mode()
    except TrivetError as error:
        yield Finding("problem", error.message)
    else:
        if mode is Mode.OFFLINE:
            yield Finding("note", "TRIVET_MODE is offline: nothing is sent.", "`trivet sync` sends it later.")
        if mode is Mode.DISABLED:
            yield Finding("note", "TRIVET_MODE is disabled: nothing is kept.", "Unset it to log again.")
    for name in sorted(set(os.environ) - _SETTINGS):
        near = difflib.get_close_matches(name, _SETTINGS, 1, 0.85) if name.startswith("TRIVET") else []
        if near:
            yield Finding("note", f"{name} is set, which nothing reads.", f"Is {near[0]} meant?")


def _of_logins() -> Iterator[Finding]:
    try:
        login = read_logins().now
    except TrivetError as error:
        yield Finding("problem", error.message)
        return
    if login is not None:
        yield Finding("ok", f"Logged in at {login.url} ({logins_file()}).")
    path = os.environ.get("TRIVET_TOKEN_FILE", "")
    if path and not os.access(path, os.R_OK):
        yield Finding("problem", f"The token file {path} cannot be read.", "Set TRIVET_TOKEN_FILE to one that can.")


def _of_services(client: Client) -> Iterator[Finding]:
    own = version("trivet")
    statuses = client.check_services()
    for status in statuses:
        if status.problem:
            yield Finding("problem", f"{status.service}: {status.problem}")
            continue
        user = status.user if status.is_authenticated else f"{status.user}, who is not authenticated"
        yield Finding("ok", f"{status.service} at {status.address} answers, version {status.version}, to {user}.")
    for other in sorted({status.version for status in statuses if status.version} - {own}):
        yield Finding("note", f"A server has version {other}, and this client {own}.", "Update the older one.")


def _of_spool() -> Iterator[Finding]:
    try:
        folder = spool_folder()
    except TrivetError as error:
        yield Finding("problem", error.message)
        return
    yield from _of_folder("The spool", folder, "TRIVET_SPOOL_DIR")
    for state in spool_states():
        where = f"for {state.address}, workspace {state.workspace}"
        if state.pending:
            yield Finding("note", f"{state.pending:,} records {where} are not sent.", "Send them: trivet sync")
        if state.refused_records or state.refused_runs or state.refused_files:
            yield Finding(
                "problem",
                f"The server refused {state.refused_records:,} records, {state.refused_files:,} files and "
                f"{state.refused_runs:,} runs {where}.",
                f"Why is in {state.folder / 'rejected'}.",
            )


def _of_folder(what: str, folder: Path, setting: str) -> Iterator[Finding]:
    there = next(each for each in (folder, *folder.parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        yield Finding("problem", f"{what} cannot be written to {folder}: {why}.", f"Set {setting} to another folder.")
        return
    if free < _LOW_BYTES:
        yield Finding("problem", f"{what} at {folder} has {free >> 20:,} MiB left.", f"Make room, or set {setting}.")
    else:
        yield Finding("ok", f"{what} is at {folder}, with {free >> 30:,} GiB free.")


def _of_libraries() -> Iterator[Finding]:
    yield Finding("ok", f"Python {sys.version.split()[0]}, trivet {version('trivet')}.")
    missing = [(name, use) for name, use in _OPTIONAL if importlib.util.find_spec(name) is None]
    for name, use in missing:
        yield Finding("note", f"{name} is not installed.", f"It is needed for {use}.")
