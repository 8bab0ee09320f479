"""The process of `nursery`: loads what a service needs, forks for each request, and runs the service in the fork."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import socket
import sys
from typing import Any

# What a service loads when it runs; the rest comes with what it needs.
_LOADED_LATE = (
    "alembic.runtime.environment",
    "pydantic.fields",
    "pydantic.type_adapter",
    "sqlalchemy.dialects.postgresql.psycopg2",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "trivet_kit.commands",
    "trivet_kit.server",
    "typer.rich_utils",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.websockets.auto",
)


def serve(control: socket.socket) -> dict[str, Any]:
    """Forks for each request; returns what was asked for, in the fork; ends the process when nobody asks any more."""
    while True:
        head, descriptors, _, _ = socket.recv_fds(control, 4, 3)
        _reap()
        if not head:
            os._exit(0)
        asked = json.loads(_read(control, int.from_bytes(head, "big")))
        if os.fork() == 0:
            control.close()
            if _keep(*descriptors):
                return dict(asked)
        for descriptor in descriptors:
            os.close(descriptor)


def _reap() -> None:
    """Takes leave of the keepers that have ended; the time they and theirs took is then this process's."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _read(control: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += control.recv(size - len(data))
    return data


def _keep(out: int, error: int, status: int) -> bool:
    """Forks the program; returns in that, while the keeper waits for its end and says how that was."""
    os.setsid()
    pid = os.fork()
    if pid:
        os.close(out)
        os.close(error)
        # Standard error is that of the tests, which a keeper may outlive.
        os.dup2(os.open(os.devnull, os.O_RDWR), 2)
        _say(status, pid)
        _say(status, os.waitpid(pid, 0)[1])
        os._exit(0)
    os.setsid()
    os.close(status)
    os.dup2(out, 1)
    os.dup2(error, 2)
    os.close(out)
    os.close(error)
    return True


def _say(status: int, number: int) -> None:
    try:
        os.write(status, f"{number}\n".encode())
    except BrokenPipeError:
        os._exit(0)


def main() -> None:
    """Runs the module as `python -m` does."""
    module, descriptor, *needed = sys.argv[1:]
    control = socket.socket(fileno=int(descriptor))
    for name in (*needed, *_LOADED_LATE):
        importlib.import_module(name)
    gc.collect()
    # In the forks too: to look through it for garbage, as a server does when it is ready, would copy all of its pages.
    gc.freeze()
    asked = serve(control)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.path[0] = asked["cwd"]
    sys.argv[:] = ["-m", *asked["args"]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
