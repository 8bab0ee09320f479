"""What models give, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from trivet._errors import InvalidArgument

PREDICTION: Final = "prediction"
"""The column of what a model gives that has no names of its own."""


def as_table(answer: Any) -> pa.Table:
    """What a model gives, as a table: its own columns, or one or several called after `PREDICTION`.

    Raises:
        InvalidArgument: it is nothing that can stand in a table.
    """
    try:
        return pa.Table.from_pandas(as_frame(answer), preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError, TypeError) as error:
        raise InvalidArgument(f"What the model gives, a {type(answer).__name__}, is no table: {error}") from error


def as_frame(answer: Any) -> pd.DataFrame:
    """What a model gives, as a data frame: its own columns, or one or several called after `PREDICTION`."""
    if isinstance(answer, pd.DataFrame):
        return answer.rename(columns=str)
    if isinstance(answer, pd.Series):
        return answer.to_frame(PREDICTION if answer.name is None else str(answer.name))
    if isinstance(answer, Mapping):
        return pd.DataFrame({str(name): list(np.asarray(values)) for name, values in answer.items()})
    if isinstance(answer, list) and answer and isinstance(answer[0], Mapping):
        return pd.DataFrame.from_records(answer).rename(columns=str)
    if hasattr(answer, "toarray"):  # sparse
        answer = answer.toarray()
    array = np.asarray(answer)
    if array.ndim == 2:
        names = [PREDICTION] if array.shape[1] == 1 else [f"{PREDICTION}_{number}" for number in range(array.shape[1])]
        return pd.DataFrame(array, columns=pd.Index(names))
    return pd.DataFrame({PREDICTION: list(array) if array.ndim > 1 else array})
