"""What of scikit-learn is wrapped: how estimators are fitted and asked, metrics, and what is not to be logged.

Estimators are wrapped as their modules are imported, each method in the class that it is written in. Functions of
`sklearn.metrics` are wrapped in the module that defines them too: pickle looks for them there.
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
from trivet._autologging.sklearn.estimators import estimators_of, writer_of

_FIT: Final = ("fit", "fit_transform", "fit_predict")
_PREDICT: Final = ("predict", "predict_proba", "predict_log_proba", "transform")
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
            for estimator in estimators_of(module):
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


def _methods(estimator: type) -> Iterator[Patch]:
    arounds = dict.fromkeys(_FIT, fitting.around_fit) | dict.fromkeys(_PREDICT, afterwards.around_prediction)
    for name, around in {**arounds, "score": afterwards.around_score}.items():
        writer = writer_of(estimator, name)
        if writer is not None:
            yield Patch(writer, name, around)
