"""Asks a model about the rows of a file, a batch at a time, so that neither file has to fit into memory."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa

from trivet._batch.formats import Batch, format_of, read_batches, table_writer
from trivet._batch.tables import as_table
from trivet._errors import InvalidArgument, TrivetError
from trivet._models.pyfunc_model import PyFuncModel

BATCH_ROWS: Final = 10_000


@dataclass(frozen=True)
class Predicted:
    """What was predicted."""

    rows: int
    columns: tuple[str, ...]
    """Of the file that was written."""


@dataclass(frozen=True)
class BatchOptions:
    """How the rows of a file are predicted."""

    input_format: str = ""
    """One of `FORMATS`. Default: what the name of the file says."""
    output_format: str = ""
    """The same of the file that is written."""
    batch_rows: int = BATCH_ROWS
    """How many rows the model is asked about at once: more take more memory."""
    keep: Sequence[str] = ()
    """Columns of the input that stand before the predictions."""
    params: Mapping[str, Any] | None = None
    """Of the prediction."""


def predict_file(
    model: PyFuncModel,
    source: Path,
    target: Path,
    options: BatchOptions,
    on_read: Callable[[int], None] = lambda _: None,
) -> Predicted:
    """Writes what a model predicts for each row of a file into another one, whole or not at all.

    Args:
        model: Whom to ask.
        source: The file with the rows.
        target: The file to write; one that is there is replaced at the end.
        options: How.
        on_read: Is told how many bytes more of `source` are done.

    Raises:
        InvalidArgument: a file is of no known format, or the model does not take a row; says which rows.
        OSError: a file cannot be read or written.
    """
    if options.batch_rows < 1:
        raise InvalidArgument(f"batch_rows is {options.batch_rows}; it must be at least 1.")
    input_format = format_of(str(source), options.input_format)
    output_format = format_of(str(target), options.output_format)
    signature = model.metadata.signature
    schema = None if signature is None else signature.inputs
    batches = read_batches(source, input_format, schema, options.batch_rows, options.keep)
    rows = 0
    columns: tuple[str, ...] = ()
    with _whole_or_not_at_all(target) as file, table_writer(file, output_format) as write:
        for batch in batches:
            table = _predicted(model, batch, options, rows)
            write(table)
            columns = tuple(table.column_names)
            rows += table.num_rows
            on_read(batch.read_bytes)
        if not rows:
            raise InvalidArgument(f"{source.name!r} has no rows.")
    return Predicted(rows, columns)


def _predicted(model: PyFuncModel, batch: Batch, options: BatchOptions, before: int) -> pa.Table:
    count = batch.rows.num_rows
    where = f"rows {before + 1:,} to {before + count:,}"
    missing = [name for name in options.keep if name not in batch.rows.column_names]
    if missing:
        raise InvalidArgument(f"The file has no column {missing[0]!r} to keep, but {batch.rows.column_names}.")
    try:
        answer = model.predict(batch.rows.to_pandas(), options.params)
    except TrivetError as error:
        raise InvalidArgument(f"Of {where}: {error}") from error
    except Exception as error:  # whatever the model raises
        raise InvalidArgument(f"The model fails for {where}: {type(error).__name__}: {error}") from error
    predictions = as_table(answer)
    if predictions.num_rows != count:
        raise InvalidArgument(f"For {where} the model gives {predictions.num_rows:,} predictions.")
    kept = batch.rows.select(list(options.keep))
    clashing = set(options.keep) & set(predictions.column_names)
    if clashing:
        raise InvalidArgument(f"The model itself gives a column {clashing.pop()!r}, so that none can be kept with it.")
    for name, values in zip(predictions.column_names, predictions.columns, strict=True):
        kept = kept.append_column(name, values)
    return kept


@contextmanager
def _whole_or_not_at_all(target: Path) -> Iterator[IO[bytes]]:
    """A file beside its place, which is put there at the end of the block."""
    partial = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    try:
        with partial.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
