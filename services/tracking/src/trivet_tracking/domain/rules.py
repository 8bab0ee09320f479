"""Rules on live metrics, what they found, and what is asked of the stores that keep both.

Times are milliseconds since the Unix epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from trivet_kit.page_tokens import Cursor
from trivet_kit.webhooks.deliveries import DeliveryState
from trivet_tracking.domain.metrics import Moment, Points
from trivet_tracking.domain.rule_conditions import Breach, Condition, MetricCondition, NoHeartbeat
from trivet_tracking.domain.watches import Position

SegmentId: TypeAlias = tuple[int, int]
"""A number and a time: SQLite gives numbers of deleted segments again."""

TAG_PREFIX = "trivet.rule."


@dataclass(frozen=True)
class RuleWebhook:
    """Who is told."""

    url: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class NewRule:
    """A rule to create, checked."""

    experiment_id: int | None
    """None: it is of a run."""
    run_id: str
    """Empty: it is of an experiment."""
    display_name: str
    condition: Condition
    stops: bool
    tags: bool
    webhook: RuleWebhook | None
    created_by: str
    fingerprint: str
    """Differs for rules that say something else; tells a repeated creation from another rule with the same name."""


@dataclass(frozen=True)
class Rule:
    """A rule as it is kept."""

    workspace: str
    rule_id: str
    experiment_id: int
    """Also where it is of one run: that of the run."""
    run_id: str
    """Empty: it is of the experiment."""
    display_name: str
    condition: Condition
    stops: bool
    tags: bool
    webhook: RuleWebhook | None
    created_by: str
    create_time: int


@dataclass(frozen=True)
class RuleQuery:
    """A list of rules, the oldest first."""

    experiment_id: int | None
    """Only those of this experiment."""
    run_id: str
    """Only those that judge this run; empty: all. Not both."""
    size: int
    """From 1 up."""
    after: Cursor | None


@dataclass(frozen=True)
class RulePage:
    """A page of rules."""

    rules: tuple[Rule, ...]
    cursors: tuple[Cursor, ...]
    """The sort key of each."""
    is_last: bool


@dataclass(frozen=True)
class EventDelivery:
    """The sending of an event, with its last attempt."""

    state: DeliveryState
    attempts: int
    attempt_time: int | None
    due_time: int
    http_status: int
    problem: str


@dataclass(frozen=True)
class RuleEvent:
    """That a run broke a rule."""

    workspace: str
    event_id: str
    rule_id: str
    display_name: str
    """Of the rule."""
    experiment_id: int
    run_id: str
    breach: Breach
    create_time: int
    delivery: EventDelivery | None
    """None: nobody is told."""


@dataclass(frozen=True)
class RuleEventQuery:
    """A list of events, the newest first; what is empty or None does not restrict it."""

    rule_id: str
    experiment_id: int | None
    run_id: str
    size: int
    """From 1 up."""
    after: Cursor | None


@dataclass(frozen=True)
class RuleEventPage:
    """A page of events."""

    events: tuple[RuleEvent, ...]
    cursors: tuple[Cursor, ...]
    """The sort key of each."""
    is_last: bool


class Rules(Protocol):
    """Keeps rules, of one workspace in every method. Those that name one raise RuleNotFound."""

    def create(self, workspace: str, new: NewRule) -> tuple[Rule, bool]:
        """Creates a rule, or returns the same one that was created before; and whether it is new.

        Raises:
            ExperimentNotFound, ExperimentDeleted, RunNotFound, RunDeleted: nothing can be judged there.
            RuleNameTaken: another one has the display name there.
            RuleLimitReached: there are as many as there may be.
        """
        ...

    def get(self, workspace: str, rule_id: str) -> Rule:
        """Returns a rule."""
        ...

    def page(self, workspace: str, query: RuleQuery) -> RulePage:
        """Returns a page. Raises ExperimentNotFound, RunNotFound, PageTokenInvalid."""
        ...

    def delete(self, workspace: str, rule_id: str) -> None:
        """Deletes a rule with its events."""
        ...

    def events(self, workspace: str, query: RuleEventQuery) -> RuleEventPage:
        """Returns a page of events. Raises RuleNotFound, ExperimentNotFound, RunNotFound, PageTokenInvalid."""
        ...


@dataclass(frozen=True)
class JudgedRun:
    """A run that a rule judges, and which has not broken it yet."""

    rule_key: int
    """The store's key of the rule; with the id, as the key of a deleted row may be given again."""
    rule_id: str
    run_key: int
    """The store's key of the run."""
    run_id: str


