"""Servers that start from a process which has loaded their modules already.

Nearly all of the second that a server takes to start goes into loading, hundreds of times in a run of the tests. A
nursery is a process that has loaded what one service needs, and done nothing with it; a server that it starts is a fork
of it, which runs `python -m MODULE` from there on: a process of its own, in a session of its own, with its own
environment, folder, output and exit code. `make test-all` starts every server from nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Final

_LOADED: Final = {
    "trivet_tracking": ("trivet_tracking.server",),
    "trivet_artifacts": ("trivet_artifacts.server", "trivet_artifacts.blobs.s3"),
    "trivet_registry": ("trivet_registry.server",),
    "trivet_gateway": ("trivet_gateway.serving",),
    "trivet_standalone": ("trivet_standalone.components", "trivet_standalone.serving"),
}
"""What is loaded for the programs of a module, with all that it needs."""
_LENGTH_BYTES: Final = 4
# What an interpreter, the loader of programs or a library reads as it starts or is loaded, which is too late in a fork.
_READ_AT_START: Final = ("PYTHON", "LD_", "MALLOC_", "GRPC_", "OPENBLAS_", "OMP_")

_enabled = False


def enable() -> None:
    """Lets `can_start` say yes in this process."""
    global _enabled  # noqa: PLW0603 - the choice of a whole run
    _enabled = True


def can_start(command: Sequence[str], extra: Mapping[str, str]) -> bool:
    """Whether a nursery is to start a command with variables that are set besides this process's own."""
    return (
        _enabled
        and list(command[:2]) == [sys.executable, "-m"]
        and command[2] in _LOADED
        and not any(name.startswith(_READ_AT_START) for name in extra)
    )


def run(command: Sequence[str], env: Mapping[str, str], timeout_seconds: float) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end. Raises subprocess.TimeoutExpired if it still ran then; it is killed in that case."""
    program = Fork(command, env, None)
    with program.stdout, program.stderr, ThreadPoolExecutor(2) as readers:
        output, errors = (readers.submit(stream.read) for stream in (program.stdout, program.stderr))
        try:
            exit_code = program.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            program.kill()
            raise
        return subprocess.CompletedProcess(program.args, exit_code, output.result(), errors.result())


class Fork:
    """A program that a nursery started; its methods are those of `subprocess.Popen`, and do what they do there."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: Path | None) -> None:
        self.args = list(command)
        self.returncode: int | None = None
        self._lock = threading.Lock()
        self.stdout, out = _pipe()
        self.stderr, error = _pipe()
        self._status, status = socket.socketpair()
        with contextlib.ExitStack() as ours:
            for descriptor in (out, error):
                ours.callback(os.close, descriptor)
            ours.enter_context(status)
            asked = {"args": command[3:], "env": dict(env), "cwd": str(cwd or Path.cwd())}
            _nursery(command[2]).send(json.dumps(asked).encode(), [out, error, status.fileno()])
        weakref.finalize(self, self._status.close)
        self.pid = self._read_number()

    def _read_number(self) -> int:
        """The next line of the keeper; byte by byte, so that what follows is there to wait for."""
        line = b""
        while not line.endswith(b"\n"):
            piece = self._status.recv(1)
            assert piece, "the nursery or the keeper has ended; standard error says why"
            line += piece
        return int(line)

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            # Who sees that the process is gone may ask at once; its exit code is on the way then.
            self.wait(0 if _runs(self.pid) else None)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the end and returns the exit code. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            ended = select.poll()
            ended.register(self._status, select.POLLIN)
            if not ended.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            with self._lock:
                if self.returncode is None:
                    self.returncode = os.waitstatus_to_exitcode(self._read_number())
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Sends a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Sends SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _runs(pid: int) -> bool:
    try:
        # What stands behind the name, which may hold anything, and before the parent's id.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        # Where there is no /proc, only the keeper can tell.
        return not Path("/proc/self/stat").exists()


def _pipe() -> tuple[IO[str], int]:
    reading, writing = os.pipe()
    return os.fdopen(reading, encoding="utf-8", errors="replace"), writing


class _Nursery:
    """The process that has loaded a module; it ends when this one does."""

    def __init__(self, module: str) -> None:
        self._socket, theirs = socket.socketpair()
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "trivet_testing.nursery_process",
                    module,
                    str(theirs.fileno()),
                    *_LOADED[module],
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                # Its threads would not be in a fork.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            )

    def send(self, message: bytes, descriptors: list[int]) -> None:
        with self._lock:
            socket.send_fds(self._socket, [len(message).to_bytes(_LENGTH_BYTES, "big")], descriptors)
            self._socket.sendall(message)

    def stop(self) -> None:
        self._socket.close()
        self._process.wait()


_nurseries: Final[dict[str, _Nursery]] = {}
_making = threading.Lock()


def _nursery(module: str) -> _Nursery:
    with _making:
        if module not in _nurseries:
            _nurseries[module] = _Nursery(module)
        return _nurseries[module]


def stop() -> None:
    """Ends the nurseries of this process."""
    while _nurseries:
        _nurseries.popitem()[1].stop()
