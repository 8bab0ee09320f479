"""Datasets of runs, found in SQL."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db import Database
from trivet_kit.db.keyset import SortColumn, SortKey
from trivet_tracking.domain.run_inputs import DatasetPage, DatasetQuery, DatasetSummary
from trivet_tracking.store import experiments, tables
from trivet_tracking.store.experiments import SqlExperiments

_dataset = tables.dataset
_input = tables.dataset_input
_e = tables.experiment


class SqlDatasets:
    """Implements `Datasets`. Safe for threads."""

    def __init__(self, database: Database, of_experiments: SqlExperiments) -> None:
        self._database = database
        self._experiments = of_experiments

    def search(self, workspace: str, query: DatasetQuery) -> DatasetPage:
        """Returns a page."""
        self._experiments.ensure_default(workspace)
        return self._database.read(lambda connection: _page(connection, workspace, query))


def _page(connection: Connection, workspace: str, query: DatasetQuery) -> DatasetPage:
    scope = experiments.keys_in_use(connection, workspace, query.experiment_ids)
    # Thousands of runs use a few datasets: those are named after the runs are counted out.
    used = (
        sa.select(_input.c.dataset_pk, sa.func.coalesce(_input.c.context, "").label("context"))
        .distinct()
        .where(_input.c.experiment_pk.in_(scope))
        .subquery("used")
    )
    named = (
        sa.select(_e.c.experiment_id, _dataset.c.name, _dataset.c.digest, used.c.context)
        .select_from(used)
        .join(_dataset, _dataset.c.dataset_pk == used.c.dataset_pk)
        .join(_e, _e.c.experiment_pk == _dataset.c.experiment_pk)
    )
    key = SortKey(
        (
            SortColumn(_e.c.experiment_id, int),
            SortColumn(_dataset.c.name, str),
            SortColumn(_dataset.c.digest, str),
            SortColumn(used.c.context, str),
        )
    )
    rows = connection.execute(key.apply(named, query.after).limit(query.size + 1)).all()
    page = rows[: query.size]
    return DatasetPage(
        [DatasetSummary(row.experiment_id, row.name, row.digest, row.context) for row in page],
        [key.cursor(row) for row in page],
        is_last=len(rows) <= query.size,
    )
