"""Where the artifact service gets its keys to S3, what it does when they expire, and what it says when there are none.

The keys are real, of a real MinIO; what AWS's machines give them out with is a small server of the test.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from minio.credentials.credentials import Credentials
from minio.credentials.providers import AssumeRoleProvider

from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_testing.artifacts import Artifacts, Place, migrate, start_server
from trivet_testing.depot import MIB
from trivet_testing.http_answers import serving
from trivet_testing.minio import MinioServer
from trivet_testing.openid import OpenIdProvider, openid_provider, rsa_key
from trivet_testing.servers import free_port, run_to_exit
from trivet_testing.workspaces import unused_workspace

# None of the keys of the person who runs the tests, and none of the machine that runs them.
NOBODY = {
    "AWS_ACCESS_KEY_ID": "",
    "AWS_ACCESS_KEY": "",
    "AWS_SECRET_ACCESS_KEY": "",
    "AWS_SECRET_KEY": "",
    "AWS_SESSION_TOKEN": "",
    "AWS_PROFILE": "",
    "AWS_SHARED_CREDENTIALS_FILE": "",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1",
    "AWS_REGION": "",
    "HOME": "/nowhere",
}
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
EXPIRES = "2199-01-01T00:00:00Z"
LARGE = bytes(range(256)) * (9 * MIB // 256)


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'artifacts.db'}"
    migrate(url)
    return url


def assumed_role(server: MinioServer) -> Credentials:
    """Keys with a session token, as a role has them."""
    return AssumeRoleProvider(
        sts_endpoint=server.endpoint, access_key=server.user, secret_key=server.password, region="us-east-1"
    ).retrieve()


def as_json(keys: Credentials) -> bytes:
    """Keys as the services of AWS's machines say them."""
    answer = {
        "Code": "Success",
        "AccessKeyId": keys.access_key,
        "SecretAccessKey": keys.secret_key,
        "Token": keys.session_token,
        "Expiration": EXPIRES,
    }
    return json.dumps(answer).encode()


def watch(channel: grpc.Channel) -> Iterator[int]:
    """The health of the service, whenever it changes; `x in` it waits for x."""
    request = health_pb2.HealthCheckRequest(service="trivet.artifacts.v1.ArtifactService")
    for answer in health_pb2_grpc.HealthStub(channel).Watch(request, timeout=120):
        yield answer.status


def as_profile(name: str, access_key: str, secret_key: str) -> str:
    return f"[{name}]\naws_access_key_id = {access_key}\naws_secret_access_key = {secret_key}\n"


def check_files_move(place: Place) -> None:
    """Uploads a small file and a large one through a real service, and downloads both."""
    with start_server(place) as server, grpc.insecure_channel(server.address) as channel:
        artifacts = Artifacts(ArtifactServiceStub(channel), unused_workspace())
        for path, content in (("small", b"bytes"), ("large", LARGE)):
            artifacts.upload(artifacts.run(), path, content)
            assert artifacts.download(artifacts.run(), path)[1] == content
        assert server.terminate() == 0
        assert "Traceback" not in server.stderr


def refusal(place: Place) -> str:
    """The one line that a start ends with which finds no credentials."""
    settings = {
        "TRIVET_LISTEN": "127.0.0.1:0",
        "TRIVET_DATABASE_URL": place.database_url,
        "TRIVET_ARTIFACT_STORE": place.store,
    }
    ended = run_to_exit([sys.executable, "-m", "trivet_artifacts", "serve"], settings | dict(place.env))
    assert (ended.returncode, ended.stdout) == (1, ""), ended
    (line,) = ended.stderr.splitlines()
    assert line.startswith("trivet-artifacts: Cannot use the bucket ")
    return line


@pytest.mark.parametrize("profile", ["", "trivet"])
def test_keys_may_come_from_a_profile_of_a_file(
    url: str, minio_server: MinioServer, tmp_path: Path, profile: str
) -> None:
    file = tmp_path / "credentials"
    right = as_profile(profile or "default", minio_server.user, minio_server.password)
    file.write_text(as_profile("other", "nobody", "no-secret-at-all") + right)
    env = NOBODY | {"AWS_SHARED_CREDENTIALS_FILE": str(file), "AWS_PROFILE": profile}
    check_files_move(Place(url, minio_server.store(minio_server.create_bucket()), env))


