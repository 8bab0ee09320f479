"""The back end `local`: the command of a project as processes of this machine."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from typing import Final

from trivet._errors import TrivetError
from trivet._projects.run_records import end_run
from trivet._projects.submitted import RUNNING
from trivet._projects.supervisor import Ended, Task, signal_group, to_line
from trivet._target import Target

_END: Final = b"end\n"
_PIECE: Final = 4096
_LOST: Final = "What watched its command was killed, and the command with it."

_log = logging.getLogger("trivet")
_running: dict[str, LocalWork] = {}


class LocalWork:
    """A command that runs, under a process that watches it."""

    def __init__(self, task: Task, target: Target) -> None:
        """Starts it. The target is where its run is ended, should what watches it be killed."""
        self._task = task
        self._target = target
        self._told, other = socket.socketpair()
        with other:
            self._process = subprocess.Popen(  # noqa: S603 - this Python, with a module of Trivet
                [sys.executable, "-P", "-m", "trivet._projects.supervisor", str(other.fileno())],
                pass_fds=[other.fileno()],
                start_new_session=True,
            )
        self._told.sendall(to_line(task))
        self._heard = b""
        self._group: int | None = None
        self._ended: Ended | None = None
        if not _running:
            atexit.register(_wait_for_all)
        _running[task.run_id] = self

    def wait(self) -> None:
        """Waits until it has ended."""
        while self._ended is None:
            self._hear()

    def status(self) -> str:
        """`RUNNING`, or how it ended."""
        while self._ended is None and select.select([self._told], [], [], 0)[0]:
            self._hear()
        return RUNNING if self._ended is None else self._ended.status

    def _hear(self) -> None:
        """Takes what is said next."""
        try:
            piece = self._told.recv(_PIECE)
        except ConnectionResetError:  # killed, with something unread
            piece = b""
        *lines, self._heard = (self._heard + piece).split(b"\n")
        for line in lines:
            said = json.loads(line)
            if "group" in said:
                self._group = said["group"]
            else:
                self._end(Ended(**said))
        if not piece and self._ended is None:
            self._end(self._lost())

    def _lost(self) -> Ended:
        """Ends what was watched by a process that is killed itself, such as by a system that is out of memory."""
        # Its own group has the gateway.
        for group in filter(None, (self._group, self._process.pid)):
            signal_group(group, signal.SIGKILL)
        self._task.clean()
        status = "KILLED"
        try:
            status = end_run(self._target, self._task.run_id, status, _LOST)
        except TrivetError as error:
            _log.warning("The run %s could not be ended: %s", self._task.run_id, error.message)
        return Ended(status, -signal.SIGKILL)

    def _end(self, ended: Ended) -> None:
        self._process.wait()
        self._told.close()
        self._ended = ended
        _running.pop(self._task.run_id, None)

    def cancel(self) -> None:
        """Tells the command to end, and waits until it has."""
        if self.status() == RUNNING:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has ended meanwhile
                self._told.sendall(_END)
            self.wait()

    def message(self) -> str:
        """Why it did not end well."""
        return "" if self._ended is None else self._ended.message


def shell_command(command: str) -> list[str]:
    """What runs a command line: bash, which projects are written for, else the shell that every system has."""
    return [shutil.which("bash") or "/bin/sh", "-c", command]


def _wait_for_all() -> None:
    """Lets runs end before this process does, which would end them."""
    for work in list(_running.values()):
        work.wait()


def _forget_the_parents() -> None:
    _running.clear()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_forget_the_parents)
