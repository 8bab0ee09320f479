"""What the hooks of PyTorch Lightning tell of a training: points, the optimizer, an example, checkpoints."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from trivet._autologging.lightning_choice import LightningChoice
from trivet._autologging.training_log import TrainingLog

# Where MLflow's `load_checkpoint` looks for it.
_LATEST_CHECKPOINT_TAG: Final = "mlflow.latest_checkpoint_artifact"


@dataclass(frozen=True)
class Package:
    """PyTorch Lightning by one of its names, which have classes of their own."""

    name: str

    def is_early_stopping(self, callback: object) -> bool:
        """Whether a callback ends trainings early."""
        return isinstance(callback, import_module(f"{self.name}.callbacks").EarlyStopping)

    def hooks(self, watch: Watch) -> Any:
        """The callback that tells a watch."""
        return _hooks(self.name, watch)

    def summary(self, module: Any) -> str:
        """A table of all layers of a module, with their sizes."""
        return str(import_module(f"{self.name}.utilities.model_summary").ModelSummary(module, max_depth=-1))


def _hooks(package: str, watch: Watch) -> Any:
    lambdas: Any = import_module(f"{package}.callbacks").LambdaCallback

    # Of a class of its own: Lightning takes a callback away where a module brings one of the same class.
    class Hooks(lambdas):  # type: ignore[misc]
        def __reduce__(self) -> tuple[Any, ...]:  # other processes make the class anew
            return _hooks, (package, watch)

    return Hooks(on_train_start=watch.begin, on_train_batch_end=watch.after_step, on_train_epoch_end=watch.after_epoch)


def package_of(trainer: Any) -> Package:
    """That which a trainer's class comes from."""
    (name,) = {
        each.__module__.removesuffix(".trainer.trainer")
        for each in type(trainer).__mro__
        if each.__module__ in ("pytorch_lightning.trainer.trainer", "lightning.pytorch.trainer.trainer")
    }
    return Package(name)


