"""Autologging of XGBoost: `train`, and the estimators that call it."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Final

from trivet._autologging.boosting import BoostingLog, around_fit, around_train
from trivet._autologging.options import Settings
from trivet._autologging.patching import Call, Patch
from trivet._autologging.samples import first_rows
from trivet._entities import Dataset
from trivet._errors import InvalidArgument

NAME: Final = "xgboost"
_ESTIMATORS: Final = ("XGBModel", "XGBClassifier", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor")
"""Those that have a `fit` of their own."""
_MATRICES: Final = ("DMatrix", "QuantileDMatrix")
# Data, functions, and what is told in another way.
_UNLOGGED: Final = frozenset({"params", "dtrain", "evals", "obj", "feval", "evals_result", "xgb_model", "callbacks"})


_MAX_VALUES: Final = 100_000_000
"""Of a matrix that is noted as a dataset: XGBoost gives a copy of it, which takes 8 bytes a value and more."""


@dataclass(frozen=True)
class XgboostChoice:
    """What XGBoost alone lets choose."""

    importance_types: tuple[str, ...] = ("weight",)
    model_format: str = "ubj"


# A matrix does not give back what it was made of.
_samples: Final[weakref.WeakKeyDictionary[Any, Any]] = weakref.WeakKeyDictionary()


class _Xgboost:
    """XGBoost, for the seam."""

    name: Final = NAME
    packages: Final = (NAME,)

    def patches(self, module: ModuleType) -> Iterable[Patch]:
        """The function by the two names that programs and estimators call it by; estimators, and what holds data."""
        if module.__name__ in ("xgboost", "xgboost.sklearn"):
            yield Patch(module, "train", _AROUND_TRAIN)
        if module.__name__ == "xgboost.sklearn":
            for estimator in _ESTIMATORS:
                if hasattr(module, estimator):
                    yield Patch(getattr(module, estimator), "fit", _AROUND_FIT)
        if module.__name__ == "xgboost.core":
            for matrix in _MATRICES:
                if hasattr(module, matrix):
                    yield Patch(getattr(module, matrix), "__init__", _around_matrix)


FRAMEWORK: Final = _Xgboost()


def _around_matrix(settings: Settings, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Keeps the first rows of what a matrix is made of, as long as there is the matrix."""
    data = args[1] if len(args) > 1 else kwargs.get("data")
    sample = first_rows(data) if settings.log_models else None
    call(*args, **kwargs)
    if sample is not None:
        _samples[args[0]] = sample


def _choice(log: BoostingLog) -> XgboostChoice:
    return log.settings.own or XgboostChoice()


def _log_training(
    log: BoostingLog,
    call: Call,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    logs_model: bool,  # noqa: FBT001 - a callback
) -> Any:
    from xgboost import DMatrix  # noqa: PLC0415 - it is there when it is called

    from trivet._autologging.xgboost_callback import IterationCallback  # noqa: PLC0415 - as above

    bound = log.log_arguments(call, args, kwargs, _UNLOGGED)
    if bound is None:
        return call(*args, **kwargs)
    given: Mapping[str, Any] = bound.arguments
    if log.settings.log_datasets:
        log.attempt("the datasets", lambda: _log_datasets(log, given), waits=False)
    callback = IterationCallback(log)
    # Before those of the caller, so that it sees the last iteration too, after which one of them may stop. The list is
    # a new one: that of the caller is as it was.
    bound.arguments["callbacks"] = [callback, *(given["callbacks"] or ())]
    booster = call(*bound.args, **bound.kwargs)
    if _stops_early(given):
        log.attempt("early stopping", lambda: _log_early_stopping(log, booster, callback.rounds_before))
    for kind in _choice(log).importance_types:
        log.attempt(
            f"the importances by {kind}",
            functools.partial(_log_importances, log, booster, kind),
        )
    if logs_model:
        log.attempt(
            "the model",
            lambda: log.log_model(
                _log_model(log),
                booster,
                _samples.get(given["dtrain"]),
                lambda rows: booster.predict(DMatrix(rows)),
            ),
        )
    return booster


def _log_datasets(log: BoostingLog, given: Mapping[str, Any]) -> None:
    trained_on = given["dtrain"]
    used = [(trained_on, "dataset", "train"), *((matrix, name, "eval") for matrix, name in given["evals"] or ())]
    # What is trained on is often evaluated too; it is read once.
    matrices = {id(matrix): (matrix, name) for matrix, name, _ in reversed(used)}
    noted = {
        key: log.attempt(f"the dataset {name!r}", functools.partial(_noted, matrix), waits=False)
        for key, (matrix, name) in matrices.items()
    }
    named = ((noted[id(matrix)], name, context) for matrix, name, context in used)
    log.log_datasets([(replace(dataset, name=name), context) for dataset, name, context in named if dataset])


def _noted(matrix: Any) -> Dataset:
    from trivet._autologging.datasets import note_dataset  # noqa: PLC0415 - it needs NumPy

    values = matrix.num_nonmissing()
    if values > _MAX_VALUES:
        raise InvalidArgument(f"It has {values} values; of more than {_MAX_VALUES}, none are read back from XGBoost.")
    return note_dataset(matrix.get_data(), matrix.get_label())


def _stops_early(given: Mapping[str, Any]) -> bool:
    from xgboost.callback import EarlyStopping  # noqa: PLC0415 - it is there when it is called

    callbacks = given["callbacks"] or ()
    return bool(given["early_stopping_rounds"]) or any(isinstance(each, EarlyStopping) for each in callbacks)


def _log_early_stopping(log: BoostingLog, booster: Any, rounds_before: int) -> None:
    best: int = booster.best_iteration
    # A training that goes on with another's model counts its rounds too.
    log.log_early_stopping(best, log.iterations - 1, best - rounds_before)


def _log_importances(log: BoostingLog, booster: Any, kind: str) -> None:
    log.log_importances(kind, booster.get_score(importance_type=kind))


def _log_model(log: BoostingLog) -> Any:
    from trivet.xgboost import log_model  # noqa: PLC0415 - it needs `trivet[models]`

    return functools.partial(log_model, model_format=_choice(log).model_format)


_AROUND_TRAIN: Final = around_train(NAME, _log_training)
_AROUND_FIT: Final = around_fit(NAME, _log_model)
