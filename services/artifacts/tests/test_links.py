"""Links: files of one owner that another gets, in one step and once."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_testing.artifacts import Artifacts
from trivet_testing.errors import error_of

FILES = {"model/MLmodel": b"flavors", "model/data/model.pkl": b"weights", "plot.png": b"png", "model-2": b"other"}


def manifest(files: dict[str, bytes]) -> bytes:
    """As the contract has it, said again."""
    lines = sorted(f"{hashlib.sha256(data).hexdigest()}  {path}\n".encode() for path, data in files.items())
    return hashlib.sha256(b"".join(lines)).digest()


def contents(artifacts: Artifacts, owner: str) -> dict[str, bytes]:
    return {path: artifacts.download(owner, path)[1] for path in artifacts.paths(owner, recursive=True)}


@pytest.fixture
def run(artifacts: Artifacts) -> str:
    for path, data in FILES.items():
        artifacts.upload(artifacts.run(), path, data)
    return artifacts.run()


def test_folder_is_linked_by_the_paths_below_it(artifacts: Artifacts, run: str) -> None:
    linked = artifacts.link(run, "model", artifacts.version())
    expected = {"MLmodel": b"flavors", "data/model.pkl": b"weights"}
    assert contents(artifacts, artifacts.version()) == expected
    assert linked == pb.LinkArtifactsResponse(linked_files=2, linked_bytes=14, manifest_sha256=manifest(expected))
    assert contents(artifacts, run) == FILES
    assert artifacts.paths(artifacts.version()) == ["MLmodel", "data/"]


def test_everything_is_linked_by_the_empty_path(artifacts: Artifacts, run: str) -> None:
    linked = artifacts.link(run, "", artifacts.version())
    assert contents(artifacts, artifacts.version()) == FILES
    assert (linked.linked_files, linked.manifest_sha256) == (4, manifest(FILES))


def test_single_file_keeps_its_last_segment(artifacts: Artifacts, run: str) -> None:
    linked = artifacts.link(run, "model/data/model.pkl", artifacts.version())
    assert contents(artifacts, artifacts.version()) == {"model.pkl": b"weights"}
    assert linked.manifest_sha256 == manifest({"model.pkl": b"weights"})


def test_manifest_is_that_of_the_known_example(artifacts: Artifacts) -> None:
    artifacts.upload(artifacts.run(), "b", b"")
    artifacts.upload(artifacts.run(), "a", b"abc")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    linked = artifacts.link(artifacts.run(), "", artifacts.version())
    assert linked.manifest_sha256 == hashlib.sha256(f"{abc}  a\n{empty}  b\n".encode()).digest()


def test_linking_again_changes_nothing(artifacts: Artifacts, run: str) -> None:
    first = artifacts.link(run, "model", artifacts.version())
    before = [file for page in artifacts.pages(artifacts.version(), recursive=True) for file in page]
    assert artifacts.link(run, "model", artifacts.version()) == first
    assert [file for page in artifacts.pages(artifacts.version(), recursive=True) for file in page] == before


def test_linking_goes_on_where_some_files_are_there(artifacts: Artifacts, run: str) -> None:
    artifacts.upload(artifacts.version(), "MLmodel", b"flavors", media_type="text/plain")
    assert artifacts.link(run, "model", artifacts.version()).linked_files == 2
    assert artifacts.get(artifacts.version(), "MLmodel").media_type == "text/plain"


def test_other_bytes_at_a_path_refuse_the_whole_link(artifacts: Artifacts, run: str) -> None:
    artifacts.upload(artifacts.version(), "data/model.pkl", b"other weights")
    failure = error_of(lambda: artifacts.link(run, "model", artifacts.version()))
    assert (failure.code.name, failure.reason) == ("ALREADY_EXISTS", "ARTIFACT_EXISTS")
    assert failure.metadata == {"owner": artifacts.version(), "path": "data/model.pkl"}
    assert contents(artifacts, artifacts.version()) == {"data/model.pkl": b"other weights"}


@pytest.mark.parametrize(("there", "kind"), [("MLmodel/x", "FOLDER"), ("data", "FILE")])
def test_folder_and_file_in_the_way_refuse_the_whole_link(
    artifacts: Artifacts, run: str, there: str, kind: str
) -> None:
    artifacts.upload(artifacts.version(), there, b"x")
    failure = error_of(lambda: artifacts.link(run, "model", artifacts.version()))
    assert (failure.reason, failure.metadata["kind"]) == ("ARTIFACT_PATH_TAKEN", kind)
    assert artifacts.paths(artifacts.version(), recursive=True) == [there]


@pytest.mark.parametrize("path", ["nothing", "model/MLmodel/x", "mode"])
def test_source_that_has_nothing_is_not_found(artifacts: Artifacts, run: str, path: str) -> None:
    failure = error_of(lambda: artifacts.link(run, path, artifacts.version()))
    assert (failure.reason, failure.metadata) == ("ARTIFACT_NOT_FOUND", {"owner": run, "path": path})
    assert error_of(lambda: artifacts.link(artifacts.run("none"), "", run)).reason == "ARTIFACT_NOT_FOUND"
    assert contents(artifacts, run) == FILES


def test_linked_files_outlive_their_source(artifacts: Artifacts, run: str) -> None:
    artifacts.link(run, "model", artifacts.version())
    artifacts.delete(run)
    artifacts.upload(run, "model/MLmodel", b"changed")
    assert contents(artifacts, artifacts.version())["MLmodel"] == b"flavors"


def test_owner_can_be_linked_to_itself(artifacts: Artifacts, run: str) -> None:
    assert artifacts.link(run, "", run).linked_files == 4
    assert artifacts.link(run, "model", run).linked_files == 2
    assert contents(artifacts, run) == FILES | {"MLmodel": b"flavors", "data/model.pkl": b"weights"}


def test_owners_that_link_to_each_other_at_once_do_not_block_each_other(artifacts: Artifacts, run: str) -> None:
    artifacts.link(run, "", artifacts.version())
    pairs = [(run, artifacts.version()), (artifacts.version(), run)] * 20
    with ThreadPoolExecutor(8) as threads:
        linked = list(threads.map(lambda pair: artifacts.link(pair[0], "", pair[1]), pairs))
    assert {answer.manifest_sha256 for answer in linked} == {manifest(FILES)}


def test_link_to_another_workspace_is_refused(artifacts: Artifacts, run: str) -> None:
    failure = error_of(lambda: artifacts.link(run, "", "workspaces/default/runs/r"))
    assert failure.reason == "WORKSPACES_MIXED"
