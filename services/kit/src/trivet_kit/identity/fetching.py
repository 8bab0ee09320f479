"""One GET of a small JSON document of an issuer."""

from __future__ import annotations

import http.client
import ipaddress
import json
import ssl
import time
import urllib.error
import urllib.request
from typing import Any, Final
from urllib.parse import urlsplit

MAX_DOCUMENT_BYTES: Final = 512 * 1024
"""Sets of keys have a few KiB."""
TIMEOUT_SECONDS: Final = 3.0
"""Less than an interval of asking, so that an issuer that hangs is not what keeps a withdrawn key in force."""
_PIECE_BYTES: Final = 16 * 1024


class FetchFailed(Exception):
    """An issuer did not give a document; the message says why, as a clause without a full stop."""


class Fetcher:
    """Gets documents of one issuer. For one thread."""

    def __init__(self, ca_file: str | None) -> None:
        """Trusts the authorities in a PEM file, or, for None, those of the system."""
        self._ca_file = ca_file
        self._opener: urllib.request.OpenerDirector | None = None

    def get(self, url: str) -> dict[str, Any]:
        """The object at a URL, by `https:`, or by `http:` from this machine itself; redirects are not followed.

        Raises:
            FetchFailed: it cannot be had within three seconds, is too large, or not an object of JSON.
        """
        if not is_safe(url):
            raise FetchFailed(f"{url} is not https://")
        try:
            document = json.loads(self._read(url))
        except urllib.error.HTTPError as error:
            with error:
                raise FetchFailed(f"{url} answered {error.code}") from None
        except (OSError, http.client.HTTPException) as error:
            self._opener = None
            raise FetchFailed(f"{url} cannot be reached: {_clause(error)}") from None
        except (ValueError, RecursionError):
            raise FetchFailed(f"{url} did not answer with JSON") from None
        if not isinstance(document, dict):
            raise FetchFailed(f"{url} did not answer with an object")
        return document

    def _read(self, url: str) -> bytes:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        if self._opener is None:
            # Reading the authorities takes long; after a failure they are read again, as a cluster exchanges its own.
            tls = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self._ca_file))
            self._opener = urllib.request.build_opener(_NoRedirects, tls)
        request = urllib.request.Request(url, headers={"Accept": "application/json", "User-Agent": "trivet"})  # noqa: S310 - its scheme was checked
        data = b""
        with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            while piece := answer.read1(_PIECE_BYTES):
                data += piece
                if len(data) > MAX_DOCUMENT_BYTES:
                    raise FetchFailed(f"what {url} answers is larger than {MAX_DOCUMENT_BYTES} bytes")
                if time.monotonic() > deadline:
                    raise TimeoutError
        return data


def is_safe(url: str) -> bool:
    """Whether what a URL answers can be believed: it is `https:`, or of this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)))


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Nobody but the operator says where keys come from."""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _clause(error: Exception) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"its certificate is not good: {reason.verify_message}"
    if isinstance(reason, TimeoutError):
        return f"it did not answer within {TIMEOUT_SECONDS:g} s"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror.lower()
    return "it broke off" if isinstance(reason, http.client.HTTPException) else type(reason).__name__
