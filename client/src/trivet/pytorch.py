"""Models of PyTorch: written as MLflow reads them, and read as it writes them. Needs `trivet[models]`.

Trainings by PyTorch Lightning are logged unasked after `autolog()`.
"""

from __future__ import annotations

import os
from typing import Any, Literal, Unpack

from trivet._autologging.lightning import NAME
from trivet._autologging.lightning_choice import LightningChoice
from trivet._autologging.options import AutologOptions
from trivet._autologging.switching import autolog_one
from trivet._models.flavors.pytorch import FLAVOR
from trivet._models.loading import load_native
from trivet._models.options import LogOptions, SaveOptions, log_with, save_with
from trivet._models.saving import ModelInfo

__all__ = ["autolog", "load_model", "log_model", "save_model"]


def save_model(
    pytorch_model: Any,
    path: str | os.PathLike[str],
    *,
    serialization_format: str = "pickle",
    example_inputs: Any = None,
    **about: Unpack[SaveOptions],
) -> None:
    """Saves a model into a new folder of this machine, whole or not at all.

    As a pyfunc, it is asked with a data frame, as numbers of 32 bits, or an array, and gives the like. It runs on the
    first GPU where there is one.

    Args:
        pytorch_model: A `torch.nn.Module`, which may be scripted.
        path: The folder; it is not there, or is empty.
        serialization_format: `pickle`, by cloudpickle, so that the code of a class from a notebook is in it; or `pt2`,
            the graph that `torch.export` finds, which loads without that code. Loading either may run code.
        example_inputs: For `pt2`, what the model is run with: an array or tensor, or a list of them. It will take any
            number of rows where these have more than one.
        about: What `SaveOptions` has.

    Raises:
        InvalidArgument: something is there already, or the model cannot be written like that; says why.
    """
    save_with(FLAVOR, pytorch_model, path, _chosen(serialization_format, example_inputs), about)


def log_model(
    pytorch_model: Any,
    name: str | None = None,
    *,
    serialization_format: str = "pickle",
    example_inputs: Any = None,
    **about: Unpack[LogOptions],
) -> ModelInfo:
    """Logs a model to the active run, or without one, and registers it where `registered_model_name` says so.

    Args:
        pytorch_model: As in `save_model`.
        name: What people will call it. Default: the server makes a name up.
        serialization_format: As in `save_model`.
        example_inputs: As in `save_model`.
        about: What `LogOptions` has.

    Raises:
        InvalidArgument: the model cannot be written like that; says why, and nothing is logged.
        TrivetError: it cannot be sent, and the logged model is UPLOAD_FAILED then; or it is READY, and cannot be
            registered.
    """
    return log_with(FLAVOR, pytorch_model, name, _chosen(serialization_format, example_inputs), about)


def load_model(model_uri: str) -> Any:
    """Loads a model as the module that it was, ready to be asked; an exported one as the module of its graph.

    Args:
        model_uri: As in `trivet.pyfunc.load_model`.

    Raises:
        InvalidArgument: it is no model of this flavor.
        FailedPrecondition: torch is not installed, or TRIVET_ALLOW_PICKLE forbids what runs code.
        TrivetError: it cannot be brought here.
    """
    return load_native(FLAVOR, model_uri)


def autolog(
    *,
    log_every_n_epoch: int = 1,
    log_every_n_step: int | None = None,
    checkpoint: bool = True,
    checkpoint_monitor: str = "val_loss",
    checkpoint_mode: Literal["min", "max"] = "min",
    checkpoint_save_best_only: bool = True,
    checkpoint_save_weights_only: bool = False,
    checkpoint_save_freq: int | Literal["epoch"] = "epoch",
    **options: Unpack[AutologOptions],
) -> None:
    """Logs trainings by PyTorch Lightning unasked: `Trainer.fit`, and what `Trainer.test` measures afterwards.

    Logged are the optimizer and its params, what the module logs by `self.log` of each epoch as soon as it is there,
    how it stopped early, a summary of the module, checkpoints, and the model. A training goes to the active run, else
    to one of its own. Of several processes that train together, the first logs, and no checkpoints.

    Args:
        log_every_n_epoch: Metrics of each so many epochs are logged.
        log_every_n_step: Those of each so many steps too. Default: of none.
        checkpoint: Whether checkpoints are kept, under `checkpoints` of the run.
        checkpoint_monitor: The metric that says which is the best one.
        checkpoint_mode: Whether the best is that with the least or the greatest.
        checkpoint_save_best_only: Whether one is kept only where it is the best so far, in place of the one before.
        checkpoint_save_weights_only: Whether the state of the optimizer is left out.
        checkpoint_save_freq: After how many steps one may be kept, or after each epoch.
        options: What `trivet.autolog` has.

    Raises:
        InvalidArgument: one of them is not what it must be.
        TypeError: there is no such option.
    """
    choice = LightningChoice(
        log_every_n_epoch=log_every_n_epoch,
        log_every_n_step=log_every_n_step,
        checkpoint=checkpoint,
        checkpoint_monitor=checkpoint_monitor,
        checkpoint_mode=checkpoint_mode,
        checkpoint_save_best_only=checkpoint_save_best_only,
        checkpoint_save_weights_only=checkpoint_save_weights_only,
        checkpoint_save_freq=checkpoint_save_freq,
    )
    choice.check()
    autolog_one(NAME, options, choice)


def _chosen(serialization_format: str, example_inputs: Any) -> dict[str, Any]:
    return {"serialization_format": serialization_format, "example_inputs": example_inputs}
