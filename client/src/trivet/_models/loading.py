"""Loads models: as objects of their libraries, or as pyfuncs."""

from __future__ import annotations

import importlib
import inspect
import logging
import os
import platform
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from trivet._client import Client
from trivet._errors import FailedPrecondition, InvalidArgument
from trivet._fluent import process_client
from trivet._models.code_paths import use_code
from trivet._models.flavor import OWN_FLAVORS, Flavor, Predict, find_flavor
from trivet._models.flavors import python_function
from trivet._models.folders import ModelFolder, model_folder
from trivet._models.model_file import PYTHON_FUNCTION, ModelFile, read_model_file
from trivet._models.pyfunc_model import PyFuncModel
from trivet._safe_paths import safe_join

_log: Final = logging.getLogger("trivet")

ALLOW_PICKLE: Final = "TRIVET_ALLOW_PICKLE"
"""The environment variable that forbids, as `false`, what runs code of the maker of a model."""
_ANSWERS: Final = {"": True, "1": True, "true": True, "yes": True, "on": True} | dict.fromkeys(
    ("0", "false", "no", "off"), False
)
_kept: Final[list[ModelFolder]] = []
"""What models read later, until this process ends: code that they import, and files that their context names."""
_code_lock: Final = threading.RLock()
"""Held while a model is loaded that brings code, which another one may bring under the same name."""


def load_native(flavor: Flavor, model_uri: str, client: Client | None = None) -> Any:
    """Loads a model as an object of its library.

    Raises:
        InvalidArgument: it is a model of other flavors; names them.
        FailedPrecondition: its library is not here, or it is a pickle and those are forbidden.
        TrivetError: what `model_folder` raises.
    """
    folder = model_folder(model_uri, client or process_client())
    metadata = read_model_file(folder.path)
    block = metadata.flavors.get(flavor.name)
    if block is None:
        raise InvalidArgument(
            f"The model {model_uri!r} has no flavor {flavor.name!r}, but {', '.join(metadata.flavors)}."
        )
    with _prepared(folder, metadata, flavor.pickled_by(block), block):
        return flavor.load(folder.path, block)


def load_pyfunc(
    model_uri: str,
    client: Client | None = None,
    *,
    model_config: Mapping[str, Any] | None = None,
    is_own: bool = False,
) -> PyFuncModel:
    """Loads a model so that it predicts, whatever library made it.

    Args and errors as `trivet.pyfunc.load_model`; a model that this process itself made (`is_own`) may run its code.
    """
    folder = model_folder(model_uri, client or process_client())
    metadata = read_model_file(folder.path)
    if model_config:
        metadata = _configured(metadata, model_config)
    block = metadata.python_function
    if block is None:
        raise InvalidArgument(
            f"The model {model_uri!r} cannot be loaded as a pyfunc: it has only {', '.join(metadata.flavors)}."
        )
    flavor = _flavor_of(metadata, block)
    if flavor is None:
        with _prepared(folder, metadata, _OTHER_LOADERS, block, is_own=is_own):
            loaded = _loaded_by_module(folder.path, block)
        return PyFuncModel(loaded, _asked(loaded), metadata, folder.path, pickled_by=_OTHER_LOADERS, keeps=folder)
    own = metadata.flavors[flavor.name]
    pickled_by = flavor.pickled_by(own)
    with _prepared(folder, metadata, pickled_by, own, is_own=is_own):
        model = flavor.load(folder.path, own)
    predict = flavor.predictor(model, own, block)
    return PyFuncModel(model, predict, metadata, folder.path, pickled_by=pickled_by, keeps=folder)


# A module that the model names may do anything.
_OTHER_LOADERS: Final = "a loader of its own"


def _flavor_of(metadata: ModelFile, block: Mapping[str, Any]) -> Flavor | None:
    """The flavor that loads and asks it; None where a module that the model names does."""
    loader = block.get("loader_module")
    if loader == python_function.LOADER_MODULE:
        return python_function.FLAVOR
    for name in metadata.flavors:
        # Beside a flavor of Trivet's own, a model may name a loader that does something else.
        if name != PYTHON_FUNCTION and (name not in OWN_FLAVORS or loader == f"mlflow.{name}"):
            flavor = find_flavor(name)
            if flavor is not None:
                return flavor
    return None


def _configured(metadata: ModelFile, model_config: Mapping[str, Any]) -> ModelFile:
    block = dict(metadata.flavors.get(PYTHON_FUNCTION, {}))
    block["config"] = {**(block.get("config") or {}), **model_config}
    return replace(metadata, flavors={**metadata.flavors, PYTHON_FUNCTION: block})


def _runs_code_allowed() -> bool:
    said = os.environ.get(ALLOW_PICKLE, "").strip().lower()
    if said not in _ANSWERS:
        raise InvalidArgument(f"{ALLOW_PICKLE} is {said!r}; it must be true or false.")
    return _ANSWERS[said]


@contextmanager
def _prepared(
    folder: ModelFolder, metadata: ModelFile, pickled_by: str, block: Mapping[str, Any], *, is_own: bool = False
) -> Iterator[None]:
    """Says what loading does, forbids it where it is to be forbidden, and lets the model's code be found."""
    python = metadata.python_function or {}
    code = block.get("code") or python.get("code")
    runs_code = pickled_by or ("the code in it" if code else "")
    if runs_code and not is_own and not _runs_code_allowed():
        raise FailedPrecondition(
            f"Loading this model, by {runs_code}, runs code of whoever made it, and {ALLOW_PICKLE} forbids that. Save "
            "it in a format that is only data, such as skops or onnx."
        )
    if runs_code:
        _log.info("Loading this model, by %s, runs code of whoever made it.", runs_code)
    made_with = str(python.get("python_version") or "")
    if pickled_by and made_with and made_with.split(".")[:2] != platform.python_version().split(".")[:2]:
        _log.warning(
            "This model was pickled by Python %s, and is loaded by %s, which may not work.",
            made_with,
            platform.python_version(),
        )
    if not folder.is_for_good and (code or python.get("artifacts")):
        _kept.append(folder)
    if not code:
        yield
        return
    with _code_lock:
        use_code(safe_join(folder.path, str(code)))
        yield


def _loaded_by_module(folder: Path, block: Mapping[str, Any]) -> Any:
    """What the module that a model names loads, as MLflow does."""
    name = str(block.get("loader_module"))
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise FailedPrecondition(
            f"This model is loaded by the module {name!r}, which is not installed here (there is no module "
            f"{error.name!r}). Its requirements.txt says what is needed."
        ) from error
    data = block.get("data")
    path = str(safe_join(folder, str(data)) if data else folder)
    load = getattr(module, "_load_pyfunc", None)
    if load is None:
        raise InvalidArgument(f"The module {name!r} has no function _load_pyfunc, so it loads no models.")
    config = block.get("config")
    return load(path, config) if config else load(path)


def _asked(loaded: Any) -> Predict:
    if not callable(getattr(loaded, "predict", None)):
        raise InvalidArgument(f"What was loaded, a {type(loaded).__name__}, has no method predict.")
    takes_params = "params" in inspect.signature(loaded.predict).parameters
    return lambda data, params: loaded.predict(data, params=params) if takes_params else loaded.predict(data)
