"""Where the spool is: a folder for each target and workspace, and in it one for each log."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import mmap
import os
import re
import secrets
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from trivet._errors import InvalidArgument, SpoolUnusable
from trivet._locks import lock
from trivet._sizes import parse_size
from trivet._spool.segments import reserve
from trivet._target import LocalData, Target

DEFAULT_MAX_BYTES: Final = 1024**3
_LOGS: Final = "logs"
_REJECTED: Final = "rejected"
_TARGET_FILE: Final = "target.json"
HEAD: Final = "head"
KEYS: Final = "keys"
NOTE: Final = ".json"
"""Ends the name of the note beside a file that was refused."""

_log = logging.getLogger("trivet")


@dataclass(frozen=True)
class SpoolLimits:
    """How much a process may keep in its spool, and what happens beyond it."""

    max_bytes: int | None
    """None: as much as the disk holds."""
    drops: bool
    """Whether records are dropped and counted then; else the call waits for room."""


@dataclass(frozen=True)
class TargetSpool:
    """The folder of a target and workspace."""

    folder: Path

    @property
    def logs(self) -> Path:
        """Holds a folder for each log."""
        return self.folder / _LOGS

    @property
    def rejected(self) -> Path:
        """Holds what the server refused: records of each run, files, and whole logs whose run was refused."""
        return self.folder / _REJECTED

    def log_folders(self) -> list[Path]:
        """The logs that are there."""
        return sorted(path for path in self.logs.iterdir() if path.is_dir()) if self.logs.is_dir() else []

    def rejected_logs(self) -> list[Path]:
        """The logs whose run was refused."""
        folders = sorted(head.parent for head in self.rejected.glob(f"*/{HEAD}"))
        # A folder of files that was refused may have one of that name.
        return [folder for folder in folders if not folder.with_name(folder.name + NOTE).exists()]

    def rejected_files(self) -> list[Path]:
        """The files of refused records."""
        return sorted(self.rejected.glob("*.jsonl")) if self.rejected.is_dir() else []

    def target(self) -> tuple[dict[str, str], str]:
        """The address of each service, and the workspace. Raises OSError, ValueError."""
        said = json.loads((self.folder / _TARGET_FILE).read_text(encoding="utf-8"))
        return dict(said["addresses"]), str(said["workspace"])


def spool_of(target: Target) -> TargetSpool:
    """The spool of a target, made if it is missing.

    Raises:
        SpoolUnusable: nothing can be kept there; says what to set.
    """
    addresses = {service: _absolute(address) for service, address in target.addresses.items()}
    said = json.dumps({"addresses": addresses, "workspace": target.workspace}, indent=2)
    named = f"{addresses.get('tracking', '')}\n{target.workspace}"
    name = hashlib.sha256(named.encode()).hexdigest()[:16]
    problems = []
    for place in _places():
        spool = TargetSpool(place / name)
        try:
            _make(place, spool, said)
        except OSError as error:
            problems.append(f"{place}: {error.strerror or error}")
            continue
        if problems:
            _log.warning(
                "The spool cannot be kept in %s. It is in %s instead; set TRIVET_SPOOL_DIR to another folder.",
                problems[0],
                place,
            )
        return spool
    raise SpoolUnusable(
        f"What is logged cannot be kept on this machine before it is sent ({'; '.join(problems)}). Set "
        "TRIVET_SPOOL_DIR to a folder on a local disk where this user may write."
    )


def _places() -> Iterator[Path]:
    """Where the spool may be: a folder that was set is used or an error, one that nobody chose is replaced."""
    yield spool_folder()
    if not os.environ.get("TRIVET_SPOOL_DIR"):
        # Not asked for before it is needed: in the child of a fork, the lock of `tempfile` may be held for ever.
        yield Path(tempfile.gettempdir()) / f"trivet-spool-{_user()}"


def _make(place: Path, spool: TargetSpool, said: str) -> None:
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    if sys.platform != "win32" and place.stat().st_uid != os.getuid():
        raise PermissionError(errno.EPERM, "the folder belongs to another user")
    spool.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
    spool.folder.chmod(0o700)
    _try(spool.folder)
    file = spool.folder / _TARGET_FILE
    if not file.exists():
        unfinished = spool.folder / f"{_TARGET_FILE}.{secrets.token_hex(8)}"
        unfinished.touch(mode=0o600)
        unfinished.write_text(said, encoding="utf-8")
        unfinished.replace(file)


def _try(folder: Path) -> None:
    """Raises OSError where there are no locks, or no memory that is a file's, as on some network file systems."""
    path = folder / f"try.{secrets.token_hex(8)}"
    file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        lock(file)
        reserve(file, mmap.PAGESIZE)
        mmap.mmap(file, mmap.PAGESIZE).close()
    finally:
        os.close(file)
        path.unlink()


def spools_in(folder: Path) -> Iterator[TargetSpool]:
    """The spools of all targets in a folder: one that `spool_folder` names, or the spool of one target itself."""
    if (folder / _TARGET_FILE).is_file():
        yield TargetSpool(folder)
    elif folder.is_dir():
        for place in sorted(folder.iterdir()):
            if (place / _TARGET_FILE).is_file():
                yield TargetSpool(place)


def spool_folder() -> Path:
    """TRIVET_SPOOL_DIR, else the user's folder for state that programs keep."""
    said = os.environ.get("TRIVET_SPOOL_DIR", "")
    if said:
        return Path(said).expanduser().absolute()
    try:
        home = Path.home()
    except RuntimeError:
        home = Path("/nonexistent")  # a user without a home, as in some containers
    if sys.platform == "win32":
        state = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        state = home / "Library" / "Application Support"
    else:
        state = Path(os.environ.get("XDG_STATE_HOME") or home / ".local" / "state")
    return state / "trivet" / "spool"


def limits(*, is_offline: bool) -> SpoolLimits:
    """What TRIVET_SPOOL_SIZE and TRIVET_SPOOL_FULL say.

    While nothing is sent, waiting for room would have no end: then there is no limit unless one is set, and what is
    beyond it is dropped.

    Raises:
        InvalidArgument: one of them cannot be understood.
    """
    text = os.environ.get("TRIVET_SPOOL_SIZE", "")
    default = None if is_offline else DEFAULT_MAX_BYTES
    full = os.environ.get("TRIVET_SPOOL_FULL", "").strip().lower() or "block"
    if full not in ("block", "drop"):
        raise InvalidArgument(f"TRIVET_SPOOL_FULL is {full!r}; say block or drop.")
    return SpoolLimits(parse_size("TRIVET_SPOOL_SIZE", text) if text else default, full == "drop" or is_offline)


def _absolute(address: object) -> str:
    """An address that means the same in another working folder."""
    if not isinstance(address, LocalData):
        return str(address)
    kind, value = address.options[-2:]
    return value if kind == "--database" else f"file://{quote(value)}"


def _user() -> str:
    return re.sub(r"\W", "-", os.environ.get("USERNAME", "user")) if sys.platform == "win32" else str(os.getuid())
