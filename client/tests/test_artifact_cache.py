"""The cache of artifacts on this machine: what it keeps, what it lets go, and that nobody gets wrong bytes of it."""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import trivet
from trivet._artifact_cache import DEFAULT_MAX_BYTES, ArtifactCache, open_cache
from trivet._hashing import hash_file
from trivet._held_folders import HeldFolder
from trivet._manifests import manifest_digest, manifest_line
from trivet_testing.servers import run_to_exit

RUN = "0192f0c1a7"
HOUR_NS = 3_600_000_000_000

# Adds and reads contents of a small cache; says how many it read, and which had other bytes than they have to.
WORKER = """
import hashlib, json, random, sys
from pathlib import Path
from trivet._artifact_cache import ArtifactCache
folder, contents, seed, max_bytes = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
cache, files, random = ArtifactCache(folder, max_bytes), sorted(contents.iterdir()), random.Random(seed)
read, wrong = 0, []
for _ in range(200):
    file = random.choice(files)
    sha256 = bytes.fromhex(file.name)
    content = cache.open_content(sha256)
    if content is None:
        cache.add_contents({sha256: file})
        continue
    with content:
        read += 1
        if hashlib.sha256(content.read()).digest() != sha256:
            wrong.append(file.name)
print(json.dumps([read, wrong]))
"""


class Clock:
    def __init__(self) -> None:
        self.now_ns = time.time_ns() + HOUR_NS

    def __call__(self) -> int:
        self.now_ns += 1
        return self.now_ns


@pytest.fixture
def clock() -> Clock:
    """An hour ahead, so that the test's files are old enough to be trusted."""
    return Clock()


def make(folder: Path, content: bytes) -> tuple[bytes, Path]:
    sha256 = hashlib.sha256(content).digest()
    file = folder / sha256.hex()
    file.write_bytes(content)
    return sha256, file


def read(cache: ArtifactCache, sha256: bytes) -> bytes | None:
    content = cache.open_content(sha256)
    if content is None:
        return None
    with content:
        return content.read()


def kept_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in (folder / "contents").rglob("*") if file.is_file())


def test_content_comes_back_by_its_digest(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path / "cache", 1000)
    sha256, file = make(tmp_path, b"weights")
    assert read(cache, sha256) is None
    cache.add_contents({sha256: file})
    file.unlink()
    assert read(ArtifactCache(tmp_path / "cache", 1000), sha256) == b"weights"
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700
    cache.drop_content(sha256)
    assert read(cache, sha256) is None


def test_those_used_least_lately_go_first(tmp_path: Path, clock: Clock) -> None:
    cache = ArtifactCache(tmp_path / "cache", 100, now_ns=clock)
    first, second, third = (make(tmp_path, letter * 40) for letter in (b"a", b"b", b"c"))
    cache.add_contents(dict([first]))
    cache.add_contents(dict([second]))
    assert read(cache, first[0]) is not None
    cache.add_contents(dict([third]))
    assert [read(cache, sha256) is not None for sha256, _ in (first, second, third)] == [True, False, True]
    assert kept_bytes(tmp_path / "cache") == 80


def test_file_that_is_larger_than_all_of_it_is_left_out(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path / "cache", 100)
    small, large = make(tmp_path, b"s" * 50), make(tmp_path, b"l" * 101)
    cache.add_contents(dict([small]))
    cache.add_contents(dict([large]))
    assert (read(cache, small[0]), read(cache, large[0])) == (b"s" * 50, None)
    nothing = ArtifactCache(tmp_path / "none", 0)
    nothing.add_contents(dict([small]))
    assert read(nothing, small[0]) is None


def test_digest_of_a_file_is_known_until_it_changes(tmp_path: Path, clock: Clock) -> None:
    cache = ArtifactCache(tmp_path / "cache", 100, now_ns=clock)
    file = tmp_path / "data"
    file.write_bytes(b"one")
    cache.remember_digests([hash_file(file)])
    assert cache.known_digests([file, tmp_path / "nothing"])[file].sha256 == hashlib.sha256(b"one").digest()
    status = file.stat()
    file.write_bytes(b"two")
    # Whoever sets the time back cannot hide it.
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert cache.known_digests([file]) == {}
    replaced = tmp_path / "other"
    replaced.write_bytes(b"six")
    cache.remember_digests([hash_file(file)])
    replaced.replace(file)
    assert cache.known_digests([file]) == {}


