"""Writes models into folders, and logs them."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from trivet._client import Client
from trivet._entities import LoggedModelOutput
from trivet._errors import InvalidArgument, TrivetError
from trivet._fluent import active_run, initialize_logged_model, process_client
from trivet._model_entities import ModelVersion
from trivet._models.code_paths import CODE_FOLDER, copy_code, forgotten_afterwards
from trivet._models.environment import CONDA_FILE, PYTHON_FILE, choose_requirements, write_environment
from trivet._models.examples import write_example
from trivet._models.flavor import Flavor
from trivet._models.inference import infer_signature
from trivet._models.loading import load_pyfunc
from trivet._models.model_file import PYTHON_FUNCTION, ModelFile, write_model_file
from trivet._models.signature import Signature
from trivet._names import check_model_name

_log: Final = logging.getLogger("trivet")

Requirements = Sequence[str] | str | Path | None
"""Packages as pip names them, or a file that lists them."""


@dataclass(frozen=True)
class Description:
    """What is said of a model beside itself, the same for every flavor; the functions of flavors explain it."""

    signature: Signature | Literal[False] | None = None
    input_example: Any = None
    code_paths: Sequence[str | os.PathLike[str]] = ()
    pip_requirements: Requirements = None
    extra_pip_requirements: Requirements = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ModelInfo:
    """A model that was logged."""

    model_uri: str
    """`models:/MODEL_ID`, for `load_model`."""
    model_id: str
    name: str
    """What people call it."""
    run_id: str
    """Of the run that made it; empty where there was none."""
    metadata: ModelFile
    """What its `MLmodel` file says: flavors, signature, the time it was made."""
    registered: ModelVersion | None = None
    """The version that it was registered as."""

    @property
    def signature(self) -> Signature | None:
        """What it takes and gives."""
        return self.metadata.signature

    @property
    def flavors(self) -> Mapping[str, Mapping[str, Any]]:
        """By their names."""
        return self.metadata.flavors

    @property
    def registered_model_version(self) -> int | None:
        """The number of that version."""
        return None if self.registered is None else self.registered.version


def save(
    flavor: Flavor, model: Any, path: str | os.PathLike[str], described: Description, options: Mapping[str, Any]
) -> None:
    """Writes a model into a new folder, whole or not at all.

    Args:
        flavor: Of its library.
        model: What to write.
        path: The folder, which is not there or empty; those above it are made.
        described: What is said of it.
        options: Of the flavor.

    Raises:
        InvalidArgument: something is there, or the model cannot be written like that; says why.
    """
    target = Path(path)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InvalidArgument(f"There is something at {os.fspath(path)!r} already; save the model somewhere else.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as partial:
        folder = Path(partial) / target.name
        folder.mkdir()
        _write(flavor, model, folder, described, options)
        if target.exists():
            target.rmdir()
        folder.rename(target)


def log(
    flavor: Flavor,
    model: Any,
    name: str | None,
    described: Description,
    options: Mapping[str, Any],
    *,
    registered_model_name: str | None = None,
    await_registration_for: float = 300,
    params: Mapping[str, object] | None = None,
    tags: Mapping[str, object] | None = None,
    model_type: str | None = None,
    step: int = 0,
) -> ModelInfo:
    """Logs a model: makes a logged model with its files, which the active run has as an output, and registers it.

    Args and errors are those of the functions of flavors.
    """
    if registered_model_name is not None:
        check_model_name(registered_model_name)
    with tempfile.TemporaryDirectory(prefix="trivet-model-") as temporary:
        folder = Path(temporary) / "model"
        folder.mkdir()
        run = active_run()
        client = process_client() if run is None else run._client  # noqa: SLF001 - a model goes where its run is
        # Before anything is sent: whoever gives a model that cannot be written leaves nothing behind.
        written = _write(flavor, model, folder, described, options)
        run_id = "" if run is None else run.info.run_id
        logged = initialize_logged_model(name, tags=tags, params=params, model_type=model_type or flavor.name)
        written = replace(
            written, artifact_path=logged.name, run_id=run_id, model_id=logged.model_id, model_uuid=logged.model_id
        )
        with _finalized(client, logged.model_id):
            write_model_file(folder, written)
            client.log_model_artifacts(logged.model_id, str(folder))
        if run is not None:
            client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step)])
        uri = f"models:/{logged.model_id}"
        registered = None
        if registered_model_name is not None:
            registered = client.register_model(uri, registered_model_name, await_registration_for)
        return ModelInfo(uri, logged.model_id, logged.name, run_id, written, registered)


@contextmanager
def _finalized(client: Client, model_id: str) -> Iterator[None]:
    """Says at the end of the block whether the files of a logged model are in place."""
    try:
        yield
    except BaseException:
        try:
            client.finalize_logged_model(model_id, "UPLOAD_FAILED")
        except TrivetError as error:  # what went wrong before is what its caller is told
            _log.warning("The logged model %s stays PENDING: %s", model_id, error)
        raise
    client.finalize_logged_model(model_id, "READY")


def _write(flavor: Flavor, model: Any, folder: Path, described: Description, options: Mapping[str, Any]) -> ModelFile:
    """Writes a model into an empty folder, and returns what its `MLmodel` file says."""
    saved = flavor.save(model, folder, **options)
    code = {"code": CODE_FOLDER} if described.code_paths else {}
    if described.code_paths:
        copy_code([Path(path) for path in described.code_paths], folder)
    python_function = {
        "loader_module": saved.loader_module,
        **saved.python_function,
        "python_version": ".".join(map(str, sys.version_info[:3])),
        "env": {"conda": CONDA_FILE, "virtualenv": PYTHON_FILE},
        **code,
    }
    own = {} if flavor.name == PYTHON_FUNCTION else {flavor.name: {**saved.block, **code}}
    file = ModelFile(
        flavors={PYTHON_FUNCTION: python_function, **own} if saved.loader_module else own,
        signature=described.signature or None,
        metadata=described.metadata,
        model_size_bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
    )
    if described.input_example is not None:
        example = write_example(folder, described.input_example)
        file = replace(file, saved_input_example_info=example.info)
        if described.signature is None:
            file = replace(file, signature=infer_signature(example.data, params=example.params))
        if described.signature is not False and saved.loader_module:
            write_model_file(folder, file)
            # The model itself says whether the example is one, and what it gives for it.
            with forgotten_afterwards(folder):
                answer = load_pyfunc(str(folder), is_own=True).predict(example.data, example.params)
            if described.signature is None:
                file = replace(file, signature=infer_signature(example.data, answer, example.params))
    write_model_file(folder, file)
    requirements = choose_requirements(
        folder, saved.requirements, described.pip_requirements, described.extra_pip_requirements
    )
    write_environment(folder, requirements)
    for cached in folder.rglob("__pycache__"):  # of loading it
        shutil.rmtree(cached, ignore_errors=True)
    return file
