"""Files that go in and come out: whole, in parts, many at once, one over another."""

from __future__ import annotations

import hashlib
import random

import pytest

from trivet_proto.artifacts.v1 import artifact_pb2, content_pb2
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_testing.artifacts import MESSAGE_BYTES, Artifacts, messages
from trivet_testing.errors import error_of

PART_BYTES = 8 * 1024 * 1024
"""What the store on S3 sends at once."""

SIZES = [
    0,
    1,
    MESSAGE_BYTES - 1,
    MESSAGE_BYTES,
    MESSAGE_BYTES + 1,
    PART_BYTES - 1,
    PART_BYTES,
    PART_BYTES + 1,
    20 * 1024 * 1024 + 7,
]


def content(seed: int, size: int) -> bytes:
    return random.Random(seed + size).randbytes(size)


@pytest.mark.parametrize("size", SIZES)
def test_file_comes_out_as_it_went_in(artifacts: Artifacts, seed: int, size: int) -> None:
    data = content(seed, size)
    sent = artifacts.upload(artifacts.run(), "model/weights.bin", data)
    assert (sent.owner, sent.path, sent.size_bytes) == (artifacts.run(), "model/weights.bin", size)
    assert sent.sha256 == hashlib.sha256(data).digest()
    assert sent.kind == artifact_pb2.ARTIFACT_KIND_FILE
    assert sent.create_time.seconds > 1_700_000_000
    file, received = artifacts.download(artifacts.run(), "model/weights.bin")
    assert received == data
    assert file == sent == artifacts.get(artifacts.run(), "model/weights.bin")


@pytest.mark.parametrize("message_bytes", [1, 1000, 256 * 1024, MESSAGE_BYTES])
def test_size_of_messages_makes_no_difference(artifacts: Artifacts, seed: int, message_bytes: int) -> None:
    data = content(seed, min(1000 * message_bytes, 3_000_001))
    artifacts.upload(artifacts.run(), "file", data, message_bytes=message_bytes, size_bytes=len(data))
    assert artifacts.download(artifacts.run(), "file")[1] == data


def test_many_small_files_go_in_one_stream(artifacts: Artifacts, seed: int) -> None:
    files = {f"folder-{number % 7}/file-{number}.txt": content(seed + number, number % 50) for number in range(500)}
    answers = artifacts.upload_all(
        message for path, data in files.items() for message in messages(artifacts.run(), path, data)
    )
    assert [answer.index for answer in answers] == list(range(500))
    assert [answer.artifact.path for answer in answers] == list(files)
    assert artifacts.paths(artifacts.run(), recursive=True) == sorted(files)
    for path in list(files)[::50]:
        assert artifacts.download(artifacts.run(), path)[1] == files[path]


def test_several_files_come_in_the_order_asked_for(artifacts: Artifacts, seed: int) -> None:
    sizes = [*range(40), 0, MESSAGE_BYTES, 3 * MESSAGE_BYTES + 7, 5, MESSAGE_BYTES + 1, 0]
    files = {f"folder-{number % 3}/{number}": content(seed + number, size) for number, size in enumerate(sizes)}
    for path, data in files.items():
        artifacts.upload(artifacts.run(), path, data)
    paths = list(files)
    random.Random(seed).shuffle(paths)
    received = artifacts.download_several(artifacts.run(), paths)
    assert [file.path for file, _ in received] == paths
    assert all(data == files[file.path] for file, data in received)
    assert received[0][0] == artifacts.get(artifacts.run(), paths[0])
    assert [data for _, data in artifacts.download_several(artifacts.run(), paths[:1])] == [files[paths[0]]]


