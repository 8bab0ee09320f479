"""The real MLflow client against a real MLflow server and against ours: the same session reads back the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trivet_testing.mlflow_stores import MlflowDatabase, mlflow_server
from trivet_testing.servers import run_to_exit

PROGRAM = Path(__file__).with_name("client_program.py")
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def session(python: Path, url: str) -> dict[str, Any]:
    ended = run_to_exit([str(python), str(PROGRAM)], {**SETTINGS, "MLFLOW_TRACKING_URI": url})
    assert ended.returncode == 0, ended.stderr
    read: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return read


@pytest.mark.timeout(300)
def test_a_session_reads_back_what_it_does_with_mlflow(gateway: str, mlflow: Path, tmp_path: Path) -> None:
    python = mlflow / "bin" / "python"
    with mlflow_server(MlflowDatabase(tmp_path)) as upstream:
        expected = session(python, upstream)
    assert session(python, gateway) == expected
    # Again, in another workspace: nothing of the first session is in its way.
    assert session(python, f"{gateway}/w/test-0") == expected
