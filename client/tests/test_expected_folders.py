"""Folders that are checked before it is known whether they are the ones."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from trivet._artifact_cache import ArtifactCache
from trivet._at_once import Stop, TransferStopped
from trivet._expected_folders import ExpectedFolders
from trivet._held_folders import digest_of_folder, hold_alone
from trivet._manifests import manifest_digest, manifest_line

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the cache keeps no folders there")

URI = "models:/taxi@champion"
NOT_KEPT = hashlib.sha256(b"not kept").digest()


@pytest.fixture
def cache(tmp_path: Path) -> ArtifactCache:
    return ArtifactCache(tmp_path / "cache", 1000)


def keep(cache: ArtifactCache, content: bytes) -> tuple[bytes, Path]:
    """Gives the cache a folder with one file; returns its digest and its place, held by nobody."""
    folder = cache.new_folder()
    assert folder is not None
    (folder.path / "MLmodel").write_bytes(content)
    sha256 = bytes.fromhex(manifest_digest([manifest_line("MLmodel", hashlib.sha256(content).digest())]))
    held = cache.add_folder(sha256, folder)
    held.release()
    return sha256, held.path


def taken(expected: ExpectedFolders, uri: str, sha256: bytes) -> Path | None:
    """Where the folder is that loading by a URI uses, held by nobody afterwards."""
    with expected.expect(uri) as folder:
        held = folder.take(sha256)
    if held is None:
        return None
    assert hold_alone(held.path) is None
    held.release()
    return held.path


def is_free(path: Path) -> bool:
    held = hold_alone(path)
    if held is not None:
        held.release()
    return held is not None


def test_folder_that_was_expected_is_taken(cache: ArtifactCache) -> None:
    sha256, path = keep(cache, b"1")
    expected = ExpectedFolders(cache)
    assert [taken(expected, URI, sha256) for _ in range(3)] == [path] * 3
    assert is_free(path)


def test_another_folder_than_was_expected_is_taken_and_that_one_let_go(cache: ArtifactCache) -> None:
    first, first_path = keep(cache, b"1")
    second, second_path = keep(cache, b"2")
    expected = ExpectedFolders(cache)
    assert taken(expected, URI, first) == first_path
    assert taken(expected, URI, second) == second_path
    assert (is_free(first_path), is_free(second_path)) == (True, True)
    assert taken(expected, URI, NOT_KEPT) is None
    assert is_free(second_path)


def test_folder_that_was_not_the_one_is_let_go_before_another_is_brought(cache: ArtifactCache) -> None:
    first, first_path = keep(cache, b"1")
    expected = ExpectedFolders(cache)
    assert taken(expected, URI, first) == first_path
    with expected.expect(URI) as folder:
        assert folder.take(NOT_KEPT) is None
        assert is_free(first_path)  # so that it can make room


def test_folder_that_was_altered_is_not_taken(cache: ArtifactCache, caplog: pytest.LogCaptureFixture) -> None:
    sha256, path = keep(cache, b"1")
    expected = ExpectedFolders(cache)
    assert taken(expected, URI, sha256) == path
    (path / "MLmodel").write_bytes(b"2")
    assert taken(expected, URI, sha256) is None
    assert caplog.text.count("was altered, and is fetched again") == 1
    assert not path.exists()
    keep(cache, b"1")
    assert taken(expected, URI, sha256) == path


def test_folder_that_nobody_took_is_let_go(cache: ArtifactCache) -> None:
    sha256, path = keep(cache, b"1")
    expected = ExpectedFolders(cache)
    assert taken(expected, URI, sha256) == path
    with pytest.raises(KeyError), expected.expect(URI):
        raise KeyError  # as where the registry is away
    assert is_free(path)


def test_check_that_is_given_up_reads_no_further_and_holds_nothing(cache: ArtifactCache, tmp_path: Path) -> None:
    sha256, path = keep(cache, b"1")
    stop = Stop()
    stop.set()
    with pytest.raises(TransferStopped):
        cache.open_folder(sha256, stop)
    assert is_free(path)
    # It is not known to be another one, so it stays.
    assert taken(ExpectedFolders(cache), URI, sha256) == path
    large = tmp_path / "large"
    large.mkdir()
    (large / "weights").write_bytes(os.urandom(600_000))
    line = manifest_line("weights", hashlib.sha256((large / "weights").read_bytes()).digest())
    assert digest_of_folder(large, Stop()) == manifest_digest([line])
