"""The real MLflow client against a real MLflow server and against ours: the same session reads back the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from trivet_testing.environments import mlflow_environment
from trivet_testing.mlflow_stores import mlflow_server

from trivet_testing.servers import run_to_exit

PROGRAM = Path(__file__).with_name("client_program.py")
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def session(url: str) -> dict[str, Any]:
    ended = run_to_exit(
        [str(mlflow_environment() / "bin" / "python"), str(PROGRAM)], {**SETTINGS, "MLFLOW_TRACKING_URI": url}
    )
    assert ended.returncode == 0, ended.stderr
    read: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return read


@pytest.mark.timeout(300)
def test_a_session_reads_back_what_it_does_with_mlflow(gateway: str, tmp_path: Path) -> None:
    with mlflow_server(tmp_path) as upstream:
        expected = session(upstream)
    assert session(gateway) == expected
    # Again, in another workspace: nothing of the first session is in its way.
    assert session(f"{gateway}/w/test-0") == expected
