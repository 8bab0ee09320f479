"""Logged models with what was said and measured of them, out of their tables."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

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
    """The logged models with these keys, in their order, with the fields that are asked for; the others are empty."""
    rows = connection.execute(
        sa.select(_t, _e.c.experiment_id)
        .join(_e, _e.c.experiment_pk == _t.c.experiment_pk)
        .where(_t.c.logged_model_pk.in_(logged_model_pks))
    ).all()
    params = _entries(connection, tables.logged_model_param, logged_model_pks) if fields.params else {}
    tags = _entries(connection, tables.logged_model_tag, logged_model_pks) if fields.tags else {}
    metrics = _metrics(connection, logged_model_pks) if fields.metrics else {}
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
    of_models: sa.ColumnElement[bool], *, key: str | None = None, datasets: Sequence[DatasetSelector] = ()
) -> sa.Subquery:
    """The current values of metrics of logged models: of each model, run, key and dataset one, over all ranks.

    It has `logged_model_pk`, `run_id`, `key`, `dataset_name`, `dataset_digest`, `step`, `time` and, as `metric_latest`
    has them, `value`, `min` and `max`.

    Args:
        of_models: Which rows of `logged_model`.
        key: Of this metric alone; None: of all.
        datasets: On these datasets alone; empty: on all, and on none.
    """
    contexts = _context.join(_t, _t.c.model_id == _context.c.model_id)
    # Another workspace may have a model of the same id.
    in_workspace = sa.and_(_run.c.run_pk == _context.c.run_pk, _run.c.workspace == _t.c.workspace)
    of_context = sa.and_(_latest.c.run_pk == _context.c.run_pk, _latest.c.context == _context.c.context)
    # Said for the partial index, where it does not follow.
    conditions = [of_models, _context.c.model_id != ""]
    if key is not None:
        conditions.append(_latest.c.key == key)
    if datasets:
        conditions.append(sa.or_(*(_selects(dataset) for dataset in datasets)))
    series = (
        _t.c.logged_model_pk,
        _latest.c.run_pk,
        _latest.c.key,
        _context.c.dataset_name,
        _context.c.dataset_digest,
    )
    newest_first = (_latest.c.step.desc(), _latest.c.time.desc(), _latest.c.value.is_(None), _latest.c.value.desc())
    of_ranks = (
        sa.select(
            _t.c.logged_model_pk,
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
        .select_from(contexts.join(_run, in_workspace).join(_latest, of_context))
        .where(*conditions)
        .subquery()
    )
    return sa.select(of_ranks).where(of_ranks.c.place == 1).subquery()


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


def _metrics(connection: Connection, logged_model_pks: Sequence[int]) -> dict[int, list[LoggedModelMetric]]:
    current = current_metrics(_t.c.logged_model_pk.in_(logged_model_pks))
    metrics: dict[int, list[LoggedModelMetric]] = {}
    for row in connection.execute(
        sa.select(current).order_by(current.c.key, current.c.run_id, current.c.dataset_name, current.c.dataset_digest)
    ):
        metrics.setdefault(row.logged_model_pk, []).append(
            LoggedModelMetric(
                row.key,
                row.run_id,
                row.dataset_name,
                row.dataset_digest,
                CurrentValue(row.step, row.time, row.value, row.min, row.max),
            )
        )
    return metrics
