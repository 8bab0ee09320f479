"""Writes of metrics, params, tags, inputs and outputs to a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from trivet_kit.errors import CallerError
from trivet_tracking.domain.console import ConsoleLine
from trivet_tracking.domain.metrics import MetricBatch
from trivet_tracking.domain.run_inputs import NO_LINKS, RunLinks


class RecordKind(IntEnum):
    """The lists that records come in; numbered as in the contract."""

    METRIC_KEY = 1
    METRIC_POINT = 2
    PARAM = 3
    TAG = 4
    DELETED_TAG = 5
    DATASET_INPUT = 6
    MODEL_INPUT = 7
    MODEL_OUTPUT = 8
    CONSOLE_LINE = 9


@dataclass(frozen=True)
class Refusal:
    """A record that is not written."""

    kind: RecordKind
    index: int
    error: CallerError


@dataclass(frozen=True)
class ParamRecord:
    """A param to write; `index` is its place in the request."""

    index: int
    key: str
    value: str


@dataclass(frozen=True, eq=False)
class RunWrite:
    """What is to be written to one run, checked as far as that needs no database."""

    workspace: str
    run_id: str
    writer_id: int
    """0: no writer, always applied."""
    sequence: int
    metrics: MetricBatch
    params: Sequence[ParamRecord]
    tags: Mapping[str, str]
    """Set after `deleted_tags` are removed."""
    deleted_tags: frozenset[str]
    refusals: Sequence[Refusal]
    """The records that were refused already, ordered by kind and index."""
    atomic: bool
    size_bytes: int
    """Of the message, or in memory where that is more; what groups of writes and those that wait are bounded by."""
    links: RunLinks = NO_LINKS
    """Inputs and outputs."""
    console: Sequence[ConsoleLine] = ()


@dataclass(frozen=True)
class WriteOutcome:
    """What became of a write that was accepted."""

    sequence: int
    """The writer's high-water mark; 0 without a writer."""
    resend: bool
    refusals: Sequence[Refusal]
    """Ordered by kind and index."""


class Writes(Protocol):
    """Writes to runs."""

    def apply(self, group: Sequence[RunWrite]) -> Sequence[WriteOutcome | CallerError]:
        """Applies writes in order, in one transaction; when it returns, they are durable and visible to every reader.

        Returns, for each, what became of it; a CallerError (RunNotFound, RunDeleted, SequenceGap, WriterEnded, the
        first refusal of an atomic one) means that nothing of that write was written and its sequence is not used up.

        Raises:
            DatabaseUnavailable, Overloaded, DeadlineExceeded: nothing of the group was acknowledged. What was committed
            all the same is found as a resend.
        """
        ...
