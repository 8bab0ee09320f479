"""Models to evaluate, in whatever way they are given."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from trivet._client import Client
from trivet._contents import needed
from trivet._fluent import process_client
from trivet._names import Registered, parse_files_uri


@dataclass(frozen=True)
class OpenedModel:
    """A model that can be asked, and what it is called."""

    model: Any
    """None where its predictions are given."""
    name: str
    model_id: str
    """The logged model that it is; empty where it is none."""


def open_model(model: Any, model_id: str | None, client: Client | None) -> OpenedModel:
    """Loads what a URI names; anything else is there already.

    Args:
        model: A URI or a folder, a loaded model, an object of a library, a function; or None.
        model_id: The logged model that it is. Default: as the model itself says.
        client: Whom to ask for it. Default: that of this process.

    Raises:
        TrivetError: what `trivet.pyfunc.load_model` raises.
    """
    if model is None:
        return OpenedModel(None, "", model_id or "")
    uri = ""
    if isinstance(model, str | os.PathLike):
        needed("yaml", "trivet[models]", "a model is loaded")
        from trivet.pyfunc import load_model  # noqa: PLC0415 - of another extra, which functions do not need

        client = client or process_client()
        uri = _with_its_version(os.fspath(model), client)
        model = load_model(uri, client=client)
    said = getattr(getattr(model, "metadata", None), "model_id", "")
    found = model_id or (said if isinstance(said, str) else "")
    of_object = getattr(model, "__name__", type(model).__name__)
    return OpenedModel(model, uri or (f"models:/{found}" if found else of_object), found)


def _with_its_version(uri: str, client: Client) -> str:
    """The URI with a version in place of a stage or an alias, which may mean another one by the time it is read."""
    files = parse_files_uri(uri) if uri.startswith("models:") else None
    if not isinstance(files, Registered):
        return uri
    version = client.registry.version_at(files)
    return "/".join(filter(None, (f"models:/{version.name}/{version.version}", files.path)))
