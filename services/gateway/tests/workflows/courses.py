"""What courses and notebooks do by hand: runs, points, figures, tables, images, files, nested runs, datasets."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import matplotlib as mpl
import mlflow
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.models import infer_signature
from sklearn.datasets import load_iris, load_wine
from sklearn.linear_model import ElasticNet, LogisticRegression
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split
from told import failure, number, of_experiment, of_models, tags_of

mpl.use("Agg")


def iris() -> dict[str, Any]:
    """One run with everything that can be logged to it by hand."""
    features, labels = load_iris(return_X_y=True)
    mlflow.set_experiment("iris")
    mlflow.set_experiment_tags({"course": "first steps", "owner": "ü"})
    with (
        tempfile.TemporaryDirectory() as name,
        mlflow.start_run(run_name="by hand", description="# Notes", tags={"team": "a"}) as run,
    ):
        folder = Path(name)
        mlflow.log_params({f"param {index:03}": index for index in range(130)})
        mlflow.log_param("long", "x" * 7000)
        mlflow.log_param("empty", "")
        for epoch, size in enumerate((30, 60, 120)):
            model = LogisticRegression(max_iter=200).fit(features[::2][:size], labels[::2][:size])
            mlflow.log_metric("accuracy", model.score(features, labels), step=epoch)
            mlflow.log_metrics({"loss": 1 / (epoch + 1), "val/loss": 2.0 - epoch}, step=epoch)
        mlflow.log_metrics({"nan": math.nan, "high": math.inf, "low": -math.inf, "minus": -0.0, "true": True})
        mlflow.log_metric("negative", 1.0, step=-5)
        mlflow.set_tags({"mlflow.note.content": "**changed**", "gone": "x", "long": "y" * 9000})
        mlflow.delete_tag("gone")
        _files(folder)
        read = {
            "text": mlflow.artifacts.load_text(f"{run.info.artifact_uri}/texts/a.txt"),
            "dict": mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/dicts/a.json"),
            "image": mlflow.artifacts.load_image(f"{run.info.artifact_uri}/image.png").size,
            "table": mlflow.load_table("table.json", run_ids=[run.info.run_id]).to_dict("list"),
            "active": mlflow.active_run().info.run_name,
        }
    client = MlflowClient()
    run_id = run.info.run_id
    read |= {
        "below": [(each.path, each.file_size) for each in client.list_artifacts(run_id, "deep")],
        "file": [(each.path, each.file_size) for each in client.list_artifacts(run_id, "deep/er/b.bin")],
        "in artifacts": [each.path for each in client.list_artifacts(run_id, "deep/artifacts")],
        "nothing": len(client.list_artifacts(run_id, "never")),
        "missing file": failure(lambda: mlflow.artifacts.load_text(f"{run.info.artifact_uri}/never.txt")),
        "one file": Path(mlflow.artifacts.download_artifacts(f"runs:/{run_id}/deep/er/b.bin")).read_bytes().hex(),
    }
    client.rename_experiment(run.info.experiment_id, "iris 2")
    client.update_run(run_id, status="FAILED", name="renamed")
    return {**of_experiment("iris 2"), "read": read}


def _files(folder: Path) -> None:
    """Artifacts of every kind."""
    figure = Figure()
    figure.subplots().plot([1, 2, 3])
    mlflow.log_figure(figure, "figures/line.png")
    mlflow.log_dict({"a": [1, 2.5, None]}, "dicts/a.json")
    mlflow.log_dict({"b": "ü"}, "dicts/b.yaml")
    mlflow.log_text("hello ü", "texts/a.txt")
    mlflow.log_text("<p>page</p>", "texts/page.html")
    mlflow.log_table({"x": [1, 2], "y": ["a", "b"]}, "table.json")
    mlflow.log_table(pd.DataFrame({"x": [3], "y": ["c"]}), "table.json")
    pixels = np.zeros((8, 8, 3), dtype=np.uint8)
    mlflow.log_image(pixels, "image.png")
    mlflow.log_image(pixels, key="seen", step=2)
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "empty").write_bytes(b"")
    (folder / "with space & ü%20.txt").write_text("odd name", encoding="utf-8")
    (folder / "deep" / "er" / "b.bin").write_bytes(bytes(range(256)))
    mlflow.log_artifacts(str(folder))
    mlflow.log_artifact(str(folder / "empty"), "again")
    mlflow.log_artifact(str(folder / "deep"), "folder")
    # Folders with the names that the server itself gives to folders.
    mlflow.log_artifact(str(folder / "empty"), "artifacts")
    mlflow.log_text("in artifacts", "deep/artifacts/inner.txt")
    mlflow.log_text("of another run", f"mlruns/1/{'0' * 32}/artifacts/a.txt")
    mlflow.log_text("of another model", f"mlruns/1/models/m-{'0' * 32}/artifacts/b.txt")


def wine() -> dict[str, Any]:
    """Some parameters, each a run; the best model is registered, and loaded by each of its names."""
    features, target = load_wine(return_X_y=True, as_frame=True)
    train_x, test_x, train_y, test_y = train_test_split(features, target, random_state=1)
    experiment = mlflow.set_experiment("wine")
    for alpha in (0.1, 0.5, 1.0):
        with mlflow.start_run(run_name=f"alpha {alpha}"):
            model = ElasticNet(alpha=alpha, l1_ratio=0.5, random_state=42).fit(train_x, train_y)
            predicted = model.predict(test_x)
            mlflow.log_params({"alpha": alpha, "l1_ratio": 0.5})
            mlflow.log_metrics({"mae": mean_absolute_error(test_y, predicted), "r2": r2_score(test_y, predicted)})
    found = mlflow.search_runs(experiment_names=["wine"], filter_string="metrics.r2 > 0", order_by=["metrics.mae ASC"])
    best = found.iloc[0]
    model = ElasticNet(alpha=float(best["params.alpha"]), l1_ratio=0.5, random_state=42).fit(train_x, train_y)
    with mlflow.start_run(run_id=best["run_id"]):
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(train_x, predicted),
            registered_model_name="wine-elastic",
            pip_requirements=["scikit-learn"],
        )
    client = MlflowClient()
    client.set_registered_model_alias("wine-elastic", "champion", "1")
    uris = {
        "run": f"runs:/{best['run_id']}/model",
        "version": "models:/wine-elastic/1",
        "alias": "models:/wine-elastic@champion",
        "latest": "models:/wine-elastic/latest",
        "logged": f"models:/{logged.model_id}",
    }
    frame = mlflow.search_runs([experiment.experiment_id], order_by=["params.alpha DESC"])
    pages = client.search_runs([experiment.experiment_id], max_results=2, order_by=["metrics.mae DESC"])
    rest = client.search_runs(
        [experiment.experiment_id], max_results=2, order_by=["metrics.mae DESC"], page_token=pages.token
    )
    return {
        **of_experiment("wine"),
        "models": of_models("wine-elastic"),
        "best": best["params.alpha"],
        "predicted": {
            name: [number(value) for value in mlflow.pyfunc.load_model(uri).predict(test_x[:3])]
            for name, uri in uris.items()
        },
        "signature": mlflow.models.get_model_info(uris["version"]).signature.to_dict(),
        "columns": {name: str(kind) for name, kind in sorted(frame.dtypes.items())},
        "frame": frame[["params.alpha", "status", "tags.mlflow.runName"]].to_numpy().tolist(),
        "pages": [[each.info.run_name for each in page] for page in (pages, rest)],
        "model files": sorted(
            file.name for file in Path(mlflow.artifacts.download_artifacts(uris["run"])).rglob("*") if file.is_file()
        ),
        "listed": [each.path for each in client.list_artifacts(best["run_id"], "model")],
        "last model": mlflow.last_logged_model().model_id == logged.model_id,
        "searched": mlflow.search_logged_models([experiment.experiment_id])["name"].tolist(),
    }


def nested() -> dict[str, Any]:
    """Runs in runs, found by their parents; failed and deleted ones; a run that goes on."""
    experiment = mlflow.set_experiment("nested")
    with mlflow.start_run(run_name="top") as top:
        for child in range(3):
            with mlflow.start_run(run_name=f"child {child}", nested=True) as middle:
                mlflow.log_metric("m", child)
                with mlflow.start_run(run_name=f"grandchild {child}", nested=True):
                    mlflow.log_param("depth", 2)
    mlflow.start_run(run_name="by id", parent_run_id=top.info.run_id)
    mlflow.end_run("KILLED")
    outcome = failure(_failing)
    client = MlflowClient()
    client.delete_run(middle.info.run_id)
    with mlflow.start_run(run_id=top.info.run_id):
        mlflow.log_metric("later", 1)
    unnamed = client.create_run(experiment.experiment_id)
    client.set_terminated(unnamed.info.run_id)

    def names(text: str, **more: Any) -> list[str]:
        found = client.search_runs([experiment.experiment_id], text, order_by=["attributes.run_name ASC"], **more)
        return [each.info.run_name for each in found]

    return {
        **of_experiment("nested"),
        "children": names(f"tags.mlflow.parentRunId = '{top.info.run_id}'"),
        "grandchildren": names(f"tags.`mlflow.parentRunId` = '{middle.info.run_id}'"),
        "killed": names("attributes.status = 'KILLED'"),
        "like": names("attributes.run_name ILIKE 'CHILD%' and metrics.m >= 1"),
        "parent": mlflow.get_parent_run(middle.info.run_id).info.run_name,
        "failure": outcome,
        "unnamed": bool(unnamed.info.run_name),
        "download of nothing": failure(lambda: mlflow.artifacts.download_artifacts(run_id=unnamed.info.run_id)),
        "write to deleted": failure(lambda: client.log_metric(middle.info.run_id, "m", 1)),
    }


def _failing() -> None:
    with mlflow.start_run(run_name="fails"):
        raise ValueError("on purpose")


def datasets() -> dict[str, Any]:
    """Datasets of runs, and of models' metrics; found by their names, digests and contexts."""
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "n": [1, 2, 3], "name": ["a", "b", "c"], "y": [0, 1, 0]})
    experiment = mlflow.set_experiment("datasets")
    train = mlflow.data.from_pandas(frame, source="/data/train.csv", name="taxi", targets="y")
    test = mlflow.data.from_numpy(np.arange(6.0).reshape(3, 2), targets=np.array([0, 1, 0]), name="taxi-test")
    web = mlflow.data.from_pandas(frame, source="https://example.org/data.csv", name="web")
    with mlflow.start_run(run_name="uses") as run:
        mlflow.log_input(train, context="training", tags={"fold": "1"})
        mlflow.log_input(train, context="training", tags={"fold": "1"})
        mlflow.log_inputs([test, web], ["testing", None], [None, None])
        mlflow.log_metric("auc", 0.75, dataset=test)
        model = mlflow.initialize_logged_model(
            name="plain", params={"depth": 3}, tags={"kind": "tree", "files": "none"}
        )
        mlflow.log_metric("f1", 0.5, model_id=model.model_id, dataset=test)
        mlflow.log_metric("f1", 0.625, step=1, model_id=model.model_id, dataset=train)
        mlflow.set_logged_model_tags(model.model_id, {"checked": "yes"})
        mlflow.finalize_logged_model(model.model_id, "READY")
    with mlflow.start_run(run_name="other"):
        mlflow.log_input(web)
    client = MlflowClient()

    def names(text: str) -> list[str]:
        found = client.search_runs([experiment.experiment_id], text, order_by=["attributes.run_name ASC"])
        return [each.info.run_name for each in found]

    read = mlflow.get_run(run.info.run_id)
    by_name = {used.dataset.name: used.dataset for used in read.inputs.dataset_inputs}
    models = mlflow.search_logged_models([experiment.experiment_id], output_format="list")
    return {
        **of_experiment("datasets"),
        "source": mlflow.data.get_source(by_name["web"]).url,
        "by name": names("datasets.name = 'taxi'"),
        "by digest": names(f"datasets.digest = '{web.digest}'"),
        "by context": names("dataset.context = 'training'"),
        "like": names("datasets.name LIKE 'ta%'"),
        "model": [(each.name, each.params, tags_of(each.tags), str(each.status)) for each in models],
        "by metric": [
            each.name
            for each in mlflow.search_logged_models(
                [experiment.experiment_id],
                filter_string="metrics.f1 > 0.6",
                order_by=[{"field_name": "metrics.f1", "ascending": False}],
                output_format="list",
            )
        ],
        "by other dataset": len(
            mlflow.search_logged_models(
                [experiment.experiment_id],
                filter_string="metrics.f1 > 0.6",
                datasets=[{"dataset_name": "taxi-test", "dataset_digest": test.digest}],
                output_format="list",
            )
        ),
    }
