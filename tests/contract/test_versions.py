"""All distributions have one version, and ask for each other by it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

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
