"""Connections to S3 and to what gives the keys to it, and what is said of one that fails."""

from __future__ import annotations

import os
import re
import time
from typing import Any, Final

import certifi
import urllib3
from prometheus_client import Histogram

from trivet_kit.tracing import span

# Downloads, parts and probes at once; more connections are made and thrown away.
_POOL_SIZE = 64
_FAILED: Final = "failed"
"""Instead of a status, where there was no answer."""

_REQUEST_SECONDS: Final = Histogram(
    "trivet_s3_request_duration_seconds",
    "From a request to S3, repeats of it included, to the head of its answer.",
    ("method", "status"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)


class _MeasuredConnections(urllib3.PoolManager):
    """Takes the time of requests."""

    def urlopen(self, method: str, url: str, redirect: bool = True, **options: Any) -> urllib3.BaseHTTPResponse:  # type: ignore[override]  # noqa: FBT001, FBT002 - as urllib3 has it
        """As urllib3 has it."""
        began = time.monotonic()
        status = _FAILED
        try:
            # Without its URL: that of a signed request is as good as a password.
            with span("S3", "client", http_request_method=method) as traced:
                answer = super().urlopen(method, url, redirect, **options)
                status = str(answer.status)
                traced.note(http_response_status=answer.status)
        finally:
            _REQUEST_SECONDS.labels(method, status).observe(time.monotonic() - began)
        return answer


def connections(timeout: urllib3.Timeout, retries: urllib3.Retry) -> urllib3.PoolManager:
    """Connections that trust the authorities in the file `SSL_CERT_FILE`, or else the public ones."""
    return _MeasuredConnections(
        timeout=timeout,
        retries=retries,
        maxsize=_POOL_SIZE,
        cert_reqs="CERT_REQUIRED",
        ca_certs=os.environ.get("SSL_CERT_FILE") or certifi.where(),
    )


def reason_of(error: Exception) -> str:
    """Why a request failed, in a few words without secrets: of a URL, the query is left out."""
    words = str(getattr(error, "reason", None) or error).rpartition(": ")[2]
    return re.sub(r"\?\S*", "", words).rstrip(".")
