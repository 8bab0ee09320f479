"""The numbers that contexts have in their run, and the key of that run."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.resources import RunName
from trivet_tracking.domain.errors import RunNotFound
from trivet_tracking.domain.metrics import NO_CONTEXT, MetricContext
from trivet_tracking.store import tables

_contexts = tables.metric_context
# What NO_CONTEXT is numbered; in `metric_latest` the number stands for the key over all contexts instead.
NO_CONTEXT_NUMBER = 0


def run_key(connection: Connection, workspace: str, run_id: str) -> int:
    """The key of a run. Raises RunNotFound."""
    run = tables.run
    run_pk: int | None = connection.execute(
        sa.select(run.c.run_pk).where(run.c.workspace == workspace, run.c.run_id == run_id)
    ).scalar_one_or_none()
    if run_pk is None:
        raise RunNotFound(str(RunName(workspace, run_id)))
    return run_pk


def context_number(connection: Connection, run_pk: int, context: MetricContext) -> int | None:
    """The number of a context in a run; None where the run has no such context."""
    return context_numbers(connection, [run_pk], context).get(run_pk)


def context_numbers(connection: Connection, run_pks: Sequence[int], context: MetricContext) -> dict[int, int]:
    """The number of a context in each of the runs that have it."""
    if context == NO_CONTEXT:
        return dict.fromkeys(run_pks, NO_CONTEXT_NUMBER)
    statement = sa.select(_contexts.c.run_pk, _contexts.c.context).where(
        _contexts.c.run_pk.in_(run_pks),
        *(_contexts.c[name] == value for name, value in context_columns(context).items()),
    )
    return {row.run_pk: row.context for row in connection.execute(statement)}


def numbered_contexts(connection: Connection, run_pks: Sequence[int]) -> dict[tuple[int, int], MetricContext]:
    """The contexts of runs by (run, number)."""
    rows = connection.execute(sa.select(_contexts).where(_contexts.c.run_pk.in_(run_pks)))
    return {
        (row.run_pk, row.context): MetricContext(
            rank=None if row.rank == -1 else row.rank,
            model_id=row.model_id,
            dataset_name=row.dataset_name,
            dataset_digest=row.dataset_digest,
        )
        for row in rows
    }


def context_columns(context: MetricContext) -> dict[str, str | int]:
    """The columns that hold the parts of a context."""
    return {
        "rank": -1 if context.rank is None else context.rank,
        "model_id": context.model_id,
        "dataset_name": context.dataset_name,
        "dataset_digest": context.dataset_digest,
    }
