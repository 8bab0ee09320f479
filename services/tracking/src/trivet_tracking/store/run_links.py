"""Datasets and logged models of runs: written by a group of writes, and read with their runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db.bulk import RowsOfKeys
from trivet_kit.db.upserts import insert_into
from trivet_tracking.domain.run_inputs import (
    CONTEXT_TAG,
    Dataset,
    DatasetInput,
    DatasetKey,
    ModelOutput,
    RunLinks,
)
from trivet_tracking.store import tables

_dataset = tables.dataset
_input = tables.dataset_input
_tag = tables.dataset_input_tag
_model_input = tables.model_input
_model_output = tables.model_output

# SQLite takes 32,766 bound parameters in a statement, and a dataset is looked for by two.
_IN_VALUES = 5000

_DatasetPk = tuple[int, DatasetKey]
"""An experiment's key, and what tells the dataset from others in it."""


class LinkWrites:
    """Writes the inputs and outputs of runs; all of it is idempotent by value. Built once for a dialect."""

    def __init__(self, dialect: str) -> None:
        self._insert_datasets = insert_into(dialect, _dataset).on_conflict_do_nothing()
        inputs = insert_into(dialect, _input)
        self._upsert_inputs = inputs.on_conflict_do_update(
            index_elements=["run_pk", "dataset_pk"],
            set_={"context": sa.func.coalesce(inputs.excluded.context, _input.c.context)},
        )
        tags = insert_into(dialect, _tag)
        self._upsert_tags = tags.on_conflict_do_update(
            index_elements=["run_pk", "dataset_pk", "key"], set_={"value": tags.excluded.value}
        )
        self._insert_models = {
            table.name: insert_into(dialect, table).on_conflict_do_nothing()
            for table in (tables.model_input, tables.model_output)
        }

    def write(
        self, connection: Connection, links: Sequence[tuple[int, RunLinks]], experiments: Mapping[int, int]
    ) -> None:
        """Writes the links of runs, in their order; rows in the order of their keys, so that replicas do not deadlock.

        Args:
            connection: In a transaction that writes.
            links: Each with the key of its run.
            experiments: The key of the experiment of each run.
        """
        self._write_datasets(connection, links, experiments)
        inputs = {(run_pk, model_id) for run_pk, link in links for model_id in link.model_inputs}
        self._write_models(
            connection,
            tables.model_input,
            [{"run_pk": run_pk, "model_id": model_id} for run_pk, model_id in sorted(inputs)],
        )
        outputs = {(run_pk, *output) for run_pk, link in links for output in link.model_outputs}
        self._write_models(
            connection,
            tables.model_output,
            [{"run_pk": run_pk, "step": step, "model_id": model_id} for run_pk, step, model_id in sorted(outputs)],
        )

    def _write_models(self, connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        if rows:
            connection.execute(self._insert_models[table.name], rows)

    def _write_datasets(
        self, connection: Connection, links: Sequence[tuple[int, RunLinks]], experiments: Mapping[int, int]
    ) -> None:
        used = [(run_pk, used) for run_pk, link in links for used in link.datasets]
        if not used:
            return
        datasets: dict[_DatasetPk, Dataset] = {}
        tags: dict[tuple[int, DatasetKey], dict[str, str]] = {}
        for run_pk, dataset_input in used:
            dataset = dataset_input.dataset
            datasets.setdefault((experiments[run_pk], dataset.key), dataset)
            tags.setdefault((run_pk, dataset.key), {}).update(dataset_input.tags)
        dataset_pks = self._dataset_pks(connection, datasets)
        of_inputs = sorted(
            (run_pk, dataset_pks[experiments[run_pk], key], key, its_tags) for (run_pk, key), its_tags in tags.items()
        )
        connection.execute(
            self._upsert_inputs,
            [
                {
                    "run_pk": run_pk,
                    "dataset_pk": dataset_pk,
                    "experiment_pk": experiments[run_pk],
                    "name": key.name,
                    "digest": key.digest,
                    "context": its_tags.get(CONTEXT_TAG),
                }
                for run_pk, dataset_pk, key, its_tags in of_inputs
            ],
        )
        tag_rows = [
            {"run_pk": run_pk, "dataset_pk": dataset_pk, "key": key, "value": value}
            for run_pk, dataset_pk, _, its_tags in of_inputs
            for key, value in sorted(its_tags.items())
        ]
        if tag_rows:
            connection.execute(self._upsert_tags, tag_rows)

    def _dataset_pks(self, connection: Connection, datasets: Mapping[_DatasetPk, Dataset]) -> dict[_DatasetPk, int]:
        """The keys of datasets; those that are not there yet are inserted."""
        found = dict(_found_datasets(connection, datasets))
        # Their schemas and profiles may be large: they are sent only where they are news.
        new = [
            {
                "experiment_pk": experiment_pk,
                "name": dataset.name,
                "digest": dataset.digest,
                "source_type": dataset.source_type,
                "source": dataset.source,
                "schema": dataset.schema,
                "profile": dataset.profile,
            }
            for (experiment_pk, key), dataset in sorted(datasets.items(), key=lambda item: item[0])
            if (experiment_pk, key) not in found
        ]
        if new:
            connection.execute(self._insert_datasets, new)
            # Another replica may have inserted some of them.
            found = dict(_found_datasets(connection, datasets))
        return found


def _found_datasets(connection: Connection, wanted: Collection[_DatasetPk]) -> Iterator[tuple[_DatasetPk, int]]:
    by_experiment: dict[int, list[DatasetKey]] = {}
    for experiment_pk, key in wanted:
        by_experiment.setdefault(experiment_pk, []).append(key)
    for experiment_pk, keys in by_experiment.items():
        for begin in range(0, len(keys), _IN_VALUES):
            some_keys = keys[begin : begin + _IN_VALUES]
            rows = connection.execute(
                sa.select(_dataset.c.dataset_pk, _dataset.c.name, _dataset.c.digest).where(
                    _dataset.c.experiment_pk == experiment_pk,
                    sa.tuple_(_dataset.c.name, _dataset.c.digest).in_(some_keys),
                )
            )
            for dataset_pk, name, digest in rows:
                yield (experiment_pk, DatasetKey(name, digest)), dataset_pk


# Built once: a page of runs is asked for each of these, and seldom has any.
_INPUTS = RowsOfKeys(
    sa.select(_input.c.run_pk, _input.c.dataset_pk).order_by(_input.c.run_pk, _input.c.name, _input.c.digest),
    _input.c.run_pk,
)
_MODEL_INPUTS = RowsOfKeys(
    sa.select(_model_input.c.run_pk, _model_input.c.model_id).order_by(_model_input.c.run_pk, _model_input.c.model_id),
    _model_input.c.run_pk,
)
_MODEL_OUTPUTS = RowsOfKeys(
    sa.select(_model_output.c.run_pk, _model_output.c.step, _model_output.c.model_id).order_by(
        _model_output.c.run_pk, _model_output.c.step, _model_output.c.model_id
    ),
    _model_output.c.run_pk,
)


def links_of(connection: Connection, run_pks: Sequence[int], *, inputs: bool, outputs: bool) -> dict[int, RunLinks]:
    """The inputs and outputs of those of the runs that have any, with the parts that are asked for."""
    datasets = _dataset_inputs(connection, run_pks) if inputs else {}
    model_inputs: dict[int, list[str]] = {}
    for run_pk, model_id in _MODEL_INPUTS.read(connection, run_pks) if inputs else ():
        model_inputs.setdefault(run_pk, []).append(model_id)
    model_outputs: dict[int, list[ModelOutput]] = {}
    for run_pk, step, model_id in _MODEL_OUTPUTS.read(connection, run_pks) if outputs else ():
        model_outputs.setdefault(run_pk, []).append(ModelOutput(step, model_id))
    return {
        run_pk: RunLinks(
            tuple(datasets.get(run_pk, ())),
            tuple(model_inputs.get(run_pk, ())),
            tuple(model_outputs.get(run_pk, ())),
        )
        for run_pk in {*datasets, *model_inputs, *model_outputs}
    }


def _dataset_inputs(connection: Connection, run_pks: Sequence[int]) -> dict[int, list[DatasetInput]]:
    rows = _INPUTS.read(connection, run_pks)
    if not rows:
        return {}
    # Read once, however many of the runs used them.
    datasets = {
        row.dataset_pk: Dataset(row.name, row.digest, row.source_type, row.source, row.schema, row.profile)
        for row in connection.execute(
            sa.select(_dataset).where(_dataset.c.dataset_pk.in_({dataset_pk for _, dataset_pk in rows}))
        )
    }
    tags: dict[tuple[int, int], dict[str, str]] = {}
    for run_pk, dataset_pk, key, value in connection.execute(
        sa.select(_tag).where(_tag.c.run_pk.in_(run_pks)).order_by(_tag.c.key)
    ):
        tags.setdefault((run_pk, dataset_pk), {})[key] = value
    inputs: dict[int, list[DatasetInput]] = {}
    for run_pk, dataset_pk in rows:
        inputs.setdefault(run_pk, []).append(DatasetInput(datasets[dataset_pk], tags.get((run_pk, dataset_pk), {})))
    return inputs
