"""Gives everything here another version, and makes what a release needs; `make release VERSION=0.2.0` runs it.

A release, such as 0.2.0, also gets its section of the changelog, and its contracts are kept in `protos/released`: from
then on they are what no change may break. The version of what comes after it, such as 0.3.0.dev0, gets neither.

Nothing is committed or tagged, and it may be run again until the tag is there.

Usage: python -m release.prepare VERSION
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

from release.changelog import CHANGELOG, ChangelogError, cut
from release.versions import ROOT, VersionError, current, is_release, set_version


def prepare(version: str, today: dt.date) -> None:
    """Sets the version, and for a release what goes with it.

    Raises:
        VersionError: It is no version, it is tagged already, or a file says another one than the others.
        ChangelogError: There is nothing to release.
        subprocess.CalledProcessError: The lock or the contracts could not be written; what the tool said was shown.
    """
    releases = is_release(version)
    tag = f"v{version}"
    if _git("tag", "--list", tag):
        raise VersionError(f"{tag} is there already: what was released does not change")
    if releases:
        CHANGELOG.write_text(cut(CHANGELOG.read_text(encoding="utf-8"), version, today), encoding="utf-8")
    if version != current():
        set_version(version)
    subprocess.run([str(ROOT / ".ci" / "uv"), "lock", "--quiet"], cwd=ROOT, check=True)
    if releases:
        keep = [sys.executable, str(ROOT / "protos" / "check.py"), "--keep", version]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(keep, env=os.environ | {"PATH": path}, check=True)


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def main() -> None:
    """Prepares a version, and says what is to be done next, or exits with 1."""
    parser = argparse.ArgumentParser(description="Gives everything here another version.")
    parser.add_argument("version", help="0.2.0 for a release, 0.3.0.dev0 for what comes after it")
    version = parser.parse_args().version
    try:
        prepare(version, dt.datetime.now(dt.UTC).date())
    except (VersionError, ChangelogError) as wrong:
        sys.exit(str(wrong))
    sys.stdout.write(f"Everything here is {version}. Look at it and commit it; docs/releasing.md has the rest.\n")


if __name__ == "__main__":
    main()
