"""Client certificates: who has one that TLS has verified is known by it, where no token is sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trivet_proto.common.v1 import system_service_pb2 as pb
from trivet_proto.common.v1.system_service_pb2_grpc import SystemServiceStub
from trivet_testing.authorities import Authority
from trivet_testing.errors import error_of
from trivet_testing.openid import openid_provider
from trivet_testing.policies import issuer_entry, key_entry, write_policy
from trivet_testing.tracking import migrate, start_server


@dataclass(frozen=True)
class Server:
    """A server that lets in whom an authority has given a certificate."""

    authority: Authority
    address: str
    token: str
    """Of `people/ann`."""

    @contextmanager
    def client(self, name: str, alternatives: str) -> Iterator[SystemServiceStub]:
        certificate, key = self.authority.issue(name, alternatives)
        credentials = grpc.ssl_channel_credentials(
            self.authority.certificate.read_bytes(), key.read_bytes(), certificate.read_bytes()
        )
        with grpc.secure_channel(self.address, credentials) as channel:
            yield SystemServiceStub(channel)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("certificates")
    authority = Authority(folder)
    certificate, key = authority.issue("server")
    policy = folder / "policy.yaml"
    database = f"sqlite:///{folder / 'tracking.db'}"
    migrate(database)
    with openid_provider("trivet") as provider:
        write_policy(
            policy,
            {
                "issuers": {"people": issuer_entry(provider)},
                "token_keys": [key_entry("own", Ed25519PrivateKey.generate())],
                "workspaces": {"team-a": {"roles": {"reader": ["user:certificate/trainer.example.org"]}}},
                "deny": ["user:certificate/mallory.example.org"],
            },
        )
        env = {
            "TRIVET_POLICY": str(policy),
            "TRIVET_WORKSPACES": "",
            "TRIVET_TLS_CERT": str(certificate),
            "TRIVET_TLS_KEY": str(key),
            "TRIVET_TLS_CLIENT_CA": str(authority.certificate),
        }
        with start_server(database, **env) as process:
            yield Server(authority, process.address, provider.token("ann"))


def who(stub: SystemServiceStub, *metadata: tuple[str, str]) -> str:
    answer = stub.WhoAmI(pb.WhoAmIRequest(), metadata=metadata, timeout=60)
    assert answer.authenticated
    return str(answer.subject)


@pytest.mark.parametrize(
    ("alternatives", "subject"),
    [
        (
            "DNS:x.example.org,URI:spiffe://example.org/ns/team-a/sa/trainer",
            "spiffe://example.org/ns/team-a/sa/trainer",
        ),
        ("email:ann@example.org,DNS:trainer.example.org,DNS:second.example.org", "trainer.example.org"),
        ("IP:127.0.0.1", "trainer"),
        ("", "trainer"),
    ],
    ids=["URI", "DNS name", "common name", "common name alone"],
)
def test_caller_is_known_by_the_name_in_the_certificate(server: Server, alternatives: str, subject: str) -> None:
    with server.client("trainer", alternatives) as stub:
        assert who(stub) == f"certificate/{subject}"


def test_certificate_has_the_roles_of_its_name(server: Server) -> None:
    for name, workspaces in (("trainer.example.org", ["workspaces/team-a"]), ("other.example.org", [])):
        with server.client("somebody", f"DNS:{name}") as stub:
            answer = stub.ListWorkspaces(pb.ListWorkspacesRequest(), timeout=60)
            assert [workspace.name for workspace in answer.workspaces] == workspaces


def test_token_counts_more_than_the_certificate_also_where_it_is_refused(server: Server) -> None:
    with server.client("gateway", "DNS:gateway.example.org") as stub:
        assert who(stub, ("authorization", f"Bearer {server.token}")) == "people/ann"
        for refused in ("Bearer forged", "", f"Basic {server.token}"):
            failure = error_of(lambda refused=refused: who(stub, ("authorization", refused)))  # type: ignore[misc]
            assert failure.reason == "CREDENTIALS_INVALID"


def test_denied_certificate_is_refused(server: Server) -> None:
    with server.client("mallory", "DNS:mallory.example.org") as stub:
        assert error_of(lambda: who(stub)).reason == "CREDENTIALS_INVALID"


def test_nobody_says_a_name_by_metadata(server: Server) -> None:
    with server.client("trainer", "DNS:x.example.org") as stub:
        for key in ("certificate", "x-certificate", "x509_common_name", "x-forwarded-client-cert"):
            assert who(stub, (key, "trainer.example.org")) == "certificate/x.example.org"
