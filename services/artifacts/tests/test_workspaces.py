"""Workspaces see nothing of each other, and what one may not see answers like what is not there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_proto.artifacts.v1 import content_pb2, direct_pb2, garbage_pb2, upload_pb2, verification_pb2
from trivet_testing.artifacts import Artifacts, messages, whole
from trivet_testing.errors import error_of
from trivet_testing.workspaces import unused_workspace


def test_same_owner_in_another_workspace_is_another_owner(artifacts: Artifacts) -> None:
    other = Artifacts(artifacts.stub, unused_workspace())
    artifacts.upload(artifacts.run(), "d/file", b"mine")
    assert other.paths(other.run(), recursive=True) == []
    assert error_of(lambda: other.download(other.run(), "d/file")).reason == "ARTIFACT_NOT_FOUND"
    assert other.delete(other.run()) == 0
    other.upload(other.run(), "d/file", b"theirs")
    assert artifacts.download(artifacts.run(), "d/file")[1] == b"mine"
    assert other.delete(other.run()) == 1
    assert artifacts.download(artifacts.run(), "d/file")[1] == b"mine"


def test_page_token_of_another_workspace_is_refused(artifacts: Artifacts) -> None:
    for path in ("a", "b"):
        artifacts.upload(artifacts.run(), path, b"x")
    token = artifacts.stub.ListArtifacts(pb.ListArtifactsRequest(owner=artifacts.run(), page_size=1)).next_page_token
    stolen = pb.ListArtifactsRequest(
        owner=Artifacts(artifacts.stub, unused_workspace()).run(), page_size=1, page_token=token
    )
    assert error_of(lambda: artifacts.stub.ListArtifacts(stolen)).reason == "PAGE_TOKEN_INVALID"


NOWHERE = "workspaces/nowhere/runs/r"
NO_UPLOAD = "workspaces/nowhere/uploads/" + "0" * 32
CALLS: dict[str, Callable[[Artifacts], object]] = {
    "UploadArtifacts": lambda artifacts: artifacts.upload_all(messages(NOWHERE, "f", b"x")),
    "UploadArtifact": lambda artifacts: artifacts.stub.UploadArtifact(
        pb.UploadArtifactRequest(file=whole(NOWHERE, "f", b"x").file)
    ),
    "DownloadArtifact": lambda artifacts: artifacts.download(NOWHERE, "f"),
    "DownloadArtifacts": lambda artifacts: artifacts.download_several(NOWHERE, ["f"]),
    "GetArtifact": lambda artifacts: artifacts.get(NOWHERE, "f"),
    "ListArtifacts": lambda artifacts: artifacts.paths(NOWHERE),
    "DeleteArtifacts": lambda artifacts: artifacts.delete(NOWHERE, "f"),
    "LinkArtifacts": lambda artifacts: artifacts.link(NOWHERE, "", "workspaces/nowhere/runs/s"),
    "GetManifest": lambda artifacts: artifacts.stub.GetManifest(content_pb2.GetManifestRequest(owner=NOWHERE)),
    "FindMissingContents": lambda artifacts: artifacts.stub.FindMissingContents(
        content_pb2.FindMissingContentsRequest(parent="workspaces/nowhere")
    ),
    "CommitArtifacts": lambda artifacts: artifacts.stub.CommitArtifacts(
        content_pb2.CommitArtifactsRequest(files=[content_pb2.NewArtifact(owner=NOWHERE, path="f")])
    ),
    "CreateUpload": lambda artifacts: artifacts.stub.CreateUpload(
        upload_pb2.CreateUploadRequest(owner=NOWHERE, path="f", size_bytes=1)
    ),
    "GetUpload": lambda artifacts: artifacts.stub.GetUpload(upload_pb2.GetUploadRequest(name=NO_UPLOAD)),
    "DeleteUpload": lambda artifacts: artifacts.stub.DeleteUpload(upload_pb2.DeleteUploadRequest(name=NO_UPLOAD)),
    "SignUploadParts": lambda artifacts: artifacts.stub.SignUploadParts(
        direct_pb2.SignUploadPartsRequest(upload=NO_UPLOAD, parts=[direct_pb2.UploadPart(number=1, sha256=bytes(32))])
    ),
    "CompleteUpload": lambda artifacts: artifacts.stub.CompleteUpload(
        direct_pb2.CompleteUploadRequest(upload=NO_UPLOAD, sha256=bytes(32), part_sha256=[bytes(32)])
    ),
    "GetDownloadUrl": lambda artifacts: artifacts.stub.GetDownloadUrl(
        direct_pb2.GetDownloadUrlRequest(owner=NOWHERE, path="f")
    ),
    "CollectGarbage": lambda artifacts: artifacts.stub.CollectGarbage(
        garbage_pb2.CollectGarbageRequest(parent="workspaces/nowhere")
    ),
    "VerifyContents": lambda artifacts: artifacts.stub.VerifyContents(
        verification_pb2.VerifyContentsRequest(parent="workspaces/nowhere")
    ),
    "GetSpaceUsage": lambda artifacts: artifacts.stub.GetSpaceUsage(
        garbage_pb2.GetSpaceUsageRequest(parent="workspaces/nowhere")
    ),
    "GetRetentionPolicy": lambda artifacts: artifacts.stub.GetRetentionPolicy(
        garbage_pb2.GetRetentionPolicyRequest(parent="workspaces/nowhere")
    ),
    "UpdateRetentionPolicy": lambda artifacts: artifacts.stub.UpdateRetentionPolicy(
        garbage_pb2.UpdateRetentionPolicyRequest(policy=garbage_pb2.RetentionPolicy(parent="workspaces/nowhere"))
    ),
    "CreateHold": lambda artifacts: artifacts.stub.CreateHold(garbage_pb2.CreateHoldRequest(owner=NOWHERE)),
    "DeleteHold": lambda artifacts: artifacts.stub.DeleteHold(garbage_pb2.DeleteHoldRequest(owner=NOWHERE)),
    "ListHolds": lambda artifacts: artifacts.stub.ListHolds(garbage_pb2.ListHoldsRequest(parent="workspaces/nowhere")),
}


def test_every_method_is_asked_here() -> None:
    assert CALLS.keys() == {method.name for method in pb.DESCRIPTOR.services_by_name["ArtifactService"].methods}


@pytest.mark.parametrize("method", CALLS)
def test_unknown_workspace_is_not_found(artifacts: Artifacts, method: str) -> None:
    failure = error_of(lambda: CALLS[method](artifacts))
    assert (failure.code.name, failure.reason) == ("NOT_FOUND", "WORKSPACE_NOT_FOUND")


@pytest.mark.parametrize("pair", [(NOWHERE, "run"), ("run", NOWHERE)])
def test_link_across_workspaces_is_refused(artifacts: Artifacts, pair: tuple[str, str]) -> None:
    source, destination = (artifacts.run() if name == "run" else name for name in pair)
    assert error_of(lambda: artifacts.link(source, "", destination)).reason == "WORKSPACES_MIXED"
