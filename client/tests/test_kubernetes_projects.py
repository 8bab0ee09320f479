"""Projects as Jobs of Kubernetes: what is asked of the cluster, and what becomes of their runs.

Against answers of an API server, which check Jobs by the schemas of Kubernetes; and with `kube-apiserver` and `etcd` on
PATH against a real one. No cluster here has a controller, so that the tests end Jobs as it would.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import trivet
from trivet import projects
from trivet._projects.docker import write_variables
from trivet._projects.jobs import job_name, read_cluster_config, render_job
from trivet._projects.running import check_ended_well
from trivet_testing.clusters import (
    CONTEXT,
    AnswersOfCluster,
    Cluster,
    answers_of_cluster,
    api_server,
    has_api_server,
)
from trivet_testing.kubernetes import Object
from trivet_testing.left_out import leave_out
from trivet_testing.waiting import wait_until

TEMPLATE: Object = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"namespace": "default", "labels": {"team": "a"}, "generateName": "x-"},
    "spec": {
        "backoffLimit": 1,
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [
                    {
                        "name": "train",
                        "image": "replaced",
                        "command": ["replaced"],
                        "args": ["gone"],
                        "env": [
                            {"name": "TRIVET_URL", "value": "grpc://trivet.trivet.svc:7330"},
                            {"name": "TRIVET_RUN_ID", "value": "of the last one"},
                            {"name": "TRIVET_TOKEN", "valueFrom": {"secretKeyRef": {"name": "t", "key": "token"}}},
                        ],
                    },
                    {"name": "beside", "image": "beside:1"},
                ],
            }
        },
    },
}


def container_of(job: Object) -> Object:
    found: Object = job["spec"]["template"]["spec"]["containers"][0]
    return found


def variables_of(job: Object) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container_of(job)["env"]}


@pytest.fixture(scope="module")
def real_cluster() -> Iterator[Cluster]:
    with api_server() as server:
        yield server


@pytest.fixture(
    params=[
        "answers",
        pytest.param(
            "real", marks=pytest.mark.skipif(not has_api_server(), reason="kube-apiserver and etcd are not on PATH")
        ),
    ]
)
def cluster(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    if shutil.which("kubectl") is None:
        leave_out("kubectl", "it is not on PATH")
    if request.param == "real":
        found: Cluster = request.getfixturevalue("real_cluster")
        monkeypatch.setenv("KUBECONFIG", str(found.kubeconfig))
        yield found
        return
    with answers_of_cluster(tmp_path) as answers:
        monkeypatch.setenv("KUBECONFIG", str(answers.kubeconfig))
        yield answers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with an image."""
    folder = tmp_path / "p"
    folder.mkdir()
    content = {
        "name": "Taxi Fares",
        "docker_env": {"image": "registry.example.org/taxi:1", "environment": [["BATCH", "64"]]},
        "entry_points": {
            "main": {"parameters": {"alpha": "float"}, "command": "python train.py {alpha} && echo 'done'"}
        },
    }
    (folder / "MLproject").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder


def submitted_to(client: trivet.Client, folder: Path, **options: Any) -> projects.SubmittedRun:
    config = {"kube-context": CONTEXT, **options}
    return projects.run(
        str(folder),
        parameters={"alpha": 0.5},
        backend="kubernetes",
        backend_config=config,
        synchronous=False,
        client=client,
    )


def job_of(cluster: Cluster, run_id: str, namespace: str = "default") -> Object:
    (job,) = (each for each in cluster.jobs(namespace) if each["metadata"]["name"].endswith(run_id[-12:]))
    return job


