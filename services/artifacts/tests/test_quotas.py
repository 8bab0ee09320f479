"""How many bytes a workspace may keep: what is refused, when, and what makes room again."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import grpc
import pytest
import urllib3
from google.protobuf.duration_pb2 import Duration

from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_proto.artifacts.v1 import direct_pb2, garbage_pb2, upload_pb2
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_proto.common.v1 import system_service_pb2
from trivet_proto.common.v1.system_service_pb2_grpc import SystemServiceStub
from trivet_testing.artifacts import Artifacts, Place, messages, migrate, whole
from trivet_testing.errors import CallFailure, error_of, failure_in, outcome
from trivet_testing.limited_server import start_limited, write_quotas
from trivet_testing.waiting import wait_until

MAX_BYTES = 12 * 1024 * 1024
MIB = 1024 * 1024
TEAMS = tuple(f"test-{number}" for number in range(10, 20))
RANDOM = random.Random(63)
HTTP = urllib3.PoolManager(retries=False)


@pytest.fixture(scope="module")
def channel(shared_place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[grpc.Channel]:
    """A channel to a server whose workspaces have little room, beside the shared one."""
    policy: Path = tmp_path_factory.mktemp("policy") / "policy.yaml"
    write_quotas(policy, {team: {"bytes": MAX_BYTES} for team in TEAMS})
    migrate(shared_place.database_url)
    with (
        start_limited("artifacts", shared_place.database_url, policy, shared_place.store, **shared_place.env) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        yield channel
        assert "Traceback" not in server.stderr


@pytest.fixture(scope="module")
def teams() -> Iterator[str]:
    return iter(TEAMS)


@pytest.fixture
def artifacts(channel: grpc.Channel, teams: Iterator[str]) -> Artifacts:
    """The server, in a workspace that no other test uses."""
    return Artifacts(ArtifactServiceStub(channel), next(teams))


def used(channel: grpc.Channel, workspace: str) -> int:
    request = system_service_pb2.GetWorkspaceUsageRequest(workspace=f"workspaces/{workspace}")
    quotas = {each.quota: each for each in SystemServiceStub(channel).GetWorkspaceUsage(request, timeout=30).quotas}
    assert quotas["bytes"].limit == MAX_BYTES
    return quotas["bytes"].used


def check_refused(failure: CallFailure, workspace: str) -> None:
    assert failure.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert failure.reason == "QUOTA_EXCEEDED"
    assert failure.metadata == {"workspace": workspace, "quota": "bytes", "limit": str(MAX_BYTES)}
    assert failure.retry_seconds is None


def test_a_file_that_is_too_much_is_refused_and_leaves_nothing(channel: grpc.Channel, artifacts: Artifacts) -> None:
    run, workspace = artifacts.run(), artifacts.workspace
    first = RANDOM.randbytes(8 * MIB)
    artifacts.upload(run, "first", first)
    # At its beginning where its size is said, else at its end.
    second = RANDOM.randbytes(8 * MIB)
    check_refused(artifacts.refusal(run, "second", second, size_bytes=len(second)), workspace)
    check_refused(artifacts.refusal(run, "second", second), workspace)
    assert used(channel, workspace) == len(first)
    # The same bytes again take no room, once it is seen that they do not.
    artifacts.upload(run, "third", RANDOM.randbytes(MIB))
    assert used(channel, workspace) == 9 * MIB
    assert artifacts.download(run, "first")[1] == first


def test_small_files_are_taken_as_long_as_there_is_room(channel: grpc.Channel, artifacts: Artifacts) -> None:
    run, workspace = artifacts.run(), artifacts.workspace
    files = {f"{number}": RANDOM.randbytes(MIB) for number in range(20)}
    answers = artifacts.upload_all(whole(run, path, content) for path, content in files.items())
    refused = [answer for answer in answers if answer.WhichOneof("result") == "refused"]
    assert len(answers) == len(files)
    for answer in refused:
        check_refused(failure_in(answer.refused), workspace)
    # Files that come together are taken or refused together, up to 2 MiB of them.
    assert 10 <= len(answers) - len(refused) <= 12
    assert used(channel, workspace) == (len(answers) - len(refused)) * MIB
    for answer in answers:
        if answer.WhichOneof("result") == "artifact":
            assert artifacts.download(run, answer.artifact.path)[1] == files[answer.artifact.path]

    # There is room for two more at most.
    last = None
    for number in range(4):
        request = pb.UploadArtifactRequest(file=whole(run, f"more-{number}", RANDOM.randbytes(MIB)).file)
        last = outcome(partial(artifacts.stub.UploadArtifact, request, timeout=30))
    assert isinstance(last, CallFailure)
    check_refused(last, workspace)


def test_what_is_deleted_makes_room_when_it_is_collected(channel: grpc.Channel, artifacts: Artifacts) -> None:
    run, workspace = artifacts.run(), artifacts.workspace
    artifacts.upload(run, "large", RANDOM.randbytes(10 * MIB))
    artifacts.stub.DeleteArtifacts(pb.DeleteArtifactsRequest(owner=run, path="large"), timeout=30)
    assert used(channel, workspace) == 10 * MIB
    check_refused(artifacts.refusal(run, "more", RANDOM.randbytes(5 * MIB)), workspace)
    request = garbage_pb2.CollectGarbageRequest(parent=f"workspaces/{workspace}", grace_period=Duration())
    artifacts.stub.CollectGarbage(request, timeout=60)
    wait_until(lambda: used(channel, workspace) == 0)
    content = RANDOM.randbytes(5 * MIB)
    wait_until(lambda: artifacts.upload_all(messages(run, "more", content))[0].WhichOneof("result") == "artifact")
    assert artifacts.download(run, "more")[1] == content


def test_an_upload_in_parts_counts_from_its_beginning(channel: grpc.Channel, artifacts: Artifacts) -> None:
    run, workspace = artifacts.run(), artifacts.workspace

    def create(path: str, size_bytes: int) -> upload_pb2.Upload:
        request = upload_pb2.CreateUploadRequest(
            owner=run, path=path, size_bytes=size_bytes, part_size_bytes=5 * MIB, resume_key=path
        )
        return artifacts.stub.CreateUpload(request, timeout=30)

    upload = create("first", 8 * MIB)
    assert used(channel, workspace) == 8 * MIB
    check_refused(error_of(lambda: create("second", 8 * MIB)), workspace)
    check_refused(artifacts.refusal(run, "third", RANDOM.randbytes(5 * MIB)), workspace)
    # Who goes on with it is not asked again.
    assert create("first", 8 * MIB).name == upload.name
    content = RANDOM.randbytes(8 * MIB)
    requests = [
        pb.UploadArtifactsRequest(start=pb.UploadStart(upload=upload.name)),
        *(pb.UploadArtifactsRequest(data=content[begin : begin + MIB]) for begin in range(0, len(content), MIB)),
        pb.UploadArtifactsRequest(finish=pb.UploadFinish(sha256=hashlib.sha256(content).digest())),
    ]
    (answer,) = artifacts.upload_all(requests)
    assert answer.WhichOneof("result") == "artifact", answer
    assert used(channel, workspace) == 8 * MIB
    # Who gives up has used nothing.
    another = create("another", 4 * MIB)
    assert used(channel, workspace) == 12 * MIB
    artifacts.stub.DeleteUpload(upload_pb2.DeleteUploadRequest(name=another.name), timeout=30)
    assert used(channel, workspace) == 8 * MIB


def test_parts_that_go_to_the_store_count_too(channel: grpc.Channel, artifacts: Artifacts, shared_place: Place) -> None:
    run, workspace = artifacts.run(), artifacts.workspace
    artifacts.upload(run, "first", RANDOM.randbytes(8 * MIB))
    request = upload_pb2.CreateUploadRequest(owner=run, path="large", size_bytes=8 * MIB)
    check_refused(error_of(lambda: artifacts.stub.CreateUpload(request, timeout=30)), workspace)
    # One whose size nobody knows is counted when it is there.
    unmeasured = upload_pb2.CreateUploadRequest(owner=run, path="large", part_count=1)
    if not shared_place.store.startswith("s3"):
        # Clients do not reach a folder, and what is not sent is not counted.
        refused = error_of(lambda: artifacts.stub.CreateUpload(unmeasured, timeout=30))
        assert refused.reason == "DIRECT_TRANSFER_UNAVAILABLE"
        assert used(channel, workspace) == 8 * MIB
        return
    upload = artifacts.stub.CreateUpload(unmeasured, timeout=30)
    sign = direct_pb2.SignUploadPartsRequest(upload=upload.name, parts=[direct_pb2.UploadPart(number=1)])
    (signed,) = artifacts.stub.SignUploadParts(sign, timeout=30).requests
    sent = HTTP.request(signed.method, signed.url, body=RANDOM.randbytes(8 * MIB), headers=dict(signed.headers))
    assert sent.status == 200
    etag = sent.headers["etag"]
    complete = direct_pb2.CompleteUploadRequest(upload=upload.name, part_etags=[etag])
    check_refused(error_of(lambda: artifacts.stub.CompleteUpload(complete, timeout=30)), workspace)
    assert used(channel, workspace) == 8 * MIB
