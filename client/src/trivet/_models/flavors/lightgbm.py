"""Models of LightGBM: boosters, and those with the interface of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from trivet._errors import InvalidArgument
from trivet._models.flavor import Predict, SavedModel
from trivet._models.flavors.sklearn import FLAVOR as SKLEARN
from trivet._models.flavors.sklearn import TRUSTED_TYPES
from trivet._models.libraries import needed
from trivet._safe_paths import safe_join

_BOOSTER: Final = "lightgbm.basic.Booster"
_BOOSTER_FILE: Final = "model.lgb"


class _LightGBM:
    name: Final = "lightgbm"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        serialization_format: str = "cloudpickle",
        skops_trusted_types: Sequence[str] | None = None,
        **options: Any,
    ) -> SavedModel:
        """Writes a model into a folder.

        Args:
            model: A `Booster`, which is written as LightGBM does, or an estimator such as `LGBMClassifier`.
            folder: Where to.
            serialization_format: Of an estimator: `cloudpickle`, `pickle` or `skops`.
            skops_trusted_types: Types that loading may make beside skops' own and those of LightGBM.
            options: None.
        """
        if options:
            raise InvalidArgument(f"Models of lightgbm have no option {next(iter(options))!r}.")
        lightgbm = needed("lightgbm", "lightgbm")
        if isinstance(model, lightgbm.Booster):
            model.save_model(folder / _BOOSTER_FILE)
            path, how = _BOOSTER_FILE, dict[str, Any]()
            requirements: tuple[str, ...] = ("lightgbm",)
        elif isinstance(model, lightgbm.LGBMModel):
            trusted = (
                sorted(TRUSTED_TYPES.union(skops_trusted_types or ())) if serialization_format == "skops" else None
            )
            saved = SKLEARN.save(model, folder, serialization_format=serialization_format, skops_trusted_types=trusted)
            path = saved.block["pickled_model"]
            how = {key: saved.block[key] for key in ("serialization_format", "skops_trusted_types")}
            requirements = ("lightgbm", *saved.requirements)
        else:
            raise InvalidArgument(f"A {type(model).__name__} is no model of lightgbm.")
        return SavedModel(
            block={
                "data": path,
                "lgb_version": lightgbm.__version__,
                "model_class": f"{type(model).__module__}.{type(model).__qualname__}",
                **how,
            },
            loader_module="mlflow.lightgbm",
            python_function={"data": path},
            requirements=requirements,
        )

    def load(self, folder: Path, block: Mapping[str, Any]) -> Any:
        lightgbm = needed("lightgbm", "lightgbm")
        if _is_booster(block):
            return lightgbm.Booster(model_file=safe_join(folder, str(block["data"])))
        return SKLEARN.load(folder, _as_sklearn(block))

    def pickled_by(self, block: Mapping[str, Any]) -> str:
        return "" if _is_booster(block) else SKLEARN.pickled_by(_as_sklearn(block))

    def predictor(self, model: Any, block: Mapping[str, Any], python_function: Mapping[str, Any]) -> Predict:
        del block, python_function
        # Params are nothing to models of LightGBM, as MLflow has it.
        return lambda data, _: model.predict(data)


FLAVOR: Final = _LightGBM()


def _is_booster(block: Mapping[str, Any]) -> bool:
    # Models from before MLflow 1.23 do not say their class.
    return str(block.get("model_class", _BOOSTER)) == _BOOSTER


def _as_sklearn(block: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the flavor of scikit-learn would say of an estimator."""
    return {"serialization_format": "cloudpickle", **block, "pickled_model": block["data"]}
