"""What went into runs and what came out of them, besides params, metrics and tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from trivet_kit.page_tokens import Cursor

CONTEXT_TAG = "mlflow.data.context"
"""The tag of an input whose value is what searches call the context of its dataset."""


class DatasetKey(NamedTuple):
    """What tells the datasets of an experiment apart."""

    name: str
    digest: str


@dataclass(frozen=True)
class Dataset:
    """What data is; the first that is said of a name and digest in an experiment stays."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str
    profile: str

    @property
    def key(self) -> DatasetKey:
        """Name and digest."""
        return DatasetKey(self.name, self.digest)


@dataclass(frozen=True)
class DatasetInput:
    """A dataset, and what a run used it for."""

    dataset: Dataset
    tags: Mapping[str, str]


class ModelOutput(NamedTuple):
    """A logged model that a run made at a step. Ordered as a run shows them."""

    step: int
    model_id: str


@dataclass(frozen=True)
class RunLinks:
    """Datasets and logged models of a run."""

    datasets: tuple[DatasetInput, ...] = ()
    model_inputs: tuple[str, ...] = ()
    """Ids of logged models that it used."""
    model_outputs: tuple[ModelOutput, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.datasets or self.model_inputs or self.model_outputs)


NO_LINKS = RunLinks()


@dataclass(frozen=True)
class DatasetSummary:
    """A dataset as runs of an experiment used it."""

    experiment_id: int
    name: str
    digest: str
    context: str
    """Empty where the runs do not say."""


@dataclass(frozen=True)
class DatasetQuery:
    """A search for datasets."""

    experiment_ids: tuple[int, ...]
    """Empty: all of the workspace."""
    size: int
    """From 1 up."""
    after: Cursor | None
    """The sort key of the last entry of the page before."""


@dataclass(frozen=True)
class DatasetPage:
    """A page of datasets, sorted by experiment, name, digest and context."""

    datasets: Sequence[DatasetSummary]
    cursors: Sequence[Cursor]
    """The sort key of each."""
    is_last: bool
    """Whether nothing follows the last one."""


class Datasets(Protocol):
    """Reads the datasets of runs."""

    def search(self, workspace: str, query: DatasetQuery) -> DatasetPage:
        """Returns a page. Raises ExperimentNotFound, and PageTokenInvalid for a cursor of another shape."""
        ...
