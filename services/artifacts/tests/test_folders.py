"""What lies in folders: lists, pages, deletion, and that no file lies where a folder is."""

from __future__ import annotations

import random

import pytest

from trivet_proto.artifacts.v1 import artifact_pb2
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_testing.artifacts import Artifacts, messages
from trivet_testing.errors import error_of

TREE = ["a", "b-1/x", "b/c/d/e", "b/c/f", "b/g", "b.txt", "b/c0", "ä/ö", "z z/%2e%2e/#?&"]


def fill(artifacts: Artifacts, owner: str, *paths: str) -> None:
    answers = artifacts.upload_all(message for path in paths for message in messages(owner, path, path.encode()))
    assert [answer.artifact.path for answer in answers] == list(paths)


def by_bytes(paths: list[str]) -> list[str]:
    return sorted(paths, key=str.encode)


@pytest.fixture
def run(artifacts: Artifacts) -> str:
    """A run with a tree of files."""
    fill(artifacts, artifacts.run(), *TREE)
    return artifacts.run()


def test_folder_lists_its_files_and_folders_sorted_by_path(artifacts: Artifacts, run: str) -> None:
    assert artifacts.paths(run) == ["a", "b/", "b-1/", "b.txt", "z z/", "ä/"]
    assert artifacts.paths(run, "b") == ["b/c/", "b/c0", "b/g"]
    assert artifacts.paths(run, "b/c") == ["b/c/d/", "b/c/f"]
    assert artifacts.paths(run, "z z/%2e%2e") == ["z z/%2e%2e/#?&"]


def test_recursive_list_has_all_files_below_and_no_folders(artifacts: Artifacts, run: str) -> None:
    assert artifacts.paths(run, recursive=True) == by_bytes(TREE)
    assert artifacts.paths(run, "b", recursive=True) == ["b/c/d/e", "b/c/f", "b/c0", "b/g"]
    assert artifacts.paths(run, "b/c/d", recursive=True) == ["b/c/d/e"]


