"""What MLflow's own client does by several requests, or decides by what they answer; says in JSON what came of it.

Run by a Python that has MLflow; MLFLOW_TRACKING_URI says which server.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException

client = MlflowClient()
found: dict[str, Any] = {}


def case(name: str, call: Callable[[], Any]) -> Any:
    """Keeps what a call gives, or which error it raises."""
    try:
        result = call()
    except (MlflowException, TypeError) as error:
        found[name] = f"{type(error).__name__} {getattr(error, 'error_code', '')}"
        return None
    found[name] = result if isinstance(result, str | int | float | list | dict | bool | type(None)) else "done"
    return result


def count(call: Callable[[], Any]) -> Callable[[], int]:
    return lambda: len(call())


folder = Path(tempfile.mkdtemp())
(folder / "model").mkdir()
for name, text in (("a.txt", "one"), ("model/b.txt", "two")):
    (folder / name).write_text(text, encoding="utf-8")

experiment = mlflow.set_experiment("client cases").experiment_id
with mlflow.start_run(run_name="cases", tags={"mine": "yes"}) as active:
    run = active.info.run_id
points = [Metric("m", float(step), 1, step) for step in range(1001)]
case("log_batch 1001 metrics", lambda: client.log_batch(run, metrics=points))
case("all are there", count(lambda: client.get_metric_history(run, "m")))
case("log_batch 101 params", lambda: client.log_batch(run, params=[Param(f"p{n}", "v") for n in range(101)]))
case("params are there", count(lambda: client.get_run(run).data.params))
more = [Param(f"q{number}", "v") for number in range(60)]
case("log_batch 950 metrics + 60 params", lambda: client.log_batch(run, metrics=points[:950], params=more))
case("metric str", lambda: client.log_metric(run, "x", "a"))
case("metric float step", lambda: client.log_metric(run, "x", 1, step=1.5))
case("metric NaN", lambda: client.log_metric(run, "nan", math.nan))
case("NaN comes back", lambda: math.isnan(client.get_run(run).data.metrics["nan"]))
case("metric inf", lambda: client.log_metric(run, "inf", math.inf))
case("inf comes back", lambda: client.get_run(run).data.metrics["inf"])
case("param change", lambda: client.log_param(run, "p0", "other"))
case("param same again", lambda: client.log_param(run, "p0", "v"))
case("delete missing tag", lambda: client.delete_tag(run, "nope"))
case("set_terminated", lambda: client.set_terminated(run, "KILLED"))
case("status", lambda: client.get_run(run).info.status)

case(
    "search_runs all experiments",
    count(lambda: mlflow.search_runs(search_all_experiments=True, filter_string="tags.mine = 'yes'")),
)
case("search_runs of no experiment", count(lambda: client.search_runs([])))
case("search str experiment id", count(lambda: client.search_runs(experiment)))
case("search unknown experiment", count(lambda: client.search_runs(["987654321"])))
case("search bad filter", lambda: client.search_runs([experiment], "metrics.m"))
for number in range(4):
    client.create_run(experiment, run_name=f"page {number}", start_time=number, tags={"page": "yes"})
page = client.search_runs([experiment], "tags.page = 'yes'", max_results=3)
case("page1", lambda: [each.info.run_name for each in page])
case(
    "page2",
    lambda: [
        each.info.run_name
        for each in client.search_runs([experiment], "tags.page = 'yes'", max_results=3, page_token=page.token)
    ],
)
case(
    "search_experiments",
    lambda: [each.name for each in client.search_experiments(filter_string="name LIKE 'client %'")],
)

case("log artifact", lambda: client.log_artifact(run, str(folder / "a.txt"), "notes"))
case("log overwrite", lambda: client.log_artifact(run, str(folder / "a.txt"), "notes"))
case("log_artifacts", lambda: client.log_artifacts(run, str(folder)))
case("list root", lambda: [(each.path, each.is_dir, each.file_size) for each in client.list_artifacts(run)])
case("list folder", lambda: [each.path for each in client.list_artifacts(run, "model")])
case("list file path", lambda: [each.path for each in client.list_artifacts(run, "notes/a.txt")])
case("list missing path", lambda: [each.path for each in client.list_artifacts(run, "never")])
case("download missing", lambda: client.download_artifacts(run, "missing.txt"))
case("download root", lambda: sorted(each.name for each in Path(client.download_artifacts(run, "")).iterdir()))
case("download file", lambda: Path(client.download_artifacts(run, "model/b.txt")).read_text(encoding="utf-8"))
case("log traversal", lambda: client.log_artifact(run, str(folder / "a.txt"), "../evil"))

case("register_model runs:/ with run artifacts", lambda: mlflow.register_model(f"runs:/{run}/model", "client-cases"))
case("register_model missing path", lambda: mlflow.register_model(f"runs:/{run}/nothing", "client-cases"))
source = f"{client.get_run(run).info.artifact_uri}/model"
case("create version", lambda: client.create_model_version("client-cases", source, run).version)
case("create version of another run", lambda: client.create_model_version("client-cases", source, "0" * 32))
case("create registered model twice", lambda: client.create_registered_model("client-cases"))
case("alias move", lambda: client.set_registered_model_alias("client-cases", "champion", "1"))
case("alias with a space", lambda: client.set_registered_model_alias("client-cases", "a b", "1"))
case("alias to missing version", lambda: client.set_registered_model_alias("client-cases", "other", "99"))
case("get missing alias", lambda: client.get_model_version_by_alias("client-cases", "zz"))
case("copy_model_version", lambda: client.copy_model_version("models:/client-cases/1", "client-copy").source)
case("copy by alias", lambda: client.copy_model_version("models:/client-cases@champion", "client-copy").version)
case("run of the copy", lambda: client.get_model_version("client-copy", "1").run_id == run)
case(
    "files of the copy",
    lambda: sorted(each.name for each in Path(mlflow.artifacts.download_artifacts("models:/client-copy/1")).iterdir()),
)
case("stage", lambda: client.transition_model_version_stage("client-cases", "1", "Production").current_stage)
case(
    "latest versions stages",
    lambda: [(each.version, each.current_stage) for each in client.get_latest_versions("client-cases", ["Production"])],
)
case(
    "download by stage",
    lambda: sorted(
        each.name for each in Path(mlflow.artifacts.download_artifacts("models:/client-cases/Production")).iterdir()
    ),
)
case(
    "search_registered_models", lambda: [each.name for each in client.search_registered_models("name LIKE 'client-%'")]
)
case("delete version", lambda: client.delete_model_version("client-cases", "1"))
case("alias gone after delete", lambda: client.get_model_version_by_alias("client-cases", "champion"))

case("create_external_model", lambda: mlflow.create_external_model(name="ext", experiment_id=experiment).status.value)
model = client.create_logged_model(experiment, name="init", params={"a": "1"}, tags={"t": "v"})
case(
    "initialize_logged_model",
    lambda: (model.status.value, model.params, model.tags.get("t"), model.model_uri == f"models:/{model.model_id}"),
)
case("finalize", lambda: client.finalize_logged_model(model.model_id, "READY").status.value)
case("set model tags", lambda: client.set_logged_model_tags(model.model_id, {"u": "w"}))
case("delete model tag", lambda: client.delete_logged_model_tag(model.model_id, "u"))
case("search logged models", lambda: sorted(each.name for each in client.search_logged_models([experiment])))
case("delete logged model", lambda: client.delete_logged_model(model.model_id))
case("get deleted lm", lambda: client.get_logged_model(model.model_id))

case("delete run", lambda: client.delete_run(run))
case("log to deleted run", lambda: client.log_metric(run, "m", 1))
case("delete experiment", lambda: client.delete_experiment(experiment))
case("set_experiment deleted", lambda: mlflow.set_experiment("client cases"))
case("restore experiment", lambda: client.restore_experiment(experiment))
case("set_experiment restored", lambda: mlflow.set_experiment("client cases").experiment_id == experiment)
sys.stdout.write(json.dumps(found))
