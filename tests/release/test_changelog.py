"""What was written since the last release becomes what the next one brings."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

import pytest

from release.changelog import ChangelogError, cut, section
from release.versions import ROOT

DAY = dt.date(2026, 11, 29)
HEAD = "# Changelog\n\nWhat changed.\n\n"
OLD = "## 0.1.0 - 2026-01-02\n\n### Added\n- The first.\n"


def test_what_was_not_released_gets_the_version_and_the_day() -> None:
    text = f"{HEAD}## Unreleased\n\n### Added\n- The second.\n\n{OLD}"
    after = cut(text, "0.2.0", DAY)

    assert after == f"{HEAD}## Unreleased\n\n## 0.2.0 - 2026-11-29\n\n### Added\n- The second.\n\n{OLD}"
    assert section(after, "0.2.0") == "### Added\n- The second.\n"
    assert section(after, "0.1.0") == "### Added\n- The first.\n"


def test_a_version_that_is_there_is_not_cut_again() -> None:
    text = f"{HEAD}## Unreleased\n\n### Fixed\n- Later.\n\n{OLD}"
    assert cut(text, "0.1.0", DAY) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{HEAD}## Unreleased\n\n{OLD}", r"says nothing of 0\.2\.0"),
        (f"{HEAD}{OLD}", "no section `## Unreleased`"),
    ],
    ids=["nothing new", "no heading"],
)
def test_nothing_is_not_released(text: str, why: str) -> None:
    with pytest.raises(ChangelogError, match=why):
        cut(text, "0.2.0", DAY)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{HEAD}## Unreleased\n- All.\n", "no section"),
        (f"{HEAD}## 0.2.0\n- All.\n", "no section"),
        (f"{HEAD}## 0.2.0 - soon\n- All.\n", "which is no day"),
        (f"{HEAD}## 0.2.0 - 2026-11-29\n\n{OLD}", "says nothing"),
        (f"{HEAD}## 0.2.01 - 2026-11-29\n- All.\n", "no section"),
    ],
    ids=["none", "no day", "a word for a day", "empty", "another version"],
)
def test_a_version_of_which_nothing_is_written_is_refused(text: str, why: str) -> None:
    with pytest.raises(ChangelogError, match=why):
        section(text, "0.2.0")


def test_a_version_that_is_not_there_ends_the_command_with_a_sentence() -> None:
    command = [sys.executable, "-m", "release.changelog", "99.0.0"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr == "The changelog has no section `## 99.0.0 - YYYY-MM-DD`.\n"
