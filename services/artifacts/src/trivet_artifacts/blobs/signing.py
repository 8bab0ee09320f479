"""URLs that let their holder send one request to S3, until they expire: Signature Version 4 in the query.

`minio` signs no header but the host's; here the length and the digest of a body are signed too, so that the URL is good
for these bytes alone. https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from minio.credentials.credentials import Credentials

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Endpoint:
    """Where clients reach a bucket."""

    host: str
    """Host and port; it is signed."""
    secure: bool
    region: str


def presign(
    endpoint: Endpoint,
    credentials: Credentials,
    *,
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    now: datetime,
    lifetime: timedelta,
) -> str:
    """A URL for a request with these headers, which have to go with it unchanged.

    Args:
        endpoint: where to.
        credentials: whose power the URL has.
        method: of HTTP.
        path: `/BUCKET/KEY`, not escaped.
        query: further parameters of the request.
        headers: besides the host; names in lower case.
        now: when it begins to hold, in UTC.
        lifetime: how long it holds.
    """
    moment = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{endpoint.region}/s3/aws4_request"
    signed = {"host": endpoint.host, **headers}
    names = ";".join(sorted(signed))
    parameters = {
        **query,
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": moment,
        "X-Amz-Expires": str(int(lifetime.total_seconds())),
        "X-Amz-SignedHeaders": names,
    }
    if credentials.session_token:
        parameters["X-Amz-Security-Token"] = credentials.session_token
    encoded = "&".join(f"{_escape(name)}={_escape(value)}" for name, value in sorted(parameters.items()))
    escaped_path = quote(path, safe="/-_.~")
    canonical = "\n".join(
        (
            method,
            escaped_path,
            encoded,
            *(f"{name}:{signed[name].strip()}" for name in sorted(signed)),
            "",
            names,
            "UNSIGNED-PAYLOAD",  # the digest of the body is a header of its own
        )
    )
    to_sign = "\n".join((_ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{credentials.secret_key}".encode()
    for step in (moment[:8], endpoint.region, "s3", "aws4_request"):
        key = _mac(key, step)
    scheme = "https" if endpoint.secure else "http"
    return f"{scheme}://{endpoint.host}{escaped_path}?{encoded}&X-Amz-Signature={_mac(key, to_sign).hex()}"


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _escape(text: str) -> str:
    return quote(text, safe="-_.~")
