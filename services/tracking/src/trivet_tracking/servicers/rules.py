"""Rules on live metrics, what they found, and who was asked to stop."""

from __future__ import annotations

from dataclasses import dataclass

from trivet_kit import fingerprints, page_tokens
from trivet_kit.calls import Call
from trivet_kit.resources import parse_rule, parse_run, parse_workspace
from trivet_proto.tracking.v1 import rule_pb2 as pb
from trivet_proto.tracking.v1 import run_stop_pb2
from trivet_tracking import convert_rules
from trivet_tracking.domain.rules import Rules, RunStops


@dataclass(frozen=True)
class RuleServicer:
    """Implements their part of `trivet.tracking.v1.TrackingService`; what each method does is said in the contract."""

    rules: Rules
    stops: RunStops

    def CreateRule(self, request: pb.CreateRuleRequest, call: Call) -> pb.Rule:
        workspace = parse_workspace(request.parent, "parent").workspace
        rule, is_new = self.rules.create(workspace, convert_rules.to_new_rule(request, call))
        return convert_rules.from_rule(rule, with_secret=is_new)

    def GetRule(self, request: pb.GetRuleRequest, call: Call) -> pb.Rule:
        name = parse_rule(request.name, "name")
        return convert_rules.from_rule(self.rules.get(name.workspace, name.rule_id))

    def ListRules(self, request: pb.ListRulesRequest, call: Call) -> pb.ListRulesResponse:
        bound_to = fingerprints.of_search(request)
        query = convert_rules.to_query(request, page_tokens.decode(bound_to, request.page_token))
        page = self.rules.page(parse_workspace(request.parent, "parent").workspace, query)
        return pb.ListRulesResponse(
            rules=[convert_rules.from_rule(rule) for rule in page.rules],
            next_page_token="" if page.is_last else page_tokens.encode(bound_to, page.cursors[-1]),
        )

    def DeleteRule(self, request: pb.DeleteRuleRequest, call: Call) -> pb.DeleteRuleResponse:
        name = parse_rule(request.name, "name")
        self.rules.delete(name.workspace, name.rule_id)
        return pb.DeleteRuleResponse()

    def ListRuleEvents(self, request: pb.ListRuleEventsRequest, call: Call) -> pb.ListRuleEventsResponse:
        bound_to = fingerprints.of_search(request)
        query = convert_rules.to_event_query(request, page_tokens.decode(bound_to, request.page_token))
        page = self.rules.events(parse_workspace(request.parent, "parent").workspace, query)
        return pb.ListRuleEventsResponse(
            events=[convert_rules.from_event(event) for event in page.events],
            next_page_token="" if page.is_last else page_tokens.encode(bound_to, page.cursors[-1]),
        )

    def StopRun(self, request: run_stop_pb2.StopRunRequest, call: Call) -> run_stop_pb2.RunStop:
        name = parse_run(request.name, "name")
        reason = convert_rules.to_stop_reason(request)
        stop = self.stops.ask(name.workspace, name.run_id, reason, call.principal.subject)
        return convert_rules.from_stop(name.workspace, name.run_id, stop)

    def GetRunStop(self, request: run_stop_pb2.GetRunStopRequest, call: Call) -> run_stop_pb2.RunStop:
        name = parse_run(request.name, "name")
        return convert_rules.from_stop(name.workspace, name.run_id, self.stops.get(name.workspace, name.run_id))
