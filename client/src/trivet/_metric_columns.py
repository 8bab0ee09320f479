"""The history of a metric as NumPy arrays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trivet._errors import InvalidArgument
from trivet_proto.tracking.v1 import metric_pb2

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd


@dataclass(frozen=True, eq=False)
class MetricColumns:
    """Points of a metric in columns of one length, by step, then time, then value with NaN first."""

    steps: npt.NDArray[np.int64]
    timestamps: npt.NDArray[np.int64]
    """In milliseconds since the Unix epoch."""
    values: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.steps)

    def to_pandas(self) -> pd.DataFrame:
        """The points as rows with the columns `step`, `timestamp` (in UTC) and `value`. Raises InvalidArgument."""
        try:
            import pandas as pd  # noqa: PLC0415 - as NumPy below
        except ImportError:
            raise InvalidArgument("A DataFrame needs pandas, which is not installed: pip install pandas.") from None
        times = pd.to_datetime(self.timestamps, unit="ms", utc=True)
        return pd.DataFrame({"step": self.steps, "timestamp": times, "value": self.values})


def joined(parts: Iterable[metric_pb2.MetricColumns]) -> MetricColumns:
    """All points of parts, one after the other. Raises InvalidArgument where NumPy is not installed."""
    try:
        import numpy as np  # noqa: PLC0415 - the SDK does without it, and so does whoever does not ask for arrays
    except ImportError:
        raise InvalidArgument("Arrays need NumPy, which is not installed: pip install numpy.") from None
    steps, timestamps, values = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.float64)]
    for part in parts:
        steps.append(np.array(part.steps, np.int64))
        timestamps.append(np.array(part.times_millis, np.int64))
        values.append(np.array(part.values, np.float64))
    return MetricColumns(np.concatenate(steps), np.concatenate(timestamps), np.concatenate(values))
