"""A server that lies: no name of its leads out of the folder, and no wrong byte is kept."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

import trivet
from trivet._safe_paths import safe_join
from trivet_proto.artifacts.v1 import artifact_pb2
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb

GOOD = b"good bytes"
PIECE = 16 * 1024 * 1024
LARGE = bytes(range(256)) * (2 * PIECE // 256)

HOSTILE = [
    "../evil",
    "../../evil",
    "a/../../evil",
    "a/..",
    "..",
    ".",
    "./evil",
    "/etc/evil",
    "//host/share/evil",
    "a//evil",
    "evil/",
    "a\\..\\evil",
    "..\\evil",
    "C:\\evil",
    "\\\\host\\evil",
    "evil\0.txt",
    "evil\n.txt",
    "evil\r\n",
    "evil\x7f",
    "evil\x85",
    "a/" * 600 + "evil",
    "e" * 1025,
    unicodedata.normalize("NFD", "é"),
    "",
]


@dataclass
class Liar:
    """An artifact service that says what the test wants."""

    listed: list[artifact_pb2.Artifact] = field(default_factory=list)
    contents: list[pb.ArtifactContent] = field(default_factory=list)
    answers: list[pb.DownloadArtifactResponse] = field(default_factory=list)

    def _list(self, *_: object) -> pb.ListArtifactsResponse:
        return pb.ListArtifactsResponse(artifacts=self.listed, contents=self.contents)

    def _download(self, *_: object) -> Iterator[pb.DownloadArtifactResponse]:
        yield from self.answers

    def _get_url(self, _: bytes, context: grpc.ServicerContext) -> bytes:
        # As a service says that has a folder.
        status = Status(code=grpc.StatusCode.FAILED_PRECONDITION.value[0], message="a folder")
        status.details.add().Pack(ErrorInfo(reason="DIRECT_TRANSFER_UNAVAILABLE", domain="trivet"))
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "a folder")

    def handler(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            "trivet.artifacts.v1.ArtifactService",
            {
                "ListArtifacts": grpc.unary_unary_rpc_method_handler(
                    self._list, response_serializer=pb.ListArtifactsResponse.SerializeToString
                ),
                "GetDownloadUrl": grpc.unary_unary_rpc_method_handler(self._get_url),
                # Their answers are the same bytes: of one file, and of several.
                **dict.fromkeys(
                    ("DownloadArtifact", "DownloadArtifacts"),
                    grpc.unary_stream_rpc_method_handler(
                        self._download, response_serializer=pb.DownloadArtifactResponse.SerializeToString
                    ),
                ),
            },
        )


def file(path: str, content: bytes = GOOD, **lies: object) -> artifact_pb2.Artifact:
    facts: dict[str, object] = {"size_bytes": len(content), "sha256": hashlib.sha256(content).digest()} | lies
    return artifact_pb2.Artifact(path=path, kind=artifact_pb2.ARTIFACT_KIND_FILE, **facts)  # type: ignore[arg-type] # fields of Artifact


def pieces(head: artifact_pb2.Artifact | None, *data: bytes) -> list[pb.DownloadArtifactResponse]:
    heads = [pb.DownloadArtifactResponse(artifact=head)] if head is not None else []
    return heads + [pb.DownloadArtifactResponse(data=piece) for piece in data]


@contextmanager
def lying(liar: Liar) -> Iterator[trivet.Client]:
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((liar.handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with trivet.Client(f"grpc://127.0.0.1:{port}") as client:
            yield client
    finally:
        server.stop(None).wait()


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


@pytest.mark.parametrize("name", HOSTILE)
def test_name_that_leads_elsewhere_writes_nothing(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c"
    liar = Liar(listed=[file(name)], answers=pieces(file(name), GOOD))
    with lying(liar) as client, pytest.raises(trivet.ArtifactCorrupt):
        client.download_artifacts("run", "", str(folder))
    assert files_in(tmp_path) == []
    assert not Path("/etc/evil").exists()


def version_of(*files: artifact_pb2.Artifact) -> trivet.ModelVersion:
    """A version that is pinned to files, whatever their names."""
    lines = sorted((f"{each.sha256.hex()}  {each.path}\n" for each in files), key=str.encode)
    return trivet.ModelVersion(
        name="taxi",
        version=1,
        current_stage="None",
        status="READY",
        source="s3://bucket/model",
        artifact_owner="workspaces/default/models/0/versions/1",
        manifest_sha256=hashlib.sha256("".join(lines).encode()).hexdigest(),
    )


def content(index: int, data: bytes = GOOD) -> pb.ArtifactContent:
    return pb.ArtifactContent(index=index, data=data)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRIVET_CACHE_DIR", str(tmp_path / "x" / "y" / "cache"))
    return tmp_path


@pytest.mark.parametrize("name", HOSTILE)
def test_name_of_what_comes_with_a_list_leads_nowhere_else(name: str, cache: Path) -> None:
    listed = [file("good"), file(name)]
    liar = Liar(listed=listed, contents=[content(0), content(1)], answers=pieces(file(name), GOOD))
    with lying(liar) as client, pytest.raises(trivet.ArtifactCorrupt, match="Version 1 of 'taxi' is not what was"):
        client.artifacts.hold_model_version(version_of(*listed))
    assert [path for path in files_in(cache) if "good" in path or "evil" in path] == []
    assert not Path("/etc/evil").exists()


def test_bytes_that_come_with_a_list_are_not_trusted(cache: Path) -> None:
    good = file("a")
    wrong = [content(0, b"evil bytes"), content(1), content(-1), content(-2), content(2**31 - 1)]
    with lying(Liar(listed=[good], contents=wrong, answers=pieces(good, GOOD))) as client:
        held = client.artifacts.hold_model_version(version_of(good))
        assert (held.path / "a").read_bytes() == GOOD  # which was fetched
        held.release()
    with lying(Liar(listed=[file("b")], contents=wrong, answers=pieces(file("b"), b"evil bytes"))) as client:
        with pytest.raises(trivet.ArtifactCorrupt):
            client.artifacts.hold_model_version(version_of(file("b")))
        # Nor is a list that is not the registered one, whatever comes with it.
        with pytest.raises(trivet.ArtifactCorrupt, match="was altered after it was registered"):
            client.artifacts.hold_model_version(version_of(file("c")))
    assert [path for path in files_in(cache) if path.endswith(("/b", "/c"))] == []


def test_small_files_that_come_with_the_list_need_no_other_call(cache: Path) -> None:
    listed = [file("a"), file("b/c/d", b"")]
    with lying(Liar(listed=listed, contents=[content(0), content(1, b"")])) as client:
        held = client.artifacts.hold_model_version(version_of(*listed))
        assert {name: (held.path / name).read_bytes() for name in files_in(held.path)} == {"a": GOOD, "b/c/d": b""}
        held.release()


def test_name_that_is_not_below_the_one_asked_for_writes_nothing(tmp_path: Path) -> None:
    for name in ("other", "modelling", "model.txt"):
        liar = Liar(listed=[file(name)], answers=pieces(file(name), GOOD))
        with lying(liar) as client, pytest.raises(trivet.ArtifactCorrupt, match=name):
            client.download_artifacts("run", "model", str(tmp_path))
    assert files_in(tmp_path) == []


def test_link_in_the_folder_leads_nowhere_else(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "link").symlink_to(outside)
    liar = Liar(listed=[file("link/evil")], answers=pieces(file("link/evil"), GOOD))
    with lying(liar) as client, pytest.raises(trivet.ArtifactCorrupt, match="by a link"):
        client.download_artifacts("run", "", str(folder))
    assert files_in(outside) == []


def test_link_in_the_place_of_a_file_is_replaced_not_followed(tmp_path: Path) -> None:
    folder, victim = tmp_path / "folder", tmp_path / "victim"
    folder.mkdir()
    victim.write_bytes(b"mine")
    (folder / "x").symlink_to(victim)
    with lying(Liar(listed=[file("x")], answers=pieces(file("x"), GOOD))) as client:
        client.download_artifacts("run", "x", str(folder))
    assert (victim.read_bytes(), (folder / "x").read_bytes()) == (b"mine", GOOD)


@pytest.mark.parametrize(
    "answers",
    [
        pieces(file("x"), b"evil bytes"),
        pieces(file("x"), GOOD[:-1]),
        pieces(file("x"), GOOD, b"more"),
        pieces(file("x", sha256=b""), GOOD),
        pieces(file("x", size_bytes=3), GOOD),
        pieces(None, GOOD),
        [],
        [*pieces(file("x")), *pieces(file("x", b"other"), b"other")],
    ],
)
def test_wrong_bytes_are_not_kept(answers: list[pb.DownloadArtifactResponse], tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"before")
    with lying(Liar(listed=[file("x")], answers=answers)) as client, pytest.raises(trivet.ArtifactCorrupt):
        client.download_artifacts("run", "x", str(tmp_path))
    assert files_in(tmp_path) == ["x"]
    assert (tmp_path / "x").read_bytes() == b"before"


def test_name_of_a_file_and_of_a_folder_writes_nothing(tmp_path: Path) -> None:
    liar = Liar(listed=[file("x/a"), file("x/a/c/b")], answers=pieces(file("x/a"), GOOD))
    with lying(liar) as client, pytest.raises(trivet.ArtifactCorrupt, match="'x/a' as a file and as a folder"):
        client.download_artifacts("run", "", str(tmp_path))
    assert files_in(tmp_path) == []


def test_file_where_a_folder_has_to_be_is_an_error_of_the_file_system(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"mine")
    liar = Liar(listed=[file("a/b")], answers=pieces(file("a/b"), GOOD))
    with lying(liar) as client, pytest.raises(OSError, match="a"):
        client.download_artifacts("run", "", str(tmp_path))
    assert (tmp_path / "a").read_bytes() == b"mine"


def test_one_hostile_name_among_good_ones_writes_nothing(tmp_path: Path) -> None:
    liar = Liar(listed=[file("a"), file("b"), file("../evil")], answers=pieces(file("a"), GOOD))
    with lying(liar) as client, pytest.raises(trivet.ArtifactCorrupt, match="evil"):
        client.download_artifacts("run", "", str(tmp_path / "folder"))
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    "answers",
    [
        pieces(file("x", LARGE), LARGE[:PIECE], b"more"),
        pieces(file("x", LARGE), b"evil" * (PIECE // 4)),
        pieces(file("x", LARGE[1:]), LARGE[1 : 1 + PIECE]),
        pieces(None, LARGE[:PIECE], LARGE[:PIECE]),
    ],
)
def test_wrong_bytes_of_a_large_file_are_not_kept(answers: list[pb.DownloadArtifactResponse], tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"before")
    with lying(Liar(listed=[file("x", LARGE)], answers=answers)) as client, pytest.raises(trivet.ArtifactCorrupt):
        client.download_artifacts("run", "x", str(tmp_path))
    assert files_in(tmp_path) == ["x"]
    assert (tmp_path / "x").read_bytes() == b"before"


@pytest.mark.parametrize(
    ("answers", "kept"),
    [
        (pieces(file("x"), GOOD), ["x"]),
        ([*pieces(file("x"), GOOD), *pieces(file("z"), GOOD)], ["x"]),
        ([*pieces(file("y"), GOOD), *pieces(file("x"), GOOD)], []),
        ([*pieces(file("x"), GOOD), *pieces(file("x"), GOOD)], ["x"]),
        ([*pieces(file("x"), GOOD), *pieces(file("y"), b"evil bytes")], ["x"]),
        ([*pieces(file("x"), GOOD), *pieces(file("y"), GOOD), *pieces(file("z"), GOOD)], ["x", "y"]),
        ([*pieces(file("x"), GOOD[:3]), *pieces(file("y"), GOOD)], []),
    ],
)
def test_files_of_one_call_that_are_not_those_asked_for_are_not_kept(
    answers: list[pb.DownloadArtifactResponse], kept: list[str], tmp_path: Path
) -> None:
    liar = Liar(listed=[file("x"), file("y")], answers=answers)
    with lying(liar) as client, pytest.raises(trivet.ArtifactCorrupt):
        client.download_artifacts("run", "", str(tmp_path))
    assert files_in(tmp_path) == kept
    assert all((tmp_path / name).read_bytes() == GOOD for name in kept)


@pytest.mark.parametrize("name", ["con", "NUL.txt", "a/aux", "a:stream", "name.", "name ", "com¹"])
def test_name_that_windows_takes_for_something_else_is_refused_there(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert safe_join(tmp_path, name) == tmp_path / name
    monkeypatch.setattr("trivet._safe_paths._IS_WINDOWS", True)
    with pytest.raises(trivet.ArtifactCorrupt, match="Windows"):
        safe_join(tmp_path, name)


@pytest.mark.parametrize(
    "answers",
    [pieces(file("x"), b"evil bytes"), pieces(file("x"), GOOD, b"more"), pieces(file("x", sha256=b""), GOOD), []],
)
def test_wrong_bytes_are_not_read(answers: list[pb.DownloadArtifactResponse]) -> None:
    with lying(Liar(answers=answers)) as client, pytest.raises(trivet.ArtifactCorrupt):
        client.artifacts.read_artifact("run", "x")


def test_no_more_is_read_than_was_asked_for() -> None:
    liar = Liar(answers=pieces(file("x"), *[b"much more"] * 1000))
    with lying(liar) as client, pytest.raises(trivet.FailedPrecondition, match="more than 10 bytes"):
        client.artifacts.read_artifact("run", "x", max_bytes=10)
