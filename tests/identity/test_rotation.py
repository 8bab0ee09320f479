"""Keys that come and go, revoked tokens and issuers that are away, on two replicas that share a policy file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trivet_proto.common.v1 import system_service_pb2 as pb
from trivet_proto.common.v1.system_service_pb2_grpc import SystemServiceStub
from trivet_testing.authorities import Authority
from trivet_testing.errors import outcome
from trivet_testing.openid import OpenIdProvider, ec_key, openid_provider, rsa_key, signed
from trivet_testing.policies import issuer_entry, key_entry, write_policy
from trivet_testing.servers import ServerProcess
from trivet_testing.tracking import migrate, start_server
from trivet_testing.waiting import wait_until

BITES_SECONDS = 5.0
"""A withdrawn key and a revoked token are refused after so long (security.md)."""


@dataclass
class Replicas:
    """Servers that share a policy file, and what is in it."""

    folder: Path
    stack: ExitStack
    policy: dict[str, Any]
    processes: list[ServerProcess] = field(default_factory=list)
    stubs: list[SystemServiceStub] = field(default_factory=list)

    def change(self, **parts: object) -> None:
        self.policy |= parts
        write_policy(self.folder / "policy.yaml", self.policy)

    def start(self) -> ServerProcess:
        database = f"sqlite:///{self.folder / f'{len(self.processes)}.db'}"
        migrate(database)
        env = {"TRIVET_POLICY": str(self.folder / "policy.yaml"), "TRIVET_WORKSPACES": ""}
        process = self.stack.enter_context(start_server(database, **env))
        channel = self.stack.enter_context(grpc.insecure_channel(process.address))
        self.processes.append(process)
        self.stubs.append(SystemServiceStub(channel))
        return process

    def believe(self, token: str) -> list[bool]:
        """Whether each of them lets somebody in with a token."""
        return [self._believes(stub, token) for stub in self.stubs]

    def seconds_until_refused_by_all(self, token: str, act: Callable[[], None]) -> float:
        """How long they believe a token after something was done; without what a slow machine adds to a call."""
        assert all(self.believe(token))
        began = time.monotonic()
        act()
        slowest = 0.0

        def refused() -> bool:
            nonlocal slowest
            asked = time.monotonic()
            believed = self.believe(token)
            slowest = max(slowest, time.monotonic() - asked)
            return not any(believed)

        wait_until(refused)
        return time.monotonic() - began - slowest

    def _believes(self, stub: SystemServiceStub, token: str) -> bool:
        metadata = (("authorization", f"Bearer {token}"),)
        answer = outcome(lambda: stub.WhoAmI(pb.WhoAmIRequest(), metadata=metadata, timeout=60))
        if isinstance(answer, pb.Principal):
            return True
        assert getattr(answer, "reason", answer) == "CREDENTIALS_INVALID"
        return False


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[Replicas]:
    with ExitStack() as stack:
        new = Replicas(tmp_path, stack, {"workspaces": {"team-a": {}}})
        new.change()
        yield new


@pytest.fixture
def provider() -> Iterator[OpenIdProvider]:
    with openid_provider("trivet") as provider:
        yield provider


def own_token(key: Ed25519PrivateKey, key_id: str, token_id: str = "an-id") -> str:
    now = int(time.time())
    said = {"iss": "trivet", "aud": "trivet", "sub": "ci", "jti": token_id, "iat": now, "exp": now + 3600}
    return signed({"alg": "EdDSA", "kid": key_id}, said, key)


def test_rotated_keys_are_believed_at_once_and_withdrawn_ones_no_more(
    replicas: Replicas, provider: OpenIdProvider
) -> None:
    replicas.change(issuers={"people": issuer_entry(provider)})
    for _ in range(2):
        replicas.start()
    before = provider.token("ann")
    assert replicas.believe(before) == [True, True]

    old = provider.keys.pop("key")
    provider.keys |= {"next": ec_key(), "key": old}
    after = provider.token("ann")
    assert replicas.believe(after) == [True, True]
    assert replicas.believe(before) == [True, True]

    def withdraw() -> None:
        del provider.keys["key"]

    assert replicas.seconds_until_refused_by_all(before, withdraw) < BITES_SECONDS
    assert replicas.believe(after) == [True, True]


def test_policy_withdraws_keys_tokens_and_callers(replicas: Replicas, provider: OpenIdProvider) -> None:
    old, new = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    replicas.change(token_keys=[key_entry("old", old)], issuers={"people": issuer_entry(provider)})
    for _ in range(2):
        replicas.start()
    by_old, by_new = own_token(old, "old"), own_token(new, "new")
    assert replicas.believe(by_new) == [False, False]
    replicas.change(token_keys=[key_entry("old", old), key_entry("new", new)])
    wait_until(lambda: all(replicas.believe(by_new)))

    # The same id with another key is another key.
    for keys in ([key_entry("new", new)], [key_entry("new", new), key_entry("old", Ed25519PrivateKey.generate())]):
        replicas.change(token_keys=[key_entry("old", old), key_entry("new", new)])
        wait_until(lambda: all(replicas.believe(by_old)))
        seconds = replicas.seconds_until_refused_by_all(by_old, lambda keys=keys: replicas.change(token_keys=keys))  # type: ignore[misc]
        assert seconds < BITES_SECONDS
    assert replicas.believe(by_new) == [True, True]

    stolen, kept = own_token(new, "new", "stolen"), own_token(new, "new", "kept")
    revoke = replicas.seconds_until_refused_by_all(stolen, lambda: replicas.change(revoked_tokens=["stolen"]))
    assert revoke < BITES_SECONDS
    assert replicas.believe(kept) == [True, True]

    ann, bob = provider.token("ann", jti="of-ann"), provider.token("bob")
    deny = replicas.seconds_until_refused_by_all(ann, lambda: replicas.change(deny=["user:people/ann"]))
    assert deny < BITES_SECONDS
    assert replicas.believe(bob) == [True, True]
    forget = replicas.seconds_until_refused_by_all(bob, lambda: replicas.change(issuers={}, deny=[]))
    assert forget < BITES_SECONDS


def test_issuer_that_is_away_keeps_the_keys_it_gave(replicas: Replicas, provider: OpenIdProvider) -> None:
    own = Ed25519PrivateKey.generate()
    replicas.change(issuers={"people": issuer_entry(provider, refresh_seconds=1)}, token_keys=[key_entry("own", own)])
    first = replicas.start()
    token = provider.token("ann")
    assert replicas.believe(token) == [True]
    provider.is_away = True
    first.wait_for_line("no keys of issuer people: .* answered 403; those that it gave before stay", on="stderr")
    asked = len(provider.requests)
    wait_until(lambda: len(provider.requests) > asked + 2)
    assert replicas.believe(token) == [True]
    # Of its keys, and of where they are; not every second again.
    assert first.stderr.count("no keys of issuer people") <= 2

    # Who starts meanwhile has no keys yet, and works for others.
    second = replicas.start()
    assert replicas.believe(token) == [True, False]
    assert replicas.believe(own_token(own, "own")) == [True, True]
    provider.is_away = False
    wait_until(lambda: replicas.believe(token) == [True, True])
    for process in (first, second):
        process.wait_for_line("issuer people gives keys again", on="stderr")


def test_keys_that_an_issuer_moved_are_found_again(replicas: Replicas, provider: OpenIdProvider) -> None:
    replicas.change(issuers={"people": issuer_entry(provider, refresh_seconds=1)})
    replicas.start()
    assert replicas.believe(provider.token("ann")) == [True]
    provider.keys_path, provider.keys = "/keys/of/2", {"second": rsa_key("second")}
    wait_until(lambda: replicas.believe(provider.token("ann")) == [True])


def test_made_up_keys_make_nobody_ask_the_issuer_more_than_once_a_second(
    replicas: Replicas, provider: OpenIdProvider
) -> None:
    replicas.change(issuers={"people": issuer_entry(provider, refresh_seconds=60)})
    replicas.start()
    token = provider.token("ann")
    assert replicas.believe(token) == [True]
    stranger = rsa_key("stranger")

    def forge(number: int) -> list[bool]:
        header = {"alg": "RS256", "kid": f"made-up-{number}"}
        return replicas.believe(signed(header, provider.claims("ann"), stranger))

    began, asked = time.monotonic(), len(provider.requests)
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(forge, range(40))) == [[False]] * 40
    assert len(provider.requests) - asked <= time.monotonic() - began + 1


def test_issuers_whose_word_cannot_be_taken_are_not_believed(
    replicas: Replicas, tmp_path: Path, provider: OpenIdProvider
) -> None:
    said: dict[str, dict[str, object]] = {
        "impostor": {"issuer": "https://accounts.example.org"},
        "keyless": {"jwks_uri": None},
        "clear": {"jwks_uri": "http://keys.example.org/jwks"},
        "local": {"jwks_uri": "file:///etc/hostname"},
        "lost": {"jwks_uri": f"{provider.issuer}/nowhere"},
        "large": {"filler": "x" * 600_000},
    }
    why = {
        "impostor": "what it says of itself is of another issuer",
        "keyless": "it does not say where its keys are",
        "clear": "http://keys.example.org/jwks is not https://",
        "local": "file:///etc/hostname is not https://",
        "lost": "/nowhere answered 403",
        "large": "is larger than 524288 bytes",
        "weak": "it gives none that its tokens may be signed by",
        "private": "it gives none that its tokens may be signed by",
    }
    with ExitStack() as stack:
        others = {name: stack.enter_context(openid_provider("trivet")) for name in why}
        for name, what in said.items():
            others[name].said = what
        others["weak"].keys = {"key": rsa_key("weak", 1024)}
        others["private"].published = [{"kty": "oct", "kid": "key", "k": "c2VjcmV0"}]
        entries = {name: issuer_entry(other, refresh_seconds=1) for name, other in others.items()}
        replicas.change(issuers=entries | {"people": issuer_entry(provider)})
        process = replicas.start()
        for name, clause in why.items():
            process.wait_for_line(f"no keys of issuer {name}: .*{clause}", on="stderr")
        tokens = [other.token("ann") for other in others.values()]
        assert [replicas.believe(token) for token in tokens] == [[False]] * len(tokens)
        assert replicas.believe(provider.token("ann")) == [True]


def test_issuer_with_an_authority_of_its_own_is_asked_by_https(replicas: Replicas, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with openid_provider("trivet", tls=authority.issue("issuer")) as provider:
        trusting = issuer_entry(provider, ca_file=str(authority.certificate), refresh_seconds=1)
        replicas.change(issuers={"people": issuer_entry(provider, refresh_seconds=1)})
        process = replicas.start()
        process.wait_for_line("no keys of issuer people: .* its certificate is not good: ", on="stderr")
        token = provider.token("ann")
        assert replicas.believe(token) == [False]
        replicas.change(issuers={"people": trusting})
        wait_until(lambda: replicas.believe(token) == [True])


def test_expired_token_is_refused_though_it_was_believed_before(replicas: Replicas, provider: OpenIdProvider) -> None:
    replicas.change(issuers={"people": issuer_entry(provider)})
    replicas.start()
    token = provider.token("ann", time.time() - 58)  # within the skew for a while
    assert replicas.believe(token) == [True]
    wait_until(lambda: replicas.believe(token) == [False])
