"""Where the keys to a bucket come from, as far as the `minio` package knows such places."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol
from xml.etree import ElementTree as ET

import urllib3
from minio.credentials.credentials import Credentials
from minio.credentials.providers import AWSConfigProvider, EnvAWSProvider, IamAwsProvider, Provider
from urllib3.exceptions import HTTPError

from trivet_artifacts.blobs.s3_connections import connections, reason_of

_ADVICE: Final = (
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SHARED_CREDENTIALS_FILE, or give the machine a role."
)
# The machine's own service of credentials answers at once, or there is none.
_MACHINE_TIMEOUT: Final = urllib3.Timeout(2.0)
# One that is named is there, and may be far away.
_NAMED_TIMEOUT: Final = urllib3.Timeout(connect=2.0, read=10.0)


def provider() -> Provider:
    """Tries the environment, a file, and what the machine says of its role, in this order.

    `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; `AWS_SHARED_CREDENTIALS_FILE` and
    `AWS_PROFILE`; a web identity (`AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`, asked of `AWS_ENDPOINT_URL_STS`
    where that is set); a container (`AWS_CONTAINER_CREDENTIALS_…`); an EC2 machine, whose service may have another
    address (`AWS_EC2_METADATA_SERVICE_ENDPOINT`). What expires is asked for again, and a file that changes is read
    again.

    Its `retrieve` raises ValueError where there are no credentials; the message says why not from the sources that the
    environment names, in one line without secrets.
    """
    return _Sources([_Environment(), _File(os.environ), _role(os.environ)])


class _SourceFailsError(Exception):
    """A source has no credentials; the message is one line without secrets."""


class _Source(Protocol):
    variable: str
    """What names it in the environment; empty where nothing does."""

    def retrieve(self) -> Credentials:
        """Asks, or returns what still holds. Raises _SourceFailsError where it has none."""


class _Sources(Provider):
    """The first of several sources that has credentials, each time anew: each keeps what still holds."""

    def __init__(self, sources: list[_Source]) -> None:
        self._sources = sources

    def retrieve(self) -> Credentials:
        """Raises ValueError where no source has any."""
        problems = []
        for source in self._sources:
            try:
                return source.retrieve()
            except _SourceFailsError as failure:
                if source.variable:
                    problems.append(f"{source.variable}: {failure}.")
        raise ValueError(" ".join(["there are no credentials.", *(problems or [_ADVICE])]))


class _Environment:
    def __init__(self) -> None:
        self._provider = EnvAWSProvider()
        self.variable = "AWS_ACCESS_KEY_ID" if os.environ.get("AWS_ACCESS_KEY_ID") else ""

    def retrieve(self) -> Credentials:
        try:
            return self._provider.retrieve()
        except ValueError:
            raise _SourceFailsError("it needs AWS_SECRET_ACCESS_KEY beside it") from None


class _File:
    """The credentials file of AWS's tools, which is read again when it has changed."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.variable = next(
            (name for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE") if environment.get(name)), ""
        )
        named = environment.get("AWS_SHARED_CREDENTIALS_FILE")
        self._path = Path(named) if named else Path("~/.aws/credentials").expanduser()
        self._provider = AWSConfigProvider(str(self._path))
        self._read: tuple[tuple[int, int, int], Credentials] | None = None

    def retrieve(self) -> Credentials:
        try:
            found = self._path.stat()
            state = (found.st_mtime_ns, found.st_size, found.st_ino)
            if self._read is None or self._read[0] != state:
                with self._path.open("rb"):  # the package takes a file that it may not read for an empty one
                    self._read = (state, self._provider.retrieve())
        except OSError as error:
            raise _SourceFailsError(_unreadable(error)) from None
        except configparser.Error:
            # Its words may show a part of a key.
            raise _SourceFailsError(f"{self._path} is not a credentials file as AWS's tools have it") from None
        except ValueError as error:
            raise _SourceFailsError(str(error)) from None
        return self._read[1]


class _Role:
    """A service that gives credentials which expire."""

    def __init__(self, variable: str, timeout: urllib3.Timeout, endpoint: str | None = None) -> None:
        self.variable = variable
        # urllib3 would log the URL of what it repeats, and with it the token of a web identity.
        self._provider = IamAwsProvider(
            custom_endpoint=endpoint, http_client=connections(timeout, urllib3.Retry(total=0))
        )

    def retrieve(self) -> Credentials:
        try:
            return self._ask_twice()
        except HTTPError as error:
            pool = getattr(error, "pool", None)
            where = f"{pool.host}:{pool.port}: " if pool else ""
            raise _SourceFailsError(f"{where}{reason_of(error)}") from error
        except OSError as error:
            raise _SourceFailsError(_unreadable(error)) from error
        except KeyError as error:
            raise _SourceFailsError(f"the answer lacks {error}") from error
        except ET.ParseError as error:
            raise _SourceFailsError("the answer is no XML") from error
        except ValueError as error:
            raise _SourceFailsError(reason_of(error)) from error

    def _ask_twice(self) -> Credentials:
        try:
            return self._provider.retrieve()
        except HTTPError:
            return self._provider.retrieve()


def _unreadable(error: OSError) -> str:
    return f"{error.filename}: {(error.strerror or 'it cannot be read').lower()}"


def _role(environment: Mapping[str, str]) -> _Role:
    # In the order of the package, which takes its one endpoint for whatever source it comes to.
    if environment.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return _Role("AWS_WEB_IDENTITY_TOKEN_FILE", _NAMED_TIMEOUT, environment.get("AWS_ENDPOINT_URL_STS"))
    for variable in ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        if environment.get(variable):
            return _Role(variable, _NAMED_TIMEOUT)
    machine = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
    if endpoint := environment.get(machine):
        return _Role(machine, _MACHINE_TIMEOUT, endpoint.rstrip("/"))
    return _Role("", _MACHINE_TIMEOUT)