def test_job_ends_well_and_so_does_its_run(client: trivet.Client, cluster: Cluster, folder: Path) -> None:
    (folder / "job.yaml").write_text(yaml.safe_dump(TEMPLATE), encoding="utf-8")
    submitted = submitted_to(client, folder, **{"kube-job-template-path": str(folder / "job.yaml")})
    job = job_of(cluster, submitted.run_id)
    assert job["metadata"]["name"].startswith("taxi-fares-")
    assert job["metadata"]["labels"] == {"team": "a", "trivet.dev/run-id": submitted.run_id}
    container = container_of(job)
    assert (container["name"], container["image"]) == ("train", "registry.example.org/taxi:1")
    assert container["command"] == ["sh", "-c", "python train.py 0.5 && echo 'done'"]
    assert "args" not in container
    variables = variables_of(job)
    assert variables["TRIVET_RUN_ID"] == variables["MLFLOW_RUN_ID"] == submitted.run_id
    assert variables["TRIVET_URL"] == "grpc://trivet.trivet.svc:7330"
    assert variables["TRIVET_TOKEN"] == {"secretKeyRef": {"name": "t", "key": "token"}}
    assert (variables["TRIVET_WORKSPACE"], variables["BATCH"]) == (client.workspace, "64")
    assert submitted.get_status() == "RUNNING"
    cluster.end("default", job["metadata"]["name"], "Complete", "CompletionsReached", "Reached it")
    assert (submitted.wait(), submitted.get_status()) == (True, "FINISHED")
    run = client.get_run(submitted.run_id)
    assert (run.info.status, run.data.params) == ("FINISHED", {"alpha": "0.5"})
    tags = run.data.tags
    assert (tags["mlflow.project.backend"], tags["mlflow.project.env"]) == ("kubernetes", "docker")
    assert tags["trivet.project.job"] == f"default/{job['metadata']['name']}"
    assert tags["mlflow.docker.image.uri"] == "registry.example.org/taxi:1"


def test_job_that_fails_says_why(client: trivet.Client, cluster: Cluster, folder: Path) -> None:
    submitted = submitted_to(client, folder)
    job = job_of(cluster, submitted.run_id)
    assert job["spec"]["backoffLimit"] == 0
    reason, message = "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    cluster.end("default", job["metadata"]["name"], "Failed", reason, message)
    assert not submitted.wait()
    assert submitted.message == f"{reason}: {message}"
    run = client.get_run(submitted.run_id)
    assert (run.info.status, run.data.tags["trivet.exit.message"]) == ("FAILED", f"{reason}: {message}")


def test_cancelled_job_is_deleted_with_its_pods(client: trivet.Client, cluster: Cluster, folder: Path) -> None:
    submitted = submitted_to(client, folder)
    job_of(cluster, submitted.run_id)
    submitted.cancel()
    submitted.cancel()
    assert not [each for each in cluster.jobs("default") if each["metadata"]["name"].endswith(submitted.run_id[-12:])]
    assert submitted.get_status() == "KILLED"
    assert client.get_run(submitted.run_id).info.status == "KILLED"
    if isinstance(cluster, AnswersOfCluster):
        assert cluster.deletions == [{"propagationPolicy": ["Background"]}]


def test_job_that_has_ended_is_not_cancelled_and_one_that_is_cleared_away_keeps_the_end(
    client: trivet.Client, cluster: Cluster, folder: Path
) -> None:
    submitted = submitted_to(client, folder)
    name = job_of(cluster, submitted.run_id)["metadata"]["name"]
    cluster.end("default", name, "Complete")
    submitted.cancel()
    assert submitted.get_status() == client.get_run(submitted.run_id).info.status == "FINISHED"
    assert job_of(cluster, submitted.run_id)
    # As after ttlSecondsAfterFinished, of a Job whose code ended its run.
    other = submitted_to(client, folder)
    name = job_of(cluster, other.run_id)["metadata"]["name"]
    client.set_terminated(other.run_id)
    delete_job(name)
    assert other.wait()
    assert client.get_run(other.run_id).info.status == "FINISHED"


def delete_job(name: str) -> None:
    path = f"/apis/batch/v1/namespaces/default/jobs/{name}?propagationPolicy=Background"
    subprocess.run(["kubectl", f"--context={CONTEXT}", "delete", "--raw", path], check=True, capture_output=True)


def test_job_that_somebody_deletes_is_seen(client: trivet.Client, folder: Path, cluster: Cluster) -> None:
    submitted, other = submitted_to(client, folder), submitted_to(client, folder)
    other.cancel()
    name = job_of(cluster, submitted.run_id)["metadata"]["name"]
    delete_job(name)
    assert not submitted.wait()
    assert client.get_run(submitted.run_id).info.status == "KILLED"
    assert "any more" in submitted.message


def test_field_that_the_cluster_does_not_know_is_refused(client: trivet.Client, cluster: Cluster, folder: Path) -> None:
    spoilt = json.loads(json.dumps(TEMPLATE))
    spoilt["spec"]["backofLimit"] = 0
    (folder / "job.json").write_text(json.dumps(spoilt), encoding="utf-8")
    with pytest.raises(trivet.FailedPrecondition, match=r"kubectl create failed: .*backofLimit"):
        submitted_to(client, folder, **{"kube-job-template-path": str(folder / "job.json")})
    (run,) = client.search_runs(["0"])
    assert run.info.status == "FAILED"


