"""How runs begin: anew, as runs that go on, at an earlier step, and as forks."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import trivet
from trivet._commands.root import app
from trivet_testing.servers import run_to_exit

pytestmark = pytest.mark.usefixtures("tracked")


def steps(run_id: str, key: str = "loss") -> list[int]:
    return [point.step for point in trivet.get_metric_history(run_id, key)]


@pytest.fixture
def trained() -> str:
    """The id of a run of ten steps that has ended."""
    with trivet.start_run(run_name="first", tags={"team": "a"}) as run:
        trivet.log_param("lr", 0.1)
        for step in range(10):
            trivet.log_metric("loss", step, step=step)
    return run.info.run_id


def test_a_run_goes_on(trained: str) -> None:
    for resume in (None, "must", "allow"):
        with trivet.start_run(trained, resume=resume, tags={"again": "yes"}) as run:
            assert (run.info.run_id, run.info.run_name, run.info.status) == (trained, "first", "RUNNING")
            trivet.log_metric("more", 1)
    read = trivet.get_run(trained)
    assert (read.info.status, read.data.tags) == ("FINISHED", {"team": "a", "again": "yes"})
    assert steps(trained) == list(range(10))


def test_a_run_that_must_be_there_is_not_created() -> None:
    for resume in (None, "must"):
        with pytest.raises(trivet.RunNotFound):
            trivet.start_run("missing", resume=resume)
    assert trivet.active_run() is None
    assert trivet.search_runs(output_format="list") == []


def test_a_run_that_may_be_there_is_created_once() -> None:
    experiment = trivet.set_experiment("jobs")
    for attempt in ("1", "2"):
        with trivet.start_run("job-7", resume="allow", run_name="job", tags={"attempt": attempt}) as run:
            trivet.log_metric("loss", int(attempt), step=int(attempt))
            assert run.info.experiment_id == experiment.experiment_id
    read = trivet.get_run("job-7")
    assert (read.info.run_name, read.data.tags) == ("job", {"attempt": "2"})
    assert steps("job-7") == [1, 2]


def test_ranks_that_begin_one_run_at_once_all_get_it(tracked: str) -> None:
    begun, failed = [], []
    together = threading.Barrier(6)

    def begin() -> None:
        together.wait()
        try:
            with trivet.start_run("job-8", resume="allow") as run:
                begun.append(run.info.run_id)
        except trivet.TrivetError as error:
            failed.append(error)

    ranks = [threading.Thread(target=begin) for _ in range(6)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join()
    assert (begun, failed) == (["job-8"] * 6, [])


def test_a_run_that_must_not_be_there_is_created_or_refused(trained: str) -> None:
    with trivet.start_run("new", resume="never") as run:
        assert run.info.run_id == "new"
    for taken in ("new", trained):
        with pytest.raises(trivet.RunIdTaken):
            trivet.start_run(taken, resume="never")
    assert trivet.active_run() is None
    assert steps(trained) == list(range(10))


def test_a_run_is_taken_back_to_a_step_and_goes_on(trained: str) -> None:
    with trivet.start_run(trained, resume_from=4) as run:
        assert (run.info.run_id, run.info.status) == (trained, "RUNNING")
        assert steps(trained) == [0, 1, 2, 3, 4]
        for step in range(5, 7):
            trivet.log_metric("loss", -step, step=step)
    assert [(point.step, point.value) for point in trivet.get_metric_history(trained, "loss")] == [
        *((step, step) for step in range(5)),
        (5, -5),
        (6, -6),
    ]
    assert trivet.get_run(trained).data.params == {"lr": "0.1"}
    # The process that rewound it may do so again.
    with trivet.start_run(trained, resume="must", resume_from=0):
        trivet.log_metric("loss", 1, step=1)
    assert steps(trained) == [0, 1]


def test_a_run_begins_as_another_one_was(trained: str) -> None:
    with trivet.start_run(fork_from=(trained, 4), run_name="fork", tags={"kind": "b"}, description="notes") as run:
        assert run.info.run_id != trained
        trivet.log_metric("loss", 50, step=5)
        trivet.log_param("depth", 3)
    read = trivet.get_run(run.info.run_id)
    assert (read.info.run_name, read.info.status, read.info.description) == ("fork", "FINISHED", "notes")
    assert (read.info.forked_from_run_id, read.info.forked_from_step) == (trained, 4)
    assert (read.data.params, read.data.tags) == ({"lr": "0.1", "depth": "3"}, {"team": "a", "kind": "b"})
    assert steps(run.info.run_id) == [0, 1, 2, 3, 4, 5]
    assert steps(trained) == list(range(10))


def test_a_fork_may_have_an_id_of_its_own(trained: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Which is said for the run that goes on, not for forks.
    monkeypatch.setenv("TRIVET_RUN_ID", trained)
    with trivet.start_run(fork_from=(trained, 2)) as run:
        assert run.info.run_id != trained
    with trivet.start_run("chosen", fork_from=(trained, 2)):
        pass
    assert steps("chosen") == [0, 1, 2]
    with pytest.raises(trivet.RunIdTaken):
        trivet.start_run("chosen", fork_from=(trained, 3))
    with pytest.raises(trivet.RunNotFound):
        trivet.start_run(fork_from=("missing", 3))


WRONG: list[tuple[Callable[[], object], str]] = [
    (lambda: trivet.start_run("a", resume="maybe"), "say must, allow or never"),  # type: ignore[arg-type] # on purpose
    (lambda: trivet.start_run(resume="must"), "needs the run_id"),
    (lambda: trivet.start_run(resume_from=3), "needs the run_id"),
    (lambda: trivet.start_run("a", resume="allow", resume_from=3), "resume can only be 'must'"),
    (lambda: trivet.start_run("a", resume="never", resume_from=3), "resume can only be 'must'"),
    (lambda: trivet.start_run(fork_from="a"), "must be a pair"),  # type: ignore[arg-type] # on purpose
    (lambda: trivet.start_run(fork_from=("a", 1), resume="must", run_id="b"), "begins a new run"),
    (lambda: trivet.start_run(fork_from=("a", 1), resume_from=1, run_id="b"), "begins a new run"),
    (lambda: trivet.start_run(fork_from=("a", 1), experiment_id="0"), "leave experiment_id out"),
    (lambda: trivet.start_run(fork_from=("a", "b")), "step"),  # type: ignore[arg-type] # on purpose
    (lambda: trivet.start_run("a", resume_from="b"), "step"),  # type: ignore[arg-type] # on purpose
]


@pytest.mark.parametrize(("start", "message"), WRONG, ids=[case[1] for case in WRONG])
def test_what_does_not_go_together_is_refused(start: Callable[[], object], message: str) -> None:
    with pytest.raises(trivet.InvalidArgument, match=message):
        start()
    assert trivet.active_run() is None


@pytest.mark.parametrize(
    "start",
    [
        lambda: trivet.start_run("a", resume_from=1),
        lambda: trivet.start_run(fork_from=("a", 1)),
    ],
    ids=["resume_from", "fork_from"],
)
def test_what_only_a_server_can_do_is_refused_offline(
    start: Callable[[], object], monkeypatch: pytest.MonkeyPatch, tracked: str
) -> None:
    monkeypatch.setenv("TRIVET_MODE", "offline")
    trivet.set_tracking_uri(tracked)
    with pytest.raises(trivet.InvalidArgument, match="TRIVET_MODE=offline forbids"):
        start()


def test_disabled_every_beginning_gives_a_run(monkeypatch: pytest.MonkeyPatch, tracked: str) -> None:
    monkeypatch.setenv("TRIVET_MODE", "disabled")
    trivet.set_tracking_uri(tracked)
    starts: list[Callable[[], trivet.ActiveRun]] = [
        lambda: trivet.start_run("a", resume="allow"),
        lambda: trivet.start_run("a", resume="never"),
        lambda: trivet.start_run("a", resume_from=1),
        lambda: trivet.start_run(fork_from=("a", 1)),
    ]
    for start in starts:
        with start():
            trivet.log_metric("loss", 1)


OFFLINE = """
import sys, trivet
with trivet.start_run("job-9", resume="allow", tags={"attempt": sys.argv[1]}):
    trivet.log_metric("loss", 0, step=int(sys.argv[1]))
"""


def test_offline_it_is_found_out_later_whether_the_run_is_there(tracked: str, tmp_path: Path) -> None:
    env = {"TRIVET_URL": tracked, "TRIVET_MODE": "offline", "TRIVET_SPOOL_DIR": str(tmp_path)}
    for attempt in ("1", "2"):
        ended = run_to_exit([sys.executable, "-c", OFFLINE, attempt], env)
        assert ended.returncode == 0, ended.stderr
        assert CliRunner().invoke(app, ["sync", str(tmp_path)]).exit_code == 0
    read = trivet.get_run("job-9")
    assert (read.info.status, read.data.tags) == ("FINISHED", {"attempt": "2"})
    assert steps("job-9") == [1, 2]
    assert list(tmp_path.glob("*/rejected/*")) == []
