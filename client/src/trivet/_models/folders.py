"""The folder of a model on this machine, whatever names the model."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from trivet._client import Client
from trivet._errors import ArtifactNotFound, InvalidArgument
from trivet._expected_folders import ExpectedFolder
from trivet._model_entities import ModelVersion
from trivet._models.s3_folders import download_s3
from trivet._names import Outside, Registered, parse_files_uri


class ModelFolder:
    """Where the files of a model are: for good, or as long as this object lives."""

    def __init__(self, path: Path, release: Callable[[], object] | None = None) -> None:
        """Takes the place of the files, and what lets them go; None where they are for good."""
        self.path = path
        self.is_for_good = release is None
        if release is not None:
            weakref.finalize(self, release)


def local_path(uri: str) -> Path | None:
    """The place on this machine that a path or a `file:` URI names; None of another URI."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise InvalidArgument(f"{uri!r} is on the machine {parts.netloc!r}, not on this one.")
        return Path(url2pathname(parts.path))
    # One letter is a drive of Windows.
    return Path(uri) if len(parts.scheme) < 2 else None


def model_folder(uri: str, client: Client) -> ModelFolder:
    """Brings the files of a model to this machine, where they are not there, with all of them verified.

    Args:
        uri: A path, or a URI: `file:`, `runs:/RUN_ID/PATH`, `models:/NAME/VERSION`, `models:/NAME/STAGE`,
            `models:/NAME@ALIAS`, `models:/MODEL_ID`, `mlflow-artifacts:/…` or `s3://BUCKET/PATH`.
        client: Of whom to ask for what Trivet keeps.

    Raises:
        InvalidArgument: it names no folder that is there, or nothing that can be brought.
        ArtifactNotFound, ModelNotFound, ModelVersionNotFound, ModelAliasNotFound: there is no such model.
        ArtifactCorrupt: its files are not those that were stored.
    """
    local = local_path(uri)
    if local is not None:
        if not local.is_dir():
            raise InvalidArgument(f"There is no folder {uri!r} with a model.")
        return ModelFolder(local)
    files = parse_files_uri(uri)
    if isinstance(files, Registered):
        with client.artifacts.expected_folder(uri) as expected:
            return _of_version(client.registry.version_at(files), files.path, client, expected)
    folder = _temporary()
    if isinstance(files, Outside):
        download_s3(files.uri, folder.path)
        return folder
    return _at(folder, Path(client.download_artifacts(dst_path=str(folder.path), artifact_uri=uri)), uri)


def _of_version(version: ModelVersion, path: str, client: Client, expected: ExpectedFolder) -> ModelFolder:
    if not version.artifact_owner:
        # A source outside Trivet has the files itself. What a server says never becomes a place on this machine.
        folder = _temporary()
        download_s3("/".join(filter(None, (version.source.rstrip("/"), path))), folder.path)
        return folder
    if path:
        folder = _temporary()
        return _at(
            folder, Path(client.artifacts.download_model_version(version, path=path, dst_path=folder.path)), path
        )
    held = client.artifacts.hold_model_version(version, expected=expected)
    return ModelFolder(held.path, held.release)


def _temporary() -> ModelFolder:
    path = Path(tempfile.mkdtemp(prefix="trivet-model-"))
    return ModelFolder(path, partial(shutil.rmtree, path, ignore_errors=True))


def _at(folder: ModelFolder, path: Path, what: str) -> ModelFolder:
    folder.path = path
    if not folder.path.is_dir():
        raise ArtifactNotFound(f"{what!r} is a file; a model is a folder with an MLmodel file in it.")
    return folder


@contextmanager
def local_files(files: Mapping[str, str | os.PathLike[str]], client: Callable[[], Client]) -> Iterator[dict[str, Path]]:
    """Brings files and folders to this machine for the time of a block.

    Args:
        files: Paths, or URIs of what Trivet keeps, by any names.
        client: Gives whom to ask, where there are such URIs.

    Raises:
        InvalidArgument: a URI is none.
        ArtifactNotFound, ArtifactCorrupt: as `model_folder`.
    """
    with tempfile.TemporaryDirectory(prefix="trivet-files-") as temporary:
        places = {}
        for number, (name, uri) in enumerate(files.items()):
            local = local_path(os.fspath(uri))
            if local is None:
                target = Path(temporary) / str(number)
                local = Path(client().download_artifacts(dst_path=str(target), artifact_uri=os.fspath(uri)))
            places[name] = local
        yield places
