"""What manifests for many teams have to keep besides: callers say who they are, and no token travels in the clear."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from trivet_testing.kubernetes import Manifests, Object, Workload
from trivet_testing.pods import Container, container_of, containers_of

AUDIENCE: Final = "trivet"
_LONGEST_TOKEN_SECONDS: Final = 3600
_OPEN: Final = ("TRIVET_INSECURE_NO_AUTH", "TRIVET_TLS_TERMINATED")
_IN_THE_CLEAR: Final = re.compile(r"\b(grpc|http)://(?!localhost\b|127\.)")
# As kustomize makes them of a content.
_HASH: Final = re.compile(r"-[2456789bcdfghkmt]{10}$")


def access_findings(manifests: Manifests) -> list[str]:
    """What is wrong; empty where all is well."""
    return [
        *(finding for workload in manifests.workloads for finding in _workload_findings(manifests, workload)),
        *(finding for server in manifests.servers for finding in _server_findings(manifests, server)),
        *(
            f"Service {service['metadata']['name']}: says that it speaks HTTP/2 in the clear"
            for service in manifests.of_kind("Service")
            for port in service["spec"]["ports"]
            if port.get("appProtocol") in ("kubernetes.io/h2c", "http")
        ),
    ]


def _workload_findings(manifests: Manifests, workload: Workload) -> Iterator[str]:
    for container in containers_of(manifests, workload):
        for name, value in container.environment.items():
            if name in _OPEN:
                yield f"{workload.name}: {name} lets callers in without credentials, or by no TLS"
            if _IN_THE_CLEAR.search(value):
                yield f"{workload.name}: {name} leads somewhere in the clear"
        for name, file in container.files.items():
            mount = container.mount_of(file)
            # A folder may be one that several Secrets are mounted below.
            if mount is None and not any(each.path.is_relative_to(file) for each in container.mounts):
                yield f"{workload.name}: {name} names {file}, which nothing brings"
            elif name.endswith("_TOKEN_FILE") and (mount is None or not _tokens_in(mount.volume)):
                yield f"{workload.name}: {name} is no token that Kubernetes exchanges"
    for volume in workload.pod.get("volumes", []):
        for token in _tokens_in(volume):
            yield from _token_findings(f"{workload.name}: the token in {volume['name']}", token)


def _token_findings(which: str, token: Object) -> Iterator[str]:
    if token.get("audience") != AUDIENCE:
        yield f"{which} is not for {AUDIENCE} alone"
    if token.get("expirationSeconds", 0) > _LONGEST_TOKEN_SECONDS:
        yield f"{which} is good for more than an hour"


def _server_findings(manifests: Manifests, server: Workload) -> Iterator[str]:
    container = container_of(manifests, server)
    for name, kind in (("TRIVET_POLICY", "configMap"), ("TRIVET_TLS_CERT", "secret"), ("TRIVET_TLS_KEY", "secret")):
        mount = container.mount_of(container.files.get(name, ""))
        if mount is None or kind not in mount.volume:
            yield f"{server.name}: {name} is no file of a {kind}"
    yield from _policy_findings(manifests, server, container)


def _policy_findings(manifests: Manifests, server: Workload, container: Container) -> Iterator[str]:
    """A change of the policy has to reach pods that run."""
    file = container.files.get("TRIVET_POLICY", "")
    mount = container.mount_of(file)
    if mount is None or "configMap" not in mount.volume:
        return
    name = mount.volume["configMap"]["name"]
    policies = {each["metadata"]["name"]: each["data"] for each in manifests.of_kind("ConfigMap")}
    if file.removeprefix(f"{mount.path}/") not in policies.get(name, {}):
        yield f"{server.name}: the ConfigMap {name} brings no policy"
    if mount.is_part:
        yield f"{server.name}: the policy is mounted by subPath, so that no change reaches it"
    if _HASH.search(name):
        yield f"{server.name}: the policy is another ConfigMap after each change, so that no change reaches it"


def _tokens_in(volume: Object) -> list[Object]:
    sources = volume.get("projected", {}).get("sources", [])
    return [source["serviceAccountToken"] for source in sources if "serviceAccountToken" in source]
