"""One object in a bucket: how it is written in parts, and read on where a connection was cut."""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass

from minio import Minio
from minio.datatypes import Part
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from trivet_artifacts.blobs.blob_store import Held, HeldPart, ObjectDamaged, PartsChanged
from trivet_artifacts.blobs.s3_bucket import Bucket, store_errors
from trivet_artifacts.domain.errors import UploadExpired

# S3 takes parts of 5 MiB or more, and 10,000 of them (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html):
# these sizes reach 580 GB. A file that is larger is uploaded over several calls, in parts as large as it needs.
SMALL_PART_BYTES = 5 * 1024 * 1024
LARGE_PART_BYTES = 64 * 1024 * 1024
SMALL_PARTS = 1000
# Of one object. More do not make it faster, and each is held in memory.
PARTS_ON_THEIR_WAY = 2
# How often a download that is cut off is taken up again where it was.
_READ_ATTEMPTS = 3


@dataclass(frozen=True)
class Multipart:
    """An object that is written over several calls."""

    upload_id: str
    part_size_bytes: int
    held: Held

    @property
    def parts(self) -> tuple[HeldPart, ...]:
        """The parts without a gap from the beginning on."""
        return tuple(part for place, part in enumerate(self.held.parts, 1) if part.number == place)


class S3Writer:
    """Implements `BlobWriter`: two parts are on their way while the next one fills up."""

    def __init__(self, bucket: Bucket, key: str, multipart: Multipart | None = None) -> None:
        """Goes on with an object that is written over several calls, or makes one of its own."""
        self._bucket = bucket
        self._key = key
        self._upload_id = multipart.upload_id if multipart else ""
        self._part_size = multipart.part_size_bytes if multipart else 0
        self._whole = multipart is not None and multipart.held.whole
        self._sent: list[Part] = [Part(part.number, part.etag) for part in multipart.parts] if multipart else []
        self._digests = {part.number: part.sha256 for part in multipart.parts} if multipart else {}
        self._with_digests = multipart is not None
        self._sending: deque[Future[Part]] = deque()
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Adds to the part, and begins to send that when it is large enough."""
        limit = self._limit()
        while self._size + len(data) >= limit:
            cut = limit - self._size
            self._pieces.append(data[:cut])
            data = data[cut:]
            self._size = limit
            with store_errors():
                self._send_part()
            limit = self._limit()
        if data:
            self._pieces.append(data)
            self._size += len(data)

    def finish(self) -> None:
        """Sends the last part and puts all of them together."""
        if self._whole:
            return
        with store_errors():
            if not self._upload_id:
                self._bucket.put(self._key, self._taken())
            else:
                if self._size:
                    self._send_part()
                self._settle(0)
                try:
                    self._bucket.assemble(self._key, self._upload_id, self._sent, self._digests)
                except PartsChanged:
                    raise UploadExpired from None
        self._whole = True

    def suspend(self) -> None:
        """Lets the parts that are on their way arrive; the one that is not full is lost."""
        self._taken()
        for sending in self._sending:
            with suppress(Exception):  # what did not arrive is not held
                sending.result()

    def discard(self) -> None:
        """Removes the parts, or the whole."""
        self.suspend()
        with store_errors():
            if self._upload_id and not self._whole:
                self._bucket.abort(self._key, self._upload_id)
            # Also where `finish` failed: the answer to it may have been lost.
            self._bucket.remove(self._key)

    def _limit(self) -> int:
        if self._part_size:
            return self._part_size
        return SMALL_PART_BYTES if len(self._sent) + len(self._sending) < SMALL_PARTS else LARGE_PART_BYTES

    def _taken(self) -> bytes:
        """The part, which is empty then."""
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces, self._size = [], 0
        return data

    def _send_part(self) -> None:
        if not self._upload_id:
            self._upload_id = self._bucket.begin(self._key, with_digests=False)
        self._settle(PARTS_ON_THEIR_WAY - 1)
        number = len(self._sent) + len(self._sending) + 1
        data = self._taken()
        digest = hashlib.sha256(data).digest() if self._with_digests else b""
        self._digests[number] = digest
        self._sending.append(self._bucket.send_part(self._key, self._upload_id, number, data, digest))

    def _settle(self, on_their_way: int) -> None:
        """Waits until no more parts than these are on their way. Raises what went wrong with one."""
        while len(self._sending) > on_their_way:
            self._sent.append(self._sending.popleft().result())


class S3Reader:
    """Implements `BlobReader`."""

    def __init__(self, client: Minio, bucket: str, key: str, offset: int, length: int) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key
        self._offset = offset
        self._left = length
        self._response: BaseHTTPResponse | None = None

    def read(self, max_bytes: int) -> bytes:
        """Reads on; where the connection was cut, from a new one."""
        if not self._left:
            return b""
        data = b""
        with store_errors():
            for attempt in range(1, _READ_ATTEMPTS + 1):
                try:
                    data = self._read(max_bytes)
                    break
                except HTTPError:
                    self.close()
                    if attempt == _READ_ATTEMPTS:
                        raise
        if not data:
            raise ObjectDamaged(f"an object lacks its last {self._left} bytes")
        self._offset += len(data)
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Closes the connection, where something is left in it, or gives it back."""
        if self._response is not None:
            if self._left:
                self._response.close()
            self._response.release_conn()
            self._response = None

    def _read(self, max_bytes: int) -> bytes:
        if self._response is None:
            self._response = self._client.get_object(self._bucket, self._key, self._offset, self._left)
        return self._response.read(min(max_bytes, self._left))