@dataclass(frozen=True)
class JudgedSeries(JudgedRun):
    """A metric of such a run that has changed."""

    metric: str
    condition: MetricCondition
    count: int
    """How many points it has by now; some may be counted twice for a while."""


@dataclass(frozen=True)
class SilentRun(JudgedRun):
    """A RUNNING one that has been written nothing for longer than the rule allows."""

    condition: NoHeartbeat
    silence_millis: int


@dataclass(frozen=True)
class WantedRun:
    """What is to be read of a run."""

    run_key: int
    after: Mapping[str, Moment | None]
    """The metrics, each with the moment after which points of chunks are wanted; None: all."""
    seen: frozenset[SegmentId]
    """The segments of the log that are not."""


@dataclass(frozen=True)
class Piece:
    """Points of a metric in one segment of the log, of one context, in order."""

    segment: SegmentId
    context: int
    points: Points


@dataclass(frozen=True)
class ReadSeries:
    """What was read of a metric, over all contexts."""

    chunks: Mapping[int, Points]
    """Those after the moment, in order, by number of the context."""
    pieces: Sequence[Piece]
    count: int
    """How many points it has in all, those of each context for themselves."""
    is_exact: bool
    """Else points that were written twice may be counted twice, until the folder has compared them."""


@dataclass(frozen=True)
class Reading:
    """What was read of a run."""

    metrics: Mapping[str, ReadSeries]
    """Those that it has."""
    segments: frozenset[SegmentId]
    """All that its log has."""


@dataclass(frozen=True)
class Look:
    """What there is to judge."""

    position: Position
    """From where the next look begins."""
    rule_ids: frozenset[str]
    """All rules that there are."""
    series: Sequence[JudgedSeries] = ()
    """What was written just now."""
    backlog: Sequence[JudgedSeries] = ()
    """What was written before anybody looked, or before the rule."""
    silent: Sequence[SilentRun] = ()
    shortened: frozenset[str] = frozenset()
    """The ids of runs from which points were removed."""


class Judged(Protocol):
    """Finds what there is to judge, and keeps what was found."""

    def look(self, position: Position | None, known: frozenset[str], heard_millis: int) -> Look:
        """What changed after a position.

        Args:
            position: That of the look before; None: all that is known to have changed lately.
            known: The rules of the look before. Those that came since are judged by all that RUNNING runs have.
            heard_millis: For how long writes could reach the service: no silence is longer.

        Raises:
            ResumeTokenExpired: changes are no longer kept from there on.
        """
        ...

    def read(self, wanted: Sequence[WantedRun]) -> Mapping[int, Reading]:
        """Points of metrics of runs, by key of the run, all as of one moment."""
        ...

    def fire(self, one: JudgedSeries | SilentRun, breach: Breach) -> bool:
        """Keeps that a run broke a rule, and does what the rule says, in one step; whether it is the first to."""
        ...


@dataclass(frozen=True)
class RunStop:
    """That whoever writes to a run has been asked to stop."""

    request_time: int
    reason: str
    rule_id: str
    """Empty: somebody asked."""
    requested_by: str
    """Empty: a rule asked."""


class RunStops(Protocol):
    """Keeps who was asked to stop. Raises RunNotFound."""

    def ask(self, workspace: str, run_id: str, reason: str, requested_by: str) -> RunStop:
        """Asks, unless that has been done. Raises RunDeleted."""
        ...

    def get(self, workspace: str, run_id: str) -> RunStop | None:
        """What was asked since somebody last began to write to the run."""
        ...
