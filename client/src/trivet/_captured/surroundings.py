"""What is known at the start of a run: its source, commit, command, host and user.

Reads a few small files and starts no process, because the start of the run waits for it.
"""

from __future__ import annotations

import getpass
import os
import shlex
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from trivet._captured.choice import Captured
from trivet._captured.secrets_in_text import redacted

_Found = TypeVar("_Found")

COMMAND_TAG: Final = "trivet.command"
HOST_TAG: Final = "trivet.host"
BRANCH_TAG: Final = "trivet.git.branch"
# A tag has 64 KiB.
_MAX_COMMAND_CHARACTERS: Final = 8192


@dataclass(frozen=True)
class Surroundings:
    """Where a run is started. What cannot be found out, or is not wanted, is empty."""

    source: str = ""
    git_commit: str = ""
    user: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    """Branch, command and host."""


def look_around(wanted: frozenset[Captured]) -> Surroundings:
    """Looks around; never raises."""
    tags: dict[str, str] = {}
    source = source_path()
    commit = branch = ""
    if Captured.GIT in wanted:
        commit, branch = _tried(lambda: checked_out(folder_of(source)), ("", ""))
        tags[BRANCH_TAG] = branch
    if Captured.COMMAND in wanted:
        tags[COMMAND_TAG] = _tried(_command, "")
    if Captured.HOST in wanted:
        tags[HOST_TAG] = _tried(socket.gethostname, "")
    return Surroundings(
        source if Captured.SOURCE in wanted else "",
        commit,
        _tried(getpass.getuser, "") if Captured.USER in wanted else "",
        {key: value for key, value in tags.items() if value},
    )


def _tried(find: Callable[[], _Found], otherwise: _Found) -> _Found:
    try:
        return find()
    except (OSError, ValueError, KeyError):  # such as KeyError for a user without a name, in a container
        return otherwise


def folder_of(source: str) -> Path:
    """Where the source lies; without one, where the process is."""
    return Path(source).parent if source else Path.cwd()


def _command() -> str:
    """How the process was started, without what looks like a secret."""
    arguments = getattr(sys, "orig_argv", None) or [sys.executable, *sys.argv]
    if sys.argv[:1] == ["-c"] and "-c" in arguments:
        # A whole program, of which nobody knows what it holds.
        program = arguments.index("-c")
        arguments = [*arguments[: program + 1], "…", *arguments[program + 2 :]]
    text = shlex.join(redacted(arguments)).replace("'…'", "…").replace("'***'", "***")
    return text.encode(errors="backslashreplace").decode()[:_MAX_COMMAND_CHARACTERS]


def source_path() -> str:
    """The notebook or script that runs; empty in an interactive interpreter."""
    # Jupyter Server sets the first one for its kernels; VS Code puts the other into the notebook's own names.
    notebook = os.environ.get("JPY_SESSION_NAME") or getattr(sys.modules.get("__main__"), "__vsc_ipynb_file__", "")
    if notebook and "ipykernel" in sys.modules:
        return str(notebook)
    script = sys.argv[0] if sys.argv else ""
    if not script or script == "-c" or "ipykernel" in sys.modules:
        return ""
    try:
        return str(Path(script).resolve())
    except OSError:
        return script


def git_folder(folder: Path) -> Path | None:
    """The folder in which git keeps what belongs to the working tree around a folder; None outside of git."""
    for place in (folder, *folder.parents):
        entry = place / ".git"
        if entry.is_dir():
            return entry
        if entry.is_file():  # a worktree or a submodule: `gitdir: PATH`
            return place / entry.read_text(encoding="utf-8").partition(":")[2].strip()
    return None


def checked_out(folder: Path) -> tuple[str, str]:
    """Commit and branch that are checked out where a folder lies; empty outside of git."""
    git = git_folder(folder)
    if git is None:
        return "", ""
    head = (git / "HEAD").read_text(encoding="utf-8").strip()
    if not head.startswith("ref:"):
        return head, ""
    ref = head.removeprefix("ref:").strip()
    return _commit_of(git, ref), ref.removeprefix("refs/heads/")


def _commit_of(git: Path, ref: str) -> str:
    # The branches of a worktree are kept with those of the repository that it belongs to.
    common = git / "commondir"
    repository = git / common.read_text(encoding="utf-8").strip() if common.is_file() else git
    if (repository / ref).is_file():
        return (repository / ref).read_text(encoding="utf-8").strip()
    packed = repository / "packed-refs"
    lines = packed.read_text(encoding="utf-8").splitlines() if packed.is_file() else []
    return next((line.partition(" ")[0] for line in lines if line.endswith(f" {ref}")), "")
