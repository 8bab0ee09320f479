"""Models of scikit-learn, and what has its interface."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from trivet._errors import InvalidArgument
from trivet._models.flavor import Predict, SavedModel
from trivet._models.libraries import needed
from trivet._safe_paths import safe_join

# What MLflow's own flavor offers.
_PREDICT_FUNCTIONS: Final = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "predict_joint_log_proba",
    "score",
)
_FORMATS: Final = ("cloudpickle", "pickle", "skops")
TRUSTED_TYPES: Final = frozenset(
    {
        "collections.OrderedDict",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRegressor",
    }
)
"""What estimators of LightGBM consist of, beside what skops trusts by itself; MLflow trusts the same."""


class _Sklearn:
    name: Final = "sklearn"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        serialization_format: str = "cloudpickle",
        skops_trusted_types: Sequence[str] | None = None,
        pyfunc_predict_fn: str = "predict",
        **options: Any,
    ) -> SavedModel:
        """Writes a model into a folder.

        Args:
            model: An estimator or pipeline.
            folder: Where to.
            serialization_format: `cloudpickle`, `pickle` or `skops`.
            skops_trusted_types: Types beside skops' own that loading may make.
            pyfunc_predict_fn: The method by which it predicts as a pyfunc.
            options: None.
        """
        if options:
            raise InvalidArgument(f"Models of sklearn have no option {next(iter(options))!r}.")
        if serialization_format not in _FORMATS:
            raise InvalidArgument(
                f"serialization_format is {serialization_format!r}; it is one of {', '.join(_FORMATS)}."
            )
        able = [each for each in _PREDICT_FUNCTIONS if callable(getattr(model, each, None))]
        predicts = pyfunc_predict_fn in able
        if not predicts and (pyfunc_predict_fn != "predict" or set(able) - {"score"}):
            raise InvalidArgument(
                f"A {type(model).__name__} cannot predict by {pyfunc_predict_fn!r}; it is one of "
                f"{', '.join(able) or 'none'}."
            )
        path = "model.skops" if serialization_format == "skops" else "model.pkl"
        _write(model, folder / path, serialization_format, skops_trusted_types)
        sklearn_version = version("scikit-learn")
        serializer = {"skops": ("skops",), "cloudpickle": ("cloudpickle",)}.get(serialization_format, ())
        return SavedModel(
            block={
                "pickled_model": path,
                "sklearn_version": sklearn_version,
                "serialization_format": serialization_format,
                "skops_trusted_types": None if skops_trusted_types is None else list(skops_trusted_types),
            },
            # What only transforms is no pyfunc, nor what can be scored besides, such as PCA.
            loader_module="mlflow.sklearn" if predicts else "",
            python_function={"model_path": path, "predict_fn": pyfunc_predict_fn},
            requirements=("scikit-learn", *serializer),
        )

    def load(self, folder: Path, block: Mapping[str, Any]) -> Any:
        needed("sklearn", "scikit-learn")
        path = safe_join(folder, str(block["pickled_model"]))
        serialization_format = block.get("serialization_format", "pickle")
        if serialization_format == "skops":
            skops = needed("skops.io", "skops")
            return skops.load(path, trusted=block.get("skops_trusted_types"))
        if serialization_format not in _FORMATS:
            raise InvalidArgument(f"The model is in the format {serialization_format!r}, which is not known.")
        with path.open("rb") as file:
            return pickle.load(file)  # noqa: S301 - what `pickled_by` says, and may be forbidden

    def pickled_by(self, block: Mapping[str, Any]) -> str:
        serialization_format = str(block.get("serialization_format", "pickle"))
        if serialization_format != "skops":
            return serialization_format
        # What skops does not trust by itself may be any function of any module.
        trusted = set(block.get("skops_trusted_types") or ()) - TRUSTED_TYPES
        return "skops, with types that the model itself trusts" if trusted else ""

    def predictor(self, model: Any, block: Mapping[str, Any], python_function: Mapping[str, Any]) -> Predict:
        del block
        name = str(python_function.get("predict_fn", "predict"))
        if name not in _PREDICT_FUNCTIONS:
            raise InvalidArgument(f"The model is to predict by {name!r}; it is one of {', '.join(_PREDICT_FUNCTIONS)}.")
        function = getattr(model, name)
        return lambda data, _: function(data)


FLAVOR: Final = _Sklearn()


def _write(model: Any, path: Path, serialization_format: str, trusted: Sequence[str] | None) -> None:
    if serialization_format == "skops":
        skops = needed("skops.io", "skops")
        try:
            skops.dump(model, path)
            skops.load(path, trusted=trusted)
        except Exception as error:
            raise InvalidArgument(
                f"The model cannot be written by skops: {error} If its types are to be trusted, name them in "
                "skops_trusted_types; else use the format cloudpickle."
            ) from error
        return
    pickler = importlib.import_module(serialization_format)
    try:
        with path.open("wb") as file:
            # The newest protocol could not be read by older Pythons.
            pickler.dump(model, file, protocol=pickle.DEFAULT_PROTOCOL)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise InvalidArgument(f"The model cannot be pickled: {error}.") from error
