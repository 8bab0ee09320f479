"""Models in the format ONNX: written as MLflow reads them, and read as it writes them. Needs `trivet[models]`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from trivet._models.flavors.onnx import FLAVOR
from trivet._models.loading import load_native
from trivet._models.options import LogOptions, SaveOptions, log_with, save_with
from trivet._models.saving import ModelInfo

__all__ = ["load_model", "log_model", "save_model"]

_Provider = str | tuple[str, Mapping[str, Any]]


def save_model(
    onnx_model: Any,
    path: str | os.PathLike[str],
    *,
    onnx_execution_providers: Sequence[_Provider] | None = None,
    onnx_session_options: Mapping[str, Any] | None = None,
    save_as_external_data: bool | None = None,
    **about: Unpack[SaveOptions],
) -> None:
    """Saves a model into a new folder of this machine, whole or not at all.

    As a pyfunc, onnxruntime asks it, with a data frame (a model with one input takes all of its columns, one with
    several takes a column each), an array, or arrays by the names of its inputs. For a data frame, it gives one; else
    arrays by the names of its outputs.

    Args:
        onnx_model: A `ModelProto`.
        path: The folder; it is not there, or is empty.
        onnx_execution_providers: Where it runs: the first of these that is there, else the processor; names, or pairs
            of a name and options. Default: CUDA.
        onnx_session_options: How: `intra_op_num_threads`, `inter_op_num_threads`, `execution_mode` (`sequential` or
            `parallel`), `graph_optimization_level`, and `extra_session_config`, a dict.
        save_as_external_data: Whether its large tensors are in a file beside the model's. Default: where it has more
            than the 2 GiB that a file of a model can have.
        about: What `SaveOptions` has.

    Raises:
        InvalidArgument: something is there already, or the model cannot be written like that; says why.
    """
    chosen = _chosen(onnx_execution_providers, onnx_session_options, save_as_external_data)
    save_with(FLAVOR, onnx_model, path, chosen, about)


def log_model(
    onnx_model: Any,
    name: str | None = None,
    *,
    onnx_execution_providers: Sequence[_Provider] | None = None,
    onnx_session_options: Mapping[str, Any] | None = None,
    save_as_external_data: bool | None = None,
    **about: Unpack[LogOptions],
) -> ModelInfo:
    """Logs a model to the active run, or without one, and registers it where `registered_model_name` says so.

    Args:
        onnx_model: A `ModelProto`.
        name: What people will call it. Default: the server makes a name up.
        onnx_execution_providers: As in `save_model`.
        onnx_session_options: As in `save_model`.
        save_as_external_data: As in `save_model`.
        about: What `LogOptions` has.

    Raises:
        InvalidArgument: the model cannot be written like that; says why, and nothing is logged.
        TrivetError: it cannot be sent, and the logged model is UPLOAD_FAILED then; or it is READY, and cannot be
            registered.
    """
    chosen = _chosen(onnx_execution_providers, onnx_session_options, save_as_external_data)
    return log_with(FLAVOR, onnx_model, name, chosen, about)


def load_model(model_uri: str) -> Any:
    """Loads a model as a `ModelProto`, with all of its tensors.

    Args:
        model_uri: As in `trivet.pyfunc.load_model`.

    Raises:
        InvalidArgument: it is no model of this flavor, or not a valid one.
        FailedPrecondition: onnx is not installed.
        TrivetError: it cannot be brought here.
    """
    return load_native(FLAVOR, model_uri)


def _chosen(
    onnx_execution_providers: Sequence[_Provider] | None,
    onnx_session_options: Mapping[str, Any] | None,
    save_as_external_data: bool | None,  # noqa: FBT001 - as callers gave it
) -> dict[str, Any]:
    return {
        "providers": onnx_execution_providers,
        "session_options": onnx_session_options,
        "external_data": save_as_external_data,
    }
