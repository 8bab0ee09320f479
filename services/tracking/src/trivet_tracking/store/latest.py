"""The current-value rows of series, written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

from trivet_kit.db.bulk import DriverStatement, RowsOfKeys, Scalar, array_of_numbers, array_of_texts
from trivet_kit.db.functions import procedure_of
from trivet_kit.db.upserts import Insert, insert_into
from trivet_tracking.domain.metrics import Float64s
from trivet_tracking.domain.series import SeriesPoints, by_series, current_values
from trivet_tracking.store import tables
from trivet_tracking.store.transactions import transactions_of

SeriesKey: TypeAlias = tuple[int, str, int]
"""The key of a run, a metric's key, the number of a context."""

_latest = tables.metric_latest
_Columns = dict[str, Sequence[Any]]

_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "run_pk": sa.BigInteger(),
    "key": sa.Text(),
    "context": sa.Integer(),
    "experiment_pk": sa.BigInteger(),
    "step": sa.BigInteger(),
    "time": sa.BigInteger(),
    "value": sa.Double(),
    "min": sa.Double(),
    "max": sa.Double(),
    "points": sa.BigInteger(),
    "batch_step": sa.BigInteger(),
    "batch_time": sa.BigInteger(),
}


class LatestRows:
    """Keeps `metric_latest`. Safe for threads."""

    def __init__(self, dialect: str) -> None:
        # Built once: that costs more than what they do.
        self._upsert = _upsert(dialect)
        self._upsert_arrays = DriverStatement(_UPSERT_ARRAYS) if dialect == "postgresql" else None
        self._unsettled = RowsOfKeys(
            sa.select(_latest.c.run_pk, _latest.c.key, _latest.c.context).where(_latest.c.unsettled), _latest.c.run_pk
        )

    def upsert(
        self, connection: Connection, keys: Sequence[SeriesKey], series: SeriesPoints, experiments: Mapping[int, int]
    ) -> None:
        """Takes points of a group into the rows of their series, and of their keys over all contexts.

        Args:
            connection: In a transaction, which locks the rows until its end.
            keys: Of the series, in order; rows are written in this order, so that replicas do not deadlock.
            series: Their points.
            experiments: The experiment of each run.
        """
        columns = _merged(keys, series) if any(context for _, _, context in keys) else _columns(keys, series)
        columns["experiment_pk"] = [experiments[run_pk] for run_pk in columns["run_pk"]]
        self.write(connection, columns)

    def write(self, connection: Connection, columns: Mapping[str, Sequence[Any]]) -> None:
        """Takes rows into those that are there: all columns but `unsettled`, rows in the order of their keys."""
        if self._upsert_arrays is not None:
            arrays: dict[str, Scalar] = {
                f"{_PART}_{name}": array_of_texts(values) if name == "key" else array_of_numbers(values)
                for name, values in columns.items()
            }
            self._upsert_arrays.execute_later(connection, {_PART: True, **arrays})
        else:
            names = list(columns)
            rows = [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
            connection.execute(self._upsert, [{**row, "unsettled": False} for row in rows])

    def unsettled(self, connection: Connection, run_pks: Collection[int]) -> set[SeriesKey]:
        """The series of runs that may hold points that they held before."""
        rows = self._unsettled.read(connection, sorted(run_pks))
        return {(run_pk, key, context) for run_pk, key, context in rows}


def _columns(keys: Sequence[SeriesKey], series: SeriesPoints) -> _Columns:
    current = current_values(series)
    return {
        "run_pk": [run_pk for run_pk, _, _ in keys],
        "key": [key for _, key, _ in keys],
        "context": [context for _, _, context in keys],
        "step": current.steps.tolist(),
        "time": current.times.tolist(),
        "value": _nullable(current.values),
        "min": _nullable(current.mins),
        "max": _nullable(current.maxs),
        "points": series.counts.tolist(),
        "batch_step": current.first_steps.tolist(),
        "batch_time": current.first_times.tolist(),
    }


def _merged(keys: Sequence[SeriesKey], series: SeriesPoints) -> _Columns:
    """The rows of series with contexts, and for each key the one over all contexts."""
    places: dict[tuple[int, str], int] = {}
    of_series = [places.setdefault((run_pk, key), len(places)) for run_pk, key, _ in keys]
    over_all = by_series(np.repeat(np.array(of_series, np.int64), series.counts), series.points)
    merged = _columns([(run_pk, key, 0) for run_pk, key in places], over_all)
    # What is counted and compared there are the series: the same point in two contexts is two points.
    merged["points"] = np.bincount(of_series, series.counts).astype(np.int64).tolist()
    own = _columns(keys, series)
    for name in ("batch_step", "batch_time"):
        firsts: list[int | None] = [None] * len(places)
        for place, (_, _, context), first in zip(of_series, keys, own[name], strict=True):
            if context == 0:
                firsts[place] = first
        merged[name] = firsts
    contextual = [number for number, (_, _, context) in enumerate(keys) if context]
    both = {name: [*merged[name], *(own[name][number] for number in contextual)] for name in merged}
    order = sorted(range(len(both["key"])), key=lambda at: (both["run_pk"][at], both["key"][at], both["context"][at]))
    return {name: [values[at] for at in order] for name, values in both.items()}


def _nullable(values: Float64s) -> list[float | None]:
    """NaN as None."""
    return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 - only NaN differs from itself


def _upsert(dialect: str) -> Insert:
    insert = insert_into(dialect, _latest)
    own_id = transactions_of(dialect).own_id()
    if dialect == "postgresql":
        arrays = sa.func.unnest(
            *(sa.cast(sa.bindparam(name, type_=sa.Text), ARRAY(kind)) for name, kind in _TYPES.items())
        )
        rows = arrays.table_valued(*(sa.column(name, kind) for name, kind in _TYPES.items())).render_derived()
        insert = insert.from_select([*_TYPES, "unsettled", "changed_by"], sa.select(*rows.c, sa.false(), own_id))
    else:
        insert = insert.values(changed_by=own_id)
    return insert.on_conflict_do_update(
        index_elements=list(_latest.primary_key.columns), set_=_combined(_latest.c, insert.excluded)
    )


def _combined(old: Any, new: Any) -> dict[str, sa.ColumnElement[Any]]:
    """The row of two sets of points taken together: the same whatever order they arrive in."""
    same_moment = sa.and_(new.step == old.step, new.time == old.time)
    greater_value = sa.and_(new.value.is_not(None), sa.or_(old.value.is_(None), new.value > old.value))
    later = sa.or_(
        new.step > old.step,
        sa.and_(new.step == old.step, new.time > old.time),
        sa.and_(same_moment, greater_value),
    )
    not_after = sa.tuple_(new.batch_step, new.batch_time) <= sa.tuple_(old.step, old.time)
    return {
        **{name: sa.case((later, new[name]), else_=old[name]) for name in ("step", "time", "value")},
        "min": sa.case((sa.or_(old.min.is_(None), new.min < old.min), new.min), else_=old.min),
        "max": sa.case((sa.or_(old.max.is_(None), new.max > old.max), new.max), else_=old.max),
        "points": old.points + new.points,
        "batch_step": new.batch_step,
        "batch_time": new.batch_time,
        "unsettled": sa.or_(old.unsettled, sa.func.coalesce(not_after, sa.false())),
        "changed_by": new.changed_by,
    }


_PART = "latest"
_UPSERT_ARRAYS = procedure_of(tables.SCHEMA, "upsert_latest", {_PART: [_upsert("postgresql")]})
FUNCTIONS = (_UPSERT_ARRAYS,)
"""What PostgreSQL has as functions: to parse and plan them takes longer than what they do (ADR 35)."""