@pytest.mark.parametrize("recursive", [False, True])
def test_file_lists_itself_and_nothing_lists_nothing(artifacts: Artifacts, run: str, recursive: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    assert artifacts.paths(run, "b/c/f", recursive=recursive) == ["b/c/f"]
    for missing in ("c", "b/c/f/x", "B"):
        assert artifacts.paths(run, missing, recursive=recursive) == []
    assert artifacts.paths(artifacts.run("other"), recursive=recursive) == []


def test_folder_is_an_artifact_with_no_bytes(artifacts: Artifacts, run: str) -> None:
    folder = artifacts.get(run, "b/c")
    assert (folder.owner, folder.path, folder.kind) == (run, "b/c", artifact_pb2.ARTIFACT_KIND_FOLDER)
    assert (folder.size_bytes, folder.sha256, folder.media_type) == (0, b"", "")
    assert folder == next(found for page in artifacts.pages(run, "b") for found in page if found.path == "b/c")


@pytest.mark.parametrize("path", ["c", "b/c/x", "a/x", "B", "b/c/d/e/f"])
def test_what_is_not_there_is_not_found(artifacts: Artifacts, run: str, path: str) -> None:
    for call in (lambda: artifacts.get(run, path), lambda: artifacts.download(run, path)):
        failure = error_of(call)
        assert (failure.reason, failure.metadata) == ("ARTIFACT_NOT_FOUND", {"owner": run, "path": path})
    assert artifacts.delete(run, path) == 0


def test_folder_cannot_be_downloaded(artifacts: Artifacts, run: str) -> None:
    assert error_of(lambda: artifacts.download(run, "b/c")).reason == "ARTIFACT_NOT_FOUND"


@pytest.mark.parametrize("page_size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("recursive", [False, True])
@pytest.mark.parametrize("folder", ["", "d", "d/000"])
def test_pages_give_everything_once_in_order(
    artifacts: Artifacts,
    page_size: int,
    recursive: bool,  # noqa: FBT001 - a parameter of pytest
    folder: str,
) -> None:
    fill(artifacts, artifacts.run(), *(f"d/{i:03}/{j}" for i in range(7) for j in range(3)), "d/x", "e")
    pages = list(artifacts.pages(artifacts.run(), folder, recursive=recursive, page_size=page_size))
    found = [artifact.path for page in pages for artifact in page]
    assert found == by_bytes(list(dict.fromkeys(found)))
    assert found == [
        artifact.path for page in artifacts.pages(artifacts.run(), folder, recursive=recursive) for artifact in page
    ]
    assert all(len(page) == page_size for page in pages[:-1])


def listed(artifacts: Artifacts, room: int, **fields: object) -> tuple[pb.ListArtifactsResponse, dict[str, bytes]]:
    """A page with bytes of files, and those by path."""
    request = pb.ListArtifactsRequest(owner=artifacts.run(), max_content_bytes=room, **fields)  # type: ignore[arg-type] # as the message has them
    page = artifacts.stub.ListArtifacts(request, timeout=30)
    return page, {page.artifacts[each.index].path: each.data for each in page.contents}


def test_small_files_come_with_a_page_where_there_is_room(artifacts: Artifacts) -> None:
    files = {"a": b"1" * 1000, "b/c": b"", "b/d": b"2" * 5000, "e": b"3" * 3000, "f": b"4"}
    for path, data in files.items():
        artifacts.upload(artifacts.run(), path, data)
    page, contents = listed(artifacts, 1 << 30, recursive=True)
    assert ([found.path for found in page.artifacts], contents) == (list(files), files)
    _, contents = listed(artifacts, 4001, recursive=True)
    assert contents == {path: data for path, data in files.items() if path != "b/d"}
    _, contents = listed(artifacts, 1 << 30)
    assert set(contents) == {"a", "e", "f"}  # a folder has none
    for path in ("b/d", "b/c"):
        _, contents = listed(artifacts, 1 << 30, path=path)
        assert contents == {path: files[path]}
    assert listed(artifacts, 0, recursive=True)[1] == {}
    assert listed(artifacts, 1 << 30, path="nothing")[1] == {}
    assert error_of(lambda: listed(artifacts, -1)).metadata["field"] == "max_content_bytes"


def test_a_page_reads_the_store_no_more_than_so_often(artifacts: Artifacts) -> None:
    for number in range(40):  # each by itself, so that each has a place of its own
        artifacts.upload(artifacts.run(), f"{number:02}", b"%d" % number)
    page, contents = listed(artifacts, 1 << 30)
    assert (len(page.artifacts), len(contents)) == (40, 32)
    assert all(contents[path] == b"%d" % int(path) for path in contents)


def test_pages_go_on_with_and_without_bytes_of_files(artifacts: Artifacts) -> None:
    fill(artifacts, artifacts.run(), "a", "b", "c")
    page, contents = listed(artifacts, 10, page_size=2)
    assert contents == {"a": b"a", "b": b"b"}
    page, contents = listed(artifacts, 0, page_size=2, page_token=page.next_page_token)
    assert ([found.path for found in page.artifacts], contents) == (["c"], {})


def test_what_comes_with_a_page_fits_into_a_message(artifacts: Artifacts, seed: int) -> None:
    chosen = random.Random(seed)
    files = {f"{number}": chosen.randbytes(900_000) for number in range(5)}
    for path, data in files.items():
        artifacts.upload(artifacts.run(), path, data)
    page, contents = listed(artifacts, 2**31 - 1)
    assert contents == {path: files[path] for path in "012"}
    assert page.ByteSize() < 3.1 * 1024 * 1024


def test_page_begins_after_the_one_before_whatever_came_between(artifacts: Artifacts) -> None:
    fill(artifacts, artifacts.run(), *(f"f/{number:02}" for number in range(10)))
    pages = artifacts.pages(artifacts.run(), "f", page_size=4)
    assert [file.path for file in next(pages)] == ["f/00", "f/01", "f/02", "f/03"]
    artifacts.delete(artifacts.run(), "f/00")
    artifacts.delete(artifacts.run(), "f/05")
    fill(artifacts, artifacts.run(), "f/00x", "f/03x")
    assert [file.path for file in next(pages)] == ["f/03x", "f/04", "f/06", "f/07"]


def test_page_token_is_good_only_for_its_list(artifacts: Artifacts, run: str) -> None:
    asked = pb.ListArtifactsRequest(owner=run, path="b", page_size=1)
    token = artifacts.stub.ListArtifacts(asked).next_page_token
    others: list[dict[str, object]] = [
        {"path": "b/c"},
        {"recursive": True},
        {"owner": artifacts.run("other")},
        {"page_token": token[:-4]},
        {"page_token": "x"},
    ]
    for changed in others:
        fields: dict[str, object] = {"owner": run, "path": "b", "page_size": 1, "page_token": token} | changed
        request = pb.ListArtifactsRequest(**fields)  # type: ignore[arg-type] # fields of the request
        assert error_of(lambda request=request: artifacts.stub.ListArtifacts(request)).reason == "PAGE_TOKEN_INVALID"  # type: ignore[misc] # the default is no parameter
    again = pb.ListArtifactsRequest(owner=run, path="b", page_size=2, page_token=token)
    assert [found.path for found in artifacts.stub.ListArtifacts(again).artifacts] == ["b/c0", "b/g"]


def test_deleting_a_file_leaves_the_others(artifacts: Artifacts, run: str) -> None:
    assert artifacts.delete(run, "b/c/f") == 1
    assert artifacts.paths(run, recursive=True) == by_bytes([path for path in TREE if path != "b/c/f"])
    assert artifacts.delete(run, "b/c/f") == 0


def test_deleting_a_folder_removes_all_in_it_and_nothing_beside_it(artifacts: Artifacts, run: str) -> None:
    assert artifacts.delete(run, "b") == 4
    assert artifacts.paths(run, recursive=True) == by_bytes([path for path in TREE if not path.startswith("b/")])
    assert error_of(lambda: artifacts.get(run, "b")).reason == "ARTIFACT_NOT_FOUND"


def test_deleting_everything_of_an_owner_leaves_other_owners(artifacts: Artifacts, run: str) -> None:
    fill(artifacts, artifacts.run("other"), *TREE)
    assert artifacts.delete(run) == len(TREE)
    assert artifacts.paths(run) == []
    assert artifacts.paths(artifacts.run("other"), recursive=True) == by_bytes(TREE)
    fill(artifacts, run, "a/now/a/folder")
    assert artifacts.paths(run) == ["a/"]


def test_folders_that_become_empty_are_gone(artifacts: Artifacts, run: str) -> None:
    artifacts.delete(run, "b/c/f")
    assert artifacts.paths(run, "b/c") == ["b/c/d/"]
    artifacts.delete(run, "b/c/d/e")
    assert artifacts.paths(run, "b") == ["b/c0", "b/g"]
    artifacts.upload(run, "b/c", b"a file where a folder was")
    assert artifacts.paths(run, "b") == ["b/c", "b/c0", "b/g"]


@pytest.mark.parametrize(
    ("path", "taken", "kind"),
    [("b", "b", "FOLDER"), ("b/c", "b/c", "FOLDER"), ("a/x", "a", "FILE"), ("b/g/h/i", "b/g", "FILE")],
)
def test_file_and_folder_cannot_share_a_path(artifacts: Artifacts, run: str, path: str, taken: str, kind: str) -> None:
    failure = artifacts.refusal(run, path, b"x")
    assert (failure.code.name, failure.reason) == ("FAILED_PRECONDITION", "ARTIFACT_PATH_TAKEN")
    assert failure.metadata == {"owner": run, "path": taken, "kind": kind}
    assert artifacts.paths(run, recursive=True) == by_bytes(TREE)


def test_file_and_folder_cannot_share_a_path_within_one_stream(artifacts: Artifacts) -> None:
    paths = ["x", "x/y", "p/q/r", "p", "p/q", "p/q/r/s", "p/t"]
    requests = [message for path in paths for message in messages(artifacts.run(), path, b"1")]
    taken = [answer.WhichOneof("result") == "artifact" for answer in artifacts.upload_all(requests)]
    assert taken == [True, False, True, False, False, False, True]
    assert artifacts.paths(artifacts.run(), recursive=True) == ["p/q/r", "p/t", "x"]


def test_random_changes_leave_what_a_model_in_memory_has(artifacts: Artifacts, seed: int) -> None:
    chosen = random.Random(seed)
    model: dict[str, bytes] = {}
    run = artifacts.run()
    for step in range(150):
        path = "/".join(chosen.choice("abc") for _ in range(chosen.randint(1, 4)))
        if chosen.random() < 0.3:
            gone = [file for file in model if file == path or file.startswith(f"{path}/")]
            assert artifacts.delete(run, path) == len(gone)
            for file in gone:
                del model[file]
        else:
            data = b"%d" % (step % 5)
            in_the_way = any(path.startswith(f"{file}/") or file.startswith(f"{path}/") for file in model)
            if in_the_way:
                assert artifacts.refusal(run, path, data).reason == "ARTIFACT_PATH_TAKEN"
            else:
                artifacts.upload(run, path, data)
                model[path] = data
    assert artifacts.paths(run, recursive=True) == by_bytes(list(model))
    folders = {"/".join(path.split("/")[:depth]) for path in model for depth in range(1, len(path.split("/")))}
    for folder in sorted(folders | {""}):
        below = {
            path.removeprefix(f"{folder}/" if folder else "")
            for path in model
            if path.startswith(folder and f"{folder}/")
        }
        names = {name.partition("/")[0] for name in below}
        assert [found.rstrip("/").rpartition("/")[2] for found in artifacts.paths(run, folder)] == sorted(names)
    for path, data in model.items():
        assert artifacts.download(run, path)[1] == data