def test_interrupted_wait_deletes_the_job(client: trivet.Client, cluster: Cluster, folder: Path) -> None:
    config = json.dumps({"kube-context": CONTEXT})
    command = [str(Path(sys.executable).with_name("trivet")), "run", str(folder), "-P", "alpha=1"]
    with subprocess.Popen([*command, "-b", "kubernetes", "-c", config]) as process:
        wait_until(lambda: bool(client.search_runs(["0"], "tags.`trivet.project.job` LIKE '%'")))
        (run,) = client.search_runs(["0"])
        wait_until(lambda: any(each["metadata"]["name"].endswith(run.info.run_id[-12:]) for each in _all(cluster)))
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
    assert not any(each["metadata"]["name"].endswith(run.info.run_id[-12:]) for each in _all(cluster))
    assert client.get_run(run.info.run_id).info.status == "KILLED"


def _all(cluster: Cluster) -> list[Object]:
    return cluster.jobs("default")


def test_cluster_that_is_away_is_said(client: trivet.Client, cluster: Cluster, folder: Path) -> None:
    with pytest.raises(trivet.FailedPrecondition, match="kubectl create failed"):
        submitted_to(client, folder, **{"kube-context": "away"})
    with pytest.raises(trivet.FailedPrecondition, match="kubectl create failed"):
        submitted_to(client, folder, **{"kube-context": "nowhere"})


def test_silence_of_the_cluster_is_borne_for_some_time(
    client: trivet.Client, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trivet._projects.cluster._PATIENCE_SECONDS", 0.0)
    if shutil.which("kubectl") is None:
        leave_out("kubectl", "it is not on PATH")
    with answers_of_cluster(tmp_path) as answers:
        monkeypatch.setenv("KUBECONFIG", str(answers.kubeconfig))
        submitted = submitted_to(client, folder)
        answers.is_silent = True
        with pytest.raises(trivet.ServerUnavailable, match="The cluster does not answer"):
            check_ended_well(submitted)
        assert client.get_run(submitted.run_id).info.status == "RUNNING"
        answers.is_silent = False
        answers.end("default", job_of(answers, submitted.run_id)["metadata"]["name"], "Complete")
        assert submitted.wait()


def test_project_without_an_image_and_data_of_this_machine_are_refused(
    client: trivet.Client, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "x.py").touch()
    with pytest.raises(trivet.InvalidArgument, match="needs docker_env with an image"):
        projects.run(str(tmp_path), "x.py", backend="kubernetes", client=client)
    with (
        trivet.Client(f"file:{tmp_path}/data") as local,
        pytest.raises(trivet.FailedPrecondition, match="A cluster cannot reach data on this machine"),
    ):
        projects.run(str(folder), parameters={"alpha": 1}, backend="kubernetes", client=local)
    assert client.search_runs(["0"]) == []


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("{", "is neither JSON nor YAML"),
        ("away.json", "cannot be read: No such file"),
        ({"kube-contxt": "a"}, "backend_config has kube-contxt; there are kube-context"),
        ({"kube-job-template-path": "away.yaml"}, "cannot be read: No such file"),
        ({"kube-job-template-path": "pod.yaml"}, "is no Job"),
        ({"kube-job-template-path": "empty.yaml"}, "has no container"),
        ({"kube-job-template-path": "labels.yaml"}, r"spec\.template\.metadata, and labels in it, must be mappings"),
        ({"kube-job-template-path": "env.yaml"}, "env of the first container must be a list of mappings"),
        ("list.yaml", "must be a mapping"),
    ],
)
def test_bad_configuration_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: Any, said: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pod.yaml").write_text("kind: Pod", encoding="utf-8")
    Path("empty.yaml").write_text("kind: Job\nspec: {template: {spec: {containers: []}}}", encoding="utf-8")
    Path("list.yaml").write_text("[a]", encoding="utf-8")
    spoilt = json.loads(json.dumps(TEMPLATE))
    container_of(spoilt)["env"] = ["TRIVET_URL"]
    Path("env.yaml").write_text(json.dumps(spoilt), encoding="utf-8")
    container_of(spoilt)["env"] = None
    spoilt["spec"]["template"]["metadata"] = {"labels": ["a"]}
    Path("labels.yaml").write_text(json.dumps(spoilt), encoding="utf-8")
    with pytest.raises(trivet.InvalidArgument, match=said):
        read_cluster_config(config)


