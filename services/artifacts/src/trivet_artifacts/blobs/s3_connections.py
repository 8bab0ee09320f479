"""Connections to S3 and to what gives the keys to it, and what is said of one that fails."""

from __future__ import annotations

import os
import re

import certifi
import urllib3

# Downloads, parts and probes at once; more connections are made and thrown away.
_POOL_SIZE = 64


def connections(timeout: urllib3.Timeout, retries: urllib3.Retry) -> urllib3.PoolManager:
    """Connections that trust the authorities in the file `SSL_CERT_FILE`, or else the public ones."""
    return urllib3.PoolManager(
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
