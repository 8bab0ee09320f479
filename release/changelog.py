"""The changelog: what is written of a version, and how a version gets what was written since the one before.

Usage: python -m release.changelog VERSION
    prints what is written of a version, which is what its tag says
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import sys
from pathlib import Path
from typing import Final

from release.versions import ROOT

CHANGELOG: Final = ROOT / "CHANGELOG.md"

_UNRELEASED: Final = "## Unreleased\n"


class ChangelogError(Exception):
    """The changelog has not got what a release needs; the message says what."""


def section(text: str, version: str) -> str:
    """What is written of a version, without its heading.

    Raises:
        ChangelogError: There is no section of it, or nothing in it, or it does not say of which day it is.
    """
    found = re.search(rf"^## {re.escape(version)} - (\S+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ChangelogError(f"The changelog has no section `## {version} - YYYY-MM-DD`.")
    try:
        dt.date.fromisoformat(found[1])
    except ValueError as wrong:
        raise ChangelogError(f"The changelog says of {version} that it is of {found[1]}, which is no day.") from wrong
    if not found[2].strip():
        raise ChangelogError(f"The changelog says nothing of {version}.")
    return found[2].strip() + "\n"


def cut(text: str, version: str, day: dt.date) -> str:
    """The changelog with all that was not released as what a version brings; as it is where it has that version.

    Raises:
        ChangelogError: There is nothing that was not released.
    """
    if re.search(rf"^## {re.escape(version)} - ", text, re.MULTILINE):
        return text
    before, heading, after = text.partition(_UNRELEASED)
    released = f"{before}{heading}\n## {version} - {day.isoformat()}\n{after}"
    if not heading:
        raise ChangelogError("The changelog has no section `## Unreleased`.")
    section(released, version)
    return released


def main() -> None:
    """Prints a section, or exits with 1."""
    parser = argparse.ArgumentParser(description="Prints what the changelog says of a version.")
    parser.add_argument("version")
    arguments = parser.parse_args()
    try:
        sys.stdout.write(section(Path(CHANGELOG).read_text(encoding="utf-8"), arguments.version))
    except ChangelogError as missing:
        sys.exit(str(missing))


if __name__ == "__main__":
    main()
