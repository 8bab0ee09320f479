"""The data that a model is evaluated on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import numpy as np
import pandas as pd

from trivet._contents import is_of
from trivet._datasets import from_file, from_numpy, from_pandas
from trivet._entities import Dataset
from trivet._errors import InvalidArgument
from trivet._evaluation.columns import Column, to_column

_TARGETS: Final = "targets"


@dataclass(frozen=True)
class Rows:
    """Features and targets, a row each; at least one."""

    features: Any
    """What the model gets: a frame of pandas, or an array."""
    targets: Column
    columns: pd.DataFrame
    """All that the data has columns of, for slices; none where it is an array."""
    dataset: Dataset
    """What the run notes of it."""
    predictions: Column | None = None
    """Where they are given beside the data."""
    probabilities: Any = None

    def __len__(self) -> int:
        return len(self.targets)


def read_rows(
    data: Any,
    targets: Any,
    *,
    predictions: Any = None,
    probabilities: Any = None,
    dataset: Dataset | str | None = None,
) -> Rows:
    """The rows of data.

    Args:
        data: A frame of pandas or polars, an array with a row each, a file, or a `Dataset` of a file, whose digest is
            checked.
        targets: The column that has them, or they themselves.
        predictions: The same of predictions.
        probabilities: The same of probabilities: a column, several, or an array.
        dataset: What the data is called, or what is noted of it.

    Raises:
        InvalidArgument: it is nothing of that kind, is empty, or lacks a column; or the lengths differ.
        FileNotFoundError: there is no such file.
    """
    if isinstance(dataset, Dataset) and isinstance(data, Dataset):
        raise InvalidArgument("The data is a Dataset itself, so it cannot be noted as another one.")
    name = dataset if isinstance(dataset, str) else ""
    noted = dataset if isinstance(dataset, Dataset) else None
    if isinstance(data, Dataset):
        noted = replace(data, name=name) if name else data
        data = _checked_file(data)
    if isinstance(data, str | os.PathLike):
        path = Path(data)
        noted = noted or from_file(path, name=name)
        data = _read(path)
    elif is_of(data, "polars", "DataFrame"):
        data = pd.DataFrame(data.to_dict(as_series=False))
    if isinstance(data, pd.DataFrame):
        rows = _of_frame(data, targets, predictions, probabilities)
    else:
        rows = _of_array(data, targets, predictions, probabilities)
    return replace(rows, dataset=noted if noted is not None else _noted(rows, name))


_NOT_NOTED: Final = Dataset("", "")


def _of_frame(frame: pd.DataFrame, targets: Any, predictions: Any, probabilities: Any) -> Rows:
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise InvalidArgument(f"The data has more than one column {twice!r}.")
    of_probabilities = _names(probabilities)
    answered = [*_name(predictions), *of_probabilities]
    for column in (*_name(targets), *answered):
        if column not in frame.columns:
            raise InvalidArgument(f"The data has no column {column!r}, but {_listed(frame.columns)}.")
    return Rows(
        features=frame.drop(columns=[*_name(targets), *answered]),
        targets=_targets(_value(frame, targets), frame),
        columns=frame.drop(columns=answered),
        dataset=_NOT_NOTED,
        predictions=_predictions(_value(frame, predictions), len(frame)),
        probabilities=frame[of_probabilities].to_numpy() if of_probabilities else probabilities,
    )


def _of_array(data: Any, targets: Any, predictions: Any, probabilities: Any) -> Rows:
    if not hasattr(data, "__len__") or isinstance(data, Mapping):
        raise InvalidArgument(
            "Data is a DataFrame of pandas or polars, an array with a row each, a file, or a trivet.Dataset of a file; "
            f"not {type(data).__name__}."
        )
    features = np.asarray(data)
    for named in (*_name(targets), *_name(predictions), *_names(probabilities)):
        raise InvalidArgument(f"An array has no column {named!r}; give the values, or the data as a DataFrame.")
    return Rows(
        features=features,
        targets=_targets(targets, features),
        columns=pd.DataFrame(index=range(len(features))),
        dataset=_NOT_NOTED,
        predictions=_predictions(predictions, len(features)),
        probabilities=probabilities,
    )


def _targets(values: Any, data: Any) -> Column:
    if values is None:
        raise InvalidArgument("Targets are needed: a column of the data, or the values.")
    if (
        isinstance(data, pd.DataFrame)
        and len(_names(values)) not in (0, len(data))
        and set(values) <= set(data.columns)
    ):
        raise InvalidArgument(
            f"One column is needed as targets, not {len(values)}. Models of several outputs have to be evaluated "
            "output by output."
        )
    targets = to_column(values, _TARGETS, len(data))
    if not len(targets):
        raise InvalidArgument("There are no rows of data, so nothing can be measured.")
    return targets


def _predictions(values: Any, rows: int) -> Column | None:
    return None if values is None else to_column(values, "predictions", rows)


def _name(given: Any) -> list[Any]:
    """The column that is given by name; none where values are."""
    return [given] if isinstance(given, str | int) else []


def _names(given: Any) -> list[Any]:
    """The columns that are given by name, one or several."""
    if isinstance(given, list | tuple) and given and all(isinstance(each, str) for each in given):
        return list(given)
    return _name(given)


def _value(frame: pd.DataFrame, given: Any) -> Any:
    return frame[given] if _name(given) else given


def _listed(names: Iterable[object]) -> str:
    texts = [repr(name) for name in names]
    return ", ".join(texts[:20]) + (", …" if len(texts) > 20 else "") or "none at all"


def _noted(rows: Rows, name: str) -> Dataset:
    """What is noted of data that is given itself: features and targets.

    Predictions are no part of it, so that two models are seen to be evaluated on the same.
    """
    are_numbers = all(getattr(each, "dtype", np.dtype(object)).kind in "biuf" for each in (rows.features, rows.targets))
    if not isinstance(rows.features, pd.DataFrame) and are_numbers:
        return from_numpy({"features": rows.features, _TARGETS: rows.targets}, name=name)
    try:
        return from_pandas(_whole_frame(rows), name=name)
    except TypeError as error:
        raise InvalidArgument(
            f"No digest can be made of the data: {error}. Say what it is by dataset=trivet.Dataset(NAME, DIGEST)."
        ) from error


def _whole_frame(rows: Rows) -> pd.DataFrame:
    """Features and targets in one frame."""
    if not isinstance(rows.features, pd.DataFrame):
        columns = rows.features.reshape(len(rows), -1)
        return pd.DataFrame(columns).rename(columns=str).assign(**{_TARGETS: rows.targets})
    if len(rows.columns.columns) > len(rows.features.columns):  # the targets are one of them
        return rows.columns
    name = _TARGETS
    while name in rows.columns:
        name += "_"
    return rows.columns.assign(**{name: rows.targets})


def _checked_file(dataset: Dataset) -> Path:
    """The file that a dataset was made of, which is still what it was."""
    try:
        uri = str(json.loads(dataset.source)["uri"])
    except (ValueError, KeyError, TypeError):
        uri = ""
    if urlsplit(uri).scheme != "file":
        raise InvalidArgument(
            f"The dataset {dataset.name!r} says what data is, and there is no file of this machine to read it from. "
            "Give the data itself, and the dataset as dataset=."
        )
    path = Path(unquote(urlsplit(uri).path))
    if from_file(path).digest != dataset.digest:
        raise InvalidArgument(f"The file of the dataset {dataset.name!r} has changed since it was noted: {path.name}.")
    return path


def _read(path: Path) -> pd.DataFrame:
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return pd.read_csv(path)
    if suffix == ".parquet":
        return pd.read_parquet(path)
    if suffix in (".jsonl", ".ndjson"):
        return pd.read_json(path, lines=True)
    raise InvalidArgument(f"Data is read from .csv, .parquet and .jsonl files, not from {path.name!r}.")
