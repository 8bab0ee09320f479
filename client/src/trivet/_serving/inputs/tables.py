"""CSV and Parquet, as frames."""

from __future__ import annotations

import io
from typing import Any, Final

import pandas as pd

from trivet._models.schema import Schema
from trivet._serving.inputs.casting import cast
from trivet._serving.refusals import Refusal, bad_request, unsupported

_MOST_TIMES_LARGER: Final = 32
"""How many times the bytes that a body may have its rows may take. Parquet says a million equal values in a few bytes,
so its length alone bounds nothing."""
_BYTES_OF_A_VALUE: Final = 8


def frame_of_csv(body: bytes, schema: Schema | None) -> pd.DataFrame:
    """A frame of CSV in UTF-8, whose first line has the names of the columns."""
    try:
        frame = pd.read_csv(io.StringIO(body.decode()), dtype=_texts_of(schema))
    except UnicodeDecodeError:
        raise bad_request("The body is not UTF-8.") from None
    except Exception as error:  # noqa: BLE001 - whatever pandas finds wrong with what somebody sent
        raise bad_request(f"The body is no CSV: {error}.") from None
    return cast(frame, schema)


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
        file = parquet.ParquetFile(BufferReader(body))
        values = file.metadata.num_rows * file.metadata.num_columns
        is_too_large = values * _BYTES_OF_A_VALUE > _MOST_TIMES_LARGER * max_body_bytes
        frame = pd.DataFrame() if is_too_large else file.read().to_pandas()
    except Exception as error:  # noqa: BLE001 - whatever pyarrow finds wrong with what somebody sent
        raise bad_request(f"The body is no Parquet: {error}.") from None
    if is_too_large:
        raise Refusal(413, "BAD_REQUEST", f"The body says {values} values, which are more than this server takes.")
    return cast(frame, schema)
