"""Small files that are written as one object: what callers see of that, which is nothing, and what the store has."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa

from trivet_artifacts.server import open_database
from trivet_artifacts.store import tables
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_proto.artifacts.v1 import garbage_pb2
from trivet_testing.artifacts import Artifacts, messages, whole
from trivet_testing.depot import Depot, await_no_litter, connected
from trivet_testing.errors import error_of, failure_in
from trivet_testing.servers import ServerProcess

FILES = 60


@pytest.fixture
def server(depot: Depot) -> Iterator[ServerProcess]:
    """A server of this test's own, so that its store can be looked at as a whole."""
    with depot.start() as server:
        yield server
        assert "Traceback" not in server.stderr


@pytest.fixture
def kept(server: ServerProcess) -> Iterator[Artifacts]:
    with connected(server) as artifacts:
        yield artifacts


def contents(seed: int, count: int = FILES) -> dict[str, bytes]:
    chosen = random.Random(seed)
    return {f"d/{number:03}": chosen.randbytes(chosen.choice((0, 1, 1000, 10_000))) for number in range(count)}


def send(artifacts: Artifacts, files: dict[str, bytes]) -> None:
    answers = artifacts.upload_all([whole(artifacts.run(), path, data) for path, data in files.items()])
    assert [answer.artifact.path for answer in answers] == list(files)


def keys_of(depot: Depot, owner: str) -> set[str]:
    """The keys of the objects in which an owner's files lie."""
    entry, kept, of_owner = tables.artifact_entry, tables.artifact_object, tables.artifact_owner
    files = entry.join(kept, kept.c.object_pk == entry.c.object_pk).join(
        of_owner, of_owner.c.owner_pk == entry.c.owner_pk
    )
    wanted = sa.select(kept.c.object_key).select_from(files).where(of_owner.c.owner == owner)
    with closing(open_database(depot.place.database_url)) as database, database.transaction("read") as connection:
        return set(connection.execute(wanted).scalars())


def send_as_one(depot: Depot, kept: Artifacts, letters: str) -> tuple[str, str]:
    """Sends a file for each letter, with four times that letter last, until they come to lie in one object.

    Returns their owner, and the key of the object.
    """
    for attempt in range(100):
        owner = kept.run(f"r{attempt}")
        kept.upload_all([whole(owner, letter, b"%03d" % attempt + letter.encode() * 4) for letter in letters])
        keys = keys_of(depot, owner)
        if len(keys) == 1:
            return owner, keys.pop()
    raise AssertionError("files that come together are never written together")


def test_files_of_one_object_come_with_the_page_of_their_folder(depot: Depot, kept: Artifacts) -> None:
    owner, _ = send_as_one(depot, kept, "abcd")
    # What is left of it does not lie together.
    for deleted in ("", "c", "a"):
        kept.delete(owner, deleted) if deleted else None
        page = kept.stub.ListArtifacts(pb.ListArtifactsRequest(owner=owner, max_content_bytes=1000), timeout=30)
        contents = {page.artifacts[each.index].path: each.data for each in page.contents}
        assert contents == {file.path: kept.download(owner, file.path)[1] for file in page.artifacts}
        assert all(data.endswith(path.encode() * 4) for path, data in contents.items())


def test_files_of_a_stream_are_few_objects_and_each_is_read_by_itself(depot: Depot, kept: Artifacts, seed: int) -> None:
    files = contents(seed)
    send(kept, files)
    assert len(depot.whole()) <= FILES // 3
    for path, data in files.items():
        assert kept.download(kept.run(), path)[1] == data
        if len(data) > 10:
            assert kept.download(kept.run(), path, offset=3, limit=5)[1] == data[3:8]
            assert kept.download(kept.run(), path, offset=len(data) - 2)[1] == data[-2:]
        end = pb.DownloadArtifactRequest(owner=kept.run(), path=path, offset_bytes=len(data) + 1)
        assert error_of(lambda: list(kept.stub.DownloadArtifact(end, timeout=30))).reason == "FIELD_INVALID"  # noqa: B023 - used at once
    await_no_litter(depot)


def test_same_bytes_of_a_stream_are_stored_once(kept: Artifacts) -> None:
    send(kept, {f"{number}": b"same" for number in range(20)})
    assert (kept.usage().stored_contents, kept.usage().stored_bytes) == (1, 4)
    assert {kept.download(kept.run(), f"{number}")[1] for number in range(20)} == {b"same"}


