"""What the SDK keeps of artifacts on this machine: contents and folders by their digest, and digests of seen files.

All programs of a user share one folder. Contents and folders are read with their digest checked, so a damaged cache
costs a download and no more; and a cache that cannot be used is done without.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import sqlite3
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

from trivet._at_once import Stop
from trivet._cache_index import CacheIndex, FileState
from trivet._held_folders import HeldFolder, digest_of_folder, files_in, hold, hold_alone, removed_when_released
from trivet._sizes import parse_size

_Result = TypeVar("_Result")

DEFAULT_MAX_BYTES: Final = 10 * 1024**3
# A file that was changed so shortly before it was read may be changed again without that its times tell: file systems
# count time in steps of up to two seconds (FAT).
_TRUSTED_AFTER_NS: Final = 2_000_000_000
_SWEEP_SECONDS: Final = 24 * 60 * 60
_IS_DIGEST: Final = re.compile("[0-9a-f]{64}")

_log = logging.getLogger("trivet")


@dataclass(frozen=True)
class HashedFile:
    """A file here, and its digest."""

    path: Path
    sha256: bytes
    state: FileState
    """From before its bytes were read."""


def open_cache() -> ArtifactCache:
    """The cache that the environment says: `TRIVET_CACHE_DIR` and `TRIVET_CACHE_SIZE`. Touches nothing yet.

    Raises:
        InvalidArgument: the size is none.
    """
    return ArtifactCache(cache_folder(), _max_bytes())


def cache_folder() -> Path:
    """TRIVET_CACHE_DIR, else the user's folder for what can be had again."""
    folder = os.environ.get("TRIVET_CACHE_DIR", "")
    return Path(folder).expanduser() if folder else _default_folder()


