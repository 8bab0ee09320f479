"""The servers as the overlay for many teams runs them, and a training of a team: here, with its very environment.

What Kubernetes would bring is in folders of the test: certificates, the policy and tokens, swapped as the kubelet swaps
them. In the place of the database and the bucket are files, and of the two issuers, servers that give keys and tokens.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import secrets
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from trivet_proto.common.v1 import system_service_pb2 as pb
from trivet_proto.common.v1.system_service_pb2_grpc import SystemServiceStub
from trivet_testing import artifacts, registry, tracking
from trivet_testing.authorities import Authority
from trivet_testing.errors import CallFailure, outcome
from trivet_testing.openid import OpenIdProvider, openid_provider, rsa_key
from trivet_testing.pods import Container, container_of
from trivet_testing.rendered import K8S, TEAMS, rendered
from trivet_testing.servers import ServerProcess, run_to_exit
from trivet_testing.waiting import wait_until

PORTS = {"tracking": 7332, "artifacts": 7333, "registry": 7334, "gateway": 7331}
MIGRATIONS = {"tracking": tracking.migrate, "artifacts": artifacts.migrate, "registry": registry.migrate}
READY = r"^trivet-\w+ is ready: \w+ (\S+)$"
TRAINING = f"{TEAMS}/team-a"
ACCOUNT = "system:serviceaccount:team-a:trainer"
STEPS = """
import sys

import trivet

trivet.set_experiment("steps")
with trivet.start_run() as run:
    for step, _ in enumerate(sys.stdin):
        trivet.log_metric("loss", 1 / (step + 1), step=step)
        print(trivet.flush().pending, flush=True)
