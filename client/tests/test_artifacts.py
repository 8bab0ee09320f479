"""Files of runs against a real artifact server."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import stat
from pathlib import Path

import pytest

import trivet

RUN = "0192f0c1a7"  # the artifact service does not ask whether its owners are there


def test_file_comes_back_as_it_was(client: trivet.Client, tmp_path: Path, seed: int) -> None:
    content = random.Random(seed).randbytes(3_000_000)
    (tmp_path / "weights.bin").write_bytes(content)
    client.log_artifact(RUN, str(tmp_path / "weights.bin"), "model/deep")
    assert client.list_artifacts(RUN) == [trivet.FileInfo("model", is_dir=True, file_size=None)]
    assert client.list_artifacts(RUN, "model/deep") == [
        trivet.FileInfo("model/deep/weights.bin", is_dir=False, file_size=len(content))
    ]
    place = client.download_artifacts(RUN, "model/deep/weights.bin", str(tmp_path / "back"))
    assert Path(place) == tmp_path / "back" / "model" / "deep" / "weights.bin"
    assert Path(place).read_bytes() == content
    assert sorted(path.name for path in Path(place).parent.iterdir()) == ["weights.bin"]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(Path(place).stat().st_mode) == 0o666 & ~umask


def test_folder_comes_back_as_it_was(client: trivet.Client, tmp_path: Path) -> None:
    source = tmp_path / "data"
    contents = {"a.txt": b"a", "sub/b.txt": b"", "sub/deeper/ümlaut ☃.txt": b"c" * 100_000}
    for name, content in contents.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    (source / "empty").mkdir()
    client.log_artifacts(RUN, str(source))
    client.log_artifact(RUN, str(source), "under")
    back = Path(client.download_artifacts(RUN, ""))
    found = {str(path.relative_to(back)): path.read_bytes() for path in back.rglob("*") if path.is_file()}
    assert found == contents | {f"under/data/{name}": content for name, content in contents.items()}
    folder = Path(client.download_artifacts(RUN, "sub", str(tmp_path / "only")))
    assert folder == tmp_path / "only" / "sub"
    assert (folder / "b.txt").read_bytes() == b""


def test_many_files_go_over_one_stream_and_come_in_pages(client: trivet.Client, tmp_path: Path) -> None:
    source = tmp_path / "many"
    source.mkdir()
    for number in range(1_200):
        (source / f"{number:04}").write_text(str(number), encoding="utf-8")
    client.log_artifacts(RUN, str(source), "many")
    assert [info.path for info in client.list_artifacts(RUN, "many")] == [
        f"many/{number:04}" for number in range(1_200)
    ]


def test_file_that_is_logged_again_is_replaced(client: trivet.Client, tmp_path: Path) -> None:
    for content in ("first", "second"):
        (tmp_path / "x").write_text(content, encoding="utf-8")
        client.log_artifact(RUN, str(tmp_path / "x"))
    place = Path(client.download_artifacts(RUN, "x", str(tmp_path / "back")))
    assert place.read_text(encoding="utf-8") == "second"


def test_fluent_functions_use_the_active_run(environment: object, tmp_path: Path) -> None:
    (tmp_path / "report.md").write_text("# fine", encoding="utf-8")
    with trivet.start_run() as run:
        trivet.log_artifact(tmp_path / "report.md")
        trivet.log_artifacts(tmp_path, "all")
        assert [info.path for info in trivet.list_artifacts()] == ["all", "report.md"]
    place = trivet.download_artifacts(run.info.run_id, "report.md", dst_path=tmp_path / "back")
    assert Path(place).read_text(encoding="utf-8") == "# fine"


def test_what_is_not_there_is_not_found(client: trivet.Client, tmp_path: Path) -> None:
    assert client.list_artifacts(RUN, "nothing") == []
    with pytest.raises(trivet.ArtifactNotFound, match="nothing"):
        client.download_artifacts(RUN, "nothing", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="nothing"):
        client.log_artifact(RUN, str(tmp_path / "nothing"))


@pytest.mark.parametrize("path", ["../up", "a//b", "./a", "a\\b", "a\nb", "x" * 1025])
def test_path_that_can_be_none_raises_before_anything_is_sent(client: trivet.Client, tmp_path: Path, path: str) -> None:
    (tmp_path / "x").write_text("x", encoding="utf-8")
    with pytest.raises(trivet.InvalidArgument, match="artifact path"):
        client.log_artifact(RUN, str(tmp_path / "x"), path)
    with pytest.raises(trivet.InvalidArgument):
        client.download_artifacts(RUN, path)


def test_file_that_cannot_be_read_is_named(
    client: trivet.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "data"
    source.mkdir()
    (source / "a").write_text("a", encoding="utf-8")
    (source / "b").write_text("b", encoding="utf-8")
    opened = Path.open

    def refuse(path: Path, *arguments: object, **options: object) -> object:
        if path.name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **options)  # type: ignore[call-overload] # passed on

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PermissionError, match="b"):
        client.log_artifacts(RUN, str(source))


def test_large_file_takes_little_memory(client: trivet.Client, tmp_path: Path) -> None:
    size = 300 * 1024 * 1024
    with (tmp_path / "large").open("wb") as sink:
        sink.truncate(size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    client.log_artifact(RUN, str(tmp_path / "large"))
    place = client.download_artifacts(RUN, "large", str(tmp_path / "back"))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before  # KiB
    with Path(place).open("rb") as back:
        assert hashlib.file_digest(back, "sha256").digest() == hashlib.sha256(bytes(size)).digest()
    # gRPC lets its window for a fast sender grow; measured: 40 MiB, the same for 1,000 MiB as for 300.
    assert grown < 128 * 1024


def test_deleted_files_and_folders_are_gone(client: trivet.Client, tmp_path: Path) -> None:
    for name in ("a/one", "a/two", "b"):
        (tmp_path / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "files" / name).write_text(name, encoding="utf-8")
    client.log_artifacts(RUN, str(tmp_path / "files"))
    assert client.delete_artifacts(RUN, "a") == 2
    assert client.list_artifacts(RUN) == [trivet.FileInfo("b", is_dir=False, file_size=1)]
    assert client.delete_artifacts(RUN, "a") == 0
    with pytest.raises(trivet.InvalidArgument, match=r"'\.\.'"):
        client.delete_artifacts(RUN, "../b")
    assert client.delete_artifacts(RUN) == 1
    assert client.list_artifacts(RUN) == []


def test_small_file_is_read_without_a_copy(client: trivet.Client, tmp_path: Path) -> None:
    (tmp_path / "note").write_bytes(b"a note")
    (tmp_path / "empty").write_bytes(b"")
    client.log_artifacts(RUN, str(tmp_path), "notes")
    read = client.artifacts.read_artifact
    assert (read(RUN, "notes/note"), read(RUN, "notes/empty")) == (b"a note", b"")
    assert read(RUN, "notes/note", max_bytes=6) == b"a note"
    with pytest.raises(trivet.FailedPrecondition, match="more than 5 bytes"):
        read(RUN, "notes/note", max_bytes=5)
    for path in ("notes", "notes/nothing"):
        with pytest.raises(trivet.ArtifactNotFound):
            read(RUN, path)
    client.artifacts.log_reference(RUN, "s3://bucket/data", "elsewhere")
    with pytest.raises(trivet.FailedPrecondition, match="reference"):
        read(RUN, "elsewhere")
    model_id = client.create_logged_model("0").model_id
    client.log_model_artifact(model_id, str(tmp_path / "note"))
    assert client.artifacts.read_logged_model_artifact(model_id, "note") == b"a note"
