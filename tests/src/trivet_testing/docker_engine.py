"""Whether a Docker engine answers, and which images it can run."""

from __future__ import annotations

import os
import socket

import docker
from docker.errors import DockerException
from requests.exceptions import RequestException

_PATIENCE_SECONDS = 5  # an engine on this machine answers in milliseconds, a registry in a second or two
_DEFAULT_HOST = "unix:///var/run/docker.sock"  # docker-py's


class NoEngineError(Exception):
    """No Docker engine answers, or it has no way to the image; the message says which and why."""


def engine(timeout_seconds: int = 60) -> docker.DockerClient:
    """A client of the Docker engine that the environment names (`DOCKER_HOST`), by default the local one.

    The caller closes it. `timeout_seconds` is the longest silence within a call.

    Raises:
        NoEngineError: If no engine answers within 5 s.
    """
    host = os.environ.get("DOCKER_HOST", _DEFAULT_HOST)
    try:
        _connect_to_socket(host)
        first = docker.from_env(timeout=_PATIENCE_SECONDS)
        first.close()
        return docker.from_env(timeout=timeout_seconds)
    except (DockerException, RequestException, OSError) as error:
        raise NoEngineError(f"no Docker engine answers at {host} ({error})") from error


def _connect_to_socket(host: str) -> None:
    """Raises OSError if the engine is to be had by a Unix socket and that does not answer.

    docker-py leaves its own socket open when it fails to connect, and the tests take such a warning for an error.
    """
    scheme, _, path = host.partition("://")
    if scheme == "unix":
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(_PATIENCE_SECONDS)
            client.connect(path)


def require_image(image: str) -> None:
    """Returns if the engine has the image or its registry offers it; nothing is pulled here.

    Raises:
        NoEngineError: If there is no engine, or if neither is so within 5 s.
    """
    client = engine(_PATIENCE_SECONDS)
    try:
        if not client.images.list(image):
            client.images.get_registry_data(image)
    except (DockerException, RequestException) as error:
        raise NoEngineError(f"the image {image} is neither local nor in reach ({error})") from error
    finally:
        client.close()
