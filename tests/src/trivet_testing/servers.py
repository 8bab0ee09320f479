"""Server programs as real subprocesses, watched by what they print."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

from trivet_testing import nursery, secret_search

Stream = Literal["stdout", "stderr"]


class ServerNotReadyError(Exception):
    """A server ended, closed the stream, or let the deadline pass before it said that it is ready."""

    def __init__(
        self, reason: str, command: Sequence[str], exit_code: int | None, output: Mapping[Stream, str]
    ) -> None:
        super().__init__(
            f"{' '.join(command)}: {reason} (exit code {exit_code})\n"
            f"--- stdout\n{output['stdout']}\n--- stderr\n{output['stderr']}"
        )
        self.exit_code = exit_code
        """The exit code, negative for a signal; None if the server had to be killed."""
        self.stderr = output["stderr"]


class _Output:
    """The lines of a process's two streams, kept as they come. Safe to read from any thread."""

    def __init__(self, command: Sequence[str], process: subprocess.Popen[str] | nursery.Fork) -> None:
        self._command = command
        self._changed = threading.Condition()
        self._lines: dict[Stream, list[str]] = {"stdout": [], "stderr": []}
        self._ended: set[Stream] = set()
        assert process.stdout is not None
        assert process.stderr is not None
        self._pumps = [
            threading.Thread(target=self._pump, args=(name, pipe), name=f"{name} of {process.pid}", daemon=True)
            for name, pipe in (("stdout", process.stdout), ("stderr", process.stderr))
        ]
        for pump in self._pumps:
            pump.start()

    def _pump(self, stream: Stream, pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                secret_search.search_log(self._command, line)
                with self._changed:
                    self._lines[stream].append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._ended.add(stream)
            self._changed.notify_all()

    def lines(self, stream: Stream) -> list[str]:
        with self._changed:
            return list(self._lines[stream])

    def text(self) -> dict[Stream, str]:
        return {"stdout": "\n".join(self.lines("stdout")), "stderr": "\n".join(self.lines("stderr"))}

    def wait_for(self, pattern: str, stream: Stream, timeout_seconds: float) -> re.Match[str] | None:
        """The first line that matches, or None as soon as the stream ended or the time is over without one."""
        seen = 0
        found: re.Match[str] | None = None

        def decided() -> bool:
            nonlocal seen, found
            fresh, seen = self._lines[stream][seen:], len(self._lines[stream])
            found = found or next(filter(None, (re.search(pattern, line) for line in fresh)), None)
            return found is not None or stream in self._ended

        with self._changed:
            self._changed.wait_for(decided, timeout_seconds)
        return found

    def wait_for_end(self, timeout_seconds: float) -> bool:
        """Waits until every process that holds the streams is gone; tells whether that happened in time."""
        for pump in self._pumps:
            pump.join(timeout_seconds)
        return not any(pump.is_alive() for pump in self._pumps)


class ServerProcess:
    """A running server. As a context manager it leaves nothing of it behind.

    Its methods are for one thread; its output may be read from any.
    """

    def __init__(self, command: Sequence[str], process: subprocess.Popen[str] | nursery.Fork) -> None:
        self._command = command
        self._process = process
        self._output = _Output(command, process)
        self.address = ""
        """What the first group of the ready line's pattern matched, `host:port`; empty if it has no group."""

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        env: Mapping[str, str],
        ready: str,
        *,
        ready_on: Stream = "stdout",
        timeout_seconds: float = 180,
        account: str | None = None,
        cwd: Path | None = None,
    ) -> Self:
        r"""Starts a server and returns once it printed a line in which the pattern is found.

        Args:
            command: The program and its arguments: `[sys.executable, "-m", "trivet_tracking", "serve", …]`.
            env: Variables to add to this process's own, less every `TRIVET_*`: a setting of the person who runs the
                tests must not change them.
            ready: Regular expression; its first group becomes `address`: `r"^Trivet is ready: grpc (\S+)"`.
            ready_on: The stream that line comes on.
            timeout_seconds: How long that may take. Generous by default: it only bounds a failure.
            account: Name of the user to run as; needs root. Default: this process's own.
            cwd: The folder to run in. Default: this process's own.

        Raises:
            ServerNotReadyError: If it ended or the time passed first; nothing of it is left running then.
        """
        server = cls(command, _popen(command, env, account, cwd))
        try:
            match = server._output.wait_for(ready, ready_on, timeout_seconds)
        except BaseException:
            server.close()
            raise
        if match is None:
            raise server._not_ready(timeout_seconds)
        server.address = match[1] if match.re.groups else ""
        return server

    def _not_ready(self, timeout_seconds: float) -> ServerNotReadyError:
        exit_code: int | None = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            exit_code = self._process.wait(1)  # a process that exits closes its streams a moment earlier
        self.close()
        reason = f"not ready after {timeout_seconds} s" if exit_code is None else "ended before it was ready"
        return ServerNotReadyError(reason, self._command, exit_code, self._output.text())

    @property
    def pid(self) -> int:
        """The process id; after the end it may be another's."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    @property
    def stdout_lines(self) -> list[str]:
        """The lines printed to stdout so far, without line ends."""
        return self._output.lines("stdout")

    @property
    def stderr(self) -> str:
        """What was printed to stderr so far."""
        return self._output.text()["stderr"]

    def wait_for_line(self, pattern: str, *, on: Stream = "stdout", timeout_seconds: float = 60) -> re.Match[str]:
        """The first line, from the start of the output, in which the pattern is found.

        Raises:
            AssertionError: If the stream ends or the time passes without one.
        """
        match = self._output.wait_for(pattern, on, timeout_seconds)
        if match is None:
            raise AssertionError(f"no line of {on} matches {pattern!r}:\n{self._output.text()[on]}")
        return match

    def terminate(self, *, by: signal.Signals = signal.SIGTERM, timeout_seconds: float = 60) -> int:
        """Asks the server to end and returns its exit code. Idempotent.

        Raises:
            TimeoutError: If it still runs after `timeout_seconds`; it is killed then.
        """
        self._process.send_signal(by)
        try:
            exit_code = self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired as still_running:
            self.close()
            raise TimeoutError(
                f"{' '.join(self._command)} still ran {timeout_seconds} s after {by.name}\n{self.stderr}"
            ) from still_running
        self.close()
        return exit_code

    def kill(self) -> None:
        """Kills the server, as a crash would, and returns when all of it is gone. Idempotent."""
        self._process.kill()
        self.close()

    def close(self) -> None:
        """Ends what is left of the server and of its process group, and closes the pipes. Idempotent."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        # The children of a killed server end by themselves; one that does not would outlive the tests.
        if not self._output.wait_for_end(timeout_seconds=10):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._output.wait_for_end(timeout_seconds=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def run_to_exit(
    command: Sequence[str], env: Mapping[str, str], timeout_seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end, for starts that are to fail; the environment is as in `ServerProcess.start`.

    Raises:
        subprocess.TimeoutExpired: If it still ran after `timeout_seconds`; it is killed then.
    """
    if nursery.can_start(command, env):
        ended = nursery.run(command, _clean_environment(env), timeout_seconds)
    else:
        ended = subprocess.run(
            command, env=_clean_environment(env), capture_output=True, text=True, timeout=timeout_seconds, check=False
        )
    # Not what it answers: there are commands that make secrets.
    secret_search.search_log(command, ended.stderr)
    return ended


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago.

    For programs that cannot take port 0; another process may be faster, so be ready to try again.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRIVET_")}
    # Without it each of hundreds of servers would compile all that it imports, which takes longer than its start.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    # Programs note of themselves what a test asks for, so that it knows all that is logged.
    return kept | {"TRIVET_CAPTURE": "none"} | dict(extra)


def _popen(
    command: Sequence[str], env: Mapping[str, str], account: str | None, cwd: Path | None
) -> subprocess.Popen[str] | nursery.Fork:
    if account is None and nursery.can_start(command, env):
        return nursery.Fork(command, _clean_environment(env), cwd)
    setpriv = shutil.which("setpriv") if account else None
    if account and setpriv:
        # Else Python forks to change the account, gRPC's threads take part in that, and the child was seen to crash.
        group = pwd.getpwnam(account).pw_gid
        command = [setpriv, f"--reuid={account}", f"--regid={group}", "--clear-groups", "--", *command]
        account = None
    # A session of its own: Ctrl-C then reaches pytest alone, which ends the servers in order.
    return subprocess.Popen(
        command,
        env=_clean_environment(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
        cwd=cwd,
        user=account,
        group=pwd.getpwnam(account).pw_gid if account else None,
        extra_groups=[] if account else None,
    )
