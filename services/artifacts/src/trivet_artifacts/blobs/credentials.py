"""Where the keys to a bucket come from, as far as the `minio` package knows such places."""

from __future__ import annotations

import os

import urllib3
from minio.credentials.credentials import Credentials
from minio.credentials.providers import (
    AWSConfigProvider,
    ChainedProvider,
    EnvAWSProvider,
    IamAwsProvider,
    Provider,
)
from urllib3.exceptions import HTTPError

# The machine's own service of credentials answers at once, or there is none.
_TIMEOUT_SECONDS = 2.0


def provider() -> Provider:
    """Tries the environment, a file, and what the machine says of its role, in this order.

    `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; `AWS_SHARED_CREDENTIALS_FILE` and
    `AWS_PROFILE`; a web identity (`AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`, asked of `AWS_ENDPOINT_URL_STS`
    where that is set); a container (`AWS_CONTAINER_CREDENTIALS_…`); an EC2 machine. What expires is asked for again.
    """
    return ChainedProvider([EnvAWSProvider(), AWSConfigProvider(), _Role()])


class _Role(Provider):
    """What the machine says of its role; without one, there are no credentials, which is no failure of a call."""

    def __init__(self) -> None:
        identity = os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")
        self._provider = IamAwsProvider(
            custom_endpoint=os.environ.get("AWS_ENDPOINT_URL_STS") if identity else None,
            http_client=urllib3.PoolManager(timeout=_TIMEOUT_SECONDS, retries=urllib3.Retry(1)),
        )

    def retrieve(self) -> Credentials:
        """Asks, or returns what does not expire yet. Raises ValueError where there is none."""
        try:
            return self._provider.retrieve()
        except (HTTPError, OSError, KeyError) as error:
            raise ValueError(f"no role: {error}") from error
