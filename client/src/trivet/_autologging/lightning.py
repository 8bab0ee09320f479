"""Autologging of PyTorch Lightning: `Trainer.fit`, and what `Trainer.test` measures afterwards."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from types import ModuleType
from typing import Any, Final

from trivet._autologging.lightning_choice import LightningChoice
from trivet._autologging.options import Settings
from trivet._autologging.patching import Call, Patch
from trivet._autologging.sessions import AutologgedRun, is_quiet, training
from trivet._autologging.training_log import TrainingLog
from trivet._fluent import active_run

NAME: Final = "pytorch"
"""MLflow's: it is in `trivet.pytorch`, as in its own module."""
_EARLY_STOPPING: Final = ("monitor", "mode", "patience", "min_delta", "stopped_epoch")


class _Lightning:
    """PyTorch Lightning, by either name of its package, for the seam."""

    name: Final = NAME
    packages: Final = ("pytorch_lightning", "lightning")

    def patches(self, module: ModuleType) -> Iterable[Patch]:
        """The methods of a trainer that train and test; its public hooks tell the rest."""
        if module.__name__ in ("pytorch_lightning.trainer.trainer", "lightning.pytorch.trainer.trainer"):
            yield Patch(module.Trainer, "fit", _around_fit)
            yield Patch(module.Trainer, "test", _around_test)


FRAMEWORK: Final = _Lightning()

_fitted: Final[weakref.WeakKeyDictionary[Any, TrainingLog]] = weakref.WeakKeyDictionary()
"""By trainers, where their last `fit` was logged to."""


def _around_fit(settings: Settings, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    trainer = args[0]
    if not trainer.is_global_zero:  # of several processes that train together, the first logs
        return call(*args, **kwargs)
    with training(NAME, settings) as run:
        if run is None:
            return call(*args, **kwargs)
        return _Fit(run, trainer, args[1] if len(args) > 1 else kwargs.get("model")).log(call, args, kwargs)


def _around_test(settings: Settings, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    trainer = args[0]
    answer = call(*args, **kwargs)
    fitted = _fitted.get(trainer)
    if fitted is None or is_quiet():
        return answer
    run = active_run()
    if settings.exclusive and run is not None and run.info.run_id == fitted.run_id:
        return answer
    fitted.attempt("the mode", lambda: fitted.client.set_tag(fitted.run_id, "Mode", "testing"), waits=False)
    fitted.attempt("the test", lambda: fitted.log_points(_tested(trainer), 0), waits=False)
    fitted.say_left_out()
    return answer


def _tested(trainer: Any) -> dict[str, float]:
    return {key: float(value) for key, value in trainer.callback_metrics.items()}


class _Fit:
    """One `fit` of a trainer."""

    def __init__(self, run: AutologgedRun, trainer: Any, module: Any) -> None:
        from trivet._autologging.lightning_watch import package_of  # noqa: PLC0415 - needs Lightning

        self._log = TrainingLog(run)
        self._choice: LightningChoice = run.settings.own or LightningChoice()
        self._trainer = trainer
        self._module = module
        self._package = package_of(trainer)

    def log(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls it, and logs around it."""
        from trivet._autologging.lightning_watch import Watch  # noqa: PLC0415 - needs Lightning

        log, trainer = self._log, self._trainer
        stopping = next((each for each in trainer.callbacks if self._package.is_early_stopping(each)), None)
        if stopping is not None:
            log.log_params({key: getattr(stopping, key) for key in _EARLY_STOPPING if hasattr(stopping, key)})
        watch = Watch(log, self._choice)
        hooks = self._package.hooks(watch)
        trainer.callbacks.append(hooks)
        try:
            answer = call(*args, **kwargs)
        finally:
            if hooks in trainer.callbacks:
                trainer.callbacks.remove(hooks)
            watch.end()
        if stopping is not None:
            log.attempt("early stopping", lambda: self._log_early_stopping(stopping))
        log.attempt("the summary of the model", self._log_summary)
        if log.settings.log_models:
            log.attempt("the model", lambda: self._log_model(watch))
            best = getattr(trainer.checkpoint_callback, "best_model_path", "")
            if stopping is not None and best:
                log.attempt(
                    "the best checkpoint",
                    lambda: log.client.log_artifact(log.run_id, best, "restored_model_checkpoint"),
                )
        _fitted[trainer] = log
        return answer

    def _log_early_stopping(self, stopping: Any) -> None:
        if stopping.stopped_epoch == 0:
            return
        stopped = stopping.stopped_epoch
        metrics = {
            "stopped_epoch": stopped,
            "restored_epoch": stopped - max(1, stopping.patience),
            "best_score": float(stopping.best_score),
            "wait_count": stopping.wait_count,
        }
        self._log.log_points(metrics, 0)

    def _log_summary(self) -> None:
        summary = self._package.summary(self._module)
        self._log.client.log_text(self._log.run_id, summary, "model_summary.txt")

    def _log_model(self, watch: Any) -> None:
        from trivet.pytorch import log_model  # noqa: PLC0415 - it needs `trivet[models]`

        sample, answer = watch.example or (None, None)
        # A module is code of its own, which may import anything: what that is, is looked for.
        self._log.log_model(log_model, self._module, sample, answer, None)
