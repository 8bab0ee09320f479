"""The script `trivet`, and what `import trivet` costs and shows."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import trivet
from trivet_testing.servers import run_to_exit

TRIVET = str(Path(sys.executable).with_name("trivet"))

# Runs the script's own function in an interpreter in which some packages are not installed.
WITHOUT = """
import sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in {missing} else self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path = [Without(finder) for finder in sys.meta_path]
sys.argv = {arguments}
from trivet._cli import main
main()
"""


def python(program: str) -> subprocess.CompletedProcess[str]:
    return run_to_exit([sys.executable, "-c", program], {})


def run_without(missing: set[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return python(WITHOUT.format(missing=missing, arguments=["trivet", *arguments]))


def test_version_is_that_of_the_distribution() -> None:
    ended = run_to_exit([TRIVET, "version"], {})
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{version('trivet')}\n", "")


def test_help_lists_the_commands() -> None:
    ended = run_to_exit([TRIVET, "--help"], {})
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Track experiments, store artifacts, promote models." in ended.stdout
    for command in ("up", "ui", "status", "version", "experiments", "runs", "artifacts", "models"):
        assert f" {command} " in ended.stdout


def test_up_help_is_that_of_the_server_with_all_its_options() -> None:
    ended = run_to_exit([TRIVET, "up", "--help"], {"COLUMNS": "200", "NO_COLOR": "1"})
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Usage: trivet up [OPTIONS]" in ended.stdout
    for option in (
        "--data",
        "--host",
        "--grpc-port",
        "--http-port",
        "--database",
        "--workspaces",
        "--insecure-no-auth",
    ):
        assert option in ended.stdout


def test_unknown_command_is_a_usage_error() -> None:
    ended = run_to_exit([TRIVET, "fly"], {})
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "No such command 'fly'" in ended.stderr


@pytest.mark.parametrize(
    ("missing", "arguments", "line"),
    [
        ({"typer"}, (), "trivet: the command line needs an extra: pip install 'trivet[cli]'"),
        ({"rich"}, ("up",), "trivet: the command line needs an extra: pip install 'trivet[cli]'"),
        (
            {"trivet_standalone"},
            ("up",),
            "trivet up: a server on this machine needs an extra: pip install 'trivet[local]'",
        ),
        (
            {"trivet_standalone"},
            ("ui",),
            "trivet ui: a server on this machine needs an extra: pip install 'trivet[local]'",
        ),
        (
            {"trivet_kit"},
            ("token", "key", "create"),
            "trivet token: what servers know of identities needs an extra: pip install 'trivet[local]'",
        ),
        (
            {"trivet_kit"},
            ("policy",),
            "trivet policy: what servers know of identities needs an extra: pip install 'trivet[local]'",
        ),
    ],
)
def test_command_whose_extra_is_missing_says_what_to_install(
    missing: set[str], arguments: tuple[str, ...], line: str
) -> None:
    ended = run_without(missing, *arguments)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", f"{line}\n")


def test_version_needs_no_server() -> None:
    ended = run_without({"trivet_standalone", "trivet_kit", "trivet_tracking"}, "version")
    assert (ended.returncode, ended.stdout) == (0, f"{version('trivet')}\n")


def test_version_loads_no_client() -> None:
    ended = run_without({"grpc", "google", "trivet_proto"}, "version", "--json")
    assert (ended.returncode, json.loads(ended.stdout)) == (0, {"version": version("trivet")})


def test_import_loads_neither_grpc_nor_anything_of_an_extra() -> None:
    ended = python("import sys, trivet; print(*{name.partition('.')[0] for name in sys.modules})")
    assert ended.returncode == 0, ended.stderr
    loaded = set(ended.stdout.split())
    assert "trivet" in loaded
    assert not loaded & {"grpc", "google", "trivet_proto", "trivet_kit", "typer", "numpy", "pandas", "sqlalchemy"}


def test_import_is_quick(capsys: pytest.CaptureFixture[str]) -> None:
    program = "import time; began = time.process_time(); import trivet; print(time.process_time() - began)"
    seconds = min(float(python(program).stdout) for _ in range(3))
    with capsys.disabled():
        sys.stdout.write(f"[import trivet took {seconds * 1000:.1f} ms]")
    assert (
        seconds < 0.06
    )  # design: beyond the interpreter's own start; of the processor, which other work does not change


def test_public_names_are_exactly_those_listed() -> None:
    # A fresh interpreter: here, other tests may have loaded modules of the package.
    loaded, shown, reached = (
        set(python(f"import trivet; print(*{names})").stdout.split())
        for names in ("vars(trivet)", "dir(trivet)", "(name for name in trivet.__all__ if hasattr(trivet, name))")
    )
    listed = {name for name in trivet.__all__ if not name.startswith("_")}
    # These imports leave their names behind.
    assert {name for name in loaded if not name.startswith("_")} - {"annotations", "TYPE_CHECKING"} <= listed
    assert {name for name in shown if not name.startswith("_")} == listed
    assert reached == set(trivet.__all__)
    assert all(hasattr(trivet, name) for name in trivet.__all__)
    assert sorted(set(trivet.__all__)) == sorted(trivet.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'trivet' has no attribute 'fly'"):
        _ = trivet.fly


def test_the_version_is_an_option_too() -> None:
    ended = run_to_exit([TRIVET, "--version"], {})
    assert (ended.returncode, ended.stdout) == (0, f"{version('trivet')}\n")


def test_a_shell_completes_commands() -> None:
    words = {"COMP_WORDS": "trivet runs re", "COMP_CWORD": "2", "_TRIVET_COMPLETE": "complete_bash"}
    ended = run_to_exit([TRIVET], words)
    assert ended.returncode == 0, ended.stderr
    assert set(ended.stdout.split()) == {"rename", "restore", "rewind"}


@pytest.mark.parametrize("command", ["up", "ui", "token", "policy"])
def test_what_becomes_a_program_imports_no_command_before(command: str) -> None:
    program = f"""
import os, sys
def report(_file, arguments):
    print(*arguments[1:], sep="|")
    print(*{{name.partition(".")[0] for name in sys.modules}})
    sys.exit(3)
os.execv = report
sys.argv = ["trivet", {command!r}, "--data", "x"]
from trivet._cli import main
main()
"""
    ended = python(program)
    assert (ended.returncode, ended.stderr) == (3, "")
    became, loaded = ended.stdout.splitlines()
    assert became.startswith("-m|trivet_")
    assert became.endswith("|--data|x")
    assert not set(loaded.split()) & {"typer", "rich", "pydantic", "inspect", "grpc", "trivet_kit"}
