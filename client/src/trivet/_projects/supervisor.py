"""A process that watches the command of a project, and ends its run: also where whoever started both is gone.

It is told by a socket: when the other side writes, or is gone, the command is told to end, and killed where it does
not. Sent back is a line with the id of the command's process, which is that of its group, and one with how it ended.
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
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from trivet._projects.gateway import MLFLOW_URI, running_gateway, workspace_path
from trivet._projects.run_records import end_run

GRACE_SECONDS: Final = 10.0
"""Between SIGTERM and SIGKILL."""
PATIENCE_SECONDS: Final = 60.0
"""How long it is tried to tell the server how the command ended."""
_LOOK_SECONDS: Final = 0.1
_RETRY_SECONDS: Final = 2.0
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
    patience_seconds: float
    cleaner: Sequence[str] = ()
    """A command that ends what the command leaves in no process of its own; empty for none."""

    def clean(self) -> None:
        """Leaves nothing behind."""
        if self.cleaner:
            with contextlib.suppress(OSError):
                subprocess.run(  # noqa: S603 - a command of ours
                    self.cleaner, stdin=subprocess.DEVNULL, capture_output=True, start_new_session=True, check=False
                )
        for folder in self.removed:
            shutil.rmtree(folder, ignore_errors=True)


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
        if self.code == 0:
            return "Its command ended well, and the code in it says that the run failed."
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
    except (OSError, ValueError) as error:  # ValueError: a NUL in it
        sys.stderr.write(f"trivet: the command of the project cannot be started: {error}\n")
        return Ended("FAILED", _NOT_STARTED)
    _say(told, {"group": child.pid})
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
    """Ends a command with all that it started: what is in its group gets the time to end by itself."""
    signal_group(child.pid, signal.SIGTERM)
    until = time.monotonic() + grace_seconds
    while time.monotonic() < until and (child.poll() is None or _is_alive(child.pid)):
        time.sleep(_LOOK_SECONDS)
    signal_group(child.pid, signal.SIGKILL)
    child.wait()


def signal_group(group: int, number: int) -> bool:
    """Sends a signal to a group of processes; returns whether there is one."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS, of zombies
        return number != 0
    return True


def _is_alive(group: int) -> bool:
    """Whether a process of a group runs. Zombies do not, which nobody may wait for in a container."""
    if not signal_group(group, 0):
        return False
    stats = [_stat(folder) for folder in Path("/proc").glob("[0-9]*")]
    return not stats or any(stat[2:3] == [str(group)] and stat[0] != "Z" for stat in stats)


def _stat(folder: Path) -> list[str]:
    """State, parent, group and more of a process; nothing of one that has ended meanwhile."""
    try:
        return (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _say(told: socket.socket, content: object) -> None:
    with contextlib.suppress(OSError):  # nobody is there any more
        told.sendall(json.dumps(content).encode() + b"\n")


def _watched(task: Task, told: socket.socket) -> Ended:
    with contextlib.ExitStack() as stack:
        if task.gateway and (address := stack.enter_context(running_gateway(task.gateway, told))):
            uri = f"{address}{workspace_path(task.environment['TRIVET_WORKSPACE'])}"
            task = replace(task, environment={**task.environment, MLFLOW_URI: uri})
        return supervise(task, told)


def _recorded(task: Task, ended: Ended) -> Ended:
    """Ends the run, and returns how it has ended by then. Where the server cannot be told, whoever waits still is."""
    until = time.monotonic() + task.patience_seconds
    while True:
        try:
            return replace(ended, status=end_run("", task.run_id, ended.status, ended.message))
        except Exception as error:  # noqa: BLE001 - whatever it is, the end of the command is what counts
            if time.monotonic() >= until:
                sys.stderr.write(f"trivet: the server could not be told that the run {ended.status}: {error}\n")
                return ended
        time.sleep(_RETRY_SECONDS)


def main() -> None:
    """Takes a task from the socket whose descriptor is the first argument."""
    told = socket.socket(fileno=int(sys.argv[1]))
    with told.makefile("rb") as stream:
        task = Task(**json.loads(stream.readline()))
    # Whoever started this tells it to end by the socket alone. Not SIG_IGN, which the command would have too.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    try:
        os.environ.update(task.environment)
        ended = _watched(task, told)
    except Exception as error:  # noqa: BLE001 - no run stays RUNNING for it
        sys.stderr.write(f"trivet: the command of the project cannot be run: {error}\n")
        ended = Ended("FAILED", _NOT_STARTED)
    task.clean()
    _say(told, asdict(_recorded(task, ended)))


if __name__ == "__main__":
    main()
