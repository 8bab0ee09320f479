"""The checks of the contracts can fail: what would break a client is found."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

PROTOS = Path(__file__).parents[2] / "protos"
EXPERIMENT = Path("trivet/tracking/v1/experiment.proto")


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script `protos/check.py`, with buf on its path."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    specification = importlib.util.spec_from_file_location("check", PROTOS / "check.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def changed(check: ModuleType, folder: Path, old: str, new: str) -> Path:
    """A staged copy of the contracts in which a text of the experiment's file is another."""
    copy: Path = check.stage(folder, PROTOS)
    text = (copy / EXPERIMENT).read_text()
    assert old in text
    (copy / EXPERIMENT).write_text(text.replace(old, new))
    return copy


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("string description = 3", "string summary = 3"),
        ("string description = 3", "bytes description = 3"),
        ("string description = 3", "string description = 33"),
    ],
    ids=["renamed", "another type", "another number"],
)
def test_a_change_that_breaks_clients_is_found(check: ModuleType, tmp_path: Path, old: str, new: str) -> None:
    then = check.stage(tmp_path / "then", PROTOS)
    now = changed(check, tmp_path / "now", old, new)

    assert not check.buf(now, "breaking", "--against", str(then))


def test_a_new_field_breaks_nobody(check: ModuleType, tmp_path: Path) -> None:
    then = check.stage(tmp_path / "then", PROTOS)
    now = changed(check, tmp_path / "now", "string etag = 10", "string color = 11;\n  string etag = 10")

    assert check.buf(now, "breaking", "--against", str(then))


def test_a_name_against_the_style_is_found(check: ModuleType, tmp_path: Path) -> None:
    assert not check.buf(changed(check, tmp_path / "now", "string etag = 10", "string Etag = 10"), "lint")


def test_the_contracts_pass(check: ModuleType, tmp_path: Path) -> None:
    assert check.buf(check.stage(tmp_path / "now", PROTOS), "lint")
