"""Calls to a bucket.

The methods of the `minio` package for parts are private; they are called here alone, and its version is pinned.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from minio import Minio
from minio.datatypes import Part
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from trivet_artifacts.blobs.blob_store import HeldPart, ObjectDamaged, PartsChanged
from trivet_artifacts.blobs.s3_client import CHECKSUM_HEADER
from trivet_artifacts.blobs.s3_retries import repeated
from trivet_artifacts.domain.errors import ArtifactStoreRefuses, ArtifactStoreUnavailable, UploadExpired
from trivet_kit.errors import CallerError, StorageFull

_OCTETS = "application/octet-stream"
_LISTED_AT_ONCE = 1000
# To put many parts together takes S3 a while.
_APPEARS_WITHIN_SECONDS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)

_log = logging.getLogger("trivet.artifacts")


@dataclass(frozen=True)
class Bucket:
    """A bucket. Its methods raise what `minio` does; `store_errors` makes of that what callers are told."""

    client: Minio
    name: str
    senders: ThreadPoolExecutor
    """Send parts."""
    room: threading.Semaphore
    """How many parts may be on their way, of all objects together: each is held in memory."""

    def put(self, key: str, data: bytes) -> None:
        """Makes a small object."""
        self.client._put_object(self.name, key, data, {"Content-Type": _OCTETS})  # noqa: SLF001 - see above

    def begin(self, key: str, *, with_digests: bool) -> str:
        """Begins an object in parts; with digests, the store asks for the SHA-256 of each part and checks it."""
        headers = {"x-amz-checksum-algorithm": "SHA256"} if with_digests else {}
        tries = 0

        def create() -> str:
            nonlocal tries
            tries += 1
            return self.client._create_multipart_upload(self.name, key, headers)  # type: ignore[arg-type] # noqa: SLF001 - dict is invariant; see above

        upload_id = repeated(create)
        if tries > 1:
            # Only the answer may have been lost.
            self.abort_all(key, except_for=upload_id)
        return upload_id

    def send_part(self, key: str, upload_id: str, number: int, data: bytes, sha256: bytes) -> Future[Part]:
        """Begins to send a part, when there is room; without a digest, the object was begun without."""
        self.room.acquire()
        try:
            sending = self.senders.submit(self._send, key, upload_id, number, data, sha256)
        except BaseException:
            self.room.release()
            raise
        sending.add_done_callback(lambda _: self.room.release())
        return sending

    def _send(self, key: str, upload_id: str, number: int, data: bytes, sha256: bytes) -> Part:
        headers = {CHECKSUM_HEADER: base64.b64encode(sha256).decode()} if sha256 else {}
        etag = self.client._upload_part(self.name, key, data, headers, upload_id, number)  # type: ignore[arg-type] # noqa: SLF001 - as above
        return Part(number, etag)

    def parts(self, key: str, upload_id: str) -> list[HeldPart]:
        """The parts that are there, sorted. Raises S3Error where the object is not being written."""
        found: list[HeldPart] = []
        marker = "0"
        while marker:
            query = {"uploadId": upload_id, "max-parts": str(_LISTED_AT_ONCE), "part-number-marker": marker}
            answer = self.client._execute("GET", self.name, key, query_params=query)  # type: ignore[arg-type] # noqa: SLF001 - as above
            # Not by `_list_parts`: it leaves out the digests.
            listed = ET.fromstring(answer.data)  # noqa: S314 - from the store that the operator set
            found += [_part(element) for element in listed.iterfind("{*}Part")]
            more = listed.findtext("{*}IsTruncated") == "true"
            marker = (listed.findtext("{*}NextPartNumberMarker") or "") if more else ""
        return found

    def assemble(self, key: str, upload_id: str, parts: Sequence[Part], digests: Mapping[int, bytes]) -> None:
        """Puts parts together, unless the object is there already.

        Raises:
            PartsChanged: others are held.
        """
        root = ET.Element("CompleteMultipartUpload")
        for part in parts:
            element = ET.SubElement(root, "Part")
            ET.SubElement(element, "PartNumber").text = str(part.part_number)
            ET.SubElement(element, "ETag").text = part.etag
            if digest := digests.get(part.part_number):
                ET.SubElement(element, "ChecksumSHA256").text = base64.b64encode(digest).decode()
        body = ET.tostring(root)
        headers = {
            "Content-Type": "application/xml",
            "Content-MD5": base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode(),
            "If-None-Match": "*",
        }
        tries = 0

        def complete() -> None:
            nonlocal tries
            tries += 1
            try:
                self.client._execute("POST", self.name, key, body, headers, {"uploadId": upload_id})  # type: ignore[arg-type] # noqa: SLF001 - as above
            except S3Error as error:
                # The answer to a call before may have been lost. Nobody but this upload writes under its key.
                if error.code in ("NoSuchUpload", "PreconditionFailed", "InvalidPart") and self.size(key) is not None:
                    return
                if error.code not in ("NoSuchUpload", "InvalidPart") or tries == 1:
                    raise
                # The call before may be under way still, and has the parts.
                if not self._appears(key):
                    raise ArtifactStoreUnavailable from error

        try:
            repeated(complete)
        except S3Error as error:
            if error.code in ("InvalidPart", "InvalidPartOrder", "EntityTooSmall"):
                raise PartsChanged from error
            raise

    def _appears(self, key: str) -> bool:
        """Whether an object is there within half a minute."""
        for pause in _APPEARS_WITHIN_SECONDS:
            if self.size(key) is not None:
                return True
            time.sleep(pause)
        return self.size(key) is not None

    def abort(self, key: str, upload_id: str) -> None:
        """Removes the parts of an object; where there are none, nothing is done."""
        try:
            self.client._abort_multipart_upload(self.name, key, upload_id)  # noqa: SLF001 - see above
        except S3Error as error:
            if error.code != "NoSuchUpload":
                raise

    def abort_all(self, key: str, *, except_for: str = "") -> None:
        """Removes all parts under a key, those of one upload excepted."""
        # By the whole key: MinIO lists parts under no shorter prefix.
        for upload in self.client._list_multipart_uploads(self.name, prefix=key).uploads:  # noqa: SLF001 - see above
            if upload.object_name == key and upload.upload_id and upload.upload_id != except_for:
                self.abort(key, upload.upload_id)

    def size(self, key: str) -> int | None:
        """Bytes of an object; None where there is none."""
        try:
            return self.client.stat_object(self.name, key).size
        except S3Error as error:
            if error.code == "NoSuchKey":
                return None
            raise

    def remove(self, key: str) -> None:
        """Removes an object; where there is none, nothing is done."""
        self.client.remove_object(self.name, key)


@contextmanager
def store_errors() -> Iterator[None]:
    """Makes what the store answers, or that it does not, what callers are told; the log has its words."""
    try:
        yield
    except S3Error as error:
        if error.code == "NoSuchKey":
            raise ObjectDamaged(f"the object {error.object_name} is missing") from error
        if error.code == "InvalidRange":
            raise ObjectDamaged(f"the object {error.object_name} is shorter") from error
        _log.warning("the artifact store answers %s: %s", error.code, error.message)
        raise _shown(error.code or "") from error
    except (MinioException, HTTPError, ValueError) as error:
        # ValueError: no credentials can be had.
        _log.warning("the artifact store does not answer: %s", error)
        raise ArtifactStoreUnavailable from error


def _shown(code: str) -> CallerError:
    if code == "NoSuchUpload":
        return UploadExpired()
    if code == "NoSuchBucket":
        return ArtifactStoreRefuses("BUCKET_MISSING")
    if code in ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AllAccessDisabled"):
        return ArtifactStoreRefuses("ACCESS_DENIED")
    if code in ("XMinioStorageFull", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded"):
        return StorageFull()
    return ArtifactStoreUnavailable()


def _part(element: ET.Element) -> HeldPart:
    return HeldPart(
        int(element.findtext("{*}PartNumber") or "0"),
        int(element.findtext("{*}Size") or "0"),
        (element.findtext("{*}ETag") or "").strip('"'),
        base64.b64decode(element.findtext("{*}ChecksumSHA256") or ""),
    )
