"""The first rows of data that somebody trains on: what a model takes is told by them."""

from __future__ import annotations

import copy
from typing import Any, Final

from trivet._contents import is_of

# As many as MLflow's autologging takes.
_ROWS: Final = 5


def first_rows(data: Any) -> Any:
    """A copy of the first rows, of which the training changes nothing; None of data that has no rows to be seen."""
    if is_of(data, "pandas", "DataFrame"):
        return data.iloc[:_ROWS].copy()
    if is_of(data, "polars", "DataFrame") or is_of(data, "numpy", "ndarray"):
        return copy.deepcopy(data[:_ROWS])
    if getattr(data, "format", "") in ("csr", "csc"):  # sparse matrices of SciPy that need not be converted for it
        return data[:_ROWS].tocsr()
    return None
