"""What can be searched by: the names that a kind of resource has, and the types of their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from trivet_kit.search.expressions import Entity, Key


class ValueType(Enum):
    """As what values are compared."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "whole number"
    TIME_MILLIS = "time in milliseconds since the Unix epoch"


@dataclass(frozen=True)
class Attribute:
    """An attribute by its canonical name."""

    name: str
    type: ValueType = ValueType.TEXT
    aliases: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    """The only values that there are; empty if there may be any."""
    optional: bool = False
    """Whether a resource may lack it."""


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

    def may_lack(self, key: Key) -> bool:
        """Whether a resource may lack a key of this vocabulary."""
        return key.entity is not Entity.ATTRIBUTE or self._attributes[key.name].optional

    def type_of(self, key: Key) -> ValueType:
        """As what the values of a key of this vocabulary are compared; params also as numbers."""
        if key.entity is Entity.ATTRIBUTE:
            return self._attributes[key.name].type
        return ValueType.NUMBER if key.entity is Entity.METRIC else ValueType.TEXT

    @cached_property
    def _attributes(self) -> dict[str, Attribute]:
        return {name: attribute for attribute in self.attributes for name in (attribute.name, *attribute.aliases)}


DATASET_KEYS = ("name", "digest", "context")
"""What datasets are compared by."""

# What may stand before a dot for an entity: MLflow's words (mlflow-protocol.md §3.1).
OF_ATTRIBUTES = dict.fromkeys(("attributes", "attribute", "attr"), Entity.ATTRIBUTE)
OF_METRICS = dict.fromkeys(("metrics", "metric"), Entity.METRIC)
OF_PARAMS = dict.fromkeys(("params", "param", "parameters", "parameter"), Entity.PARAM)
OF_DATASETS = dict.fromkeys(("datasets", "dataset"), Entity.DATASET)
OF_TAGS = dict.fromkeys(("tags", "tag"), Entity.TAG)
