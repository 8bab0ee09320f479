"""The client of the `minio` package, without digests that are reckoned twice."""

from __future__ import annotations

from datetime import datetime

from minio import Minio
from minio.credentials.credentials import Credentials

# Of the bytes of a body, in base64: S3 checks them by it.
CHECKSUM_HEADER = "x-amz-checksum-sha256"
_UNSIGNED = "UNSIGNED-PAYLOAD"


class S3Client(Minio):
    """Signs the digest that comes with a body, instead of one more of its own.

    The package would reckon another SHA-256, or with TLS an MD5, and the store would check that too. All headers are
    signed, so a body with another digest is refused as it would be then.
    """

    def _build_headers(
        self,
        host: str,
        headers: dict[str, str | list[str] | tuple[str]] | None = None,
        body: bytes | None = None,
        creds: Credentials | None = None,
    ) -> tuple[dict[str, str | list[str] | tuple[str]], datetime]:
        if body is None or creds is None or CHECKSUM_HEADER not in (headers or {}):
            return super()._build_headers(host, headers, body, creds)
        built, date = super()._build_headers(host, headers, None, creds)
        built["Content-Length"] = str(len(body))
        built["x-amz-content-sha256"] = _UNSIGNED
        return built, date
