"""Streams that are open while the policy file changes: they end for those who may no more, and go on for all others."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import trivet
from trivet_proto.artifacts.v1 import artifact_service_pb2 as files_pb
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1 import watch_pb2
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing import artifacts, tracking
from trivet_testing.errors import error_of, outcome
from trivet_testing.openid import signed
from trivet_testing.policies import key_entry, write_policy
from trivet_testing.servers import ServerProcess
from trivet_testing.waiting import wait_until

BITES_SECONDS = 5.0
"""A change of the policy file is in force after so long (security.md)."""
PARENT = "workspaces/team-a"
OWNER = f"{PARENT}/runs/r1"
CONTENT = b"x" * (32 * 1024 * 1024)
"""More than connections hold for one who does not read."""
Metadata = tuple[tuple[str, str], ...]

WITHDRAWALS: dict[str, tuple[dict[str, Any], str]] = {
    "revoked": ({"revoked_tokens": ["of-ann"]}, "CREDENTIALS_INVALID"),
    "denied": ({"deny": ["user:trivet/ann"]}, "CREDENTIALS_INVALID"),
    "without the key": ({"token_keys": []}, "CREDENTIALS_INVALID"),
    "without a role": ({"workspaces": {"team-a": {}}}, "WORKSPACE_NOT_FOUND"),
}
READS_ONLY = {"workspaces": {"team-a": {"roles": {"reader": ["user:trivet/ann"], "writer": ["user:trivet/bob"]}}}}


@dataclass
class House:
    """A tracking server and an artifact service that share a policy file."""

    key: Ed25519PrivateKey
    file: Path
    process: ServerProcess
    runs: TrackingServiceStub
    files: ArtifactServiceStub

    def change(self, **parts: object) -> None:
        """Ann and Bob write in team-a, but for what is said otherwise."""
        roles = {"writer": ["user:trivet/ann", "user:trivet/bob"]}
        policy = {"token_keys": [key_entry("own", self.key)], "workspaces": {"team-a": {"roles": roles}}}
        write_policy(self.file, policy | parts)

    def token(self, name: str, *, token_id: str = "", expires_in: float = 3600) -> str:
        now = int(time.time())
        said = {"iss": "trivet", "aud": "trivet", "sub": name, "iat": now, "exp": int(now + expires_in)}
        return signed({"alg": "EdDSA", "kid": "own"}, said | {"jti": token_id or f"of-{name}"}, self.key)

    def as_user(self, name: str, *, expires_in: float = 3600) -> Metadata:
        return (("authorization", f"Bearer {self.token(name, expires_in=expires_in)}"),)

    def watch(self, name: str, metadata: Metadata | None = None) -> Iterator[watch_pb2.WatchRunsResponse]:
        """A watch that has begun."""
        request = watch_pb2.WatchRunsRequest(parent=PARENT)
        answers: Iterator[watch_pb2.WatchRunsResponse] = self.runs.WatchRuns(
            request, metadata=metadata or self.as_user(name), timeout=120
        )
        next(answers)
        return answers

    def wait_until_refused(self, reason: str, metadata: Metadata) -> None:
        """Waits until new calls that write are refused for a reason."""
        request = pb.CreateRunRequest(parent=PARENT)

        def refused() -> bool:
            answer = outcome(lambda: self.runs.CreateRun(request, metadata=metadata, timeout=60))
            return getattr(answer, "reason", None) == reason

        wait_until(refused)


class Writes:
    """A StreamWrites that was let in."""

    def __init__(self, house: House, name: str, metadata: Metadata | None = None) -> None:
        metadata = metadata or house.as_user(name)
        self.run = house.runs.CreateRun(pb.CreateRunRequest(parent=PARENT), metadata=metadata, timeout=60).name
        self._waiting: queue.Queue[pb.StreamWritesRequest | None] = queue.Queue()
        self._answers = house.runs.StreamWrites(iter(self._waiting.get, None), metadata=metadata, timeout=120)
        self._sent = 0
        self.send()

    def send(self) -> None:
        """Sends a message, and waits until it is acknowledged."""
        self._sent += 1
        write = pb.WriteRunRequest(run=self.run, writer_id=1, sequence=self._sent)
        self._waiting.put(pb.StreamWritesRequest(write=write))
        while next(self._answers).acknowledged_count < self._sent:
            pass

    def send_on(self) -> None:
        """Sends until it is refused."""
        while True:
            self.send()

    def close(self) -> None:
        """Sends no more."""
        self._waiting.put(None)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    policy = tmp_path / "policy.yaml"
    env = {"TRIVET_POLICY": str(policy), "TRIVET_WORKSPACES": ""}
    place = artifacts.Place(f"sqlite:///{tmp_path / 'artifacts.db'}", str(tmp_path / "files"), env)
    database = f"sqlite:///{tmp_path / 'tracking.db'}"
    artifacts.migrate(place.database_url)
    tracking.migrate(database)
    key = Ed25519PrivateKey.generate()
    with ExitStack() as stack:
        unmade: Any = None
        house = House(key, policy, unmade, unmade, unmade)
        house.change()
        house.process = stack.enter_context(tracking.start_server(database, **env))
        files = stack.enter_context(artifacts.start_server(place))
        house.runs = TrackingServiceStub(stack.enter_context(grpc.insecure_channel(house.process.address)))
        # Else gRPC takes in ahead of the reader as much as it guesses that the network holds, on a slow day all of it.
        fixed = (("grpc.http2.bdp_probe", 0),)
        house.files = ArtifactServiceStub(stack.enter_context(grpc.insecure_channel(files.address, fixed)))
        yield house


@pytest.mark.parametrize("why", WITHDRAWALS)
def test_streams_end_with_what_let_them_in(house: House, why: str) -> None:
    change, reason = WITHDRAWALS[why]
    (uploaded,) = house.files.UploadArtifacts(
        artifacts.messages(OWNER, "weights", CONTENT), metadata=house.as_user("ann"), timeout=60
    )
    assert uploaded.WhichOneof("result") == "artifact"
    watch, writes = house.watch("ann"), Writes(house, "ann")
    writes.send()
    request = files_pb.DownloadArtifactRequest(owner=OWNER, path="weights")
    download = house.files.DownloadArtifact(request, metadata=house.as_user("ann"), timeout=120)
    next(download)

    began = time.monotonic()
    house.change(**change)
    # Nothing happens in the workspace meanwhile: only every 10 seconds a watch says that it is there.
    assert error_of(lambda: list(watch)).reason == reason
    assert time.monotonic() - began < BITES_SECONDS
    assert error_of(writes.send_on).reason == reason
    assert error_of(lambda: list(download)).reason == reason
    for method in ("WatchRuns", "StreamWrites"):
        said = house.process.wait_for_line(rf'"method": "\S+/{method}".*"reason": "{reason}"', on="stderr")
        assert "of-ann" not in said.group()


def test_who_may_only_read_now_writes_no_more_and_goes_on_reading(house: House) -> None:
    watch, writes = house.watch("ann"), Writes(house, "ann")
    writes.send()
    house.change(**READS_ONLY)
    house.wait_until_refused("PERMISSION_DENIED", house.as_user("ann"))
    assert error_of(writes.send_on).reason == "PERMISSION_DENIED"
    later = Writes(house, "bob")
    assert any(change.run.name == later.run for answer in watch for change in answer.runs)


def test_streams_of_who_keeps_the_role_go_on_as_policies_come_and_go(house: House) -> None:
    watch, writes = house.watch("bob"), Writes(house, "bob")
    for why, (change, reason) in WITHDRAWALS.items():
        if why in ("revoked", "denied"):
            house.change(**change)
            house.wait_until_refused(reason, house.as_user("ann"))
            writes.send()
    later = Writes(house, "bob")
    assert any(change.run.name == later.run for answer in watch for change in answer.runs)
    for stream in (writes, later):
        stream.send()
        stream.close()


def test_a_token_that_only_expires_ends_no_stream(house: House) -> None:
    expiring = house.as_user("ann", expires_in=-56)  # within the skew for a while
    watch, writes = house.watch("ann", expiring), Writes(house, "ann", expiring)
    house.wait_until_refused("CREDENTIALS_INVALID", expiring)
    writes.send()
    # Verified anew, as after every change of the file, it counts as it did when the stream began.
    house.change(deny=["user:trivet/bob"])
    house.wait_until_refused("CREDENTIALS_INVALID", house.as_user("bob"))
    writes.send()
    house.change(deny=["user:trivet/ann"])
    assert error_of(lambda: list(watch)).reason == "CREDENTIALS_INVALID"
    assert error_of(writes.send_on).reason == "CREDENTIALS_INVALID"


def test_watch_of_a_job_goes_on_with_the_token_that_its_file_has_by_then(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text(house.token("ann"))
    monkeypatch.setenv("TRIVET_TOKEN_FILE", str(file))
    with (
        trivet.Client(f"grpc://{house.process.address}", workspace="team-a") as client,
        client.watch_runs() as watch,
    ):
        file.write_text(house.token("ann", token_id="next"))
        house.change(revoked_tokens=["of-ann"])
        house.process.wait_for_line(r'"method": "\S+/WatchRuns".*"reason": "CREDENTIALS_INVALID"', on="stderr")
        later = Writes(house, "bob")
        assert any(change.run_id == later.run.rpartition("/")[2] for change in watch)  # type: ignore[union-attr] # of runs
        house.change(revoked_tokens=["of-ann", "next"])
        with pytest.raises(trivet.CredentialsInvalid):
            next(watch)
