"""Models of LightGBM: written as MLflow reads them, and read as it writes them. Needs `trivet[models]`.

Trainings of it are logged unasked after `autolog()`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Unpack

from trivet._autologging.lightgbm import NAME
from trivet._autologging.options import AutologOptions
from trivet._autologging.switching import autolog_one
from trivet._models.flavors.lightgbm import FLAVOR
from trivet._models.loading import load_native
from trivet._models.options import LogOptions, SaveOptions, log_with, save_with
from trivet._models.saving import ModelInfo

__all__ = ["autolog", "load_model", "log_model", "save_model"]


def save_model(
    lgb_model: Any,
    path: str | os.PathLike[str],
    *,
    serialization_format: str = "cloudpickle",
    skops_trusted_types: Sequence[str] | None = None,
    **about: Unpack[SaveOptions],
) -> None:
    """Saves a model into a new folder of this machine, whole or not at all.

    Args:
        lgb_model: A `Booster`, which is written as LightGBM does, or a trained estimator such as `LGBMClassifier`.
        path: The folder; it is not there, or is empty.
        serialization_format: Of an estimator: `cloudpickle`, `pickle`, or `skops`, which alone runs no code when it is
            loaded.
        skops_trusted_types: Types that loading by skops may make beside its own and those of LightGBM.
        about: What `SaveOptions` has.

    Raises:
        InvalidArgument: something is there already, or the model cannot be written like that; says why.
    """
    save_with(FLAVOR, lgb_model, path, _chosen(serialization_format, skops_trusted_types), about)


def log_model(
    lgb_model: Any,
    name: str | None = None,
    *,
    serialization_format: str = "cloudpickle",
    skops_trusted_types: Sequence[str] | None = None,
    **about: Unpack[LogOptions],
) -> ModelInfo:
    """Logs a model to the active run, or without one, and registers it where `registered_model_name` says so.

    Args:
        lgb_model: As in `save_model`.
        name: What people will call it. Default: the server makes a name up.
        serialization_format: As in `save_model`.
        skops_trusted_types: As in `save_model`.
        about: What `LogOptions` has.

    Raises:
        InvalidArgument: the model cannot be written like that; says why, and nothing is logged.
        TrivetError: it cannot be sent, and the logged model is UPLOAD_FAILED then; or it is READY, and cannot be
            registered.
    """
    return log_with(FLAVOR, lgb_model, name, _chosen(serialization_format, skops_trusted_types), about)


def load_model(model_uri: str) -> Any:
    """Loads a model as the booster or estimator that it was.

    Args:
        model_uri: As in `trivet.pyfunc.load_model`.

    Raises:
        InvalidArgument: it is no model of this flavor.
        FailedPrecondition: lightgbm is not installed, or it is a pickle and TRIVET_ALLOW_PICKLE forbids those.
        TrivetError: it cannot be brought here.
    """
    return load_native(FLAVOR, model_uri)


def autolog(**options: Unpack[AutologOptions]) -> None:
    """Logs trainings unasked: of `lightgbm.train`, and of estimators such as `LGBMClassifier`.

    Logged are the params of the booster and of the training, each metric of each iteration as soon as it is there, how
    it stopped early, how important features are by split and by gain, what was trained and evaluated on, and the model.
    A training goes to the active run, else to one of its own.

    Args:
        options: What `trivet.autolog` has.

    Raises:
        TypeError: there is no such option.
    """
    autolog_one(NAME, options)


def _chosen(serialization_format: str, skops_trusted_types: Sequence[str] | None) -> dict[str, Any]:
    return {"serialization_format": serialization_format, "skops_trusted_types": skops_trusted_types}
