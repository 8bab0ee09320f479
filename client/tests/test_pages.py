"""Every block of code of the documentation is run as it stands, here or elsewhere, or is marked as not run."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

import trivet
from trivet_testing.command_line import invoke
from trivet_testing.pages import Block, Step, blocks_of, matches, steps_of
from trivet_testing.servers import ServerProcess
from trivet_testing.workspaces import WORKSPACES

ROOT = Path(__file__).parents[2]
PAGES = [
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").glob("*.md"))),
    *("README.md", "CONTRIBUTING.md", "bench/README.md", "client/README.md", "examples/README.md"),
    "examples/go/README.md",
]

ELSEWHERE = {
    ("README.md", "python"): "tests/e2e/test_readme.py",
    ("docs/cli.md", "console"): "client/tests/test_cli_page.py",
    ("docs/export.md", "console"): "client/tests/test_export_readers.py",
    ("docs/export.md", "python"): "client/tests/test_export_readers.py",
    ("docs/export.md", "sql"): "client/tests/test_export_readers.py",
    ("docs/gateway.md", "console"): "services/gateway/tests/test_page.py",
    ("docs/import.md", "console"): "client/tests/test_import_page.py",
    ("docs/operations.md", "console"): "tests/e2e/test_operations_page.py",
    ("docs/registry.md", "python"): "client/tests/test_registry_page.py",
    ("docs/scenarios.md", "console"): "tests/e2e/test_scenarios.py",
    ("docs/search.md", ""): "services/tracking/tests/search/test_documentation.py",
    ("docs/serving.md", "console"): "client/tests/test_serving_page.py",
    ("docs/serving.md", "python"): "client/tests/test_serving_page.py",
    ("examples/go/README.md", "console"): "tests/e2e/test_go_client.py",
}
"""The blocks of a language in a page that another module runs, all of them."""


def blocks_in(page: str) -> list[Block]:
    return blocks_of((ROOT / page).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """What `trivet up` runs, with a workspace for each page."""
    command = [sys.executable, "-m", "trivet_standalone", "--grpc-port", "0"]
    options = ["--data", str(tmp_path_factory.mktemp("data")), "--workspaces", ",".join(WORKSPACES)]
    with ServerProcess.start([*command, *options], {}, r"^Trivet is ready: grpc (\S+)$") as server:
        yield server


class Reader:
    """Somebody who pastes one block of a page after another, in a folder of their own."""

    def __init__(
        self, server: ServerProcess, workspace: str, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._server = server
        self._url = f"grpc://{server.address}/{workspace}"
        self._patch = patch
        self._capsys = capsys
        self.names: dict[str, Any] = {}
        patch.setenv("TRIVET_URL", self._url)

    def paste(self, block: Block) -> None:
        if block.language == "python":
            self._python(block)
        elif block.language == "console":
            for step in steps_of(f"```console\n{block.text}```\n"):
                self._command(step)
        elif block.language == "json":
            json.loads(block.text)
        elif block.language == "yaml":
            list(yaml.safe_load_all(block.text))
            if block.title:
                Path(block.title).write_text(block.text, encoding="utf-8")
        else:
            assert block.language == "text", "nothing says how this is run"

    def _here(self, text: str) -> str:
        return text.replace("grpc://127.0.0.1:7330", self._url).replace("127.0.0.1:7330", self._server.address)

    def _python(self, block: Block) -> None:
        code = self._here(block.text)
        if block.title:
            Path(block.title).write_text(code, encoding="utf-8")
            return
        self._capsys.readouterr()
        exec(compile(code, f"<line {block.line}>", "exec"), self.names)
        printed = iter(self._capsys.readouterr().out.splitlines())
        for told in re.findall(r"^ *print\(.*\)  # (.*)$", code, re.MULTILINE):
            assert told in printed, f"{told} is not printed, or not here"

    def _command(self, step: Step) -> None:
        command = self._here(step.command)
        shown = tuple(self._here(line) for line in step.shown)
        program, *arguments = shlex.split(command, comments=True)
        if program in ("make", "trivet") and arguments[0] == "up":
            output = "\n".join(self._server.stdout_lines)
        elif program == "trivet" and arguments[0] in ("run", "token", "policy"):
            # A project writes past the streams of this process; the others become another program.
            output = run(["bash", "-euc", command], code=int(bool(shown) and shown[0].startswith("trivet:")))
        elif program == "trivet":
            ended = invoke(*arguments)
            output = ended.output
            assert ended.exit_code == int(bool(shown) and shown[0].startswith("trivet:")), output
        elif program in self._CHECKS:
            assert not shown, "nothing says how this is compared"
            self._CHECKS[program](self, arguments)
            return
        else:
            output = run(["bash", "-euc", command])
        if shown:
            assert matches(shown, output), f"{step.command}\nanswers\n{output}"

    def _export(self, settings: list[str]) -> None:
        for setting in settings:
            self._patch.setenv(*os.path.expandvars(setting).split("=", 1))

    def _unset(self, names: list[str]) -> None:
        for name in names:
            self._patch.delenv(name)

    def _make(self, arguments: list[str]) -> None:
        """Asks make what it would do: setting up again and testing is not for a test."""
        run(["make", "--dry-run", *arguments], cwd=ROOT)

    def _pip(self, arguments: list[str]) -> None:
        """Looks whether what is to be installed has these extras: it is not released."""
        install, requirement = arguments
        named = re.fullmatch(r"trivet\[([\w,]+)\]", requirement)
        project = tomllib.loads((ROOT / "client" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert install == "install"
        assert named is not None
        assert set(named[1].split(",")) <= project["optional-dependencies"].keys()

    _CHECKS: ClassVar[dict[str, Callable[[Reader, list[str]], None]]] = {
        "export": _export,
        "unset": _unset,
        "make": _make,
        "pip": _pip,
    }


def run(command: list[str], cwd: Path | None = None, code: int = 0) -> str:
    """Runs a command that ends with a code; what it prints."""
    ended = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == code, ended.stdout
    return ended.stdout


def before_capturing(names: dict[str, Any]) -> None:
    with trivet.Client() as client:
        run_id = names["run_id"] = client.create_run("0").info.run_id
        client.tracking.log_console(run_id, [trivet.ConsoleLine("epoch 1", 1_700_000_000_000)])
        client.set_terminated(run_id)


def before_search(names: dict[str, Any]) -> None:
    with trivet.Client() as client:
        experiment_id = client.create_experiment("taxi")
        names["first"], names["second"] = (client.create_run(experiment_id).info.run_id for _ in range(2))
        client.log_param(names["first"], "lr", 0.1)


BEFORE: dict[str, Callable[[dict[str, Any]], None]] = {
    "docs/capturing.md": before_capturing,
    "docs/search.md": before_search,
}
"""What is there before a page begins, because it tells of it in words."""


@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_of_a_page_do_what_it_says(
    page: str,
    server: ServerProcess,
    workspace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.chdir(tmp_path)
    here = [block for block in blocks_in(page) if (page, block.language) not in ELSEWHERE]
    if any("grpcurl" in block.text for block in here):
        grpcurl: Path = request.getfixturevalue("grpcurl")
        monkeypatch.setenv("PATH", f"{grpcurl.parent}{os.pathsep}{os.environ['PATH']}")
    reader = Reader(server, workspace, monkeypatch, capsys)
    if page in BEFORE:
        BEFORE[page](reader.names)
    for block in here:
        try:
            if block.is_marked_as_not_run:
                check_unrun(block)
            else:
                reader.paste(block)
        except Exception as error:
            error.add_note(f"{page}, line {block.line}")
            raise
    for thing in reader.names.values():
        if isinstance(thing, trivet.Client):
            thing.close()


def check_unrun(block: Block) -> None:
    """What can be known of a block without running it: that a shell, or Python, understands it."""
    if block.language == "console":
        # It shows commands alone, no answers; `>` is the prompt of a line that goes on.
        run(["bash", "-nc", re.sub(r"^[$>] ", "", block.text, flags=re.MULTILINE)])
    else:
        assert block.language == "python", "nothing says how this is checked"
        compile(block.text, "<block>", "exec")


@pytest.mark.parametrize(("page", "language"), ELSEWHERE)
def test_what_is_run_elsewhere_is_there_and_not_marked(page: str, language: str) -> None:
    module = (ROOT / ELSEWHERE[page, language]).read_text(encoding="utf-8")
    parts = [f'"{part}"' for part in Path(page).parts]
    assert " / ".join(parts) in module or (parts[-1] in module and page == "examples/go/README.md")
    of_language = [block for block in blocks_in(page) if block.language == language]
    assert of_language
    assert not any(block.is_marked_as_not_run for block in of_language)


def test_promises_name_tests_that_are_there() -> None:
    page = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", page)
    assert len(named) == page.count("::") > 10
    for module, name in named:
        assert f"\ndef {name}(" in (ROOT / module).read_text(encoding="utf-8"), f"{module} has no {name}"


def test_a_block_that_nobody_runs_is_a_fault(
    server: ServerProcess, workspace: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = Reader(server, workspace, monkeypatch, capsys)
    for language, text in [("sql", "SELECT 1"), ("", "metrics.rmse < 7"), ("ruby", "puts 1"), ("bash", "true")]:
        with pytest.raises(AssertionError, match="nothing says how this is run"):
            reader.paste(Block(1, language, "", text))


def test_a_block_that_does_something_else_is_a_fault(
    server: ServerProcess, workspace: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = Reader(server, workspace, monkeypatch, capsys)
    for language, text in [
        ("python", "print(1)  # 2\n"),
        ("console", "$ trivet version\n0.0.0\n"),
        ("console", "$ trivet runs show nobody\n"),
        ("console", "$ echo yes\nno\n"),
        ("console", "$ false\n"),
        ("console", "$ make nothing\n"),
        ("console", "$ pip install 'trivet[everything]'\n"),
        ("json", "{"),
    ]:
        with pytest.raises((AssertionError, ValueError)):
            reader.paste(Block(1, language, "", text))
    for language, text in [("console", "$ for x in 1 2; do\n"), ("yaml", "a: b\n")]:
        with pytest.raises(AssertionError):
            check_unrun(Block(1, language, "Not run by a test: it is wrong", text))
