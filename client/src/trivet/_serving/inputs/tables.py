"""CSV and Parquet, as frames."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from trivet._models.schema import Schema
from trivet._serving.inputs.casting import cast
from trivet._serving.refusals import Refusal, bad_request, unsupported

if TYPE_CHECKING:
    from pyarrow import Table
    from pyarrow.parquet import ParquetFile

_MOST_TIMES_LARGER: Final = 32
"""How many times the bytes that a body may have its rows may take. Parquet says a million equal values in a few bytes,
so its length alone bounds nothing."""
_BYTES_OF_A_VALUE: Final = 8
_ROWS_AT_ONCE: Final = 1 << 16


class _TooLargeError(Exception):
    """The rows take more than they may."""


def frame_of_csv(body: bytes, schema: Schema | None) -> pd.DataFrame:
    """A frame of CSV in UTF-8, whose first line has the names of the columns."""
    try:
        text = body.decode()
        frame = pd.read_csv(io.StringIO(text), dtype=_texts_of(schema))
        fault = _fault_of(text, frame)
    except UnicodeDecodeError:
        raise bad_request("The body is not UTF-8.") from None
    except Exception as error:  # noqa: BLE001 - whatever pandas finds wrong with what somebody sent
        raise bad_request(f"The body is no CSV: {error}.") from None
    if fault:
        raise bad_request(fault)
    return cast(frame, schema)


def _fault_of(text: str, frame: pd.DataFrame) -> str:
    """What pandas makes something of though it is wrong; empty if nothing."""
    lines = (line for line in csv.reader(io.StringIO(text, newline="")) if line)
    names = next(lines)
    # Of the first row pandas makes an index then; where another one is longer than the first, it says so itself.
    if len(next(lines, names)) > len(names):
        return "The rows have more values than there are names of columns."
    if len(set(names)) < len(names):
        return "There are several columns of the same name."
    # It fills short rows up from the left: else there is no need to read all again.
    if frame.shape[1] and frame.iloc[:, -1].isna().any() and _has_shorter(text, len(names)):
        return "A row has fewer values than there are names of columns."
    return ""


def _has_shorter(text: str, length: int) -> bool:
    return any(0 < len(line) < length for line in csv.reader(io.StringIO(text, newline="")))


def _texts_of(schema: Schema | None) -> dict[Any, Any]:
    """The columns that are texts however they look, such as `007`."""
    if schema is None or schema.has_tensors or not schema.has_names:
        return {}
    return {column.name: str for column in schema.columns if column.type == "string"}


def frame_of_parquet(body: bytes, schema: Schema | None, max_body_bytes: int) -> pd.DataFrame:
    """A frame of a Parquet file."""
    try:
        from pyarrow import BufferReader, parquet  # noqa: PLC0415 - an extra; few send it
    except ModuleNotFoundError:
        raise unsupported("This server reads no Parquet: it needs pyarrow.") from None
    try:
        table = _table_of(parquet.ParquetFile(BufferReader(body)), _MOST_TIMES_LARGER * max_body_bytes)
        frame = table.to_pandas()
    except _TooLargeError:
        raise Refusal(413, "BAD_REQUEST", "The rows of the body take more than this server takes.") from None
    except Exception as error:  # noqa: BLE001 - whatever pyarrow finds wrong with what somebody sent
        raise bad_request(f"The body is no Parquet: {error}.") from None
    return cast(frame, schema)


def _table_of(file: ParquetFile, most_bytes: int) -> Table:
    from pyarrow import Table  # noqa: PLC0415 - as above

    said = file.metadata
    chunks = [
        said.row_group(group).column(place) for group in range(said.num_row_groups) for place in range(said.num_columns)
    ]
    if sum(max(each.num_values * _BYTES_OF_A_VALUE, each.total_uncompressed_size) for each in chunks) > most_bytes:
        raise _TooLargeError
    # A text may be there once and meant by every row: no row of a column takes more than all that is there.
    texts = [each.total_uncompressed_size for each in chunks if each.physical_type == "BYTE_ARRAY"]
    rows = max(1, min(_ROWS_AT_ONCE, most_bytes // max(texts, default=1)))
    batches, size = [], 0
    for batch in file.iter_batches(rows):
        size += batch.nbytes
        if size > most_bytes:
            raise _TooLargeError
        batches.append(batch)
    return Table.from_batches(batches, file.schema_arrow)
