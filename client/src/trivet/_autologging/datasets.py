"""What is trained and evaluated on, noted as datasets."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from trivet._contents import is_of
from trivet._datasets import to_dataset
from trivet._entities import Dataset


def note_dataset(features: Any, targets: Any = None) -> Dataset:
    """The dataset of features and targets; that of a data frame is of its columns alone, as MLflow has it.

    Args:
        features: A data frame, an array, or a sparse matrix of SciPy, which is not filled for this.
        targets: An array, or what has one; None where there are none.

    Raises:
        InvalidArgument: they are nothing that a dataset can be made of.
    """
    if is_of(features, "pandas", "DataFrame") or is_of(features, "polars", "DataFrame"):
        return to_dataset(features)
    named = {} if targets is None else {"targets": targets.to_numpy() if hasattr(targets, "to_numpy") else targets}
    if not hasattr(features, "tocsr"):
        return to_dataset({"features": features, **named})
    rows = features.tocsr()
    parts = {"values": rows.data, "columns": rows.indices, "ends of rows": rows.indptr}
    spec = {"dtype": str(rows.dtype), "shape": [-1, rows.shape[1]]}
    schema = {"mlflow_tensorspec": {"features": [{"type": "tensor", "tensor-spec": spec, "name": "features"}]}}
    profile = {"num_rows": rows.shape[0], "num_elements": rows.shape[0] * rows.shape[1]}
    return replace(to_dataset({**parts, **named}), schema=json.dumps(schema), profile=json.dumps(profile))
