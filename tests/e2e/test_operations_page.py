"""The commands of docs/operations.md, run as they stand there: only addresses differ."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from trivet_testing.pages import Step, matches, steps_of
from trivet_testing.servers import ServerProcess

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operations.md"

_READY = r"is ready: grpc (\S+)$"
_ADDRESS = r"127\.0\.0\.1:\d+"


def is_server(step: Step) -> bool:
    return step.command == "make up" or step.command.startswith("trivet-tracking serve ")


def is_setting(step: Step) -> bool:
    return re.match(r"(export )?[A-Z_]+=\S+$", step.command) is not None


class Terminal:
    """Runs the steps one after another, in a folder of its own, and keeps the servers that they start."""

    def __init__(self, folder: Path, grpcurl: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._settings: list[str] = []
        self._addresses: dict[str, str] = {}
        self.servers: list[tuple[Step, ServerProcess]] = []
        self._path = os.pathsep.join([str(grpcurl.parent), str(Path(sys.executable).parent), os.environ["PATH"]])

    def run(self, step: Step) -> None:
        if is_server(step):
            self._start(step)
        elif is_setting(step):
            self._settings.append(self._here(step.command))
        else:
            script = "\n".join([*self._settings, self._here(step.command)])
            ended = subprocess.run(
                ["bash", "-c", script],
                cwd=self._folder,
                env=os.environ | {"PATH": self._path},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=60,
                check=False,
            )
            assert matches(step.shown, ended.stdout), f"{step.command}\nanswers\n{ended.stdout}"
            fails = "ERROR:" in step.shown
            assert (ended.returncode != 0) is fails, ended.stdout

    def _here(self, text: str) -> str:
        for on_page, here in self._addresses.items():
            text = text.replace(on_page, here)
        return text

    def _start(self, step: Step) -> None:
        command = step.command
        if command == "make up":
            # What make would run, without bringing the environment up to date under the tests.
            options = f"ARGS=--grpc-port 0 --data {self._folder / 'data'}"
            planned = subprocess.run(
                ["make", "--dry-run", "--no-print-directory", "up", options],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            )
            command = planned.stdout.splitlines()[-1]
            assert command.startswith("exec .venv/bin/trivet up "), planned.stdout
            command = command.replace(".venv/bin", str(Path(sys.executable).parent))
        script = "\n".join([*self._settings, command])
        server = ServerProcess.start(
            ["bash", "-c", script], {"PATH": self._path, "TRIVET_LISTEN": "127.0.0.1:0"}, _READY, cwd=self._folder
        )
        self._stack.enter_context(server)
        self.servers.append((step, server))
        on_page = re.search(_ADDRESS, "\n".join(step.shown))
        assert on_page, step
        self._addresses[on_page[0]] = server.address

    def stop_servers(self) -> None:
        for step, server in self.servers:
            assert server.terminate() == 0, server.stderr
            printed = "\n".join(server.stdout_lines)
            assert matches(tuple(self._here(line) for line in step.shown), printed), printed


def test_every_command_of_the_page_answers_as_shown(tmp_path: Path, grpcurl: Path) -> None:
    steps = steps_of(PAGE.read_text(encoding="utf-8"))
    with ExitStack() as stack:
        terminal = Terminal(tmp_path, grpcurl, stack)
        for step in steps:
            terminal.run(step)
        assert len(terminal.servers) == 2
        terminal.stop_servers()


def test_page_shows_all_that_an_operator_needs() -> None:
    commands = "\n".join(step.command for step in steps_of(PAGE.read_text(encoding="utf-8")))
    for needed in (
        "$TRIVET list",
        "$TRIVET describe",
        "SystemService/WhoAmI",
        "SystemService/GetServerInfo",
        "SystemService/Drain",
        "TrackingService/CreateExperiment",
        "TrackingService/CreateRun",
        "TrackingService/WriteRun",
        "TrackingService/GetRun",
        "TrackingService/ListMetrics",
        "TrackingService/ReadMetricHistory",
        "TrackingService/SearchRuns",
        "TrackingService/WatchRuns",
        "TrackingService/PurgeRuns",
        "ArtifactService/CollectGarbage",
        "SystemService/GetWorkspaceUsage",
        "Health/Check",
        "--tls-cert",
    ):
        assert needed in commands


def test_comparison_sees_a_line_that_is_missing_or_different() -> None:
    shown = ("{", '  "name": "…",', "  …", '  "step": "3"', "}")
    assert matches(shown, '{\n\t"name": "x",\n "a": 1,\n "b": 2,\n "step": "3"\n}\n')
    assert not matches(shown, '{\n "name": "x",\n "step": "4"\n}\n')
    assert not matches(shown, '{\n "step": "3"\n}\n')
    assert not matches(shown, '{\n "name": "x",\n "step": "3"\n}\nmore\n')
