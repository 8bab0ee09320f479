"""How long it takes from a write that breaks a rule until its event is there, beside runs that are written as well."""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections.abc import Iterator

from harness import PARENT, Cell, Setting

from trivet_proto.tracking.v1 import rule_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns

_EVENTS = 20
_OTHER_RUNS = 50
_PAUSE_SECONDS = 0.01
_GOAL_SECONDS = 2.0


def cells(setting: Setting) -> Iterator[Cell]:
    """The median and the longest of some events."""
    seconds: list[float] = []

    def median() -> float:
        seconds.extend(_seconds(setting))
        return statistics.median(seconds)

    yield Cell(f"write to event, median of {_EVENTS}", "s", median, _GOAL_SECONDS, less_is_better=True, rounds=1)
    yield Cell("the longest of them", "s", lambda: max(seconds), _GOAL_SECONDS, less_is_better=True, rounds=1)


def _seconds(setting: Setting) -> list[float]:
    rule = rule_pb2.Rule(experiment=f"{PARENT}/experiments/0", display_name="nan", not_a_number=rule_pb2.NotANumber())
    name = setting.stub.CreateRule(rule_pb2.CreateRuleRequest(parent=PARENT, rule=rule)).name
    others = [_create_run(setting) for _ in range(_OTHER_RUNS)]
    ended = threading.Event()

    def write_others() -> None:
        step = 0
        while not ended.wait(_PAUSE_SECONDS):
            step += 1
            for run in others:
                _write(setting, run, step, 1 / step)

    writer = threading.Thread(target=write_others)
    writer.start()
    try:
        return [_seconds_of_one(setting, name, number) for number in range(_EVENTS)]
    finally:
        ended.set()
        writer.join()


def _seconds_of_one(setting: Setting, rule: str, number: int) -> float:
    run = _create_run(setting)
    # So that writes come at different times of a look.
    time.sleep(number / _EVENTS)
    _write(setting, run, 1, math.nan)
    began = time.monotonic()
    request = rule_pb2.ListRuleEventsRequest(parent=PARENT, rule=rule, run=run)
    while not setting.stub.ListRuleEvents(request).events:
        time.sleep(_PAUSE_SECONDS)
    return time.monotonic() - began


def _create_run(setting: Setting) -> str:
    return setting.stub.CreateRun(pb.CreateRunRequest(parent=PARENT)).name


def _write(setting: Setting, run: str, step: int, value: float) -> None:
    columns = MetricColumns(keys=["loss"], steps=[step], times_millis=[step], values=[value])
    setting.stub.WriteRun(pb.WriteRunRequest(run=run, writer_id=1, sequence=step, metrics=columns))
