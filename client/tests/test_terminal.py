"""The program `trivet` as a process: on a terminal, before a pipe that closes, and under Ctrl-C."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import trivet
from trivet_testing.metered_proxy import MeteredProxy
from trivet_testing.mlflow_stores import mlflow_database
from trivet_testing.tcp_proxy import Direction

TRIVET = str(Path(sys.executable).with_name("trivet"))
RUN = "0192f0c1a7d47b6e9c3e5a8b1f2d4c60"


@contextlib.contextmanager
def terminal(columns: int) -> Iterator[tuple[int, int]]:
    """Both ends of a terminal of that width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    try:
        yield ours, theirs
    finally:
        os.close(ours)
        with contextlib.suppress(OSError):
            os.close(theirs)


def run_on_terminal(arguments: Sequence[str], *, columns: int = 80, typed: str = "") -> tuple[int, str]:
    """The exit code, and all that is seen; what is typed waits in the terminal until it is read."""
    with terminal(columns) as (ours, theirs):
        os.write(ours, typed.encode())
        process = subprocess.Popen(
            [TRIVET, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm"}
        )
        os.close(theirs)
        seen = b""
        # Linux ends the terminal of a process that is gone with EIO.
        with contextlib.suppress(OSError):
            while chunk := os.read(ours, 65536):
                seen += chunk
        return process.wait(60), seen.decode().replace("\r\n", "\n")


def test_narrow_terminal_cuts_no_id_and_leaves_no_column_out(client: trivet.Client) -> None:
    client.tracking.create_run(run_id=RUN, run_name="a name that is much too long for that")
    code, seen = run_on_terminal(["runs", "ls"], columns=40)
    assert code == 0
    assert RUN in seen
    assert "─" in seen
    for head in ("ID", "Name", "Experiment", "Status", "Started", "Duration", "User"):
        assert head in seen
    for word in ("a", "name", "much", "too", "long"):
        assert f" {word} " in seen
    assert "…" not in seen


def test_answer_to_the_question_decides(client: trivet.Client) -> None:
    client.tracking.create_run(run_id=RUN, run_name="lasso")
    code, seen = run_on_terminal(["runs", "rm", RUN], typed="no\n")
    assert (code, client.get_run(RUN).info.lifecycle_stage) == (1, "active")
    assert f"Put run {RUN} ('lasso') into the bin? [y/N] " in seen
    assert "Nothing was changed." in seen
    code, seen = run_on_terminal(["runs", "rm", RUN], typed="y\n")
    assert (code, client.get_run(RUN).info.lifecycle_stage) == (0, "deleted")
    assert f"trivet runs restore {RUN}" in seen


def test_closed_pipe_ends_it_quietly(client: trivet.Client) -> None:
    # More than a pipe holds.
    client.tracking.create_run(run_id=RUN, tags={f"tag {number}": "t" * 50_000 for number in range(10)})
    process = subprocess.Popen([TRIVET, "runs", "show", RUN], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        assert process.stdout.readline().startswith("ID ")
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.wait(60) == 1


def test_name_that_the_locale_has_no_letters_for_is_shown_all_the_same(
    client: trivet.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.create_experiment("Größe")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    code, seen = run_on_terminal(["experiments", "ls"])
    assert code == 0
    assert r"Gr\xf6\xdfe" in seen


def test_ctrl_c_ends_it_at_once_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        # Takes the connection and never says a word.
        url = f"grpc://127.0.0.1:{nobody.getsockname()[1]}"
        process = subprocess.Popen(
            [TRIVET, "runs", "ls", "--url", url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        connection, _ = nobody.accept()
        with connection:
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 130


SWALLOWS = """
import os, signal
from trivet import _cli
_cli._end_by_interrupt()
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("swallowed", flush=True)
while True:
    signal.pause()
"""


def test_ctrl_c_ends_it_also_where_its_exception_is_lost() -> None:
    ended = subprocess.run([sys.executable, "-c", SWALLOWS], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "swallowed\n", "")


def test_export_shows_how_far_it_is(client: trivet.Client, tmp_path: Path) -> None:
    client.tracking.create_run(run_id=RUN)
    client.log_metric(RUN, "m", 1)
    client.flush()
    code, seen = run_on_terminal(["export", str(tmp_path / "data")], columns=120)
    assert code == 0
    assert "Runs' points" in seen
    assert "1 points" in seen
    assert "runs 1, params 0, tags 0, points 1." in " ".join(seen.split())


def test_import_shows_how_far_it_is(mlflow: Path, client: trivet.Client) -> None:
    database = mlflow_database(12)
    arguments = ["import", "mlflow", str(database.path), "--artifacts", str(database.files)]
    code, seen = run_on_terminal(arguments, columns=120)
    assert code == 0
    # What was last to be done is drawn in the end.
    assert "models" in seen
    assert "2/2" in seen
    assert "0 mismatches." in seen


@pytest.mark.parametrize("options", [(), ("--quiet",)])
def test_bar_shows_what_takes_longer_than_a_second_unless_it_is_unwanted(
    client: trivet.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    client.tracking.create_run(run_id=RUN)
    (tmp_path / "large").write_bytes(os.urandom(40 * 1024 * 1024))
    client.log_artifact(RUN, str(tmp_path / "large"))
    with MeteredProxy(os.environ["TRIVET_ARTIFACTS_URL"].removeprefix("grpc://")) as proxy, terminal(80) as ends:
        monkeypatch.setenv("TRIVET_ARTIFACTS_URL", f"grpc://{proxy.address}")
        proxy.stop_after(Direction.RESPONSES, 1024 * 1024)
        command = [TRIVET, "artifacts", "get", RUN, "--to", str(tmp_path / "to"), *options]
        ours, theirs = ends
        env = os.environ | {"TERM": "xterm"}
        process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env)
        proxy.wait_until_stopped()
        began = time.monotonic()
        seen = b""
        # Little by little, until the bar is there; without one, for longer than that takes.
        while b"Downloading" not in seen and time.monotonic() < began + (2 if options else 60):
            if select.select([ours], [], [], 0.05)[0]:
                seen += os.read(ours, 65536)
            proxy.stop_after(Direction.RESPONSES, 65536)
        proxy.go_on()
        while process.poll() is None or select.select([ours], [], [], 0)[0]:
            if select.select([ours], [], [], 0.05)[0]:
                seen += os.read(ours, 65536)
        assert process.returncode == 0, seen
    assert (b"Downloading" in seen) == (not options)
    assert b"Downloaded to" in seen
