"""Rules on live metrics: each kind is broken where it says and not before, once for each run, on both databases."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from trivet_proto.tracking.v1 import metric_pb2, purge_pb2, rewrite_pb2, rule_pb2, run_pb2, run_stop_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_testing.errors import error_of
from trivet_testing.records import create_experiment, create_run, get_run, metric, write
from trivet_testing.rules import Rules
from trivet_testing.tracking import Tracking

MINIMIZE, MAXIMIZE = rule_pb2.METRIC_DIRECTION_MINIMIZE, rule_pb2.METRIC_DIRECTION_MAXIMIZE
NAN, INF = math.nan, math.inf


@pytest.fixture
def rules(tracking: Tracking) -> Rules:
    return Rules(tracking)


def points(tracking: Tracking, run: str, *values: float, first_step: int = 0, key: str = "loss") -> None:
    """Writes points of steps that follow one another, a second apart."""
    steps = range(first_step, first_step + len(values))
    assert not write(
        tracking,
        run,
        metrics=metric(key, *((step, step * 1000, value) for step, value in zip(steps, values, strict=True))),
    ).refused


def above(bound: float) -> dict[str, Any]:
    return {"divergence": rule_pb2.Divergence(metric="loss", above=bound)}


def below(bound: float) -> dict[str, Any]:
    return {"divergence": rule_pb2.Divergence(metric="loss", below=bound)}


def worse(direction: rule_pb2.MetricDirection.ValueType = MINIMIZE, **by: float) -> dict[str, Any]:
    worsening = rule_pb2.Worsening(direction=direction, **by)
    return {"divergence": rule_pb2.Divergence(metric="loss", worsening=worsening)}


def stuck(direction: rule_pb2.MetricDirection.ValueType = MINIMIZE, **fields: Any) -> dict[str, Any]:
    return {"no_improvement": rule_pb2.NoImprovement(metric="loss", direction=direction, **fields)}


NOT_A_NUMBER: dict[str, Any] = {"not_a_number": rule_pb2.NotANumber(metric="loss")}


CASES: list[tuple[dict[str, Any], list[float], float, str]] = [
    (NOT_A_NUMBER, [1e308, -1e308, 0.0], NAN, "loss is NaN at step 3"),
    (NOT_A_NUMBER, [1.0], INF, "loss is inf at step 1"),
    (NOT_A_NUMBER, [1.0], -INF, "loss is -inf at step 1"),
    (above(10), [NAN, 10.0, -INF], 10.5, "loss is 10.5 at step 3, above 10"),
    (above(10), [], INF, "loss is inf at step 0, above 10"),
    (below(-1), [NAN, -1.0, INF], -1.5, "loss is -1.5 at step 3, below -1"),
    (worse(difference=2), [5.0, 3.0, NAN, 5.0], 5.5, "loss is 5.5 at step 4, and was 3 at best"),
    (worse(difference=0), [5.0, 5.0, 4.0], 4.5, "loss is 4.5 at step 3, and was 4 at best"),
    (worse(factor=3), [0.4, 0.25, 0.75], 1.0, "loss is 1 at step 3, and was 0.25 at best"),
    (worse(factor=2), [-4.0, -0.5], 0.5, "loss is 0.5 at step 2, and was -4 at best"),
    (worse(factor=3), [1.0, 0.0, 0.0], 0.25, "loss is 0.25 at step 3, and was 0 at best"),
    (worse(MAXIMIZE, factor=1.5), [0.5, 1.0, 0.5], 0.25, "loss is 0.25 at step 3, and was 1 at best"),
    (worse(MAXIMIZE, difference=0.5), [NAN, 1.0, 0.5], 0.25, "loss is 0.25 at step 3, and was 1 at best"),
    (worse(difference=1), [2.0, -INF], 0.0, "loss is 0 at step 2, and was -inf at best"),
    (
        stuck(steps=2),
        [3.0, 2.0, 2.0],
        2.0,
        "loss did not improve for 2 steps up to step 3, and was 2 at best",
    ),
    (
        stuck(steps=2, min_delta=0.5),
        [3.0, 2.0, 1.5],
        1.75,
        "loss did not improve for 2 steps up to step 3, and was 2 at best",
    ),
    (
        stuck(MAXIMIZE, steps=2),
        [0.5, NAN, 0.75, 0.5],
        NAN,
        "loss did not improve for 2 steps up to step 4, and was 0.75 at best",
    ),
    (
        stuck(steps=2),
        [NAN, NAN],
        NAN,
        "loss did not improve for 2 steps up to step 2, and was never a number",
    ),
    (
        stuck(time=Duration(seconds=3)),
        [1.0, 2.0, 2.0],
        2.0,
        "loss did not improve for 3 s up to step 3, and was 1 at best",
    ),
]
"""Conditions with values that do not break them, one that does then, and why."""


def test_a_rule_is_broken_where_it_says_and_not_before(tracking: Tracking, rules: Rules) -> None:
    runs = [create_run(tracking).name for _ in CASES]
    made = [rules.create(run=run, **condition) for run, (condition, *_) in zip(runs, CASES, strict=True)]
    for run, (_, whole, *_) in zip(runs, CASES, strict=True):
        for step, value in enumerate(whole):
            points(tracking, run, value, first_step=step)
    rules.judged(runs[-1])
    assert rules.events() == []
    for run, (_, whole, breaking, _) in zip(runs, CASES, strict=True):
        points(tracking, run, breaking, first_step=len(whole))
    for rule, (_, whole, breaking, reason) in zip(made, CASES, strict=True):
        event = rules.event(rule)
        assert (event.reason, event.metric, event.step) == (reason, "loss", len(whole))
        assert event.value == breaking or (math.isnan(event.value) and math.isnan(breaking))


def test_what_comes_at_once_is_judged_point_by_point(tracking: Tracking, rules: Rules) -> None:
    run = create_run(tracking).name
    not_a_number = rules.create("nan", run=run)
    diverged = rules.create("diverged", run=run, **worse(difference=2))
    points(tracking, run, 5.0, 1.0, NAN, 3.5, 1.0, 0.5)
    assert rules.event(not_a_number).step == 2
    assert rules.event(diverged).step == 3


def test_a_rule_is_broken_once_by_each_run(tracking: Tracking, rules: Rules) -> None:
    experiment = create_experiment(tracking).name
    rule = rules.create("diverged", experiment=experiment, tag=True, **above(1))
    one, two = (create_run(tracking, experiment=experiment).name for _ in range(2))
    elsewhere = create_run(tracking).name
    for number in range(3):
        for run in (one, two, elsewhere):
            points(tracking, run, 2.0 + number, first_step=number)
        rules.judged(one)
        rules.judged(two)
    events = rules.events(rule=rule.name)
    assert {(event.run, event.experiment, event.rule_display_name, event.step) for event in events} == {
        (one, experiment, "diverged", 0),
        (two, experiment, "diverged", 0),
    }
    assert len({event.id for event in events}) == 2
    assert rules.events(run=one) == [event for event in events if event.run == one]
    assert [event for event in rules.events(experiment=experiment) if event.rule == rule.name] == events
    assert rules.events(page_size=1) == events
    assert get_run(tracking, one).tags == {"trivet.rule.diverged": "loss is 2 at step 0, above 1"}
    assert not get_run(tracking, elsewhere).tags


def test_a_rule_of_any_metric_finds_the_one(tracking: Tracking, rules: Rules) -> None:
    run = create_run(tracking).name
    rule = rules.create(run=run)
    columns = metric_pb2.MetricColumns(keys=["a", "b", "c"], times_millis=[0], values=[1.0, NAN, 2.0])
    write(tracking, run, metrics=columns)
    assert rules.event(rule).metric == "b"


def test_points_that_come_late_are_judged_too(tracking: Tracking, rules: Rules) -> None:
    run = create_run(tracking).name
    rule = rules.create(run=run, **NOT_A_NUMBER)
    points(tracking, run, 1.0, 2.0, first_step=100)
    rules.judged(run)
    points(tracking, run, NAN, first_step=5)
    assert rules.event(rule).step == 5


def test_all_ranks_are_judged_as_one(tracking: Tracking, rules: Rules) -> None:
    run = create_run(tracking).name
    rule = rules.create(run=run, **stuck(steps=3))
    for step, (first, second) in enumerate([(3.0, 3.0), (9.0, 2.0), (9.0, 1.0), (9.0, 0.5), (9.0, 0.25)]):
        for rank, value in enumerate((first, second)):
            context = metric_pb2.MetricContext(rank=rank)
            write(tracking, run, metrics=metric("loss", (step, step, value), context=context))
    rules.judged(run)
    assert rules.events(rule=rule.name) == []
    write(tracking, run, metrics=metric("loss", (7, 7, 0.25), context=metric_pb2.MetricContext(rank=0)))
    assert rules.event(rule).step == 7


def test_a_rewound_run_is_judged_by_the_points_that_are_left(tracking: Tracking, rules: Rules) -> None:
    run = create_run(tracking).name
    rule = rules.create(run=run, **stuck(steps=5))
    points(tracking, run, 3.0, 1.0, 2.0, 2.0)
    rules.judged(run)
    tracking.stub.RewindRun(rewrite_pb2.RewindRunRequest(name=run, step=0))
    points(tracking, run, 2.5, 2.4, 2.3, 2.2, 2.1, 2.0, first_step=1)
    rules.judged(run)
    assert rules.events(rule=rule.name) == []
    points(tracking, run, 2.0, first_step=11)
    assert rules.event(rule).reason == "loss did not improve for 5 steps up to step 11, and was 2 at best"


def test_a_running_run_is_judged_by_what_it_had_before_the_rule(tracking: Tracking, rules: Rules) -> None:
    running, ended = (create_run(tracking).name for _ in range(2))
    for run in (running, ended):
        points(tracking, run, 1.0, NAN)
    end(tracking, ended)
    # Changes of just before a rule may be looked at together with it.
    rules.judged(ended)
    of_running, of_ended = (rules.create(run=run, **NOT_A_NUMBER) for run in (running, ended))
    assert rules.event(of_running).step == 1
    points(tracking, ended, 1.0, first_step=2, key="other")
    rules.judged(ended)
    assert rules.events(rule=of_ended.name) == []
    points(tracking, ended, 1.0, first_step=2)
    assert rules.event(of_ended).step == 1


def end(tracking: Tracking, run: str, status: run_pb2.RunStatus.ValueType = run_pb2.RUN_STATUS_FINISHED) -> None:
    request = pb.UpdateRunRequest(run=run_pb2.Run(name=run, status=status))
    request.update_mask.paths.append("status")
    tracking.stub.UpdateRun(request)


def test_a_silent_run_breaks_a_rule_while_it_runs(tracking: Tracking, rules: Rules) -> None:
    experiment = create_experiment(tracking).name
    silent, ended = (create_run(tracking, experiment=experiment).name for _ in range(2))
    end(tracking, ended)
    condition = {"no_heartbeat": rule_pb2.NoHeartbeat(silence=Duration(seconds=1))}
    rule = rules.create("silent", experiment=experiment, tag=True, stop=True, **condition)
    patient = rules.create(
        "patient", experiment=experiment, no_heartbeat=rule_pb2.NoHeartbeat(silence=Duration(seconds=3600))
    )
    event = rules.event(rule)
    assert (event.run, event.metric, event.HasField("step"), event.HasField("value")) == (silent, "", False, False)
    assert event.reason.startswith("nothing was written for ")
    assert get_run(tracking, silent).tags == {"trivet.rule.silent": event.reason}
    assert rules.stop(silent).reason == event.reason
    assert rules.events(rule=patient.name) == []
    assert not rules.stop(ended).HasField("request_time")


def test_a_rule_asks_to_stop_until_somebody_begins_anew(tracking: Tracking, rules: Rules) -> None:
    run = create_run(tracking).name
    assert rules.stop(run) == run_stop_pb2.RunStop(run=run)
    rule = rules.create("nan", run=run, stop=True)
    points(tracking, run, NAN)
    event = rules.event(rule)
    stop = rules.stop(run)
    assert (stop.rule, stop.reason, stop.requested_by) == (rule.name, "loss is NaN at step 0", "")
    assert stop.HasField("request_time")
    assert not get_run(tracking, run).tags
    end(tracking, run)
    assert rules.stop(run) == stop
    end(tracking, run, run_pb2.RUN_STATUS_RUNNING)
    assert rules.stop(run) == run_stop_pb2.RunStop(run=run)
    points(tracking, run, NAN, first_step=1)
    rules.judged(run)
    assert rules.events(rule=rule.name) == [event]


def test_somebody_asks_to_stop(tracking: Tracking, rules: Rules) -> None:
    run = create_run(tracking).name
    ask = partial(tracking.stub.StopRun, run_stop_pb2.StopRunRequest(name=run, reason="enough"))
    asked = ask()
    assert (asked.run, asked.reason, asked.rule, asked.requested_by) == (run, "enough", "", "anonymous")
    other = run_stop_pb2.StopRunRequest(name=run, reason="another reason")
    assert (rules.stop(run), tracking.stub.StopRun(other)) == (asked, asked)
    tracking.stub.DeleteRun(pb.DeleteRunRequest(name=run))
    failure = error_of(ask)
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "RUN_DELETED")
    assert rules.stop(run) == asked
    missing = f"{tracking.parent}/runs/missing"
    for call in (
        lambda: rules.stop(missing),
        lambda: tracking.stub.StopRun(run_stop_pb2.StopRunRequest(name=missing)),
    ):
        assert error_of(call).reason == "RUN_NOT_FOUND"
    too_long = run_stop_pb2.StopRunRequest(name=run, reason="x" * 2049)
    assert error_of(lambda: tracking.stub.StopRun(too_long)).reason == "FIELD_TOO_LONG"


def test_a_rule_is_kept_as_it_was_said(tracking: Tracking, rules: Rules) -> None:
    experiment, run = create_experiment(tracking).name, create_run(tracking).name
    conditions: list[dict[str, Any]] = [
        NOT_A_NUMBER,
        {"not_a_number": rule_pb2.NotANumber()},
        above(0),
        below(-2.5),
        worse(difference=0),
        worse(MAXIMIZE, factor=1.25),
        stuck(steps=10, min_delta=0.125),
        stuck(MAXIMIZE, time=Duration(seconds=90, nanos=5_000_000)),
        {"no_heartbeat": rule_pb2.NoHeartbeat(silence=Duration(seconds=30))},
    ]
    created = []
    for number, condition in enumerate(conditions):
        owner: dict[str, Any] = {"experiment": experiment} if number % 2 else {"run": run}
        rule = rules.create(f"rule {number}", stop=number % 3 == 0, tag=number % 3 == 1, **owner, **condition)
        said = rule_pb2.Rule(
            name=rule.name,
            display_name=f"rule {number}",
            stop=number % 3 == 0,
            tag=number % 3 == 1,
            created_by="anonymous",
            create_time=rule.create_time,
            **owner,
            **condition,
        )
        assert rule == said
        assert rules.get(rule.name) == said
        created.append(rule)
    assert rules.all() == rules.all(page_size=2) == created
    assert rules.all(experiment=experiment) == created[1::2]
    assert rules.all(run=run) == created[0::2]
    of_experiment = create_run(tracking, experiment=experiment).name
    assert rules.all(run=of_experiment) == created[1::2]


def test_a_rule_that_is_declared_again_is_the_same(tracking: Tracking, rules: Rules) -> None:
    experiment = create_experiment(tracking).name
    webhook = rule_pb2.RuleWebhook(url="https://example.org:8443/hook?key=1")
    declare = partial(rules.create, "diverged", experiment=experiment, webhook=webhook, **above(1))
    created = declare()
    assert len(created.webhook.secret) >= 32
    assert created.webhook.url == webhook.url
    again = declare()
    assert (again.name, again.webhook.secret, rules.get(created.name)) == (created.name, "", again)
    assert {rule.webhook.url for rule in (again, *rules.all())} == {"https://example.org:8443"}
    failure = error_of(lambda: rules.create("diverged", experiment=experiment, **above(2)))
    assert (failure.code, failure.reason) == (grpc.StatusCode.ALREADY_EXISTS, "RULE_NAME_TAKEN")
    assert failure.metadata == {"displayName": "diverged", "name": created.name}
    run = create_run(tracking, experiment=experiment).name
    assert rules.create("diverged", run=run, **above(2)).name != created.name
    rules.delete(created.name)
    assert declare().name != created.name


def test_a_deleted_rule_judges_nothing(tracking: Tracking, rules: Rules) -> None:
    run = create_run(tracking).name
    rule = rules.create("nan", run=run, tag=True, stop=True)
    points(tracking, run, NAN)
    event = rules.event(rule)
    rules.delete(rule.name)
    for gone in (
        lambda: rules.get(rule.name),
        lambda: rules.delete(rule.name),
        lambda: rules.events(rule=rule.name),
    ):
        failure = error_of(gone)
        assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "RULE_NOT_FOUND")
        assert failure.metadata == {"name": rule.name}
    assert rules.events() == rules.all() == []
    assert get_run(tracking, run).tags == {"trivet.rule.nan": event.reason}
    assert rules.stop(run).rule == rule.name
    points(tracking, run, NAN, first_step=1)
    rules.judged(run)
    assert rules.events() == []


def test_an_experiment_and_a_run_have_at_most_a_hundred(tracking: Tracking, rules: Rules) -> None:
    experiment, run = create_experiment(tracking).name, create_run(tracking).name
    for owner, full in (({"experiment": experiment}, experiment), ({"run": run}, run)):
        for number in range(100):
            rules.create(f"rule {number}", **owner)
        failure = error_of(partial(rules.create, "one more", **owner))
        assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "RULE_LIMIT_REACHED")
        assert failure.metadata == {"name": full, "maxRules": "100"}
        assert rules.create("rule 7", **owner).display_name == "rule 7"


def test_runs_in_the_bin_are_not_judged_until_they_are_restored(tracking: Tracking, rules: Rules) -> None:
    experiment = create_experiment(tracking).name
    run = create_run(tracking, experiment=experiment).name
    points(tracking, run, 1.0)
    tracking.stub.DeleteExperiment(pb.DeleteExperimentRequest(name=experiment))
    for owner, reason in (({"experiment": experiment}, "EXPERIMENT_DELETED"), ({"run": run}, "RUN_DELETED")):
        failure = error_of(partial(rules.create, **owner))
        assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, reason)
    tracking.stub.RestoreExperiment(pb.RestoreExperimentRequest(name=experiment))
    silence = rule_pb2.NoHeartbeat(silence=Duration(seconds=3))
    for delete, restore in (
        (
            lambda: tracking.stub.DeleteExperiment(pb.DeleteExperimentRequest(name=experiment)),
            lambda: tracking.stub.RestoreExperiment(pb.RestoreExperimentRequest(name=experiment)),
        ),
        (
            lambda: tracking.stub.DeleteRun(pb.DeleteRunRequest(name=run)),
            lambda: tracking.stub.RestoreRun(pb.RestoreRunRequest(name=run)),
        ),
    ):
        # Not silent, from the creation of the rule until it is in the bin.
        points(tracking, run, 1.0)
        rule = rules.create("silent", run=run, no_heartbeat=silence)
        delete()
        other = create_run(tracking).name
        rules.event(rules.create("other", run=other, no_heartbeat=silence))
        assert rules.events(rule=rule.name) == []
        restore()
        rules.event(rule)
        rules.delete(rule.name)


def test_a_purge_removes_rules_and_their_events(tracking: Tracking, rules: Rules) -> None:
    experiment = create_experiment(tracking).name
    run = create_run(tracking, experiment=experiment).name
    of_run, of_experiment = rules.create("of run", run=run, stop=True), rules.create("nan", experiment=experiment)
    points(tracking, run, NAN)
    for rule in (of_run, of_experiment):
        rules.event(rule)
    tracking.stub.DeleteRun(pb.DeleteRunRequest(name=run))
    tracking.stub.PurgeRuns(purge_pb2.PurgeRunsRequest(parent=tracking.parent, older_than=Duration()))
    assert (rules.all(), rules.events()) == ([of_experiment], [])
    tracking.stub.DeleteExperiment(pb.DeleteExperimentRequest(name=experiment))
    tracking.stub.PurgeExperiments(purge_pb2.PurgeExperimentsRequest(parent=tracking.parent, older_than=Duration()))
    assert rules.all() == []


def test_another_workspace_sees_nothing_of_a_rule(tracking: Tracking, rules: Rules) -> None:
    run = create_run(tracking).name
    rule = rules.create(run=run)
    points(tracking, run, NAN)
    rules.event(rule)
    elsewhere = Tracking(tracking.stub, "default")
    others = Rules(elsewhere)

    def moved(name: str) -> str:
        return name.replace(tracking.parent, elsewhere.parent)

    for refused, reason in (
        (lambda: others.get(moved(rule.name)), "RULE_NOT_FOUND"),
        (lambda: others.delete(moved(rule.name)), "RULE_NOT_FOUND"),
        (lambda: others.events(rule=moved(rule.name)), "RULE_NOT_FOUND"),
        (lambda: others.create(run=moved(run)), "RUN_NOT_FOUND"),
        (lambda: others.all(run=moved(run)), "RUN_NOT_FOUND"),
        (lambda: others.events(run=moved(run)), "RUN_NOT_FOUND"),
        (lambda: others.stop(moved(run)), "RUN_NOT_FOUND"),
        (lambda: others.create(run=run), "WORKSPACES_MIXED"),
    ):
        assert error_of(refused).reason == reason
    assert rule.name not in [each.name for each in others.all()]
    assert rules.get(rule.name) == rule


def in_experiment(**fields: Any) -> Callable[[Tracking], dict[str, Any]]:
    return lambda tracking: {"experiment": tracking.experiment_name(0), **fields}


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        (lambda _: {}, "FIELD_REQUIRED", "experiment"),
        (in_experiment(run="workspaces/default/runs/a"), "WORKSPACES_MIXED", None),
        (
            lambda tracking: {"experiment": tracking.experiment_name(0), "run": tracking.run_name("a")},
            "FIELD_INVALID",
            "run",
        ),
        (lambda tracking: {"run": tracking.run_name("a")}, "RUN_NOT_FOUND", None),
        (lambda tracking: {"experiment": tracking.experiment_name(99)}, "EXPERIMENT_NOT_FOUND", None),
        (in_experiment(display_name=""), "FIELD_REQUIRED", "display_name"),
        (in_experiment(display_name=" "), "FIELD_INVALID", "display_name"),
        (in_experiment(display_name="a\nb"), "FIELD_INVALID", "display_name"),
        (in_experiment(display_name="x" * 101), "FIELD_TOO_LONG", "display_name"),
        (in_experiment(not_a_number=rule_pb2.NotANumber(metric="x" * 251)), "FIELD_TOO_LONG", "not_a_number.metric"),
        (in_experiment(divergence=rule_pb2.Divergence(above=1)), "FIELD_REQUIRED", "divergence.metric"),
        (in_experiment(divergence=rule_pb2.Divergence(metric="a")), "FIELD_REQUIRED", "divergence.limit"),
        (in_experiment(**above(NAN)), "FIELD_INVALID", "divergence.above"),
        (in_experiment(**below(-INF)), "FIELD_INVALID", "divergence.below"),
        (in_experiment(**worse()), "FIELD_REQUIRED", "divergence.worsening.by"),
        (in_experiment(**worse(difference=-1)), "FIELD_INVALID", "divergence.worsening.difference"),
        (in_experiment(**worse(factor=1)), "FIELD_INVALID", "divergence.worsening.factor"),
        (
            in_experiment(**worse(rule_pb2.METRIC_DIRECTION_UNSPECIFIED, factor=2)),
            "FIELD_REQUIRED",
            "divergence.worsening.direction",
        ),
        (in_experiment(**stuck()), "FIELD_REQUIRED", "no_improvement.patience"),
        (in_experiment(**stuck(steps=0)), "FIELD_INVALID", "no_improvement.steps"),
        (in_experiment(**stuck(steps=-5)), "FIELD_INVALID", "no_improvement.steps"),
        (in_experiment(**stuck(time=Duration(seconds=-1))), "FIELD_INVALID", "no_improvement.time"),
        (in_experiment(**stuck(time=Duration(nanos=1))), "FIELD_INVALID", "no_improvement.time"),
        (in_experiment(**stuck(time=Duration(seconds=2**62))), "FIELD_INVALID", "no_improvement.time"),
        (in_experiment(**stuck(steps=1, min_delta=-0.1)), "FIELD_INVALID", "no_improvement.min_delta"),
        (in_experiment(**stuck(steps=1, min_delta=NAN)), "FIELD_INVALID", "no_improvement.min_delta"),
        (
            in_experiment(**stuck(99, steps=1)),  # type: ignore[arg-type] # no direction
            "FIELD_INVALID",
            "no_improvement.direction",
        ),
        (in_experiment(no_heartbeat=rule_pb2.NoHeartbeat()), "FIELD_REQUIRED", "no_heartbeat.silence"),
        (
            in_experiment(no_heartbeat=rule_pb2.NoHeartbeat(silence=Duration(nanos=999_000_000))),
            "FIELD_INVALID",
            "no_heartbeat.silence",
        ),
        (in_experiment(webhook=rule_pb2.RuleWebhook()), "FIELD_REQUIRED", "webhook.url"),
        (in_experiment(webhook=rule_pb2.RuleWebhook(url="ftp://a")), "FIELD_INVALID", "webhook.url"),
        (
            in_experiment(webhook=rule_pb2.RuleWebhook(url="https://example.org", secret="short")),
            "FIELD_INVALID",
            "webhook.secret",
        ),
    ],
)
def test_a_bad_rule_is_refused(
    tracking: Tracking,
    rules: Rules,
    fields: Callable[[Tracking], dict[str, Any]],
    reason: str,
    field: str | None,
) -> None:
    failure = error_of(lambda: rules.create(**fields(tracking)))
    assert failure.reason == reason
    assert failure.fields == (() if field is None else (f"rule.{field}",))
    assert rules.all() == []


def test_a_rule_without_a_condition_is_refused(tracking: Tracking, rules: Rules) -> None:
    rule = rule_pb2.Rule(experiment=tracking.experiment_name(0), display_name="empty")
    request = rule_pb2.CreateRuleRequest(parent=tracking.parent, rule=rule)
    failure = error_of(lambda: tracking.stub.CreateRule(request))
    assert (failure.reason, failure.fields) == ("FIELD_REQUIRED", ("rule.condition",))


def test_bad_lists_are_refused(tracking: Tracking, rules: Rules) -> None:
    run, experiment = create_run(tracking).name, tracking.experiment_name(0)
    for number in range(2):
        rules.create(f"rule {number}", run=run)
    token = tracking.stub.ListRules(rule_pb2.ListRulesRequest(parent=tracking.parent, page_size=1)).next_page_token
    other = rule_pb2.ListRulesRequest(parent=tracking.parent, run=run, page_token=token)
    for refused, reason in (
        (lambda: rules.all(page_size=-1), "FIELD_INVALID"),
        (lambda: rules.events(page_size=-1), "FIELD_INVALID"),
        (lambda: rules.all(run=run, experiment=experiment), "FIELD_INVALID"),
        (lambda: tracking.stub.ListRules(other), "PAGE_TOKEN_INVALID"),
        (lambda: rules.get(f"{tracking.parent}/rules/1"), "RESOURCE_NAME_INVALID"),
    ):
        assert error_of(refused).reason == reason
