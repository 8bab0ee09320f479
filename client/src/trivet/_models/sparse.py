"""Sparse matrices of scipy, which nobody has to import who has none."""

from __future__ import annotations

import sys
from typing import Any


def is_sparse(data: Any) -> bool:
    """Whether it is a matrix or an array in one of the forms that models take: compressed rows or columns."""
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and sparse.issparse(data) and data.format in ("csr", "csc")
