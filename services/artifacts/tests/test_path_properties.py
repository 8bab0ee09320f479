"""Paths of all kinds against their rule, said again in other words."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trivet_artifacts.domain import paths
from trivet_kit.errors import FieldInvalid, FieldRequired, FieldTooLong

_CHARACTERS = st.one_of(
    st.characters(codec="utf-8"), st.sampled_from("/.\\\0\n\x7f\x85%ab"), st.sampled_from("e\u0301\u00e9\u212b\ufb01")
)
_ANY = st.one_of(
    st.text(_CHARACTERS, max_size=40),
    st.lists(st.sampled_from(["a", "b", ".", "..", "", "...", "ä", " "]), max_size=8).map("/".join),
    st.integers(1000, 1050).map(lambda size: "x" * size),
)
_GOOD = st.lists(
    st.text("abä.-0 ", min_size=1, max_size=5).filter(lambda name: name not in (".", "..")), min_size=1, max_size=6
).map("/".join)


def is_good(path: str) -> bool:
    return (
        0 < len(path.encode()) <= 1024
        and not {"", ".", ".."} & set(path.split("/"))
        and "\\" not in path
        and all(unicodedata.category(character) != "Cc" for character in path)
        and unicodedata.normalize("NFC", path) == path
    )


@settings(max_examples=1000)
@given(_ANY)
@example("")
@example("a/")
@example("\u00e9")
@example("e\u0301")
@example("x" * 1024)
@example("ä" * 512)
@example("ä" * 513)
def test_path_is_taken_exactly_by_the_rule(path: str) -> None:
    if is_good(path):
        assert paths.check_path(path, "path") == path
    else:
        with pytest.raises((FieldInvalid, FieldRequired, FieldTooLong)) as failure:
            paths.check_path(path, "path")
        assert failure.value.field == "path"


@given(_GOOD)
def test_ancestors_are_the_folders_above_each_in_the_one_before(path: str) -> None:
    above = paths.ancestors(path)
    assert len(above) == path.count("/")
    assert [paths.parent(below) for below in [*above, path]] == ["", *above]
    for folder in above:
        assert paths.check_path(folder, "path") == folder
        assert f"{folder}/" < path < f"{folder}0"
        assert f"{folder}/{paths.below(path, folder)}" == path
    assert paths.below(path, "") == path
    assert paths.below(path, path) == path.rpartition("/")[2]
