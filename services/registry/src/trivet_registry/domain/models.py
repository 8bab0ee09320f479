"""Models, and what is asked of the store that keeps them. Times are milliseconds since the Unix epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from trivet_kit.page_tokens import Cursor
from trivet_kit.requests import RepeatableRequest
from trivet_kit.resources import ModelName
from trivet_kit.search.expressions import And, OrderClause
from trivet_registry.domain.history import By

_Entry = TypeVar("_Entry")


@dataclass(frozen=True)
class Model:
    """A model as it is kept."""

    name: ModelName
    uid: str
    """32 hexadecimal digits; survives a rename."""
    description: str
    tags: Mapping[str, str]
    aliases: Mapping[str, int]
    create_time: int
    update_time: int
    """Of the model, or one of its versions."""
    created_by: str
    revision: int
    """Counts the changes of its own fields and of its aliases."""


@dataclass(frozen=True)
class NewModel:
    """A model to create, checked."""

    name: ModelName
    description: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Query:
    """A search."""

    where: And
    order_by: tuple[OrderClause, ...]
    size: int
    """From 1 up."""
    after: Cursor | None
    """The sort key of the last entry of the page before."""


@dataclass(frozen=True)
class Page(Generic[_Entry]):
    """A page of what was searched."""

    entries: tuple[_Entry, ...]
    cursors: tuple[Cursor, ...]
    """The sort key of each entry."""
    is_last: bool
    """Whether nothing follows the last entry."""


class Models(Protocol):
    """Keeps models and their aliases.

    Methods that name a model raise ModelNotFound where it is not there. Those that take a `revision` raise EtagStale
    where it is given and is not the current one. What raises changes nothing.
    """

    def create(self, new: NewModel, by: By, request: RepeatableRequest | None) -> Model:
        """Creates a model, or returns what the same request created before.

        Raises:
            ModelNameTaken: the workspace has one of that name.
            RequestIdReused: the request id came before with another fingerprint.
        """
        ...

    def get(self, name: ModelName) -> Model:
        """Returns a model."""
        ...

    def search(self, workspace: str, query: Query) -> Page[Model]:
        """Returns a page. Raises PageTokenInvalid for a cursor of another shape than this search's."""
        ...

    def describe(self, name: ModelName, description: str, by: By, revision: int | None) -> Model:
        """Gives a model another description."""
        ...

    def rename(self, name: ModelName, new_name: ModelName, by: By, request: RepeatableRequest | None) -> Model:
        """Gives a model another name. Raises as `create` and `delete` do."""
        ...

    def set_tags(self, name: ModelName, tags: Mapping[str, str], deleted: frozenset[str], by: By) -> Model:
        """Sets and removes tags, all or none."""
        ...

    def set_alias(self, name: ModelName, alias: str, version: int, by: By, revision: int | None) -> Model:
        """Lets an alias point at a version. Raises ModelVersionNotFound, ModelVersionNotReady, AliasProtected."""
        ...

    def delete_alias(self, name: ModelName, alias: str, by: By, revision: int | None) -> Model:
        """Removes an alias; without one, changes nothing. Raises AliasProtected."""
        ...

    def delete(self, name: ModelName, by: By, revision: int | None) -> None:
        """Deletes a model with all that belongs to it but its history. Raises StageProtected, AliasProtected."""
        ...
