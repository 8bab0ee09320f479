"""Child processes: forked and spawned ones log for themselves, and nothing of their parent's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import trivet
from trivet_testing.servers import free_port, run_to_exit
from trivet_testing.silence import run_through_silence
from trivet_testing.tcp_proxy import TcpProxy
from trivet_testing.tracking import full, migrate, start_server

# In processes of their own: pytest's has threads that a fork would leave behind.
POOL = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
import trivet

def log(run_id, number):
    client = trivet.Client()
    for step in range(200):
        client.log_metric(run_id, f"child {number}", step, step=step)
    return client.flush(60)

if __name__ == "__main__":
    with trivet.start_run() as run:
        trivet.log_metric("parent", 1)
        with ProcessPoolExecutor(3, multiprocessing.get_context(sys.argv[1])) as pool:
            jobs = [pool.submit(log, run.info.run_id, number) for number in range(3)]
            receipts = [job.result(60) for job in jobs]
        trivet.log_metric("parent", 2, step=1)
        assert trivet.flush(60) == trivet.Receipt(2, 2, 0)
    assert sum(receipt.stored for receipt in receipts) % 200 == 0, receipts
    print(run.info.run_id)
"""

# The parent forks while much is waiting and its sender is at work, and none of them waits for the other.
FORK = """
import multiprocessing
import trivet

def train():
    # The run that is active in the parent is active here too, and is the parent's to end.
    for step in range(100):
        trivet.log_metric("child", step, step=step)
    assert trivet.get_run(trivet.active_run().info.run_id).info.status == "RUNNING"
    trivet.log_metric("unflushed", 1)
    with trivet.start_run(run_name="child's", nested=True):
        trivet.log_param("whose", "child")

context = multiprocessing.get_context("fork")
with trivet.start_run() as run:
    for step in range(20_000):
        trivet.log_metric("parent", step, step=step)
    children = [context.Process(target=train) for _ in range(2)]
    for child in children:
        child.start()
    for step in range(20_000, 40_000):
        trivet.log_metric("parent", step, step=step)
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0], [child.exitcode for child in children]
    assert trivet.flush(60) == trivet.Receipt(40_000, 40_000, 0)
print(run.info.run_id)
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_of_a_pool_log_to_one_run(tracked: str, method: str, tmp_path: Path) -> None:
    script = tmp_path / "pool.py"  # a file, because spawned workers import it
    script.write_text(POOL, encoding="utf-8")
    ended = run_to_exit([sys.executable, str(script), method], {"TRIVET_URL": tracked}, timeout_seconds=120)
    assert ended.returncode == 0, ended.stderr
    run_id = ended.stdout.strip()
    read = trivet.get_run(run_id)
    assert read.info.status == "FINISHED"
    assert read.data.metrics == {"parent": 2.0, **{f"child {number}": 199.0 for number in range(3)}}
    for number in range(3):
        assert len(trivet.get_metric_history(run_id, f"child {number}")) == 200


def test_fork_under_load_loses_and_doubles_nothing(tracked: str) -> None:
    ended = run_to_exit([sys.executable, "-c", FORK], {"TRIVET_URL": tracked}, timeout_seconds=120)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    run_id = ended.stdout.strip()
    read = trivet.get_run(run_id)
    assert read.info.status == "FINISHED"
    # What a child did not flush itself was flushed at its end.
    assert read.data.metrics == {"parent": 39_999.0, "child": 99.0, "unflushed": 1.0}
    assert [point.step for point in trivet.get_metric_history(run_id, "parent")] == list(range(40_000))
    points = trivet.get_metric_history(run_id, "child")
    assert sorted({point.step for point in points}) == list(range(100))
    nested = trivet.search_runs(filter_string=f"parent_run_id = '{run_id}'", output_format="list")
    assert [(run.info.status, run.data.params) for run in nested] == [("FINISHED", {"whose": "child"})] * 2


# Each logs by itself, as the ranks of a job or the workers of a data loader do.
RANKS = """
import os, sys, trivet
from multiprocessing import get_context

def train(rank):
    os.environ["RANK"], os.environ["WORLD_SIZE"] = str(rank), sys.argv[1]
    for step in range(100):
        trivet.log_metric("loss", rank + step, step=step)

if __name__ == "__main__":
    with trivet.start_run() as run:
        processes = [get_context("fork").Process(target=train, args=(rank,)) for rank in range(int(sys.argv[1]))]
        for process in processes:
            process.start()
        for process in processes:
            process.join(200)
        assert [process.exitcode for process in processes] == [0] * len(processes)
    print(run.info.run_id)
