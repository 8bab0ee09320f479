"""The overlay for many teams, and a team's training: nobody gets in without credentials, nothing goes in the clear."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer.main
from cryptography import x509

import trivet_artifacts.__main__
import trivet_gateway.__main__
import trivet_registry.__main__
import trivet_tracking.__main__
from trivet_kit.auth import Principal
from trivet_kit.identity.policy import FilePolicy
from trivet_kit.identity.policy_file import parse
from trivet_kit.roles import Role
from trivet_kit.server import DRAIN_SECONDS, LAST_SECONDS
from trivet_kit.settings import parse_tls
from trivet_testing.access_manifests import AUDIENCE, access_findings
from trivet_testing.kubernetes import Manifests, Workload
from trivet_testing.left_out import leave_out
from trivet_testing.pods import container_of
from trivet_testing.rendered import K8S, TEAMS, rendered
from trivet_testing.servers import run_to_exit

TRAINING = f"{TEAMS}/team-a"
PROGRAMS = {
    "trivet-tracking": trivet_tracking.__main__.app,
    "trivet-artifacts": trivet_artifacts.__main__.app,
    "trivet-registry": trivet_registry.__main__.app,
    "trivet-gateway": trivet_gateway.__main__.app,
}


def findings(manifests: Manifests) -> list[str]:
    return [*manifests.findings(drain_seconds=DRAIN_SECONDS + LAST_SECONDS), *access_findings(manifests)]


def named(manifests: Manifests, kind: str, name: str) -> Any:
    (found,) = (each for each in manifests.of_kind(kind) if each["metadata"]["name"] == name)
    return found


def workload(manifests: Manifests, kind: str, name: str) -> Workload:
    return Workload(named(manifests, kind, name))


def policy_text(manifests: Manifests) -> str:
    return str(named(manifests, "ConfigMap", "trivet-policy")["data"]["policy.yaml"])


def subject_of(workload: Workload) -> str:
    """Whom Kubernetes's tokens of a pod call it, by the issuer that the policy has for them."""
    namespace, account = workload.object["metadata"]["namespace"], workload.pod["serviceAccountName"]
    return f"kubernetes/system:serviceaccount:{namespace}:{account}"


def roles(subject: str, workspace: str | None) -> set[Role]:
    policy = FilePolicy(parse(policy_text(rendered(TEAMS))))
    return set(policy.roles(Principal(subject, authenticated=True), workspace))


@pytest.mark.parametrize("overlay", [TEAMS, TRAINING])
def test_overlay_keeps_what_kubernetes_and_we_ask_for(overlay: str) -> None:
    assert findings(rendered(overlay)) == []


def test_base_is_open_where_the_overlay_is_not() -> None:
    found = access_findings(rendered("overlays/dev"))
    assert any("lets callers in without credentials" in finding for finding in found)
    assert any("leads somewhere in the clear" in finding for finding in found)
    assert sum("TRIVET_POLICY is no file" in finding for finding in found) == 4


