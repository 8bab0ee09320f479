"""The overlay for production: it stands load, the loss of a node and of a disk, and nothing goes in the clear."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from trivet_kit.server import DRAIN_SECONDS, LAST_SECONDS
from trivet_testing.access_manifests import access_findings
from trivet_testing.kubernetes import Manifests
from trivet_testing.production_manifests import production_findings
from trivet_testing.rendered import K8S, TEAMS, rendered

PRODUCTION = "overlays/production"
SCRIPTS = K8S / "components" / "backup"


def findings(manifests: Manifests) -> list[str]:
    return [
        *manifests.findings(drain_seconds=DRAIN_SECONDS + LAST_SECONDS),
        *access_findings(manifests),
        *production_findings(manifests),
    ]


def named(manifests: Manifests, kind: str, name: str) -> Any:
    (found,) = (each for each in manifests.of_kind(kind) if each["metadata"]["name"] == name)
    return found


def pod(manifests: Manifests, name: str = "trivet-tracking") -> Any:
    return named(manifests, "Deployment", name)["spec"]["template"]["spec"]


def backup_pod(manifests: Manifests) -> Any:
    return named(manifests, "CronJob", "trivet-backup")["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def test_overlay_keeps_what_kubernetes_and_we_ask_for() -> None:
    assert findings(rendered(PRODUCTION)) == []


def test_overlay_for_many_teams_alone_is_not_yet_for_production() -> None:
    found = production_findings(rendered(TEAMS))
    assert sum("no autoscaler" in finding for finding in found) == 4
    assert any("not by digest" in finding for finding in found)
    assert any("nothing backs up the database" in finding for finding in found)


def test_every_server_and_job_of_the_overlay_below_is_there() -> None:
    kinds = ("Deployment", "Job", "CronJob", "PodDisruptionBudget", "NetworkPolicy", "ServiceAccount")
    for kind in kinds:
        assert rendered(TEAMS).names(kind) <= rendered(PRODUCTION).names(kind)


def test_proxies_trust_each_server_by_a_name_of_its_certificate() -> None:
    names = {
        policy["spec"]["targetRefs"][0]["name"]: policy["spec"]["validation"]["hostname"]
        for policy in rendered(PRODUCTION).of_kind("BackendTLSPolicy")
    }
    # As deploy/k8s/certificates.sh and the documentation have them.
    assert names == {
        "trivet-vip-tracking": "trivet-tracking",
        "trivet-vip-artifacts": "trivet-artifacts",
        "trivet-vip-registry": "trivet-registry",
        "trivet-gateway": "trivet-gateway",
    }


def test_backup_runs_the_scripts_that_are_drilled() -> None:
    manifests = rendered(PRODUCTION)
    (scripts,) = (
        each["data"] for each in manifests.of_kind("ConfigMap") if "backup-scripts" in each["metadata"]["name"]
    )
    assert scripts == {name: (SCRIPTS / name).read_text(encoding="utf-8") for name in ("databases.sh", "files.sh")}
    commands = [
        each["command"] for each in (*backup_pod(manifests)["initContainers"], *backup_pod(manifests)["containers"])
    ]
    assert commands == [
        ["sh", "/scripts/files.sh", "ahead"],
        ["bash", "/scripts/databases.sh", "dump", "/dumps"],
        ["sh", "/scripts/files.sh", "backup", "/dumps"],
    ]


@pytest.mark.parametrize("script", ["databases.sh", "files.sh"])
@pytest.mark.parametrize("arguments", [(), ("dump",), ("remove", "/tmp")])
def test_script_that_is_called_wrongly_says_how(script: str, arguments: tuple[str, ...]) -> None:
    ended = subprocess.run(
        [SCRIPTS / script, *arguments], check=False, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("usage: ")


def take_an_image_by_tag(manifests: Manifests) -> None:
    backup_pod(manifests)["initContainers"][1]["image"] = "postgres:17"


def copy_files_first(manifests: Manifests) -> None:
    each = backup_pod(manifests)
    each["initContainers"], each["containers"] = each["containers"], each["initContainers"][1:]


def lose_an_autoscaler(manifests: Manifests) -> None:
    manifests.objects.remove(named(manifests, "HorizontalPodAutoscaler", "trivet-gateway"))


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (take_an_image_by_tag, "CronJob trivet-backup: its image postgres:17 is not by digest"),
        (copy_files_first, "the files are not copied after the databases"),
        (lose_an_autoscaler, "Deployment trivet-gateway: no autoscaler"),
        (
            lambda m: named(m, "HorizontalPodAutoscaler", "trivet-tracking")["spec"].update(minReplicas=1),
            "Deployment trivet-tracking: fewer than two replicas",
        ),
        (
            lambda m: named(m, "Deployment", "trivet-tracking")["spec"].update(replicas=2),
            "each apply undoes what its autoscaler has chosen",
        ),
        (
            lambda m: named(m, "HorizontalPodAutoscaler", "trivet-tracking")["spec"]["scaleTargetRef"].update(name="x"),
            "there is no Deployment x",
        ),
        (
            lambda m: named(m, "HorizontalPodAutoscaler", "trivet-tracking")["spec"].update(maxReplica=9),
            "maxReplica",
        ),
        (
            lambda m: pod(m)["topologySpreadConstraints"][0].update(whenUnsatisfiable="ScheduleAnyway"),
            "all of its replicas may be on one node",
        ),
        (
            lambda m: named(m, "Gateway", "trivet")["spec"]["listeners"][0].update(protocol="HTTP"),
            "its listener grpc is in the clear",
        ),
        (
            lambda m: m.objects.remove(named(m, "BackendTLSPolicy", "trivet-vip-registry")),
            "GRPCRoute trivet: it reaches trivet-vip-registry by no TLS",
        ),
        (lambda m: named(m, "HTTPRoute", "trivet")["spec"].pop("hostnames"), "it answers by every name"),
        (
            lambda m: m.objects.remove(named(m, "CronJob", "trivet-backup")),
            "nothing backs up the database of trivet-database-registry",
        ),
        (lambda m: backup_pod(m)["initContainers"][0].pop("securityContext"), "it may gain privileges"),
    ],
)
def test_bad_variant_is_refused(spoil: Callable[[Manifests], object], found: str) -> None:
    manifests = rendered(PRODUCTION)
    spoil(manifests)
    assert any(found in finding for finding in findings(manifests)), findings(manifests)
