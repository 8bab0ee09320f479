"""What an estimator is fitted to: found among the arguments, and shown as an example."""

from __future__ import annotations

import copy
import inspect
from dataclasses import dataclass
from typing import Any, Final

_EXAMPLE_ROWS: Final = 5  # as many as MLflow's
_WEIGHT: Final = "sample_weight"


@dataclass(frozen=True)
class TrainingData:
    """The arguments of a `fit`."""

    features: Any
    targets: Any = None
    weights: Any = None

    def example(self) -> Any:
        """The first rows, which nothing changes any more."""
        rows = self.features[:_EXAMPLE_ROWS]
        return copy.deepcopy(rows)


def find_training_data(estimator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> TrainingData:
    """What an estimator is about to be fitted to.

    Args:
        estimator: It.
        args: Of its `fit`, or of a method that takes the same, without the estimator.
        kwargs: The same, by name.

    Raises:
        KeyError: there is nothing.
    """
    names = [
        parameter.name
        for parameter in inspect.signature(estimator.fit).parameters.values()
        if parameter.kind is not parameter.VAR_KEYWORD
    ]
    given = dict(zip(names, args, strict=False)) | kwargs
    data = TrainingData(given[names[0]], given.get(names[1]) if len(names) > 1 else None, given.get(_WEIGHT))
    return copy.deepcopy(data) if _may_change_data(estimator) else data


def _may_change_data(estimator: Any) -> bool:
    """Whether it was told that it need not copy its data before it works in it."""
    return any(
        value is False and key.rpartition("__")[2].startswith("copy")
        for key, value in estimator.get_params(deep=True).items()
    )
