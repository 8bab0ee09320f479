"""What the pictures of the web pages show: a small team's work on taxi rides, the same each time."""

from __future__ import annotations

import json
import math
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

import trivet
from trivet.data import from_pandas

STEPS: Final = 200
_OPTIMIZERS: Final = ("adam", "sgd", "lamb")
_SOURCE: Final = {"mlflow.source.name": "train.py", "mlflow.source.git.commit": "4f9c1d2e" * 5}
_MLMODEL: Final = """\
artifact_path: model
flavors:
  python_function:
    loader_module: mlflow.sklearn
    python_version: 3.11.7
  sklearn:
    pickled_model: model.pkl
    sklearn_version: 1.6.1
signature:
  inputs: '[{"name": "distance_km", "type": "double"}, {"name": "hour", "type": "long"}]'
  outputs: '[{"type": "double", "required": true}]'
utc_time_created: '2026-11-20 10:00:00.000000'
"""
_REPORT: Final = """\
<h1>Error by hour</h1>
<p>Rides at night are predicted too short.</p>
<table border="1"><tr><th>hour</th><th>RMSE, minutes</th></tr>
<tr><td>8</td><td>5.1</td></tr><tr><td>23</td><td>7.9</td></tr></table>
"""
_NOTES: Final = """\
### Why this run

The depth of **8** was the best of the sweep. Open questions:

- rides to the airport
- rides after midnight
"""


@dataclass(frozen=True)
class Sample:
    """The things that pages are opened for."""

    experiment_id: str
    run_id: str
    """A run with everything."""
    compared: tuple[str, ...]
    """Runs of one sweep."""
    model: str
    version: int


def fill(target: str) -> Sample:
    """Logs all of it to a server, and returns what to look at."""
    trivet.set_tracking_uri(target)
    chosen = random.Random(7)
    for name in ("demand-forecast", "fraud-detection", "image-search"):
        trivet.set_experiment(name)
        for _ in range(chosen.randrange(2, 9)):
            with trivet.start_run(capture="none"):
                trivet.log_metric("loss", chosen.random())
    experiment = trivet.set_experiment("taxi-duration")
    sweep = _sweep(chosen)
    run_id = _whole_run(chosen)
    versions = [trivet.register_model(f"runs:/{each}/model", "taxi-duration") for each in (*sweep[:3], run_id)]
    with trivet.Client(target) as client:
        _promote(client, [each.version for each in versions])
    return Sample(experiment.experiment_id, run_id, tuple(sweep), "taxi-duration", int(versions[-1].version))


def _promote(client: trivet.Client, versions: list[int]) -> None:
    registry = client.registry
    registry.update_registered_model("taxi-duration", description="Predicts how many minutes a ride takes.")
    for version, stage in zip(versions, ("Archived", "Production", "None", "Staging"), strict=True):
        if stage != "None":
            registry.transition_model_version_stage("taxi-duration", version, stage)
    registry.set_registered_model_alias("taxi-duration", "champion", versions[1], reason="won the A/B test")
    registry.set_registered_model_alias("taxi-duration", "challenger", versions[3], reason="the best of the sweep")


def _sweep(chosen: random.Random) -> list[str]:
    runs = []
    with trivet.start_run(run_name="sweep", capture="none", tags={"kind": "sweep"}):
        for number in range(24):
            with trivet.start_run(
                run_name=f"trial-{number:02}", nested=True, capture="none", tags={"team": "rides"}
            ) as run:
                rate, depth = 10 ** chosen.uniform(-3, -0.5), chosen.randrange(3, 13)
                optimizer = chosen.choice(("adam", "sgd", "lamb"))
                params = {
                    "learning_rate": f"{rate:.4g}",
                    "depth": depth,
                    "optimizer": optimizer,
                    "batch_size": 2 ** chosen.randrange(5, 10),
                }
                trivet.log_params(params)
                trivet.log_dict({"features": ["distance_km", "hour"], **params}, "config/training.json")
                _curves(chosen, quality=abs(math.log10(rate) + 2) + abs(depth - 8) / 6, steps=50)
                _model()
                runs.append(run.info.run_id)
    with trivet.start_run(run_name="diverged", capture="none"):
        trivet.log_params({"learning_rate": 0.9, "depth": 12, "optimizer": "sgd", "batch_size": 32})
        trivet.log_metrics({"val/rmse": math.nan, "train/loss": math.inf}, step=3)
        trivet.end_run("FAILED")
    return runs


def _curves(chosen: random.Random, quality: float, steps: int) -> None:
    for step in range(steps):
        falling = math.exp(-6 * step / steps)
        noise = chosen.gauss(0, 0.03)
        trivet.log_metrics(
            {
                "train/loss": 0.4 + 0.2 * quality + falling + noise,
                "val/loss": 0.5 + 0.3 * quality + falling + 2 * noise,
                "val/rmse": 5 + quality + 4 * falling + 5 * noise,
            },
            step=step,
        )


def _whole_run(chosen: random.Random) -> str:
    tags = {
        "team": "rides",
        "release": "2026.11",
        "mlflow.source.name": "train.py",
        "mlflow.source.git.commit": "4f9c1d2e" * 5,
    }
    with trivet.start_run(run_name="final", description=_NOTES, tags=tags, capture="console") as run:
        trivet.log_params({"learning_rate": 0.01, "depth": 8, "optimizer": "adam", "batch_size": 256, "seed": 7})
        rides = from_pandas(pd.DataFrame({"distance_km": [1.2, 3.4], "hour": [8, 23]}), name="rides-2026-10")
        trivet.log_input(rides, context="training")
        _curves(chosen, quality=0.1, steps=STEPS)
        for step in range(STEPS):
            trivet.log_metrics(
                {"system/cpu_percent": 60 + 20 * math.sin(step / 9), "system/memory_mib": 900 + step}, step=step
            )
        _model()
        trivet.log_text(_REPORT, "reports/errors.html")
        trivet.log_dict({"features": ["distance_km", "hour", "zone"], "target": "minutes"}, "config/features.json")
        trivet.log_table(
            {"ride": ["a", "b", "c"], "minutes": [12.1, 7.5, 31.0], "predicted": [11.8, 8.1, 24.9]}, "tables/worst.json"
        )
        with _residuals() as figure:
            trivet.log_figure(figure, "plots/residuals.png")
        print("epoch 1 of 4: validating")
        return str(run.info.run_id)


@contextmanager
def _residuals() -> Iterator[Figure]:
    chosen = random.Random(3)
    figure, axes = plt.subplots(figsize=(6, 4))
    minutes = [chosen.uniform(3, 40) for _ in range(300)]
    axes.scatter(minutes, [chosen.gauss(0, 1 + each / 12) for each in minutes], s=8)
    axes.set(xlabel="minutes", ylabel="residual", title="Residuals")
    yield figure
    plt.close(figure)


def _model() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "MLmodel").write_text(_MLMODEL, encoding="utf-8")
        (path / "requirements.txt").write_text("scikit-learn==1.6.1\npandas==2.2.3\n", encoding="utf-8")
        (path / "input_example.json").write_text(
            json.dumps({"columns": ["distance_km", "hour"], "data": [[3.4, 8]]}), encoding="utf-8"
        )
        (path / "model.pkl").write_bytes(bytes(range(256)) * 16)
        trivet.log_artifacts(folder, "model")
