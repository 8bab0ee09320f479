"""Models of PyTorch: written as MLflow reads them, and read as it writes them. Needs `trivet[models]`."""

from __future__ import annotations

import os
from typing import Any, Unpack

from trivet._models.flavors.pytorch import FLAVOR
from trivet._models.loading import load_native
from trivet._models.options import LogOptions, SaveOptions, log_with, save_with
from trivet._models.saving import ModelInfo

__all__ = ["load_model", "log_model", "save_model"]


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


def _chosen(serialization_format: str, example_inputs: Any) -> dict[str, Any]:
    return {"serialization_format": serialization_format, "example_inputs": example_inputs}
