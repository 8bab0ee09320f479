"""Servers that go away and come back, over SQLite and PostgreSQL: nothing is lost, nothing is there twice."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import trivet
from trivet_testing.servers import free_port, run_to_exit
from trivet_testing.silence import run_through_silence
from trivet_testing.tcp_proxy import Direction, TcpProxy
from trivet_testing.tracking import full, migrate, start_server


def test_run_outlives_a_killed_server(database_url: str) -> None:
    migrate(database_url)
    listen = f"127.0.0.1:{free_port()}"
    server = start_server(database_url, listen)
    trivet.set_tracking_uri(f"grpc://{server.address}")
    trivet.set_experiment("outage")
    kills = full(3, 20)
    with trivet.start_run() as run:
        trivet.log_param("kills", kills)
        step = 0
        for _ in range(kills):
            for _ in range(1_000):
                step += 1
                trivet.log_metric("loss", 1 / step, step=step)
            server.kill()
            # Nobody is there now: logging neither waits nor raises.
            began = time.monotonic()
            for _ in range(1_000):
                step += 1
                trivet.log_metric("loss", 1 / step, step=step)
            trivet.set_tag("last", step)
            assert time.monotonic() - began < 5
            server = start_server(database_url, listen)
        assert trivet.flush(60) == trivet.Receipt(step + 1 + kills, step + 1 + kills, 0)
    with server:
        read = trivet.get_run(run.info.run_id)
        assert (read.info.status, read.data.tags, read.data.params) == (
            "FINISHED",
            {"last": str(step)},
            {"kills": str(kills)},
        )
        assert [point.step for point in trivet.get_metric_history(run.info.run_id, "loss")] == list(range(1, step + 1))


def test_run_that_ends_while_the_server_is_away_is_finished_when_it_is_back(database_url: str) -> None:
    migrate(database_url)
    listen = f"127.0.0.1:{free_port()}"
    server = start_server(database_url, listen)
    trivet.set_tracking_uri(f"grpc://{server.address}")
    with trivet.start_run() as run:
        server.kill()
        trivet.log_metric("m", 1)
        back = threading.Timer(1, lambda: restarted.append(start_server(database_url, listen)))
        restarted: list[object] = []
        back.start()
    back.join()
    read = trivet.get_run(run.info.run_id)
    assert (read.info.status, read.data.metrics) == ("FINISHED", {"m": 1.0})
    server = restarted[0]  # type: ignore[assignment] # a ServerProcess
    server.kill()


# Ends its run by an error when it is told to, and then itself.
EARLIER = """
import sys, trivet
run = trivet.start_run(run_id=sys.argv[1])
print("begun", flush=True)
assert sys.stdin.readline()
for step in range(1000):
    trivet.log_metric("earlier", step, step=step)
