"""What is logged of a training of scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from trivet._autologging.datasets import note_dataset
from trivet._autologging.options import Settings
from trivet._autologging.patching import Call
from trivet._autologging.sessions import AutologgedRun, cut_params, training
from trivet._autologging.sklearn.afterwards import remember
from trivet._autologging.sklearn.estimators import makes_models
from trivet._autologging.sklearn.options import SklearnOptions
from trivet._autologging.sklearn.packages import known_requirements
from trivet._autologging.sklearn.searches import is_search, log_search, tags_of
from trivet._autologging.sklearn.training_data import TrainingData, find_training_data
from trivet._autologging.sklearn.training_figures import figures
from trivet._autologging.sklearn.training_scores import Answered, ask, is_classifier, score
from trivet._entities import Dataset, DatasetInput

PREFIX: Final = "training_"
"""Of what comes of the training data alone."""
_TRAIN: Final = {"mlflow.data.context": "train"}


def around_fit(settings: Settings, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Logs a training: params and data before it, the model and what it scores afterwards."""
    if not makes_models(type(args[0])):  # its mixin is also that of estimators that do
        return call(*args, **kwargs)
    with training("sklearn", settings) as run:
        if run is None:
            return call(*args, **kwargs)
        log = _Fit(run, settings.own or SklearnOptions(), args[0])
        data = run.attempt("what it is trained on", lambda: find_training_data(args[0], args[1:], kwargs), waits=False)
        log.before(data)
        answer = call(*args, **kwargs)
        log.after(data)
        return answer


class _Fit:
    """The training of one estimator, logged step by step: what fails is left out."""

    def __init__(self, run: AutologgedRun, options: SklearnOptions, estimator: Any) -> None:
        self._run = run
        self._options = options
        self._estimator = estimator
        self._settings = run.settings
        self._dataset: Dataset | None = None
        self._example: Any = None

    def before(self, data: TrainingData | None) -> None:
        """Logs what is known before."""
        run, estimator = self._run, self._estimator
        run.attempt("params", lambda: run.log_params(self._params()), waits=False)
        run.attempt("tags", lambda: run.client.tracking.set_tags(run.run_id, tags_of(estimator)), waits=False)
        if data is None:
            return
        if self._settings.log_datasets:
            self._dataset = run.attempt("the dataset", lambda: note_dataset(data.features, data.targets), waits=False)
        if self._dataset is not None:
            used = [DatasetInput(self._dataset, _TRAIN)]
            run.attempt("the dataset", lambda: run.client.log_inputs(run.run_id, used), waits=False)
        if self._settings.log_models and (self._settings.log_input_examples or self._settings.log_model_signatures):
            self._example = run.attempt("the input example", data.example, waits=False)

    def _params(self) -> dict[str, Any]:
        # What a search starts from says nothing of what it finds.
        params: dict[str, Any] = self._estimator.get_params(deep=not is_search(self._estimator))
        return params

    def _found_params(self) -> dict[str, Any]:
        best = getattr(self._estimator, "best_params_", {})
        return {**self._params(), **{f"best_{key}": value for key, value in best.items()}}

    def after(self, data: TrainingData | None) -> None:
        """Logs what is known afterwards."""
        run, estimator = self._run, self._estimator
        model_id = None
        if self._settings.log_models:
            model_id = self._log_model(estimator, "model", self._found_params)
        if data is not None:
            self._measure(data, model_id)
        run.attempt("estimator.html", lambda: run.client.log_text(run.run_id, _page(estimator), "estimator.html"))
        if is_search(estimator):
            self._log_search(model_id)
        if self._options.log_post_training_metrics:
            remember(estimator, run, model_id)

    def _log_search(self, model_id: str | None) -> None:
        estimator, best_model_id = self._estimator, None
        if self._settings.log_models and hasattr(estimator, "best_estimator_"):
            best = estimator.best_estimator_
            best_model_id = self._log_model(best, "best_estimator", lambda: best.get_params(deep=True))
        log_search(
            self._run,
            estimator,
            max_runs=self._options.max_tuning_runs,
            dataset=self._dataset,
            model_id=model_id,
            best_model_id=best_model_id,
        )

    def _log_model(self, estimator: Any, name: str, params: Callable[[], Mapping[str, Any]]) -> str | None:
        from trivet.sklearn import log_model  # noqa: PLC0415 - it offers autologging itself

        def log() -> str:
            return log_model(
                estimator,
                name,
                serialization_format=self._options.serialization_format,
                signature=self._signature(estimator) or False,
                input_example=self._example if self._settings.log_input_examples else None,
                registered_model_name=self._settings.registered_model_name if name == "model" else None,
                params=cut_params(params()),
                pip_requirements=known_requirements(estimator, self._options.serialization_format),
            ).model_id

        return self._run.attempt(f"the model {name!r}", log)

    def _signature(self, estimator: Any) -> Any:
        from trivet._models.inference import infer_signature  # noqa: PLC0415 - needs numpy and pandas

        if not self._settings.log_model_signatures or self._example is None:
            return None
        answers = getattr(estimator, "predict", None) or getattr(estimator, "transform", None)
        if answers is None:
            return None
        example = self._example
        return self._run.attempt("the signature", lambda: infer_signature(example, answers(example)), waits=False)

    def _measure(self, data: TrainingData, model_id: str | None) -> None:
        run, estimator = self._run, self._estimator
        if data.targets is None or (is_search(estimator) and not hasattr(estimator, "best_estimator_")):
            return
        answered = run.attempt("predictions", lambda: self._ask(data), waits=False)
        scores = score(answered, estimator, data, self._options.pos_label)
        for name, error in scores.failures.items():
            run.leave_out(f"the metric {PREFIX}{name}", error)
        metrics = {f"{PREFIX}{name}": value for name, value in scores.values.items()}
        if metrics:
            run.attempt(
                "metrics",
                lambda: run.client.tracking.log_metrics(run.run_id, metrics, model_id=model_id, dataset=self._dataset),
                waits=False,
            )
        if answered is not None and is_classifier(estimator):
            run.attempt("plots", lambda: self._draw(answered))

    def _ask(self, data: TrainingData) -> Answered | None:
        from sklearn.base import is_regressor  # noqa: PLC0415 - whoever fits an estimator has it

        if not (is_classifier(self._estimator) or is_regressor(self._estimator)):
            return None
        return ask(self._estimator, data)

    def _draw(self, answered: Answered) -> None:
        for name, figure in figures(answered):
            self._run.client.log_figure(self._run.run_id, figure, f"{PREFIX}{name}.png")


def _page(estimator: Any) -> str:
    """A page that shows what an estimator consists of."""
    from sklearn.utils import estimator_html_repr  # noqa: PLC0415 - whoever fits an estimator has it

    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="UTF-8"></head>\n'
        f"<body>\n{estimator_html_repr(estimator)}\n</body>\n</html>\n"
    )