@pytest.mark.parametrize(
    ("paths", "reason"),
    [
        ([], "FIELD_REQUIRED"),
        (["file", "file"], "FIELD_INVALID"),
        ([f"file-{number}" for number in range(1001)], "FIELD_INVALID"),
        (["file", "../file"], "FIELD_INVALID"),
        (["file", "nothing"], "ARTIFACT_NOT_FOUND"),
        (["file", "folder"], "ARTIFACT_NOT_FOUND"),
        (["file", "elsewhere"], "ARTIFACT_IS_REFERENCE"),
    ],
)
def test_what_cannot_come_with_others_is_said_before_any_comes(
    artifacts: Artifacts, paths: list[str], reason: str
) -> None:
    artifacts.upload(artifacts.run(), "file", b"x")
    artifacts.upload(artifacts.run(), "folder/file", b"x")
    elsewhere = content_pb2.Reference(uri="s3://there/it")
    artifacts.commit(content_pb2.NewArtifact(owner=artifacts.run(), path="elsewhere", reference=elsewhere))
    came = artifacts.stub.DownloadArtifacts(pb.DownloadArtifactsRequest(owner=artifacts.run(), paths=paths), timeout=30)
    assert error_of(lambda: next(came)).reason == reason
    assert error_of(lambda: artifacts.download_several(artifacts.run("other"), ["file"])).reason == "ARTIFACT_NOT_FOUND"


def test_several_files_of_one_path_in_a_stream_are_taken_in_order(artifacts: Artifacts) -> None:
    requests = [message for number in range(50) for message in messages(artifacts.run(), "file", b"%d" % number)]
    assert len(artifacts.upload_all(requests)) == 50
    assert artifacts.download(artifacts.run(), "file")[1] == b"49"


@pytest.mark.parametrize(
    ("offset", "limit"),
    [
        (0, 1),
        (1, 0),
        (1, 1),
        (999, 2),
        (MESSAGE_BYTES - 1, 2),
        (MESSAGE_BYTES, MESSAGE_BYTES),
        (3_000_000, 0),
        (0, 2**62),
    ],
)
def test_part_of_a_file_is_that_part(artifacts: Artifacts, seed: int, offset: int, limit: int) -> None:
    data = content(seed, 3_000_000)
    artifacts.upload(artifacts.run(), "file", data)
    file, received = artifacts.download(artifacts.run(), "file", offset, limit)
    assert received == (data[offset : offset + limit] if limit else data[offset:])
    assert (file.size_bytes, file.sha256) == (3_000_000, hashlib.sha256(data).digest())


def test_part_beyond_the_end_is_refused(artifacts: Artifacts) -> None:
    artifacts.upload(artifacts.run(), "file", b"12345")
    failure = error_of(lambda: artifacts.download(artifacts.run(), "file", 6))
    assert (failure.reason, failure.fields) == ("FIELD_INVALID", ("offset_bytes",))


def test_file_is_replaced_in_one_step(artifacts: Artifacts) -> None:
    first = artifacts.upload(artifacts.run(), "file.json", b"first", media_type="text/plain")
    second = artifacts.upload(artifacts.run(), "file.json", b"second")
    assert first.media_type == "text/plain"
    assert second.media_type == "application/json"
    assert artifacts.get(artifacts.run(), "file.json") == second
    assert artifacts.download(artifacts.run(), "file.json")[1] == b"second"
    assert artifacts.paths(artifacts.run()) == ["file.json"]


def test_same_bytes_at_two_paths_are_two_files(artifacts: Artifacts) -> None:
    artifacts.upload(artifacts.run("a"), "x", b"same")
    artifacts.upload(artifacts.run("b"), "y", b"same")
    assert artifacts.delete(artifacts.run("a")) == 1
    assert artifacts.download(artifacts.run("b"), "y")[1] == b"same"


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("plot.png", "image/png"),
        ("a/B.JSON", "application/json"),
        ("MLmodel", "application/octet-stream"),
        ("conda.yaml", "application/yaml"),
        ("data.tar.gz", "application/gzip"),
        ("data:text/html,x", "application/octet-stream"),
        ("folder.html/file", "application/octet-stream"),
    ],
)
def test_media_type_is_guessed_from_the_path(artifacts: Artifacts, path: str, media_type: str) -> None:
    assert artifacts.upload(artifacts.run(), path, b"x").media_type == media_type


def test_every_kind_of_owner_has_files(artifacts: Artifacts) -> None:
    owners = [
        artifacts.run(),
        f"workspaces/{artifacts.workspace}/loggedModels/m-1",
        artifacts.version(1, "Taxi Köln"),
    ]
    for owner in owners:
        artifacts.upload(owner, "file", owner.encode())
    for owner in owners:
        assert artifacts.download(owner, "file")[1] == owner.encode()