trivet.end_run("FAILED")
"""


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_an_end_that_is_sent_late_does_not_end_a_run_that_another_process_goes_on_with(
    database_url: str, mode: str, spool: Path
) -> None:
    migrate(database_url)
    listen = f"127.0.0.1:{free_port()}"
    url = f"grpc://{listen}"
    env = os.environ | {"TRIVET_URL": url, "TRIVET_FINISH_TIMEOUT": "0.1", "TRIVET_MODE": mode}
    server = start_server(database_url, listen)
    with trivet.Client(url) as client:
        run_id = client.create_run("0").info.run_id
    command = [sys.executable, "-c", EARLIER, run_id]
    with subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        server.kill()
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.wait(60) == 0
    assert len(list(spool.glob("*/logs/*"))) == 1
    with start_server(database_url, listen):
        trivet.set_tracking_uri(url)
        with trivet.start_run(run_id=run_id):
            # What the earlier one left is sent beside what this one logs.
            trivet.log_metric("later", 1)
            deadline = time.monotonic() + 60
            while len(list(spool.glob("*/logs/*"))) > 1:
                assert time.monotonic() < deadline
                trivet.flush()
            read = trivet.get_run(run_id)
            assert (read.info.status, read.info.end_time) == ("RUNNING", None)
            assert read.data.metrics == {"earlier": 999.0, "later": 1.0}
            assert len(trivet.get_metric_history(run_id, "earlier")) == 1000
        assert trivet.get_run(run_id).info.status == "FINISHED"
        trivet.set_tracking_uri("")


def test_lost_answer_stores_nothing_twice(tracking_address: str, workspace: str) -> None:
    with TcpProxy(tracking_address) as proxy, trivet.Client(f"grpc://{proxy.address}/{workspace}") as client:
        run_id = client.create_run("0").info.run_id
        proxy.hold_responses_after(b"lost answer")
        client.log_metric(run_id, "lost answer", 1.0, step=1, timestamp=1)
        proxy.wait_for_request(b"lost answer")
        proxy.drop()
        proxy.release()
        assert client.flush(60) == trivet.Receipt(1, 1, 0)
        assert client.get_metric_history(run_id, "lost answer") == [trivet.Metric("lost answer", 1.0, 1, 1)]


def test_stream_of_which_nothing_came_is_asked_for_again(tracking_address: str, workspace: str) -> None:
    with TcpProxy(tracking_address) as proxy, trivet.Client(f"grpc://{proxy.address}/{workspace}") as client:
        run_id = client.create_run("0").info.run_id
        client.log_metric(run_id, "asked again", 1.0, step=1, timestamp=1)
        assert client.flush(60).stored == 1
        proxy.hold_responses_after(b"asked again")
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(client.get_metric_history, run_id, "asked again")
            proxy.wait_for_request(b"asked again")
            proxy.release()
            proxy.drop()
            assert reading.result(60) == [trivet.Metric("asked again", 1.0, 1, 1)]


def test_what_is_left_at_the_end_is_said_once(
    tracking_address: str, workspace: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIVET_FINISH_TIMEOUT", "0.5")
    with TcpProxy(tracking_address) as proxy:
        trivet.set_tracking_uri(f"grpc://{proxy.address}/{workspace}")
        with caplog.at_level(logging.WARNING, "trivet"):
            began = time.monotonic()
            with trivet.start_run() as run:
                proxy.hold(Direction.REQUESTS)
                trivet.log_metric("m", 1)
                assert trivet.flush().pending == 1
            assert time.monotonic() - began < 5
        (said,) = [record.getMessage() for record in caplog.records]
        assert "1 records" in said
        assert "trivet sync" in said
        proxy.release()
        # Everything else still arrives, the end of the run too.
        monkeypatch.setenv("TRIVET_FINISH_TIMEOUT", "60")
        assert trivet.get_run(run.info.run_id).info.status == "FINISHED"


def test_process_whose_server_is_away_ends_soon_and_says_what_is_lost(tracking_address: str) -> None:
    program = f"""
import trivet
from trivet_testing.tcp_proxy import TcpProxy
proxy = TcpProxy("{tracking_address}")
trivet.set_tracking_uri(f"grpc://{{proxy.address}}")
run = trivet.start_run()
proxy.close()
trivet.log_metric("m", 1)
"""
    began = time.monotonic()
    ended = run_to_exit([sys.executable, "-c", program], {"TRIVET_FINISH_TIMEOUT": "1"})
    assert time.monotonic() - began < 20
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr.count("not stored yet") == 1, ended.stderr


# A training loop of 10 metrics a step, in turn beside a server that answers and one that does not.
LOOPS = """
import json, operator, statistics, sys, time
import numpy as np
import trivet

well_url, away_url, run_id, seconds = sys.argv[1:]
weights, batch = np.zeros((64, 64)), np.ones((64, 64))
clients = {"well": trivet.Client(well_url), "away": trivet.Client(away_url)}
steps = dict.fromkeys(clients, 0)
wall, cpu = {name: [] for name in clients}, {name: [] for name in clients}
for client in clients.values():
    client.log_metric(run_id, "warm", 1)
print("begun", flush=True)
assert sys.stdin.readline()
until = time.monotonic() + float(seconds)
while time.monotonic() < until:
    for name, client in clients.items():
        began, began_cpu = time.perf_counter(), time.thread_time()
        for step in range(steps[name], steps[name] + 500):
            weights = weights * 0.9 + batch @ batch / 64
            client.tracking.log_metrics(run_id, {f"{name} {key}": step for key in range(10)}, step=step)
        steps[name] += 500
        wall[name].append(time.perf_counter() - began)
        cpu[name].append(time.thread_time() - began_cpu)
