"""Which classes of scikit-learn make models, and where their methods are written."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Final

# They prepare data: MLflow makes no runs of them either, but in pipelines.
_PREPARING_PACKAGES: Final = (
    "sklearn.preprocessing",
    "sklearn.impute",
    "sklearn.feature_extraction",
    "sklearn.feature_selection",
)
_PREPARING_CLASSES: Final = frozenset({"ColumnTransformer"})


def estimators_of(module: ModuleType) -> Iterator[type]:
    """The estimators that a module of scikit-learn defines, and that make models."""
    for kind in list(vars(module).values()):
        if isinstance(kind, type) and kind.__module__ == module.__name__ and _is_estimator(kind):
            yield kind


def makes_models(kind: type) -> bool:
    """Whether a class is such an estimator, or derives from one.

    A class that derives from no more than what all estimators have in common, such as `TransformerMixin`, is not.
    """
    return any(_is_estimator(each) for each in kind.__mro__)


def writer_of(estimator: type, method: str) -> type | None:
    """The class that a method of an estimator is written in, a mixin for example; None without one of scikit-learn."""
    writer = next((each for each in estimator.__mro__ if method in vars(each)), None)
    return writer if writer is not None and _is_of_scikit_learn(writer) else None


def _is_of_scikit_learn(kind: type) -> bool:
    return kind.__module__.startswith("sklearn.")


def _is_estimator(kind: type) -> bool:
    base = getattr(sys.modules.get("sklearn.base"), "BaseEstimator", None)
    return (
        base is not None
        and _is_of_scikit_learn(kind)
        and kind is not base
        and issubclass(kind, base)
        and not kind.__module__.startswith(_PREPARING_PACKAGES)
        and ".tests" not in kind.__module__
        and not kind.__name__.startswith("_")
        and kind.__name__ not in _PREPARING_CLASSES
    )
