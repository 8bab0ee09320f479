"""The Kubernetes manifests, as kustomize renders them: what Kubernetes and we ask of them, and that it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from trivet_gateway.hosts import is_known, names_of
from trivet_kit.server import DRAIN_SECONDS, LAST_SECONDS
from trivet_kit.settings import Address
from trivet_proto.artifacts.v1 import artifact_service_pb2
from trivet_proto.common.v1 import system_service_pb2
from trivet_proto.registry.v1 import registry_service_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2
from trivet_testing.kubernetes import Manifests
from trivet_testing.rendered import rendered

CONTRACTS = (artifact_service_pb2, registry_service_pb2, system_service_pb2, tracking_service_pb2)


def findings(manifests: Manifests) -> list[str]:
    return manifests.findings(drain_seconds=DRAIN_SECONDS + LAST_SECONDS)


@pytest.mark.parametrize("overlay", ["overlays/dev", "overlays/dev-gateway"])
def test_overlay_keeps_what_kubernetes_and_we_ask_for(overlay: str) -> None:
    manifests = rendered(overlay)
    assert findings(manifests) == []
    assert {server.labels["app.kubernetes.io/component"] for server in manifests.servers} == {
        "tracking",
        "artifacts",
        "registry",
        "gateway",
    }


def test_one_address_leads_to_every_service_by_its_name_in_the_contract() -> None:
    manifests = rendered("overlays/dev-gateway")
    (route,) = manifests.of_kind("GRPCRoute")
    services = {each["metadata"]["name"]: each["spec"]["ports"][0]["port"] for each in manifests.of_kind("Service")}
    routed = set()
    for rule in route["spec"]["rules"]:
        (backend,) = rule["backendRefs"]
        assert services[backend["name"]] == backend["port"]
        routed |= {match["method"]["service"] for match in rule["matches"]}
    assert routed >= {service.full_name for file in CONTRACTS for service in file.DESCRIPTOR.services_by_name.values()}


def test_one_address_leads_to_the_gateway_for_http() -> None:
    manifests = rendered("overlays/dev-gateway")
    (route,), (gateway,) = manifests.of_kind("HTTPRoute"), manifests.of_kind("Gateway")
    listeners = {each["name"]: each["port"] for each in gateway["spec"]["listeners"]}
    services = {each["metadata"]["name"]: each["spec"]["ports"][0]["port"] for each in manifests.of_kind("Service")}
    ((backend,),) = (rule["backendRefs"] for rule in route["spec"]["rules"])
    assert services[backend["name"]] == backend["port"] == listeners[route["spec"]["parentRefs"][0]["sectionName"]]


def test_gateway_finds_the_services_and_knows_its_own_names() -> None:
    manifests = rendered()
    services = {each["metadata"]["name"]: each["spec"]["ports"][0]["port"] for each in manifests.of_kind("Service")}
    settings = of(manifests, "ConfigMap", "trivet-settings-gateway")["data"]
    for component in ("tracking", "artifacts", "registry"):
        host, _, port = settings[f"TRIVET_{component.upper()}_URL"].removeprefix("grpc://").partition(":")
        assert services[host] == int(port)
    (container,) = pod(manifests, name="trivet-gateway")["containers"]
    variables = {each["name"]: each.get("value", "") for each in container["env"]}
    names = names_of(Address("0.0.0.0", 7331), variables["TRIVET_ALLOWED_HOSTS"].replace("$(NAMESPACE)", "team"))
    assert names is not None
    for host in ("trivet-gateway:7331", "trivet-gateway.team.svc", "trivet-gateway.team.svc.cluster.local:7331"):
        assert is_known(host, names)
    assert is_known("10.244.0.7:7331", names)  # as probes have it
    assert not is_known("trivet-gateway.example.org", names)
    assert [each["name"] for each in pod(manifests, name="trivet-gateway")["volumes"]] == ["tmp"]


def test_registry_finds_the_artifact_service_by_the_name_of_its_service() -> None:
    manifests = rendered()
    (url,) = {
        each["data"]["TRIVET_ARTIFACTS_URL"]
        for each in manifests.of_kind("ConfigMap")
        if "TRIVET_ARTIFACTS_URL" in each["data"] and "registry" in each["metadata"]["name"]
    }
    host, _, port = url.removeprefix("grpc://").partition(":")
    (service,) = (each for each in manifests.of_kind("Service") if each["metadata"]["name"] == host)
    assert service["spec"]["ports"][0]["port"] == int(port)


def of(manifests: Manifests, kind: str, name: str) -> Any:
    (found,) = (each for each in manifests.of_kind(kind) if each["metadata"]["name"].startswith(name))
    return found


def pod(manifests: Manifests, kind: str = "Deployment", name: str = "trivet-tracking") -> Any:
    return of(manifests, kind, name)["spec"]["template"]["spec"]


def server(manifests: Manifests) -> Any:
    return pod(manifests)["containers"][0]


def misspell(m: Manifests) -> None:
    server(m)["readynessProbe"] = server(m).pop("readinessProbe")


def run_as_root(m: Manifests) -> None:
    pod(m, "StatefulSet", "postgres")["securityContext"] = {"seccompProfile": {"type": "RuntimeDefault"}}


def mount_the_node(m: Manifests) -> None:
    pod(m, "Job", "trivet-migrate-tracking")["volumes"].append({"name": "node", "hostPath": {"path": "/"}})


def share_an_account(m: Manifests) -> None:
    pod(m)["serviceAccountName"] = "trivet-registry"


def forget_the_budget(m: Manifests) -> None:
    m.objects.remove(of(m, "PodDisruptionBudget", "trivet-artifacts"))


def let_a_job_answer_calls(m: Manifests) -> None:
    of(m, "Job", "trivet-migrate-registry")["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] = (
        "trivet"
    )


def open_the_network(m: Manifests) -> None:
    of(m, "NetworkPolicy", "clients")["spec"]["ingress"] = [{"ports": [{"port": 7332}]}]


def allow_by_default(m: Manifests) -> None:
    m.objects.remove(of(m, "NetworkPolicy", "default-deny"))


def put_a_secret_into_the_environment(m: Manifests) -> None:
    server(m)["env"] = [{"name": "TRIVET_DATABASE_URL", "value": "postgresql://trivet:hunter2@postgres/trivet"}]


def take_a_secret_into_the_environment(m: Manifests) -> None:
    source = {"secretKeyRef": {"name": "trivet-s3", "key": "credentials"}}
    pod(m, name="trivet-gateway")["containers"][0]["env"].append({"name": "KEYS", "valueFrom": source})


def ask_the_services(m: Manifests) -> None:
    pod(m, name="trivet-gateway")["containers"][0]["readinessProbe"]["httpGet"]["path"] = "/version"


def put_a_secret_into_the_settings(m: Manifests) -> None:
    of(m, "ConfigMap", "trivet-settings-artifacts")["data"]["STORE"] = "s3://key:hunter2@bucket"


def lose_a_secret(m: Manifests) -> None:
    m.objects.remove(of(m, "Secret", "trivet-s3"))


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (misspell, "readynessProbe"),
        (run_as_root, "may run as root"),
        (
            lambda m: server(m)["securityContext"].update(capabilities={"drop": ["ALL"], "add": ["NET_RAW"]}),
            "has capabilities",
        ),
        (lambda m: server(m)["securityContext"].update(readOnlyRootFilesystem=False), "root can be written to"),
        (lambda m: server(m)["securityContext"].update(privileged=True), "may gain privileges"),
        (lambda m: pod(m).update(hostNetwork=True), "hostNetwork is set"),
        (lambda m: pod(m).update(automountServiceAccountToken=True), "a token of its ServiceAccount"),
        (lambda m: pod(m).pop("enableServiceLinks"), "enableServiceLinks is not false"),
        (lambda m: pod(m)["securityContext"].pop("seccompProfile"), "seccompProfile is not RuntimeDefault"),
        (mount_the_node, "of a kind that is not allowed"),
        (share_an_account, "no ServiceAccount of its own"),
        (lambda m: server(m)["resources"].pop("limits"), "limit of memory"),
        (lambda m: server(m).update(image="trivet-tracking:latest"), "not of one version"),
        (lambda m: of(m, "Deployment", "trivet-tracking")["spec"].update(replicas=1), "fewer than two replicas"),
        (forget_the_budget, "0 PodDisruptionBudgets, not 1"),
        (lambda m: pod(m).pop("topologySpreadConstraints"), "not spread over nodes and zones"),
        (lambda m: server(m).pop("lifecycle"), "for want of a pause in preStop"),
        (lambda m: pod(m).update(terminationGracePeriodSeconds=30), "killed before its calls had 25 s"),
        (
            lambda m: server(m)["livenessProbe"]["grpc"].update(service="trivet.tracking.v1.TrackingService"),
            "liveness asks the database",
        ),
        (lambda m: server(m)["readinessProbe"]["grpc"].update(port=1), "no readiness probe by gRPC"),
        (let_a_job_answer_calls, "not one server"),
        (lambda m: m.objects.remove(of(m, "Service", "trivet-registry")), "no headless Service"),
        (open_the_network, "ingress is open to everybody"),
        (allow_by_default, "nothing denies by default"),
        (put_a_secret_into_the_environment, "TRIVET_DATABASE_URL is a secret, and no file"),
        (take_a_secret_into_the_environment, "KEYS is a secret, and no file"),
        (ask_the_services, "no readiness probe by HTTP"),
        (put_a_secret_into_the_settings, "STORE is a secret, and no file"),
        (lose_a_secret, "there is no Secret trivet-s3"),
        (
            lambda m: of(m, "Namespace", "trivet-dev")["metadata"].pop("labels"),
            "Pod Security restricted is not enforced",
        ),
    ],
)
def test_bad_variant_is_refused(spoil: Callable[[Manifests], object], found: str) -> None:
    manifests = rendered()
    spoil(manifests)
    assert any(found in finding for finding in findings(manifests)), findings(manifests)