def test_file_that_was_changed_only_just_now_is_not_trusted(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_bytes(b"one")
    changed = max(file.stat().st_mtime_ns, file.stat().st_ctime_ns)
    for age, is_known in ((-5_000_000_000, False), (1_900_000_000, False), (2_100_000_000, True)):
        cache = ArtifactCache(tmp_path / f"cache{age}", 100, now_ns=lambda age=age: changed + age)  # type: ignore[misc] # mypy takes defaults of lambdas for arguments
        cache.remember_digests([hash_file(file)])
        assert (file in cache.known_digests([file])) == is_known


def test_damaged_index_is_begun_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = ArtifactCache(tmp_path / "cache", 1000)
    sha256, file = make(tmp_path, b"weights")
    cache.add_contents({sha256: file})
    (tmp_path / "cache" / "index.db").write_bytes(b"no database" * 1000)
    assert read(cache, sha256) is None
    assert "damaged" in caplog.text
    cache.add_contents({sha256: file})
    assert read(cache, sha256) == b"weights"


def test_content_that_somebody_removed_is_not_there(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path / "cache", 1000)
    sha256, file = make(tmp_path, b"weights")
    cache.add_contents({sha256: file})
    for kept in (tmp_path / "cache" / "contents").rglob(sha256.hex()):
        kept.unlink()
    assert read(cache, sha256) is None
    cache.add_contents({sha256: file})
    assert read(cache, sha256) == b"weights"


def test_folder_that_cannot_be_one_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in the way", encoding="utf-8")
    cache = ArtifactCache(tmp_path / "cache", 1000)
    sha256, file = make(tmp_path, b"weights")
    cache.add_contents({sha256: file})
    cache.remember_digests([hash_file(file)])
    cache.drop_content(sha256)
    assert (read(cache, sha256), cache.known_digests([file])) == (None, {})


def test_what_killed_programs_left_is_swept_after_a_day(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "cache"
    cache = ArtifactCache(folder, 1000, now_ns=clock)
    first, second = make(tmp_path, b"first"), make(tmp_path, b"second")
    cache.add_contents(dict([first]))
    (folder / "unfinished" / "copy").write_bytes(b"half")
    orphan = folder / "contents" / "ab" / ("ab" * 32)
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"of no row")
    clock.now_ns += 25 * HOUR_NS
    cache.add_contents(dict([second]))
    assert not (folder / "unfinished" / "copy").exists()
    assert not orphan.exists()
    assert (read(cache, first[0]), read(cache, second[0])) == (b"first", b"second")


def test_programs_share_it_and_never_read_wrong_bytes(tmp_path: Path, seed: int) -> None:
    contents = tmp_path / "contents"
    contents.mkdir()
    numbers = random.Random(seed)
    for _ in range(20):
        make(contents, numbers.randbytes(numbers.randrange(1, 50_000)))
    max_bytes = 200_000
    arguments = [sys.executable, "-c", WORKER, str(tmp_path / "cache"), str(contents)]
    with ThreadPoolExecutor(4) as pool:
        ended = list(
            pool.map(lambda number: run_to_exit([*arguments, str(seed + number), str(max_bytes)], {}), range(4))
        )
    assert [one.stderr for one in ended] == [""] * 4
    answers = [json.loads(one.stdout) for one in ended]
    assert sum(count for count, _ in answers) > 0
    assert all(wrong == [] for _, wrong in answers)
    assert kept_bytes(tmp_path / "cache") <= max_bytes
    assert list((tmp_path / "cache" / "unfinished").iterdir()) == []


# --- folders


def keep(cache: ArtifactCache, files: dict[str, bytes]) -> tuple[bytes, HeldFolder]:
    """Gives the cache a folder with files; returns the digest of its manifest, and how it is held."""
    folder = cache.new_folder()
    assert folder is not None
    for path, content in files.items():
        (folder.path / path).parent.mkdir(parents=True, exist_ok=True)
        (folder.path / path).write_bytes(content)
    lines = [manifest_line(path, hashlib.sha256(content).digest()) for path, content in files.items()]
    sha256 = bytes.fromhex(manifest_digest(lines))
    return sha256, cache.add_folder(sha256, folder)


def is_kept(cache: ArtifactCache, sha256: bytes) -> bool:
    held = cache.open_folder(sha256)
    if held is not None:
        held.release()
    return held is not None


FILES = {"MLmodel": b"flavors", "parts/weights": b"1234", "parts/ä": b""}


def test_folder_is_read_where_it_lies(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path / "cache", 1000)
    sha256, held = keep(cache, FILES)
    held.release()
    again = ArtifactCache(tmp_path / "cache", 1000).open_folder(sha256)
    assert again is not None
    assert again.path == held.path
    assert {path: (again.path / path).read_bytes() for path in FILES} == FILES
    again.release()
    assert not is_kept(cache, hashlib.sha256(b"another").digest())
    assert list((tmp_path / "cache" / "unfinished").iterdir()) == []


def change(folder: Path) -> None:
    (folder / "parts" / "weights").write_bytes(b"4321")


def add(folder: Path) -> None:
    (folder / "parts" / "sitecustomize.py").write_bytes(b"")


def remove(folder: Path) -> None:
    (folder / "MLmodel").unlink()


def link(folder: Path) -> None:
    (folder / "MLmodel").rename(folder.parent / "MLmodel")
    (folder / "MLmodel").symlink_to(folder.parent / "MLmodel")


@pytest.mark.parametrize("alter", [change, add, remove, link])
def test_folder_that_was_altered_is_thrown_away(
    tmp_path: Path, alter: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    cache = ArtifactCache(tmp_path / "cache", 1000)
    sha256, held = keep(cache, FILES)
    held.release()
    alter(held.path)
    assert not is_kept(cache, sha256)
    assert "was altered, and is fetched again" in caplog.text
    assert not held.path.exists()
    keep(cache, FILES)
    assert is_kept(cache, sha256)


def test_what_python_compiles_in_a_folder_is_no_change(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path / "cache", 1000)
    sha256, held = keep(cache, {"code/taxi.py": b"fare = 1"})
    (held.path / "code" / "__pycache__").mkdir()
    (held.path / "code" / "__pycache__" / "taxi.cpython-311.pyc").write_bytes(b"compiled")
    assert is_kept(cache, sha256)


def test_folders_and_contents_share_the_room(tmp_path: Path, clock: Clock) -> None:
    cache = ArtifactCache(tmp_path / "cache", 100, now_ns=clock)
    first, held = keep(cache, {"a": b"1" * 40})
    held.release()
    content = make(tmp_path, b"2" * 40)
    cache.add_contents(dict([content]))
    assert is_kept(cache, first)
    second, _ = keep(cache, {"b": b"3" * 40})
    assert (is_kept(cache, first), read(cache, content[0]), is_kept(cache, second)) == (True, None, True)
    third, large = keep(cache, {"c": b"4" * 101})
    assert ((large.path / "c").read_bytes(), is_kept(cache, third)) == (b"4" * 101, False)
    large.release()
    assert not large.path.exists()
    nothing = ArtifactCache(tmp_path / "none", 0)
    assert (nothing.new_folder(), nothing.open_folder(first)) == (None, None)


def test_folder_that_somebody_holds_stays_until_nobody_does(tmp_path: Path, clock: Clock) -> None:
    cache = ArtifactCache(tmp_path / "cache", 100, now_ns=clock)
    first, held = keep(cache, {"a": b"1" * 60})
    keep(cache, {"b": b"2" * 60})
    assert (held.path / "a").read_bytes() == b"1" * 60
    assert not is_kept(cache, first)
    held.release()
    clock.now_ns += 25 * HOUR_NS
    cache.add_contents(dict([make(tmp_path, b"3")]))
    assert not held.path.exists()


def test_altered_folder_that_somebody_holds_stays_for_them(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path / "cache", 1000)
    sha256, held = keep(cache, FILES)
    add(held.path)
    assert not is_kept(cache, sha256)
    assert (held.path / "MLmodel").read_bytes() == FILES["MLmodel"]
    # Another copy cannot take its place, and is used where it is.
    other = keep(cache, FILES)[1]
    assert (other.path != held.path, (other.path / "MLmodel").read_bytes()) == (True, FILES["MLmodel"])
    held.release()
    assert not is_kept(cache, sha256)
    other.release()
    assert not other.path.exists()


def test_unfinished_folder_is_swept_after_a_day_when_its_program_is_gone(tmp_path: Path, clock: Clock) -> None:
    cache = ArtifactCache(tmp_path / "cache", 1000, now_ns=clock)
    left, used = cache.new_folder(), cache.new_folder()
    assert left is not None
    assert used is not None
    (left.path / "MLmodel").write_bytes(b"half")
    left.release()  # as the end of a process does
    cache.add_contents(dict([make(tmp_path, b"1")]))
    assert left.path.exists()
    clock.now_ns += 25 * HOUR_NS
    cache.add_contents(dict([make(tmp_path, b"2")]))
    assert (left.path.exists(), used.path.exists()) == (False, True)


def test_what_others_leave_in_the_cache_is_left_alone(tmp_path: Path, clock: Clock) -> None:
    cache = ArtifactCache(tmp_path / "cache", 1000, now_ns=clock)
    sha256, held = keep(cache, FILES)
    held.release()
    strangers = [tmp_path / "cache" / "folders" / ".DS_Store", tmp_path / "cache" / "contents" / "ab" / "folder"]
    strangers[0].write_bytes(b"")
    strangers[1].mkdir(parents=True)
    clock.now_ns += 25 * HOUR_NS
    other, again = keep(cache, {"a": b"1"})
    assert (again.path / "a").read_bytes() == b"1"
    assert (is_kept(cache, sha256), is_kept(cache, other)) == (True, True)
    assert all(each.exists() for each in strangers)


def test_folder_that_is_in_place_is_used_though_the_index_is_lost(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path / "cache", 1000)
    folder = cache.new_folder()
    assert folder is not None
    (folder.path / "a").write_bytes(b"1")
    (tmp_path / "cache" / "index.db").write_bytes(b"no database" * 1000)
    held = cache.add_folder(hashlib.sha256(b"any").digest(), folder)
    assert (held.path / "a").read_bytes() == b"1"
    held.release()


# Holds folders of a small cache, or gives it one; says how often it held one, and what it then read that was wrong.
HOLDER = """
import hashlib, json, random, sys
from pathlib import Path
from trivet._artifact_cache import ArtifactCache
from trivet._manifests import manifest_digest, manifest_line
cache, random = ArtifactCache(Path(sys.argv[1]), int(sys.argv[3])), random.Random(int(sys.argv[2]))
held_ones, wrong = 0, []
for _ in range(150):
    content = bytes([random.randrange(8)]) * 20_000
    line = manifest_line("a/b", hashlib.sha256(content).digest())
    sha256 = bytes.fromhex(manifest_digest([line]))
    held = cache.open_folder(sha256)
    if held is None:
        folder = cache.new_folder()
        (folder.path / "a").mkdir()
        (folder.path / "a" / "b").write_bytes(content)
        held = cache.add_folder(sha256, folder)
    else:
        held_ones += 1
    if (held.path / "a" / "b").read_bytes() != content:
        wrong.append(sha256.hex())
    held.release()
print(json.dumps([held_ones, wrong]))
"""


def test_programs_hold_folders_that_others_let_go(tmp_path: Path, seed: int) -> None:
    arguments = [sys.executable, "-c", HOLDER, str(tmp_path / "cache")]
    with ThreadPoolExecutor(3) as pool:
        ended = list(pool.map(lambda number: run_to_exit([*arguments, str(seed + number), str(70_000)], {}), range(3)))
    assert [one.stderr for one in ended] == [""] * 3
    answers = [json.loads(one.stdout) for one in ended]
    assert all(held > 0 for held, _ in answers), answers
    assert all(wrong == [] for _, wrong in answers)


# --- its size


@pytest.mark.parametrize(
    ("text", "size"), [("", DEFAULT_MAX_BYTES), ("0", 0), ("1000", 1000), ("1.5 KiB", 1536), ("2gib", 2 * 1024**3)]
)
def test_size_is_set_by_the_environment(text: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVET_CACHE_SIZE", text)
    assert open_cache()._max_bytes == size


@pytest.mark.parametrize("text", ["much", "-1", "10 parsecs", "1e9", "GiB"])
def test_size_that_is_none_is_said(text: str, client: trivet.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVET_CACHE_SIZE", text)
    with pytest.raises(trivet.InvalidArgument, match="TRIVET_CACHE_SIZE"):
        client.list_artifacts(RUN)


# --- through the SDK


@pytest.fixture
def stored(client: trivet.Client, tmp_path: Path) -> bytes:
    """The bytes of a file `x` of the run, which was fetched once, so that the cache has it."""
    content = b"what is fetched once"
    (tmp_path / "x").write_bytes(content)
    client.log_artifact(RUN, str(tmp_path / "x"))
    client.download_artifacts(RUN, "x", str(tmp_path / "first"))
    return content


def cached_file() -> Path:
    (found,) = (file for file in (Path(os.environ["TRIVET_CACHE_DIR"]) / "contents").rglob("*") if file.is_file())
    return found


def test_second_download_comes_from_the_cache_and_is_apart_from_it(
    client: trivet.Client, stored: bytes, tmp_path: Path
) -> None:
    place = Path(client.download_artifacts(RUN, "x", str(tmp_path / "second")))
    assert place.read_bytes() == stored
    # Whoever writes to one of the files changes no other.
    place.write_bytes(b"mine")
    assert (tmp_path / "first" / "x").read_bytes() == stored
    assert Path(client.download_artifacts(RUN, "x", str(tmp_path / "third"))).read_bytes() == stored


@pytest.mark.parametrize("way", ["damaged", "changed by its user"])
def test_wrong_bytes_in_the_cache_are_fetched_again(
    client: trivet.Client, stored: bytes, tmp_path: Path, way: str
) -> None:
    changed = cached_file() if way == "damaged" else tmp_path / "first" / "x"
    with changed.open("r+b") as file:
        file.write(b"W")
    assert Path(client.download_artifacts(RUN, "x", str(tmp_path / "second"))).read_bytes() == stored
    assert Path(client.download_artifacts(RUN, "x", str(tmp_path / "third"))).read_bytes() == stored
