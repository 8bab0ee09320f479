"""Models in the format ONNX, asked by onnxruntime."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from trivet._errors import InvalidArgument
from trivet._models.flavor import Predict, SavedModel
from trivet._models.libraries import needed
from trivet._safe_paths import safe_join

_log = logging.getLogger("trivet")

_MODEL: Final = "model.onnx"
_EXTERNAL: Final = "model.onnx.data"
_CPU: Final = "CPUExecutionProvider"
_PROVIDERS: Final = ("CUDAExecutionProvider", _CPU)
"""Where a model runs that does not say where, as MLflow has it: the first that is there."""
_MAX_MESSAGE_BYTES: Final = 2**31 - 1
"""What a message of protobuf can have at most; larger models keep their tensors in another file."""


class _Onnx:
    name: Final = "onnx"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        providers: Sequence[Any] | None = None,
        session_options: Mapping[str, Any] | None = None,
        external_data: bool | None = None,
        **options: Any,
    ) -> SavedModel:
        """Writes a model into a folder.

        Args:
            model: A `ModelProto`.
            folder: Where to.
            providers: Where onnxruntime runs it, the best first; names, or pairs of a name and options. None: on a GPU
                where there is one.
            session_options: Of onnxruntime, as MLflow's `onnx_session_options`.
            external_data: Whether large tensors are in a file beside the model's; None where the model is too large
                to be one.
            options: None.
        """
        if options:
            raise InvalidArgument(f"Models of onnx have no option {next(iter(options))!r}.")
        onnx = needed("onnx", "onnx")
        if not isinstance(model, onnx.ModelProto):
            raise InvalidArgument(f"A {type(model).__name__} is no model of onnx, a ModelProto.")
        if session_options:
            _session_options(session_options)  # says what is wrong before somebody loads it
        if external_data is None:
            external_data = model.ByteSize() > _MAX_MESSAGE_BYTES
        _write(model, folder, external_data=external_data)
        block = {
            "data": _MODEL,
            "onnx_version": onnx.__version__,
            "providers": [list(each) if isinstance(each, tuple) else each for each in providers or _PROVIDERS],
            "onnx_session_options": None if session_options is None else dict(session_options),
        }
        return SavedModel(
            block=block,
            loader_module="mlflow.onnx",
            python_function={"data": _MODEL},
            requirements=("onnx", "onnxruntime"),
        )

    def load(self, folder: Path, block: Mapping[str, Any]) -> Any:
        onnx = needed("onnx", "onnx")
        path = safe_join(folder, str(block["data"]))
        try:
            onnx.checker.check_model(path)
        except onnx.checker.ValidationError as error:
            raise InvalidArgument(f"{path.name!r} is no valid model of onnx: {error}") from error
        return onnx.load(path)

    def pickled_by(self, block: Mapping[str, Any]) -> str:
        del block
        return ""

    def predictor(self, model: Any, block: Mapping[str, Any], python_function: Mapping[str, Any]) -> Predict:
        del python_function
        session = _session(model, block)
        inputs = {each.name: each.type for each in session.get_inputs()}
        outputs = [each.name for each in session.get_outputs()]

        def predict(data: Any, params: Mapping[str, Any] | None) -> Any:
            del params  # nothing to such models, as MLflow has it
            feeds = {name: _converted(array, inputs.get(name)) for name, array in _feeds(data, list(inputs)).items()}
            predicted = dict(zip(outputs, session.run(outputs, feeds), strict=True))
            return _as_frame(predicted) if isinstance(data, pd.DataFrame) else predicted

        return predict


FLAVOR: Final = _Onnx()


def _write(model: Any, folder: Path, *, external_data: bool) -> None:
    onnx = needed("onnx", "onnx")
    if not external_data:
        onnx.save_model(model, folder / _MODEL)
        return
    onnx.save_model(model, folder / _MODEL, save_as_external_data=True, location=_EXTERNAL)
    # Writing has taken the tensors out of the model, which is the caller's.
    needed("onnx.external_data_helper", "onnx").load_external_data_for_model(model, str(folder))


def _session(model: Any, block: Mapping[str, Any]) -> Any:
    onnxruntime = needed("onnxruntime", "onnxruntime")
    options = _session_options(block.get("onnx_session_options"))
    providers = _usable(block.get("providers"), onnxruntime.get_available_providers())
    if model.ByteSize() <= _MAX_MESSAGE_BYTES:
        return onnxruntime.InferenceSession(model.SerializeToString(), options, providers)
    with tempfile.TemporaryDirectory() as folder:
        _write(model, Path(folder), external_data=True)
        return onnxruntime.InferenceSession(Path(folder, _MODEL), options, providers)


def _usable(declared: Any, available: Sequence[str]) -> list[Any]:
    """The providers that a model names and onnxruntime has here; that of the processor where there is none."""
    if isinstance(declared, str):
        declared = [declared]
    # A pair of a name and options is a list in YAML.
    wanted = [tuple(each) if isinstance(each, list) else each for each in declared or _PROVIDERS]
    usable = [each for each in wanted if (each[0] if isinstance(each, tuple) else each) in available] or [_CPU]
    if len(usable) < len(wanted) and wanted != list(_PROVIDERS):
        _log.warning("The model of onnx asks for %s; onnxruntime has %s of them here.", wanted, usable)
    return usable


def _session_options(given: Mapping[str, Any] | None) -> Any:
    onnxruntime = needed("onnxruntime", "onnxruntime")
    options = onnxruntime.SessionOptions()
    modes = {
        "sequential": onnxruntime.ExecutionMode.ORT_SEQUENTIAL,
        "parallel": onnxruntime.ExecutionMode.ORT_PARALLEL,
    }
    for name, value in (given or {}).items():
        match name:
            case "inter_op_num_threads" | "intra_op_num_threads":
                setattr(options, name, value)
            case "execution_mode" if str(value).lower() in modes:
                options.execution_mode = modes[str(value).lower()]
            case "graph_optimization_level":
                options.graph_optimization_level = onnxruntime.GraphOptimizationLevel(value)
            case "extra_session_config":
                for key, each in value.items():
                    options.add_session_config_entry(key, each)
            case _:
                raise InvalidArgument(
                    f"onnxruntime is asked with {name} = {value!r}, which MLflow does not know either."
                )
    return options


def _feeds(data: Any, names: Sequence[str]) -> Mapping[str, Any]:
    """Arrays by the names of a model's inputs."""
    if isinstance(data, Mapping):
        return data
    if isinstance(data, pd.DataFrame):
        if len(names) > 1:
            if missing := [name for name in names if name not in data.columns]:
                raise InvalidArgument(f"The model needs the columns {missing}, which the data frame does not have.")
            return {name: data[name].to_numpy() for name in names}
        return {names[0]: data.to_numpy()}
    if not isinstance(data, np.ndarray):
        raise InvalidArgument(f"Models of onnx take a data frame, an array or a dict of arrays; not {type(data)}.")
    if len(names) > 1:
        raise InvalidArgument(f"The model has the inputs {list(names)}: give a dict of arrays, or a data frame.")
    return {names[0]: data}


def _converted(array: Any, wanted: str | None) -> Any:
    """The array as a model wants it that was trained with floats of 32 bits: JSON and pandas have those of 64."""
    if wanted == "tensor(float)" and getattr(array, "dtype", None) == np.float64:
        return array.astype(np.float32)
    return array


def _as_frame(predicted: Mapping[str, Any]) -> pd.DataFrame:
    """Predictions by their outputs, as MLflow gives them; where it cannot, a row of an array is one value."""
    arrays = {name: np.asarray(each) for name, each in predicted.items()}
    if len({array.size for array in arrays.values()}) == 1:
        return pd.DataFrame({name: array.reshape(-1) for name, array in arrays.items()})
    return pd.DataFrame({name: list(array) for name, array in arrays.items()})
