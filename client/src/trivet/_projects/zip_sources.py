"""Projects in zip files, here or behind a URL."""

from __future__ import annotations

import base64
import lzma
import stat
import tempfile
import zipfile
import zlib
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final
from urllib.error import URLError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from trivet._errors import FailedPrecondition, InvalidArgument
from trivet._models.folders import local_path
from trivet._projects.addresses import public_url

MAX_BYTES: Final = 4 << 30
"""Of all that is in a file, unpacked: a small file can say that it has any amount."""
_MAX_ENTRIES: Final = 100_000
_TIMEOUT_SECONDS: Final = 60.0
_PIECE: Final = 1 << 20
# RuntimeError: it is encrypted.
_UNREADABLE: Final = (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error, lzma.LZMAError)


def unpack_zip(place: str, into: Path, max_bytes: int = MAX_BYTES) -> None:
    """Unpacks a zip file into a new folder. Links in it are refused, and so is what would lie outside.

    Args:
        place: A path, or a URL of `file:`, `http:` or `https:`.
        into: The folder.
        max_bytes: Of all that is in it.

    Raises:
        InvalidArgument: it is no zip file, or has what is refused.
        FailedPrecondition: it cannot be fetched.
    """
    title = public_url(place)
    local = local_path(place)
    try:
        if local is not None:
            with local.open("rb") as file:
                _unpack(file, title, into, max_bytes)
        else:
            with tempfile.TemporaryFile() as file:
                _download(place, file, title, max_bytes)
                _unpack(file, title, into, max_bytes)
    except _UNREADABLE as error:
        raise InvalidArgument(f"{title!r} cannot be unpacked: {error}") from error
    except OSError as error:
        raise InvalidArgument(f"{title!r} cannot be read: {error.strerror or error}") from error


def _download(url: str, file: BinaryIO, title: str, max_bytes: int) -> None:
    try:
        with urlopen(_request(url), timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - http or https, by `parse_source`
            n_bytes = 0
            while piece := answer.read(_PIECE):
                n_bytes += len(piece)
                if n_bytes > max_bytes:
                    raise InvalidArgument(f"{title!r} has more than {max_bytes} bytes.")
                file.write(piece)
    except (URLError, TimeoutError, HTTPException) as error:
        raise FailedPrecondition(f"{title!r} cannot be fetched: {error}") from error
    file.seek(0)


def _request(url: str) -> Request:
    """A request that says who asks, where the URL does; not to where it may be sent on."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    request = Request(parts._replace(netloc=host, fragment="").geturl())  # noqa: S310 - http or https, by `parse_source`
    if user:
        name, _, password = user.partition(":")
        said = base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {said}")
    return request


def _unpack(file: BinaryIO, title: str, into: Path, max_bytes: int) -> None:
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        if len(entries) > _MAX_ENTRIES:
            raise InvalidArgument(f"{title!r} has more than {_MAX_ENTRIES} entries.")
        for entry in entries:
            _check(entry, title)
        into.mkdir(parents=True, exist_ok=True)
        left = max_bytes
        for entry in entries:
            left = _write(archive, entry, into, left)
            if left < 0:
                raise InvalidArgument(f"{title!r} has more than {max_bytes} bytes when it is unpacked.")


def _check(entry: zipfile.ZipInfo, title: str) -> None:
    path = PurePosixPath(entry.filename)
    drive = path.parts[0].endswith(":") if path.parts else False
    if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or drive:
        raise InvalidArgument(f"{title!r} has an entry {entry.filename!r}, which leads out of the project.")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise InvalidArgument(f"{title!r} has an entry {entry.filename!r}, which is a link or a device.")


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, into: Path, left: int) -> int:
    """Writes one entry, and returns how many bytes may still come; less than 0 where these were too many."""
    place = into.joinpath(*PurePosixPath(entry.filename).parts)
    if entry.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        return left
    place.parent.mkdir(parents=True, exist_ok=True)
    # What it says of its size may not be so.
    with archive.open(entry) as stream, place.open("wb") as target:
        while left >= 0 and (piece := stream.read(min(_PIECE, left + 1))):
            left -= len(piece)
            if left >= 0:
                target.write(piece)
    # Scripts may be run by themselves.
    if (entry.external_attr >> 16) & stat.S_IXUSR:
        place.chmod(0o755)
    return left