print(len(trivet.get_metric_history(run.info.run_id, "loss")))
"""
"""A training that logs a step for each line that it is told, and says what is not stored of it."""


def container(overlay: str, name: str) -> Container:
    manifests = rendered(overlay)
    (workload,) = (each for each in manifests.workloads if each.object["metadata"]["name"] == name)
    return container_of(manifests, workload)


def swap(folder: Path, **files: str) -> None:
    """Puts other files into a mounted folder in one step, as the kubelet does: by another target of a link."""
    folder.mkdir(parents=True, exist_ok=True)
    version = Path(tempfile.mkdtemp(prefix="..", dir=folder))
    for name, text in files.items():
        (version / name).write_text(text)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    new = folder / "..new"
    new.symlink_to(version.name)
    new.rename(folder / "..data")


@dataclass
class Cluster:
    """The overlay's servers, each a process of this machine."""

    folder: Path
    """Has a folder for the pods of each server."""
    authority: Authority
    """Of the servers' certificates."""
    people: OpenIdProvider
    kubernetes: OpenIdProvider
    cluster_ca: Path
    """Of the authority by which the cluster's API is known."""
    policy: dict[str, Any]
    """What the file says, but for the addresses of the issuers."""
    processes: dict[str, ServerProcess] = field(default_factory=dict)
    environments: dict[str, dict[str, str]] = field(default_factory=dict)

    def tell(self, **parts: object) -> None:
        """Changes the policy in the pods of all servers."""
        self.policy |= parts
        for component in PORTS:
            swap(self.folder / component / "policy", **{"policy.yaml": yaml.safe_dump(self._policy_in(component))})

    def _policy_in(self, component: str) -> dict[str, Any]:
        people, kubernetes = (dict(self.policy["issuers"][name]) for name in ("people", "kubernetes"))
        # Where the pods of this server have it. The gateway asks the cluster for nothing.
        mount = container(TEAMS, f"trivet-{component}").mount_of(kubernetes["ca_file"])
        if mount is not None:
            file = self.folder / component / mount.volume["name"] / Path(kubernetes["ca_file"]).name
            kubernetes["ca_file"] = str(file)
        people["url"] = self.people.issuer
        kubernetes |= {"url": self.kubernetes.issuer, "keys_url": f"{self.kubernetes.issuer}/jwks"}
        return {**self.policy, "issuers": {"people": people, "kubernetes": kubernetes}}

    def start(self, component: str, stack: ExitStack) -> None:
        """Starts a server, with what Kubernetes would bring into its pod."""
        pod = self.folder / component
        env = self.moved(container(TEAMS, f"trivet-{component}").environment_in(pod))
        certificate, key = (file.read_text() for file in self.authority.issue(component))
        authority = self.authority.certificate.read_text()
        swap(pod / "tls", **{"tls.crt": certificate, "tls.key": key, "ca.crt": authority})
        swap(pod / "cluster", **{"ca.crt": self.cluster_ca.read_text()})
        if component in MIGRATIONS:
            database = f"sqlite:///{self.folder / f'{component}.db'}"
            MIGRATIONS[component](database)
            swap(pod / "database", url=database)
        if component == "artifacts":
            swap(pod / "s3", credentials="")
            env["TRIVET_ARTIFACT_STORE"] = str(self.folder / "files")
        if component == "registry":
            swap(pod / "token", token=self.kubernetes.token("system:serviceaccount:trivet:trivet-registry"))
        if component == "gateway":
            swap(pod / "session", keys=base64.b64encode(secrets.token_bytes(32)).decode())
        # All interfaces, as in a pod: without a policy and TLS, no server starts there.
        env["TRIVET_LISTEN"] = env["TRIVET_LISTEN"].replace(f":{PORTS[component]}", ":0")
        # A pod has this port to itself; here are four servers.
        env["TRIVET_METRICS_LISTEN"] = env["TRIVET_METRICS_LISTEN"].replace(":7340", ":0")
        command = [sys.executable, "-m", f"trivet_{component}", "serve"]
        process = stack.enter_context(ServerProcess.start(command, env, READY))
        self.processes[component] = process
        self.environments[component] = env | {"TRIVET_LISTEN": process.address}

    def address(self, component: str) -> str:
        return f"127.0.0.1:{self.processes[component].address.rpartition(':')[2]}"

    def moved(self, environment: Mapping[str, str]) -> dict[str, str]:
        """An environment, with the addresses of the services that run here."""
        moved = dict(environment)
        for component in self.processes:
            for service in (f"trivet-{component}.trivet", f"trivet-{component}"):
                place, here = f"{service}:{PORTS[component]}", self.address(component)
                moved = {name: value.replace(place, here) for name, value in moved.items()}
        return moved

    def roles(self, component: str, token: str) -> dict[str, list[str]] | str:
        """What a service says that the bearer of a token may do where; or the reason for which it refuses."""
        credentials = grpc.ssl_channel_credentials(self.authority.certificate.read_bytes())
        metadata = (("authorization", f"Bearer {token}"),)
        with grpc.secure_channel(self.address(component), credentials) as channel:
            stub = SystemServiceStub(channel)
            page = outcome(lambda: stub.ListWorkspaces(pb.ListWorkspacesRequest(), metadata=metadata, timeout=60))
        if isinstance(page, CallFailure):
            return page.reason
        assert isinstance(page, pb.ListWorkspacesResponse)
        return {each.name.removeprefix("workspaces/"): list(each.roles) for each in page.workspaces}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "api").mkdir()
    (folder / "own").mkdir()
    of_cluster, authority = Authority(folder / "api"), Authority(folder / "own")
    (said,) = (each for each in rendered(TEAMS).of_kind("ConfigMap") if each["metadata"]["name"] == "trivet-policy")
    policy = yaml.safe_load(said["data"]["policy.yaml"])
    with (
        openid_provider("trivet") as people,
        openid_provider("trivet", {"of-the-cluster": rsa_key("cluster")}, of_cluster.issue("api")) as kubernetes,
        ExitStack() as stack,
    ):
        new = Cluster(folder, authority, people, kubernetes, of_cluster.certificate, policy)
        new.tell()
        for component in ("tracking", "artifacts", "registry", "gateway"):
            new.start(component, stack)
        yield new
        for process in new.processes.values():
            assert "Traceback" not in process.stderr
            assert "eyJ" not in process.stderr


