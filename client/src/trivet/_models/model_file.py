"""The `MLmodel` file: what says how a folder of a model is loaded, in the form that MLflow reads and writes."""

from __future__ import annotations

import pickle
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from trivet._errors import InvalidArgument
from trivet._models.signature import Signature

MODEL_FILE: Final = "MLmodel"
PYTHON_FUNCTION: Final = "python_function"
"""The flavor that every model has beside its own: how it predicts, whatever made it."""


def _now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


@dataclass(frozen=True)
class ModelFile:
    """What the `MLmodel` file of a folder says."""

    flavors: Mapping[str, Mapping[str, Any]]
    """By their names, with what each of them needs for loading."""
    signature: Signature | None = None
    """What it takes and gives; None where nobody said so."""
    saved_input_example_info: Mapping[str, Any] | None = None
    """Where an example of its input is, and of which kind it is."""
    artifact_path: str = ""
    """What the logged model is called, or where it was in its run."""
    run_id: str = ""
    model_id: str = ""
    """Of the logged model."""
    model_uuid: str = field(default_factory=lambda: uuid.uuid4().hex)
    utc_time_created: str = field(default_factory=_now)
    model_size_bytes: int = 0
    """Of the files of the folder, apart from this one; 0 where it is not known."""
    metadata: Mapping[str, Any] | None = None
    """What the one who saved it wanted noted."""
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """What others write and Trivet keeps."""

    @property
    def python_function(self) -> Mapping[str, Any] | None:
        """How it predicts; None where it cannot."""
        return self.flavors.get(PYTHON_FUNCTION)


_KEYS: Final = tuple(each.name for each in fields(ModelFile) if each.name != "unknown")


def read_model_file(folder: Path) -> ModelFile:
    """Reads the `MLmodel` file of a folder.

    Raises:
        InvalidArgument: there is none, or it cannot be understood; says which folder's and why.
    """
    try:
        content = (folder / MODEL_FILE).read_bytes()
    except FileNotFoundError:
        raise InvalidArgument(f"There is no {MODEL_FILE} file in {folder.name!r}, so it is no model.") from None
    # Each reader gets one of its own, which it may change; to make that of a pickle takes a tenth of parsing.
    read: ModelFile = pickle.loads(_pickled(content, folder.name))  # noqa: S301 - made here, a moment ago
    return read


@lru_cache(maxsize=64)
def _pickled(content: bytes, name: str) -> bytes:
    """What the file of a folder of a name says, as a pickle. Raises InvalidArgument."""
    try:
        parsed = yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - safe
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"The {MODEL_FILE} file in {name!r} is no YAML: {error}") from error
    flavors = parsed.get("flavors") if isinstance(parsed, Mapping) else None
    if not isinstance(flavors, Mapping) or not all(isinstance(block, Mapping) for block in flavors.values()):
        raise InvalidArgument(f"The {MODEL_FILE} file in {name!r} says nothing of flavors, so it is no model.")
    known = {key: parsed[key] for key in _KEYS if parsed.get(key) is not None and key != "signature"}
    signature = parsed.get("signature")
    said = ModelFile(
        **known,
        signature=Signature.from_dict(signature) if isinstance(signature, Mapping) else None,
        unknown={key: value for key, value in parsed.items() if key not in _KEYS},
    )
    return pickle.dumps(said)


def write_model_file(folder: Path, model: ModelFile) -> None:
    """Writes the `MLmodel` file of a folder, in place of one that is there."""
    entries: dict[str, Any] = {key: getattr(model, key) for key in _KEYS if key != "signature"}
    written = {key: value for key, value in entries.items() if value not in (None, "", 0)} | dict(model.unknown)
    if model.signature is not None:
        written["signature"] = model.signature.to_dict()
    text = yaml.dump(_plain(written), Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), allow_unicode=True)
    (folder / MODEL_FILE).write_text(text, encoding="utf-8")


def _plain(value: Any) -> Any:
    """The value with nothing but what YAML has itself."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
