"""Finds the store that a setting means."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from trivet_artifacts.blobs.blob_store import BlobStore
from trivet_kit.settings import StartupError

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_HOST = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::[0-9]{1,5})?")


def open_blobs(store: str, public_endpoint: str = "") -> BlobStore:
    """The store that `TRIVET_ARTIFACT_STORE` means; nothing is asked of it yet.

    Args:
        store: a folder, as a path or as `file:///PATH`, or `s3://BUCKET?endpoint=URL&region=REGION`.
        public_endpoint: the URL of S3 as clients reach it; empty: as this service does; `none`: they do not.

    Raises:
        StartupError: another form.
    """
    if store.startswith("s3://"):
        return _open_bucket(store, public_endpoint)
    if store.startswith("file://"):
        parts = urlsplit(store)
        if parts.netloc not in ("", "localhost") or not parts.path or parts.query or parts.fragment:
            raise _malformed(store)
        return _open_folder(Path(unquote(parts.path)))
    if not store or "://" in store:
        raise _malformed(store)
    return _open_folder(Path(store))


def _open_folder(folder: Path) -> BlobStore:
    from trivet_artifacts.blobs.folder import FolderStore  # noqa: PLC0415 - as below

    return FolderStore(folder)


def _open_bucket(store: str, public_endpoint: str) -> BlobStore:
    # Importing it takes a third of a second, which an embedded server need not wait for.
    from trivet_artifacts.blobs.s3 import S3Location, S3Store  # noqa: PLC0415
    from trivet_artifacts.blobs.signing import Endpoint  # noqa: PLC0415

    parts = urlsplit(store)
    options = parse_qs(parts.query, keep_blank_values=True)
    if (
        not _BUCKET.fullmatch(parts.netloc)
        or parts.path not in ("", "/")
        or not options.keys() <= {"endpoint", "region"}
    ):
        raise _malformed(store)
    region = options.get("region", [""])[-1] or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    region = region or "us-east-1"
    endpoint = _host(options.get("endpoint", [f"https://s3.{region}.amazonaws.com"])[-1])
    if endpoint is None:
        raise _malformed(store)
    public = None if public_endpoint == "none" else _host(public_endpoint) if public_endpoint else endpoint
    if public is None and public_endpoint != "none":
        raise StartupError(
            f"TRIVET_S3_PUBLIC_ENDPOINT is {public_endpoint.rpartition('@')[2]!r}; "
            "it must be https://HOST:PORT or none."
        )
    reached = Endpoint(public[0], public[1], region) if public else None
    return S3Store(S3Location(parts.netloc, *endpoint, region, reached))


def _host(url: str) -> tuple[str, bool] | None:
    """Host and port of an endpoint, and whether it speaks TLS; None for what is not one."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.netloc) or parts.path not in ("", "/"):
        return None
    return parts.netloc, parts.scheme == "https"


def _malformed(store: str) -> StartupError:
    # Whoever writes keys into the URL must not find them in a log.
    shown = store.partition("?")[0].rpartition("@")[2]
    return StartupError(
        f"TRIVET_ARTIFACT_STORE is {shown!r}; it must be a folder or s3://BUCKET?endpoint=URL&region=REGION."
    )
