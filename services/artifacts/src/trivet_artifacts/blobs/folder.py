"""Objects as files of a local folder.

    objects/{workspace}/{first two digits}/{32 hexadecimal digits}
    uploads/{32 hexadecimal digits}          of objects that are not whole yet

A file is written beside the others, flushed to the disk and then renamed, so that an object is whole or not there.
"""

from __future__ import annotations

import errno
import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from trivet_artifacts.blobs.blob_store import Held, ObjectDamaged, name_of, split_key
from trivet_artifacts.domain.errors import ArtifactStoreUnavailable, UploadBusy, UploadExpired
from trivet_kit.errors import StorageFull
from trivet_kit.resources import UploadName
from trivet_kit.settings import StartupError


class FolderStore:
    """Implements `BlobStore`. Several processes may share the folder."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made, where it is missing, by `check_usable`."""
        self._folder = folder.absolute()
        self._objects = self._folder / "objects"
        self._uploads = self._folder / "uploads"

    def check_usable(self) -> None:
        """Writes and removes a file."""
        trial = self._uploads / f"trial-{uuid.uuid4().hex}"
        try:
            self._objects.mkdir(parents=True, exist_ok=True)
            self._uploads.mkdir(exist_ok=True)
            trial.write_bytes(b"")
            trial.unlink()
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise StartupError(f"Cannot write to the artifact store {self._folder}: {why}.") from None

    def probe(self) -> None:
        """Looks whether the folder is there and can be written to."""
        if not (os.access(self._objects, os.W_OK) and os.access(self._uploads, os.W_OK)):
            raise ArtifactStoreUnavailable

    def create(self, object_key: str) -> FolderWriter:
        """A writer of a new file."""
        return FolderWriter(self._upload_file(object_key), self._object_file(object_key))

    def open(self, object_key: str, offset: int, length: int) -> FolderReader:
        """A reader of a file."""
        file = self._object_file(object_key)
        with _store_errors():
            if not file.exists() and self._objects.is_dir():
                raise ObjectDamaged(f"the object {object_key} is missing")
            opened = file.open("rb", buffering=0)
            opened.seek(offset)
        return FolderReader(opened, length)

    @property
    def direct(self) -> None:
        """Nobody reaches the folder but this service."""
        return None

    def begin(self, object_key: str, *, with_digests: bool = True) -> str:  # noqa: ARG002 - a file has no parts
        """Makes an empty file."""
        with _store_errors():
            os.close(_private(str(self._upload_file(object_key)), os.O_CREAT | os.O_WRONLY))
        return ""

    def held(self, object_key: str, store_upload: str, part_size_bytes: int) -> Held:  # noqa: ARG002 - a file has no parts
        """How long the file is."""
        with _store_errors():
            final = self._object_file(object_key)
            if final.exists():
                return Held(final.stat().st_size, (), whole=True)
            try:
                return Held(self._upload_file(object_key).stat().st_size, (), whole=False)
            except FileNotFoundError:
                self.probe()
                return Held(0, (), whole=False)

    def resume(self, object_key: str, store_upload: str, part_size_bytes: int, held: Held) -> FolderWriter:  # noqa: ARG002 - as above
        """A writer that appends to the file, which it alone has."""
        writer = FolderWriter(self._upload_file(object_key), self._object_file(object_key), is_whole=held.whole)
        if not held.whole:
            writer.take_over(name_of(object_key), held.size_bytes)
        return writer

    def remove(self, object_key: str) -> None:
        """Removes a file."""
        with _store_errors():
            self._upload_file(object_key).unlink(missing_ok=True)
            self._object_file(object_key).unlink(missing_ok=True)

    def close(self) -> None:
        """Holds nothing."""

    def _object_file(self, object_key: str) -> Path:
        workspace, identifier = split_key(object_key)
        return self._objects / workspace / identifier[:2] / identifier

    def _upload_file(self, object_key: str) -> Path:
        return self._uploads / split_key(object_key)[1]


class FolderWriter:
    """Implements `BlobWriter`."""

    def __init__(self, upload: Path, final: Path, *, is_whole: bool = False) -> None:
        self._upload = upload
        self._final = final
        self._is_whole = is_whole
        self._file: IO[bytes] | None = None

    def take_over(self, name: UploadName, size_bytes: int) -> None:
        """Opens a file that another one may have begun, of so many bytes.

        Raises:
            UploadBusy: another one writes it, or did so a moment ago.
        """
        with _store_errors():
            file = open(self._upload, "ab", opener=_private)  # noqa: SIM115 - closed by `finish`, `suspend` and `discard`
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                raise UploadBusy(str(name)) from None
        self._file = file
        if file.tell() != size_bytes:
            self.suspend()
            raise UploadBusy(str(name))

    def write(self, data: bytes) -> None:
        """Appends to the file."""
        with _store_errors():
            self._open().write(data)

    def finish(self) -> None:
        """Flushes the file and its new name to the disk."""
        if self._is_whole:
            return
        with _store_errors(), self._open() as file:
            file.flush()
            os.fsync(file.fileno())
        self._rename()
        _flush_folder(self._final.parent)
        self._is_whole = True

    def _rename(self) -> None:
        with _store_errors():
            try:
                self._upload.rename(self._final)
            except FileNotFoundError:
                self._make_folders()
                try:
                    self._upload.rename(self._final)
                except FileNotFoundError:
                    raise UploadExpired from None

    def _make_folders(self) -> None:
        for folder in (self._final.parent.parent, self._final.parent):
            if not folder.is_dir():
                folder.mkdir(exist_ok=True)
                _flush_folder(folder.parent)

    def suspend(self) -> None:
        """Closes the file, and with it gives up the lock."""
        if self._file is not None:
            with suppress(OSError):  # what could not be flushed is not there when somebody looks
                self._file.close()

    def discard(self) -> None:
        """Removes the file."""
        with _store_errors():
            if self._file is not None:
                with suppress(OSError):  # what cannot be flushed any more is thrown away in any case
                    self._file.close()
            self._upload.unlink(missing_ok=True)
            self._final.unlink(missing_ok=True)

    def _open(self) -> IO[bytes]:
        if self._file is None:
            self._file = open(self._upload, "xb", opener=_private)  # noqa: SIM115 - Path.open knows no opener; closed by `finish` and `discard`
        return self._file


class FolderReader:
    """Implements `BlobReader`."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file = file
        self._left = length

    def read(self, max_bytes: int) -> bytes:
        """Reads on."""
        with _store_errors():
            data = self._file.read(min(max_bytes, self._left))
        if not data and self._left:
            raise ObjectDamaged(f"an object lacks its last {self._left} bytes")
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _private(path: str, flags: int) -> int:
    """Opens a file that is for this account only."""
    return os.open(path, flags, mode=0o600)


def _flush_folder(folder: Path) -> None:
    """Makes the names in a folder outlive a crash of the machine."""
    with _store_errors():
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _store_errors() -> Iterator[None]:
    """Makes a full disk, and one that fails or is away, what callers are told."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull from error
        raise ArtifactStoreUnavailable from error
