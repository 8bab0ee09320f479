"""The Kubernetes manifest of a served model: what a restricted namespace takes, and a rolling update needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import yaml

PORT: Final = 8080
USER: Final = 10001
"""A number, not a name: Kubernetes' runAsNonRoot can check only a number."""
TOKEN_FOLDER: Final = "/run/secrets/trivet/serving"  # noqa: S105 - where one is
DRAIN_SECONDS: Final = 20
_PAUSE_SECONDS: Final = 5
_SPARE_SECONDS: Final = 20

_HEAD: Final = """\
# {title}, served by Trivet. Apply it when the image is where the cluster finds it, and the token is there:
#   kubectl create namespace {namespace}
#   kubectl -n {namespace} create secret generic {name}-token --from-literal=token=...
#   kubectl apply -f kubernetes.yaml
# Pods with the label trivet-client=true may ask, and those of namespaces that have it.
"""

Object = dict[str, Any]


@dataclass(frozen=True)
class Deployed:
    """What is deployed."""

    title: str
    """For the reader."""
    name: str
    """Of all objects; a label of DNS."""
    namespace: str
    image: str


def manifest(deployed: Deployed) -> str:
    """The manifest, as YAML."""
    objects = [
        _namespace(deployed),
        _object("v1", "ServiceAccount", deployed, automountServiceAccountToken=False),
        _object("apps/v1", "Deployment", deployed, spec=_deployment(deployed)),
        _service(deployed),
        _object("policy/v1", "PodDisruptionBudget", deployed, spec=_budget(deployed)),
        *_policies(deployed),
    ]
    head = _HEAD.format(title=deployed.title, name=deployed.name, namespace=deployed.namespace)
    return head + yaml.safe_dump_all(objects, sort_keys=False, explicit_start=True, width=120)


def _labels(deployed: Deployed) -> dict[str, str]:
    return {"app.kubernetes.io/name": "trivet-model", "app.kubernetes.io/component": deployed.name}


def _object(version: str, kind: str, deployed: Deployed, **fields: Any) -> Object:
    metadata = {"name": deployed.name, "namespace": deployed.namespace, "labels": _labels(deployed)}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


def _namespace(deployed: Deployed) -> Object:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": deployed.namespace, "labels": labels}}


def _deployment(deployed: Deployed) -> Object:
    selector = {"matchLabels": _labels(deployed)}
    spread = [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": selector,
            "matchLabelKeys": ["pod-template-hash"],
        }
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]
    pod = {
        "serviceAccountName": deployed.name,
        "automountServiceAccountToken": False,
        # Kubernetes would put TRIVET_…_PORT of every Service into the environment.
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationGracePeriodSeconds": _PAUSE_SECONDS + DRAIN_SECONDS + _SPARE_SECONDS,
        "topologySpreadConstraints": spread,
        "containers": [_container(deployed)],
        "volumes": [
            {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
            {"name": "token", "secret": {"secretName": f"{deployed.name}-token"}},
        ],
    }
    return {
        "replicas": 2,
        "revisionHistoryLimit": 5,
        "minReadySeconds": 10,
        "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "selector": selector,
        "template": {"metadata": {"labels": _labels(deployed)}, "spec": pod},
    }


def _container(deployed: Deployed) -> Object:
    return {
        "name": "model",
        "image": deployed.image,
        "env": [{"name": "TRIVET_SERVE_TOKEN_FILE", "value": f"{TOKEN_FOLDER}/token"}],
        "ports": [{"name": "http", "containerPort": PORT}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        # It answers 503 until the model is loaded, which takes as long as that takes.
        "startupProbe": _probe(periodSeconds=2, failureThreshold=150),
        "readinessProbe": _probe(periodSeconds=5, timeoutSeconds=2, failureThreshold=2),
        "livenessProbe": _probe(periodSeconds=10, timeoutSeconds=5, failureThreshold=6),
        # The pod serves on until all have heard that it goes.
        "lifecycle": {"preStop": {"sleep": {"seconds": _PAUSE_SECONDS}}},
        "resources": {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - of the container
            {"name": "token", "mountPath": TOKEN_FOLDER, "readOnly": True},
        ],
    }


def _probe(**numbers: int) -> Object:
    return {"httpGet": {"path": "/health", "port": "http"}, **numbers}


def _service(deployed: Deployed) -> Object:
    ports = [{"name": "http", "port": PORT, "targetPort": "http", "appProtocol": "http"}]
    return _object("v1", "Service", deployed, spec={"selector": _labels(deployed), "ports": ports})


def _budget(deployed: Deployed) -> Object:
    return {
        "maxUnavailable": 1,
        # A pod that is not ready serves nobody, and must not keep a node from being drained.
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": _labels(deployed)},
    }


def _policies(deployed: Deployed) -> list[Object]:
    """Nothing goes in but requests of clients, and nothing out: all that the model needs is in the image."""
    clients = {"matchLabels": {"trivet-client": "true"}}
    peers = [{"namespaceSelector": clients}, {"podSelector": clients}]
    asked = {
        "podSelector": {"matchLabels": _labels(deployed)},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": peers, "ports": [{"protocol": "TCP", "port": "http"}]}],
    }
    deny = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    default = _object("networking.k8s.io/v1", "NetworkPolicy", deployed, spec=deny)
    default["metadata"] = {"name": "default-deny", "namespace": deployed.namespace}
    return [default, _object("networking.k8s.io/v1", "NetworkPolicy", deployed, spec=asked)]
