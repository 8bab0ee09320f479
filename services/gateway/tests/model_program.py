"""Logs and registers a model of scikit-learn by MLflow's own functions, and loads it by each of its names."""

from __future__ import annotations

import json
import sys

import mlflow
import numpy as np
from mlflow import MlflowClient
from sklearn.linear_model import LinearRegression

x = np.arange(10.0).reshape(-1, 1)
model = LinearRegression().fit(x, 2 * x[:, 0] + 1)
mlflow.set_experiment("models")
with mlflow.start_run() as run:
    mlflow.log_metric("rmse", 0.5)
    logged = mlflow.sklearn.log_model(model, name="model", registered_model_name="linear")
client = MlflowClient()
client.set_registered_model_alias("linear", "champion", "1")
again = mlflow.register_model(f"models:/{logged.model_id}", "linear")
client.copy_model_version("models:/linear/1", "copied")
predicted = {
    uri: mlflow.pyfunc.load_model(uri).predict(x[:1]).tolist()
    for uri in ("models:/linear/1", "models:/linear@champion", "models:/copied/1", f"models:/{logged.model_id}")
}
client.delete_run(run.info.run_id)
kept = mlflow.pyfunc.load_model("models:/linear/2").predict(x[:1]).tolist()
sys.stdout.write(
    "\n"
    + json.dumps(
        {
            "model_id": logged.model_id,
            "run_id": run.info.run_id,
            "version": again.version,
            "predicted": [round(values[0], 6) for values in predicted.values()],
            "kept": round(kept[0], 6),
            "status": client.get_logged_model(logged.model_id).status.name,
            "found": [each.name for each in mlflow.search_logged_models(output_format="list")],
        }
    )
    + "\n"
)