def test_name_of_a_job_is_one_whatever_the_project_is_called() -> None:
    run_id = "0192f0c1a7d47b6e9c3e5a8b1f2d4c60"
    assert job_name("Ünï -- /x", run_id) == "n-x-5a8b1f2d4c60"
    assert job_name("", run_id) == "project-5a8b1f2d4c60"
    assert len(job_name("a" * 200, run_id)) <= 63
    rendered = render_job(TEMPLATE, name="x", image="i:1", command="true", variables={"TRIVET_RUN_ID": run_id})
    assert "generateName" not in rendered.object["metadata"]
    empty = {**TEMPLATE, "metadata": None}
    rendered = render_job(empty, name="x", image="i:1", command="true", variables={"TRIVET_RUN_ID": run_id})
    assert rendered.object["metadata"]["labels"] == {"trivet.dev/run-id": run_id}
    assert container_of(TEMPLATE)["image"] == "replaced"


DOCKER = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/called"
if [ "$1" = run ]; then
  for word; do [ "$last" = --env-file ] && cp -p "$word" "$(dirname "$0")/variables"; last=$word; done
  touch "$(dirname "$0")/begun"
  exec sleep 600
fi
"""


def test_container_of_this_machine_is_told_what_the_project_says_and_is_removed(
    client: trivet.Client, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "docker").write_text(DOCKER, encoding="utf-8")
    (programs / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    content = yaml.safe_load((folder / "MLproject").read_text(encoding="utf-8"))
    content["docker_env"] |= {"volumes": ["/data:/data:ro"], "environment": ["REGION", ["PATH", "/of/the/image"]]}
    (folder / "MLproject").write_text(yaml.safe_dump(content), encoding="utf-8")
    given: dict[str, Any] = {
        "parameters": {"alpha": 1},
        "docker_args": {"network": "host", "t": True},
        "client": client,
    }
    with pytest.raises(trivet.FailedPrecondition, match="takes the variable REGION from here, and it is not set"):
        projects.run(str(folder), **given)
    monkeypatch.setenv("REGION", "the Bronx")
    with (
        trivet.Client(f"file:{tmp_path}/data") as local,
        pytest.raises(trivet.FailedPrecondition, match="A container cannot reach data on this machine"),
    ):
        projects.run(str(folder), **{**given, "client": local})
    assert client.search_runs(["0"]) == []
    submitted = projects.run(str(folder), **given, synchronous=False)
    wait_until((programs / "begun").exists)
    submitted.cancel()
    run, *others = (programs / "called").read_text(encoding="utf-8").splitlines()
    name = f"trivet-{submitted.run_id}"
    assert run.startswith(
        f"run --rm --init --name {name} --network host -t --volume {folder}:/mlflow/projects/code/ "
        "--workdir /mlflow/projects/code/ --volume /data:/data:ro --env-file "
    )
    assert run.endswith("registry.example.org/taxi:1 sh -c python train.py 1 && echo 'done'")
    assert others == [f"rm --force {name}"]
    assert stat.S_IMODE((programs / "variables").stat().st_mode) == 0o600
    said = dict(line.split("=", 1) for line in (programs / "variables").read_text(encoding="utf-8").splitlines())
    assert (said["REGION"], said["PATH"]) == ("the Bronx", "/of/the/image")
    assert said["TRIVET_RUN_ID"] == submitted.run_id


def test_variable_of_several_lines_and_missing_programs_are_refused(
    client: trivet.Client, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(trivet.FailedPrecondition, match="The variable KEY for a container has several lines"):
        write_variables({"KEY": "a\nb"}, tmp_path / "variables")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(trivet.FailedPrecondition, match="needs docker, which is not installed"):
        projects.run(str(folder), parameters={"alpha": 1}, client=client)
    with pytest.raises(trivet.FailedPrecondition, match="needs kubectl, which is not installed"):
        projects.run(str(folder), parameters={"alpha": 1}, backend="kubernetes", client=client)
    assert client.search_runs(["0"]) == []
