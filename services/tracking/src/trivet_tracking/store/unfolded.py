"""How much is in the log that is not yet folded into chunks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from trivet_kit.db import Database
from trivet_tracking.store import tables

_log = tables.metric_log

_UNFOLDED = sa.select(
    sa.func.count().label("rows"),
    sa.func.coalesce(sa.func.sum(_log.c.points), 0).label("points"),
    sa.func.min(_log.c.time).label("oldest"),
).select_from(_log)


@dataclass(frozen=True)
class Unfolded:
    """What waits for the folder."""

    rows: int
    points: int
    age_seconds: float
    """Of the oldest row; 0 where there is none."""


class SqlUnfolded:
    """Looks it up. Safe for threads."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        """`now` gives milliseconds since the Unix epoch."""
        self._database = database
        self._now = now

    def read(self) -> Unfolded:
        """What waits now. It reads no points, but as many rows as there are, which the folder keeps few."""
        with self._database.transaction("read") as connection:
            found = connection.execute(_UNFOLDED).one()
        age_millis = 0 if found.oldest is None else max(self._now() - found.oldest, 0)
        return Unfolded(found.rows, int(found.points), age_millis / 1000)
