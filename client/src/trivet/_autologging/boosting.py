"""What is logged of boosting, the same for each library that does it: by its function, or by an estimator around that.

An estimator's `fit` calls the function that trains: that logs params, points and files, and `fit` logs the model, which
is the estimator then. Whatever else such a call trains is part of it, and not logged by itself.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from trivet._autologging.options import Settings
from trivet._autologging.patching import Call
from trivet._autologging.samples import first_rows
from trivet._autologging.sessions import training
from trivet._autologging.training_log import TrainingLog
from trivet._entities import Dataset, DatasetInput

CONTEXT_TAG: Final = "mlflow.data.context"
_LIBRARIES: Final = ("lightgbm", "xgboost")


class BoostingLog:
    """Logs one training by boosting. For the thread that trains."""

    def __init__(self, log: TrainingLog) -> None:
        self.training = log
        self.settings = log.settings
        self.attempt = log.attempt
        self._iterations: dict[int, dict[str, float]] = {}

    def log_arguments(
        self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any], unlogged: AbstractSet[str]
    ) -> inspect.BoundArguments | None:
        """Logs params: those of the booster, and the arguments of the function that trains, with their defaults.

        Args:
            call: Of that function.
            args: As it is called.
            kwargs: The same.
            unlogged: Names of arguments that are no params.

        Returns:
            All arguments; None where the function is called in a way that it does not know.
        """
        bound = self.attempt(
            "the arguments", lambda: inspect.signature(call.function).bind(*args, **kwargs), waits=False
        )
        if bound is None:
            return None
        bound.apply_defaults()
        given = bound.arguments
        self.training.log_params(
            dict(given["params"]), {key: value for key, value in given.items() if key not in unlogged}
        )
        return bound

    def log_datasets(self, datasets: Iterable[tuple[Dataset, str]]) -> None:
        """Logs what was trained and evaluated on: datasets, each with what for."""
        inputs = [DatasetInput(dataset, {CONTEXT_TAG: context}) for dataset, context in datasets]
        self.training.client.log_inputs(self.training.run_id, inputs)

    def log_iteration(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Logs what was measured after an iteration, at once; never raises."""
        # MLflow's names have no `@`.
        self._iterations[iteration] = {key.replace("@", "_at_"): value for key, value in metrics.items()}
        self.training.log_points(self._iterations[iteration], iteration)

    def log_early_stopping(self, best_iteration: int, stopped_iteration: int, best: int) -> None:
        """Logs where a training stopped, and once more, as its last points, what was measured in its best iteration.

        Args:
            best_iteration: As its library counts it.
            stopped_iteration: The same.
            best: The number by which the best one was told to `log_iteration`.
        """
        self.training.log_points({"stopped_iteration": stopped_iteration, "best_iteration": best_iteration}, 0)
        self.training.log_points(self._iterations.get(best, {}), max(self._iterations) + 1)

    @property
    def iterations(self) -> int:
        """How many were told."""
        return len(self._iterations)

    def log_importances(self, kind: str, importances: Mapping[str, Any]) -> None:
        """Logs how important features are: as JSON, and as a plot where there is one and matplotlib is installed.

        Args:
            kind: How that is measured, such as `weight`.
            importances: By the features' names: a number, or one for each class.
        """
        name = f"feature_importance_{kind}"
        self.training.client.log_dict(self.training.run_id, importances, f"{name}.json")
        if importances:
            from trivet._autologging.importances import importance_figure  # noqa: PLC0415 - matplotlib may be missing

            self.training.client.log_figure(self.training.run_id, importance_figure(kind, importances), f"{name}.png")

    def log_model(self, log_model: Callable[..., Any], model: Any, sample: Any, predict: Callable[[Any], Any]) -> None:
        """Logs the model that was trained, as `TrainingLog.log_model`; `predict` is what it says of rows."""
        answer = None
        if sample is not None and self.settings.log_model_signatures:
            answer = self.attempt("the signature", lambda: predict(sample))
        self.training.log_model(log_model, model, sample, answer, _known_requirements(model))


@dataclass(frozen=True)
class _Fit:
    """An estimator's `fit` that runs."""

    estimator: Any
    log: BoostingLog | None
    """Of the next training of the function; None where that is not logged."""


_fit: Final[ContextVar[_Fit | None]] = ContextVar("trivet_autologging_fit", default=None)


@contextmanager
def _fitting(fit: _Fit) -> Iterator[None]:
    token = _fit.set(fit)
    try:
        yield
    finally:
        _fit.reset(token)


LogTraining = Callable[[BoostingLog, Call, tuple[Any, ...], dict[str, Any], bool], Any]
"""Calls the function that trains, logs around it, and returns what it returned. The last argument: whether the model is
to be logged too."""


def around_train(framework: str, log_training: LogTraining) -> Callable[..., Any]:
    """What goes around the function that trains, in a run of its own, the active one, or that of an estimator."""

    def around(settings: Settings, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        fit = _fit.get()
        if fit is not None and fit.log is not None:
            with _fitting(_Fit(fit.estimator, None)):
                return log_training(fit.log, call, args, kwargs, False)  # noqa: FBT003 - of a callback
        with training(framework, settings) as log:
            if log is None:
                return call(*args, **kwargs)
            return log_training(BoostingLog(TrainingLog(log)), call, args, kwargs, settings.log_models)

    return around


def around_fit(framework: str, log_model: Callable[[BoostingLog], Callable[..., Any]]) -> Callable[..., Any]:
    """What goes around the `fit` of an estimator.

    Args:
        framework: Its name.
        log_model: The function that logs its model, with what was chosen for it.
    """

    def around(settings: Settings, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        fit = _fit.get()
        if fit is not None and fit.estimator is args[0]:
            return call(*args, **kwargs)  # a class's `fit` calls that of the class above it
        with training(framework, settings) as run:
            if run is None:
                with _fitting(_Fit(args[0], None)):
                    return call(*args, **kwargs)
            log = BoostingLog(TrainingLog(run))
            given = args[1] if len(args) > 1 else kwargs.get("X")
            sample = log.attempt("the input example", functools.partial(first_rows, given))
            with _fitting(_Fit(args[0], log)):
                answer = call(*args, **kwargs)
            if settings.log_models:
                log.attempt("the model", lambda: log.log_model(log_model(log), args[0], sample, args[0].predict))
            return answer

    return around


def _known_requirements(model: Any) -> Sequence[str] | None:
    """The packages that a model needs which holds nothing but its library; None of one that may hold code of others.

    To see what that one imports takes seconds, for which each training would wait.
    """
    from trivet._models.requirements import fewest  # noqa: PLC0415 - only where a model is logged

    library = type(model).__module__.partition(".")[0]
    if not hasattr(model, "get_params"):
        return fewest({library, "numpy", "pandas"})
    if library not in _LIBRARIES or any(callable(value) for value in model.get_params().values()):
        return None
    return fewest({library, "cloudpickle", "numpy", "pandas", "scikit-learn"})
