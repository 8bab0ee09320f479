"""Columns of values, one a row, as arrays of NumPy: whatever they are given as."""

from __future__ import annotations

from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trivet._errors import InvalidArgument

Column = npt.NDArray[Any]


def to_column(values: Any, what: str, rows: int | None = None) -> Column:
    """One value a row, of a list, an array, a series or a frame of one column. Indexes do not count.

    Args:
        values: They.
        what: For people, as a sentence has it: `targets`.
        rows: How many there must be. Default: any number.

    Raises:
        InvalidArgument: there are more values a row than one, or another number of rows; says which.
    """
    if hasattr(values, "detach") and hasattr(values, "cpu"):  # of PyTorch, perhaps on a device
        values = values.detach().cpu().numpy()
    array = values.to_numpy() if hasattr(values, "to_numpy") else np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        shape = "x".join(map(str, array.shape)) or "a single value"
        raise InvalidArgument(
            f"One value a row is needed as {what}, not {shape}. Models of several outputs have to be evaluated output "
            "by output."
        )
    if rows is not None and len(array) != rows:
        raise InvalidArgument(f"There are {len(array)} {what} for {rows} rows of data.")
    return array


def check_complete(values: Column, what: str) -> None:
    """Raises InvalidArgument where values are missing; says how many, and the first."""
    missing = np.asarray(pd.isna(values))
    if missing.any():
        raise InvalidArgument(
            f"{int(missing.sum())} of {len(values)} {what} are missing (NaN or None), the first in row "
            f"{int(missing.argmax())}. Leave those rows out, or fill them."
        )


def to_numbers(values: Column, what: str) -> npt.NDArray[np.float64]:
    """The values as finite numbers. Raises InvalidArgument for those that are none; says where the first is."""
    check_complete(values, what)
    if values.dtype.kind not in "biuf":
        # A text such as "1" would become a number, and a time one of nanoseconds.
        others = [value for value in values if not isinstance(value, Real | Decimal | np.bool_)]
        if others:
            raise InvalidArgument(f"The {what} of a regressor are numbers; of these one is {others[0]!r}.")
    numbers = values.astype(np.float64)
    infinite = ~np.isfinite(numbers)
    if infinite.any():
        raise InvalidArgument(f"{int(infinite.sum())} {what} are infinite, the first in row {int(infinite.argmax())}.")
    return numbers