@dataclass(frozen=True)
class Training:
    """The pod of the training."""

    cluster: Cluster
    folder: Path
    environment: Mapping[str, str]

    def renew_token(self, token_id: str) -> str:
        """Puts another token into the file, as the kubelet does long before one expires."""
        token = self.cluster.kubernetes.token(ACCOUNT, jti=token_id)
        swap(self.folder / "token", token=token)
        return token


@pytest.fixture
def training(cluster: Cluster, tmp_path: Path) -> Training:
    environment = container(TRAINING, "train").environment_in(tmp_path)
    swap(tmp_path / "ca", **{"ca.crt": cluster.authority.certificate.read_text()})
    return Training(cluster, tmp_path, cluster.moved(environment) | {"TRIVET_CAPTURE": "none"})


def test_probes_of_the_manifests_say_that_the_servers_work(cluster: Cluster) -> None:
    for component, environment in cluster.environments.items():
        # The kubelet asks the gateway by HTTPS; for a container's own check, it has the command too.
        options = ["health"] if component == "gateway" else ["health", "--ready"]
        ended = run_to_exit([sys.executable, "-m", f"trivet_{component}", *options], environment)
        assert ended.returncode == 0, ended.stderr


def test_training_of_the_manifest_logs_and_registers(training: Training) -> None:
    training.renew_token("of-the-training")
    program = K8S / TRAINING / "nightly.py"
    ended = run_to_exit([sys.executable, str(program)], training.environment, timeout_seconds=180)
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    assert ended.stdout.endswith(" is version 1 of taxi-duration\n")


@contextmanager
def stepping(environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TRIVET_")}
    with subprocess.Popen(
        [sys.executable, "-c", STEPS],
        env=ours | dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_training_goes_on_while_its_token_rotates_and_the_old_one_is_revoked(
    cluster: Cluster, training: Training
) -> None:
    first = training.renew_token("the-first")
    with stepping(training.environment) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def step() -> str:
            print("on", file=process.stdin, flush=True)
            return process.stdout.readline()  # type: ignore[union-attr] # asserted above

        assert step() == "0\n"
        second = training.renew_token("the-second")
        cluster.tell(revoked_tokens=["the-first"])
        wait_until(lambda: all(cluster.roles(each, first) == "CREDENTIALS_INVALID" for each in MIGRATIONS))
        assert step() == "0\n"
        said, complained = process.communicate()
        assert (process.returncode, said, complained) == (0, "2\n", "")
    for component in MIGRATIONS:
        assert cluster.roles(component, second) == {"team-a": ["writer"]}


def test_each_team_has_its_own_workspace_and_no_other(cluster: Cluster) -> None:
    of_b = cluster.kubernetes.token("system:serviceaccount:team-b:trainer")
    ann = cluster.people.token("17", email="ann@example.org", email_verified=True, groups=["team-a", "ml"])
    for component in MIGRATIONS:
        assert cluster.roles(component, of_b) == {"team-b": ["writer"]}
        assert cluster.roles(component, ann) == {"team-a": ["reader", "writer"]}
        # For the API of the cluster, and of another account of the same namespace.
        assert cluster.roles(component, cluster.kubernetes.token(ACCOUNT, aud="api")) == "CREDENTIALS_INVALID"
        assert cluster.roles(component, cluster.kubernetes.token("system:serviceaccount:team-a:default")) == {}


def test_gateway_passes_on_who_calls_and_has_no_power_of_its_own(cluster: Cluster) -> None:
    def asked(workspace: str, token: str) -> tuple[int, dict[str, Any]]:
        context = ssl.create_default_context(cafile=cluster.authority.certificate)
        connection = http.client.HTTPSConnection(cluster.address("gateway"), context=context, timeout=60)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        with closing(connection):
            path = f"/w/{workspace}/api/2.0/mlflow/experiments/search?max_results=5"
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    own = cluster.kubernetes.token(ACCOUNT)
    assert asked("team-a", own)[0] == 200
    hidden, unknown = asked("team-b", own), asked("team-z", own)
    assert hidden[0] == unknown[0] == 404
    assert json.dumps(hidden[1]).replace("team-b", "team-z") == json.dumps(unknown[1])
    assert asked("team-a", "")[0] == 401
