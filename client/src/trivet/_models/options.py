"""What may be said of a model when it is saved or logged, the same for every flavor."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from trivet._errors import InvalidArgument
from trivet._models import saving
from trivet._models.flavor import Flavor
from trivet._models.saving import Description, ModelInfo, Requirements
from trivet._models.signature import Signature


class SaveOptions(TypedDict, total=False):
    """What may be said of a model that is saved; each of these may be left out."""

    signature: Signature | Literal[False] | None
    """What it takes and gives, as `trivet.models.infer_signature` finds it. Default: that of the `input_example`, where
    there is one; False: none."""
    input_example: Any
    """An input that it takes, of a row or a few: a data frame, array, dict or list; `(input, params)` with params."""
    code_paths: Sequence[str | os.PathLike[str]]
    """Files and folders of code that loading it needs, which go with it."""
    pip_requirements: Requirements
    """Packages that it needs, or a file that lists them. Default: those that are imported when it is loaded and asked
    for its example, with the versions that are installed here."""
    extra_pip_requirements: Requirements
    """Packages that it needs beside those."""
    metadata: Mapping[str, Any] | None
    """What else to note in its `MLmodel` file, as YAML can hold it."""


class LogOptions(SaveOptions, total=False):
    """What may be said of a model that is logged, beside what `SaveOptions` has."""

    artifact_path: str | None
    """The same as `name`, as MLflow named it before."""
    registered_model_name: str | None
    """The registered model to make a version of; made where there is none."""
    await_registration_for: float
    """How many seconds to wait at most until that version is ready. Default: 300."""
    params: Mapping[str, object] | None
    """What it was made with."""
    tags: Mapping[str, object] | None
    """What to mark it with."""
    model_type: str | None
    """What kind of model it is. Default: the flavor."""
    step: int
    """The step of the run that made it. Default: 0."""


_SAVING = frozenset(SaveOptions.__annotations__)
_LOGGING = frozenset(LogOptions.__annotations__) - _SAVING - {"artifact_path"}


def save_with(
    flavor: Flavor, model: Any, path: str | os.PathLike[str], chosen: Mapping[str, Any], about: Mapping[str, Any]
) -> None:
    """Writes a model into a new folder. Raises InvalidArgument, and TypeError for what no one may say."""
    _check(about, _SAVING, "save_model")
    saving.save(flavor, model, path, _described(about), chosen)


def log_with(
    flavor: Flavor, model: Any, name: str | None, chosen: Mapping[str, Any], about: Mapping[str, Any]
) -> ModelInfo:
    """Logs a model, by its name or `artifact_path`. Raises as `saving.log`, and TypeError for what no one may say."""
    _check(about, _SAVING | _LOGGING | {"artifact_path"}, "log_model")
    artifact_path = about.get("artifact_path")
    if name is not None and artifact_path is not None:
        raise InvalidArgument("name and artifact_path mean the same; give one of them.")
    logging = {key: value for key, value in about.items() if key in _LOGGING}
    return saving.log(flavor, model, name or artifact_path, _described(about), chosen, **logging)


def _check(about: Mapping[str, Any], known: frozenset[str], function: str) -> None:
    for key in about:
        if key not in known:
            raise TypeError(f"{function}() got an unexpected keyword argument {key!r}")


def _described(about: Mapping[str, Any]) -> Description:
    said = {key: value for key, value in about.items() if key in _SAVING}
    return Description(**{**said, "code_paths": said.get("code_paths") or ()})
