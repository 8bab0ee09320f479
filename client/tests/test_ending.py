"""What goes on while a program ends: its interpreter begins no threads any more, and files are stored all the same."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import trivet
from trivet._captured import files as captured_files
from trivet_testing.servers import run_to_exit
from trivet_testing.tcp_proxy import Direction, TcpProxy
from trivet_testing.waiting import wait_until

# The interpreter waits for a thread of a pool, and has told all pools that it ends.
IN_BETWEEN = """
import threading
from concurrent.futures import ThreadPoolExecutor
from trivet._at_once import Stop, run_at_once

is_done = threading.Event()
pool = ThreadPoolExecutor(2)
pool.submit(is_done.wait)

def transfer():
    while True:
        try:
            pool.submit(int)
        except RuntimeError:
            break
    print(threading.main_thread().is_alive())
    run_at_once([lambda number=number: print(number) for number in range(3)], 2, Stop())
    try:
        run_at_once([lambda: print("once"), lambda: 1 / 0, lambda: print("never")], 2, Stop())
    except ZeroDivisionError:
        print("raised")
    is_done.set()

threading.Thread(target=transfer, daemon=True).start()
"""


def test_a_transfer_goes_on_when_no_pool_takes_steps_any_more() -> None:
    ended = run_to_exit([sys.executable, "-c", IN_BETWEEN], {})
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.split() == ["True", "0", "1", "2", "once", "raised"]


def test_captured_files_that_are_not_stored_at_the_end_are_sent_like_the_rest(
    client: trivet.Client, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captured_files, "_UPLOAD_SECONDS", 0.0)
    monkeypatch.setenv("TRIVET_FINISH_TIMEOUT", "120")
    with TcpProxy(os.environ["TRIVET_ARTIFACTS_URL"].removeprefix("grpc://")) as proxy:
        monkeypatch.setenv("TRIVET_ARTIFACTS_URL", f"grpc://{proxy.address}")
        proxy.hold(Direction.REQUESTS)
        with ThreadPoolExecutor(1) as pool, trivet.start_run(capture="source,environment") as run:
            ended = pool.submit(run.end)
            wait_until(lambda: any(spool.rglob("files/*/environment.json")))
            proxy.release()
            ended.result(60)
        found = {file.path for file in client.list_artifacts(run.info.run_id, "trivet")}
        assert found >= {"trivet/environment.json"}
        assert not any(spool.rglob("environment.json"))
        trivet.set_tracking_uri("")
