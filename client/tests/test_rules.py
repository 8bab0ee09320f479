"""Rules on live metrics in the SDK: declared in code, and a training loop that stops where one is broken."""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any

import pytest

import trivet
from trivet import rules
from trivet._stop_signal import StopSignal
from trivet_testing.waiting import wait_until

CONDITIONS: list[rules.Condition] = [
    rules.NotANumber(),
    rules.NotANumber("loss"),
    rules.Divergence("loss", above=10.0),
    rules.Divergence("loss", below=-1.5),
    rules.Divergence("loss", worse_by=0.5),
    rules.Divergence("acc", worse_by_factor=1.5, direction="maximize"),
    rules.NoImprovement("loss", steps=10, min_delta=0.25),
    rules.NoImprovement("acc", seconds=90.5, direction="maximize"),
    rules.NoHeartbeat(600.0),
]


def test_a_rule_comes_back_as_it_was_said(client: trivet.Client) -> None:
    experiment_id = client.create_experiment("taxi")
    made = [
        client.create_rule(f"rule {number}", condition, experiment_id=experiment_id, stop=bool(number % 2), tag=False)
        for number, condition in enumerate(CONDITIONS)
    ]
    assert [rule.condition for rule in made] == CONDITIONS
    assert [(rule.experiment_id, rule.run_id, rule.stop, rule.tag) for rule in made[:2]] == [
        (experiment_id, None, False, False),
        (experiment_id, None, True, False),
    ]
    assert client.tracking.rules.list(experiment_id=experiment_id) == made
    assert client.tracking.rules.get(made[3].rule_id) == made[3]
    again = client.create_rule("rule 3", CONDITIONS[3], experiment_id=experiment_id, stop=True, tag=False)
    assert again == made[3]
    with pytest.raises(trivet.RuleNameTaken, match="says something else"):
        client.create_rule("rule 3", CONDITIONS[2], experiment_id=experiment_id)
    client.tracking.rules.delete(made[3].rule_id)
    with pytest.raises(trivet.RuleNotFound):
        client.tracking.rules.get(made[3].rule_id)


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        (rules.Divergence("loss"), "exactly one of above"),
        (rules.Divergence("loss", above=1.0, below=0.0), "exactly one of above"),
        (rules.Divergence("loss", worse_by=1.0, direction="down"), "minimize or maximize"),
        (rules.Divergence("loss", worse_by=-1.0), "must not be below 0"),
        (rules.Divergence("loss", above=math.nan), "must be a finite number"),
        (rules.NoImprovement("loss"), "either steps or seconds"),
        (rules.NoImprovement("loss", steps=1, seconds=1.0), "either steps or seconds"),
        (rules.NoImprovement("loss", steps=-1), "must be 1 or more"),
        (rules.NoImprovement("", steps=1), "metric"),
        (rules.NoHeartbeat(0.5), "must be from 1 s"),
        (rules.NoHeartbeat(math.nan), "no number of seconds"),
        (rules.NoHeartbeat(math.inf), "no number of seconds"),
        ("loss > 1", "trivet.rules"),
    ],
)
def test_a_condition_that_cannot_be_is_refused(client: trivet.Client, condition: rules.Condition, why: str) -> None:
    with pytest.raises(trivet.InvalidArgument, match=why):
        client.create_rule("rule", condition, experiment_id="0")
    assert client.tracking.rules.list() == []


def test_a_rule_is_of_an_experiment_or_of_a_run(client: trivet.Client) -> None:
    both: dict[str, Any] = {"experiment_id": "0", "run_id": "a"}
    for owners in ({}, both):
        with pytest.raises(trivet.InvalidArgument, match="either experiment_id or run_id"):
            client.create_rule("rule", rules.NotANumber(), **owners)
    with pytest.raises(trivet.RunNotFound):
        client.create_rule("rule", rules.NotANumber(), run_id="missing")


