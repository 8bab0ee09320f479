"""Paths and names that mean to reach something else: each is refused, or is data like any other."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import grpc
import pytest

from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_proto.artifacts.v1 import content_pb2, direct_pb2, garbage_pb2, upload_pb2, verification_pb2
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_testing.artifacts import Artifacts, Place, messages, migrate, start_server
from trivet_testing.errors import CallFailure, error_of, failure_in, outcome
from trivet_testing.path_payloads import payloads

SECRET = "canary-5f1c0a"
PAYLOADS = payloads()
ALLOWED = {
    "FIELD_INVALID",
    "FIELD_REQUIRED",
    "FIELD_TOO_LONG",
    "RESOURCE_NAME_INVALID",
    "WORKSPACE_NOT_FOUND",
    "WORKSPACES_MIXED",
    "ARTIFACT_NOT_FOUND",
    "ARTIFACT_PATH_TAKEN",
    "PAGE_TOKEN_INVALID",
    "ARTIFACT_CONTENT_MISSING",
    "ARTIFACT_IS_REFERENCE",
    "DIRECT_TRANSFER_UNAVAILABLE",
    "UPLOAD_NOT_FOUND",
}


def is_good(path: str) -> bool:
    """What the contract says of a path, said again in other words."""
    segments = path.split("/")
    return (
        0 < len(path.encode()) <= 1024
        and not {"", ".", ".."} & set(segments)
        and "\\" not in path
        and all(unicodedata.category(character) != "Cc" for character in path)
        and unicodedata.normalize("NFC", path) == path
    )


@dataclass(frozen=True)
class Fortress:
    """A server with a canary in every folder around its data."""

    artifacts: Artifacts
    folder: Path
    """All that is around; the data are in `data`, the server runs in `cwd`."""

    def outside(self) -> dict[str, tuple[bytes, int]]:
        """The files that no call may touch."""
        return {
            str(file): (file.read_bytes(), file.stat().st_mtime_ns)
            for file in sorted(self.folder.rglob("*"))
            if file.name == "canary.txt"
        }

    def strangers(self) -> list[str]:
        """Files that are where no file should be, by what they are called or by where they are."""
        database = re.compile(r"data/artifacts\.db(-wal|-shm)?")
        stored = re.compile(r"data/store/objects/[a-z0-9-]+/[0-9a-f]{2}/[0-9a-f]{32}")
        found = [str(file.relative_to(self.folder)) for file in self.folder.rglob("*") if file.is_file()]
        return [
            name
            for name in found
            if not (name.endswith("canary.txt") or database.fullmatch(name) or stored.fullmatch(name))
        ]


@pytest.fixture(scope="module")
def fortress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fortress]:
    folder = tmp_path_factory.mktemp("fortress")
    (folder / "cwd").mkdir()
    (folder / "data" / "store" / "objects" / "test-0").mkdir(parents=True)
    (folder / "data" / "store" / "uploads").mkdir(parents=True)
    for around in (".", "cwd", "data", "data/store", "data/store/objects", "data/store/objects/test-0"):
        (folder / around / "canary.txt").write_text(SECRET)
    place = Place(f"sqlite:///{folder / 'data' / 'artifacts.db'}", str(folder / "data" / "store"), {})
    migrate(place.database_url)
    with (
        start_server(place, cwd=folder / "cwd") as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        yield Fortress(Artifacts(ArtifactServiceStub(channel), "test-0"), folder)
        assert "Traceback" not in server.stderr


RUN = "workspaces/test-0/runs/r"
Send = Callable[[ArtifactServiceStub, str], object]


NOT_HELD = content_pb2.Content(sha256=bytes(32))


def begun_and_deleted(stub: ArtifactServiceStub, path: str) -> object:
    """An upload that is given up again, so that what it keeps under a key of its own is gone."""
    upload = stub.CreateUpload(upload_pb2.CreateUploadRequest(owner=RUN, path=path, size_bytes=1))
    stub.DeleteUpload(upload_pb2.DeleteUploadRequest(name=upload.name))
    return upload


FIELDS: dict[str, Send] = {
    "UploadArtifacts start.owner": lambda stub, text: list(stub.UploadArtifacts(messages(text, "f", b"x"))),
    "DownloadArtifact owner": lambda stub, text: list(
        stub.DownloadArtifact(pb.DownloadArtifactRequest(owner=text, path="f"))
    ),
    "DownloadArtifact path": lambda stub, text: list(
        stub.DownloadArtifact(pb.DownloadArtifactRequest(owner=RUN, path=text))
    ),
    "DownloadArtifacts owner": lambda stub, text: list(
        stub.DownloadArtifacts(pb.DownloadArtifactsRequest(owner=text, paths=["f"]))
    ),
    "DownloadArtifacts paths": lambda stub, text: list(
        stub.DownloadArtifacts(pb.DownloadArtifactsRequest(owner=RUN, paths=["f", text]))
    ),
    "GetArtifact owner": lambda stub, text: stub.GetArtifact(pb.GetArtifactRequest(owner=text, path="f")),
    "GetArtifact path": lambda stub, text: stub.GetArtifact(pb.GetArtifactRequest(owner=RUN, path=text)),
    "ListArtifacts owner": lambda stub, text: stub.ListArtifacts(pb.ListArtifactsRequest(owner=text)),
    "ListArtifacts path": lambda stub, text: stub.ListArtifacts(pb.ListArtifactsRequest(owner=RUN, path=text)),
    "ListArtifacts path, recursive": lambda stub, text: stub.ListArtifacts(
        pb.ListArtifactsRequest(owner=RUN, path=text, recursive=True)
    ),
    "ListArtifacts page_token": lambda stub, text: stub.ListArtifacts(
        pb.ListArtifactsRequest(owner=RUN, page_token=text)
    ),
    "DeleteArtifacts owner": lambda stub, text: stub.DeleteArtifacts(pb.DeleteArtifactsRequest(owner=text, path="f")),
    "DeleteArtifacts path": lambda stub, text: stub.DeleteArtifacts(
        pb.DeleteArtifactsRequest(owner="workspaces/test-0/runs/empty", path=text)
    ),
    "LinkArtifacts source_owner": lambda stub, text: stub.LinkArtifacts(
        pb.LinkArtifactsRequest(source_owner=text, source_path="f", destination_owner=RUN)
    ),
    "LinkArtifacts source_path": lambda stub, text: stub.LinkArtifacts(
        pb.LinkArtifactsRequest(source_owner="workspaces/test-0/runs/empty", source_path=text, destination_owner=RUN)
    ),
    "LinkArtifacts destination_owner": lambda stub, text: stub.LinkArtifacts(
        pb.LinkArtifactsRequest(source_owner=RUN, source_path="nothing", destination_owner=text)
    ),
    "LinkArtifacts destination_path": lambda stub, text: stub.LinkArtifacts(
        pb.LinkArtifactsRequest(
            source_owner="workspaces/test-0/runs/empty", destination_owner=RUN, destination_path=text
        )
    ),
    "GetManifest owner": lambda stub, text: stub.GetManifest(content_pb2.GetManifestRequest(owner=text)),
    "GetManifest path": lambda stub, text: stub.GetManifest(content_pb2.GetManifestRequest(owner=RUN, path=text)),
    "FindMissingContents parent": lambda stub, text: stub.FindMissingContents(
        content_pb2.FindMissingContentsRequest(parent=text)
    ),
    "CommitArtifacts owner": lambda stub, text: commit(stub, content_pb2.NewArtifact(owner=text, path="f")),
    "CommitArtifacts path": lambda stub, text: commit(
        stub, content_pb2.NewArtifact(owner=RUN, path=text, content=NOT_HELD)
    ),
    "CreateUpload owner": lambda stub, text: stub.CreateUpload(
        upload_pb2.CreateUploadRequest(owner=text, path="f", size_bytes=0)
    ),
    "CreateUpload path": begun_and_deleted,
    "GetUpload name": lambda stub, text: stub.GetUpload(upload_pb2.GetUploadRequest(name=text)),
    "GetUpload name's end": lambda stub, text: stub.GetUpload(
        upload_pb2.GetUploadRequest(name=f"workspaces/test-0/uploads/{text}")
    ),
    "UploadArtifacts upload": lambda stub, text: sent(
        stub, pb.UploadArtifactsRequest(start=pb.UploadStart(upload=f"workspaces/test-0/uploads/{text}"))
    ),
    "UploadArtifacts file": lambda stub, text: sent(
        stub, pb.UploadArtifactsRequest(file=pb.UploadFile(start=pb.UploadStart(owner=RUN, path=text)))
    ),
    "UploadArtifact owner": lambda stub, text: stub.UploadArtifact(
        pb.UploadArtifactRequest(file=pb.UploadFile(start=pb.UploadStart(owner=text, path="f")))
    ),
    "UploadArtifact path": lambda stub, text: stub.UploadArtifact(
        pb.UploadArtifactRequest(file=pb.UploadFile(start=pb.UploadStart(owner=RUN, path=text)))
    ),
    "GetDownloadUrl owner": lambda stub, text: stub.GetDownloadUrl(
        direct_pb2.GetDownloadUrlRequest(owner=text, path="f")
    ),
    "GetDownloadUrl path": lambda stub, text: stub.GetDownloadUrl(
        direct_pb2.GetDownloadUrlRequest(owner=RUN, path=text)
    ),
    "CreateHold owner": lambda stub, text: stub.CreateHold(garbage_pb2.CreateHoldRequest(owner=text)),
    "VerifyContents parent": lambda stub, text: stub.VerifyContents(
        verification_pb2.VerifyContentsRequest(parent=text)
    ),
    "CollectGarbage parent": lambda stub, text: stub.CollectGarbage(garbage_pb2.CollectGarbageRequest(parent=text)),
}


def commit(stub: ArtifactServiceStub, file: content_pb2.NewArtifact) -> object:
    """What a file of a commit was refused for, as a failed call, where it was refused."""
    (result,) = stub.CommitArtifacts(content_pb2.CommitArtifactsRequest(files=[file])).results
    return failure_in(result.refused)


def sent(stub: ArtifactServiceStub, request: pb.UploadArtifactsRequest) -> object:
    """What a file of a stream was refused for."""
    (answer,) = stub.UploadArtifacts(iter([request]))
    return failure_in(answer.refused)


OWNERS = [name for name in FIELDS if name.endswith("owner")]


def test_there_are_enough_payloads() -> None:
    assert len(PAYLOADS) >= 200


@pytest.mark.parametrize("field", FIELDS)
def test_payload_in_a_field_reaches_nothing(fortress: Fortress, field: str) -> None:
    before = fortress.outside()
    texts = PAYLOADS
    if field in OWNERS:
        texts = [
            *PAYLOADS,
            *(f"workspaces/{text}/runs/r" for text in PAYLOADS),
            *(f"{RUN}{text}" for text in PAYLOADS[1:]),
        ]
        texts = [text for text in texts if not re.fullmatch(r"workspaces/test-0/runs/[a-zA-Z0-9_-]{1,256}", text)]
    for text in texts:
        answer = outcome(partial(FIELDS[field], fortress.artifacts.stub, text))
        if isinstance(answer, CallFailure):
            assert answer.reason in ALLOWED, (text, answer)
        else:
            assert "path" in field or not text, (text, answer)
            assert not text or is_good(text), (text, answer)
        shown = str(answer)
        assert SECRET not in shown
        assert "root:" not in shown
    assert fortress.outside() == before
    assert fortress.strangers() == []


def test_path_of_an_upload_is_refused_or_kept_as_it_is(fortress: Fortress) -> None:
    before = fortress.outside()
    good = {text for text in PAYLOADS if is_good(text)}
    assert len(good) > 100
    owners = {text: f"workspaces/test-0/runs/p{number}" for number, text in enumerate(PAYLOADS)}
    requests = [message for text in PAYLOADS for message in messages(owners[text], text, text.encode())]
    answers = fortress.artifacts.upload_all(requests)
    for text, answer in zip(PAYLOADS, answers, strict=True):
        if text not in good:
            assert failure_in(answer.refused).reason in {"FIELD_INVALID", "FIELD_REQUIRED", "FIELD_TOO_LONG"}, text
            assert fortress.artifacts.paths(owners[text]) == []
            continue
        assert answer.artifact.path == text
        assert fortress.artifacts.paths(owners[text], recursive=True) == [text]
        assert fortress.artifacts.download(owners[text], text)[1] == text.encode()
        linked = fortress.artifacts.link(owners[text], text, f"{owners[text]}-linked")
        assert linked.linked_files == 1
        assert fortress.artifacts.paths(f"{owners[text]}-linked", recursive=True) == [text.rpartition("/")[2]]
        assert fortress.artifacts.delete(owners[text], text) == 1
    assert fortress.outside() == before
    assert fortress.strangers() == []


def test_symlink_in_the_store_is_not_followed_by_any_path(fortress: Fortress) -> None:
    link = fortress.folder / "data" / "store" / "objects" / "test-0" / "link"
    link.symlink_to(fortress.folder)
    try:
        for path in ("link/canary.txt", "link", "test-0/link/canary.txt", "objects/test-0/link/canary.txt"):
            assert error_of(lambda path=path: fortress.artifacts.download(RUN, path)).reason == "ARTIFACT_NOT_FOUND"  # type: ignore[misc] # the default is no parameter
    finally:
        link.unlink()