def test_files_that_are_refused_take_no_room(depot: Depot, kept: Artifacts) -> None:
    kept.upload(kept.run(), "folder/in", b"it")
    answers = kept.upload_all(
        [
            whole(kept.run(), "wrong", b"bytes of another digest", bytes(32)),
            whole(kept.run(), "right", b"right"),
            whole(kept.run(), "folder", b"is one"),
            whole(kept.run(), "../up", b"is no path"),
        ]
    )
    reasons = [failure_in(answer.refused).reason if answer.HasField("refused") else "" for answer in answers]
    assert reasons == ["ARTIFACT_DIGEST_MISMATCH", "", "ARTIFACT_PATH_TAKEN", "FIELD_INVALID"]
    # What was refused by its place had been written already, in one object with the others.
    assert kept.usage().stored_bytes <= len(b"it" + b"right" + b"is one")
    only = kept.upload_all([whole(kept.run(), "folder", b"alone"), whole(kept.run(), "no", b"no", bytes(32))])
    assert all(answer.HasField("refused") for answer in only)
    await_no_litter(depot)


def test_last_of_several_at_one_path_stays_however_each_is_sent(artifacts: Artifacts) -> None:
    def stream() -> Iterator[pb.UploadArtifactsRequest]:
        for turn in range(12):
            data = b"%d" % turn
            if turn % 3 == 1:
                yield from messages(artifacts.run(), "path", data)
            else:
                yield whole(artifacts.run(), "path", data)

    answers = artifacts.upload_all(stream())
    assert [answer.index for answer in answers] == list(range(12))
    assert artifacts.download(artifacts.run(), "path")[1] == b"11"


def test_what_is_left_of_an_object_is_written_anew_when_most_is_garbage(
    depot: Depot, kept: Artifacts, seed: int
) -> None:
    files = {f"d/{number:03}": random.Random(seed + number).randbytes(1000) for number in range(FILES)}
    send(kept, files)
    in_use = keys_of(depot, kept.run())
    left = [path for number, path in enumerate(files) if number % 10 == 0]
    for path in files.keys() - set(left):
        kept.delete(kept.run(), path)
    assert kept.usage().unreferenced_bytes == 1000 * (FILES - len(left))
    still_in_use = keys_of(depot, kept.run())
    freed = kept.collect()
    assert (freed.freed_contents, freed.freed_bytes) == (FILES - len(left), 1000 * (FILES - len(left)))
    assert kept.usage().stored_bytes < 2 * 1000 * len(left)
    # Whoever knew where the bytes were can read them for a while.
    assert {key.rpartition("/")[2] for key in still_in_use} <= depot.whole()
    depot.let_readers_go()
    await_no_litter(depot)
    assert in_use - keys_of(depot, kept.run())
    for path in left:
        assert kept.download(kept.run(), path)[1] == files[path]
    for path in left:
        kept.delete(kept.run(), path)
    assert kept.collect().freed_contents == len(left)
    depot.let_readers_go()
    await_no_litter(depot)
    assert depot.whole() == set()
    assert kept.usage() == garbage_pb2.SpaceUsage()


def test_garbage_takes_less_than_what_is_in_use(kept: Artifacts) -> None:
    send(kept, {f"{number}": b"%04d" % number for number in range(40)})
    for number in range(40):
        if number % 4 == 0:
            kept.delete(kept.run(), f"{number}")
    kept.collect()
    usage = kept.usage()
    assert usage.stored_contents == 30
    assert usage.unreferenced_bytes == usage.stored_bytes - 30 * 4 < 30 * 4


def test_altered_bytes_are_never_written_anew(depot: Depot) -> None:
    with depot.start() as server, connected(server) as kept:
        owner, key = send_as_one(depot, kept, "abcd")
        for path in "abc":
            kept.delete(owner, path)
        depot.alter(key, lambda data: data.replace(b"dddd", b"dxdd"))
        assert kept.collect().freed_contents == 3
        assert keys_of(depot, owner) == {key}
        assert kept.download(owner, "d")[1].endswith(b"dxdd")
        assert "could not be written anew" in server.stderr


def test_object_that_was_cut_is_refused_by_the_name_of_the_file(depot: Depot) -> None:
    with depot.start() as server, connected(server) as kept:
        owner, key = send_as_one(depot, kept, "ab")
        depot.alter(key, lambda data: data[:-1])
        failure = error_of(lambda: kept.download(owner, "b"))
        assert (failure.code.name, failure.reason) == ("FAILED_PRECONDITION", "ARTIFACT_CORRUPT")
        assert failure.metadata["path"] == "b"
        assert kept.download(owner, "a")[1].endswith(b"aaaa")
        depot.alter(key, lambda _: b"")
        assert error_of(lambda: kept.download(owner, "a")).reason == "ARTIFACT_CORRUPT"
        assert error_of(lambda: kept.download_several(owner, ["b", "a"])).reason == "ARTIFACT_CORRUPT"
        request = pb.ListArtifactsRequest(owner=owner, max_content_bytes=1000)
        page = kept.stub.ListArtifacts(request, timeout=30)
        assert ([file.path for file in page.artifacts], list(page.contents)) == (["a", "b"], [])
        assert "Traceback" not in server.stderr
        assert "lacks its last" in server.stderr
