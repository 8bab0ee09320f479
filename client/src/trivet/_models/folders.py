"""The folder of a model on this machine, whatever names the model."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from trivet._client import Client
from trivet._errors import ArtifactNotFound, InvalidArgument
from trivet._model_entities import ModelVersion
from trivet._models.s3_folders import download_s3
from trivet._names import Outside, Registered, parse_files_uri


class ModelFolder:
    """Where the files of a model are; as long as this object lives, where they were downloaded."""

    def __init__(self, path: Path, temporary: Path | None = None) -> None:
        """Takes the place of the files, and the temporary folder that goes with this object."""
        self.path = path
        self.is_temporary = temporary is not None
        if temporary is not None:
            weakref.finalize(self, shutil.rmtree, temporary, ignore_errors=True)


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
        return _of_version(client.registry.version_at(files), files.path, client)
    temporary = Path(tempfile.mkdtemp(prefix="trivet-model-"))
    folder = ModelFolder(temporary, temporary)
    if isinstance(files, Outside):
        download_s3(files.uri, temporary)
        return folder
    return _checked(folder, client.download_artifacts(dst_path=str(temporary), artifact_uri=uri), uri)


def _of_version(version: ModelVersion, path: str, client: Client) -> ModelFolder:
    temporary = Path(tempfile.mkdtemp(prefix="trivet-model-"))
    folder = ModelFolder(temporary, temporary)
    if not version.artifact_owner:
        # A source outside Trivet has the files itself. What a server says never becomes a place on this machine.
        download_s3("/".join(filter(None, (version.source.rstrip("/"), path))), temporary)
        return folder
    return _checked(folder, client.artifacts.download_model_version(version, path=path, dst_path=temporary), path)


def _checked(folder: ModelFolder, downloaded: str, what: str) -> ModelFolder:
    folder.path = Path(downloaded)
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