def test_a_training_loop_stops_where_a_rule_is_broken(client: trivet.Client) -> None:
    trivet.set_experiment("taxi")
    of_experiment = trivet.create_rule("diverged", rules.Divergence("loss", above=1e6))
    with trivet.start_run() as run:
        of_run = run.add_rule("nan", rules.NotANumber("loss"), stop=True)
        assert (run.should_stop(), trivet.should_stop(), run.stop_reason) == (False, False, None)
        step = 0

        def train_on() -> bool:
            nonlocal step
            trivet.log_metric("loss", 1.0 if step < 3 else math.nan, step=step)
            step += 1
            return run.should_stop()

        wait_until(train_on)
        assert trivet.should_stop()
        assert run.stop_reason == "loss is NaN at step 3"
    stop = client.tracking.rules.get_run_stop(run.info.run_id)
    assert stop is not None
    assert (stop.rule_id, stop.reason, stop.requested_by) == (of_run.rule_id, "loss is NaN at step 3", "")
    (event,) = client.tracking.rules.list_events(run_id=run.info.run_id)
    assert (event.rule_id, event.rule_name, event.metric, event.step) == (of_run.rule_id, "nan", "loss", 3)
    assert event.value is not None
    assert math.isnan(event.value)
    assert event.delivery is None
    assert client.get_run(run.info.run_id).data.tags["trivet.rule.nan"] == event.reason
    assert client.tracking.rules.list(run_id=run.info.run_id) == [of_experiment, of_run]
    assert not trivet.should_stop()


def test_somebody_stops_a_run(client: trivet.Client) -> None:
    with trivet.start_run() as run:
        assert client.tracking.rules.get_run_stop(run.info.run_id) is None
        asked = client.stop_run(run.info.run_id)
        assert (asked.reason, asked.rule_id, asked.requested_by) == ("", None, "anonymous")
        wait_until(run.should_stop)
        assert run.stop_reason == ""
    wait_until(lambda: all(thread.name != "trivet-stop" for thread in threading.enumerate()))


@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_without_a_server_nobody_asks_to_stop(spool: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setenv("TRIVET_MODE", mode)
    trivet.set_tracking_uri("grpc://127.0.0.1:1")
    with trivet.start_run() as run:
        assert not run.should_stop()
        assert run.stop_reason is None
    assert spool.exists() == (mode == "offline")


def test_a_signal_goes_on_looking_while_the_server_is_away() -> None:
    answers: list[object] = [
        trivet.ServerUnavailable("away"),
        trivet.RunNotFound("not yet"),
        rules.RunStop("enough", None, "ada", 1),
    ]
    looked: list[object] = []

    def look() -> rules.RunStop | None:
        answer = answers[len(looked)]
        looked.append(answer)
        if isinstance(answer, trivet.TrivetError):
            raise answer
        assert isinstance(answer, rules.RunStop)
        return answer

    signal = StopSignal(look)
    wait_until(lambda: signal.get() is not None)
    assert (signal.get(), looked) == (answers[-1], answers)


@pytest.mark.parametrize("failure", [trivet.MethodUnknown("an older server"), ValueError("a fault")])
def test_a_server_that_cannot_answer_is_asked_again_later(failure: Exception) -> None:
    stop = rules.RunStop("enough", None, "ada", 1)
    failures = [failure, failure]

    def look() -> rules.RunStop:
        if failures:
            raise failures.pop()
        return stop

    signal = StopSignal(look, failed_look_seconds=0.01)
    wait_until(lambda: signal.get() is not None)
    assert (signal.get(), failures) == (stop, [])


def test_a_closed_client_is_asked_once() -> None:
    looked: list[int] = []

    def look() -> None:
        looked.append(1)
        raise trivet.ClientClosed("closed")

    signal = StopSignal(look)
    wait_until(lambda: signal.get() is None and bool(looked))
    wait_until(lambda: all(thread.name != "trivet-stop" for thread in threading.enumerate()))
    assert (signal.get(), looked) == (None, [1])