class Watch:
    """Logs what hooks tell, and never ends a training by that. For the thread that trains.

    A copy in another process, as strategies make that train in processes of their own, logs nothing.
    """

    def __init__(self, log: TrainingLog, choice: LightningChoice) -> None:
        self._log: TrainingLog | None = log
        self._choice = choice
        self._optimizers = 1
        self._of_steps: set[str] = set()
        self._of_epochs: set[str] = set()
        self._best: float | None = None
        self._hook: Any = None
        self.example: tuple[Any, Any] | None = None
        """What the module was first called with, and what it gave: arrays of NumPy."""

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_log": None, "_hook": None}

    def begin(self, trainer: Any, module: Any) -> None:
        """Logs how long it trains, and by which optimizer."""
        if self._log is None:
            return
        log = self._log
        log.attempt("the mode", lambda: log.client.set_tag(log.run_id, "Mode", "training"), waits=False)
        log.attempt("the optimizer", lambda: self._log_optimizer(log, trainer), waits=False)
        if log.settings.log_models and (log.settings.log_model_signatures or log.settings.log_input_examples):
            self._hook = log.attempt("the input example", lambda: module.register_forward_hook(self._see))

    def after_step(self, trainer: Any, module: Any, *_: Any) -> None:
        """Logs the metrics of a step, where that is chosen, and keeps a checkpoint of it."""
        del module
        log = self._log
        if log is not None:
            log.attempt("a step", lambda: self._log_step(log, trainer), waits=False)

    def _log_step(self, log: TrainingLog, trainer: Any) -> None:
        every, step = self._choice.log_every_n_step, trainer.global_step
        if every:
            metrics = _metrics(trainer)
            # Lightning has what is measured at steps and epochs by two names more, and the plain one for the epoch.
            of_step = {
                key: value
                for key, value in metrics.items()
                if key not in self._of_epochs and f"{key}_step" not in metrics
            }
            self._of_steps.update(of_step)
            # A step of the trainer is one of an optimizer.
            if (step // self._optimizers + 1) % every == 0:
                log.log_points(of_step, step)
        frequency = self._choice.checkpoint_save_freq
        if isinstance(frequency, int) and step > 0 and step % frequency == 0:
            self._keep(log, trainer, f"global_step_{step}")

    def after_epoch(self, trainer: Any, module: Any) -> None:
        """Logs the metrics of an epoch, also those of its validation, and keeps a checkpoint of it."""
        del module
        log = self._log
        if log is not None:
            log.attempt("an epoch", lambda: self._log_epoch(log, trainer), waits=False)

    def _log_epoch(self, log: TrainingLog, trainer: Any) -> None:
        epoch = trainer.current_epoch
        of_epoch = {key: value for key, value in _metrics(trainer).items() if key not in self._of_steps}
        self._of_epochs.update(of_epoch)
        if (epoch + 1) % self._choice.log_every_n_epoch == 0:
            log.log_points(of_epoch, epoch)
        if self._choice.checkpoint_save_freq == "epoch":
            self._keep(log, trainer, f"epoch_{epoch}")

    def end(self) -> None:
        """Takes away what was hung on the module."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    def _log_optimizer(self, log: TrainingLog, trainer: Any) -> None:
        params: dict[str, Any] = {"epochs": trainer.max_epochs}
        optimizers = list(trainer.optimizers)
        if optimizers:
            self._optimizers = len(optimizers)
            first = getattr(optimizers[0], "optimizer", optimizers[0])  # Lightning wraps some
            params |= {"optimizer_name": type(first).__name__, **getattr(first, "defaults", {})}
        log.log_params(params)

    def _see(self, module: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Looks at the first call of the module; a signature says one tensor in and one out."""
        del module
        self.end()
        from torch import Tensor  # noqa: PLC0415 - it is there when it trains

        if self._log is not None and len(inputs) == 1 and isinstance(inputs[0], Tensor) and isinstance(output, Tensor):
            self.example = self._log.attempt("the input example", lambda: (_array(inputs[0]), _array(output)))

    def _keep(self, log: TrainingLog, trainer: Any, of: str) -> None:
        if self._choice.checkpoint:
            log.attempt(f"the checkpoint of {of}", lambda: self._log_checkpoint(log, trainer, of))

    def _log_checkpoint(self, log: TrainingLog, trainer: Any, of: str) -> None:
        choice, metrics = self._choice, _metrics(trainer)
        if trainer.world_size > 1:
            return  # each process would have to take part in it, and only the first is told
        latest, folder = "", f"checkpoints/{of}"
        if choice.checkpoint_save_best_only:
            value = metrics.get(choice.checkpoint_monitor)
            if value is None or not self._is_best(value):
                return
            self._best = value
            latest, folder = "latest_", "checkpoints"
        name = f"{latest}checkpoint{'.weights' if choice.checkpoint_save_weights_only else ''}.pth"
        with tempfile.TemporaryDirectory(prefix="trivet-checkpoint-") as temporary:
            path = Path(temporary, name)
            trainer.save_checkpoint(path, weights_only=choice.checkpoint_save_weights_only)
            log.client.log_artifact(log.run_id, str(path), folder)
        about = {**metrics, "epoch": trainer.current_epoch, "global_step": trainer.global_step}
        log.client.log_dict(log.run_id, about, f"{folder}/{latest}checkpoint_metrics.json")
        log.client.set_tag(log.run_id, _LATEST_CHECKPOINT_TAG, f"{folder}/{name}")

    def _is_best(self, value: float) -> bool:
        if self._best is None:
            return True
        return value < self._best if self._choice.checkpoint_mode == "min" else value > self._best


def _metrics(trainer: Any) -> dict[str, float]:
    return {key: float(value) for key, value in trainer.callback_metrics.items()}


def _array(tensor: Any) -> Any:
    return tensor.detach().cpu().numpy().copy()
