"""Models of PyTorch: modules, scripted ones, and exported programs."""

from __future__ import annotations

import importlib
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
import pandas as pd

from trivet._errors import FailedPrecondition, InvalidArgument
from trivet._models.flavor import Predict, SavedModel
from trivet._models.libraries import needed
from trivet._safe_paths import safe_join

# Where MLflow looks, by these names.
_DATA: Final = "data"
_PICKLED: Final = "model.pth"
_EXPORTED: Final = "model.pt2"
_UNPICKLER: Final = "pickle_module_info.txt"
_UNPICKLER_OF_MLFLOW: Final = "mlflow.pytorch.pickle_module"
"""Writes by cloudpickle, and reads by pickle."""
_FORMATS: Final = ("pickle", "pt2")


class _PyTorch:
    name: Final = "pytorch"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        serialization_format: str = "pickle",
        example_inputs: Any = None,
        **options: Any,
    ) -> SavedModel:
        """Writes a model into a folder.

        Args:
            model: A `torch.nn.Module`, which may be scripted.
            folder: Where to.
            serialization_format: `pickle`, by cloudpickle, so that the code of a class from a notebook is in it; or
                `pt2`, the graph that `torch.export` finds, which loads without that code.
            example_inputs: What `torch.export` runs the model with: an array or tensor, or several. Batches of other
                sizes are predicted too where these have more than one row.
            options: None.
        """
        if options:
            raise InvalidArgument(f"Models of pytorch have no option {next(iter(options))!r}.")
        if serialization_format not in _FORMATS:
            raise InvalidArgument(
                f"serialization_format is {serialization_format!r}; it is one of {', '.join(_FORMATS)}."
            )
        torch = needed("torch", "torch")
        if not isinstance(model, torch.nn.Module):
            raise InvalidArgument(f"A {type(model).__name__} is no model of pytorch, a torch.nn.Module.")
        data = folder / _DATA
        data.mkdir()
        if serialization_format == "pt2":
            _export(model, data / _EXPORTED, example_inputs)
        else:
            (data / _UNPICKLER).write_text(pickle.__name__, encoding="utf-8")
            _pickle(model, data / _PICKLED)
        return SavedModel(
            block={"model_data": _DATA, "pytorch_version": str(torch.__version__)},
            loader_module="mlflow.pytorch",
            python_function={"data": _DATA, "config": {"device": None}},
            requirements=("torch", *(("cloudpickle",) if serialization_format == "pickle" else ())),
        )

    def load(self, folder: Path, block: Mapping[str, Any]) -> Any:
        torch = needed("torch", "torch")
        data = safe_join(folder, str(block["model_data"]))
        device = _best_device()
        if not (data / _PICKLED).exists():
            return torch.export.load(data / _EXPORTED).module().to(device)
        if _is_scripted(data / _PICKLED):
            return torch.jit.load(data / _PICKLED, map_location=device).eval()
        unpickler = _unpickler((data / _UNPICKLER).read_text(encoding="utf-8").strip())
        return torch.load(data / _PICKLED, map_location=device, pickle_module=unpickler, weights_only=False).eval()

    def pickled_by(self, block: Mapping[str, Any]) -> str:
        # Exported programs too: torch unpickles the tensors and examples that are in them.
        del block
        return "pickle"

    def predictor(self, model: Any, block: Mapping[str, Any], python_function: Mapping[str, Any]) -> Predict:
        del block
        torch = needed("torch", "torch")
        device = (python_function.get("config") or {}).get("device") or _best_device()
        model.to(device)

        def predict(data: Any, params: Mapping[str, Any] | None) -> Any:
            if isinstance(data, pd.DataFrame):
                array = data.to_numpy(dtype=np.float32)
            elif isinstance(data, np.ndarray):
                array = data
            else:
                raise InvalidArgument(f"Models of pytorch take a data frame or an array; not {type(data)}.")
            with torch.no_grad():
                predicted = model(_tensor(array).to(device), **(params or {}))
            if not isinstance(predicted, torch.Tensor):
                raise InvalidArgument(f"The model gives a {type(predicted)}; to be asked like this, one tensor.")
            result = predicted.cpu().numpy()
            return pd.DataFrame(result, index=data.index) if isinstance(data, pd.DataFrame) else result

        return predict


FLAVOR: Final = _PyTorch()


def _best_device() -> str:
    return "cuda" if needed("torch", "torch").cuda.is_available() else "cpu"


def _pickle(model: Any, path: Path) -> None:
    torch = needed("torch", "torch")
    if isinstance(model, torch.jit.ScriptModule):
        model.save(str(path))
        return
    try:
        torch.save(model, path, pickle_module=needed("cloudpickle", "cloudpickle"))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise InvalidArgument(f"The model cannot be pickled: {error}.") from error


def _export(model: Any, path: Path, example_inputs: Any) -> None:
    torch = needed("torch", "torch")
    given = example_inputs if isinstance(example_inputs, Sequence) else (example_inputs,)
    if any(not isinstance(each, (np.ndarray, torch.Tensor)) for each in given):
        raise InvalidArgument("The format pt2 needs example_inputs, arrays or tensors: the model is run with them.")
    examples = tuple(_tensor(each) if isinstance(each, np.ndarray) else each for each in given)
    rows = torch.export.Dim.AUTO
    try:
        exported = torch.export.export(
            model, examples, dynamic_shapes=[{0: rows} if each.ndim else None for each in examples]
        )
        torch.export.save(exported, path)
    except Exception as error:  # it runs the model
        raise InvalidArgument(f"The model cannot be exported by torch: {error}") from error


def _tensor(array: Any) -> Any:
    # torch warns of arrays that cannot be written, which are what pandas gives where it need not copy.
    return needed("torch", "torch").from_numpy(np.require(array, requirements="W"))


def _is_scripted(path: Path) -> bool:
    # As torch.load tells them apart, which then warns.
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _unpickler(name: str) -> ModuleType:
    if name == _UNPICKLER_OF_MLFLOW:
        return pickle
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise FailedPrecondition(
            f"The model is unpickled by the module {name!r}, which is not installed here."
        ) from error
