"""The back end `local`: the command of a project as processes of this machine."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
from typing import Final

from trivet._projects.submitted import RUNNING
from trivet._projects.supervisor import Ended, Task, to_line

_END: Final = b"end\n"
_running: dict[str, LocalWork] = {}


class LocalWork:
    """A command that runs, under a process that watches it."""

    def __init__(self, task: Task) -> None:
        """Starts it."""
        self._run_id = task.run_id
        self._told, other = socket.socketpair()
        with other:
            self._process = subprocess.Popen(  # noqa: S603 - this Python, with a module of Trivet
                [sys.executable, "-P", "-m", "trivet._projects.supervisor", str(other.fileno())],
                pass_fds=[other.fileno()],
                start_new_session=True,
            )
        self._told.sendall(to_line(task))
        self._ended: Ended | None = None
        if not _running:
            atexit.register(_wait_for_all)
        _running[task.run_id] = self

    def wait(self) -> None:
        """Waits until it has ended."""
        if self._ended is None:
            with self._told.makefile("rb") as stream:
                line = stream.readline()
            self._process.wait()
            # Killed itself, it says nothing.
            self._ended = Ended(**json.loads(line)) if line else Ended("KILLED", self._process.returncode)
            self._told.close()
            _running.pop(self._run_id, None)

    def status(self) -> str:
        """`RUNNING`, or how it ended."""
        if self._ended is None:
            ready, _, _ = select.select([self._told], [], [], 0)
            if not ready:
                return RUNNING
            self.wait()
        assert self._ended is not None
        return self._ended.status

    def cancel(self) -> None:
        """Tells the command to end, and waits until it has."""
        if self.status() == RUNNING:
            with contextlib.suppress(BrokenPipeError):  # it has ended meanwhile
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
