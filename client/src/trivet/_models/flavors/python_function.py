"""Models of one's own, by the pickle that MLflow reads as well."""

from __future__ import annotations

import inspect
import pickle
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import cloudpickle

from trivet._errors import FailedPrecondition, InvalidArgument
from trivet._models import python_model
from trivet._models.flavor import Predict, SavedModel
from trivet._models.model_file import PYTHON_FUNCTION
from trivet._models.python_model import FunctionModel, PythonModelContext
from trivet._safe_paths import safe_join

LOADER_MODULE: Final = "mlflow.pyfunc.model"
_PICKLE: Final = "python_model.pkl"
_ARTIFACTS: Final = "artifacts"


class LoadedPythonModel:
    """A model of one's own, ready to be asked."""

    def __init__(self, model: Any, context: PythonModelContext) -> None:
        self.model = model
        self.context = context
        parameters = inspect.signature(model.predict).parameters
        self._takes_params = "params" in parameters
        self._takes_context = "context" in parameters or len([name for name in parameters if name != "params"]) > 1

    def predict(self, data: Any, params: Mapping[str, Any] | None) -> Any:
        """Asks it for predictions."""
        given = (self.context, data) if self._takes_context else (data,)
        return self.model.predict(*given, **({"params": params} if self._takes_params else {}))


class _PythonFunction:
    name: Final = PYTHON_FUNCTION

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        artifacts: Mapping[str, Path] | None = None,
        model_config: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> SavedModel:
        """Writes a model into a folder.

        Args:
            model: An object with a method `predict`, such as a `PythonModel`, or a function of the input.
            folder: Where to.
            artifacts: Files and folders of this machine by their names, which are copied.
            model_config: What its context says, as what YAML can hold.
            options: None.
        """
        if options:
            raise InvalidArgument(f"Models of one's own have no option {next(iter(options))!r}.")
        if isinstance(model, type) or not callable(getattr(model, "predict", None)):
            model = _as_model(model)
        _pickle(model, folder / _PICKLE)
        block: dict[str, Any] = {
            "python_model": _PICKLE,
            "cloudpickle_version": cloudpickle.__version__,
            "streamable": False,
        }
        if artifacts:
            block["artifacts"] = {name: _copied(name, path, folder) for name, path in artifacts.items()}
        if model_config:
            block["config"] = dict(model_config)
        return SavedModel(block={}, loader_module=LOADER_MODULE, python_function=block, requirements=("cloudpickle",))

    def load(self, folder: Path, block: Mapping[str, Any]) -> LoadedPythonModel:
        if block.get("python_model") is None:
            raise InvalidArgument("The MLmodel file does not say where the pickle of the model is.")
        with safe_join(folder, str(block["python_model"])).open("rb") as file:
            model = _Unpickler(file).load()
        places = {
            name: str(safe_join(folder, str(known["path"]))) for name, known in (block.get("artifacts") or {}).items()
        }
        context = PythonModelContext(places, dict(block.get("config") or {}))
        model.load_context(context) if hasattr(model, "load_context") else None
        return LoadedPythonModel(model, context)

    def pickled_by(self, block: Mapping[str, Any]) -> str:
        del block
        return "cloudpickle"

    def predictor(self, model: Any, block: Mapping[str, Any], python_function: Mapping[str, Any]) -> Predict:
        del block, python_function
        predict: Predict = model.predict
        return predict


FLAVOR: Final = _PythonFunction()

# Once: several threads may save models.
cloudpickle.register_pickle_by_value(python_model)


def _as_model(model: object) -> FunctionModel:
    if not callable(model) or isinstance(model, type):
        raise InvalidArgument(
            f"A {type(model).__name__} is no model: give a function, or an object with a method predict, such as that "
            "of a class derived from trivet.pyfunc.PythonModel."
        )
    parameters = list(inspect.signature(model).parameters)
    if not parameters or parameters[1:] not in ([], ["params"]):
        raise InvalidArgument(
            f"A model that is a function takes the input, and params where it wants any; this one takes {parameters}."
        )
    return FunctionModel(model, takes_params=len(parameters) > 1)


def _pickle(model: object, path: Path) -> None:
    try:
        with path.open("wb") as file:
            cloudpickle.dump(model, file, protocol=pickle.DEFAULT_PROTOCOL)
    except Exception as error:  # whatever the parts of the model raise
        raise InvalidArgument(
            f"The model cannot be pickled: {error}. What holds files, locks or connections is made in load_context."
        ) from error


def _copied(name: str, path: Path, folder: Path) -> dict[str, str]:
    """Copies a file or folder into the model's, and says where it is there and was before."""
    if not path.exists():
        raise InvalidArgument(f"There is no {str(path)!r}, which is the artifact {name!r}.")
    own_name = path.resolve().name
    inside, number = f"{_ARTIFACTS}/{own_name}", 0
    # Another one may have the same name in another folder, or be a folder of that name.
    while (folder / inside).exists() or (number and (folder / _ARTIFACTS / str(number)).exists()):
        number += 1
        inside = f"{_ARTIFACTS}/{number}/{own_name}"
    target = safe_join(folder, inside)
    target.parent.mkdir(parents=True, exist_ok=True)
    copy: Callable[..., Any] = shutil.copytree if path.is_dir() else shutil.copyfile
    copy(path, target)
    return {"path": inside, "uri": path.name}


class _Unpickler(pickle.Unpickler):
    """Reads what cloudpickle wrote, and says what is missing for it."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return super().find_class(module, name)
        except ModuleNotFoundError as error:
            raise FailedPrecondition(
                f"The pickle of the model needs {name!r} of the module {module!r}, which is not installed here (there "
                f"is no module {error.name!r}). Its requirements.txt says what is needed."
            ) from error
