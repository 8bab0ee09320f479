"""What a program measures of a model after its training: kept as metrics of the run that the training went to.

Nothing of a program's data is kept alive: estimators and predictions are known by their ids, as long as they are there.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Final

from trivet._autologging.datasets import note_dataset
from trivet._autologging.options import Settings
from trivet._autologging.patching import Call
from trivet._autologging.sessions import AutologgedRun, is_quiet, quiet
from trivet._autologging.sklearn.variable_names import name_of, written_call
from trivet._client import Client
from trivet._entities import DatasetInput
from trivet._errors import DeadlineExceeded, ServerUnavailable

_log: Final = logging.getLogger("trivet")

_EVALUATE: Final = {"mlflow.data.context": "eval"}
_UNNAMED: Final = "unknown_dataset"
_FILE: Final = "metric_info.json"


@dataclass
class _Trained:
    """The run of an estimator, and what was measured of it since; several estimators of a run share it."""

    client: Client
    run_id: str
    names: dict[str, list[int | None]] = field(default_factory=dict)
    """By the names of variables, the ids of the data that had them when it was measured on; None: it is gone."""
    noted: set[int] = field(default_factory=set)
    """The ids of the data that is an input of the run."""
    is_given_up: bool = False
    """Whether no server answered: each file that is uploaded would wait for it again."""
    calls: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """By the names of metrics, the keys they were logged under, and the calls."""


@dataclass(frozen=True)
class _Model:
    """An estimator, as what it predicts knows it."""

    trained: _Trained
    model_id: str | None


@dataclass(frozen=True)
class _Data:
    """What a model was asked about, which is not kept alive."""

    name: str | None
    """What the program calls it; None where it can be asked later, as long as it is there."""
    data_id: int
    there: weakref.ref[Any] | None


@dataclass(frozen=True)
class _Prediction:
    """What was predicted, and from what."""

    model: _Model
    data: _Data


_lock: Final = threading.RLock()
_runs: Final[weakref.WeakValueDictionary[str, _Trained]] = weakref.WeakValueDictionary()
_models: Final[dict[int, _Model]] = {}
_predictions: Final[dict[int, _Prediction]] = {}


def remember(estimator: Any, run: AutologgedRun, model_id: str | None) -> None:
    """Lets what is measured of an estimator go to the run of its training."""
    with _lock:
        trained = _runs.get(run.run_id) or _Trained(run.client, run.run_id)
        _runs[run.run_id] = trained
        _keep(_models, estimator, _Model(trained, model_id))


def _keep(kept: dict[int, Any], value: Any, known: Any) -> None:
    """Knows something of an object as long as that is there; of none that cannot tell its end."""
    try:
        weakref.finalize(value, kept.pop, id(value), None)
    except TypeError:
        return
    kept[id(value)] = known


def _known(settings: Settings, estimator: Any) -> _Model | None:
    if is_quiet() or (settings.own is not None and not settings.own.log_post_training_metrics):
        return None
    return _models.get(id(estimator))


def around_prediction(settings: Settings, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Notes which model has made a prediction, and from what."""
    model = _known(settings, args[0])
    if model is None:
        return call(*args, **kwargs)
    with quiet():
        prediction = call(*args, **kwargs)
    _keep(_predictions, prediction, _Prediction(model, _seen(args, kwargs)))
    return prediction


def around_metric(settings: Settings, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Logs what a function of `sklearn.metrics` says of a prediction."""
    if is_quiet():
        return call(*args, **kwargs)
    with quiet():
        value = call(*args, **kwargs)
    prediction = next((found for each in (*args, *kwargs.values()) if (found := _predictions.get(id(each)))), None)
    if prediction is not None and _is_number(value):
        written = written_call(call.name, call.function, args, kwargs)
        _measured(settings, prediction.model, call.name, written, value, prediction.data)
    return value


def around_score(settings: Settings, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Logs the score of a model."""
    estimator = args[0]
    model = _known(settings, estimator)
    if model is None:
        return call(*args, **kwargs)
    with quiet():
        value = call(*args, **kwargs)
    if _is_number(value):
        kind = type(estimator).__name__
        written = written_call(f"{kind}.score", estimator.score, args[1:], kwargs)
        _measured(settings, model, f"{kind}_score", written, value, _seen(args, kwargs))
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _seen(args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Data:
    """The first argument of a method."""
    data = args[1] if len(args) > 1 else next(iter(kwargs.values()))
    try:
        there = weakref.ref(data)
    except TypeError:  # such as a list
        return _Data(name_of(data) or _UNNAMED, id(data), None)
    return _Data(None, id(data), there)


def _named(data: _Data) -> str:
    """What the program calls data: only looked for when something is measured on it, as it takes time."""
    there = None if data.there is None else data.there()
    return data.name or (there is not None and name_of(there)) or _UNNAMED


def _name_data(trained: _Trained, data: _Data, name: str) -> str:
    """What the program calls data, with a number where it has called other data so before."""
    ids = trained.names.setdefault(name, [])
    if data.data_id not in ids:
        ids.append(data.data_id)
        there = None if data.there is None else data.there()
        if there is not None:
            weakref.finalize(there, _forget, weakref.ref(trained), data.data_id)
    return _numbered(name, ids.index(data.data_id))


def _forget(of: weakref.ref[_Trained], data_id: int) -> None:
    """Forgets data that is gone: other data may get its id."""
    trained = of()
    if trained is None:
        return
    trained.noted.discard(data_id)
    for ids in trained.names.values():
        ids[:] = [None if each == data_id else each for each in ids]


def _numbered(name: str, index: int) -> str:
    return name if index == 0 else f"{name}-{index + 1}"


def _measured(settings: Settings, model: _Model, name: str, written: str, value: Any, data: _Data) -> None:
    trained, data_name = model.trained, _named(data)
    with _lock:
        calls = trained.calls.setdefault(name, [])
        key = f"{_numbered(name, len(calls))}_{_name_data(trained, data, data_name)}"
        calls.append((key, written))
        info = dict(sorted(each for of_name in trained.calls.values() for each in of_name))
    _tried(settings, trained, key, lambda: _log_metric(model, key, value))
    if not trained.is_given_up:
        _tried(settings, trained, _FILE, lambda: trained.client.log_dict(trained.run_id, info, _FILE))
    if settings.log_datasets:
        _tried(settings, trained, f"the dataset {data_name}", lambda: _note(trained, data))


def _log_metric(model: _Model, key: str, value: Any) -> None:
    trained = model.trained
    trained.client.tracking.log_metrics(trained.run_id, {key: float(value)}, model_id=model.model_id)


def _note(trained: _Trained, data: _Data) -> None:
    there = None if data.there is None else data.there()
    if there is not None and data.data_id not in trained.noted:
        trained.client.log_inputs(trained.run_id, [DatasetInput(note_dataset(there), _EVALUATE)])
        trained.noted.add(data.data_id)


def _tried(settings: Settings, trained: _Trained, what: str, step: Callable[[], object]) -> None:
    try:
        step()
    except Exception as error:  # noqa: BLE001 - what the program measures is what matters
        trained.is_given_up |= isinstance(error, ServerUnavailable | DeadlineExceeded)
        if not settings.silent:
            _log.warning("Autologging left %s out of run %s: %s: %s", what, trained.run_id, type(error).__name__, error)
