"""docs/serving.md, run as it stands; only the port differs."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

import trivet
from trivet_testing.command_line import invoke
from trivet_testing.model_servers import ModelServer, serving
from trivet_testing.pages import blocks_of, matches, steps_of
from trivet_testing.waiting import wait_until

PAGE = Path(__file__).parents[2] / "docs" / "serving.md"
ADDRESS = "127.0.0.1:5000"


def test_page_serves_a_model_and_moves_it(
    client: trivet.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    (training,) = (block for block in blocks_of(text) if block.language == "python")
    exec(compile(training.text, str(PAGE), "exec"), {})
    with ExitStack() as stack:
        server: ModelServer | None = None
        for step in steps_of(text):
            program, *arguments = shlex.split(step.command)
            if arguments[:2] == ["models", "serve"]:
                server = stack.enter_context(serving(*_options(arguments[2:])))
                output = server.process.stdout_lines[-1].replace(server.address, ADDRESS)
            elif program == "trivet":
                output = invoke(*arguments).output
            else:
                assert server is not None
                command = step.command.replace(ADDRESS, server.address)
                if "/health" in command:
                    wait_until(_serves_second(server))
                output = subprocess.run(["bash", "-euc", command], check=True, capture_output=True, text=True).stdout
            assert matches(step.shown, output), f"{step.command}\nanswers\n{output}"


def _options(arguments: list[str]) -> list[str]:
    """The URI, and the options after it, of which the last port counts."""
    place = arguments.index("--model-uri")
    uri = arguments[place + 1]
    port = arguments.index("--port")
    left = [each for number, each in enumerate(arguments) if number not in (place, place + 1, port, port + 1)]
    return [uri, *left]


def _serves_second(server: ModelServer) -> Callable[[], bool]:
    return lambda: {server.get("/health").content["version"] for _ in range(10)} == {"2"}
