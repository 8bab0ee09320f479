"""Objects in a bucket of S3, or of a server that speaks its protocol.

Small objects are put in one request, larger ones in parts, so that a writer holds few parts in memory.
"""

from __future__ import annotations

import base64
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO

import urllib3
from minio import Minio
from minio.datatypes import Part
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from trivet_artifacts.blobs import credentials
from trivet_artifacts.blobs.blob_store import Held, HeldPart, PartContent, SignedRequest, split_key
from trivet_artifacts.blobs.s3_bucket import Bucket, store_errors
from trivet_artifacts.blobs.s3_client import S3Client
from trivet_artifacts.blobs.s3_connections import connections, reason_of
from trivet_artifacts.blobs.s3_objects import Multipart, S3Reader, S3Writer
from trivet_artifacts.blobs.signing import Endpoint, presign
from trivet_artifacts.domain.errors import ArtifactStoreUnavailable
from trivet_kit.settings import StartupError
from trivet_kit.tracing import CarryingThreads

_CONNECT_TIMEOUT_SECONDS = 5.0
# Of one request: a part of 64 MiB at 1 MiB a second.
_READ_TIMEOUT_SECONDS = 60.0
# A probe is asked for again every two seconds, and must not pile up.
_PROBE_TIMEOUT_SECONDS = 3.0
# Parts of all objects that are on their way at once, each held in memory.
_PARTS_AT_ONCE = 12
# How long a URL holds: for a part, the time to send it over a slow line; for a read, to begin with it.
_PART_LIFETIME = timedelta(minutes=15)
_READ_LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True)
class S3Location:
    """Where a bucket is."""

    bucket: str
    host: str
    """Host and port."""
    secure: bool
    region: str
    public: Endpoint | None
    """Where clients reach it; None where they do not."""


