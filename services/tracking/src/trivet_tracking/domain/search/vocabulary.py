"""What the language knows of each kind of resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from trivet_tracking.domain.search.expressions import Entity


class AttributeType(Enum):
    """How an attribute is compared."""

    TEXT = "text"
    STATUS = "status"
    """A text that is one of a run's statuses."""
    TIME = "time"
    """An integer: milliseconds since the Unix epoch."""


@dataclass(frozen=True)
class Vocabulary:
    """The names of one kind of resource."""

    attributes: Mapping[str, AttributeType]
    aliases: Mapping[str, str]
    """Other names of attributes."""
    entities: frozenset[Entity]
    """Those that a filter may name."""
    sortable: frozenset[Entity]
    """Those that an order may name."""


STATUSES = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")

# As MLflow has them (mlflow-protocol.md §3); the first of each is ours.
ENTITY_NAMES: Mapping[str, Entity] = MappingProxyType(
    {
        "metrics": Entity.METRIC,
        "metric": Entity.METRIC,
        "params": Entity.PARAM,
        "param": Entity.PARAM,
        "parameter": Entity.PARAM,
        "parameters": Entity.PARAM,
        "tags": Entity.TAG,
        "tag": Entity.TAG,
        "attributes": Entity.ATTRIBUTE,
        "attribute": Entity.ATTRIBUTE,
        "attr": Entity.ATTRIBUTE,
        "run": Entity.ATTRIBUTE,
    }
)

RUNS = Vocabulary(
    attributes=MappingProxyType(
        {
            "run_id": AttributeType.TEXT,
            "run_name": AttributeType.TEXT,
            "status": AttributeType.STATUS,
            "user_id": AttributeType.TEXT,
            "created_by": AttributeType.TEXT,
            "source": AttributeType.TEXT,
            "git_commit": AttributeType.TEXT,
            "parent_run_id": AttributeType.TEXT,
            "start_time": AttributeType.TIME,
            "end_time": AttributeType.TIME,
        }
    ),
    aliases=MappingProxyType(
        {
            "created": "start_time",
            "Created": "start_time",
            "run name": "run_name",
            "Run name": "run_name",
            "Run Name": "run_name",
        }
    ),
    entities=frozenset(Entity),
    sortable=frozenset(Entity),
)

EXPERIMENTS = Vocabulary(
    attributes=MappingProxyType(
        {
            "name": AttributeType.TEXT,
            "experiment_id": AttributeType.TEXT,
            "creation_time": AttributeType.TIME,
            "last_update_time": AttributeType.TIME,
        }
    ),
    aliases=MappingProxyType({}),
    entities=frozenset({Entity.ATTRIBUTE, Entity.TAG}),
    sortable=frozenset({Entity.ATTRIBUTE}),
)
