"""Rules on live metrics, what they found, and runs that are asked to stop."""

from __future__ import annotations

from collections.abc import Callable

from trivet._connection import Connection
from trivet._entities import PagedList
from trivet._errors import InvalidArgument
from trivet._names import Names
from trivet._paging import collect
from trivet._rule_entities import Condition, Rule, RuleEvent, RunStop
from trivet._rule_messages import from_event, from_rule, from_stop, set_condition
from trivet_proto.tracking.v1 import rule_pb2 as pb
from trivet_proto.tracking.v1 import run_stop_pb2
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub

# A program asks once a second, and goes on where the server is slow.
_STOP_TIMEOUT_SECONDS = 5.0


class Rules:
    """The rules of one workspace, by which its tracking service judges runs while they are logged (docs/rules.md).

    Every method calls the server and waits. Each may raise a `TrivetError`: ServerUnavailable where no server answers,
    RuleNotFound, else the class of what went wrong.

    Safe for use by several threads, and in the child after a fork.
    """

    def __init__(self, connection: Connection, names: Names, settle: Callable[[str], None]) -> None:
        """Prepares it; calls no server.

        Args:
            connection: To the tracking service.
            names: Of the workspace.
            settle: Waits until the server has what was logged to a run before.
        """
        self._connection = connection
        self._of_writers = connection.of_writers()
        self._names = names
        self._settle = settle

    @property
    def _stub(self) -> TrackingServiceStub:
        return self._connection.stub(TrackingServiceStub)

    def create(
        self,
        name: str,
        condition: Condition,
        *,
        experiment_id: str | int | None = None,
        run_id: str | None = None,
        stop: bool = False,
        tag: bool = True,
        webhook_url: str = "",
        webhook_secret: str = "",
    ) -> Rule:
        """Creates a rule, or returns the one that says the same already: a program may create its rules at each start.

        Args:
            name: What people call it, up to 100 characters; of its experiment or run, each name is one rule's.
            condition: When a run breaks it, such as `trivet.rules.NotANumber("loss")`.
            experiment_id: Whose runs it judges, those to come as well.
            run_id: The one run that it judges, instead.
            stop: Whether it asks whoever logs to the run to stop: `run.should_stop()`.
            tag: Whether it sets the tag `trivet.rule.NAME` of the run to why.
            webhook_url: `https://HOST[:PORT][/PATH]`, which is told by a POST. Addresses that are not public are
                refused, unless whoever operates the service allows them.
            webhook_secret: What signatures of that are made with: 16 to 256 printable ASCII characters. Default: a new
                one, which only the answer that created the rule has.

        Raises:
            InvalidArgument: it cannot be one, or is of both an experiment and a run, or of neither.
            RuleNameTaken: there is a rule of that name that says something else.
            ExperimentNotFound, ExperimentDeleted, RunNotFound, RunDeleted: nothing can be judged there.
            FailedPrecondition: there are 100 rules already.
        """
        if (experiment_id is None) == (run_id is None):
            raise InvalidArgument("A rule is of an experiment or of a run: give either experiment_id or run_id.")
        rule = pb.Rule(display_name=name, stop=stop, tag=tag)
        if experiment_id is not None:
            rule.experiment = self._names.experiment(experiment_id)
        if run_id is not None:
            rule.run = self._names.run(run_id)
            self._settle(run_id)
        if webhook_url or webhook_secret:
            rule.webhook.CopyFrom(pb.RuleWebhook(url=webhook_url, secret=webhook_secret))
        set_condition(rule, condition)
        request = pb.CreateRuleRequest(parent=self._names.parent, rule=rule)
        # A secret that the service makes is in the first answer alone: a second call would not get it.
        has_secret = bool(webhook_secret) or not webhook_url
        return from_rule(self._connection.call(self._stub.CreateRule, request, repeatable=has_secret))

    def get(self, rule_id: str) -> Rule:
        """Returns a rule, without the secret of its webhook."""
        request = pb.GetRuleRequest(name=self._names.rule(rule_id))
        return from_rule(self._connection.call(self._stub.GetRule, request, repeatable=True))

    def list(
        self,
        *,
        experiment_id: str | int | None = None,
        run_id: str | None = None,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> PagedList[Rule]:
        """Returns rules, the oldest first.

        Args:
            experiment_id: Only those of this experiment, without those of its single runs.
            run_id: Only those that judge this run, its experiment's as well.
            max_results: How many at most; as many calls are made as that takes.
            page_token: The `token` of an earlier answer, to go on after it.
        """
        experiment = "" if experiment_id is None else self._names.experiment(experiment_id)
        run = self._run(run_id)

        def ask(size: int, token: str) -> pb.ListRulesResponse:
            request = pb.ListRulesRequest(
                parent=self._names.parent, experiment=experiment, run=run, page_size=size, page_token=token
            )
            return self._connection.call(self._stub.ListRules, request, repeatable=True)

        return collect(ask, lambda page: page.rules, from_rule, max_results, page_token)

    def delete(self, rule_id: str) -> None:
        """Deletes a rule, with its events and what waits to be sent. Tags that it set stay."""
        request = pb.DeleteRuleRequest(name=self._names.rule(rule_id))
        self._connection.call(self._stub.DeleteRule, request, repeatable=False)

    def list_events(
        self,
        *,
        rule_id: str | None = None,
        experiment_id: str | int | None = None,
        run_id: str | None = None,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> PagedList[RuleEvent]:
        """Returns which runs broke which rules, the newest first.

        Args:
            rule_id: Only those of this rule.
            experiment_id: Only those of runs of this experiment.
            run_id: Only those of this run.
            max_results: How many at most; as many calls are made as that takes.
            page_token: The `token` of an earlier answer, to go on after it.
        """
        rule = "" if rule_id is None else self._names.rule(rule_id)
        experiment = "" if experiment_id is None else self._names.experiment(experiment_id)
        run = self._run(run_id)

        def ask(size: int, token: str) -> pb.ListRuleEventsResponse:
            request = pb.ListRuleEventsRequest(
                parent=self._names.parent, rule=rule, experiment=experiment, run=run, page_size=size, page_token=token
            )
            return self._connection.call(self._stub.ListRuleEvents, request, repeatable=True)

        return collect(ask, lambda page: page.events, from_event, max_results, page_token)

    def stop_run(self, run_id: str, reason: str = "") -> RunStop:
        """Asks whoever logs to a run to stop, and returns what was asked first. Nothing is ended by it.

        Args:
            run_id: Of the run.
            reason: Why, for people.

        Raises:
            RunNotFound, RunDeleted: nobody logs to it.
        """
        name = self._run(run_id)
        request = run_stop_pb2.StopRunRequest(name=name, reason=reason)
        stop = from_stop(self._connection.call(self._stub.StopRun, request, repeatable=True))
        assert stop is not None  # as it was asked just now
        return stop

    def get_run_stop(self, run_id: str) -> RunStop | None:
        """What whoever logs to a run was asked since somebody last began to; None: nothing. Raises RunNotFound."""
        request = run_stop_pb2.GetRunStopRequest(name=self._run(run_id))
        return from_stop(self._connection.call(self._stub.GetRunStop, request, repeatable=True))

    def look_for_stop(self, run_id: str) -> RunStop | None:
        """As `get_run_stop`, for whoever logs: once, soon, and of what the server has by now."""
        request = run_stop_pb2.GetRunStopRequest(name=self._names.run(run_id))
        method = self._of_writers.stub(TrackingServiceStub).GetRunStop
        return from_stop(
            self._of_writers.call(method, request, repeatable=False, timeout_seconds=_STOP_TIMEOUT_SECONDS)
        )

    def _run(self, run_id: str | None) -> str:
        """The name of a run of which the server has what was logged before; empty for None."""
        if run_id is None:
            return ""
        name = self._names.run(run_id)
        self._settle(run_id)
        return name
