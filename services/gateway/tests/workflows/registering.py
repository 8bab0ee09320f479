"""The model registry by MLflow's own functions, with models that need no library, and the command line."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import mlflow
from click.testing import CliRunner
from mlflow import MlflowClient
from mlflow.cli import cli
from told import failure, masked, of_experiment, of_models


class Adds(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Adds what a file says."""

    def load_context(self, context: Any) -> None:
        """Reads the file."""
        self.number = float(Path(context.artifacts["number"]).read_text(encoding="utf-8"))

    def predict(self, context: Any, model_input: list[float], params: Any = None) -> list[float]:
        """Adds."""
        return [value + self.number for value in model_input]


def registry() -> dict[str, Any]:
    """Versions of models of our own, with stages, aliases, tags, copies and searches."""
    mlflow.set_experiment("registry")
    client = MlflowClient()
    runs = []
    for added in (1, 2, 3):
        with tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_name=f"adds {added}") as run:
            number = Path(folder, "number.txt")
            number.write_text(str(added), encoding="utf-8")
            mlflow.log_metric("added", added)
            mlflow.pyfunc.log_model(
                name="adder", python_model=Adds(), artifacts={"number": str(number)}, pip_requirements=["mlflow"]
            )
            runs.append(run.info.run_id)
    registered = [mlflow.register_model(f"runs:/{run_id}/adder", "reg-adder", tags={"n": "1"}) for run_id in runs]
    client.transition_model_version_stage("reg-adder", "1", "Production")
    client.transition_model_version_stage("reg-adder", "2", "staging")
    client.transition_model_version_stage("reg-adder", "3", "Production", archive_existing_versions=True)
    client.set_registered_model_alias("reg-adder", "champion", "2")
    client.set_registered_model_alias("reg-adder", "moved", "1")
    client.set_registered_model_alias("reg-adder", "moved", "3")
    client.set_registered_model_tag("reg-adder", "task", "addition")
    client.set_model_version_tag("reg-adder", "1", "checked", "yes")
    client.delete_model_version_tag("reg-adder", "1", "n")
    client.update_registered_model("reg-adder", "Adds numbers.")
    client.update_model_version("reg-adder", "2", "The second.")
    copied = client.copy_model_version("models:/reg-adder@champion", "reg-copied")
    predicted = {
        uri: mlflow.pyfunc.load_model(uri).predict([1.0])
        for uri in (
            "models:/reg-adder/1",
            "models:/reg-adder/Production",
            "models:/reg-adder/staging",
            "models:/reg-adder@champion",
            "models:/reg-adder/latest",
            "models:/reg-copied/1",
        )
    }
    before = of_models("reg-")
    problems = {
        "missing alias": failure(lambda: client.get_model_version_by_alias("reg-adder", "nobody")),
        "alias of a missing version": failure(lambda: client.set_registered_model_alias("reg-adder", "x", "99")),
        "reserved alias": failure(lambda: client.set_registered_model_alias("reg-adder", "latest", "1")),
        "bad stage": failure(lambda: client.transition_model_version_stage("reg-adder", "1", "Nowhere")),
        "missing version": failure(lambda: client.get_model_version("reg-adder", "99")),
        "load a missing version": failure(lambda: mlflow.pyfunc.load_model("models:/reg-adder/99")),
        "rename to a used name": failure(lambda: client.rename_registered_model("reg-adder", "reg-copied")),
        "register what is not there": failure(lambda: mlflow.register_model(f"runs:/{runs[0]}/never", "reg-none")),
    }
    client.delete_registered_model_alias("reg-adder", "moved")
    client.delete_model_version("reg-adder", "2")
    client.rename_registered_model("reg-adder", "reg-renamed")
    return {
        **of_experiment("registry"),
        "numbers": [each.version for each in registered],
        "copied": (copied.name, copied.version, masked(copied.source)),
        "predicted": predicted,
        "before": before,
        "problems": problems,
        "by alias": client.get_model_version_by_alias("reg-renamed", "moved").version
        if "moved" in client.get_registered_model("reg-renamed").aliases
        else "gone",
        "by run": [each.version for each in client.search_model_versions(f"run_id = '{runs[0]}'")],
        "by tag": [each.name for each in client.search_registered_models("tags.task = 'addition'")],
        "ordered": [each.name for each in client.search_registered_models("name LIKE 'reg-%'", order_by=["name DESC"])],
        "latest": {each.current_stage: each.version for each in client.get_latest_versions("reg-renamed")},
        "after": of_models("reg-"),
    }


