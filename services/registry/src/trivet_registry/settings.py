"""Settings that only the registry has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from trivet_kit.settings import Address, StartupError, parse_address

DEFAULT_ARTIFACTS_URL = "grpc://127.0.0.1:7333"
# A link is a transaction in the artifact service's database; longer than that should ever take, and less than callers
# usually wait.
DEFAULT_LINK_TIMEOUT_SECONDS = 20.0
# Above the time that a link may take, so that no version is swept while its call is still at it.
DEFAULT_SWEEP_AFTER_SECONDS = 60.0


@dataclass(frozen=True)
class ArtifactsTarget:
    """Where the artifact service is."""

    address: Address
    """Its text is what gRPC takes."""
    is_secure: bool


def parse_artifacts_url(url: str) -> ArtifactsTarget:
    """Parses `grpc://HOST:PORT`, `grpcs://HOST:PORT` (TLS) or `unix:PATH`.

    Raises:
        StartupError: another form.
    """
    scheme, separator, rest = url.partition("://")
    if url.startswith("unix:") or (separator and scheme in {"grpc", "grpcs"} and not rest.startswith("unix:")):
        address = parse_address(rest if separator else url, "TRIVET_ARTIFACTS_URL")
        return ArtifactsTarget(address, scheme == "grpcs")
    raise StartupError(f"TRIVET_ARTIFACTS_URL is {url!r}; it must be grpc://HOST:PORT or grpcs://HOST:PORT.")


ArtifactsUrlOption = Annotated[
    str,
    typer.Option(
        envvar="TRIVET_ARTIFACTS_URL",
        metavar="URL",
        help="The artifact service: grpc://HOST:PORT, or grpcs:// for TLS.",
    ),
]
LinkTimeoutOption = Annotated[
    float,
    typer.Option(
        envvar="TRIVET_LINK_TIMEOUT_SECONDS",
        min=0.05,
        max=600,
        help="How long the artifact service may take to link a version's files within the call.",
    ),
]
SweepAfterOption = Annotated[
    float,
    typer.Option(
        envvar="TRIVET_SWEEP_AFTER_SECONDS",
        min=0.05,
        max=86400,
        help="After this long without a try, the linking of a PENDING version is tried again.",
    ),
]
