"""What manifests for production have to keep besides: load and lost nodes or disks are met, nothing is in the clear."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from trivet_testing.kubernetes import Manifests, Workload
from trivet_testing.pods import containers_of

_BY_DIGEST: Final = re.compile(r".+@sha256:[0-9a-f]{64}")


def production_findings(manifests: Manifests) -> list[str]:
    """What is wrong; empty where all is well."""
    return [
        *(
            f"{workload.name}: its image {container['image']} is not by digest"
            for workload in manifests.workloads
            for container in workload.containers
            if not _BY_DIGEST.fullmatch(container["image"])
        ),
        *(finding for server in manifests.servers for finding in _server_findings(manifests, server)),
        *_route_findings(manifests),
        *_backup_findings(manifests),
    ]


def _server_findings(manifests: Manifests, server: Workload) -> Iterator[str]:
    if manifests.autoscaler_of(server) is None:
        yield f"{server.name}: no autoscaler"
    elif "cpu" not in server.containers[0]["resources"]["requests"]:
        yield f"{server.name}: its autoscaler needs a request of cpu"
    apart = {
        each["topologyKey"]
        for each in server.pod["topologySpreadConstraints"]
        if each["whenUnsatisfiable"] == "DoNotSchedule"
    }
    if "kubernetes.io/hostname" not in apart:
        yield f"{server.name}: all of its replicas may be on one node"


def _route_findings(manifests: Manifests) -> Iterator[str]:
    secured = {
        target["name"]
        for policy in manifests.of_kind("BackendTLSPolicy")
        for target in policy["spec"]["targetRefs"]
        if policy["spec"]["validation"].get("caCertificateRefs")
    }
    for gateway in manifests.of_kind("Gateway"):
        for listener in gateway["spec"]["listeners"]:
            if listener["protocol"] != "HTTPS" or not listener.get("tls", {}).get("certificateRefs"):
                yield f"Gateway {gateway['metadata']['name']}: its listener {listener['name']} is in the clear"
    for route in [*manifests.of_kind("GRPCRoute"), *manifests.of_kind("HTTPRoute")]:
        name = f"{route['kind']} {route['metadata']['name']}"
        if not route["spec"].get("hostnames"):
            yield f"{name}: it answers by every name"
        for rule in route["spec"]["rules"]:
            for backend in rule["backendRefs"]:
                if backend["name"] not in secured:
                    yield f"{name}: it reaches {backend['name']} by no TLS"


def _backup_findings(manifests: Manifests) -> Iterator[str]:
    backups = [each for each in manifests.workloads if each.name == "CronJob trivet-backup"]
    saved = {volume["secret"]["secretName"] for each in backups for volume in each.pod["volumes"] if "secret" in volume}
    for server in manifests.servers:
        for volume in server.pod["volumes"]:
            secret = volume.get("secret", {}).get("secretName", "")
            if secret.startswith("trivet-database-") and secret not in saved:
                yield f"{server.name}: nothing backs up the database of {secret}"
    for backup in backups:
        *_, last = containers_of(manifests, backup)
        # A dump that is older than the files names none that the backup lacks; the other way round, it may.
        if "TRIVET_BACKUP_FILES" not in last.environment:
            yield f"{backup.name}: the files are not copied after the databases"
