"""TLS: of the gateway itself, and to the services behind it."""

from __future__ import annotations

import http.client
import json
import ssl
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from trivet_testing.authorities import Authority
from trivet_testing.gateways import gateway_before
from trivet_testing.servers import ServerProcess, run_to_exit

EXPERIMENT = "/api/2.0/mlflow/experiments/get?experiment_id=0"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def identity(authority: Authority) -> dict[str, str]:
    certificate, key = authority.issue("server")
    return {"TRIVET_TLS_CERT": str(certificate), "TRIVET_TLS_KEY": str(key)}


@pytest.fixture(scope="module")
def tracking_by_tls(identity: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    database = f"sqlite:///{tmp_path_factory.mktemp('tracking') / 'tracking.db'}"
    command = [sys.executable, "-m", "trivet_tracking"]
    assert run_to_exit([*command, "migrate"], {"TRIVET_DATABASE_URL": database}).returncode == 0
    settings = {"TRIVET_DATABASE_URL": database, "TRIVET_LISTEN": "127.0.0.1:0", **identity}
    with ServerProcess.start([*command, "serve"], settings, r"is ready: grpc (\S+)$") as server:
        yield f"grpcs://{server.address}"


def asked(host: str, path: str, authority: Path | None) -> tuple[int, dict[str, object]]:
    context = ssl.create_default_context(cafile=authority)
    connection = http.client.HTTPSConnection(host, context=context, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_services_are_reached_by_tls_whose_authority_is_trusted(
    tracking_by_tls: str, identity: dict[str, str], authority: Authority
) -> None:
    command = [sys.executable, "-m", "trivet_gateway"]
    settings = {
        "TRIVET_LISTEN": "127.0.0.1:0",
        "TRIVET_TRACKING_URL": tracking_by_tls,
        "TRIVET_UPSTREAM_CA": str(authority.certificate),
        **identity,
    }
    with ServerProcess.start([*command, "serve"], settings, r"is ready: https (\S+)$") as server:
        status, answer = asked(server.address, EXPERIMENT, authority.certificate)
        assert (status, answer["experiment"]["name"]) == (200, "Default")  # type: ignore[index] # JSON
        with pytest.raises(ssl.SSLCertVerificationError):
            asked(server.address, EXPERIMENT, None)
        plain = http.client.HTTPConnection(server.address, timeout=60)
        plain.request("GET", "/health")
        with pytest.raises((http.client.HTTPException, OSError)):
            plain.getresponse()
        plain.close()
        probe = {**settings, "TRIVET_LISTEN": server.address}
        assert run_to_exit([*command, "health"], probe).returncode == 0


def test_certificate_is_read_anew_for_those_who_connect_and_a_bad_one_is_not_taken(
    authority: Authority, identity: dict[str, str], tmp_path: Path
) -> None:
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    others = Authority(tmp_path)

    def put(new_certificate: str | Path, new_key: str | Path) -> None:
        for file, new in ((certificate, new_certificate), (key, new_key)):
            file.with_suffix(".new").write_bytes(Path(new).read_bytes())
            file.with_suffix(".new").rename(file)

    def serves(trusted: Authority) -> bool:
        context = ssl.create_default_context(cafile=trusted.certificate)
        with closing(http.client.HTTPSConnection(server.address, context=context, timeout=60)) as connection:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200

    put(*identity.values())
    settings = {"TRIVET_LISTEN": "127.0.0.1:0", "TRIVET_TLS_CERT": str(certificate), "TRIVET_TLS_KEY": str(key)}
    command = [sys.executable, "-m", "trivet_gateway", "serve"]
    with ServerProcess.start(command, settings, r"is ready: https (\S+)$") as server:
        assert serves(authority)
        put(identity["TRIVET_TLS_CERT"], others.issue("another")[1])
        assert serves(authority)
        server.wait_for_line("are not a certificate and its key.* The certificate before stays", on="stderr")
        put(*others.issue("server"))
        assert serves(others)
        with pytest.raises(ssl.SSLCertVerificationError):
            serves(authority)


def test_a_service_whose_authority_is_not_trusted_is_not_asked(tracking_by_tls: str) -> None:
    with gateway_before(tracking_by_tls) as gateway:
        connection = http.client.HTTPConnection(gateway.url.removeprefix("http://"), timeout=60)
        connection.request("GET", EXPERIMENT)
        assert connection.getresponse().status == 503
        connection.close()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"TRIVET_UPSTREAM_CA": "/nowhere.pem"}, "TRIVET_UPSTREAM_CA is /nowhere.pem, which cannot be read"),
        ({"TRIVET_UPSTREAM_CA": "/dev/null"}, "which has no certificate in PEM"),
        ({"TRIVET_TRACKING_URL": "https://tracking:7332"}, "grpcs:// for TLS"),
        ({"TRIVET_TLS_CERT": "/nowhere.pem"}, "TRIVET_TLS_CERT and TRIVET_TLS_KEY go together"),
    ],
)
def test_files_that_do_not_serve_are_told_of(settings: dict[str, str], said: str) -> None:
    ended = run_to_exit([sys.executable, "-m", "trivet_gateway", "serve", "--listen", "127.0.0.1:0"], settings)
    assert ended.returncode == 1
    assert said in ended.stderr


@pytest.mark.parametrize("service", ["TRACKING", "ARTIFACTS", "REGISTRY"])
def test_a_gateway_with_a_policy_sends_no_tokens_in_the_clear(service: str, tmp_path: Path) -> None:
    settings = {"TRIVET_POLICY": str(tmp_path / "policy.yaml"), f"TRIVET_{service}_URL": "grpc://elsewhere:7332"}
    ended = run_to_exit([sys.executable, "-m", "trivet_gateway", "serve", "--listen", "127.0.0.1:0"], settings)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1), ended
    assert f"TRIVET_{service}_URL is grpc://elsewhere:7332, and tokens would travel to that machine" in ended.stderr
