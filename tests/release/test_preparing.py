"""A release is prepared by one command in a copy of the checkout: version, changelog, contracts, lock."""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from release.changelog import section
from release.versions import ROOT, places, said_in
from release.wheels import DISTRIBUTIONS

NEXT = "98.7.6"


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with the files that are here, of which something is to be released."""
    for name in git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name, follow_symlinks=False)
    if (ROOT / ".tools").is_dir():
        (tmp_path / ".tools").symlink_to(ROOT / ".tools")
    changelog = tmp_path / "CHANGELOG.md"
    news = "## Unreleased\n\n### Added\n- Something new.\n"
    changelog.write_text(changelog.read_text().replace("## Unreleased\n", news, 1))
    git(tmp_path, "init", "--quiet")
    for name, value in (("user.name", "somebody"), ("user.email", "somebody@example.org")):
        git(tmp_path, "config", name, value)
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "all of it")
    return tmp_path


def run(checkout: Path, *command: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [sys.executable, *command],
        cwd=checkout,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def test_a_release_is_prepared_again_until_it_is_tagged_and_bites_from_then_on(checkout: Path) -> None:
    prepared = run(checkout, "-m", "release.prepare", NEXT)
    assert prepared.returncode == 0, prepared.stderr
    assert prepared.stdout.startswith(f"Everything here is {NEXT}.")
    assert {version for path in places(checkout) for version in said_in(path.read_text())} == {NEXT}
    lock = (checkout / "uv.lock").read_text()
    locked = dict(re.findall(r'^name = "(trivet.*)"\nversion = "(.*)"$', lock, re.MULTILINE))
    assert {name: locked[name] for name in DISTRIBUTIONS} == dict.fromkeys(DISTRIBUTIONS, NEXT)
    changelog = (checkout / "CHANGELOG.md").read_text()
    assert section(changelog, NEXT).startswith("### Added\n- Something new.\n")
    assert f"## {NEXT} - {dt.datetime.now(dt.UTC).year}-" in changelog

    kept = checkout / "protos" / "released" / f"{NEXT}.binpb"
    first, contract = kept.read_bytes(), checkout / "protos" / "trivet" / "tracking" / "v1" / "experiment.proto"
    contract.write_text(contract.read_text().replace("string etag = 10", "string color = 11;\n  string etag = 10"))
    refused = run(checkout, "protos/check.py")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"The contracts are no longer those of {NEXT}:")
    assert run(checkout, "-m", "release.prepare", NEXT).returncode == 0
    assert kept.read_bytes() != first
    assert (checkout / "CHANGELOG.md").read_text() == changelog

    git(checkout, "tag", f"v{NEXT}")
    tagged = run(checkout, "-m", "release.prepare", NEXT)
    assert (tagged.returncode, tagged.stderr) == (
        1,
        f"v{NEXT} is there already: what was released does not change\n",
    )


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("1.2", "1.2 is no version: a release is such as 0.2.0, and what comes before it 0.2.0.dev0\n"),
        (NEXT, f"The changelog says nothing of {NEXT}.\n"),
    ],
    ids=["no version", "nothing new"],
)
def test_what_cannot_be_released_leaves_everything_as_it_was(checkout: Path, version: str, why: str) -> None:
    changelog = checkout / "CHANGELOG.md"
    changelog.write_text("# Changelog\n\n## Unreleased\n")
    before = {path: path.read_text() for path in (*places(checkout), changelog, checkout / "uv.lock")}
    refused = run(checkout, "-m", "release.prepare", version)
    assert (refused.returncode, refused.stderr) == (1, why)
    assert {path: path.read_text() for path in before} == before
