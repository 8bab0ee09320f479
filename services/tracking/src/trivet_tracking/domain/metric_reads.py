"""What can be read of metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from trivet_kit.page_tokens import Cursor
from trivet_tracking.domain.charts import Curve, CurveQuery
from trivet_tracking.domain.metrics import HistoryQuery, MetricPage, Points


class Metrics(Protocol):
    """Reads the metrics of runs. Whatever was acknowledged is seen."""

    def list(self, workspace: str, run_id: str, size: int, after: Cursor | None) -> MetricPage:
        """Returns a page of a run's current values. Raises RunNotFound, PageTokenInvalid."""
        ...

    def history(self, workspace: str, run_id: str, query: HistoryQuery) -> Iterator[Points]:
        """Returns the points of a series, ordered, each once, in parts of at least one; none for an unknown key.

        Raises RunNotFound at once. Each part is read when it is asked for; no transaction is open in between.
        """
        ...

    def curves(
        self, workspace: str, run_ids: Sequence[str], keys: Sequence[str], query: CurveQuery
    ) -> Iterator[Sequence[Curve]]:
        """Returns what a chart shows of keys of runs, in the order of runs and then of keys, some curves at a time.

        Keys without points are left out. Raises RunNotFound at once. Each part is read when it is asked for; no
        transaction is open in between.
        """
        ...
