"""Rules on live metrics: what runs must not do while they are logged (docs/rules.md).

A condition says when a run breaks a rule; `trivet.create_rule` and `run.add_rule` take one. Metrics are judged over all
contexts as one, point by point in their order.
"""

from __future__ import annotations

from trivet._rule_entities import (
    Condition,
    Divergence,
    NoHeartbeat,
    NoImprovement,
    NotANumber,
    Rule,
    RuleEvent,
    RuleEventDelivery,
    RunStop,
)

__all__ = [
    "Condition",
    "Divergence",
    "NoHeartbeat",
    "NoImprovement",
    "NotANumber",
    "Rule",
    "RuleEvent",
    "RuleEventDelivery",
    "RunStop",
]
