"""Models of scikit-learn: written as MLflow reads them, and read as it writes them; trainings that are logged unasked.

Needs `trivet[models]`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Unpack

from trivet._autologging.options import AutologOptions
from trivet._autologging.sklearn.options import SklearnOptions
from trivet._autologging.switching import autolog_one
from trivet._models.flavors.sklearn import FLAVOR
from trivet._models.loading import load_native
from trivet._models.options import LogOptions, SaveOptions, log_with, save_with
from trivet._models.saving import ModelInfo

__all__ = ["autolog", "load_model", "log_model", "save_model"]


def save_model(
    sk_model: Any,
    path: str | os.PathLike[str],
    *,
    serialization_format: str = "cloudpickle",
    skops_trusted_types: Sequence[str] | None = None,
    pyfunc_predict_fn: str = "predict",
    **about: Unpack[SaveOptions],
) -> None:
    """Saves a model into a new folder of this machine, whole or not at all.

    Args:
        sk_model: An estimator or pipeline.
        path: The folder; it is not there, or is empty.
        serialization_format: `cloudpickle`, `pickle`, or `skops`, which runs no code when it is loaded unless types are
            named for it to trust.
        skops_trusted_types: Types beside skops' own that loading by skops may make.
        pyfunc_predict_fn: The method by which it predicts as a pyfunc, such as `predict_proba`.
        about: What `SaveOptions` has.

    Raises:
        InvalidArgument: something is there already, or the model cannot be written like that; says why.
    """
    chosen = _chosen(serialization_format, skops_trusted_types, pyfunc_predict_fn)
    save_with(FLAVOR, sk_model, path, chosen, about)


def log_model(
    sk_model: Any,
    name: str | None = None,
    *,
    serialization_format: str = "cloudpickle",
    skops_trusted_types: Sequence[str] | None = None,
    pyfunc_predict_fn: str = "predict",
    **about: Unpack[LogOptions],
) -> ModelInfo:
    """Logs a model to the active run, or without one, and registers it where `registered_model_name` says so.

    Args:
        sk_model: An estimator or pipeline.
        name: What people will call it. Default: the server makes a name up.
        serialization_format: As in `save_model`.
        skops_trusted_types: As in `save_model`.
        pyfunc_predict_fn: As in `save_model`.
        about: What `LogOptions` has.

    Raises:
        InvalidArgument: the model cannot be written like that; says why, and nothing is logged.
        TrivetError: it cannot be sent, and the logged model is UPLOAD_FAILED then; or it is READY, and cannot be
            registered.
    """
    chosen = _chosen(serialization_format, skops_trusted_types, pyfunc_predict_fn)
    return log_with(FLAVOR, sk_model, name, chosen, about)


def load_model(model_uri: str) -> Any:
    """Loads a model as the estimator or pipeline that it was.

    Args:
        model_uri: As in `trivet.pyfunc.load_model`.

    Raises:
        InvalidArgument: it is no model of this flavor.
        FailedPrecondition: scikit-learn is not installed, or it is a pickle and TRIVET_ALLOW_PICKLE forbids those.
        TrivetError: it cannot be brought here.
    """
    return load_native(FLAVOR, model_uri)


def autolog(
    *,
    max_tuning_runs: int | None = 5,
    log_post_training_metrics: bool = True,
    serialization_format: str = "cloudpickle",
    pos_label: object = None,
    **options: Unpack[AutologOptions],
) -> None:
    """Logs trainings of scikit-learn unasked, also of what is imported later: `fit`, `fit_transform`, `fit_predict`.

    A training goes to the active run; where none is active, to one of its own that is ended with it. Logged are params,
    data, model, and metrics on the training data; of a search also the best of its candidates as runs in the run.

    Args:
        max_tuning_runs: Of how many candidates of a search at most there are runs; None for all.
        log_post_training_metrics: Whether what is measured later goes to the run: `score`, and functions of
            `sklearn.metrics` of what the model predicted. They have to be imported after this call.
        serialization_format: As in `save_model`.
        pos_label: Of two classes, the one that the precision, recall and F1 of the training data are of. Default: their
            means, weighted by rows.
        options: What `AutologOptions` has.

    Raises:
        InvalidArgument: `max_tuning_runs` is negative.
        TypeError: there is no such option.
    """
    own = SklearnOptions(max_tuning_runs, log_post_training_metrics, serialization_format, pos_label)
    autolog_one("sklearn", options, own)


def _chosen(
    serialization_format: str, skops_trusted_types: Sequence[str] | None, pyfunc_predict_fn: str
) -> dict[str, Any]:
    return {
        "serialization_format": serialization_format,
        "skops_trusted_types": skops_trusted_types,
        "pyfunc_predict_fn": pyfunc_predict_fn,
    }
