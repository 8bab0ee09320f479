"""Rules on live metrics as values: their conditions, what they found, and who was asked to stop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True)
class NotANumber:
    """Broken by a NaN or an infinity."""

    metric: str = ""
    """Of this metric; empty: of any."""


@dataclass(frozen=True)
class Divergence:
    """Broken by a value that is too far out; exactly one of `above` to `worse_by_factor` says how far.

    The last two compare with the best value before it, which `direction` says.
    """

    metric: str
    above: float | None = None
    """By a value above this."""
    below: float | None = None
    """By a value below this."""
    worse_by: float | None = None
    """By a value that is worse than the best by more than this."""
    worse_by_factor: float | None = None
    """By a value that is worse than the best by more than (factor - 1) times its size: with 3, 0.7 after 0.2."""
    direction: str = "minimize"
    """Which values are better: `minimize` or `maximize`."""


@dataclass(frozen=True)
class NoImprovement:
    """Broken by a point that is no improvement, so many steps or seconds after the last one; either is given."""

    metric: str
    steps: int | None = None
    """As they are logged; from 1 up."""
    seconds: float | None = None
    """By the times of the points."""
    direction: str = "minimize"
    """Which values are better: `minimize` or `maximize`."""
    min_delta: float = 0.0
    """An improvement is better by more than this."""


@dataclass(frozen=True)
class NoHeartbeat:
    """Broken by a RUNNING run from which the server hears nothing for so long."""

    seconds: float
    """From 1 up."""


Condition: TypeAlias = NotANumber | Divergence | NoImprovement | NoHeartbeat


@dataclass(frozen=True)
class Rule:
    """A rule by which the server judges runs."""

    rule_id: str
    name: str
    condition: Condition
    experiment_id: str | None
    """Of the experiment whose runs it judges; None where it is of one run."""
    run_id: str | None
    """Of the run that it judges; None where it is of an experiment."""
    stop: bool
    """Whether it asks a run that breaks it to stop."""
    tag: bool
    """Whether it marks a run that breaks it by the tag `trivet.rule.NAME`."""
    webhook_url: str = ""
    """What is told of it; empty: nothing."""
    webhook_secret: str = field(default="", repr=False)
    """What signatures are made with; only the answer to its creation has it."""
    created_by: str = ""
    creation_timestamp: int | None = None


@dataclass(frozen=True)
class RuleEventDelivery:
    """The sending of an event to a webhook."""

    state: str
    """`PENDING`, `DELIVERED` or `FAILED`."""
    attempts: int
    """How many times it was sent."""
    http_status: int | None
    """Of the last answer; None where there was none."""
    problem: str
    """Why the last attempt failed; empty where it did not."""
    attempt_timestamp: int | None
    """When it was last sent."""
    next_attempt_timestamp: int | None
    """When it is sent next; None where it is not."""


@dataclass(frozen=True)
class RuleEvent:
    """That a run broke a rule."""

    event_id: str
    rule_id: str
    rule_name: str
    experiment_id: str
    run_id: str
    reason: str
    """For people: `loss is NaN at step 7`."""
    metric: str
    """Empty of a run that was silent."""
    step: int | None
    value: float | None
    creation_timestamp: int
    delivery: RuleEventDelivery | None
    """None: nobody is told."""


@dataclass(frozen=True)
class RunStop:
    """That whoever logs to a run was asked to stop."""

    reason: str
    """For people; may be empty."""
    rule_id: str | None
    """Of the rule that asked; None: somebody did."""
    requested_by: str
    """Who asked; empty where a rule did."""
    request_timestamp: int
