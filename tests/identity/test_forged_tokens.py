"""A hundred kinds of forged tokens: none is let in, none learns why, and none reaches what it asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trivet_proto.tracking.v1 import experiment_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.errors import CallFailure, error_of
from trivet_testing.forged_tokens import Scene, forged, genuine
from trivet_testing.openid import PrivateKey, ec_key, openid_provider, rsa_key
from trivet_testing.policies import issuer_entry, key_entry, write_policy
from trivet_testing.servers import ServerProcess
from trivet_testing.tracking import migrate, start_server
from trivet_testing.waiting import wait_until

PARENT = "workspaces/team-a"
SENTENCE = "The call has no valid credentials. Send `authorization: Bearer TOKEN`."


@dataclass(frozen=True)
class Server:
    """A tracking server in whose workspace everybody may write whom it believes, and who those are."""

    scene: Scene
    process: ServerProcess
    stub: TrackingServiceStub

    def create(self, name: str, authorizations: tuple[str, ...]) -> experiment_pb2.Experiment:
        experiment = experiment_pb2.Experiment(display_name=name)
        request = pb.CreateExperimentRequest(parent=PARENT, experiment=experiment)
        metadata = tuple(("authorization", value) for value in authorizations)
        answer: experiment_pb2.Experiment = self.stub.CreateExperiment(request, timeout=60, metadata=metadata)
        return answer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("forged")
    keys: dict[str, PrivateKey] = {"rsa": rsa_key("rsa"), "ec": ec_key(), "ed": Ed25519PrivateKey.generate()}
    with openid_provider("trivet", keys) as provider, openid_provider("trivet", {"rsa": rsa_key("other")}) as other:
        scene = Scene(provider, other, Ed25519PrivateKey.generate())
        policy = folder / "policy.yaml"
        write_policy(
            policy,
            {
                "issuers": {
                    "people": issuer_entry(provider, algorithms=["RS256", "ES256", "EdDSA"]),
                    "machines": issuer_entry(other),
                },
                "token_keys": [key_entry("own", scene.own_key)],
                "workspaces": {"team-a": {"roles": {"writer": ["user:people/*", "user:machines/*"]}}},
            },
        )
        database = f"sqlite:///{folder / 'tracking.db'}"
        migrate(database)
        with (
            start_server(database, TRIVET_POLICY=str(policy), TRIVET_WORKSPACES="") as process,
            grpc.insecure_channel(process.address) as channel,
        ):
            yield Server(scene, process, TrackingServiceStub(channel))


def test_genuine_tokens_are_let_in(server: Server) -> None:
    for name, authorizations in genuine(server.scene).items():
        assert server.create(f"genuine: {name}", authorizations).name.startswith(PARENT), name


def test_forged_tokens_are_refused_alike_and_nothing_is_done(server: Server) -> None:
    kinds = forged(server.scene)
    assert len(kinds) > 250

    def refused(kind: str) -> CallFailure:
        return error_of(lambda: server.create(f"forged: {kind}", kinds[kind]))

    # Those that name a key that nobody knows wait until the issuer was asked for it, all for one answer.
    with ThreadPoolExecutor(16) as threads:
        failures = dict(zip(kinds, threads.map(refused, kinds), strict=True))
    told = {kind: (failure.code.name, failure.reason, failure.message) for kind, failure in failures.items()}
    assert told == dict.fromkeys(kinds, ("UNAUTHENTICATED", "CREDENTIALS_INVALID", SENTENCE))
    assert {(str(failure.metadata), failure.fields, failure.retry_seconds) for failure in failures.values()} == {
        ("{}", (), None)
    }
    (authorization,) = genuine(server.scene)["RS256"]
    request = pb.SearchExperimentsRequest(parent=PARENT, page_size=1000)
    listed = server.stub.SearchExperiments(request, metadata=(("authorization", authorization),), timeout=60)
    assert [experiment.display_name for experiment in listed.experiments if "forged" in experiment.display_name] == []


def test_log_says_why_and_never_shows_a_token(server: Server) -> None:
    for kind in ("exp expired", "aud 'else'", "a stranger's key", "alg 'none' without a signature"):
        error_of(lambda kind=kind: server.create("x", forged(server.scene)[kind]))  # type: ignore[misc]
    for why in (
        *("it has expired", "its aud names none of the audiences that are accepted"),
        *("its signature is not of what it says", "it is not three parts of base64url"),
    ):
        server.process.wait_for_line(f"call refused: {why}", on="stderr")

    def principals() -> list[str | None]:
        lines = [json.loads(line) for line in server.process.stderr.splitlines()]
        calls = {line["request_id"]: line["principal"] for line in lines if line["message"] == "call"}
        return [calls.get(line["request_id"]) for line in lines if line["message"].startswith("call refused: ")]

    wait_until(lambda: set(principals()) == {"anonymous"})  # the line of a call follows its answer
    assert "eyJ" not in server.process.stderr


def test_token_in_another_place_is_none(server: Server) -> None:
    (value,) = genuine(server.scene)["RS256"]
    token = value.split()[1]
    request = pb.SearchExperimentsRequest(parent=PARENT)
    places: tuple[tuple[str, str | bytes], ...] = (
        *(("cookie", f"token={token}"), ("x-authorization", value), ("proxy-authorization", value)),
        *(("authorization-bin", value.encode()), ("access_token", token), ("x-forwarded-user", "people/ann")),
        ("x-client-certificate", "people/ann"),
    )
    for place in places:
        failure = error_of(lambda place=place: server.stub.SearchExperiments(request, metadata=(place,), timeout=60))  # type: ignore[misc]
        assert (failure.reason, failure.message) == ("CREDENTIALS_INVALID", SENTENCE), place[0]
