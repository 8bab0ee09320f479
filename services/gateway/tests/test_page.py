"""docs/gateway.md: its commands, run as they stand but for the addresses."""

from __future__ import annotations

import shlex
import sys
import urllib.request
from pathlib import Path

from trivet_testing.pages import steps_of
from trivet_testing.servers import ServerProcess

PAGE = Path(__file__).parents[3] / "docs" / "gateway.md"


def test_the_commands_of_the_page_start_a_gateway_that_answers(services: str, tmp_path: Path) -> None:
    serve, export = (step.command for step in steps_of(PAGE.read_text(encoding="utf-8")))
    program, *arguments = shlex.split(serve)
    assert export == "export MLFLOW_TRACKING_URI=http://127.0.0.1:7331"
    command = [str(Path(sys.executable).with_name(program)), *arguments, "--listen", "127.0.0.1:0"]
    for port in ("7332", "7333", "7334"):
        assert f"grpc://127.0.0.1:{port}" in command
        command = [services if part == f"grpc://127.0.0.1:{port}" else part for part in command]
    with ServerProcess.start(command, {}, r"^trivet-gateway is ready: http (\S+)$", cwd=tmp_path) as server:
        url = f"http://{server.address}/api/2.0/mlflow/experiments/get?experiment_id=0"
        with urllib.request.urlopen(url, timeout=30) as answer:
            assert b'"Default"' in answer.read()
