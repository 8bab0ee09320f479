"""What is learned from: taxi trips, any other table, or data that scikit-learn brings along."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

_PICKUP: Final = "lpep_pickup_datetime"
_DROPOFF: Final = "lpep_dropoff_datetime"
_ZONES: Final = ["PULocationID", "DOLocationID"]
_DISTANCE: Final = "trip_distance"
TAXI_COLUMNS: Final = (_PICKUP, _DROPOFF, *_ZONES, _DISTANCE)

_FEWEST_ROWS: Final = 20
_SEED: Final = 42  # the same rows are set aside in every run, so that their errors can be compared


class DataUnusableError(Exception):
    """The data cannot be learned from; the message says why, and what can."""


@dataclass(frozen=True)
class Examples:
    """Records, and what is to be predicted of each."""

    records: list[dict[Hashable, Any]]
    """As DictVectorizer takes them: a number stays one, each value of a text becomes a column of zeros and ones."""
    target: np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Data:
    """A regression problem."""

    name: str
    """Names the experiment and the model, too."""
    train: Examples
    valid: Examples
    """Not seen in training: a model is as good as it is here."""


def load(path: Path | None = None, target: str | None = None) -> Data:
    """Reads a problem and splits it.

    Args:
        path: A .parquet or .csv file: of green-taxi trips, or any other. Default: scikit-learn's diabetes data, how far
            the illness of 442 patients went within a year.
        target: The column to predict, where the file is not of taxi trips.

    Raises:
        DataUnusableError: it cannot be learned from.
    """
    if path is None:
        features, wanted = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
        return _split("diabetes", features.astype({"sex": str}), wanted)
    table = _read(path)
    if target is not None:
        return _split(path.stem, *_any_table(table, target))
    if set(TAXI_COLUMNS) <= set(table.columns):
        return _split(path.stem, *_taxi_trips(table))
    missing = sorted(set(TAXI_COLUMNS) - set(table.columns))
    raise DataUnusableError(
        f"{path} has no taxi trips, for which the columns {', '.join(missing)} are missing. Name the column that is to "
        "be predicted by --target."
    )


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise DataUnusableError(f"There is no file {path}.")
    readers = {".parquet": pd.read_parquet, ".csv": pd.read_csv}
    if path.suffix.lower() not in readers:
        raise DataUnusableError(f"{path} is neither a .parquet nor a .csv file.")
    try:
        return readers[path.suffix.lower()](path)
    except (OSError, ValueError) as error:
        raise DataUnusableError(f"{path} cannot be read: {error}") from error


def _taxi_trips(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series[float]]:
    """How many minutes a trip takes, from where it begins, where it ends, and its length in miles."""
    began, ended = (pd.to_datetime(table[column], errors="coerce") for column in (_PICKUP, _DROPOFF))
    minutes = (ended - began).dt.total_seconds() / 60
    features = table[_ZONES].assign(**{_DISTANCE: pd.to_numeric(table[_DISTANCE], errors="coerce")})
    # What took no minute, or more than an hour, is rather a meter that was left on than a trip.
    is_trip = minutes.between(1, 60) & features.notna().all(axis="columns")
    return features[is_trip].astype(dict.fromkeys(_ZONES, str)), minutes[is_trip]


def _any_table(table: pd.DataFrame, target: str) -> tuple[pd.DataFrame, pd.Series[float]]:
    if target not in table.columns:
        raise DataUnusableError(f"There is no column {target!r}; there are {', '.join(map(str, table.columns))}.")
    if not pd.api.types.is_numeric_dtype(table[target]):
        raise DataUnusableError(f"The column {target!r} has no numbers to predict.")
    complete = table.dropna()
    features = complete.drop(columns=target)
    texts = [name for name in features if not pd.api.types.is_numeric_dtype(features[name])]
    return features.astype(dict.fromkeys(texts, str)), complete[target]


def _split(name: str, features: pd.DataFrame, target: pd.Series[float]) -> Data:
    if len(features) < _FEWEST_ROWS:
        raise DataUnusableError(f"{len(features)} usable rows are too few to learn from; {_FEWEST_ROWS} are needed.")
    parts = train_test_split(features, target, test_size=0.2, random_state=_SEED)
    train_features, valid_features, train_target, valid_target = parts
    return Data(name, _examples(train_features, train_target), _examples(valid_features, valid_target))


def _examples(features: pd.DataFrame, target: pd.Series[float]) -> Examples:
    return Examples(features.to_dict(orient="records"), target.to_numpy(dtype=np.float64))