def commands() -> dict[str, Any]:
    """The commands of `mlflow` that ask a server, run as its command line runs them."""
    told: dict[str, Any] = {}
    ended: dict[str, tuple[int, list[list[str]], str]] = {}
    ids: dict[str, str] = {}

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(cli, list(arguments))
        output = done.output.replace(mlflow.get_tracking_uri(), "SERVER")
        for name, each in sorted(ids.items(), key=lambda entry: -len(entry[1])):
            output = re.sub(rf"(?<!\w){re.escape(each)}(?!\w)", name, output)
        ended[" ".join(next((n for n, i in ids.items() if i == each), each) for each in arguments)] = (
            done.exit_code,
            [masked(line).split() for line in output.splitlines() if "INFO mlflow" not in line],
            type(done.exception).__name__,
        )
        return str(done.output)

    with tempfile.TemporaryDirectory() as folder:
        run("experiments", "create", "--experiment-name", "commands")
        ids["EXPERIMENT"] = mlflow.get_experiment_by_name("commands").experiment_id
        run("experiments", "create", "--experiment-name", "commands")
        run("experiments", "get", "--experiment-id", ids["EXPERIMENT"], "--output", "json")
        created = run("runs", "create", "--experiment-id", ids["EXPERIMENT"], "--run-name", "made", "--tags", "a=b")
        found = mlflow.search_runs([ids["EXPERIMENT"]], output_format="list")
        ids["RUN"] = found[0].info.run_id
        told["created"] = ids["RUN"] in created
        Path(folder, "a.txt").write_text("a", encoding="utf-8")
        ids["FOLDER"] = folder
        ids["CSV"] = f"{folder}/runs.csv"
        ids["FILE"] = f"{folder}/a.txt"
        run("artifacts", "log-artifact", "--local-file", ids["FILE"], "--run-id", ids["RUN"], "--artifact-path", "in")
        run("artifacts", "log-artifacts", "--local-dir", ids["FOLDER"], "--run-id", ids["RUN"])
        run("artifacts", "list", "--run-id", ids["RUN"])
        run("artifacts", "list", "--run-id", ids["RUN"], "--artifact-path", "in")
        downloaded = run("artifacts", "download", "--run-id", ids["RUN"], "--artifact-path", "in")
        told["downloaded"] = Path(downloaded.splitlines()[-1].strip(), "a.txt").read_text(encoding="utf-8")
        run("runs", "list", "--experiment-id", ids["EXPERIMENT"])
        described = json.loads(run("runs", "describe", "--run-id", ids["RUN"]))
        told["described"] = (described["info"]["run_name"], described["data"]["tags"]["a"])
        run("runs", "delete", "--run-id", ids["RUN"])
        run("runs", "restore", "--run-id", ids["RUN"])
        run("experiments", "csv", "--experiment-id", ids["EXPERIMENT"], "--filename", ids["CSV"])
        told["csv"] = sorted(Path(folder, "runs.csv").read_text(encoding="utf-8").splitlines()[0].split(","))
        run("experiments", "rename", "--experiment-id", ids["EXPERIMENT"], "--new-name", "commands 2")
        run("experiments", "delete", "--experiment-id", ids["EXPERIMENT"])
        run("experiments", "restore", "--experiment-id", ids["EXPERIMENT"])
        run("runs", "describe", "--run-id", "0" * 32)
    for name, (_, lines, _) in ended.items():
        if name.startswith(("experiments get", "runs describe")):
            lines[:] = [[str(len(lines))]]  # times among them
    return {**told, **of_experiment("commands 2"), "ended": ended}
