"""A process that watches the command of a project, and ends its run: also where whoever started both is gone.

It is told by a socket: when the other side writes, or is gone, the command is told to end, and killed where it does
not. Sent back is how it ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from trivet._projects.gateway import MLFLOW_URI, running_gateway, workspace_path
from trivet._projects.run_records import end_run

GRACE_SECONDS: Final = 10.0
"""Between SIGTERM and SIGKILL."""
_LOOK_SECONDS: Final = 0.1
_NOT_STARTED: Final = 127  # as shells say it


@dataclass(frozen=True)
class Task:
    """What is run, and what becomes of it."""

    command: Sequence[str]
    folder: str
    environment: Mapping[str, str]
    run_id: str
    gateway: Sequence[str]
    """The command of a gateway that runs as long; empty for none."""
    removed: Sequence[str]
    """Folders that nobody needs when it has ended."""
    grace_seconds: float


@dataclass(frozen=True)
class Ended:
    """How the command ended."""

    status: str
    """`FINISHED`, `FAILED` or `KILLED`."""
    code: int
    """Its exit code; negative for the number of a signal."""

    @property
    def message(self) -> str:
        """What is told of an end that was not well."""
        if self.status != "FAILED":
            return ""
        if self.code < 0:
            return f"Its command was ended by {signal.Signals(-self.code).name}."
        return f"Its command ended with exit code {self.code}."


def to_line(task: Task) -> bytes:
    """A task, as the process takes it."""
    return json.dumps(asdict(task)).encode() + b"\n"


def supervise(task: Task, told: socket.socket) -> Ended:
    """Runs the command until it ends; ends it when the socket says something, or its other side is gone."""
    try:
        # A session of its own, whose processes can be told together; Ctrl-C at the terminal is not for them.
        child = subprocess.Popen(  # noqa: S603 - the command of the project is what is to be run
            task.command, cwd=task.folder, env=dict(task.environment), start_new_session=True
        )
    except OSError as error:
        sys.stderr.write(f"trivet: the command of the project cannot be started: {error}\n")
        return Ended("FAILED", _NOT_STARTED)
    # A descriptor of the child is readable when it has ended; where there are none, it is looked after often.
    ends = _descriptor(child.pid)
    try:
        while child.poll() is None:
            watched = [told.fileno()] if ends is None else [told.fileno(), ends]
            ready, _, _ = select.select(watched, [], [], _LOOK_SECONDS if ends is None else None)
            if told.fileno() in ready and child.poll() is None:
                _end(child, task.grace_seconds)
                return Ended("KILLED", child.returncode)
    finally:
        if ends is not None:
            os.close(ends)
    return Ended("FAILED" if child.returncode else "FINISHED", child.returncode)


def _descriptor(pid: int) -> int | None:
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _end(child: subprocess.Popen[bytes], grace_seconds: float) -> None:
    _signal(child.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(grace_seconds)
    # Also what outlived the command, such as processes that it started.
    _signal(child.pid, signal.SIGKILL)
    child.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def main() -> None:
    """Takes a task from the socket whose descriptor is the first argument."""
    told = socket.socket(fileno=int(sys.argv[1]))
    with told.makefile("rb") as stream:
        task = Task(**json.loads(stream.readline()))
    # Whoever started this tells it to end by the socket alone. Not SIG_IGN, which the command would have too.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    os.environ.update(task.environment)
    try:
        with contextlib.ExitStack() as stack:
            if task.gateway and (address := stack.enter_context(running_gateway(task.gateway))):
                uri = f"{address}{workspace_path(task.environment['TRIVET_WORKSPACE'])}"
                task = replace(task, environment={**task.environment, MLFLOW_URI: uri})
            ended = supervise(task, told)
        end_run("", task.run_id, ended.status, ended.message)
    finally:
        for folder in task.removed:
            shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # nobody is there any more
        told.sendall(json.dumps(asdict(ended)).encode() + b"\n")


if __name__ == "__main__":
    main()
