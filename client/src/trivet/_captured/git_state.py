"""What git says of the working tree: the diff to the commit, and where the repository comes from."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivet._captured.secrets_in_text import without_passwords

MAX_DIFF_BYTES: Final = 1024 * 1024
_SECONDS: Final = 10.0


@dataclass(frozen=True)
class GitState:
    """What git says. What it does not say is empty."""

    remote: str
    """The address of `origin`, without user and password."""
    is_dirty: bool | None
    """Whether tracked files differ from the commit; None where that is not known."""
    diff: bytes
    """At most `MAX_DIFF_BYTES`, and a line that says so where it is cut. Files that git does not track are left out."""


def git_state(folder: Path, seconds: float = _SECONDS) -> GitState | None:
    """What git says of the tree around a folder, each thing within so many seconds; None without git. Never raises."""
    git = shutil.which("git")
    if git is None:
        return None
    remote = _output([git, "-C", str(folder), "remote", "get-url", "origin"], 4096, seconds)
    # Against nothing where there is no commit yet: then it is not known.
    command = [git, "-C", str(folder), "diff", "--no-color", "--no-ext-diff", "--no-textconv", "HEAD", "--"]
    diff = _output(command, MAX_DIFF_BYTES + 1, seconds)
    cut = diff is not None and len(diff) > MAX_DIFF_BYTES
    return GitState(
        without_passwords((remote or b"").decode(errors="replace").strip()),
        None if diff is None else bool(diff),
        (diff or b"")[:MAX_DIFF_BYTES] + (f"\n# cut at {MAX_DIFF_BYTES} bytes\n".encode() if cut else b""),
    )


def _output(command: Sequence[str], max_bytes: int, seconds: float) -> bytes | None:
    """The first bytes of what a command prints; None where it fails or takes too long."""
    # Without locks git disturbs nobody who works in the tree meanwhile; a prompt would wait for an answer.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        with subprocess.Popen(  # noqa: S603 - git, by our own words
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        ) as process:
            assert process.stdout is not None
            killer = _kill_after(process, seconds)
            try:
                output = process.stdout.read(max_bytes)
                if len(output) == max_bytes:
                    process.kill()
                    return output
                return output if process.wait() == 0 else None
            finally:
                killer.cancel()
    except OSError:
        return None


def _kill_after(process: subprocess.Popen[bytes], seconds: float) -> threading.Timer:
    timer = threading.Timer(seconds, process.kill)
    timer.daemon = True
    timer.start()
    return timer
