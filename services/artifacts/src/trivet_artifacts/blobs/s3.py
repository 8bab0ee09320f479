"""Objects in a bucket of S3, or of a server that speaks its protocol.

Small objects are put in one request, larger ones in parts, so that a writer holds one part in memory and no more. The
methods of the `minio` package for parts are private; they are called here alone, and its version is pinned.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import certifi
import urllib3
from minio import Minio
from minio.credentials.providers import AWSConfigProvider, ChainedProvider, EnvAWSProvider
from minio.datatypes import Part
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from trivet_artifacts.blobs.blob_store import split_key
from trivet_artifacts.domain.errors import ArtifactStoreUnavailable, UploadExpired
from trivet_kit.errors import CallerError, StorageFull
from trivet_kit.settings import StartupError

# S3 takes parts of 5 MiB or more, and 10,000 of them (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html):
# these sizes reach 570 GB.
SMALL_PART_BYTES = 8 * 1024 * 1024
LARGE_PART_BYTES = 64 * 1024 * 1024
SMALL_PARTS = 1000

_CONNECT_TIMEOUT_SECONDS = 5.0
# Of one request: a part of 64 MiB at 1 MiB a second.
_READ_TIMEOUT_SECONDS = 60.0
# A probe is asked for again every two seconds, and must not pile up.
_PROBE_TIMEOUT_SECONDS = 3.0
# Downloads, parts and probes at once; more connections are made and thrown away.
_POOL_SIZE = 64
# How often a download that is cut off is taken up again where it was.
_READ_ATTEMPTS = 3

_log = logging.getLogger("trivet.artifacts")


@dataclass(frozen=True)
class S3Location:
    """Where a bucket is."""

    bucket: str
    host: str
    """Host and port."""
    secure: bool
    region: str


class S3Store:
    """Implements `BlobStore`. Credentials come from `AWS_*` variables or files, and are read again when they change."""

    def __init__(self, location: S3Location) -> None:
        """Connects to nothing yet."""
        self._location = location
        self._provider = ChainedProvider([EnvAWSProvider(), AWSConfigProvider()])
        retries = urllib3.Retry(total=3, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504])
        timeout = urllib3.Timeout(connect=_CONNECT_TIMEOUT_SECONDS, read=_READ_TIMEOUT_SECONDS)
        self._connections = _connections(timeout, retries)
        self._client = self._make_client(self._connections)
        self._probe_connections = _connections(urllib3.Timeout(_PROBE_TIMEOUT_SECONDS), urllib3.Retry(0))
        self._probe_client = self._make_client(self._probe_connections)

    def check_usable(self) -> None:
        """Puts and removes an object."""
        where = f"Cannot use the bucket {self._location.bucket} at {self._location.host}"
        try:
            self._provider.retrieve()
        except ValueError:
            raise StartupError(
                f"{where}: there are no credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                "AWS_SHARED_CREDENTIALS_FILE."
            ) from None
        trial = f"trial-{uuid.uuid4().hex}"
        try:
            self._probe_client.put_object(self._location.bucket, trial, BytesIO(), 0)
            self._probe_client.remove_object(self._location.bucket, trial)
        except S3Error as error:
            raise StartupError(f"{where}: {error.code}, {str(error.message).rstrip('.').lower()}.") from None
        except (MinioException, HTTPError) as error:
            why = str(getattr(error, "reason", None) or error).rpartition(": ")[2].rstrip(".").lower()
            raise StartupError(f"{where}: {why}.") from None

    def probe(self) -> None:
        """Asks whether the bucket is there."""
        with _store_errors():
            there = self._probe_client.bucket_exists(self._location.bucket)
        if not there:
            raise ArtifactStoreUnavailable

    def create(self, object_key: str) -> S3Writer:
        """A writer of a new object."""
        return S3Writer(self._client, self._location.bucket, _checked(object_key))

    def open(self, object_key: str, offset: int, length: int) -> S3Reader:
        """A reader of an object."""
        return S3Reader(self._client, self._location.bucket, _checked(object_key), offset, length)

    def remove(self, object_key: str) -> None:
        """Removes an object, and parts of one that did not become whole."""
        key = _checked(object_key)
        bucket = self._location.bucket
        with _store_errors():
            # By the whole key: MinIO lists parts under no shorter prefix.
            for upload in self._client._list_multipart_uploads(bucket, prefix=key).uploads:  # noqa: SLF001 - see above
                if upload.object_name == key and upload.upload_id:
                    self._client._abort_multipart_upload(bucket, key, upload.upload_id)  # noqa: SLF001
            self._client.remove_object(bucket, key)

    def close(self) -> None:
        """Closes connections that are not in use."""
        self._connections.clear()
        self._probe_connections.clear()

    def _make_client(self, connections: urllib3.PoolManager) -> Minio:
        location = self._location
        return Minio(
            location.host,
            secure=location.secure,
            region=location.region,
            http_client=connections,
            credentials=self._provider,
        )


class S3Writer:
    """Implements `BlobWriter`."""

    def __init__(self, client: Minio, bucket: str, key: str) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key
        self._part = bytearray()
        self._parts: list[Part] = []
        self._upload_id = ""
        self._whole = False

    def write(self, data: bytes) -> None:
        """Adds to the part, and sends that when it is large enough."""
        self._part += data
        limit = SMALL_PART_BYTES if len(self._parts) < SMALL_PARTS else LARGE_PART_BYTES
        if len(self._part) >= limit:
            with _store_errors():
                self._send_part()

    def finish(self) -> None:
        """Sends the last part and puts all of them together."""
        with _store_errors():
            if not self._upload_id:
                self._client.put_object(self._bucket, self._key, BytesIO(self._part), len(self._part))
            else:
                if self._part:
                    self._send_part()
                self._client._complete_multipart_upload(self._bucket, self._key, self._upload_id, self._parts)  # noqa: SLF001 - see above
        self._whole = True
        self._part = bytearray()

    def discard(self) -> None:
        """Removes the parts, or the whole."""
        self._part = bytearray()
        with _store_errors():
            if self._upload_id and not self._whole:
                try:
                    self._client._abort_multipart_upload(self._bucket, self._key, self._upload_id)  # noqa: SLF001 - see above
                except S3Error as error:
                    if error.code != "NoSuchUpload":
                        raise
            # Also where `finish` failed: the answer to it may have been lost.
            self._client.remove_object(self._bucket, self._key)

    def _send_part(self) -> None:
        if not self._upload_id:
            self._upload_id = self._client._create_multipart_upload(self._bucket, self._key, {})  # noqa: SLF001 - see above
        number = len(self._parts) + 1
        etag = self._client._upload_part(  # noqa: SLF001 - see above
            self._bucket, self._key, bytes(self._part), None, self._upload_id, number
        )
        self._parts.append(Part(number, etag))
        self._part.clear()


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
        with _store_errors():
            for attempt in range(1, _READ_ATTEMPTS + 1):
                try:
                    data = self._read(max_bytes)
                    break
                except HTTPError:
                    self.close()
                    if attempt == _READ_ATTEMPTS:
                        raise
        if not data:
            raise AssertionError(f"an object lacks its last {self._left} bytes")
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


def _checked(object_key: str) -> str:
    split_key(object_key)
    return object_key


def _connections(timeout: urllib3.Timeout, retries: urllib3.Retry) -> urllib3.PoolManager:
    return urllib3.PoolManager(
        timeout=timeout,
        retries=retries,
        maxsize=_POOL_SIZE,
        cert_reqs="CERT_REQUIRED",
        ca_certs=os.environ.get("SSL_CERT_FILE") or certifi.where(),
    )


@contextmanager
def _store_errors() -> Iterator[None]:
    """Makes what the store answers, or that it does not, what callers are told; the log has its words."""
    try:
        yield
    except S3Error as error:
        if error.code == "NoSuchKey":
            raise LookupError(f"the object {error.object_name} is missing") from error
        _log.warning("the artifact store answers %s: %s", error.code, error.message)
        raise _shown(error.code or "") from error
    except (MinioException, HTTPError) as error:
        _log.warning("the artifact store does not answer: %s", error)
        raise ArtifactStoreUnavailable from error


def _shown(code: str) -> CallerError:
    if code == "NoSuchUpload":
        return UploadExpired()
    if code in ("XMinioStorageFull", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded"):
        return StorageFull()
    return ArtifactStoreUnavailable()
