"""A program beside a server that stops answering, and answers again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from trivet_testing.tcp_proxy import Direction, TcpProxy


@dataclass(frozen=True)
class Ended:
    """What a program said of the silence, and how it ended."""

    said: str
    """Its line; empty where it ended before."""
    then: str
    """What it printed after that."""
    exit_code: int
    stderr: str


def run_through_silence(proxy: TcpProxy, command: Sequence[str], timeout_seconds: float) -> Ended:
    r"""Runs a program that prints `begun` and reads a line, then prints a line of its own and reads another.

    Requests through the proxy are held from its first line to its second one.

    Args:
        proxy: Between the program and a server.
        command: The program.
        timeout_seconds: How long it may take after the silence.
    """
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "begun\n", process.stderr.read()
        proxy.hold(Direction.REQUESTS)
        process.stdin.write("go\n")
        process.stdin.flush()
        said = process.stdout.readline()
        proxy.release()
        if said:
            process.stdin.write("go\n")
            process.stdin.flush()
        then, stderr = process.stdout.read(), process.stderr.read()
        return Ended(said, then, process.wait(timeout_seconds), stderr)
