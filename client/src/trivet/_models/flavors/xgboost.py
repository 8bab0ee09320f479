"""Models of XGBoost: boosters, and those with the interface of scikit-learn."""

from __future__ import annotations

import importlib
import inspect
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from trivet._errors import InvalidArgument
from trivet._models.flavor import Predict, SavedModel
from trivet._models.libraries import needed
from trivet._safe_paths import safe_join

_log = logging.getLogger("trivet")

_BOOSTER: Final = "xgboost.core.Booster"
_FORMATS: Final = ("ubj", "json")


class _XGBoost:
    name: Final = "xgboost"

    def save(self, model: Any, folder: Path, *, model_format: str = "ubj", **options: Any) -> SavedModel:
        """Writes a model into a folder.

        Args:
            model: A `Booster`, or a trained estimator such as `XGBClassifier`.
            folder: Where to.
            model_format: `ubj` or `json`.
            options: None.
        """
        if options:
            raise InvalidArgument(f"Models of xgboost have no option {next(iter(options))!r}.")
        if model_format not in _FORMATS:
            raise InvalidArgument(f"model_format is {model_format!r}; it is one of {', '.join(_FORMATS)}.")
        xgboost = needed("xgboost", "xgboost")
        if not isinstance(model, (xgboost.Booster, xgboost.XGBModel)):
            raise InvalidArgument(f"A {type(model).__name__} is no model of xgboost.")
        path = f"model.{model_format}"
        try:
            model.save_model(folder / path)
        except Exception as error:  # its own, and that of scikit-learn for an estimator that was not trained
            raise InvalidArgument(f"The model cannot be written by xgboost: {error}") from error
        return SavedModel(
            block={
                "data": path,
                "model_class": f"{type(model).__module__}.{type(model).__qualname__}",
                "model_format": model_format,
                "xgb_version": xgboost.__version__,
            },
            loader_module="mlflow.xgboost",
            python_function={"data": path},
            requirements=("xgboost",) if isinstance(model, xgboost.Booster) else ("xgboost", "scikit-learn"),
        )

    def load(self, folder: Path, block: Mapping[str, Any]) -> Any:
        xgboost = needed("xgboost", "xgboost")
        # Models from before MLflow 1.22 do not say their class.
        named = str(block.get("model_class", _BOOSTER))
        module, _, name = named.rpartition(".")
        try:
            made_of = getattr(importlib.import_module(module), name, None)
        except (ImportError, ValueError) as error:
            raise InvalidArgument(f"The class of the model, {named!r}, cannot be imported: {error}") from error
        if not isinstance(made_of, type) or not issubclass(made_of, (xgboost.Booster, xgboost.XGBModel)):
            raise InvalidArgument(f"The class of the model, {named!r}, is none of xgboost's.")
        model = made_of()
        model.load_model(safe_join(folder, str(block["data"])))
        return model

    def pickled_by(self, block: Mapping[str, Any]) -> str:
        named = str(block.get("model_class", _BOOSTER))
        return "" if named.startswith("xgboost.") else f"the class {named!r} that it names"

    def predictor(self, model: Any, block: Mapping[str, Any], python_function: Mapping[str, Any]) -> Predict:
        del block, python_function
        xgboost = needed("xgboost", "xgboost")
        known = inspect.signature(model.predict).parameters
        wrap = xgboost.DMatrix if isinstance(model, xgboost.Booster) else None
        told = set[str]()

        def predict(data: Any, params: Mapping[str, Any] | None) -> Any:
            given = {name: value for name, value in (params or {}).items() if name in known}
            # As MLflow does: who asks several models passes them the same params.
            if unknown := (params or {}).keys() - known.keys() - told:
                told.update(unknown)
                _log.warning("The model of xgboost takes no params %s; they are ignored.", ", ".join(sorted(unknown)))
            return model.predict(data if wrap is None else wrap(data), **given)

        return predict


FLAVOR: Final = _XGBoost()
