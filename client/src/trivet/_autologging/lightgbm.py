"""Autologging of LightGBM: `train`, and the estimators that call it."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Final

from trivet._autologging.boosting import BoostingLog, around_fit, around_train
from trivet._autologging.patching import Call, Patch
from trivet._autologging.samples import first_rows
from trivet._entities import Dataset

NAME: Final = "lightgbm"
_ESTIMATORS: Final = ("LGBMModel", "LGBMClassifier", "LGBMRegressor", "LGBMRanker")
"""Those that have a `fit` of their own."""
_IMPORTANCES: Final = ("split", "gain")
# Data, functions, and what is told in another way.
_UNLOGGED: Final = frozenset({"params", "train_set", "valid_sets", "valid_names", "feval", "init_model", "callbacks"})


class _LightGBM:
    """LightGBM, for the seam."""

    name: Final = NAME
    packages: Final = (NAME,)

    def patches(self, module: ModuleType) -> Iterable[Patch]:
        """The function by the two names that programs and estimators call it by, and the estimators."""
        if module.__name__ in ("lightgbm", "lightgbm.sklearn"):
            yield Patch(module, "train", _AROUND_TRAIN)
        if module.__name__ == "lightgbm.sklearn":
            for estimator in _ESTIMATORS:
                yield Patch(getattr(module, estimator), "fit", _AROUND_FIT)


FRAMEWORK: Final = _LightGBM()


@dataclass(frozen=True)
class _Seen:
    """What a `lightgbm.Dataset` had been made of, before a training freed that."""

    sample: Any
    dataset: Dataset | None


_seen: Final[weakref.WeakKeyDictionary[Any, _Seen]] = weakref.WeakKeyDictionary()


def _log_training(
    log: BoostingLog,
    call: Call,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    logs_model: bool,  # noqa: FBT001 - a callback
) -> Any:
    bound = log.log_arguments(call, args, kwargs, _UNLOGGED)
    if bound is None:
        return call(*args, **kwargs)
    given: Mapping[str, Any] = bound.arguments
    data = _data_sets(given)
    for data_set, _, context in data:
        log.attempt(f"the data of {context}", functools.partial(_see, log, data_set), waits=False)
    if log.settings.log_datasets:
        log.attempt("the datasets", lambda: log.log_datasets(_noted(data)), waits=False)
    # Before those of the caller, so that it sees the last iteration too, at which one of them may stop. The list is a
    # new one: that of the caller is as it was.
    bound.arguments["callbacks"] = [functools.partial(_after_iteration, log), *(given["callbacks"] or ())]
    booster = call(*bound.args, **bound.kwargs)
    if booster.best_iteration > 0:  # only where something watches for it
        # LightGBM counts from 1.
        best: int = booster.best_iteration
        log.attempt("early stopping", lambda: log.log_early_stopping(best, log.iterations, best - 1))
    for kind in _IMPORTANCES:
        log.attempt(f"the importances by {kind}", functools.partial(_log_importances, log, booster, kind))
    if logs_model:
        seen = _seen.get(given["train_set"])
        log.attempt(
            "the model",
            lambda: log.log_model(_log_model(log), booster, None if seen is None else seen.sample, booster.predict),
        )
    return booster


def _data_sets(given: Mapping[str, Any]) -> list[tuple[Any, str, str]]:
    """What is trained and evaluated on, each with its name and what for; named as LightGBM names the metrics."""
    valid_sets, valid_names = given["valid_sets"] or [], given["valid_names"] or []
    if not isinstance(valid_sets, list | tuple):
        valid_sets = [valid_sets]
    names = [valid_names] if isinstance(valid_names, str) else list(valid_names)
    trained_on = given["train_set"]
    unnamed = ["training" if each is trained_on else f"valid_{number}" for number, each in enumerate(valid_sets)]
    evaluated = zip(valid_sets, [*names, *unnamed[len(names) :]], strict=False)
    return [(trained_on, "dataset", "train"), *((each, name, "eval") for each, name in evaluated)]


def _see(log: BoostingLog, data_set: Any) -> None:
    """Notes what a data set holds: LightGBM frees it as it trains, and later trainings have it from here."""
    from trivet._autologging.datasets import note_dataset  # noqa: PLC0415 - it needs NumPy

    if data_set in _seen or data_set.data is None:
        return
    dataset = note_dataset(data_set.data, data_set.label) if log.settings.log_datasets else None
    _seen[data_set] = _Seen(first_rows(data_set.data), dataset)


def _noted(data: Iterable[tuple[Any, str, str]]) -> list[tuple[Dataset, str]]:
    seen = [(_seen.get(data_set), name, context) for data_set, name, context in data]
    return [(replace(each.dataset, name=name), context) for each, name, context in seen if each and each.dataset]


def _after_iteration(log: BoostingLog, env: Any) -> None:
    """The hook by which LightGBM tells what was measured after each iteration."""

    def step() -> None:
        measured = env.evaluation_result_list or ()
        log.log_iteration(env.iteration, {f"{data}-{metric}": value for data, metric, value, *_ in measured})

    log.attempt("the metrics", step, waits=False)


def _log_importances(log: BoostingLog, booster: Any, kind: str) -> None:
    values = booster.feature_importance(importance_type=kind).tolist()
    log.log_importances(kind, dict(zip(booster.feature_name(), values, strict=True)))


def _log_model(log: BoostingLog) -> Any:
    from trivet.lightgbm import log_model  # noqa: PLC0415 - it needs `trivet[models]`

    del log
    return log_model


_AROUND_TRAIN: Final = around_train(NAME, _log_training)
_AROUND_FIT: Final = around_fit(NAME, _log_model)
