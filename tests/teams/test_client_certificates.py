"""Servers that ask every client for a certificate: a training that has one, and the registry as a client of files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

import trivet
from trivet_testing.authorities import Authority
from trivet_testing.policies import write_policy
from trivet_testing.servers import ServerNotReadyError, ServerProcess, free_port

PROGRAMS = {"tracking": "trivet_tracking", "artifacts": "trivet_artifacts", "registry": "trivet_registry"}


@dataclass(frozen=True)
class House:
    """Three services that speak TLS both ways."""

    authority: Authority
    urls: dict[str, str]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    authority = Authority(folder)
    certificate, key = map(str, authority.issue("server"))
    write_policy(
        folder / "policy.yaml",
        {
            "workspaces": {"team-a": {"roles": {"writer": ["user:certificate/trainer"]}}},
            # A certificate cannot be sent on: the registry links files for such callers as itself.
            "server": {"maintenance": ["user:certificate/server"]},
        },
    )
    settings = {
        "TRIVET_POLICY": str(folder / "policy.yaml"),
        "TRIVET_TLS_CERT": certificate,
        "TRIVET_TLS_KEY": key,
        "TRIVET_TLS_CLIENT_CA": str(authority.certificate),
        "TRIVET_UPSTREAM_CA": str(authority.certificate),
        "TRIVET_UPSTREAM_CERT": certificate,
        "TRIVET_UPSTREAM_KEY": key,
    }
    urls = {name: f"grpcs://127.0.0.1:{free_port()}" for name in PROGRAMS}
    with ExitStack() as stack:
        for name, module in PROGRAMS.items():
            environment = settings | {"TRIVET_DATABASE_URL": f"sqlite:///{folder / name}.db"}
            if name == "artifacts":
                environment["TRIVET_ARTIFACT_STORE"] = str(folder / "files")
            command = [sys.executable, "-m", module]
            with ServerProcess.start([*command, "migrate"], environment, r"^Schema "):
                pass
            listen = urls[name].removeprefix("grpcs://")
            serve = [*command, "serve", "--listen", listen]
            if name == "registry":
                serve += ["--artifacts-url", urls["artifacts"]]
            stack.enter_context(ServerProcess.start(serve, environment, r" is ready: grpc "))
        yield House(authority, urls)


@pytest.fixture
def settings(house: House, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, url in house.urls.items():
        monkeypatch.setenv(f"TRIVET_{name.upper()}_URL", url)
    monkeypatch.setenv("TRIVET_WORKSPACE", "team-a")
    monkeypatch.setenv("TRIVET_CA_FILE", str(house.authority.certificate))
    return monkeypatch


def test_a_training_is_known_by_its_certificate(house: House, settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certificate, key = house.authority.issue("trainer", "")
    settings.setenv("TRIVET_CLIENT_CERT", str(certificate))
    settings.setenv("TRIVET_CLIENT_KEY", str(key))
    (tmp_path / "weights.bin").write_bytes(b"weights")
    with trivet.Client() as client:
        assert client.whoami().user == "certificate/trainer"
        run = client.create_run("0").info.run_id
        client.log_artifact(run, str(tmp_path / "weights.bin"), "model")
        client.create_registered_model("net")
        version = client.create_model_version("net", f"runs:/{run}/model", run)
        assert version.status == "READY"


def test_nobody_gets_a_connection_without_a_certificate(settings: pytest.MonkeyPatch) -> None:
    with trivet.Client(timeout_seconds=5) as client, pytest.raises(trivet.ServerUnavailable):
        client.whoami()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"TRIVET_CLIENT_CERT": "ca.pem"}, "go together"),
        (
            {"TRIVET_CLIENT_CERT": "ca.pem", "TRIVET_CLIENT_KEY": "nowhere"},
            "TRIVET_CLIENT_KEY is nowhere, which cannot",
        ),
    ],
)
def test_half_a_certificate_is_said(
    house: House, settings: pytest.MonkeyPatch, names: dict[str, str], said: str
) -> None:
    settings.chdir(house.authority.certificate.parent)
    for name, file in names.items():
        settings.setenv(name, file)
    with trivet.Client() as client, pytest.raises(trivet.TargetInvalid, match=said):
        client.whoami()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"TRIVET_UPSTREAM_CERT": "ca.pem"}, "TRIVET_UPSTREAM_CERT and TRIVET_UPSTREAM_KEY go together"),
        ({"TRIVET_UPSTREAM_CERT": "ca.pem", "TRIVET_UPSTREAM_KEY": "ca.pem"}, "are not a certificate and its key"),
        ({"TRIVET_UPSTREAM_CA": "policy.yaml"}, "TRIVET_UPSTREAM_CA is policy.yaml, which has no certificate in PEM"),
        ({"TRIVET_UPSTREAM_CA": "nowhere"}, "TRIVET_UPSTREAM_CA is nowhere, which cannot be read"),
    ],
)
def test_a_gateway_does_not_start_with_half_a_certificate(house: House, setting: dict[str, str], said: str) -> None:
    command = [sys.executable, "-m", "trivet_gateway", "serve", "--listen", "127.0.0.1:0"]
    with pytest.raises(ServerNotReadyError) as caught:
        ServerProcess.start(command, setting, "is ready", cwd=house.authority.certificate.parent)
    assert said in str(caught.value)
    assert "Traceback" not in str(caught.value)