def test_keys_may_come_from_the_file_at_its_usual_place(url: str, minio_server: MinioServer, tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    keys = as_profile("default", minio_server.user, minio_server.password)
    (tmp_path / ".aws" / "credentials").write_text(keys)
    check_files_move(Place(url, minio_server.store(minio_server.create_bucket()), NOBODY | {"HOME": str(tmp_path)}))


def test_file_of_keys_is_read_again_when_it_changes(url: str, own_minio_server: MinioServer, tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text(as_profile("default", own_minio_server.user, own_minio_server.password))
    env = NOBODY | {"AWS_SHARED_CREDENTIALS_FILE": str(file)}
    place = Place(url, own_minio_server.store(own_minio_server.create_bucket()), env)
    with start_server(place) as server, grpc.insecure_channel(server.address) as channel:
        artifacts = Artifacts(ArtifactServiceStub(channel), unused_workspace())
        artifacts.upload(artifacts.run(), "f", b"before")
        own_minio_server.kill()
        own_minio_server.password = "another-password"
        own_minio_server.start()
        assert artifacts.refusal(artifacts.run(), "g", b"after").metadata == {"problem": "ACCESS_DENIED"}
        # As Kubernetes does it: the whole file at once.
        changed = tmp_path / "changed"
        changed.write_text(as_profile("default", own_minio_server.user, own_minio_server.password))
        changed.rename(file)
        artifacts.upload(artifacts.run(), "g", b"after")
        assert artifacts.download(artifacts.run(), "f")[1] == b"before"


def with_openid(server: MinioServer, provider: OpenIdProvider) -> str:
    """Starts MinIO anew with a role for whoever has a token of the provider; the role's name."""
    server.kill()
    server.settings = {
        "MINIO_IDENTITY_OPENID_CONFIG_URL": provider.discovery_url,
        "MINIO_IDENTITY_OPENID_CLIENT_ID": provider.client_id,
        "MINIO_IDENTITY_OPENID_ROLE_POLICY": "readwrite",
    }
    server.start()
    assert server.process is not None
    return server.process.wait_for_line(r"(arn:minio:iam:\S+)", on="stderr")[1]


def test_keys_of_a_web_identity_are_renewed_from_its_file(
    url: str, own_minio_server: MinioServer, tmp_path: Path
) -> None:
    bucket = own_minio_server.create_bucket()
    token_file = tmp_path / "token"
    with openid_provider("trivet") as provider:
        role = with_openid(own_minio_server, provider)
        env = NOBODY | {
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token_file),
            "AWS_ROLE_ARN": role,
            "AWS_ENDPOINT_URL_STS": own_minio_server.endpoint,
        }
        place = Place(url, own_minio_server.store(bucket), env)
        token_file.write_text(provider.token("artifacts", time.time() + 3600))
        check_files_move(place)

        # MinIO's keys live as long as the token that they were given for; the server must be up by then.
        short = provider.token("artifacts", time.time() + 25)
        token_file.write_text(short)
        with start_server(place) as server, grpc.insecure_channel(server.address) as channel:
            artifacts = Artifacts(ArtifactServiceStub(channel), unused_workspace())
            health = watch(channel)
            artifacts.upload(artifacts.run(), "f", LARGE)
            assert SERVING in health
            assert NOT_SERVING in health
            failure = artifacts.refusal(artifacts.run(), "g", b"bytes")
            assert (failure.code.name, failure.reason) == ("UNAVAILABLE", "ARTIFACT_STORE_UNAVAILABLE")
            assert "there are no credentials. AWS_WEB_IDENTITY_TOKEN_FILE: " in server.stderr
            token_file.write_text(provider.token("artifacts", time.time() + 3600))
            artifacts.upload(artifacts.run(), "g", b"bytes")
            assert SERVING in health
            assert artifacts.download(artifacts.run(), "f")[1] == LARGE
            assert server.terminate() == 0
            assert short not in server.stderr
            assert "WebIdentityToken" not in server.stderr


def test_token_of_a_web_identity_that_is_refused_is_told_but_not_shown(
    url: str, own_minio_server: MinioServer, tmp_path: Path
) -> None:
    bucket = own_minio_server.create_bucket()
    token_file = tmp_path / "token"
    with openid_provider("trivet") as provider, ExitStack() as stack:
        stranger = stack.enter_context(openid_provider("trivet", {"key": rsa_key("stranger")}))
        role = with_openid(own_minio_server, provider)
        env = NOBODY | {
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token_file),
            "AWS_ROLE_ARN": role,
            "AWS_ENDPOINT_URL_STS": own_minio_server.endpoint,
        }
        place = Place(url, own_minio_server.store(bucket), env)
        refused = {
            "expired": provider.token("artifacts", time.time() - 60),
            "of another key": stranger.token("artifacts", time.time() + 3600),
            "none": "no token at all",
        }
        for what, token in refused.items():
            token_file.write_text(token)
            line = refusal(place)
            assert "there are no credentials. AWS_WEB_IDENTITY_TOKEN_FILE: " in line, what
            assert own_minio_server.endpoint in line
            assert "failed with HTTP status code 4" in line
            assert token not in line
            assert "WebIdentityToken" not in line


@pytest.mark.parametrize("token_file", [False, True], ids=["open", "token"])
def test_keys_may_come_from_the_service_of_a_container(
    url: str, minio_server: MinioServer, tmp_path: Path, *, token_file: bool
) -> None:
    keys = as_json(assumed_role(minio_server))

    def answer(request: str, headers: Mapping[str, str]) -> bytes | None:
        allowed = not token_file or headers.get("authorization") == "the-token"
        return keys if allowed and request == "GET /keys" else None

    with serving(answer) as endpoint:
        # A file without keys is passed over.
        (tmp_path / "empty").write_text("")
        env = NOBODY | {
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "empty"),
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{endpoint}/keys",
        }
        place = Place(url, minio_server.store(minio_server.create_bucket()), env)
        if token_file:
            assert "failed with HTTP status code 403" in refusal(place)
            (tmp_path / "token").write_text("the-token")
            env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(tmp_path / "token")
        check_files_move(place)


