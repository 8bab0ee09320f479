"""Files of runs, of logged models and of model versions."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from trivet._connection import DEFAULT_TIMEOUT_SECONDS, Connection
from trivet._downloads import download
from trivet._entities import FileInfo, ModelVersion
from trivet._errors import ArtifactCorrupt, ArtifactNotFound, InvalidArgument, ModelVersionNotReady
from trivet._names import Names
from trivet._safe_paths import check_logical, joined, safe_join, to_logical
from trivet._uploads import Upload, upload
from trivet_proto.artifacts.v1 import artifact_pb2
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub

_PAGE_SIZE = 1000  # the largest that a server gives


class Artifacts:
    """The artifact service in one workspace.

    Every method calls the server and waits. Besides what it says, each may raise a `TrivetError`: ServerUnavailable
    where no server answers, else the class of what went wrong; and an OSError where a file here cannot be used.

    Safe for use by several threads, and in the child after a fork.
    """

    def __init__(self, connection: Connection, workspace: str) -> None:
        self._connection = connection
        self._names = Names(workspace)

    @property
    def _stub(self) -> ArtifactServiceStub:
        return self._connection.stub(ArtifactServiceStub)

    def log_artifact(
        self,
        run_id: str,
        local_path: str | os.PathLike[str],
        *,
        artifact_path: str | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        """Uploads a file, or a folder under its own name; returns when it is durable and visible.

        Args:
            run_id: Of the run.
            local_path: The file or folder. A folder's files are uploaded with their folders; links to folders are not
                followed, and empty folders left out.
            artifact_path: The folder of the run that it goes into. Default: the top.
            timeout_seconds: To begin with; what there is to send adds to it, at 64 KiB a second.

        Raises:
            FileNotFoundError: there is nothing at `local_path`.
            InvalidArgument: a path cannot be a logical path.
        """
        self._upload_under_its_name(self._names.run(run_id), Path(local_path), artifact_path, timeout_seconds)

    def log_artifacts(
        self,
        run_id: str,
        local_dir: str | os.PathLike[str],
        *,
        artifact_path: str | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        """Uploads what a folder holds, without its name, or a file; otherwise as `log_artifact`."""
        self._upload_content(self._names.run(run_id), Path(local_dir), artifact_path, timeout_seconds)

    def log_model_artifact(
        self,
        model_id: str,
        local_path: str | os.PathLike[str],
        *,
        artifact_path: str | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        """Uploads a file of a logged model, or a folder under its own name; as `log_artifact`."""
        owner = self._names.logged_model(model_id)
        self._upload_under_its_name(owner, Path(local_path), artifact_path, timeout_seconds)

    def log_model_artifacts(
        self,
        model_id: str,
        local_dir: str | os.PathLike[str],
        *,
        artifact_path: str | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        """Uploads what a folder holds to a logged model, without its name, or a file; as `log_artifact`."""
        self._upload_content(self._names.logged_model(model_id), Path(local_dir), artifact_path, timeout_seconds)

    def _upload_under_its_name(
        self, owner: str, local: Path, artifact_path: str | None, timeout_seconds: float
    ) -> None:
        folder = check_logical(artifact_path or "")
        self._upload(owner, local, joined(folder, to_logical(Path(local.resolve().name))), timeout_seconds)

    def _upload_content(self, owner: str, local: Path, artifact_path: str | None, timeout_seconds: float) -> None:
        folder = check_logical(artifact_path or "")
        name = "" if local.is_dir() else to_logical(Path(local.name))
        self._upload(owner, local, joined(folder, name), timeout_seconds)

    def _upload(self, owner: str, local: Path, path: str, timeout_seconds: float) -> None:
        if not local.exists():
            raise FileNotFoundError(f"There is no file or folder {local}.")
        if local.is_dir():
            files = [Upload(file, joined(path, to_logical(file.relative_to(local)))) for file in _files_in(local)]
        else:
            files = [Upload(local, path)]
        if files:
            upload(self._connection, owner, files, timeout_seconds=timeout_seconds)

    def list_artifacts(self, run_id: str, *, path: str | None = None) -> list[FileInfo]:
        """Returns the files and folders in a folder of a run, by path; a file gives itself.

        Args:
            run_id: Of the run.
            path: The folder; one that is not there is empty. Default: the top.
        """
        return self._in_folder(self._names.run(run_id), path)

    def list_logged_model_artifacts(self, model_id: str, *, path: str | None = None) -> list[FileInfo]:
        """Returns the files and folders in a folder of a logged model; as `list_artifacts`."""
        return self._in_folder(self._names.logged_model(model_id), path)

    def _in_folder(self, owner: str, path: str | None) -> list[FileInfo]:
        return [
            FileInfo(
                path=artifact.path,
                is_dir=artifact.kind == artifact_pb2.ARTIFACT_KIND_FOLDER,
                file_size=None if artifact.kind == artifact_pb2.ARTIFACT_KIND_FOLDER else artifact.size_bytes,
            )
            for artifact in self._list(owner, check_logical(path or ""), recursive=False)
        ]

    def _list(self, owner: str, path: str, *, recursive: bool) -> Iterator[artifact_pb2.Artifact]:
        token = ""
        while True:
            request = pb.ListArtifactsRequest(
                owner=owner, path=path, recursive=recursive, page_size=_PAGE_SIZE, page_token=token
            )
            page = self._connection.call(self._stub.ListArtifacts, request, repeatable=True)
            yield from page.artifacts
            token = page.next_page_token
            if not token:
                return

    def download_artifacts(
        self,
        run_id: str,
        *,
        path: str = "",
        dst_path: str | os.PathLike[str] | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> str:
        """Downloads a file, or a folder with all in it, and returns where it is: `{dst_path}/{path}`.

        Each file is written beside its place, verified by its digest, and put there in one step; so it is there whole
        or not at all. No name that a server sends leads out of `dst_path`.

        Args:
            run_id: Of the run.
            path: The file or folder. Default: everything that the run has.
            dst_path: The folder to put it into, made where there is none. Default: a new temporary folder.
            timeout_seconds: For each file to begin with; its size adds to it, at 64 KiB a second.

        Raises:
            ArtifactNotFound: there is nothing at `path`.
            ArtifactCorrupt: names or bytes are not what they have to be.
        """
        return self._download(self._names.run(run_id), f"The run {run_id}", path, dst_path, timeout_seconds)

    def download_logged_model(
        self,
        model_id: str,
        *,
        path: str = "",
        dst_path: str | os.PathLike[str] | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> str:
        """Downloads the files of a logged model, or a file or folder of it; as `download_artifacts`."""
        owner = self._names.logged_model(model_id)
        return self._download(owner, f"The logged model {model_id}", path, dst_path, timeout_seconds)

    def download_model_version(
        self,
        version: ModelVersion,
        *,
        path: str = "",
        dst_path: str | os.PathLike[str] | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> str:
        """Downloads what a version of a model consists of, or a file or folder of it; as `download_artifacts`.

        The files are the version's own: they stay when the run is deleted, and when the model is renamed.

        Raises:
            ModelVersionNotReady: its files are not in place.
            ArtifactNotFound: there is nothing at `path`, or the version is one of a source outside Trivet.
        """
        what = f"Version {version.version} of {version.name!r}"
        if version.status != "READY":
            why = f": {version.status_message}" if version.status_message else ""
            raise ModelVersionNotReady(f"{what} is {version.status}, so its files cannot be downloaded{why}.")
        if not version.artifact_owner:
            raise ArtifactNotFound(
                f"{what} was registered as {version.source!r}, which Trivet does not keep. Download it from there."
            )
        return self._download(version.artifact_owner, what, path, dst_path, timeout_seconds)

    def _download(
        self, owner: str, what: str, path: str, dst_path: str | os.PathLike[str] | None, timeout_seconds: float
    ) -> str:
        path = check_logical(path)
        folder = Path(tempfile.mkdtemp(prefix="trivet-")) if dst_path is None else Path(dst_path)
        folder.mkdir(parents=True, exist_ok=True)
        if not folder.is_dir():
            raise InvalidArgument(f"dst_path {folder} is not a folder.")
        found = False
        for artifact in self._list(owner, path, recursive=True):
            if path and artifact.path != path and not artifact.path.startswith(f"{path}/"):
                raise ArtifactCorrupt(f"The server named a file {artifact.path!r}, which is not in {path!r}.")
            if artifact.kind == artifact_pb2.ARTIFACT_KIND_FILE:
                download(self._connection, owner, artifact, folder, timeout_seconds=timeout_seconds)
                found = True
        if not found and path:
            raise ArtifactNotFound(f"{what} has no artifact {path!r}.", metadata={"path": path})
        return str(safe_join(folder, path) if path else folder)

    def delete_artifacts(self, run_id: str, *, path: str = "") -> int:
        """Removes a file, or a folder with all in it, in one step, and returns how many files those were.

        Args:
            run_id: Of the run.
            path: The file or folder; where nothing is, nothing is done. Default: everything that the run has.
        """
        request = pb.DeleteArtifactsRequest(owner=self._names.run(run_id), path=check_logical(path))
        answer = self._connection.call(self._stub.DeleteArtifacts, request, repeatable=False)
        return int(answer.deleted_files)


def _files_in(folder: Path) -> list[Path]:
    """The files in a folder at any depth, by path; links to folders are not followed."""
    return sorted(
        file for place, _, names in os.walk(folder) for file in (Path(place) / name for name in names) if file.is_file()
    )
