"""Models in S3, outside Trivet."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from trivet._errors import ArtifactNotFound, InvalidArgument, ServerUnavailable
from trivet._models.libraries import needed
from trivet._safe_paths import safe_join


def download_s3(uri: str, folder: Path) -> None:
    """Downloads what lies below `s3://BUCKET/PATH`, by the credentials of the environment.

    They are found where AWS's own tools find them; the address is that of AWS, or `AWS_ENDPOINT_URL_S3`,
    `AWS_ENDPOINT_URL` or `MLFLOW_S3_ENDPOINT_URL`.

    Raises:
        InvalidArgument: it is a URI of something else.
        ArtifactNotFound: there is nothing, or nothing that these credentials may read.
        ServerUnavailable: nobody answers.
    """
    parts = urlsplit(uri)
    if parts.scheme != "s3" or not parts.netloc:
        raise InvalidArgument(
            f"A model cannot be loaded from {uri!r}. Use a path, runs:/RUN_ID/PATH, models:/NAME/VERSION, "
            "models:/NAME/STAGE, models:/NAME@ALIAS, models:/MODEL_ID or s3://BUCKET/PATH."
        )
    minio = needed("minio", "minio")
    urllib3 = needed("urllib3", "urllib3")
    providers = needed("minio.credentials", "minio")
    address = urlsplit(_endpoint())
    client = minio.Minio(
        address.netloc,
        secure=address.scheme == "https",
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
        credentials=providers.ChainedProvider(
            [providers.EnvAWSProvider(), providers.AWSConfigProvider(), providers.IamAwsProvider()]
        ),
    )
    prefix = f"{parts.path.strip('/')}/" if parts.path.strip("/") else ""
    found = False
    try:
        for each in client.list_objects(parts.netloc, prefix=prefix, recursive=True):
            if not each.is_dir:
                found = True
                client.fget_object(
                    parts.netloc, each.object_name, str(safe_join(folder, each.object_name.removeprefix(prefix)))
                )
    except minio.error.S3Error as error:
        raise ArtifactNotFound(f"{uri!r} cannot be read: {error.message} ({error.code})") from error
    except (
        OSError,
        ValueError,
        minio.error.MinioException,
        urllib3.exceptions.HTTPError,
    ) as error:
        raise ServerUnavailable(f"{uri!r} cannot be read from {address.netloc}: {error}") from error
    if not found:
        raise ArtifactNotFound(f"There is nothing at {uri!r}.")


def _endpoint() -> str:
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "MLFLOW_S3_ENDPOINT_URL")
    return next((os.environ[name] for name in names if os.environ.get(name)), "https://s3.amazonaws.com")
