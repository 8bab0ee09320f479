"""Metrics of runs, read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from trivet_kit.db import Database
from trivet_kit.db.keyset import checked
from trivet_kit.errors import PageTokenInvalid
from trivet_kit.page_tokens import Cursor
from trivet_tracking.domain.charts import Curve, CurveQuery
from trivet_tracking.domain.metrics import CurrentValue, HistoryQuery, Metric, MetricPage, Points
from trivet_tracking.store import charts, counts, history, tables
from trivet_tracking.store.contexts import numbered_contexts, run_key

_latest = tables.metric_latest


class SqlMetrics:
    """Implements `Metrics`. Safe for threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, workspace: str, run_id: str, size: int, after: Cursor | None) -> MetricPage:
        """Returns a page of a run's current values."""
        with self._database.transaction("read") as connection:
            run_pk = run_key(connection, workspace, run_id)
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
            page = rows[:size]
            contexts = numbered_contexts(connection, [run_pk])
            recounted = counts.recounted(connection, run_pk, {row.key for row in page})
        metrics = tuple(
            Metric(
                row.key,
                contexts[run_pk, row.context] if row.context else None,
                _current(row),
                recounted.get((row.key, row.context), row.points),
            )
            for row in page
        )
        return MetricPage(metrics, [page[-1].key, page[-1].context] if len(rows) > size else None)

    def history(self, workspace: str, run_id: str, query: HistoryQuery) -> Iterator[Points]:
        """Returns the points of a series."""
        return history.read(self._database, workspace, run_id, query)

    def curves(
        self, workspace: str, run_ids: Sequence[str], keys: Sequence[str], query: CurveQuery
    ) -> Iterator[Sequence[Curve]]:
        """Returns the curves of keys of runs."""
        return charts.read(self._database, workspace, run_ids, keys, query)


def _current(row: Row[Any]) -> CurrentValue:
    return CurrentValue(step=row.step, time=row.time, value=row.value, min=row.min, max=row.max)
