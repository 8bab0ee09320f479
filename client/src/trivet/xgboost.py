"""Models of XGBoost: written as MLflow reads them, and read as it writes them. Needs `trivet[models]`.

Trainings of it are logged unasked after `autolog()`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Unpack

from trivet._autologging.options import AutologOptions
from trivet._autologging.switching import autolog_one
from trivet._autologging.xgboost import NAME, XgboostChoice
from trivet._models.flavors.xgboost import FLAVOR
from trivet._models.loading import load_native
from trivet._models.options import LogOptions, SaveOptions, log_with, save_with
from trivet._models.saving import ModelInfo

__all__ = ["autolog", "load_model", "log_model", "save_model"]


def save_model(
    xgb_model: Any, path: str | os.PathLike[str], *, model_format: str = "ubj", **about: Unpack[SaveOptions]
) -> None:
    """Saves a model into a new folder of this machine, whole or not at all.

    Args:
        xgb_model: A `Booster`, or a trained estimator such as `XGBClassifier`.
        path: The folder; it is not there, or is empty.
        model_format: `ubj`, or `json`, which people can read. Neither runs code when it is loaded.
        about: What `SaveOptions` has.

    Raises:
        InvalidArgument: something is there already, or the model cannot be written like that; says why.
    """
    save_with(FLAVOR, xgb_model, path, {"model_format": model_format}, about)


def log_model(
    xgb_model: Any, name: str | None = None, *, model_format: str = "ubj", **about: Unpack[LogOptions]
) -> ModelInfo:
    """Logs a model to the active run, or without one, and registers it where `registered_model_name` says so.

    Args:
        xgb_model: As in `save_model`.
        name: What people will call it. Default: the server makes a name up.
        model_format: As in `save_model`.
        about: What `LogOptions` has.

    Raises:
        InvalidArgument: the model cannot be written like that; says why, and nothing is logged.
        TrivetError: it cannot be sent, and the logged model is UPLOAD_FAILED then; or it is READY, and cannot be
            registered.
    """
    return log_with(FLAVOR, xgb_model, name, {"model_format": model_format}, about)


def load_model(model_uri: str) -> Any:
    """Loads a model as the booster or estimator that it was.

    Args:
        model_uri: As in `trivet.pyfunc.load_model`.

    Raises:
        InvalidArgument: it is no model of this flavor.
        FailedPrecondition: xgboost is not installed.
        TrivetError: it cannot be brought here.
    """
    return load_native(FLAVOR, model_uri)


def autolog(
    *, importance_types: Sequence[str] = ("weight",), model_format: str = "ubj", **options: Unpack[AutologOptions]
) -> None:
    """Logs trainings unasked: of `xgboost.train`, and of estimators such as `XGBClassifier`.

    Logged are the params of the booster and of the training, each metric of each iteration as soon as it is there, how
    it stopped early, how important features are, what was trained and evaluated on, and the model. A training goes to
    the active run, else to one of its own.

    Args:
        importance_types: How it is measured how important features are, as `Booster.get_score` knows it: `weight`,
            `gain`, `cover`, `total_gain`, `total_cover`.
        model_format: Of the model, as in `log_model`.
        options: What `trivet.autolog` has.

    Raises:
        TypeError: there is no such option.
    """
    autolog_one(NAME, options, XgboostChoice(tuple(importance_types), model_format))
