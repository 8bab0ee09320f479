"""Metrics of runs, read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_kit.db import Database
from trivet_kit.db.keyset import checked
from trivet_kit.errors import PageTokenInvalid
from trivet_kit.page_tokens import Cursor
from trivet_kit.resources import RunName
from trivet_tracking.domain.errors import RunNotFound
from trivet_tracking.domain.metrics import (
    NO_CONTEXT,
    CurrentValue,
    HistoryQuery,
    Metric,
    MetricContext,
    MetricPage,
    Points,
    merge,
)
from trivet_tracking.store import columns, segments, tables

_latest = tables.metric_latest
_contexts = tables.metric_context
# What NO_CONTEXT is numbered; in `metric_latest` the number stands for the key over all contexts instead.
NO_CONTEXT_NUMBER = 0


class SqlMetrics:
    """Implements `Metrics`. Safe for threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, workspace: str, run_id: str, size: int, after: Cursor | None) -> MetricPage:
        """Returns a page of a run's current values."""
        with self._database.transaction("read") as connection:
            run_pk = _run_pk(connection, workspace, run_id)
            statement = sa.select(_latest).where(_latest.c.run_pk == run_pk)
            match after:
                case None:
                    pass
                case [key, number]:
                    place = sa.tuple_(checked(key, str), checked(number, int))
                    statement = statement.where(sa.tuple_(_latest.c.key, _latest.c.context) > place)
                case _:
                    raise PageTokenInvalid
            rows = connection.execute(statement.order_by(_latest.c.key, _latest.c.context).limit(size + 1)).all()
            contexts = numbered_contexts(connection, [run_pk])
        page = rows[:size]
        metrics = tuple(
            Metric(row.key, contexts[run_pk, row.context] if row.context else None, _current(row)) for row in page
        )
        return MetricPage(metrics, [page[-1].key, page[-1].context] if len(rows) > size else None)

    def history(self, workspace: str, run_id: str, query: HistoryQuery) -> Points:
        """Returns the points of a series."""
        log, chunk = tables.metric_log, tables.metric_chunk
        with self._database.transaction("read") as connection:
            run_pk = _run_pk(connection, workspace, run_id)
            number = None
            if query.context is not None:
                number = _number_of(connection, run_pk, query.context)
                if number is None:
                    return merge([])
            data = connection.execute(sa.select(log.c.data).where(log.c.run_pk == run_pk)).scalars().all()
            rows = connection.execute(
                sa.select(chunk.c.context, chunk.c.data).where(chunk.c.run_pk == run_pk, chunk.c.key == query.key)
            ).all()
        return merge(
            [
                _between(points, query.min_step, query.max_step)
                for piece_number, points in [
                    *(
                        (c, p)
                        for segment in data
                        for _, c, p in segments.decode(segment, frozenset([query.key])).pieces()
                    ),
                    *((row.context, columns.decode(row.data)) for row in rows),
                ]
                if number is None or piece_number == number
            ]
        )


def current_metrics(connection: Connection, run_pks: Sequence[int]) -> dict[int, list[Metric]]:
    """The current values over all contexts by run, sorted by key."""
    metrics: dict[int, list[Metric]] = {}
    for row in connection.execute(
        sa.select(_latest)
        .where(_latest.c.run_pk.in_(run_pks), _latest.c.context == NO_CONTEXT_NUMBER)
        .order_by(_latest.c.run_pk, _latest.c.key)
    ):
        metrics.setdefault(row.run_pk, []).append(Metric(row.key, None, _current(row)))
    return metrics


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


def _number_of(connection: Connection, run_pk: int, context: MetricContext) -> int | None:
    if context == NO_CONTEXT:
        return NO_CONTEXT_NUMBER
    columns = context_columns(context)
    number: int | None = connection.execute(
        sa.select(_contexts.c.context).where(
            _contexts.c.run_pk == run_pk, *(_contexts.c[name] == value for name, value in columns.items())
        )
    ).scalar_one_or_none()
    return number


def _run_pk(connection: Connection, workspace: str, run_id: str) -> int:
    run = tables.run
    run_pk: int | None = connection.execute(
        sa.select(run.c.run_pk).where(run.c.workspace == workspace, run.c.run_id == run_id)
    ).scalar_one_or_none()
    if run_pk is None:
        raise RunNotFound(str(RunName(workspace, run_id)))
    return run_pk


def _current(row: Row[Any]) -> CurrentValue:
    return CurrentValue(step=row.step, time=row.time, value=row.value, min=row.min, max=row.max)


def _between(points: Points, min_step: int | None, max_step: int | None) -> Points:
    if min_step is None and max_step is None:
        return points
    wanted = (points.steps >= (-(2**63) if min_step is None else min_step)) & (
        points.steps <= (2**63 - 1 if max_step is None else max_step)
    )
    return Points(points.steps[wanted], points.times[wanted], points.values[wanted])
