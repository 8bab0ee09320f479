"""Contents that a workspace holds: what need not be sent, and files that are committed by digest."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_proto.artifacts.v1.content_pb2 import Content, NewArtifact, Reference
from trivet_testing.artifacts import Artifacts, content_of
from trivet_testing.errors import error_of, failure_in
from trivet_testing.workspaces import unused_workspace


def held(owner: str, path: str, data: bytes) -> NewArtifact:
    return NewArtifact(owner=owner, path=path, content=content_of(data))


def test_only_what_the_workspace_does_not_hold_is_missing(artifacts: Artifacts) -> None:
    artifacts.upload(artifacts.run(), "a", b"here")
    contents = [content_of(b"here"), content_of(b"not here"), content_of(b"here")]
    assert artifacts.missing(*contents) == [1]
    assert artifacts.missing() == []
    # The digest is known, and another size is said.
    assert artifacts.missing(Content(sha256=contents[0].sha256, size_bytes=5)) == [0]


def test_digest_gives_nothing_of_another_workspace(artifacts: Artifacts) -> None:
    other = Artifacts(artifacts.stub, unused_workspace())
    artifacts.upload(artifacts.run(), "secret", b"a secret")
    assert other.missing(content_of(b"a secret")) == [0]
    (result,) = other.commit(held(other.run(), "stolen", b"a secret"))
    failure = failure_in(result.refused)
    assert (failure.code.name, failure.reason) == ("FAILED_PRECONDITION", "ARTIFACT_CONTENT_MISSING")
    assert other.paths(other.run(), recursive=True) == []


def test_files_are_committed_by_digest_and_those_refused_keep_no_other_from_it(artifacts: Artifacts) -> None:
    artifacts.upload(artifacts.run(), "a/b", b"bytes")
    results = artifacts.commit(
        held(artifacts.run("s"), "x/copy.png", b"bytes"),
        held(artifacts.run("s"), "y", b"unknown"),
        held(artifacts.run("r"), "a", b"bytes"),
        held(artifacts.run("r"), "../a", b"bytes"),
        held(artifacts.version(), "z", b"bytes"),
    )
    assert [result.WhichOneof("result") for result in results] == ["artifact", *["refused"] * 3, "artifact"]
    assert [failure_in(result.refused).reason for result in results[1:4]] == [
        "ARTIFACT_CONTENT_MISSING",
        "ARTIFACT_PATH_TAKEN",
        "FIELD_INVALID",
    ]
    assert failure_in(results[3].refused).metadata["field"] == "files[3].path"
    assert results[0].artifact == artifacts.get(artifacts.run("s"), "x/copy.png")
    assert (results[0].artifact.media_type, results[0].artifact.verified) == ("image/png", True)
    assert artifacts.download(artifacts.version(), "z")[1] == b"bytes"
    assert artifacts.paths(artifacts.run("s")) == ["x/"]


def test_commit_replaces_a_file_and_the_last_of_a_path_stays(artifacts: Artifacts) -> None:
    for path, data in (("a", b"one"), ("b", b"two")):
        artifacts.upload(artifacts.run(), path, data)
    artifacts.commit(held(artifacts.run(), "c", b"one"), held(artifacts.run(), "c", b"two"))
    assert artifacts.download(artifacts.run(), "c")[1] == b"two"
    artifacts.commit(held(artifacts.run(), "c", b"one"))
    assert artifacts.download(artifacts.run(), "c")[1] == b"one"


def test_small_files_come_in_one_message_each(artifacts: Artifacts) -> None:
    contents = {f"d/{number}": b"%d" % number * number for number in range(200)}
    requests = [
        pb.UploadArtifactsRequest(
            file=pb.UploadFile(
                start=pb.UploadStart(owner=artifacts.run(), path=path),
                data=data,
                sha256=hashlib.sha256(data if path != "d/7" else b"other").digest(),
            )
        )
        for path, data in contents.items()
    ]
    answers = artifacts.upload_all(requests)
    assert [answer.index for answer in answers] == list(range(200))
    refused = [answer for answer in answers if answer.WhichOneof("result") == "refused"]
    assert [(answer.index, failure_in(answer.refused).reason) for answer in refused] == [
        (7, "ARTIFACT_DIGEST_MISMATCH")
    ]
    there = artifacts.paths(artifacts.run(), recursive=True, page_size=1000)
    assert sorted(there) == sorted(path for path in contents if path != "d/7")
    assert artifacts.download(artifacts.run(), "d/99")[1] == contents["d/99"]


def test_file_in_one_message_that_names_an_upload_or_a_size_is_refused(artifacts: Artifacts) -> None:
    upload = f"{artifacts.parent}/uploads/{'0' * 32}"
    for start, field in (
        (pb.UploadStart(owner=artifacts.run(), path="f", size_bytes=1), "file.start.size_bytes"),
        (pb.UploadStart(upload=upload), "file.start.upload"),
        (pb.UploadStart(owner=artifacts.run(), path="a//b"), "file.start.path"),
    ):
        request = pb.UploadArtifactsRequest(file=pb.UploadFile(start=start, data=b"x", sha256=bytes(32)))
        (answer,) = artifacts.upload_all([request])
        assert failure_in(answer.refused).metadata["field"] == field


def test_reference_is_recorded_as_given_and_never_opened(artifacts: Artifacts) -> None:
    uri = "s3://no-such-bucket/data.csv?versionId=3"
    reference = Reference(uri=uri, size_bytes=7, sha256=bytes(32))
    (result,) = artifacts.commit(NewArtifact(owner=artifacts.run(), path="data.csv", reference=reference))
    there = artifacts.get(artifacts.run(), "data.csv")
    assert result.artifact == there
    assert (there.reference_uri, there.size_bytes, there.sha256, there.verified) == (uri, 7, bytes(32), False)
    assert artifacts.paths(artifacts.run(), recursive=True) == ["data.csv"]
    failure = error_of(lambda: artifacts.download(artifacts.run(), "data.csv"))
    assert (failure.reason, failure.metadata["uri"]) == ("ARTIFACT_IS_REFERENCE", uri)
    # It is not the bytes that have this digest.
    assert artifacts.missing(Content(sha256=bytes(32), size_bytes=7)) == [0]


def test_reference_is_linked_and_replaced_like_a_file(artifacts: Artifacts) -> None:
    artifacts.commit(NewArtifact(owner=artifacts.run(), path="d/f", reference=Reference(uri="https://host/f")))
    assert artifacts.link(artifacts.run(), "d", artifacts.version()).linked_files == 1
    assert artifacts.link(artifacts.run(), "d", artifacts.version()).linked_files == 1
    assert artifacts.get(artifacts.version(), "f").reference_uri == "https://host/f"
    artifacts.upload(artifacts.run(), "d/f", b"bytes")
    assert artifacts.get(artifacts.run(), "d/f").reference_uri == ""
    assert artifacts.download(artifacts.run(), "d/f")[1] == b"bytes"
    assert artifacts.delete(artifacts.version()) == 1


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("", "FIELD_REQUIRED"),
        ("data.csv", "FIELD_INVALID"),
        ("/etc/passwd", "FIELD_INVALID"),
        ("https://user:password@host/f", "FIELD_INVALID"),
        ("https://host/a b", "FIELD_INVALID"),
        ("https://host/\x1b[0m", "FIELD_INVALID"),
        ("s3://" + "x" * 2048, "FIELD_TOO_LONG"),
    ],
)
def test_what_is_no_reference_is_refused(artifacts: Artifacts, uri: str, reason: str) -> None:
    (result,) = artifacts.commit(NewArtifact(owner=artifacts.run(), path="f", reference=Reference(uri=uri)))
    failure = failure_in(result.refused)
    assert (failure.reason, failure.metadata["field"]) == (reason, "files[0].reference.uri")
    assert artifacts.paths(artifacts.run()) == []


def test_too_many_are_refused(artifacts: Artifacts) -> None:
    file = held(artifacts.run(), "f", b"x")
    assert error_of(lambda: artifacts.commit(*[file] * 1001)).metadata["field"] == "files"
    assert error_of(lambda: artifacts.missing(*[content_of(b"")] * 10_001)).metadata["field"] == "contents"
    failure = error_of(lambda: artifacts.missing(Content(sha256=b"short", size_bytes=1)))
    assert failure.metadata["field"] == "contents[0].sha256"


def test_manifest_is_over_the_sorted_lines_of_all_files(artifacts: Artifacts) -> None:
    artifacts.upload(artifacts.run(), "m/b", b"")
    artifacts.upload(artifacts.run(), "m/a", b"abc")
    artifacts.commit(NewArtifact(owner=artifacts.run(), path="m/r", reference=Reference(uri="s3://b/r", size_bytes=5)))
    files = {"a": b"abc", "b": b""}
    lines = sorted(
        [f"{hashlib.sha256(data).hexdigest()}  {path}\n" for path, data in files.items()] + ["  r  s3://b/r\n"]
    )
    manifest = artifacts.manifest(artifacts.run(), "m")
    assert manifest.sha256 == hashlib.sha256("".join(lines).encode()).digest()
    assert (manifest.file_count, manifest.total_bytes, manifest.reference_count) == (3, 8, 1)
    assert artifacts.link(artifacts.run(), "m", artifacts.version()).manifest_sha256 == manifest.sha256
    assert artifacts.manifest(artifacts.version()) == manifest
    assert error_of(lambda: artifacts.manifest(artifacts.run(), "none")).reason == "ARTIFACT_NOT_FOUND"


def test_tree_is_linked_below_a_folder(artifacts: Artifacts) -> None:
    artifacts.upload(artifacts.run(), "m/a", b"1")
    artifacts.upload(artifacts.run(), "m/d/b", b"2")
    linked = artifacts.link(artifacts.run(), "m", artifacts.run("copy"), "backup/m")
    assert artifacts.paths(artifacts.run("copy"), recursive=True) == ["backup/m/a", "backup/m/d/b"]
    assert linked.manifest_sha256 == artifacts.manifest(artifacts.run(), "m").sha256
    too_deep = "x" * 1023
    failure = error_of(lambda: artifacts.link(artifacts.run(), "m", artifacts.run("deep"), too_deep))
    assert (failure.reason, failure.metadata["field"]) == ("FIELD_TOO_LONG", "destination_path")


_NAMES = st.text("abä.- 0", min_size=1, max_size=4).filter(lambda name: name not in (".", ".."))
_PATHS = st.lists(_NAMES, min_size=1, max_size=4).map("/".join)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_PATHS, min_size=1, max_size=12))
def test_paths_of_all_kinds_are_committed_listed_and_served_as_given(artifacts: Artifacts, paths: list[str]) -> None:
    inside = Artifacts(artifacts.stub, unused_workspace())
    inside.upload(inside.run("source"), "f", b"bytes")
    results = inside.commit(*(held(inside.run(), path, b"bytes") for path in paths))
    taken = {path for path, result in zip(paths, results, strict=True) if result.WhichOneof("result") == "artifact"}
    # A path is refused only where another one of them is above or below it.
    for path in set(paths) - taken:
        assert any(f"{other}/".startswith(f"{path}/") or f"{path}/".startswith(f"{other}/") for other in taken)
    assert inside.paths(inside.run(), recursive=True) == sorted(taken, key=str.encode)
    for path in taken:
        assert inside.download(inside.run(), path)[1] == b"bytes"
