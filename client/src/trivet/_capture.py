"""What a run notes unasked: the source, its git commit, and the user. Reads a few small files, starts no process."""

from __future__ import annotations

import getpass
import os
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Surroundings:
    """Where a run is started. What cannot be found out is empty."""

    source: str
    git_commit: str
    user: str


def capture() -> Surroundings:
    """Looks around; never raises."""
    source = _source()
    folder = Path(source).parent if source else Path.cwd()
    try:
        commit = _git_commit(folder)
    except (OSError, ValueError):
        commit = ""
    return Surroundings(source, commit, _user())


def _source() -> str:
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


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""  # a container whose user has no name


def _git_commit(folder: Path) -> str:
    """The commit that is checked out where the folder lies; empty outside of git."""
    for place in (folder, *folder.parents):
        entry = place / ".git"
        if entry.is_dir():
            return _commit_in(entry)
        if entry.is_file():  # a worktree or a submodule: `gitdir: PATH`
            return _commit_in(place / entry.read_text(encoding="utf-8").partition(":")[2].strip())
    return ""


def _commit_in(git: Path) -> str:
    head = (git / "HEAD").read_text(encoding="utf-8").strip()
    if not head.startswith("ref:"):
        return head
    ref = head.removeprefix("ref:").strip()
    # The branches of a worktree are kept with those of the repository that it belongs to.
    common = git / "commondir"
    repository = git / common.read_text(encoding="utf-8").strip() if common.is_file() else git
    if (repository / ref).is_file():
        return (repository / ref).read_text(encoding="utf-8").strip()
    packed = repository / "packed-refs"
    lines = packed.read_text(encoding="utf-8").splitlines() if packed.is_file() else []
    return next((line.partition(" ")[0] for line in lines if line.endswith(f" {ref}")), "")