"""


def test_many_processes_log_to_one_run_with_their_ranks(tracked: str) -> None:
    ranks = full(8, 64)
    ended = run_to_exit([sys.executable, "-c", RANKS, str(ranks)], {"TRIVET_URL": tracked}, timeout_seconds=250)
    assert (ended.returncode, ended.stderr) == (0, "")
    with trivet.Client(tracked) as client:
        by_rank = client.tracking.get_metric_by_rank(ended.stdout.strip(), "loss")
    assert list(by_rank) == list(range(ranks))
    for rank, points in by_rank.items():
        assert [(point.step, point.value) for point in points] == [(step, rank + step) for step in range(100)]


# Its timer runs from before the first call, which makes the log, until all is flushed. Handlers interrupt handlers.
HANDLER = """
import itertools, signal, trivet
client, numbers = trivet.Client(), itertools.count(1)
run_id = client.create_run("0").info.run_id

def interrupt(*_):
    number = next(numbers)
    client.log_metric(run_id, f"handler {number % 50}", number, step=number)
    if number % 100 == 0:
        client.set_tag(run_id, "seen", number)
        client.tracking.log_metrics(run_id, {"a": number, "b": number}, step=number)

signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
for step in range(300_000):
    client.log_metric(run_id, "loss", step, step=step)
client.flush(60)
signal.setitimer(signal.ITIMER_REAL, 0)
seen = next(numbers) - 1
logged = 300_000 + seen + seen // 100 * 3
assert seen > 100
assert client.flush(60) == trivet.Receipt(logged, logged, 0), (client.flush(), seen)
print(run_id, seen)
"""


def test_a_handler_of_signals_may_log_in_the_midst_of_logging(tracked: str) -> None:
    ended = run_to_exit([sys.executable, "-c", HANDLER], {"TRIVET_URL": tracked}, timeout_seconds=120)
    assert (ended.returncode, ended.stderr) == (0, "")
    run_id, seen = ended.stdout.split()
    assert [point.step for point in trivet.get_metric_history(run_id, "loss")] == list(range(300_000))
    by_handlers = [
        point.step for number in range(50) for point in trivet.get_metric_history(run_id, f"handler {number}")
    ]
    assert sorted(by_handlers) == list(range(1, int(seen) + 1))


# Threads log flat out while the process forks; each child logs to the run as well, and is ended where it hangs.
THREADS = """
import os, signal, sys, threading, trivet

client = trivet.Client()
run_id = client.create_run("0").info.run_id
is_over = threading.Event()

def log(number):
    step = 0
    while not is_over.is_set():
        client.log_metric(run_id, f"thread {number}", step, step=step)
        step += 1
        if step % 100 == 0:
            is_over.wait(0.001)  # enough is enough to read
    counts.append(step)

counts = []
threads = [threading.Thread(target=log, args=(number,)) for number in range(3)]
for thread in threads:
    thread.start()
