"""Logged models, and what is asked of the store that keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Protocol

from trivet_kit.page_tokens import Cursor
from trivet_kit.search.expressions import And, OrderClause
from trivet_tracking.domain.metrics import CurrentValue


class LoggedModelStatus(IntEnum):
    """Whether the files of a logged model are in place; numbered as in the contract."""

    PENDING = 1
    READY = 2
    UPLOAD_FAILED = 3


class LoggedModelMetric(NamedTuple):
    """The current value of a metric of a logged model, as one run measured it on one dataset, over all ranks."""

    key: str
    run_id: str
    dataset_name: str
    dataset_digest: str
    current: CurrentValue


@dataclass(frozen=True)
class LoggedModel:
    """A logged model as it is kept. Times are milliseconds since the Unix epoch."""

    workspace: str
    model_id: str
    experiment_id: int
    display_name: str
    model_type: str
    source_run_id: str
    status: LoggedModelStatus
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: tuple[LoggedModelMetric, ...]
    """Sorted by key, run, dataset name and digest."""
    created_by: str
    create_time: int
    update_time: int
    delete_time: int | None
    revision: int
    """Counts the changes of status, params and tags."""


@dataclass(frozen=True)
class NewLoggedModel:
    """A logged model to create, checked."""

    model_id: str
    experiment_id: int
    display_name: str
    model_type: str
    source_run_id: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    created_by: str
    fingerprint: str
    """Differs for requests with different content; tells a repeated creation from another model with the same id."""


@dataclass(frozen=True)
class DatasetSelector:
    """Which datasets count: those of a name, and of a digest where that is not empty."""

    name: str
    digest: str


@dataclass(frozen=True)
class LoggedModelOrder:
    """A clause to sort by."""

    clause: OrderClause
    dataset: DatasetSelector | None
    """Of a metric, the only dataset whose values count; None: all of them."""


@dataclass(frozen=True)
class LoggedModelFields:
    """What is loaded of logged models, besides the fields that cost nothing."""

    metrics: bool = True
    params: bool = True
    tags: bool = True


ALL_FIELDS = LoggedModelFields()


@dataclass(frozen=True)
class LoggedModelQuery:
    """A search for logged models."""

    experiment_ids: tuple[int, ...]
    """Empty: all of the workspace."""
    where: And
    datasets: tuple[DatasetSelector, ...]
    """The only datasets on which metrics count in `where`; empty: all, and metrics without a dataset."""
    order_by: tuple[LoggedModelOrder, ...]
    size: int
    """From 1 up."""
    after: Cursor | None
    """The sort key of the last entry of the page before."""
    fields: LoggedModelFields = ALL_FIELDS


@dataclass(frozen=True)
class LoggedModelPage:
    """A page of logged models."""

    logged_models: tuple[LoggedModel, ...]
    cursors: tuple[Cursor, ...]
    """The sort key of each."""
    is_last: bool
    """Whether nothing follows the last one."""


class LoggedModels(Protocol):
    """Keeps logged models. Every method sees one workspace, and none but `delete` shows a deleted model."""

    def create(self, workspace: str, new: NewLoggedModel) -> LoggedModel:
        """Creates a logged model; the same creation again returns the model as it is by now.

        Raises:
            LoggedModelIdTaken: the id was used with another fingerprint, or its model is deleted.
            ExperimentNotFound, ExperimentDeleted: there is nowhere to put it.
        """
        ...

    def get(self, workspace: str, model_id: str) -> LoggedModel:
        """Returns a logged model. Raises LoggedModelNotFound."""
        ...

    def search(self, workspace: str, query: LoggedModelQuery) -> LoggedModelPage:
        """Returns a page. Raises ExperimentNotFound, and PageTokenInvalid for a cursor of another shape."""
        ...

    def finalize(self, workspace: str, model_id: str, status: LoggedModelStatus, revision: int | None) -> LoggedModel:
        """Gives a PENDING model its status, where `revision` is given only if it is still the current one.

        A model that has the status already stays as it is.

        Raises:
            LoggedModelNotFound, ExperimentDeleted, EtagStale: nothing is changed.
            LoggedModelFinalized: it has another status for good.
        """
        ...

    def set_tags(
        self, workspace: str, model_id: str, tags: Mapping[str, str], deleted: frozenset[str], revision: int | None
    ) -> LoggedModel:
        """Sets and removes tags, all or none, where `revision` is given only if it is still the current one.

        Raises:
            LoggedModelNotFound, ExperimentDeleted, EtagStale, TagNotFound: nothing is changed.
        """
        ...

    def add_params(self, workspace: str, model_id: str, params: Mapping[str, str]) -> LoggedModel:
        """Adds params, all or none; one that is there with the same value stays.

        Raises:
            LoggedModelNotFound, ExperimentDeleted, ParamChanged: nothing is changed.
        """
        ...

    def delete(self, workspace: str, model_id: str) -> LoggedModel:
        """Deletes a logged model and returns it as it was left. Raises LoggedModelNotFound."""
        ...
