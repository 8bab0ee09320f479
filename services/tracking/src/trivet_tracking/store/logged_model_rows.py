"""Logged models with what was said and measured of them, out of their tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_tracking.domain.logged_models import (
    ALL_FIELDS,
    DatasetSelector,
    LoggedModel,
    LoggedModelFields,
    LoggedModelMetric,
    LoggedModelStatus,
)
from trivet_tracking.domain.metrics import CurrentValue
from trivet_tracking.store import tables

_t = tables.logged_model
_e = tables.experiment
_context = tables.metric_context
_latest = tables.metric_latest
_run = tables.run


def load(
    connection: Connection, logged_model_pks: Sequence[int], fields: LoggedModelFields = ALL_FIELDS
) -> list[LoggedModel]:
    """The logged models with these keys, in their order, with the fields that are asked for; the others are empty.

    All are of one workspace.
    """
    rows = connection.execute(
        sa.select(_t, _e.c.experiment_id)
        .join(_e, _e.c.experiment_pk == _t.c.experiment_pk)
        .where(_t.c.logged_model_pk.in_(logged_model_pks))
    ).all()
    params = _entries(connection, tables.logged_model_param, logged_model_pks) if fields.params else {}
    tags = _entries(connection, tables.logged_model_tag, logged_model_pks) if fields.tags else {}
    metrics = _metrics(connection, rows) if fields.metrics else {}
    by_pk = {
        row.logged_model_pk: LoggedModel(
            workspace=row.workspace,
            model_id=row.model_id,
            experiment_id=row.experiment_id,
            display_name=row.display_name,
            model_type=row.model_type,
            source_run_id=row.source_run_id,
            status=LoggedModelStatus(row.status),
            params=params.get(row.logged_model_pk, {}),
            tags=tags.get(row.logged_model_pk, {}),
            metrics=tuple(metrics.get(row.logged_model_pk, ())),
            created_by=row.created_by,
            create_time=row.create_time,
            update_time=row.update_time,
            delete_time=row.delete_time,
            revision=row.revision,
        )
        for row in rows
    }
    return [by_pk[logged_model_pk] for logged_model_pk in logged_model_pks]


def current_metrics(
    workspace: str,
    of_model: sa.ColumnElement[bool],
    *,
    key: str | None = None,
    datasets: Sequence[DatasetSelector] = (),
    correlated_with: sa.FromClause | None = None,
) -> sa.Subquery:
    """The current values of metrics of logged models, over all ranks.

    Those are the rows with `place` 1, one of each model, run, key and dataset. There are `model_id`, `run_id`, `key`,
    `dataset_name`, `dataset_digest`, `step`, `time` and, as `metric_latest` has them, `value`, `min` and `max`.

    Args:
        workspace: Of the models; another one may have models of the same ids.
        of_model: Which rows of `metric_context`, by its `model_id`.
        key: Of this metric alone; None: of all.
        datasets: On these datasets alone; empty: on all, and on none.
        correlated_with: What else `of_model` names.
    """
    series = (
        _context.c.model_id,
        _latest.c.run_pk,
        _latest.c.key,
        _context.c.dataset_name,
        _context.c.dataset_digest,
    )
    newest_first = (_latest.c.step.desc(), _latest.c.time.desc(), _latest.c.value.is_(None), _latest.c.value.desc())
    of_ranks = (
        sa.select(
            _context.c.model_id,
            _run.c.run_id,
            _latest.c.key,
            _context.c.dataset_name,
            _context.c.dataset_digest,
            _latest.c.step,
            _latest.c.time,
            _latest.c.value,
            sa.func.min(_latest.c.min).over(partition_by=series).label("min"),
            sa.func.max(_latest.c.max).over(partition_by=series).label("max"),
            sa.func.row_number().over(partition_by=series, order_by=newest_first).label("place"),
        )
        .select_from(_measured())
        .where(*_conditions(workspace, of_model, key, datasets))
    )
    return (of_ranks if correlated_with is None else of_ranks.correlate(correlated_with)).subquery()


def is_measured(
    workspace: str, key: str, datasets: Sequence[DatasetSelector], of_models: sa.FromClause
) -> sa.ColumnElement[bool]:
    """Whether a metric was measured of the model of a statement, whose `model_id` is a column of `of_models`."""
    conditions = _conditions(workspace, _context.c.model_id == of_models.c.model_id, key, datasets)
    found = sa.select(sa.true()).select_from(_measured()).where(*conditions).limit(1)
    return found.correlate(of_models).scalar_subquery().is_(sa.true())


def _measured() -> sa.FromClause:
    of_context = sa.and_(_latest.c.run_pk == _context.c.run_pk, _latest.c.context == _context.c.context)
    return _context.join(_run, _run.c.run_pk == _context.c.run_pk).join(_latest, of_context)


def _conditions(
    workspace: str, of_model: sa.ColumnElement[bool], key: str | None, datasets: Sequence[DatasetSelector]
) -> list[sa.ColumnElement[bool]]:
    # That a model has an id is said for the partial index, where it does not follow.
    conditions = [of_model, _context.c.model_id != "", _run.c.workspace == workspace]
    if key is not None:
        conditions.append(_latest.c.key == key)
    if datasets:
        conditions.append(sa.or_(*(_selects(dataset) for dataset in datasets)))
    return conditions


def _selects(dataset: DatasetSelector) -> sa.ColumnElement[bool]:
    of_name = _context.c.dataset_name == dataset.name
    return sa.and_(of_name, _context.c.dataset_digest == dataset.digest) if dataset.digest else of_name


def _entries(connection: Connection, table: sa.Table, logged_model_pks: Sequence[int]) -> dict[int, dict[str, str]]:
    """Keys and values of `logged_model_param` or `logged_model_tag` by model."""
    entries: dict[int, dict[str, str]] = {}
    statement = sa.select(table.c.logged_model_pk, table.c.key, table.c.value)
    for logged_model_pk, key, value in connection.execute(
        statement.where(table.c.logged_model_pk.in_(logged_model_pks))
    ):
        entries.setdefault(logged_model_pk, {})[key] = value
    return entries


def _metrics(connection: Connection, rows: Sequence[Row[Any]]) -> dict[int, list[LoggedModelMetric]]:
    """What was measured of models, by key; all of one workspace."""
    if not rows:
        return {}
    by_id = {row.model_id: row.logged_model_pk for row in rows}
    current = current_metrics(rows[0].workspace, _context.c.model_id.in_(by_id))
    statement = (
        sa.select(current)
        .where(current.c.place == 1)
        .order_by(current.c.key, current.c.run_id, current.c.dataset_name, current.c.dataset_digest)
    )
    metrics: dict[int, list[LoggedModelMetric]] = {}
    for model_id, run_id, key, name, digest, step, time, value, low, high, _ in connection.execute(statement).all():
        found = LoggedModelMetric(key, run_id, name, digest, CurrentValue(step, time, value, low, high))
        metrics.setdefault(by_id[model_id], []).append(found)
    return metrics
