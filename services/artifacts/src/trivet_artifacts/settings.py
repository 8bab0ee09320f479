"""Settings that only the artifact service has."""

from __future__ import annotations

from typing import Annotated

import typer

# Longer than a database is away at a fail-over, so that running uploads survive it.
UPLOAD_LEASE_SECONDS = 60

ArtifactStoreOption = Annotated[
    str,
    typer.Option(
        envvar="TRIVET_ARTIFACT_STORE",
        metavar="STORE",
        help="Where bytes are kept: a folder, or s3://BUCKET?endpoint=URL&region=REGION.",
    ),
]
S3PublicEndpointOption = Annotated[
    str,
    typer.Option(
        envvar="TRIVET_S3_PUBLIC_ENDPOINT",
        metavar="URL",
        help="Where clients reach S3 themselves: https://HOST:PORT, or none. Default: as this server does.",
    ),
]
# Of bytes that nothing refers to: as long as CollectGarbage leaves them when it is not told otherwise.
GRACE_SECONDS = 60 * 60

CollectEveryOption = Annotated[
    int,
    typer.Option(
        envvar="TRIVET_COLLECT_EVERY_SECONDS",
        metavar="SECONDS",
        min=0,
        max=366 * 24 * 60 * 60,
        help="How often garbage is collected in all workspaces; 0: only when somebody asks for it.",
    ),
]
GraceOption = Annotated[
    int,
    typer.Option(
        "--grace-seconds",
        metavar="SECONDS",
        min=0,
        max=366 * 24 * 60 * 60,
        help="Bytes are freed when nothing has referred to them for so long.",
    ),
]
UploadLeaseOption = Annotated[
    int,
    typer.Option(
        envvar="TRIVET_UPLOAD_LEASE",
        metavar="SECONDS",
        min=1,
        max=24 * 60 * 60,
        help="How long after its server's death an unfinished upload is left alone.",
    ),
]
