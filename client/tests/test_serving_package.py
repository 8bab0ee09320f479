"""The folder of an image of a served model: what is in it, and that Kubernetes takes it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml

import trivet
from trivet._serving.kubernetes import DRAIN_SECONDS
from trivet_testing.command_line import invoke
from trivet_testing.kubernetes import Manifests, Object
from trivet_testing.model_servers import COLUMN, ModelServer, write_model
from trivet_testing.servers import ServerProcess, free_port, run_to_exit

REQUIREMENTS = "mlflow==3.17.2\nscikit-learn==1.9.1\n"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(
        tmp_path / "Taxi Fares", "return [1] * len(data)", inputs=COLUMN, files={"requirements.txt": REQUIREMENTS}
    )


def packaged(model: Path, *options: str) -> Path:
    folder = model.parent / "packaged"
    ended = invoke("models", "package", "-m", str(model), "-o", str(folder), *options)
    assert ended.exit_code == 0, ended.output
    return folder


def objects_of(folder: Path) -> list[Object]:
    return list(yaml.safe_load_all((folder / "kubernetes.yaml").read_text(encoding="utf-8")))


def test_manifest_keeps_what_kubernetes_and_we_ask_for(model: Path) -> None:
    objects = objects_of(packaged(model))
    # The one object that a person makes.
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "taxi-fares-token"}, "type": "Opaque"}
    manifests = Manifests([*objects, secret])
    assert manifests.findings(drain_seconds=DRAIN_SECONDS) == []
    assert {each["metadata"].get("namespace", "models") for each in objects} == {"models"}
    (server,) = manifests.servers
    assert server.containers[0]["image"] == "taxi-fares:1"
    (service,) = manifests.of_kind("Service")
    assert service["metadata"]["name"] == "taxi-fares"


def test_names_can_be_chosen(model: Path) -> None:
    folder = packaged(model, "--name", "fares", "--image", "registry.example/fares:7", "--namespace", "served")
    assert {each["metadata"]["name"] for each in objects_of(folder)} == {"served", "fares", "default-deny"}
    assert "docker build -t registry.example/fares:7" in (folder / "Dockerfile").read_text(encoding="utf-8")


def test_dockerfile_runs_a_command_that_is_one(model: Path) -> None:
    """Its entry point, as it stands but for places of the container, serves the files that it copies."""
    folder = packaged(model)
    dockerfile = (folder / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    assert f"FROM python:{sys.version_info.major}.{sys.version_info.minor}-slim" in dockerfile
    assert f'ARG TRIVET="trivet[serve]=={trivet.__version__}"' in dockerfile
    assert "\nUSER 10001:10001\n" in dockerfile
    entry = re.search(r"^ENTRYPOINT (\[.*\])$", dockerfile, re.MULTILINE)
    assert entry is not None
    program, *arguments = yaml.safe_load(entry[1])
    port = str(free_port())
    places = {"/model": str(folder / "model"), "8080": port}
    command = [str(Path(sys.executable).with_name(program)), *(places.get(each, each) for each in arguments)]
    assert "--insecure-no-auth" in run_to_exit(command, {}).stderr
    ready = r"^trivet serves .*/model: http://(\S+)$"
    with ServerProcess.start(command, {"TRIVET_SERVE_TOKEN": "sesame"}, ready) as process:
        server = ModelServer(process, f"127.0.0.1:{port}")
        row = {"dataframe_records": [{"x": 1.0}]}
        assert server.post(row).status == 401
        assert server.post(row, headers={"authorization": "Bearer sesame"}).content == {"predictions": [1]}


def test_requirements_are_those_of_the_model(model: Path) -> None:
    assert (packaged(model) / "requirements.txt").read_text(encoding="utf-8") == REQUIREMENTS


def test_requirements_leave_out_mlflow_where_trivet_loads_the_model(model: Path) -> None:
    about = yaml.safe_load((model / "MLmodel").read_text(encoding="utf-8"))
    about["flavors"]["sklearn"] = {"pickled_model": "model.pkl"}
    (model / "MLmodel").write_text(yaml.safe_dump(about), encoding="utf-8")
    assert (packaged(model) / "requirements.txt").read_text(encoding="utf-8") == "scikit-learn==1.9.1\n"


def test_alias_is_the_version_that_it_names_now(client: trivet.Client, model: Path, tmp_path: Path) -> None:
    run = client.create_run("0").info.run_id
    client.log_artifacts(run, str(model), "model")
    client.registry.register_model(f"runs:/{run}/model", "taxi")
    client.registry.set_registered_model_alias("taxi", "champion", 1)
    folder = tmp_path / "by alias"
    ended = invoke("models", "package", "-m", "models:/taxi@champion", "-o", str(folder), "--json")
    assert ended.exit_code == 0, ended.output
    assert yaml.safe_load(ended.stdout)["image"] == "taxi:1"
    assert (folder / "model" / "MLmodel").read_bytes() == (model / "MLmodel").read_bytes()


@pytest.mark.parametrize(("options", "why"), [(("--name", "No Name"), "cannot be a name"), (("-o", "."), "something")])
def test_what_cannot_be_is_refused(model: Path, tmp_path: Path, options: tuple[str, ...], why: str) -> None:
    ended = invoke("models", "package", "-m", str(model), "-o", str(tmp_path / "new"), *options)
    assert ended.exit_code == 1
    assert why in ended.output
