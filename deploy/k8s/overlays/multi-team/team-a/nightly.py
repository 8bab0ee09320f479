"""Trains a model and registers it. Where Trivet is, and who this is, stands in the environment."""

import json
import tempfile
from pathlib import Path

import trivet

trivet.set_experiment("taxi")
with trivet.start_run(run_name="nightly") as run, tempfile.TemporaryDirectory() as folder:
    for step in range(100):
        trivet.log_metric("rmse", 7 / (step + 1), step=step)
    model = Path(folder, "model.json")
    model.write_text(json.dumps({"slope": 2.5, "intercept": 1.0}))
    trivet.log_artifact(str(model), "model")
version = trivet.register_model(f"runs:/{run.info.run_id}/model", "taxi-duration")
print(f"{run.info.run_id} is version {version.version} of taxi-duration")
