"""What may be chosen of scikit-learn alone."""

from __future__ import annotations

from dataclasses import dataclass

from trivet._errors import InvalidArgument


@dataclass(frozen=True)
class SklearnOptions:
    """`trivet.sklearn.autolog` explains it."""

    max_tuning_runs: int | None = 5
    log_post_training_metrics: bool = True
    serialization_format: str = "cloudpickle"
    pos_label: object = None

    def __post_init__(self) -> None:
        if self.max_tuning_runs is not None and self.max_tuning_runs < 0:
            raise InvalidArgument(f"max_tuning_runs is {self.max_tuning_runs}; it is 0 or more, or None for all.")
