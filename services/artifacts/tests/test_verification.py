"""Whether the store has what the index names: what is there, what is not, and what is something else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from trivet_proto.artifacts.v1 import verification_pb2 as pb
from trivet_testing.artifacts import Artifacts, whole
from trivet_testing.depot import Depot, connected
from trivet_testing.errors import error_of

MISSING, ALTERED = pb.DamagedContent.PROBLEM_MISSING, pb.DamagedContent.PROBLEM_ALTERED


@pytest.fixture
def kept(depot: Depot) -> Iterator[Artifacts]:
    """A server of this test's own, so that its store can be spoilt."""
    with depot.start() as server, connected(server) as artifacts:
        yield artifacts
        assert "Traceback" not in server.stderr


def pages(kept: Artifacts, page_size: int = 0, *, presence_only: bool = False) -> list[pb.VerifyContentsResponse]:
    request = pb.VerifyContentsRequest(parent=kept.parent, presence_only=presence_only, page_size=page_size)
    found = []
    while True:
        found.append(kept.stub.VerifyContents(request, timeout=60))
        request.page_token = found[-1].next_page_token
        if not request.page_token:
            return found


def damaged(kept: Artifacts, *, presence_only: bool = False) -> dict[str, tuple[int, int]]:
    """By the files that have them: the problem and the size of contents."""
    return {
        " ".join(f"{file.owner.rpartition('/')[2]}:{file.path}" for file in each.files): (each.problem, each.size_bytes)
        for page in pages(kept, presence_only=presence_only)
        for each in page.damaged
    }


def key_of(depot: Depot, before: set[str]) -> str:
    (key,) = depot.referred() - before
    return key


@pytest.mark.parametrize("presence_only", [False, True])
def test_what_is_there_is_counted_and_well(kept: Artifacts, *, presence_only: bool) -> None:
    run = kept.run()
    for name, data in (("a", b"one"), ("b", b"other"), ("c", b"one"), ("empty", b"")):
        kept.upload(run, name, data)
    for page_size in (0, 1, 2, 3):
        found = pages(kept, page_size, presence_only=presence_only)
        assert sum(page.checked_contents for page in found) == 3  # each content once
        assert sum(page.checked_bytes for page in found) == 8
        assert [each for page in found for each in page.damaged] == []


def test_workspace_without_files_is_one_empty_page(kept: Artifacts) -> None:
    assert pages(kept) == [pb.VerifyContentsResponse()]


def test_lost_and_altered_bytes_are_named_with_the_files_that_have_them(depot: Depot, kept: Artifacts) -> None:
    run, other = kept.run(), kept.run("other")
    kept.upload(run, "well", b"well")
    before = depot.referred()
    kept.upload(run, "lost", b"lost!")
    lost = key_of(depot, before)
    kept.upload(other, "again", b"lost!")
    before = depot.referred()
    kept.upload(run, "spoilt", b"spoilt")
    spoilt = key_of(depot, before)
    before = depot.referred()
    kept.upload(run, "cut", b"cut off")
    cut = key_of(depot, before)
    depot.lose(lost)
    depot.alter(spoilt, lambda data: data[:-1] + b"?")
    depot.alter(cut, lambda data: data[:-2])
    names = sorted([f"{run.rpartition('/')[2]}:lost", f"{other.rpartition('/')[2]}:again"])
    both, of_run = " ".join(names), run.rpartition("/")[2]
    found = damaged(kept)
    assert {key: problem for key, (problem, _) in found.items() if not key.endswith(":cut")} == {
        both: MISSING,
        f"{of_run}:spoilt": ALTERED,
    }
    assert found[f"{of_run}:cut"][0] in (MISSING, ALTERED)  # what a shorter object answers is the store's to say
    assert {size for _, size in found.values()} == {5, 6, 7}
    # Other bytes of the same number are seen by their digest alone.
    assert damaged(kept, presence_only=True).keys() == {both, f"{of_run}:cut"}


@pytest.mark.parametrize("presence_only", [False, True])
def test_small_files_that_lie_in_one_object_are_told_apart(
    depot: Depot, kept: Artifacts, *, presence_only: bool
) -> None:
    run = kept.run()
    before = depot.referred()
    data = [number.to_bytes(2) * 500 for number in range(300)]
    kept.upload_all([whole(run, f"{number:03}", content) for number, content in enumerate(data)])
    keys = sorted(depot.referred() - before)
    assert len(keys) < len(data) / 10  # they came together
    found = pages(kept, presence_only=presence_only)
    assert len(found) > 1  # more than a page has
    assert sum(page.checked_contents for page in found) == len(data)
    assert damaged(kept, presence_only=presence_only) == {}
    counts: list[int] = []

    def halved(held: bytes) -> bytes:
        counts.append(len(held) // 1000)
        return held[: len(held) // 2]

    for key in keys:
        depot.alter(key, halved)
    lost = damaged(kept, presence_only=presence_only)
    # Of those whose last byte is in the second half, and of no others.
    assert len(lost) == sum(count - count // 2 for count in counts)
    assert {size for _, size in lost.values()} == {1000}


def test_what_no_file_has_any_more_is_no_damage_once_it_is_collected(depot: Depot, kept: Artifacts) -> None:
    before = depot.referred()
    kept.upload(kept.run(), "a", b"bytes")
    depot.lose(key_of(depot, before))
    kept.delete(kept.run())
    assert damaged(kept) == {"": (MISSING, 5)}
    kept.collect()
    assert damaged(kept) == {}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"page_size": -1}, "FIELD_INVALID"),
        ({"page_token": "forged"}, "PAGE_TOKEN_INVALID"),
    ],
)
def test_bad_page_is_refused(kept: Artifacts, fields: dict[str, Any], reason: str) -> None:
    request = pb.VerifyContentsRequest(parent=kept.parent, **fields)
    failure = error_of(lambda: kept.stub.VerifyContents(request, timeout=30))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)


def test_token_of_another_question_is_refused(kept: Artifacts) -> None:
    kept.upload(kept.run(), "a", b"a")
    kept.upload(kept.run(), "b", b"b")
    first = kept.stub.VerifyContents(pb.VerifyContentsRequest(parent=kept.parent, page_size=1), timeout=30)
    assert first.next_page_token
    other = pb.VerifyContentsRequest(parent=kept.parent, presence_only=True, page_token=first.next_page_token)
    assert error_of(lambda: kept.stub.VerifyContents(other, timeout=30)).reason == "PAGE_TOKEN_INVALID"
