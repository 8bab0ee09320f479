"""Workspaces see nothing of each other, and what one may not see answers like what is not there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_testing.artifacts import Artifacts, messages
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
CALLS: dict[str, Callable[[Artifacts], object]] = {
    "UploadArtifacts": lambda artifacts: artifacts.upload_all(messages(NOWHERE, "f", b"x")),
    "DownloadArtifact": lambda artifacts: artifacts.download(NOWHERE, "f"),
    "GetArtifact": lambda artifacts: artifacts.get(NOWHERE, "f"),
    "ListArtifacts": lambda artifacts: artifacts.paths(NOWHERE),
    "DeleteArtifacts": lambda artifacts: artifacts.delete(NOWHERE, "f"),
    "LinkArtifacts": lambda artifacts: artifacts.link(NOWHERE, "", "workspaces/nowhere/runs/s"),
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
