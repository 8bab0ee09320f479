"""What of scikit-learn is wrapped: how estimators are fitted and asked, metrics, and what is not to be logged.

Estimators are wrapped class by class, as their modules are imported. Functions of `sklearn.metrics` are wrapped in the
module that defines them too: pickle looks for them there.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any, Final

from trivet._autologging.options import Settings
from trivet._autologging.patching import Around, Call, Patch
from trivet._autologging.sessions import quiet
from trivet._autologging.sklearn import afterwards, fitting, workers

_FIT: Final = ("fit", "fit_transform", "fit_predict")
_PREDICT: Final = ("predict", "predict_proba", "predict_log_proba", "transform")
# They prepare data: MLflow makes no runs of them either, but in pipelines.
_PREPARING_PACKAGES: Final = (
    "sklearn.preprocessing",
    "sklearn.impute",
    "sklearn.feature_extraction",
    "sklearn.feature_selection",
)
_PREPARING_CLASSES: Final = frozenset({"ColumnTransformer"})
_NO_MODELS: Final = frozenset(
    {
        "cross_validate",
        "cross_val_predict",
        "cross_val_score",
        "learning_curve",
        "permutation_test_score",
        "validation_curve",
    }
)
"""Functions of `sklearn.model_selection` that fit what nobody gets."""
_NO_METRICS: Final = frozenset({"check_scoring", "get_scorer", "get_scorer_names", "make_scorer"})
"""Functions of `sklearn.metrics` that measure nothing."""


class _Sklearn:
    name: Final = "sklearn"
    packages: Final = ("sklearn", "joblib")

    def patches(self, module: ModuleType) -> Iterable[Patch]:
        if module.__name__ == "joblib.parallel":
            yield Patch(module.Parallel, "__call__", workers.around_workers)
        elif module.__name__ == "sklearn.metrics":
            yield from _functions(module, _metrics(module), afterwards.around_metric)
        elif module.__name__ == "sklearn.model_selection":
            yield from _functions(module, _NO_MODELS, _quietly)
        elif module.__name__.startswith("sklearn."):
            for estimator in _estimators(module):
                yield from _methods(estimator)


FRAMEWORK: Final = _Sklearn()


def _quietly(settings: Settings, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    del settings
    with quiet():
        return call(*args, **kwargs)


def _functions(module: ModuleType, names: Iterable[str], around: Around) -> Iterator[Patch]:
    for name in names:
        function = vars(module).get(name)
        if not inspect.isroutine(function):
            continue
        home = sys.modules.get(function.__module__)
        # Whoever imports it from the package, and what looks it up by its name, gets the same object.
        for place in (module, home):
            if place is not None and vars(place).get(name) is function:
                yield Patch(place, name, around)


def _metrics(module: ModuleType) -> list[str]:
    return [name for name in module.__all__ if name not in _NO_METRICS]


def _estimators(module: ModuleType) -> Iterator[type]:
    """The estimators that a module defines, and that make models."""
    base = getattr(sys.modules.get("sklearn.base"), "BaseEstimator", None)
    if base is None or module.__name__.startswith(_PREPARING_PACKAGES) or ".tests" in module.__name__:
        return
    for name, kind in list(vars(module).items()):
        if (
            isinstance(kind, type)
            and issubclass(kind, base)
            and kind.__module__ == module.__name__
            and not name.startswith("_")
            and name not in _PREPARING_CLASSES
        ):
            yield kind


def _methods(estimator: type) -> Iterator[Patch]:
    for name in _FIT:
        yield Patch(estimator, name, fitting.around_fit)
    for name in _PREDICT:
        yield Patch(estimator, name, afterwards.around_prediction)
    yield Patch(estimator, "score", afterwards.around_score)