for child in range(int(sys.argv[1])):
    pid = os.fork()
    if not pid:
        signal.alarm(100)
        for step in range(100):
            client.log_metric(run_id, "child", child, step=100 * child + step)
        receipt = client.flush(60)
        if receipt != trivet.Receipt(100, 100, 0):
            print(f"child {child}: {receipt}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    if status:
        print(f"child {child} ended with {status}", file=sys.stderr, flush=True)
        os._exit(1)
is_over.set()
for thread in threads:
    thread.join()
assert client.flush(60) == trivet.Receipt(sum(counts), sum(counts), 0)
print(run_id, *counts)
"""


def test_forks_in_the_midst_of_threads_that_log(tracked: str) -> None:
    forks = full(5, 100)
    ended = run_to_exit([sys.executable, "-c", THREADS, str(forks)], {"TRIVET_URL": tracked}, timeout_seconds=280)
    assert (ended.returncode, ended.stderr) == (0, "")
    run_id, *counts = ended.stdout.split()
    assert [point.step for point in trivet.get_metric_history(run_id, "child")] == list(range(100 * forks))
    with trivet.Client(tracked) as client:
        lengths = [len(client.tracking.get_metric_columns(run_id, f"thread {number}").steps) for number in range(3)]
    assert sorted(lengths) == sorted(map(int, counts))


# Another thread looks for the folder for temporary files, which a lock of Python's guards, while the process forks.
HELD = """
import os, signal, tempfile, threading, trivet

client = trivet.Client()
run_id = client.create_run("0").info.run_id
is_held, is_over = threading.Event(), threading.Event()

def hold():
    with tempfile._once_lock:
        is_held.set()
        is_over.wait()

thread = threading.Thread(target=hold)
thread.start()
is_held.wait()
pid = os.fork()
if not pid:
    signal.alarm(30)
    client.log_metric(run_id, "child", 1)
    os._exit(client.flush(20) != trivet.Receipt(1, 1, 0))
status = os.waitpid(pid, 0)[1]
is_over.set()
assert status == 0, status
"""


def test_a_child_needs_no_lock_that_another_thread_held_when_it_was_forked(tracked: str) -> None:
    ended = run_to_exit([sys.executable, "-c", HELD], {"TRIVET_URL": tracked}, timeout_seconds=60)
    assert (ended.returncode, ended.stderr) == (0, "")


# The only channel that there is closes as the process forks, most often while it is being connected.
CONNECTING = """
import os, signal, sys, time, trivet
from trivet import _connection, _forks

_connection.WRITER_PATIENCE_SECONDS = _forks._SETTLE_SECONDS = 0.0
client = trivet.Client()
run_id = client.create_run("0").info.run_id
client.close()
for child in range(40):
    with trivet.Client() as client:
        client.log_metric(run_id, "parent", child, step=child)
        begun = time.perf_counter()
        while time.perf_counter() < begun + child % 12 * 0.0003:
            pass
        pid = os.fork()
        if not pid:
            signal.alarm(30)
            client.log_metric(run_id, "child", child, step=child)
            os._exit(client.flush(20) != trivet.Receipt(1, 1, 0))
        status = os.waitpid(pid, 0)[1]
        assert status == 0, (child, status)
print(run_id)
"""


def test_forks_while_the_only_connection_is_being_made(tracked: str) -> None:
    ended = run_to_exit([sys.executable, "-c", CONNECTING], {"TRIVET_URL": tracked}, timeout_seconds=120)
    assert ended.returncode == 0, ended.stderr
    run_id = ended.stdout.strip()
    for key in ("parent", "child"):
        assert [point.step for point in trivet.get_metric_history(run_id, key)] == list(range(40))


# The parent's server answers nothing, while threads of it log, watch, ask and read a stream. Its children
# have another server, which answers.
UNANSWERED = """
import os, sys, threading, trivet

# One that has logged nothing asks at once, without waiting for what is not stored.
away, asking, well = trivet.Client(sys.argv[1]), trivet.Client(sys.argv[1]), trivet.Client(sys.argv[2])
run_id = well.create_run("0").info.run_id
away.log_metric(run_id, "loss", 0, step=0)
assert away.flush(60) == trivet.Receipt(1, 1, 0)
watch = away.tracking.watch_runs()
print("begun", flush=True)
assert sys.stdin.readline()
is_over = threading.Event()

def log():
    step = 1
    while not is_over.is_set():
        away.log_metric(run_id, "loss", step, step=step)
        step += 1
        is_over.wait(0.001)
    counts.append(step)

def look():
    seen.append(next(watch).run_id)

def read(call):
    try:
        answers.append(call())
    except (trivet.ServerUnavailable, trivet.DeadlineExceeded):  # given up after some time, or ended by a fork
        pass

counts, seen, answers = [], [], []
reads = (lambda: asking.get_run(run_id), lambda: asking.get_metric_history(run_id, "loss"))
threads = [threading.Thread(target=log), threading.Thread(target=look)]
threads += [threading.Thread(target=read, args=(call,)) for call in reads]
for thread in threads:
    thread.start()
for child in range(int(sys.argv[3])):
    pid = os.fork()
    if not pid:
        well.log_metric(run_id, "child", child, step=child)
        os._exit(well.flush(60) != trivet.Receipt(1, 1, 0))
    status = os.waitpid(pid, 0)[1]
    assert status == 0, (child, status)
is_over.set()
print("forked", flush=True)
assert sys.stdin.readline()
for thread in threads:
    thread.join()
assert away.flush(60) == trivet.Receipt(counts[0], counts[0], 0)
assert seen == [run_id], seen
print(run_id, *counts)
"""


def test_forks_while_no_server_answers(tracking_address: str, workspace: str) -> None:
    forks = full(3, 40)  # each of them waits two seconds for those who ask
    with TcpProxy(tracking_address) as proxy:
        urls = [f"grpc://{address}/{workspace}" for address in (proxy.address, tracking_address)]
        command = [sys.executable, "-c", UNANSWERED, *urls, str(forks)]
        ended = run_through_silence(proxy, command, 200)
        assert ended.exit_code == 0, ended.stderr
        # gRPC may say that a child found a socket of its parent's, which was being connected.
        assert [line for line in ended.stderr.splitlines() if "descriptor was created pre fork" not in line] == []
        run_id, count = ended.then.split()
        with trivet.Client(f"grpc://{tracking_address}/{workspace}") as client:
            assert [point.step for point in client.get_metric_history(run_id, "child")] == list(range(forks))
            steps = client.tracking.get_metric_columns(run_id, "loss").steps
            assert steps.tolist() == list(range(int(count)))


# The worker finds its run in its environment.
SPAWNED = """
import multiprocessing, os, signal, sys, trivet

def work():
    trivet.log_metric("worker", 1)
    assert trivet.flush(60) == trivet.Receipt(1, 1, 0)
    print(trivet.get_run(os.environ["TRIVET_RUN_ID"]).info.status, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    client = trivet.Client()
    run_id = os.environ["TRIVET_RUN_ID"] = client.create_run("0").info.run_id
    if sys.argv[1] == "ended":
        client.set_terminated(run_id)
    worker = multiprocessing.get_context("spawn").Process(target=work)
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL
    # Where the worker has begun the run anew, only somebody who did not begin it ends it.
    (client if sys.argv[1] == "running" else trivet.Client()).set_terminated(run_id)
    print(run_id)
"""


@pytest.mark.parametrize("before", ["running", "ended"])
def test_a_worker_that_is_killed_does_not_keep_a_run_from_ending(tracked: str, before: str, tmp_path: Path) -> None:
    script = tmp_path / "spawned.py"
    script.write_text(SPAWNED, encoding="utf-8")
    ended = run_to_exit([sys.executable, str(script), before], {"TRIVET_URL": tracked}, timeout_seconds=120)
    assert ended.returncode == 0, ended.stderr
    status, run_id = ended.stdout.split()
    assert status == "RUNNING"
    read = trivet.get_run(run_id)
    assert (read.info.status, read.data.metrics) == ("FINISHED", {"worker": 1.0})


# No server is there when the run begins. The children may send what they logged before the parent creates the run.
UNBORN = """
import multiprocessing, sys, trivet

def train(number):
    trivet.log_metric("loss", number, step=number)
    assert trivet.flush(60) == trivet.Receipt(1, 1, 0)

run = trivet.start_run()
children = [multiprocessing.get_context("fork").Process(target=train, args=(number,)) for number in range(3)]
for child in children:
    child.start()
print("begun", flush=True)
for child in children:
    child.join()
    assert child.exitcode == 0
trivet.end_run()
print(run.info.run_id)
"""


def test_children_of_a_run_that_no_server_knows_yet(tmp_path: Path) -> None:
    url, listen = f"sqlite:///{tmp_path / 'tracking.db'}", f"127.0.0.1:{free_port()}"
    migrate(url)
    env = os.environ | {"TRIVET_URL": f"grpc://{listen}", "TRIVET_FINISH_TIMEOUT": "60"}
    command = [sys.executable, "-c", UNBORN]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        with start_server(url, listen) as server:
            run_id = process.stdout.readline().strip()
            assert process.wait(60) == 0
            with trivet.Client(f"grpc://{server.address}") as client:
                assert [point.step for point in client.get_metric_history(run_id, "loss")] == [0, 1, 2]


# Workers of a data loader log what they load, and the loop what it learns.
LOADER = """
import os, sys, torch, trivet
from torch.utils.data import DataLoader, Dataset

class Squares(Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, index):
        trivet.log_metric("loaded", index, step=index)
        return torch.tensor([float(index)]), torch.tensor([float(index) ** 2])

if __name__ == "__main__":
    with trivet.start_run() as run:
        os.environ["TRIVET_RUN_ID"] = run.info.run_id  # for workers that are spawned
        loader = DataLoader(Squares(), batch_size=8, num_workers=2, multiprocessing_context=sys.argv[1])
        for epoch in range(2):
            for batch, (x, y) in enumerate(loader):
                trivet.log_metric("loss", (x - y).abs().mean(), step=8 * epoch + batch)
    print(run.info.run_id)
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_of_a_data_loader_log(tracked: str, method: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    script = tmp_path / "loader.py"
    script.write_text(LOADER, encoding="utf-8")
    ended = run_to_exit([sys.executable, str(script), method], {"TRIVET_URL": tracked}, timeout_seconds=200)
    assert ended.returncode == 0, ended.stderr
    run_id = ended.stdout.strip()
    assert [point.step for point in trivet.get_metric_history(run_id, "loss")] == list(range(16))
    assert {point.step for point in trivet.get_metric_history(run_id, "loaded")} == set(range(64))
    assert trivet.get_run(run_id).info.status == "FINISHED"
