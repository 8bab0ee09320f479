"""Another version is set in all places at once, or in none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from release.versions import ROOT, VersionError, current, is_release, places, said_in, set_version


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The files that say the version, in a folder of their own."""
    for path in places():
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return tmp_path


def test_all_places_say_the_new_version_and_are_otherwise_as_they_were(tree: Path) -> None:
    before = {path: path.read_text() for path in places(tree)}
    set_version("12.34.56", tree)

    assert current(tree) == "12.34.56"
    for path, text in before.items():
        assert said_in(path.read_text()) == {"12.34.56"}
        old, new = text.splitlines(), path.read_text().splitlines()
        assert len(old) == len(new)
        assert all(one.replace(current(), "12.34.56") == other for one, other in zip(old, new, strict=True))
    set_version(current(), tree)
    assert {path: path.read_text() for path in places(tree)} == before


def test_nothing_else_with_the_same_number_changes(tree: Path) -> None:
    manifest = tree / "client" / "pyproject.toml"
    other = f'dependencies = [\n    "somebody-else=={current()}",'
    manifest.write_text(manifest.read_text().replace("dependencies = [", other, 1))
    set_version("12.34.56", tree)

    assert f'"somebody-else=={current()}"' in manifest.read_text()


@pytest.mark.parametrize(
    ("place", "of_it", "instead", "why"),
    [
        ("services/kit/pyproject.toml", f'version = "{current()}"', 'version = "9.9.9"', "does not say"),
        ("services/kit/pyproject.toml", f"trivet-proto=={current()}", "trivet-proto==9.9.9", "does not say"),
        ("services/tracking/Dockerfile", f'.version="{current()}"', '.version="9.9.9"', "does not say"),
        ("services/tracking/Dockerfile", f'.version="{current()}"', '.title="x"', "says no version"),
    ],
)
def test_a_place_that_says_another_is_named_and_nothing_is_written(
    tree: Path, place: str, of_it: str, instead: str, why: str
) -> None:
    text = (tree / place).read_text()
    assert of_it in text
    (tree / place).write_text(text.replace(of_it, instead))
    before = {path: path.read_text() for path in places(tree)}

    with pytest.raises(VersionError, match=f"^{place} {why}"):
        set_version("12.34.56", tree)
    assert {path: path.read_text() for path in places(tree)} == before


@pytest.mark.parametrize(("version", "releases"), [("0.1.0", True), ("10.0.12", True), ("0.2.0.dev0", False)])
def test_a_release_is_told_from_what_comes_before_it(version: str, releases: bool) -> None:  # noqa: FBT001 - a table
    assert is_release(version) == releases


@pytest.mark.parametrize("version", ["", "1", "0.1", "v0.1.0", "0.1.0rc1", "0.1.0.dev", "0.1.0-dev0", "0.1.0 ", "x"])
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(VersionError, match="is no version"):
        is_release(version)
