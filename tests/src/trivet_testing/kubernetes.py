"""What our Kubernetes manifests have to keep, as checks over rendered objects: each answers with what it found wrong.

The schemas of Kubernetes say which fields there are; these checks say which of them Trivet needs. They follow the Pod
Security Standard *restricted* (https://kubernetes.io/docs/concepts/security/pod-security-standards/) and go beyond it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final

import kubernetes_validate

Object = dict[str, Any]

KUBERNETES: Final = "1.34"
"""The version whose schemas the objects are checked against."""
_CRDS: Final = frozenset({"gateway.networking.k8s.io"})
_SECRET_NAME: Final = re.compile(r"PASSWORD|SECRET|TOKEN|ACCESS_KEY|DATABASE_URL")
_URL_WITH_PASSWORD: Final = re.compile(r"://[^/@\s]*:[^/@\s]+@")
# Kubernetes itself sets variables of these names, for every Service.
_INJECTED_NAME: Final = re.compile(r"TRIVET_.*_(PORT|SERVICE_HOST)")
_PROBES: Final = ("startup", "readiness", "liveness")
_LIVENESS_ASKS: Final = "liveness asks the database, so that its absence would kill every replica"
_READINESS_ASKS_NOT: Final = "readiness does not ask whether the service can work"
_EXACT_IMAGE: Final = re.compile(r".+(@sha256:[0-9a-f]{64}|:(?!latest$)[\w.-]+)")


@dataclass(frozen=True)
class Workload:
    """Something that runs pods."""

    object: Object

    @property
    def kind(self) -> str:
        """Deployment, StatefulSet, Job or CronJob."""
        return str(self.object["kind"])

    @property
    def name(self) -> str:
        """For the reader of a finding."""
        return f"{self.kind} {self.object['metadata']['name']}"

    @property
    def labels(self) -> Mapping[str, str]:
        """Of its pods."""
        labels: Mapping[str, str] = self._template["metadata"]["labels"]
        return labels

    @property
    def pod(self) -> Object:
        """The specification of its pods."""
        pod: Object = self._template["spec"]
        return pod

    @property
    def _template(self) -> Object:
        spec: Object = self.object["spec"]
        return spec["jobTemplate"]["spec"]["template"] if self.kind == "CronJob" else spec["template"]  # type: ignore[no-any-return] # of YAML

    @property
    def containers(self) -> list[Object]:
        """All of them, those that only begin included."""
        return [*self.pod.get("initContainers", []), *self.pod["containers"]]


class Manifests:
    """The objects of an overlay."""

    def __init__(self, objects: list[Object], given: Collection[str] = ()) -> None:
        """Takes the objects, and the names of Secrets that are made beforehand."""
        self.objects = objects
        self._given = frozenset(given)

    def of_kind(self, kind: str) -> list[Object]:
        """The objects of a kind."""
        return [each for each in self.objects if each["kind"] == kind]

    @cached_property
    def workloads(self) -> list[Workload]:
        """All that run pods."""
        return [Workload(each) for each in self.objects if each.get("spec", {}).keys() & {"template", "jobTemplate"}]

    @property
    def servers(self) -> list[Workload]:
        """The Deployments: Trivet's own services."""
        return [each for each in self.workloads if each.kind == "Deployment"]

    def names(self, kind: str) -> set[str]:
        """The names of the objects of a kind."""
        return {each["metadata"]["name"] for each in self.of_kind(kind)}

    def findings(self, *, drain_seconds: float) -> list[str]:
        """What is wrong; empty where all is well.

        Args:
            drain_seconds: How long a server takes to end at most.
        """
        return [
            *self._schema_findings(),
            *(finding for workload in self.workloads for finding in _pod_findings(workload)),
            *(finding for workload in self.workloads for finding in self._reference_findings(workload)),
            *(finding for server in self.servers for finding in _server_findings(server, drain_seconds)),
            *(finding for server in self.servers for finding in self._surroundings_findings(server)),
            *self._service_findings(),
            *self._settings_findings(),
            *self._network_findings(),
            *self._autoscaler_findings(),
        ]

    def _schema_findings(self) -> Iterator[str]:
        for each in self.objects:
            if each["apiVersion"].split("/")[0] not in _CRDS and (fault := _schema_fault(json.dumps(each))):
                yield f"{each['kind']} {each['metadata']['name']}: {fault}"

    def _reference_findings(self, workload: Workload) -> Iterator[str]:
        for container in workload.containers:
            for source in container.get("envFrom", []):
                if source["configMapRef"]["name"] not in self.names("ConfigMap"):
                    yield f"{workload.name}: there is no ConfigMap {source['configMapRef']['name']}"
        for volume in workload.pod.get("volumes", []):
            if "secret" in volume and volume["secret"]["secretName"] not in self.names("Secret") | self._given:
                yield f"{workload.name}: there is no Secret {volume['secret']['secretName']}"

    def _surroundings_findings(self, server: Workload) -> Iterator[str]:
        """What a server needs beside it."""
        component = server.labels["app.kubernetes.io/component"]
        budgets = [each for each in self.of_kind("PodDisruptionBudget") if _selects(each["spec"]["selector"], server)]
        if len(budgets) != 1:
            yield f"{server.name}: {len(budgets)} PodDisruptionBudgets, not 1"
        services = [each for each in self.of_kind("Service") if _selects_labels(each["spec"]["selector"], server)]
        is_grpc = _speaks_grpc(server)
        if is_grpc and [each["spec"].get("clusterIP") for each in services].count("None") != 1:
            yield f"{server.name}: no headless Service, by which clients balance"
        if not any(each["spec"].get("clusterIP") != "None" for each in services):
            yield f"{server.name}: no Service with an address of its own"
        account = server.pod.get("serviceAccountName", "default")
        sharing = [each for each in self.servers if each.pod.get("serviceAccountName", "default") == account]
        if account not in self.names("ServiceAccount") or len(sharing) > 1:
            yield f"{server.name}: no ServiceAccount of its own"
        if is_grpc and not any(
            each.kind == "Job" and each.labels["app.kubernetes.io/component"] == component for each in self._trivets
        ):
            yield f"{server.name}: no Job that migrates its schema"

    def autoscaler_of(self, server: Workload) -> Object | None:
        """What says how many replicas a server has; None where the server itself does."""
        wanted = {"kind": server.kind, "name": server.object["metadata"]["name"]}
        found = (each for each in self.of_kind("HorizontalPodAutoscaler"))
        return next((each for each in found if wanted.items() <= each["spec"]["scaleTargetRef"].items()), None)

    def _autoscaler_findings(self) -> Iterator[str]:
        for each in self.of_kind("HorizontalPodAutoscaler"):
            name, target = f"HorizontalPodAutoscaler {each['metadata']['name']}", each["spec"]["scaleTargetRef"]
            if (target["kind"], target["name"]) not in {
                (one.kind, one.object["metadata"]["name"]) for one in self.servers
            }:
                yield f"{name}: there is no {target['kind']} {target['name']}"
        for server in self.servers:
            scaler, replicas = self.autoscaler_of(server), server.object["spec"].get("replicas")
            if scaler is not None and replicas is not None:
                yield f"{server.name}: each apply undoes what its autoscaler has chosen"
            if (scaler["spec"].get("minReplicas", 1) if scaler is not None else replicas or 1) < 2:
                yield f"{server.name}: fewer than two replicas"

    @property
    def _trivets(self) -> list[Workload]:
        return [each for each in self.workloads if "app.kubernetes.io/component" in each.labels]

    def _service_findings(self) -> Iterator[str]:
        for service in self.of_kind("Service"):
            name = f"Service {service['metadata']['name']}"
            selected = [each for each in self.workloads if _selects_labels(service["spec"]["selector"], each)]
            if len(selected) != 1 or selected[0].kind in ("Job", "CronJob"):
                yield f"{name}: selects {[each.name for each in selected]}, not one server"
                continue
            ports = {port["name"] for each in selected[0].containers for port in each.get("ports", [])}
            for port in service["spec"]["ports"]:
                if port["targetPort"] not in ports:
                    yield f"{name}: its port {port['targetPort']} is none of {selected[0].name}"

    def _settings_findings(self) -> Iterator[str]:
        for settings in self.of_kind("ConfigMap"):
            for key, value in settings.get("data", {}).items():
                yield from setting_findings(f"ConfigMap {settings['metadata']['name']}", key, value)

    def _network_findings(self) -> Iterator[str]:
        for namespace in self.of_kind("Namespace"):
            if namespace["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted":
                yield f"Namespace {namespace['metadata']['name']}: Pod Security restricted is not enforced"
        policies = [each["spec"] for each in self.of_kind("NetworkPolicy")]
        if {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} not in policies:
            yield "NetworkPolicy: nothing denies by default what no policy allows"
        for policy in self.of_kind("NetworkPolicy"):
            name = f"NetworkPolicy {policy['metadata']['name']}"
            for direction, peers in (("ingress", "from"), ("egress", "to")):
                for rule in policy["spec"].get(direction, []):
                    if not rule.get(peers) or any(_is_everybody(peer) for peer in rule[peers]):
                        yield f"{name}: {direction} is open to everybody"
                    if not rule.get("ports"):
                        yield f"{name}: {direction} is open at every port"


@cache  # reading the schemas takes longer than all other checks
def _schema_fault(text: str) -> str:
    """What the schema of its kind says against an object, as JSON; empty if nothing."""
    try:
        kubernetes_validate.validate(json.loads(text), KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        return str(error.message)
    return ""


def _is_everybody(peer: Object) -> bool:
    block = peer.get("ipBlock", {}).get("cidr", "")
    return block in ("0.0.0.0/0", "::/0") or peer in ({}, {"namespaceSelector": {}}, {"podSelector": {}})


def _selects_labels(wanted: Mapping[str, str], workload: Workload) -> bool:
    return bool(wanted) and wanted.items() <= workload.labels.items()


def _selects(selector: Object, workload: Workload) -> bool:
    return _selects_labels(selector.get("matchLabels", {}), workload)


def setting_findings(where: str, key: str, value: str) -> Iterator[str]:
    """What is wrong with a variable of the environment: its name, or that it is a secret."""
    if _INJECTED_NAME.fullmatch(key):
        yield f"{where}: {key} is a name that Kubernetes injects"
    if (_SECRET_NAME.search(key) and not key.endswith("_FILE")) or _URL_WITH_PASSWORD.search(value):
        yield f"{where}: {key} is a secret, and no file"


def _pod_findings(workload: Workload) -> Iterator[str]:
    pod, name = workload.pod, workload.name
    security = pod.get("securityContext", {})
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(key):
            yield f"{name}: {key} is set"
    if pod.get("automountServiceAccountToken") is not False:
        yield f"{name}: it gets a token of its ServiceAccount, which it does not need"
    if pod.get("enableServiceLinks") is not False:
        yield f"{name}: enableServiceLinks is not false"
    if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
        yield f"{name}: it may run as root, or as a user without a number"
    if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield f"{name}: seccompProfile is not RuntimeDefault"
    for volume in pod.get("volumes", []):
        if not volume.keys() & {"secret", "configMap", "emptyDir", "projected", "persistentVolumeClaim"}:
            yield f"{name}: the volume {volume['name']} is of a kind that is not allowed"
    for container in workload.containers:
        yield from _container_findings(f"{name}, container {container['name']}", container)


def _container_findings(name: str, container: Object) -> Iterator[str]:
    security, resources = container.get("securityContext", {}), container.get("resources", {})
    if security.get("privileged") or security.get("allowPrivilegeEscalation") is not False:
        yield f"{name}: it may gain privileges"
    if security.get("readOnlyRootFilesystem") is not True:
        yield f"{name}: its root can be written to"
    if security.get("capabilities") != {"drop": ["ALL"]}:
        yield f"{name}: it has capabilities"
    if security.get("runAsUser") == 0 or security.get("runAsNonRoot") is False:
        yield f"{name}: it may run as root"
    if not resources.get("requests", {}).keys() >= {"cpu", "memory"} or "memory" not in resources.get("limits", {}):
        yield f"{name}: its requests, or its limit of memory, are missing"
    if not _EXACT_IMAGE.fullmatch(container["image"]):
        yield f"{name}: its image {container['image']} is not of one version"
    for variable in container.get("env", []):
        if variable.get("valueFrom", {}).keys() - {"fieldRef"}:  # what a pod knows of itself is no secret
            yield f"{name}: {variable['name']} is a secret, and no file"
        yield from setting_findings(name, variable["name"], variable.get("value", ""))


def _server_findings(server: Workload, drain_seconds: float) -> Iterator[str]:
    spec, pod, name = server.object["spec"], server.pod, server.name
    (container,) = pod["containers"]
    if spec.get("strategy", {}).get("rollingUpdate", {}).get("maxUnavailable") != 0:
        yield f"{name}: an update takes a replica away before it brings one"
    spread = [each for each in pod.get("topologySpreadConstraints", []) if _selects(each["labelSelector"], server)]
    if not {each["topologyKey"] for each in spread} >= {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}:
        yield f"{name}: its pods are not spread over nodes and zones"
    pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    if not pause:
        yield f"{name}: it ends before others know, for want of a pause in preStop"
    if pod.get("terminationGracePeriodSeconds", 30) <= pause + drain_seconds:
        yield f"{name}: it is killed before its calls had {drain_seconds:g} s to end after a pause of {pause} s"
    yield from _probe_findings(name, container)


def _speaks_grpc(server: Workload) -> bool:
    """Whether it is a service with a contract; another server speaks HTTP, and keeps nothing."""
    return any(port["name"] == "grpc" for each in server.containers for port in each.get("ports", []))


def _http_probe_findings(name: str, container: Object) -> Iterator[str]:
    ports = {port["name"] for port in container.get("ports", [])}
    scheme = "HTTPS" if speaks_tls(container) else "HTTP"
    for kind in _PROBES:
        probe = container.get(f"{kind}Probe", {}).get("httpGet", {})
        if probe.get("path") != "/health" or probe.get("port") not in ports or probe.get("scheme", "HTTP") != scheme:
            yield f"{name}: no {kind} probe by {scheme} of /health at a port of its own"


def _probe_findings(name: str, container: Object) -> Iterator[str]:
    if "grpc" not in {port["name"] for port in container.get("ports", [])}:
        yield from _http_probe_findings(name, container)
    elif speaks_tls(container):
        yield from _command_probe_findings(name, container)
    else:
        yield from _grpc_probe_findings(name, container)


def _grpc_probe_findings(name: str, container: Object) -> Iterator[str]:
    ports = [port["containerPort"] for port in container.get("ports", [])]
    probes = {kind: container.get(f"{kind}Probe", {}).get("grpc") for kind in _PROBES}
    for kind, probe in probes.items():
        if probe is None or probe["port"] not in ports:
            yield f"{name}: no {kind} probe by gRPC at a port of its own"
    if probes["liveness"] and probes["liveness"].get("service"):
        yield f"{name}: {_LIVENESS_ASKS}"
    if probes["readiness"] and not probes["readiness"].get("service"):
        yield f"{name}: {_READINESS_ASKS_NOT}"


def _command_probe_findings(name: str, container: Object) -> Iterator[str]:
    """The kubelet's probes by gRPC speak no TLS: the program asks itself."""
    program = container["image"].rpartition("/")[2].partition("@")[0].partition(":")[0]
    for kind in _PROBES:
        command = container.get(f"{kind}Probe", {}).get("exec", {}).get("command", [])
        if command[:2] != [program, "health"]:
            yield f"{name}: no {kind} probe by its own command, as TLS needs it"
        elif kind == "liveness" and "--ready" in command:
            yield f"{name}: {_LIVENESS_ASKS}"
        elif kind == "readiness" and "--ready" not in command:
            yield f"{name}: {_READINESS_ASKS_NOT}"


def speaks_tls(container: Object) -> bool:
    """Whether a server has a certificate."""
    return "TRIVET_TLS_CERT" in {variable["name"] for variable in container.get("env", [])}
