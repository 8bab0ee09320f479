"""Tables in files, read and written a batch at a time: CSV, Parquet and JSON lines."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from trivet._errors import InvalidArgument
from trivet._models.column_types import DataType
from trivet._models.schema import Schema

FORMATS: Final = ("csv", "parquet", "jsonl")
_SUFFIXES: Final = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
# How much is read at once: enough for a few thousand rows, and little beside what a model takes.
_BLOCK_BYTES: Final = 1 << 20
# What stands in a text file for the types of a signature, so that "007" stays a string where one is wanted.
_ARROW_TYPES: Final[Mapping[object, pa.DataType]] = {
    DataType.BOOLEAN: pa.bool_(),
    DataType.INTEGER: pa.int32(),
    DataType.LONG: pa.int64(),
    DataType.FLOAT: pa.float32(),
    DataType.DOUBLE: pa.float64(),
    DataType.STRING: pa.string(),
    DataType.DATETIME: pa.timestamp("ns"),
}


def format_of(path: str, chosen: str = "") -> str:
    """The format of a file: the chosen one, else what its name ends with.

    Raises:
        InvalidArgument: neither says one that is known.
    """
    found = chosen.lower() or _SUFFIXES.get(Path(path).suffix.lower(), "")
    if found not in FORMATS:
        raise InvalidArgument(
            f"The format of {path!r} is {'not known' if not found else repr(found)}; it is one of {', '.join(FORMATS)}."
        )
    return found


@dataclass(frozen=True)
class Batch:
    """Some rows of a file, in order."""

    rows: pa.Table
    read_bytes: int
    """How much of the file they took, about; what all batches took together is its size."""


def read_batches(
    path: Path, file_format: str, schema: Schema | None, batch_rows: int, keep: Sequence[str] = ()
) -> Iterator[Batch]:
    """The rows of a file, so many at once; the last batch may have fewer.

    Args:
        path: The file.
        file_format: One of `FORMATS`.
        schema: What the model takes; types of columns are by it where the file has only text.
        batch_rows: How many rows at once.
        keep: Columns that stay as they stand, where the file has only text and the model does not take them.

    Raises:
        InvalidArgument: the file is not of that format; says where.
        OSError: it cannot be read.
    """
    read = {"csv": _csv_blocks, "parquet": _parquet_blocks, "jsonl": _json_blocks}[file_format]
    size = path.stat().st_size
    # Only CSV does not say itself what is a text.
    types = _types_in_text(schema, keep if file_format == "csv" else ())
    rows, seen = 0, 0
    waiting: list[pa.Table] = []
    with path.open("rb") as file:
        try:
            for block in read(file, types, batch_rows):
                waiting.append(block)
                rows += block.num_rows
                while rows >= batch_rows:
                    table = pa.concat_tables(waiting, promote_options="permissive")
                    now = min(file.tell(), size)
                    yield Batch(table.slice(0, batch_rows), max(0, now - seen))
                    seen = max(seen, now)
                    rows -= batch_rows
                    waiting = [table.slice(batch_rows)] if rows else []
            if rows:
                yield Batch(pa.concat_tables(waiting, promote_options="permissive"), size - seen)
        except pa.ArrowInvalid as error:
            raise InvalidArgument(f"{path.name!r} is not {file_format}, or not all of it: {error}") from error


def _csv_blocks(file: IO[bytes], types: Mapping[str, pa.DataType], batch_rows: int) -> Iterator[pa.Table]:
    del batch_rows
    reader = pyarrow.csv.open_csv(
        file,
        pyarrow.csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
        convert_options=pyarrow.csv.ConvertOptions(column_types=types),
    )
    for block in reader:
        yield pa.Table.from_batches([block])


def _parquet_blocks(file: IO[bytes], types: Mapping[str, pa.DataType], batch_rows: int) -> Iterator[pa.Table]:
    del types  # it has its own
    for block in pyarrow.parquet.ParquetFile(file).iter_batches(batch_rows):
        yield pa.Table.from_batches([block])


def _json_blocks(file: IO[bytes], types: Mapping[str, pa.DataType], batch_rows: int) -> Iterator[pa.Table]:
    del batch_rows
    options = pyarrow.json.ParseOptions(explicit_schema=pa.schema(list(types.items()))) if types else None
    while lines := file.readlines(_BLOCK_BYTES):
        text = b"".join(lines)
        if text.strip():
            table = pyarrow.json.read_json(io.BytesIO(text), parse_options=options)
            yield table.drop_columns([name for name in types if _is_invented(table[name], name, text)])


def _is_invented(column: pa.ChunkedArray, name: str, text: bytes) -> bool:
    """Whether a column is there only because its type was said: no line has its key."""
    keys = (json.dumps(name).encode(), json.dumps(name, ensure_ascii=False).encode())
    return column.null_count == len(column) and not any(key in text for key in keys)


def _types_in_text(schema: Schema | None, keep: Sequence[str]) -> dict[str, pa.DataType]:
    """The types of columns that are not to be guessed from what a file of text looks like."""
    columns = schema.columns if schema is not None and schema.has_names else ()
    taken = {str(column.name): _ARROW_TYPES[column.type] for column in columns if column.type in _ARROW_TYPES}
    return dict.fromkeys(keep, pa.string()) | taken


class Writer(Protocol):
    """Takes tables of one form, one after the other."""

    def write_table(self, table: pa.Table) -> None:
        """Writes the rows of a table below those before."""

    def close(self) -> None:
        """Writes what is left."""


class _JsonWriter:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write_table(self, table: pa.Table) -> None:
        for row in table.to_pylist():
            line = json.dumps(_plain(row), ensure_ascii=False, default=str, allow_nan=False)
            self._file.write(line.encode() + b"\n")

    def close(self) -> None:
        self._file.flush()


def _plain(value: Any) -> Any:
    """A value as JSON has it: no number for NaN and the infinities, so that they are null."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and value - value != 0 else value


_WRITERS: Final[Mapping[str, Callable[[IO[bytes], pa.Schema], Writer]]] = {
    "csv": pyarrow.csv.CSVWriter,
    "parquet": pyarrow.parquet.ParquetWriter,
    "jsonl": lambda file, _: _JsonWriter(file),
}


@contextmanager
def table_writer(file: IO[bytes], file_format: str) -> Iterator[Callable[[pa.Table], None]]:
    """Writes tables into a file, below each other, in the form of the first of them.

    Raises:
        InvalidArgument: a later one has other columns, or values that those of the first do not take.
    """
    writer: Writer | None = None
    first: pa.Schema | None = None

    def write(table: pa.Table) -> None:
        nonlocal writer, first
        if writer is None or first is None:
            first = table.schema.remove_metadata()
            writer = _WRITERS[file_format](file, first)
        try:
            writer.write_table(table.cast(first))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
            raise InvalidArgument(f"Predictions that do not go with those before: {error}") from error

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()