class S3Store:
    """Implements `BlobStore`, and `DirectStore` where clients reach the bucket."""

    def __init__(self, location: S3Location) -> None:
        """Connects to nothing yet."""
        self._location = location
        self._provider = credentials.provider()
        retries = urllib3.Retry(total=3, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504])
        timeout = urllib3.Timeout(connect=_CONNECT_TIMEOUT_SECONDS, read=_READ_TIMEOUT_SECONDS)
        self._connections = connections(timeout, retries)
        self._client = self._make_client(self._connections)
        self._senders = CarryingThreads(_PARTS_AT_ONCE, thread_name_prefix="part")
        self._bucket = Bucket(self._client, location.bucket, self._senders, threading.Semaphore(_PARTS_AT_ONCE))
        self._probe_connections = connections(urllib3.Timeout(_PROBE_TIMEOUT_SECONDS), urllib3.Retry(0))
        self._probe_client = self._make_client(self._probe_connections)

    def check_usable(self) -> None:
        """Puts and removes an object."""
        where = f"Cannot use the bucket {self._location.bucket} at {self._location.host}"
        try:
            self._provider.retrieve()
        except ValueError as error:
            raise StartupError(f"{where}: {error}") from None
        trial = f"trial-{uuid.uuid4().hex}"
        try:
            self._probe_client.put_object(self._location.bucket, trial, BytesIO(), 0)
            self._probe_client.remove_object(self._location.bucket, trial)
        except S3Error as error:
            raise StartupError(f"{where}: {error.code}, {str(error.message).rstrip('.').lower()}.") from None
        except (MinioException, HTTPError) as error:
            raise StartupError(f"{where}: {reason_of(error).lower()}.") from None

    def probe(self) -> None:
        """Asks whether the bucket is there."""
        with store_errors():
            there = self._probe_client.bucket_exists(self._location.bucket)
        if not there:
            raise ArtifactStoreUnavailable

    def create(self, object_key: str) -> S3Writer:
        """A writer of a new object."""
        return S3Writer(self._bucket, _checked(object_key))

    def open(self, object_key: str, offset: int, length: int) -> S3Reader:
        """A reader of an object."""
        return S3Reader(self._client, self._location.bucket, _checked(object_key), offset, length)

    def begin(self, object_key: str, *, with_digests: bool = True) -> str:
        """Begins a multipart upload, whose parts the store checks by their digests, or not."""
        with store_errors():
            return self._bucket.begin(_checked(object_key), with_digests=with_digests)

    def held(self, object_key: str, store_upload: str, part_size_bytes: int) -> Held:
        """Asks for the parts; where there is no such upload, for the object."""
        with store_errors():
            try:
                parts = self._bucket.parts(_checked(object_key), store_upload)
            except S3Error as error:
                if error.code != "NoSuchUpload":
                    raise
                size = self._bucket.size(object_key)
                return Held(size or 0, (), whole=size is not None)
        gapless = 0
        for number, part in enumerate(parts, 1):
            if part.number != number or (gapless and part_size_bytes and gapless % part_size_bytes):
                break
            gapless += part.size_bytes
        return Held(gapless, tuple(parts), whole=False)

    def resume(self, object_key: str, store_upload: str, part_size_bytes: int, held: Held) -> S3Writer:
        """A writer of further parts."""
        return S3Writer(self._bucket, _checked(object_key), Multipart(store_upload, part_size_bytes, held))

    @property
    def direct(self) -> S3Store | None:
        """The store itself, where clients reach it."""
        return self if self._location.public else None

    def sign_part(
        self, object_key: str, store_upload: str, *, number: int, content: PartContent | None
    ) -> SignedRequest:
        """Signs the number of a part and the upload, and with content its length and digest."""
        headers = {} if content is None else _headers_of(content)
        return self._sign(
            "PUT",
            object_key,
            {"partNumber": str(number), "uploadId": store_upload},
            headers,
            _PART_LIFETIME,
        )

    def assemble(self, object_key: str, store_upload: str, parts: Sequence[HeldPart]) -> None:
        """Puts the parts together; the store checks once more which they are."""
        with store_errors():
            self._bucket.assemble(
                _checked(object_key),
                store_upload,
                [Part(part.number, part.etag) for part in parts],
                {part.number: part.sha256 for part in parts},
            )

    def sign_read(self, object_key: str, piece: tuple[int, int] | None = None) -> SignedRequest:
        """Signs that a browser keeps it as a file, and does not show it; and which bytes it may read."""
        # In the words of the URL, for an object may have been made without any of its own.
        shown = {
            "response-content-disposition": "attachment",
            "response-content-type": "application/octet-stream",
            "response-cache-control": "private, no-store",
        }
        headers = {"range": f"bytes={piece[0]}-{piece[0] + piece[1] - 1}"} if piece else {}
        return self._sign("GET", object_key, shown, headers, _READ_LIFETIME)

    def remove(self, object_key: str) -> None:
        """Removes an object, and parts of one that did not become whole."""
        key = _checked(object_key)
        with store_errors():
            self._bucket.abort_all(key)
            self._bucket.remove(key)

    def close(self) -> None:
        """Closes connections that are not in use."""
        self._senders.shutdown()
        self._connections.clear()
        self._probe_connections.clear()

    def _sign(
        self, method: str, object_key: str, query: dict[str, str], headers: dict[str, str], lifetime: timedelta
    ) -> SignedRequest:
        assert self._location.public is not None
        now = datetime.now(UTC)
        with store_errors():
            keys = self._provider.retrieve()
        url = presign(
            self._location.public,
            keys,
            method=method,
            path=f"/{self._location.bucket}/{_checked(object_key)}",
            query=query,
            headers=headers,
            now=now,
            lifetime=lifetime,
        )
        return SignedRequest(method, url, headers, int((now + lifetime).timestamp() * 1000))

    def _make_client(self, connections: urllib3.PoolManager) -> Minio:
        location = self._location
        return S3Client(
            location.host,
            secure=location.secure,
            region=location.region,
            http_client=connections,
            credentials=self._provider,
        )


def _headers_of(content: PartContent) -> dict[str, str]:
    digest = base64.b64encode(content.sha256).decode()
    return {"content-length": str(content.size_bytes), "x-amz-checksum-sha256": digest}


def _checked(object_key: str) -> str:
    split_key(object_key)
    return object_key
