"""What any release of the SDK can do with any release of the servers. Run with TRIVET_URL.

Usage: skew_program.py [write] [read]
    write   logs a run, registers its files, and promotes them
    read    prints what it reads of that
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import trivet


def write() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "weights.bin")
        file.write_bytes(b"w" * 100_000)
        trivet.set_experiment("skew")
        with trivet.start_run(run_name="both ways") as run:
            trivet.log_params({"alpha": 0.1, "kind": "lasso"})
            for step in range(100):
                trivet.log_metric("rmse", 1 / (step + 1), step=step)
            trivet.set_tag("team", "a")
            trivet.log_artifact(str(file), "model")
    client = trivet.Client()
    run_id = run.info.run_id
    client.create_registered_model("skewed")
    version = client.create_model_version("skewed", f"runs:/{run_id}/model", run_id=run_id)
    client.transition_model_version_stage("skewed", version.version, "Production")
    client.set_registered_model_alias("skewed", "champion", version.version)


def read() -> None:
    client = trivet.Client()
    (version,) = client.get_latest_versions("skewed", ["Production"])
    run_id = version.run_id
    found = client.get_run(run_id)
    with tempfile.TemporaryDirectory() as folder:
        there = client.download_artifacts(artifact_uri="models:/skewed@champion", dst_path=folder)
        size = sum(each.stat().st_size for each in Path(there).rglob("*") if each.is_file())
    sys.stdout.write(
        json.dumps(
            {
                "status": found.info.status,
                "params": dict(found.data.params),
                "rmse": found.data.metrics["rmse"],
                "points": len(client.get_metric_history(run_id, "rmse")),
                "team": found.data.tags["team"],
                "found": [
                    each.info.run_name for each in client.search_runs([found.info.experiment_id], "metrics.rmse < 1")
                ],
                "stage": version.current_stage,
                "bytes": size,
            }
        )
    )


if "write" in sys.argv:
    write()
if "read" in sys.argv:
    read()
