"""The rules of a workspace, over the wire."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from trivet_proto.tracking.v1 import rule_pb2, run_stop_pb2
from trivet_testing.records import metric, write
from trivet_testing.tracking import Tracking
from trivet_testing.waiting import wait_until


@dataclass(frozen=True)
class Rules:
    """The rules of a workspace."""

    tracking: Tracking

    def create(self, display_name: str = "rule", **fields: Any) -> rule_pb2.Rule:
        """Creates a rule; by default that no metric is NaN."""
        if not fields.keys() & {"not_a_number", "divergence", "no_improvement", "no_heartbeat"}:
            fields["not_a_number"] = rule_pb2.NotANumber()
        rule = rule_pb2.Rule(display_name=display_name, **fields)
        return self.tracking.stub.CreateRule(rule_pb2.CreateRuleRequest(parent=self.tracking.parent, rule=rule))

    def get(self, name: str) -> rule_pb2.Rule:
        """Reads a rule."""
        return self.tracking.stub.GetRule(rule_pb2.GetRuleRequest(name=name))

    def delete(self, name: str) -> None:
        """Deletes a rule."""
        self.tracking.stub.DeleteRule(rule_pb2.DeleteRuleRequest(name=name))

    def all(self, page_size: int = 0, **fields: str) -> list[rule_pb2.Rule]:
        """All rules of a list, page by page."""
        found: list[rule_pb2.Rule] = []
        request = rule_pb2.ListRulesRequest(parent=self.tracking.parent, page_size=page_size, **fields)
        while True:
            page = self.tracking.stub.ListRules(request)
            found.extend(page.rules)
            request.page_token = page.next_page_token
            if not request.page_token:
                return found

    def events(self, page_size: int = 0, **fields: str) -> list[rule_pb2.RuleEvent]:
        """All events of a list, page by page, the newest first."""
        found: list[rule_pb2.RuleEvent] = []
        request = rule_pb2.ListRuleEventsRequest(parent=self.tracking.parent, page_size=page_size, **fields)
        while True:
            page = self.tracking.stub.ListRuleEvents(request)
            found.extend(page.events)
            request.page_token = page.next_page_token
            if not request.page_token:
                return found

    def event(self, rule: rule_pb2.Rule) -> rule_pb2.RuleEvent:
        """The one event of a rule, once it is there."""
        wait_until(lambda: bool(self.events(rule=rule.name)))
        (event,) = self.events(rule=rule.name)
        return event

    def judged(self, run: str) -> None:
        """Waits until all that a run was written is judged: a rule that breaks by what is written now has its event."""
        mark = self.create("mark", run=run, not_a_number=rule_pb2.NotANumber(metric="mark"))
        write(self.tracking, run, metrics=metric("mark", (0, 0, math.nan)))
        self.event(mark)
        self.delete(mark.name)

    def stop(self, run: str) -> run_stop_pb2.RunStop:
        """What a run was asked."""
        return self.tracking.stub.GetRunStop(run_stop_pb2.GetRunStopRequest(name=run))
