"""For packages that add a flavor, so models of another library. Needs `trivet[models]`.

A package has an object that is a `Flavor`, and names it by an entry point in the group `trivet.flavors`:

    [project.entry-points."trivet.flavors"]
    prophet = "trivet_prophet:FLAVOR"

Then models with that flavor can be loaded, natively and as pyfuncs, wherever the package is installed. The functions
below save, log and load them; packages offer their own, with the names of their options, by calling these.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Unpack

from trivet._errors import InvalidArgument
from trivet._models.flavor import Flavor, Predict, SavedModel, find_flavor
from trivet._models.loading import load_native
from trivet._models.options import LogOptions, SaveOptions, log_with, save_with
from trivet._models.saving import ModelInfo

__all__ = ["Flavor", "LogOptions", "Predict", "SaveOptions", "SavedModel", "load_model", "log_model", "save_model"]


def save_model(
    flavor: str,
    model: Any,
    path: str | os.PathLike[str],
    *,
    options: Mapping[str, Any] | None = None,
    **about: Unpack[SaveOptions],
) -> None:
    """Saves a model into a new folder of this machine, whole or not at all.

    Args:
        flavor: Its name.
        model: Of the flavor's library.
        path: The folder; it is not there, or is empty.
        options: Those of the flavor.
        about: What `SaveOptions` has.

    Raises:
        InvalidArgument: there is no such flavor, something is there already, or the model cannot be written like that;
            says why.
    """
    save_with(_flavor(flavor), model, path, options or {}, about)


def log_model(
    flavor: str,
    model: Any,
    name: str | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    **about: Unpack[LogOptions],
) -> ModelInfo:
    """Logs a model to the active run, or without one, and registers it where `registered_model_name` says so.

    Args:
        flavor: Its name.
        model: Of the flavor's library.
        name: What people will call it. Default: the server makes a name up.
        options: Those of the flavor.
        about: What `LogOptions` has.

    Raises:
        InvalidArgument: there is no such flavor, or the model cannot be written like that; says why, and nothing is
            logged.
        TrivetError: it cannot be sent, and the logged model is UPLOAD_FAILED then; or it is READY, and cannot be
            registered.
    """
    return log_with(_flavor(flavor), model, name, options or {}, about)


def load_model(flavor: str, model_uri: str) -> Any:
    """Loads a model as an object of its library.

    Args:
        flavor: Its name.
        model_uri: As in `trivet.pyfunc.load_model`.

    Raises:
        InvalidArgument: there is no such flavor, or it is no model of it.
        FailedPrecondition: its library is not installed, or TRIVET_ALLOW_PICKLE forbids what runs code.
        TrivetError: it cannot be brought here.
    """
    return load_native(_flavor(flavor), model_uri)


def _flavor(name: str) -> Flavor:
    flavor = find_flavor(name)
    if flavor is None:
        raise InvalidArgument(f"There is no flavor {name!r}: none of Trivet, and no installed package adds one.")
    return flavor
