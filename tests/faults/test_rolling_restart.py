"""Two replicas of everything under load, restarted one after the other and migrated: no call fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from trivet_testing.minio import MinioServer
from trivet_testing.rolling_restarts import installed, roll
from trivet_testing.tracking import full


@pytest.mark.timeout(3600)
def test_no_call_fails_while_each_replica_is_restarted(
    postgres_url: str, minio_server: MinioServer, mlflow: Path, tmp_path: Path
) -> None:
    restarts = full(4, 50)
    with installed(postgres_url, minio_server) as installation:
        rolled = roll(installation, mlflow / "bin" / "python", tmp_path, restarts)
    assert rolled.failed == []
    assert rolled.restarts.total() == restarts
    assert min(rolled.calls.values()) > 0
    assert [line.split()[-1] for line in rolled.migrations] == ["9001"] * 3
    for kind in (
        "SDK: register_model",
        "SDK: download_artifacts",
        "SDK: watch_runs, changes heard",
        "MLflow: search_runs",
    ):
        assert rolled.calls[kind] > 1, kind
    assert f"{rolled.calls.total():,} calls succeeded, 0 failed." in rolled.report()