class ArtifactCache:
    """The cache in one folder. Safe for use by several threads and programs at once.

    No method raises for a cache that cannot be used.
    """

    def __init__(self, folder: Path, max_bytes: int, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        """Touches nothing yet.

        Args:
            folder: Made when it is first needed, for the user alone.
            max_bytes: Of all contents and folders together; 0 keeps none.
            now_ns: The clock that files' times are compared with: nanoseconds since the epoch.
        """
        self._folder = folder
        self._contents = folder / "contents"
        self._folders = folder / "folders"
        self._unfinished = folder / "unfinished"
        self._max_bytes = max_bytes
        self._now_ns = now_ns
        self._index = CacheIndex(folder / "index.db")

    def known_digests(self, paths: Sequence[Path]) -> dict[Path, HashedFile]:
        """Those of the files whose digest is known from before, and that were not changed since."""
        states: dict[Path, FileState] = {}
        for path in paths:
            with contextlib.suppress(OSError):
                states[path] = FileState.of(path.stat())
        keys = {path: _key(path) for path in states}

        def look_up() -> dict[bytes, bytes]:
            return self._index.known({keys[path]: state for path, state in states.items()}, self._now_ns())

        nothing: dict[bytes, bytes] = {}
        found = self._attempt(look_up, nothing) if states else nothing
        return {
            path: HashedFile(path, found[keys[path]], state) for path, state in states.items() if keys[path] in found
        }

    def remember_digests(self, files: Sequence[HashedFile]) -> None:
        """Keeps the digests of files for next time, but of those that had only just been changed."""
        newest = self._now_ns() - _TRUSTED_AFTER_NS
        rows = [
            (_key(file.path), file.state, file.sha256)
            for file in files
            if max(file.state.mtime_ns, file.state.ctime_ns) <= newest
        ]
        if rows:
            self._attempt(lambda: self._index.record(rows, self._now_ns()), None)

    def kept_contents(self, sha256s: Sequence[bytes]) -> set[bytes]:
        """Those of the contents that are kept."""
        wanted = set(sha256s)
        nothing: set[bytes] = set()
        if not wanted or not self._max_bytes:
            return nothing
        return self._attempt(lambda: wanted - self._index.missing_contents(list(wanted)), nothing)

    def open_content(self, sha256: bytes) -> BinaryIO | None:
        """The content with a digest, to be read and checked; None where it is not kept."""

        def open_it() -> BinaryIO | None:
            if not self._index.use_content(sha256, self._now_ns()):
                return None
            try:
                return self._place(sha256).open("rb")
            except FileNotFoundError:
                self._index.forget_content(sha256)
                return None

        return self._attempt(open_it, None) if self._max_bytes else None

    def drop_content(self, sha256: bytes) -> None:
        """Throws a content away: it is not what it has to be."""

        def drop() -> None:
            self._index.forget_content(sha256)
            self._place(sha256).unlink(missing_ok=True)

        self._attempt(drop, None)

    def add_contents(self, files: Mapping[bytes, Path]) -> None:
        """Takes files, by their digest, into the cache; a file that is larger than all of it is left out."""
        if files and self._max_bytes:
            self._attempt(lambda: self._add(files), None)

    def open_folder(self, sha256: bytes, stop: Stop | None = None) -> HeldFolder | None:
        """The folder whose manifest has a digest, with all of it checked; None where it is not kept.

        It is read where it lies, and nobody writes to it. It stays there until it is released.

        Raises:
            TransferStopped: `stop` was set meanwhile; nothing is held then.
        """

        def open_it() -> HeldFolder | None:
            held = hold(self._folder_of(sha256))
            if held is None:
                return None
            is_kept = False
            try:
                is_kept = self._index.use_content(sha256, self._now_ns())
                if is_kept and digest_of_folder(held.path, stop or Stop()) == sha256.hex():
                    return held
            except BaseException:
                held.release()
                raise
            held.release()
            if not is_kept:
                return None
            _log.warning("The folder %s was altered, and is fetched again.", held.path)
            self._index.forget_content(sha256)
            self._remove_folder(sha256)
            return None

        return self._attempt(open_it, None) if self._max_bytes else None

    def has_folder(self, sha256: bytes) -> bool:
        """Whether there is something to be checked for a folder whose manifest has a digest."""
        return bool(self._max_bytes) and self._folder_of(sha256).is_dir()

    def new_folder(self) -> HeldFolder | None:
        """A new folder for files that `add_folder` then takes, held by who asked for it; None where none can be had."""

        def make() -> HeldFolder | None:
            folder = self._unfinished / uuid.uuid4().hex
            folder.mkdir()
            held = hold(folder)
            if held is None:
                folder.rmdir()
            return held

        return self._attempt(make, None) if self._max_bytes else None

    def add_folder(self, sha256: bytes, folder: HeldFolder) -> HeldFolder:
        """Takes a folder of `new_folder` by the digest of the manifest of its files, and gives it as it is held then.

        Where it cannot be taken, it stays where it is, and is removed when it is released: it is larger than all of the
        cache, or another program was faster.
        """
        place = self._folder_of(sha256)
        is_moved = False

        def add() -> None:
            nonlocal is_moved
            size = sum(file.stat().st_size for _, file in files_in(folder.path))
            if size > self._max_bytes:
                return
            self._folders.mkdir(exist_ok=True)
            with self._room_for({sha256: size}):
                # One that had to go while somebody held it is there still.
                self._remove_folder(sha256)
                folder.path.rename(place)
                is_moved = True

        self._attempt(add, None)
        if not is_moved:
            return removed_when_released(folder)
        self._attempt(self._sweep, None)
        return HeldFolder(place, folder.release)

    def _add(self, files: Mapping[bytes, Path]) -> None:
        copies: dict[bytes, Path] = {}
        sizes: dict[bytes, int] = {}
        try:
            for sha256 in self._index.missing_contents(list(files)):
                size = files[sha256].stat().st_size
                if sum(sizes.values()) + size <= self._max_bytes:
                    copies[sha256], sizes[sha256] = self._unfinished / uuid.uuid4().hex, size
                    _link_or_copy(files[sha256], copies[sha256])
            with self._room_for(sizes):
                for sha256, copy in copies.items():
                    place = self._place(sha256)
                    place.parent.mkdir(exist_ok=True)
                    copy.replace(place)
        finally:
            for copy in copies.values():
                copy.unlink(missing_ok=True)
        self._sweep()

    @contextlib.contextmanager
    def _room_for(self, sizes: Mapping[bytes, int]) -> Iterator[None]:
        """Enters what is put in place in the block, by digest with its size, after what has to go for it is gone."""
        with self._index.room_for(sizes, self._max_bytes, self._now_ns()) as gone:
            removed = []
            for sha256 in gone:
                self._place(sha256).unlink(missing_ok=True)
                removed.append(self._take_out(sha256))
            yield
        # Which may take long, and the index is not locked any more.
        for folder in removed:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    def _remove_folder(self, sha256: bytes) -> None:
        """Removes a folder, unless somebody holds it: then it goes some day when nobody does."""
        folder = self._take_out(sha256)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _take_out(self, sha256: bytes) -> Path | None:
        """Takes a folder that nobody holds to where nobody finds it, and returns where that is."""
        held = hold_alone(self._folder_of(sha256))
        if held is None:
            return None
        try:
            return held.path.rename(self._unfinished / uuid.uuid4().hex)
        finally:
            held.release()

    def _sweep(self) -> None:
        """Once a day, removes what programs left that were killed."""
        now = self._now_ns() / 1e9
        if not self._is_to_be_swept(now):
            return
        for file in self._unfinished.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if now - file.stat().st_mtime < _SWEEP_SECONDS:
                    continue
                if not file.is_dir():
                    file.unlink()
                    continue
                # A program that lives holds its own.
                held = hold_alone(file)
                if held is not None:
                    removed_when_released(held).release()
        with self._index.all_contents() as kept:
            names = {sha256.hex() for sha256 in kept}
            for file in self._contents.glob("*/*"):
                if file.name not in names and file.is_file():
                    file.unlink()
            for folder in self._folders.glob("*"):
                # What a program that shows folders leaves in them, say, is none of ours.
                if folder.name not in names and _IS_DIGEST.fullmatch(folder.name):
                    self._remove_folder(bytes.fromhex(folder.name))

    def _is_to_be_swept(self, now: float) -> bool:
        """Whether a day has passed, in which case it counts from now on. In a cache that begins nothing was left."""
        mark = self._folder / "swept"
        try:
            if now - mark.stat().st_mtime < _SWEEP_SECONDS:
                return False
        except FileNotFoundError:
            mark.touch()
            return False
        mark.touch()
        return True

    def _place(self, sha256: bytes) -> Path:
        name = sha256.hex()
        return self._contents / name[:2] / name

    def _folder_of(self, sha256: bytes) -> Path:
        return self._folders / sha256.hex()

    def _attempt(self, act: Callable[[], _Result], otherwise: _Result) -> _Result:
        """What `act` returns, or `otherwise` where the cache cannot be used."""
        try:
            if not (self._contents.is_dir() and self._unfinished.is_dir()):
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._contents.mkdir(exist_ok=True)
                self._unfinished.mkdir(exist_ok=True)
            return act()
        except sqlite3.OperationalError as error:
            _log.debug("The artifact cache %s is not used: %s", self._folder, error)
        except sqlite3.DatabaseError as error:
            _log.warning("The artifact cache %s is damaged (%s), and begun anew.", self._folder, error)
            with contextlib.suppress(OSError):
                (self._folder / "index.db").unlink(missing_ok=True)
        except OSError as error:
            _log.debug("The artifact cache %s is not used: %s", self._folder, error)
        return otherwise


def _link_or_copy(source: Path, target: Path) -> None:
    # Writing a large file a second time may take longer than fetching it. The file is the user's still, who may write
    # to it; so contents are never linked to another place, but copied with their digest checked.
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _key(path: Path) -> bytes:
    return os.fsencode(path.absolute())


def _default_folder() -> Path:
    home = Path.home()
    if sys.platform == "win32":
        caches = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        caches = home / "Library" / "Caches"
    else:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return caches / "trivet" / "artifacts"


def _max_bytes() -> int:
    text = os.environ.get("TRIVET_CACHE_SIZE", "")
    return parse_size("TRIVET_CACHE_SIZE", text) if text.strip() else DEFAULT_MAX_BYTES