def test_keys_may_come_from_the_role_of_an_ec2_machine(url: str, minio_server: MinioServer) -> None:
    keys = as_json(assumed_role(minio_server))
    roles = "GET /latest/meta-data/iam/security-credentials/"

    def answer(request: str, headers: Mapping[str, str]) -> bytes | None:
        # IMDSv2: nothing without a token, and a token only to a PUT that says for how long.
        if request == "PUT /latest/api/token":
            return b"the-token" if headers.get("x-aws-ec2-metadata-token-ttl-seconds") else None
        if headers.get("x-aws-ec2-metadata-token") != "the-token":
            return None
        return {roles: b"artifacts\n", f"{roles}artifacts": keys}.get(request)

    with serving(answer) as endpoint:
        env = NOBODY | {"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"{endpoint}/"}
        check_files_move(Place(url, minio_server.store(minio_server.create_bucket()), env))


def test_start_without_keys_where_nothing_names_a_source_says_what_to_set(url: str, minio_server: MinioServer) -> None:
    env = NOBODY | {"AWS_EC2_METADATA_SERVICE_ENDPOINT": ""}
    line = refusal(Place(url, minio_server.store(minio_server.create_bucket()), env))
    assert "there are no credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or " in line


@pytest.mark.parametrize(
    ("env", "said"),
    [
        (
            {"AWS_SHARED_CREDENTIALS_FILE": "{folder}/none"},
            "AWS_SHARED_CREDENTIALS_FILE: {folder}/none: no such file or directory.",
        ),
        (
            {"AWS_SHARED_CREDENTIALS_FILE": "{folder}/keys", "AWS_PROFILE": "none"},
            "AWS_SHARED_CREDENTIALS_FILE: access key does not exist in profile none in AWS credential file "
            "{folder}/keys.",
        ),
        (
            {"AWS_SHARED_CREDENTIALS_FILE": "{folder}/broken"},
            "AWS_SHARED_CREDENTIALS_FILE: {folder}/broken is not a credentials file as AWS's tools have it.",
        ),
        ({"AWS_ACCESS_KEY_ID": "half"}, "AWS_ACCESS_KEY_ID: it needs AWS_SECRET_ACCESS_KEY beside it."),
        (
            {"AWS_WEB_IDENTITY_TOKEN_FILE": "{folder}/none"},
            "AWS_WEB_IDENTITY_TOKEN_FILE: error in reading file {folder}/none.",
        ),
        (
            {"AWS_WEB_IDENTITY_TOKEN_FILE": "{folder}/token", "AWS_ENDPOINT_URL_STS": "http://{nobody}"},
            "AWS_WEB_IDENTITY_TOKEN_FILE: {nobody}: {refused}.",
        ),
        (
            {"AWS_WEB_IDENTITY_TOKEN_FILE": "{folder}/token", "AWS_ENDPOINT_URL_STS": "{babble}"},
            "AWS_WEB_IDENTITY_TOKEN_FILE: the answer is no XML.",
        ),
        (
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://{nobody}/keys"},
            "AWS_CONTAINER_CREDENTIALS_FULL_URI: {nobody}: {refused}.",
        ),
        (
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{babble}"},
            "AWS_CONTAINER_CREDENTIALS_FULL_URI: the answer lacks 'Expiration'.",
        ),
        (
            {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "{babble}",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "{folder}/none",
            },
            "AWS_CONTAINER_CREDENTIALS_FULL_URI: {folder}/none: no such file or directory.",
        ),
        (
            {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://{nobody}"},
            "AWS_EC2_METADATA_SERVICE_ENDPOINT: {nobody}: {refused}.",
        ),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_start_without_keys_says_what_is_wrong_with_the_sources_that_are_named(
    url: str, minio_server: MinioServer, tmp_path: Path, env: dict[str, str], said: str
) -> None:
    secret = "hunter2-hunter2"
    (tmp_path / "keys").write_text(as_profile("default", "user", secret))
    (tmp_path / "broken").write_text(f"aws_secret_access_key = {secret}\n")
    (tmp_path / "token").write_text(secret)
    with serving(lambda _request, _headers: b"{}") as babble:
        filled = {
            "folder": tmp_path,
            "nobody": f"127.0.0.1:{free_port()}",
            "refused": f"[Errno {errno.ECONNREFUSED}] {os.strerror(errno.ECONNREFUSED)}",
            "babble": babble,
        }
        named = {name: value.format(**filled) for name, value in env.items()}
        line = refusal(Place(url, minio_server.store(minio_server.create_bucket()), NOBODY | named))
    assert f"there are no credentials. {said.format(**filled)}" in line
    assert secret not in line
