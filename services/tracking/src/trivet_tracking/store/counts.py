"""How many points series have, where `metric_latest` may have counted some twice."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_tracking.domain.metrics import merge_ordered
from trivet_tracking.store import columns, tables
from trivet_tracking.store.contexts import NO_CONTEXT_NUMBER
from trivet_tracking.store.history import logged_points

_chunk = tables.metric_chunk
_latest = tables.metric_latest


def recounted(connection: Connection, run_pk: int, keys: Collection[str]) -> dict[tuple[str, int], int]:
    """The counts of those of the keys that have unsettled series, by key and number of the context.

    The folder settles series within seconds of the last write, so this is seldom anything.
    """
    unsettled = connection.execute(
        sa.select(_latest.c.key).distinct().where(_latest.c.run_pk == run_pk, _latest.c.unsettled)
    ).scalars()
    found: dict[tuple[str, int], int] = {}
    for key in set(unsettled).intersection(keys):
        counts = _counts(connection, run_pk, key)
        found |= {(key, context): count for context, count in counts.items()}
        found[key, NO_CONTEXT_NUMBER] = sum(counts.values())
    return found


def _counts(connection: Connection, run_pk: int, key: str) -> dict[int, int]:
    """How many points each series of a key has, by number of the context."""
    logged = logged_points(connection, run_pk, key)
    moments = (_chunk.c.first_step, _chunk.c.first_time, _chunk.c.last_step, _chunk.c.last_time)
    of_key = sa.and_(_chunk.c.run_pk == run_pk, _chunk.c.key == key)
    counts: dict[int, int] = {}
    compared = {context: [points] for context, points in logged.items()}
    for row in connection.execute(sa.select(_chunk.c.context, _chunk.c.points, *moments).where(of_key)).all():
        points = logged.get(row.context)
        if points is None or not points.has_between((row.first_step, row.first_time), (row.last_step, row.last_time)):
            counts[row.context] = counts.get(row.context, 0) + row.points
            continue
        data = connection.execute(
            sa.select(_chunk.c.data).where(
                of_key,
                _chunk.c.context == row.context,
                _chunk.c.first_step == row.first_step,
                _chunk.c.first_time == row.first_time,
            )
        ).scalar_one()
        compared[row.context].append(columns.decode(data))
    for context, parts in compared.items():
        counts[context] = counts.get(context, 0) + len(merge_ordered(parts))
    return counts