print(json.dumps({
    "wall": statistics.median(map(operator.truediv, wall["away"], wall["well"])),
    "cpu": statistics.median(map(operator.truediv, cpu["away"], cpu["well"])),
    "steps": steps["away"],
}), flush=True)
assert sys.stdin.readline()
receipt = clients["away"].flush(250)
assert receipt == trivet.Receipt(10 * steps["away"] + 1, 10 * steps["away"] + 1, 0), receipt
clients["well"].flush(250)
"""


@pytest.mark.timeout(full(300, 1800))
def test_a_server_that_never_answers_does_not_slow_the_loop(tracking_address: str, workspace: str) -> None:
    with TcpProxy(tracking_address) as proxy, trivet.Client(f"grpc://{tracking_address}/{workspace}") as client:
        run_id = client.create_run("0").info.run_id
        urls = [f"grpc://{address}/{workspace}" for address in (tracking_address, proxy.address)]
        command = [sys.executable, "-c", LOOPS, *urls, run_id, str(full(3, 120))]
        ended = run_through_silence(proxy, command, 300)
        assert (ended.exit_code, ended.stderr) == (0, "")
        slowed = json.loads(ended.said)
        assert slowed["steps"] >= 500
        assert slowed["cpu"] <= 1.05, slowed
        # On a machine with other work, seconds say nothing of wall time.
        assert slowed["wall"] <= full(2, 1) * 1.05, slowed
        for key in range(0, 10, 3):
            columns = client.tracking.get_metric_columns(run_id, f"away {key}")
            assert np.array_equal(columns.steps, np.arange(slowed["steps"]))


# Nothing but calls, in turn beside a server that has all that was logged before, and beside one that answers nothing.
FLAT_OUT = """
import json, operator, statistics, sys, time
import trivet

well_url, away_url, run_id, seconds = sys.argv[1:]
clients = {"well": trivet.Client(well_url), "away": trivet.Client(away_url)}
counts = dict.fromkeys(clients, 0)
wall, cpu = {name: [] for name in clients}, {name: [] for name in clients}
for client in clients.values():
    client.log_metric(run_id, "warm", 1)
print("begun", flush=True)
assert sys.stdin.readline()
until = time.monotonic() + float(seconds)
while time.monotonic() < until:
    for name, client in clients.items():
        began, began_cpu = time.perf_counter(), time.thread_time()
        for step in range(counts[name], counts[name] + 50_000):
            client.log_metric(run_id, name, 0.5, step=step)
        wall[name].append(time.perf_counter() - began)
        cpu[name].append(time.thread_time() - began_cpu)
        counts[name] += 50_000
        if name == "well":
            client.flush(60)
print(json.dumps({
    "calls": counts["away"],
    "calls a second, well": round(50_000 / statistics.median(wall["well"])),
    "calls a second, away": round(50_000 / statistics.median(wall["away"])),
    "wall": round(statistics.median(map(operator.truediv, wall["away"], wall["well"])), 3),
    "cpu": round(statistics.median(map(operator.truediv, cpu["away"], cpu["well"])), 3),
}), flush=True)
assert sys.stdin.readline()
for name, client in clients.items():
    assert client.flush(1200) == trivet.Receipt(counts[name] + 1, counts[name] + 1, 0), (name, client.flush(0))
"""


@pytest.mark.timeout(full(300, 3000))
def test_calls_flat_out_are_as_fast_while_a_server_answers_nothing(tracking_address: str, workspace: str) -> None:
    """The long form takes two minutes of silence, says what that did to the calls, and allows a slow-down of 5 %."""
    with TcpProxy(tracking_address) as proxy, trivet.Client(f"grpc://{tracking_address}/{workspace}") as client:
        run_id = client.create_run("0").info.run_id
        urls = [f"grpc://{address}/{workspace}" for address in (tracking_address, proxy.address)]
        command = [sys.executable, "-c", FLAT_OUT, *urls, run_id, str(full(2, 120))]
        ended = run_through_silence(proxy, command, 1500)
        sys.stdout.write(ended.said)
        assert (ended.exit_code, ended.stderr) == (0, "")
        figures = json.loads(ended.said)
        assert figures["calls"] >= 50_000
        # Seconds on a machine with other work say nothing of time.
        assert full(0, 1) * figures["wall"] <= 1.05, figures
        columns = client.tracking.get_metric_columns(run_id, "away")
        assert np.array_equal(columns.steps, np.arange(figures["calls"]))