def test_policy_in_the_config_map_passes_lint(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(policy_text(rendered(TEAMS)))
    ended = run_to_exit([sys.executable, "-m", "trivet_kit.identity", "policy", "lint", str(file)], {})
    assert (ended.returncode, ended.stdout.strip()) == (0, f"{file} is a policy file: 2 workspaces.")


def test_policy_knows_the_accounts_of_the_registry_and_of_the_training() -> None:
    registry = subject_of(workload(rendered(TEAMS), "Deployment", "trivet-registry"))
    training = subject_of(workload(rendered(TRAINING), "Job", "train"))
    assert roles(registry, None) == {Role.MAINTENANCE}
    assert roles(training, "team-a") == {Role.WRITER}
    assert roles(training, "team-b") == roles(training, None) == set()
    assert roles(f"people/{training.partition('/')[2]}", "team-a") == set()


def test_tokens_are_for_the_audience_that_the_policy_takes() -> None:
    issuers = {issuer.name: issuer for issuer in parse(policy_text(rendered(TEAMS))).issuers}
    assert {issuer.audiences for issuer in issuers.values()} == {(AUDIENCE,)}
    for overlay, kind, name in ((TEAMS, "Deployment", "trivet-registry"), (TRAINING, "Job", "train")):
        container = container_of(rendered(overlay), workload(rendered(overlay), kind, name))
        (file,) = (file for setting, file in container.files.items() if setting.endswith("_TOKEN_FILE"))
        mount = container.mount_of(file)
        assert mount is not None
        (source,) = mount.volume["projected"]["sources"]
        assert source["serviceAccountToken"] == {
            "audience": AUDIENCE,
            "expirationSeconds": 3600,
            "path": file.removeprefix(f"{mount.path}/"),
        }
    # What the cluster's keys are asked with is in the pods of all who ask.
    ca_file = issuers["kubernetes"].ca_file
    assert ca_file is not None
    for server in rendered(TEAMS).servers:
        mount = container_of(rendered(TEAMS), server).mount_of(ca_file)
        assert server.labels["app.kubernetes.io/component"] == "gateway" or (
            mount is not None and mount.volume["configMap"] == {"name": "kube-root-ca.crt"}
        )


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_setting_is_one_that_the_program_has(program: str) -> None:
    manifests = rendered(TEAMS)
    commands = typer.main.get_command(PROGRAMS[program]).commands  # type: ignore[attr-defined] # a group
    known = {option.envvar for option in commands["serve"].params}
    container = container_of(manifests, workload(manifests, "Deployment", program))
    assert {name for name in container.environment if name.startswith("TRIVET_")} <= known


def test_training_calls_each_service_by_a_name_and_port_of_the_overlay() -> None:
    manifests = rendered(TEAMS)
    services = {each["metadata"]["name"]: each["spec"]["ports"][0]["port"] for each in manifests.of_kind("Service")}
    environment = container_of(rendered(TRAINING), workload(rendered(TRAINING), "Job", "train")).environment
    for component in ("tracking", "artifacts", "registry"):
        scheme, _, place = environment[f"TRIVET_{component.upper()}_URL"].partition("://")
        host, _, port = place.partition(":")
        service, _, namespace = host.partition(".")
        assert (scheme, namespace, services[service]) == ("grpcs", "trivet", int(port))


def test_certificates_by_hand_are_for_the_names_by_which_servers_are_called(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        leave_out("openssl", "it is not on PATH")
    command = [str(K8S / "certificates.sh"), str(tmp_path), "trivet.example.org"]
    subprocess.run(command, check=True, capture_output=True)
    authority = x509.load_pem_x509_certificate((tmp_path / "ca.crt").read_bytes())
    gateway = container_of(rendered(TEAMS), workload(rendered(TEAMS), "Deployment", "trivet-gateway"))
    called = {"gateway": {"trivet-gateway", gateway.environment["PUBLIC_HOSTS"]}}
    for overlay in (TEAMS, TRAINING):
        manifests = rendered(overlay)
        for each in manifests.workloads:
            for value in container_of(manifests, each).environment.values():
                if found := re.fullmatch(r"grpcs://(trivet-(\w+)[\w.-]*):\d+", value):
                    called.setdefault(found[2], set()).add(found[1])
    assert called.keys() == {"tracking", "artifacts", "registry", "gateway"}
    for component, names in called.items():
        folder = tmp_path / component
        certificate = x509.load_pem_x509_certificate((folder / "tls.crt").read_bytes())
        certificate.verify_directly_issued_by(authority)
        assert (folder / "ca.crt").read_bytes() == (tmp_path / "ca.crt").read_bytes()
        parse_tls(str(folder / "tls.crt"), str(folder / "tls.key"), "")
        said = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names <= set(said.get_values_for_type(x509.DNSName))
    # Once more: the same authority, which clients trust, and other certificates.
    file = tmp_path / "tracking" / "tls.crt"
    before = file.read_bytes()
    subprocess.run(command, check=True, capture_output=True)
    assert file.read_bytes() != before
    x509.load_pem_x509_certificate(file.read_bytes()).verify_directly_issued_by(authority)


def test_servers_reach_their_issuers_and_nobody_else_does() -> None:
    reaching: dict[str, set[str]] = {}
    for policy in rendered(TEAMS).of_kind("NetworkPolicy"):
        for rule in policy["spec"].get("egress", []):
            for peer in (peer for peer in rule["to"] if "ipBlock" in peer):
                ports = {f"{port['protocol']} {port['port']}" for port in rule["ports"]}
                reaching.setdefault(policy["metadata"]["name"], set()).update(ports)
                assert int(peer["ipBlock"]["cidr"].partition("/")[2]) >= 24, policy
    assert reaching == {
        "servers-call-the-issuer-of-people": {"TCP 443"},
        "services-call-the-cluster": {"TCP 443", "TCP 6443"},
        "services-call-postgres": {"TCP 5432"},
        "artifacts-call-the-bucket": {"TCP 443"},
    }


def test_collection_of_garbage_has_what_it_needs() -> None:
    manifests = rendered(TEAMS)
    collect = container_of(manifests, workload(manifests, "CronJob", "trivet-collect-artifacts"))
    assert collect.environment["TRIVET_ARTIFACT_STORE"].startswith("s3://")
    assert {str(mount.path) for mount in collect.mounts} >= {
        "/run/secrets/trivet/database",
        "/run/secrets/trivet/s3",
    }


def server(manifests: Manifests, name: str = "trivet-tracking") -> Any:
    return named(manifests, "Deployment", name)["spec"]["template"]["spec"]["containers"][0]


def volume(manifests: Manifests, name: str, of: str = "trivet-registry") -> Any:
    volumes = named(manifests, "Deployment", of)["spec"]["template"]["spec"]["volumes"]
    (found,) = (each for each in volumes if each["name"] == name)
    return found


def mount(manifests: Manifests, name: str) -> Any:
    (found,) = (each for each in server(manifests)["volumeMounts"] if each["name"] == name)
    return found


def without(manifests: Manifests, variable: str) -> None:
    container = server(manifests)
    container["env"] = [each for each in container["env"] if each["name"] != variable]


def with_setting(manifests: Manifests, component: str, setting: str, value: str) -> None:
    (settings,) = (
        each["data"]
        for each in manifests.of_kind("ConfigMap")
        if each["metadata"]["name"].startswith(f"trivet-settings-{component}-")
    )
    settings[setting] = value


def have_a_policy_for_each_content(manifests: Manifests) -> None:
    """As kustomize makes it without the option."""
    named(manifests, "ConfigMap", "trivet-policy")["metadata"]["name"] = "trivet-policy-bt46gkc9md"
    for each in manifests.servers:
        for one in each.pod["volumes"]:
            if one["name"] == "policy":
                one["configMap"]["name"] = "trivet-policy-bt46gkc9md"


def probe_without_tls(manifests: Manifests) -> None:
    server(manifests)["readinessProbe"] = {"grpc": {"port": 7332, "service": "trivet.tracking.v1.TrackingService"}}


def put_the_token_into_a_secret(manifests: Manifests) -> None:
    token = volume(manifests, "token")
    token.pop("projected")
    token["secret"] = {"secretName": "trivet-session"}


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda m: with_setting(m, "tracking", "TRIVET_INSECURE_NO_AUTH", "true"), "without credentials"),
        (lambda m: with_setting(m, "tracking", "TRIVET_TLS_TERMINATED", "true"), "by no TLS"),
        (
            lambda m: with_setting(m, "registry", "TRIVET_ARTIFACTS_URL", "grpc://trivet-artifacts:7333"),
            "TRIVET_ARTIFACTS_URL leads somewhere in the clear",
        ),
        (lambda m: without(m, "TRIVET_POLICY"), "TRIVET_POLICY is no file of a configMap"),
        (lambda m: without(m, "TRIVET_TLS_KEY"), "TRIVET_TLS_KEY is no file of a secret"),
        (lambda m: server(m)["volumeMounts"].remove(mount(m, "tls")), "tls.crt, which nothing brings"),
        (lambda m: mount(m, "policy").update(subPath="policy.yaml"), "mounted by subPath"),
        (have_a_policy_for_each_content, "another ConfigMap after each change"),
        (lambda m: m.objects.remove(named(m, "ConfigMap", "trivet-policy")), "trivet-policy brings no policy"),
        (
            lambda m: volume(m, "token")["projected"]["sources"][0]["serviceAccountToken"].pop("audience"),
            "is not for trivet alone",
        ),
        (
            lambda m: volume(m, "token")["projected"]["sources"][0]["serviceAccountToken"].update(
                expirationSeconds=86400
            ),
            "good for more than an hour",
        ),
        (put_the_token_into_a_secret, "no token that Kubernetes exchanges"),
        (lambda m: volume(m, "tls")["secret"].update(secretName="trivet-tls"), "there is no Secret trivet-tls"),
        (probe_without_tls, "no readiness probe by its own command"),
        (lambda m: server(m)["livenessProbe"]["exec"]["command"].append("--ready"), "liveness asks the database"),
        (lambda m: server(m)["readinessProbe"]["exec"]["command"].pop(), "readiness does not ask"),
        (
            lambda m: server(m, "trivet-gateway")["livenessProbe"]["httpGet"].pop("scheme"),
            "no liveness probe by HTTPS",
        ),
        (
            lambda m: named(m, "Service", "trivet-registry")["spec"]["ports"][0].update(
                appProtocol="kubernetes.io/h2c"
            ),
            "HTTP/2 in the clear",
        ),
        (
            lambda m: named(m, "NetworkPolicy", "servers-call-the-issuer-of-people")["spec"]["egress"][0].update(
                to=[{"ipBlock": {"cidr": "0.0.0.0/0"}}]
            ),
            "egress is open to everybody",
        ),
    ],
)
def test_bad_variant_is_refused(spoil: Callable[[Manifests], object], found: str) -> None:
    manifests = rendered(TEAMS)
    spoil(manifests)
    assert any(found in finding for finding in findings(manifests)), findings(manifests)
