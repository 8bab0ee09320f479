"""The checks of the contracts can fail: what would break a client is found."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

PROTOS = Path(__file__).parents[2] / "protos"
EXPERIMENT = Path("trivet/tracking/v1/experiment.proto")
SERVICE = Path("trivet/tracking/v1/tracking_service.proto")


@pytest.fixture(scope="module")
def check() -> Iterator[ModuleType]:
    """The script `protos/check.py`, with buf on its path."""
    specification = importlib.util.spec_from_file_location("check", PROTOS / "check.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        yield module


def changed(check: ModuleType, folder: Path, old: str, new: str, file: Path = EXPERIMENT) -> Path:
    """A staged copy of the contracts in which a text of a file, that of experiments by default, is another."""
    copy: Path = check.stage(folder, PROTOS)
    text = (copy / file).read_text()
    assert old in text
    (copy / file).write_text(text.replace(old, new))
    return copy


@pytest.fixture(scope="module")
def released(check: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the contracts of a release, 1.2.3, that are those of today."""
    folder = tmp_path_factory.mktemp("released")
    check.descriptors(check.stage(folder / "then", PROTOS), check.kept("1.2.3", folder))
    return folder


@pytest.mark.parametrize(
    ("old", "new", "file"),
    [
        ("string description = 3", "string summary = 3", EXPERIMENT),
        ("string description = 3", "bytes description = 3", EXPERIMENT),
        ("string description = 3", "string description = 33", EXPERIMENT),
        ("rpc GetExperiment(", "rpc FetchExperiment(", SERVICE),
        ("service TrackingService {", "service TrackService {", SERVICE),
        ("returns (stream WatchRunsResponse)", "returns (WatchRunsResponse)", SERVICE),
    ],
    ids=["renamed", "another type", "another number", "another method", "another service", "no stream"],
)
def test_a_change_that_breaks_clients_is_found(
    check: ModuleType, released: Path, tmp_path: Path, old: str, new: str, file: Path
) -> None:
    now = changed(check, tmp_path / "now", old, new, file)

    assert not check.breaks_nobody(now, check.kept("1.2.3", released))


def test_a_break_is_refused_with_the_release_that_it_breaks(check: ModuleType, released: Path, tmp_path: Path) -> None:
    now = changed(check, tmp_path / "now", "string description = 3", "string summary = 3")

    assert check.check(now, "1.3.0.dev0", released) == ["The contracts break who works by those of 1.2.3."]


def test_a_new_field_breaks_nobody_but_is_not_what_was_released(
    check: ModuleType, released: Path, tmp_path: Path
) -> None:
    now = changed(check, tmp_path / "now", "string etag = 10", "string color = 11;\n  string etag = 10")

    assert check.check(now, "1.3.0.dev0", released) == []
    (wrong,) = check.check(now, "1.2.3", released)
    assert wrong.startswith("The contracts are no longer those of 1.2.3:")


def test_what_was_released_is_known_again(check: ModuleType, released: Path) -> None:
    assert check.is_what_was_released(released / "then", "1.2.3", released)


def test_protos_of_google_may_change(check: ModuleType, released: Path, tmp_path: Path) -> None:
    errors = Path("google_protos/google/rpc/error_details.proto")
    now = changed(check, tmp_path / "now", "string reason = 1;", "string why = 1;", errors)

    assert check.breaks_nobody(now, check.kept("1.2.3", released))


def test_the_last_release_is_the_newest_by_its_numbers(check: ModuleType, tmp_path: Path) -> None:
    assert check.last_release(tmp_path) is None
    for version in ("0.9.0", "0.10.0", "0.2.11"):
        check.kept(version, tmp_path).touch()

    assert check.last_release(tmp_path) == "0.10.0"


def test_before_the_first_release_style_alone_counts(check: ModuleType, tmp_path: Path) -> None:
    now = changed(check, tmp_path / "now", "string etag = 10", "string Etag = 10")

    assert check.check(now, "0.1.0.dev0", tmp_path) == ["The contracts are against the style."]


def test_the_contracts_pass(check: ModuleType) -> None:
    ended = subprocess.run(
        [sys.executable, str(PROTOS / "check.py")], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.startswith("buf lint and breaking done: ")
