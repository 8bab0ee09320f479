"""What MLflow's clients are told where their workspace has used up a quota."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from trivet_testing.gateways import gateway_before
from trivet_testing.limited_server import start_limited, write_quotas
from trivet_testing.tracking import migrate

MAX_RUNS, MAX_POINTS = 2, 100
Ask = Callable[[str, Any], urllib3.BaseHTTPResponse]


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Ask]:
    """Asks a gateway before a server whose workspaces may use little."""
    database_url, policy = f"sqlite:///{tmp_path / 'tracking.db'}", tmp_path / "policy.yaml"
    migrate(database_url)
    write_quotas(policy, {"test-1": {"runs": MAX_RUNS, "points_per_second": MAX_POINTS}})
    with (
        start_limited("tracking", database_url, policy) as server,
        gateway_before(f"grpc://{server.address}") as gateway,
        urllib3.PoolManager(retries=False) as http,
    ):
        headers = {"X-MLFLOW-WORKSPACE": "test-1"}

        def post(path: str, body: object) -> urllib3.BaseHTTPResponse:
            return http.request("POST", f"{gateway.url}/api/2.0/mlflow/{path}", json=body, headers=headers)

        yield post


def test_a_rate_says_when_to_come_again_and_room_does_not(ask: Ask) -> None:
    created = [ask("runs/create", {"experiment_id": "0"}) for _ in range(MAX_RUNS + 1)]
    assert [answer.status for answer in created] == [200] * MAX_RUNS + [429]
    said = created[-1].json()
    assert said["error_code"] == "REQUEST_LIMIT_EXCEEDED"
    assert f"quota runs of {MAX_RUNS}" in said["message"]
    assert "Retry-After" not in created[-1].headers

    run_id = created[0].json()["run"]["info"]["run_id"]
    metrics = [{"key": "loss", "value": 0.5, "timestamp": 1, "step": step} for step in range(9 * MAX_POINTS)]
    logged = ask("runs/log-batch", {"run_id": run_id, "metrics": metrics})
    refused = ask("runs/log-batch", {"run_id": run_id, "metrics": metrics})
    assert (logged.status, refused.status) == (200, 429)
    assert refused.json()["error_code"] == "REQUEST_LIMIT_EXCEEDED"
    assert f"quota points_per_second of {MAX_POINTS}" in refused.json()["message"]
    assert 1 <= int(refused.headers["Retry-After"]) <= 10
