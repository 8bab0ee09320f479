"""From a name as it is written to the key that it means."""

from __future__ import annotations

from lark import Token, Tree

from trivet_kit.search.expressions import Aggregate, Entity, Key
from trivet_kit.search.faults import Fault, shown
from trivet_kit.search.syntax import is_quoted, start_of, tokens, unquoted
from trivet_kit.search.vocabulary import DATASET_KEYS, Vocabulary

_AGGREGATES = {f".{aggregate.value}": aggregate for aggregate in Aggregate}


def read_key(name: Tree[Token], vocabulary: Vocabulary) -> Key:
    """The key that a `name` of the grammar means, with the canonical name of an attribute.

    Raises:
        Fault: the vocabulary has no such prefix or attribute, the key is empty, or does not follow its prefix at once.
    """
    written = tokens(name)
    suffix = written.pop() if written[-1].type == "AGGREGATE" else None
    *prefixes, token = written
    entity = _entity(prefixes[0], vocabulary) if prefixes else Entity.ATTRIBUTE
    if prefixes and start_of(token) > start_of(prefixes[0]) + len(prefixes[0]):
        # Else `metrics. DESC` in an order_by would sort by a metric of that name.
        raise Fault(
            start_of(prefixes[0]) + len(prefixes[0]),
            f"there is a blank after {shown(prefixes[0])}; the key must follow at once",
        )
    if suffix is not None and entity is not Entity.METRIC:
        raise Fault(start_of(suffix), f"only metrics have {suffix}; leave it out")
    key = unquoted(token)
    if entity is Entity.ATTRIBUTE:
        attribute = vocabulary.attribute(key)
        if attribute is None:
            raise Fault(start_of(token), f"{vocabulary.resources} have no attribute {shown(key)}; {_names(vocabulary)}")
        return Key(entity, attribute.name)
    if not key:
        raise Fault(start_of(token), f"the key is empty; name one, such as {entity.value}.a")
    if entity is Entity.DATASET and key not in DATASET_KEYS:
        raise Fault(start_of(token), f"datasets have no {shown(key)}; they have {', '.join(DATASET_KEYS)}")
    if entity is Entity.METRIC:
        return _metric(key, suffix, bare=not is_quoted(token))
    return Key(entity, key)


def _metric(key: str, suffix: Token | None, *, bare: bool) -> Key:
    if suffix is not None:
        return Key(Entity.METRIC, key, _AGGREGATES[suffix])
    base, dot, end = key.rpartition(".")
    if bare and base and dot + end in _AGGREGATES:
        return Key(Entity.METRIC, base, _AGGREGATES[dot + end])
    return Key(Entity.METRIC, key)


def _entity(prefix: Token, vocabulary: Vocabulary) -> Entity:
    entity = vocabulary.prefixes.get(prefix[:-1])
    if entity is None:
        raise Fault(
            start_of(prefix), f"{vocabulary.resources} have nothing that begins {shown(prefix)}; {_names(vocabulary)}"
        )
    return entity


def _names(vocabulary: Vocabulary) -> str:
    attributes = ", ".join(attribute.name for attribute in vocabulary.attributes)
    keyed = [entity for entity in Entity if entity in vocabulary.prefixes.values() and entity is not Entity.ATTRIBUTE]
    written = [f"{entity.value}.{'name' if entity is Entity.DATASET else 'KEY'}" for entity in keyed]
    return f"they have {', '.join(written)} and the attributes {attributes}"
