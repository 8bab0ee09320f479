"""Programs that use MLflow's own client."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from trivet_testing.servers import run_to_exit

_SETTINGS: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # To find what a model needs, a process imports all that it may need; that asks no server.
    "MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "1",
}


def session(
    python: Path,
    url: str,
    program: Path,
    settings: Mapping[str, str] | None = None,
    *,
    arguments: Sequence[str] = (),
    timeout_seconds: float = 60,
) -> dict[str, Any]:
    """What a program says in its last line, as JSON, that uses a server; it has to end well."""
    environment = {**_SETTINGS, **(settings or {}), "MLFLOW_TRACKING_URI": url}
    ended = run_to_exit([str(python), str(program), *arguments], environment, timeout_seconds)
    assert ended.returncode == 0, ended.stderr
    read: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return read
