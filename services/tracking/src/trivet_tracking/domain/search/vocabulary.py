"""What can be searched by: the names that a kind of resource has, and the types of their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from trivet_tracking.domain.runs import RunStatus
from trivet_tracking.domain.search.expressions import Entity, Key


class ValueType(Enum):
    """As what values are compared."""

    TEXT = "text"
    NUMBER = "number"
    TIME_MILLIS = "time in milliseconds since the Unix epoch"


@dataclass(frozen=True)
class Attribute:
    """An attribute by its canonical name."""

    name: str
    type: ValueType = ValueType.TEXT
    aliases: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    """The only values that there are; empty if there may be any."""


@dataclass(frozen=True)
class Vocabulary:
    """The names in the searches for one kind of resource."""

    resources: str
    """The resources in the plural, for messages."""
    attributes: tuple[Attribute, ...]
    prefixes: Mapping[str, Entity]
    """What may stand before the first dot of a name. Case counts."""
    sortable: frozenset[Entity]

    def attribute(self, name: str) -> Attribute | None:
        """The attribute with this name or alias; case counts."""
        return self._attributes.get(name)

    def type_of(self, key: Key) -> ValueType:
        """As what the values of a key of this vocabulary are compared."""
        if key.entity is Entity.ATTRIBUTE:
            return self._attributes[key.name].type
        return ValueType.NUMBER if key.entity is Entity.METRIC else ValueType.TEXT

    @cached_property
    def _attributes(self) -> dict[str, Attribute]:
        return {name: attribute for attribute in self.attributes for name in (attribute.name, *attribute.aliases)}


# The prefixes and aliases are MLflow's (mlflow-protocol.md §3.1).
_OF_ATTRIBUTES = dict.fromkeys(("attributes", "attribute", "attr"), Entity.ATTRIBUTE)
_OF_METRICS = dict.fromkeys(("metrics", "metric"), Entity.METRIC)
_OF_PARAMS = dict.fromkeys(("params", "param", "parameters", "parameter"), Entity.PARAM)
_OF_TAGS = dict.fromkeys(("tags", "tag"), Entity.TAG)

RUNS = Vocabulary(
    resources="runs",
    attributes=(
        Attribute("run_id"),
        Attribute("run_name", aliases=("run name", "Run name", "Run Name")),
        Attribute("status", values=tuple(status.name for status in RunStatus)),
        Attribute("user_id"),
        Attribute("created_by"),
        Attribute("source"),
        Attribute("git_commit"),
        Attribute("parent_run_id"),
        Attribute("start_time", ValueType.TIME_MILLIS, aliases=("created", "Created")),
        Attribute("end_time", ValueType.TIME_MILLIS),
    ),
    prefixes={**_OF_METRICS, **_OF_PARAMS, **_OF_TAGS, **_OF_ATTRIBUTES, "run": Entity.ATTRIBUTE},
    sortable=frozenset(Entity),
)

EXPERIMENTS = Vocabulary(
    resources="experiments",
    attributes=(
        Attribute("name"),
        Attribute("experiment_id"),
        Attribute("creation_time", ValueType.TIME_MILLIS),
        Attribute("last_update_time", ValueType.TIME_MILLIS),
    ),
    prefixes={**_OF_TAGS, **_OF_ATTRIBUTES},
    sortable=frozenset({Entity.ATTRIBUTE}),
)
