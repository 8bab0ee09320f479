"""What people saved of pages by name, and what is asked of the store that keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from trivet_kit.page_tokens import Cursor
from trivet_kit.requests import RepeatableRequest


@dataclass(frozen=True)
class SavedView:
    """A saved view as it is kept. Times are milliseconds since the Unix epoch."""

    workspace: str
    saved_view_id: str
    experiment_id: int | None
    """None: it is of no experiment."""
    display_name: str
    state: str
    """The text of a JSON object that only the page understands."""
    created_by: str
    create_time: int
    update_time: int
    revision: int
    """Counts the changes."""


@dataclass(frozen=True)
class NewSavedView:
    """A saved view to create, checked."""

    experiment_id: int | None
    display_name: str
    state: str
    created_by: str


@dataclass(frozen=True)
class SavedViewChange:
    """New values, checked; None leaves a field as it is."""

    display_name: str | None = None
    state: str | None = None


@dataclass(frozen=True)
class SavedViewQuery:
    """A list of saved views by display name, ties by id."""

    everywhere: bool
    """Whether to list all of the workspace, whatever experiment they are of."""
    experiment_id: int | None
    """Otherwise, whose to list; None: those of no experiment."""
    size: int
    """From 1 up."""
    after: Cursor | None
    """The sort key of the last entry of the page before."""


@dataclass(frozen=True)
class SavedViewPage:
    """A page of saved views."""

    saved_views: tuple[SavedView, ...]
    cursors: tuple[Cursor, ...]
    """The sort key of each."""
    is_last: bool
    """Whether nothing follows the last one."""


class SavedViews(Protocol):
    """Keeps saved views, of one workspace in every method. Those that name one raise SavedViewNotFound."""

    def create(self, workspace: str, new: NewSavedView, request: RepeatableRequest | None) -> SavedView:
        """Creates a saved view, or returns what the same request created before.

        Raises:
            ExperimentNotFound, ExperimentDeleted: nothing can be saved of the experiment.
            SavedViewNameTaken: the experiment has one of that display name, or there is one of no experiment.
            SavedViewLimitReached: there are as many as there may be.
            RequestIdReused: the request id came before with another fingerprint.
            SavedViewNotFound: what the same request created was deleted since.
        """
        ...

    def get(self, workspace: str, saved_view_id: str) -> SavedView:
        """Returns a saved view, also one of a deleted experiment."""
        ...

    def page(self, workspace: str, query: SavedViewQuery) -> SavedViewPage:
        """Returns a page.

        Raises:
            ExperimentNotFound: there is no such experiment.
            PageTokenInvalid: the cursor is of another shape than this list's.
        """
        ...

    def update(self, workspace: str, saved_view_id: str, change: SavedViewChange, revision: int | None) -> SavedView:
        """Changes a saved view, where `revision` is given only if it is still the current one.

        Raises:
            ExperimentDeleted, EtagStale, SavedViewNameTaken: nothing is changed.
        """
        ...

    def delete(self, workspace: str, saved_view_id: str) -> None:
        """Deletes a saved view for good."""
        ...
