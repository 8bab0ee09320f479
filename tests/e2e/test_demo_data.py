"""What the demo of examples/ takes as data, and what it says of data that it cannot use."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

TAXI = Path(__file__).parents[2] / "examples" / "taxi"
TRIPS = pd.DataFrame(
    {
        "lpep_pickup_datetime": ["2021-01-01 00:00:00"] * 40,
        "lpep_dropoff_datetime": [f"2021-01-01 00:{minutes:02}:30" for minutes in range(20, 60)],
        "PULocationID": [74] * 40,
        "DOLocationID": [75, 76] * 20,
        "trip_distance": [1.5] * 40,
    }
)


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of the example, found as `python examples/taxi/demo.py` finds it."""
    monkeypatch.syspath_prepend(TAXI)
    return importlib.import_module("data")


def saved(table: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    return path


@pytest.mark.parametrize("name", ["green.parquet", "green.CSV"])
def test_taxi_trips_become_records_of_places_and_distance(data: ModuleType, tmp_path: Path, name: str) -> None:
    loaded = data.load(saved(TRIPS, (tmp_path / name).with_suffix(Path(name).suffix.lower())))
    assert (loaded.name, len(loaded.train.records), len(loaded.valid.records)) == ("green", 32, 8)
    assert loaded.train.records[0].keys() == {"PULocationID", "DOLocationID", "trip_distance"}
    assert {record["PULocationID"] for record in loaded.train.records} == {"74"}
    assert sorted([*loaded.train.target, *loaded.valid.target]) == [minutes + 0.5 for minutes in range(20, 60)]


def test_trips_that_cannot_have_been_are_left_out(data: ModuleType, tmp_path: Path) -> None:
    trips = TRIPS.astype({"trip_distance": object})
    trips.loc[0, "lpep_dropoff_datetime"] = "2021-01-01 02:00:00"
    trips.loc[1, "lpep_dropoff_datetime"] = "2021-01-01 00:00:01"
    trips.loc[2, "lpep_dropoff_datetime"] = "noon"
    trips.loc[3, "trip_distance"] = "far"
    trips.loc[4, "PULocationID"] = None
    loaded = data.load(saved(trips, tmp_path / "green.csv"))
    assert len(loaded.train.records) + len(loaded.valid.records) == 35


def test_data_that_cannot_be_used_says_why(data: ModuleType, tmp_path: Path) -> None:
    other = saved(pd.DataFrame({"area": range(40), "town": ["Here"] * 40}), tmp_path / "houses.csv")
    (tmp_path / "broken.parquet").write_text("no parquet", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("notes", encoding="utf-8")
    few = saved(TRIPS.head(19), tmp_path / "few.parquet")
    for path, target, says in (
        (tmp_path / "nothing.csv", None, "There is no file"),
        (tmp_path / "notes.txt", None, "neither a .parquet nor a .csv"),
        (tmp_path / "broken.parquet", None, "cannot be read"),
        (other, None, "DOLocationID.* --target"),
        (other, "price", "no column 'price'; there are area, town"),
        (other, "town", "no numbers to predict"),
        (few, None, "19 usable rows are too few"),
    ):
        with pytest.raises(data.DataUnusableError, match=says):
            data.load(path, target)
