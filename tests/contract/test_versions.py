"""All distributions and images have one version, and distributions ask for each other by it."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import trivet
from protos import check
from release.changelog import CHANGELOG, section
from release.versions import current, is_release, places, said_in

ROOT = Path(__file__).parents[2]
MEMBERS = [
    tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    for folder in (ROOT / "protos", ROOT / "client", ROOT / "tests", *sorted((ROOT / "services").iterdir()))
]


def test_all_distributions_have_one_version() -> None:
    assert len({member["version"] for member in MEMBERS}) == 1


def test_distributions_ask_for_each_other_by_that_version() -> None:
    version = MEMBERS[0]["version"]
    names = {member["name"] for member in MEMBERS}
    asked = [
        requirement
        for member in MEMBERS
        for requirement in (
            *member["dependencies"],
            *(extra for extras in member.get("optional-dependencies", {}).values() for extra in extras),
        )
        if re.split(r"[\[=<>~! ]", requirement)[0] in names
    ]

    assert asked
    assert [
        requirement for requirement in asked if "==" in requirement and not requirement.endswith(f"=={version}")
    ] == []
    assert [requirement for requirement in asked if "==" not in requirement and "[" not in requirement] == []


@pytest.mark.parametrize("place", [str(path.relative_to(ROOT)) for path in places()])
def test_a_manifest_says_that_version_alone(place: str) -> None:
    assert said_in((ROOT / place).read_text()) == {current()}


def test_every_member_and_every_image_is_a_place_of_the_version() -> None:
    manifests = {*ROOT.glob("*/pyproject.toml"), *ROOT.glob("services/*/pyproject.toml")}
    assert {*manifests, *ROOT.glob("services/*/Dockerfile")} == set(places())


def test_what_runs_here_says_it() -> None:
    assert trivet.__version__ == version("trivet-kit") == current()


@pytest.mark.skipif(not is_release(current()), reason="what is checked out is between two releases")
def test_a_release_has_its_changelog_and_its_contracts() -> None:
    assert section(CHANGELOG.read_text(encoding="utf-8"), current())
    assert check.last_release() == current()


def test_what_is_between_two_releases_is_newer_than_the_last() -> None:
    last = check.last_release()
    if last is not None:
        assert [int(part) for part in current().split(".")[:3]] >= [int(part) for part in last.split(".")]
