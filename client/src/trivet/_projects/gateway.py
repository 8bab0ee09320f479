"""How code that uses MLflow's own client reaches its run: by a gateway that is known, or by one of the run alone."""

from __future__ import annotations

import importlib.util
import logging
import os
import select
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from trivet._local import attach
from trivet._target import DEFAULT_WORKSPACE, Address, LocalData, Replicas, Target

MLFLOW_URI: Final = "MLFLOW_TRACKING_URI"
UI_URL: Final = "TRIVET_UI_URL"
_READY: Final = "trivet-gateway is ready: http "
_SUFFIXES: Final = frozenset({".py", ".sh", ".txt", ".yaml", ".yml", ".toml", ""})
_NOT_OF_THE_PROJECT: Final = frozenset({"__pycache__", "node_modules", "venv", "env"})
_OF_AN_ENVIRONMENT: Final = "pyvenv.cfg"
_MAX_FILES: Final = 2000
_MAX_BYTES: Final = 1 << 20
_START_SECONDS: Final = 60.0
_END_SECONDS: Final = 10.0

_log = logging.getLogger("trivet")


def known_gateway(workspace: str) -> str:
    """What MLflow's client is told by the environment, or where people look at runs; empty where neither is said."""
    said = os.environ.get(MLFLOW_URI, "")
    if said.startswith(("http://", "https://")):
        return said
    pages = os.environ.get(UI_URL, "").rstrip("/")
    return f"{pages}{workspace_path(workspace)}" if pages.startswith(("http://", "https://")) else ""


def is_of_trivet(uri: str, target: Target) -> bool:
    """Whether an address for MLflow's client is a gateway of the server: that of its pages, or on a host of its own.

    Somebody may have MLflow's own server elsewhere, which no token of Trivet is for.
    """
    said = urlsplit(uri)
    pages = urlsplit(os.environ.get(UI_URL, ""))
    if not said.netloc:
        return False
    if (said.scheme, said.netloc) == (pages.scheme, pages.netloc):
        return True
    return said.hostname in {
        each.host
        for address in target.addresses.values()
        if not isinstance(address, LocalData)
        for each in (address.addresses if isinstance(address, Replicas) else (address,))
    }


def gateway_command(target: Target, folder: Path) -> Sequence[str]:
    """The command of a gateway of one's own, for a project whose files speak of MLflow; empty where it needs none.

    It listens on this machine alone, and passes on who calls. A warning says so where there can be none.
    """
    if known_gateway(target.workspace) or not mentions_mlflow(folder):
        return ()
    dials = [_dial(target, service) for service in ("tracking", "artifacts", "registry")]
    if importlib.util.find_spec("trivet_gateway") is None or not all(dials):
        _log.warning(
            "This project seems to use MLflow's client, and no gateway of the server is known: set %s to its address, "
            "http://HOST:PORT, so that what that client logs goes to this run.",
            MLFLOW_URI,
        )
        return ()
    names = ("--tracking-url", "--artifacts-url", "--registry-url")
    options = [part for name, dial in zip(names, dials, strict=True) for part in (name, dial)]
    return [sys.executable, "-m", "trivet_gateway", "serve", "--listen", "127.0.0.1:0", *options]


def workspace_path(workspace: str) -> str:
    """What comes behind the address of a gateway, for every client of MLflow."""
    return "" if workspace == DEFAULT_WORKSPACE else f"/w/{workspace}"


def mentions_mlflow(folder: Path) -> bool:
    """Whether a file of a project speaks of MLflow by its name: one of the first 2,000 that may, those above first."""
    return any(map(_has_mlflow, islice(_files(folder), _MAX_FILES)))


def _files(folder: Path) -> Iterator[Path]:
    """The files that people write, without what git, tools and environments keep in a project."""
    for place, folders, names in os.walk(folder):
        if _OF_AN_ENVIRONMENT in names:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if name[0] != "." and name not in _NOT_OF_THE_PROJECT)
        yield from (Path(place, name) for name in sorted(names) if Path(name).suffix in _SUFFIXES)


def _has_mlflow(path: Path) -> bool:
    try:
        return path.is_file() and path.stat().st_size <= _MAX_BYTES and b"mlflow" in path.read_bytes()
    except OSError:
        return False


@contextmanager
def running_gateway(command: Sequence[str], told: socket.socket) -> Iterator[str]:
    """Runs a gateway until the end of the block; gives its address, which is empty where it does not start.

    It is not waited for any longer when the socket says something, or its other side is gone.
    """
    with subprocess.Popen(  # noqa: S603 - `gateway_command`
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            output = process.stdout.fileno()
            ready, _, _ = select.select([output, told.fileno()], [], [], _START_SECONDS)
            line = process.stdout.readline() if output in ready else ""
            if not line.startswith(_READY) and told.fileno() not in ready:
                sys.stderr.write(
                    f"trivet: the gateway for MLflow's client did not start, so that nothing of that client goes to "
                    f"this run. Set {MLFLOW_URI}, or see why: {shlex.join(command)}\n"
                )
            yield f"http://{line.removeprefix(_READY).strip()}" if line.startswith(_READY) else ""
        finally:
            process.terminate()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _dial(target: Target, service: str) -> str:
    """The address of a service for a gateway; empty where it has none, or one that a gateway does not take."""
    address = next((each for name, each in target.addresses.items() if name == service), None)
    if isinstance(address, LocalData):
        # The client of this process keeps the server, so that it need not be held here.
        attachment = attach(address)
        attachment.close()
        return attachment.dial if attachment.dial.startswith("unix:") else f"grpc://{attachment.dial}"
    if isinstance(address, Address) and not address.is_tls:
        return str(address)
    if isinstance(address, Replicas):
        return str(address.addresses[0])
    return ""
