"""Runs as a pandas DataFrame."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trivet._entities import Run
from trivet._errors import InvalidArgument

if TYPE_CHECKING:
    import pandas as pd


def is_wanted(output_format: str | None) -> bool:
    """Whether a search answers with a DataFrame.

    Raises:
        InvalidArgument: another format, or `pandas` where it is not installed.
    """
    installed = importlib.util.find_spec("pandas") is not None
    if output_format is None:
        return installed
    if output_format not in ("pandas", "list"):
        raise InvalidArgument(f"output_format is {output_format!r}; it must be 'pandas' or 'list'.")
    if output_format == "pandas" and not installed:
        raise InvalidArgument("output_format 'pandas' needs pandas: pip install pandas")
    return output_format == "pandas"


def to_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """A row a run; a column each of what it is, and of every metric, param and tag that any of them has."""
    import pandas as pd  # noqa: PLC0415 - the SDK works without it

    columns: dict[str, Any] = {
        "run_id": [run.info.run_id for run in runs],
        "run_name": [run.info.run_name for run in runs],
        "experiment_id": [run.info.experiment_id for run in runs],
        "status": [run.info.status for run in runs],
        "artifact_uri": [run.info.artifact_uri for run in runs],
        "start_time": pd.to_datetime([run.info.start_time for run in runs], unit="ms", utc=True),
        "end_time": pd.to_datetime([run.info.end_time for run in runs], unit="ms", utc=True),
    }
    for key in sorted({key for run in runs for key in run.data.metrics}):
        columns[f"metrics.{key}"] = [run.data.metrics.get(key, float("nan")) for run in runs]
    for key in sorted({key for run in runs for key in run.data.params}):
        columns[f"params.{key}"] = [run.data.params.get(key) for run in runs]
    for key in sorted({key for run in runs for key in run.data.tags}):
        columns[f"tags.{key}"] = [run.data.tags.get(key) for run in runs]
    return pd.DataFrame(columns)
