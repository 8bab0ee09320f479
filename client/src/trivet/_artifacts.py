"""Files of runs, of logged models and of model versions."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from trivet._artifact_cache import open_cache
from trivet._artifact_housekeeping import ArtifactHousekeeping
from trivet._artifact_messages import to_file_info, to_manifest, to_sha256
from trivet._artifact_owners import ArtifactOwner, Owner, check_writable, of_model_version, owner_of, stored_name
from trivet._at_once import Stop
from trivet._connection import DEFAULT_TIMEOUT_SECONDS, Connection
from trivet._direct import StoreConnections
from trivet._downloads import download
from trivet._entities import FileCheck, FileInfo, Manifest
from trivet._errors import ArtifactCorrupt, ArtifactNotFound, FailedPrecondition, InvalidArgument
from trivet._expected_folders import ExpectedFolder, ExpectedFolders
from trivet._held_folders import COMPILED, HeldFolder, removed_when_released
from trivet._listed_contents import put_contents
from trivet._model_entities import ModelVersion
from trivet._names import LoggedModelFiles, Names, RunFiles, parse_files_uri
from trivet._pinned_files import check_pinned
from trivet._progress import TransferProgress
from trivet._safe_paths import check_logical, joined, safe_join, to_logical
from trivet._status import from_status
from trivet._streamed_uploads import Upload
from trivet._transfers import Transfer
from trivet._uploads import upload
from trivet._verifying import compare_with_folder, files_in, verify_stored
from trivet_proto.artifacts.v1 import artifact_pb2, content_pb2
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub

_PAGE_SIZE = 1000  # the largest that a server gives
_READ_BYTES = 1024 * 1024
_LISTED_BYTES = 4 * 1024 * 1024  # more than a server sends

_log = logging.getLogger("trivet")


class Artifacts:
    """The artifact service in one workspace.

    Every method calls the server and waits. Besides what it says, each may raise a `TrivetError`: ServerUnavailable
    where no server answers, else the class of what went wrong; and an OSError where a file here cannot be used.

    Files belong to a run, a logged model or a version of a model; those of a version are read only: what would change
    them raises FailedPrecondition.

    Safe for use by several threads, and in the child after a fork.
    """

    def __init__(self, connection: Connection, workspace: str) -> None:
        self._connection = connection
        self._names = Names(workspace)
        self._cache = open_cache()
        self._expected = ExpectedFolders(self._cache)
        self._goes_direct = os.environ.get("TRIVET_DIRECT", "1").strip().lower() not in ("0", "false", "off")

    @property
    def housekeeping(self) -> ArtifactHousekeeping:
        """Space, retention, holds and garbage of the workspace's files."""
        return ArtifactHousekeeping(self._connection, self._names)

    @property
    def _stub(self) -> ArtifactServiceStub:
        return self._connection.stub(ArtifactServiceStub)

    def _owner(self, owner: Owner) -> ArtifactOwner:
        return owner_of(self._names, owner)

    def _writable(self, owner: Owner) -> str:
        """The resource name of an owner whose files may be changed."""
        found = self._owner(owner)
        check_writable(found)
        return found.name

    def log_artifact(
        self,
        owner: Owner,
        local_path: str | os.PathLike[str],
        *,
        artifact_path: str | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        progress: bool = True,
    ) -> None:
        """Uploads a file, or a folder under its own name; returns when it is durable and visible.

        Bytes that the workspace holds already do not move. A large file goes to the store itself where that can be
        reached, else through the service; when it is logged again after an interruption, by whatever process, it goes
        on where it was.

        Args:
            owner: The id of a run; or, of whatever kind, as `Client.find_artifacts` finds it.
            local_path: The file or folder. A folder's files are uploaded with their folders; links to folders are not
                followed, and empty folders left out.
            artifact_path: The folder of the owner that it goes into. Default: the top.
            timeout_seconds: To begin with; what there is to send adds to it, at 64 KiB a second.
            progress: Whether a bar is shown, on a terminal, for what takes longer than a second.

        Raises:
            FileNotFoundError: there is nothing at `local_path`.
            InvalidArgument: a path cannot be a logical path.
        """
        self._upload_under_its_name(
            self._writable(owner), Path(local_path), artifact_path, timeout_seconds, progress=progress
        )

    def log_artifacts(
        self,
        owner: Owner,
        local_dir: str | os.PathLike[str],
        *,
        artifact_path: str | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        progress: bool = True,
    ) -> None:
        """Uploads what a folder holds, without its name, or a file; otherwise as `log_artifact`."""
        self._upload_content(self._writable(owner), Path(local_dir), artifact_path, timeout_seconds, progress=progress)

    def log_kept_artifact(self, run_id: str, local: Path, path: str) -> None:
        """Uploads a file or folder that was kept on this machine while no server answered, under a logical path."""
        self._upload(self._names.run(run_id), local, check_logical(path), DEFAULT_TIMEOUT_SECONDS, progress=False)

    def log_model_artifact(
        self,
        model_id: str,
        local_path: str | os.PathLike[str],
        *,
        artifact_path: str | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        progress: bool = True,
    ) -> None:
        """Uploads a file of a logged model, or a folder under its own name; as `log_artifact`."""
        owner = self._names.logged_model(model_id)
        self._upload_under_its_name(owner, Path(local_path), artifact_path, timeout_seconds, progress=progress)

    def log_model_artifacts(
        self,
        model_id: str,
        local_dir: str | os.PathLike[str],
        *,
        artifact_path: str | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        progress: bool = True,
    ) -> None:
        """Uploads what a folder holds to a logged model, without its name, or a file; as `log_artifact`."""
        self._upload_content(
            self._names.logged_model(model_id), Path(local_dir), artifact_path, timeout_seconds, progress=progress
        )

    def _upload_under_its_name(
        self, owner: str, local: Path, artifact_path: str | None, timeout_seconds: float, *, progress: bool
    ) -> None:
        folder = check_logical(artifact_path or "")
        path = joined(folder, to_logical(Path(local.resolve().name)))
        self._upload(owner, local, path, timeout_seconds, progress=progress)

    def _upload_content(
        self, owner: str, local: Path, artifact_path: str | None, timeout_seconds: float, *, progress: bool
    ) -> None:
        folder = check_logical(artifact_path or "")
        name = "" if local.is_dir() else to_logical(Path(local.name))
        self._upload(owner, local, joined(folder, name), timeout_seconds, progress=progress)

    def _upload(self, owner: str, local: Path, path: str, timeout_seconds: float, *, progress: bool) -> None:
        if not local.exists():
            raise FileNotFoundError(f"There is no file or folder {local}.")
        if local.is_dir():
            paths = {file: joined(path, to_logical(file.relative_to(local))) for file in files_in(local)}
        else:
            paths = {local: path}
        files = [Upload(file, logical, file.stat().st_size) for file, logical in paths.items()]
        with self._transfer(
            owner, "Uploading", sum(file.size for file in files), timeout_seconds, progress=progress
        ) as transfer:
            upload(transfer, files)

    @contextmanager
    def _transfer(
        self,
        owner: str,
        what: str,
        total_bytes: int,
        timeout_seconds: float,
        *,
        progress: bool,
        is_pinned: bool = False,
        fills_cache: bool = True,
    ) -> Iterator[Transfer]:
        stop = Stop()
        with TransferProgress(what, total_bytes, is_wanted=progress) as bar, StoreConnections(stop) as store:
            yield Transfer(
                self._connection,
                owner,
                self._cache,
                timeout_seconds,
                bar,
                stop,
                store,
                self._goes_direct,
                is_pinned=is_pinned,
                fills_cache=fills_cache,
            )

    def log_reference(
        self, owner: Owner, uri: str, path: str, *, size_bytes: int | None = None, sha256: str = ""
    ) -> None:
        """Records a file that stays where it is: no server opens it, and what is said of it is not verified.

        Args:
            owner: As in `log_artifact`.
            uri: Where the file is, such as `s3://bucket/data.csv` or `https://host/data.csv`.
            path: The logical path that it gets there.
            size_bytes: How many bytes it has, where that is known.
            sha256: Of the bytes, in hexadecimal, where that is known.

        Raises:
            InvalidArgument: path, digest or URI cannot be one.
        """
        reference = content_pb2.Reference(uri=uri, size_bytes=size_bytes or 0, sha256=to_sha256(sha256))
        file = content_pb2.NewArtifact(owner=self._writable(owner), path=check_logical(path), reference=reference)
        request = content_pb2.CommitArtifactsRequest(files=[file])
        (result,) = self._connection.call(self._stub.CommitArtifacts, request, repeatable=True).results
        if result.WhichOneof("result") == "refused":
            raise from_status(result.refused)

    def copy_artifacts(
        self, owner: Owner, destination: Owner, *, path: str = "", destination_path: str = ""
    ) -> Manifest:
        """Gives files of one owner to another one in the workspace, in one step; no bytes move.

        Args:
            owner: Who has them; as in `log_artifact`.
            destination: Who gets them; the same.
            path: The file or folder. Default: everything that the owner has.
            destination_path: The folder that they get into; they keep their paths below `path`, and a single file its
                name. Default: the top.

        Returns:
            How many files and bytes those are, and their digest.

        Raises:
            ArtifactNotFound: there is nothing at `path`.
            AlreadyExists: the destination has other bytes at one of the paths.
        """
        request = pb.LinkArtifactsRequest(
            source_owner=self._owner(owner).name,
            source_path=check_logical(path),
            destination_owner=self._writable(destination),
            destination_path=check_logical(destination_path),
        )
        answer = self._connection.call(self._stub.LinkArtifacts, request, repeatable=True)
        return Manifest(answer.manifest_sha256.hex(), answer.linked_files, answer.linked_bytes)

    def get_manifest(self, owner: Owner, *, path: str = "") -> Manifest:
        """Returns one digest for a file, or for all files of a folder.

        Args:
            owner: As in `log_artifact`.
            path: The file or folder. Default: everything that the owner has.

        Raises:
            ArtifactNotFound: there is nothing at `path`.
        """
        request = content_pb2.GetManifestRequest(owner=self._owner(owner).name, path=check_logical(path))
        return to_manifest(self._connection.call(self._stub.GetManifest, request, repeatable=True))

    def verify_artifacts(
        self,
        owner: Owner,
        *,
        path: str = "",
        local_path: str | os.PathLike[str] | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        progress: bool = True,
    ) -> list[FileCheck]:
        """Says of each file whether its bytes are those of its digest.

        Args:
            owner: As in `log_artifact`.
            path: The file or folder. Default: everything that the owner has.
            local_path: A copy of it here, whose bytes are compared with the stored digests. Default: all bytes are read
                from the server, and none is kept.
            timeout_seconds: For each file to begin with; its size adds to it, at 64 KiB a second.
            progress: Whether a bar is shown, on a terminal, for what takes longer than a second.

        Returns:
            One check a file, by path.

        Raises:
            ArtifactNotFound: there is nothing at `path`.
            ArtifactCorrupt: the list of a model version's files was altered since it was registered.
        """
        path = check_logical(path)
        found = self._owner(owner)
        if found.version is None:
            artifacts = self._files_below(found.name, found.title, path)
        else:
            artifacts = self._registered_files(found, found.version, path)
        total = sum(artifact.size_bytes for artifact in artifacts if not artifact.reference_uri)
        with self._transfer(found.name, "Verifying", total, timeout_seconds, progress=progress) as transfer:
            if local_path is None:
                return verify_stored(transfer, artifacts)
            return compare_with_folder(transfer, artifacts, path, Path(local_path))

    def list_artifacts(self, owner: Owner, *, path: str | None = None, recursive: bool = False) -> list[FileInfo]:
        """Returns the files and folders in a folder of an owner, by path; a file gives itself.

        Args:
            owner: As in `log_artifact`.
            path: The folder; one that is not there is empty. Default: the top.
            recursive: Whether the files of all folders below are listed instead of the folders.
        """
        return self._in_folder(self._owner(owner).name, path, recursive=recursive)

    def list_logged_model_artifacts(
        self, model_id: str, *, path: str | None = None, recursive: bool = False
    ) -> list[FileInfo]:
        """Returns the files and folders in a folder of a logged model; as `list_artifacts`."""
        return self._in_folder(self._names.logged_model(model_id), path, recursive=recursive)

    def list_model_version_artifacts(
        self, version: ModelVersion, *, path: str | None = None, recursive: bool = False
    ) -> list[FileInfo]:
        """Returns the files and folders in a folder of a model version; as `list_artifacts`.

        Raises:
            ArtifactNotFound: the version is one of a source outside Trivet.
        """
        return self._in_folder(stored_name(version), path, recursive=recursive)

    def _in_folder(self, owner: str, path: str | None, *, recursive: bool) -> list[FileInfo]:
        return [
            to_file_info(artifact) for artifact in self._list(owner, check_logical(path or ""), recursive=recursive)
        ]

    def _list(
        self, owner: str, path: str, *, recursive: bool, contents: dict[str, bytes] | None = None
    ) -> Iterator[artifact_pb2.Artifact]:
        """What is in a folder; `contents` takes, by path, the bytes of small files that came along, as they came."""
        token = ""
        # With the first page alone: of a folder that has more, most has to be downloaded anyway.
        room = 0 if contents is None else _LISTED_BYTES
        while True:
            request = pb.ListArtifactsRequest(
                owner=owner,
                path=path,
                recursive=recursive,
                page_size=_PAGE_SIZE,
                page_token=token,
                max_content_bytes=0 if token else room,
            )
            page = self._connection.call(self._stub.ListArtifacts, request, repeatable=True)
            if contents is not None:
                paths = [artifact.path for artifact in page.artifacts]
                contents.update(
                    (paths[each.index], each.data) for each in page.contents if 0 <= each.index < len(paths)
                )
            yield from page.artifacts
            token = page.next_page_token
            if not token:
                return

    def download_artifacts(
        self,
        owner: Owner,
        *,
        path: str = "",
        dst_path: str | os.PathLike[str] | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        progress: bool = True,
    ) -> str:
        """Downloads a file, or a folder with all in it, and returns where it is: `{dst_path}/{path}`.

        Each file is written beside its place, verified by its digest, and put there in one step; so it is there whole
        or not at all. No name that a server sends leads out of `dst_path`. Files that are there already do not move,
        nor those that the cache on this machine has. References are left out, with a warning.

        Args:
            owner: As in `log_artifact`.
            path: The file or folder. Default: everything that the owner has.
            dst_path: The folder to put it into, made where there is none. Default: a new temporary folder.
            timeout_seconds: For each file to begin with; its size adds to it, at 64 KiB a second.
            progress: Whether a bar is shown, on a terminal, for what takes longer than a second.

        Raises:
            ArtifactNotFound: there is nothing at `path`.
            ArtifactCorrupt: names or bytes are not what they have to be.
            FailedPrecondition: `path` is a reference, whose bytes are elsewhere.
        """
        found = self._owner(owner)
        if found.version is not None:
            return self.download_model_version(
                found.version, path=path, dst_path=dst_path, timeout_seconds=timeout_seconds, progress=progress
            )
        path = check_logical(path)
        files = self._files_below(found.name, found.title, path)
        return self._download(found.name, files, path, dst_path, timeout_seconds, progress=progress)

    def download_logged_model(
        self,
        model_id: str,
        *,
        path: str = "",
        dst_path: str | os.PathLike[str] | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        progress: bool = True,
    ) -> str:
        """Downloads the files of a logged model, or a file or folder of it; as `download_artifacts`."""
        path = check_logical(path)
        owner = self._names.logged_model(model_id)
        files = self._files_below(owner, f"The logged model {model_id}", path)
        return self._download(owner, files, path, dst_path, timeout_seconds, progress=progress)

    def download_model_version(
        self,
        version: ModelVersion,
        *,
        path: str = "",
        dst_path: str | os.PathLike[str] | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        progress: bool = True,
    ) -> str:
        """Downloads what a version of a model consists of, or a file or folder of it; as `download_artifacts`.

        The files are the version's own: they stay when the run is deleted, and when the model is renamed. They are
        those that were registered: before anything is downloaded, all of them together are compared with the digest
        that the version is pinned to, and then each with its own.

        Raises:
            ModelVersionNotReady: its files are not in place.
            ArtifactNotFound: there is nothing at `path`, or the version is one of a source outside Trivet.
            ArtifactCorrupt: a file, or the list of them, was altered since; names it.
        """
        owner = of_model_version(version)
        path = check_logical(path)
        wanted = self._registered_files(owner, version, path)
        return self._download_registered(owner, wanted, path, dst_path, timeout_seconds, progress=progress)

    def _download_registered(
        self,
        owner: ArtifactOwner,
        files: Sequence[artifact_pb2.Artifact],
        path: str,
        dst_path: str | os.PathLike[str] | None,
        timeout_seconds: float,
        *,
        progress: bool,
        fills_cache: bool = True,
    ) -> str:
        with _told_as_of(owner):
            return self._download(
                owner.name,
                files,
                path,
                dst_path,
                timeout_seconds,
                progress=progress,
                is_pinned=True,
                fills_cache=fills_cache,
            )

    def expected_folder(self, uri: str) -> ExpectedFolder:
        """Begins to check the files that `hold_model_version` gave last for a URI, while its version is asked for."""
        return self._expected.expect(uri)

    def hold_model_version(
        self,
        version: ModelVersion,
        *,
        expected: ExpectedFolder | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        progress: bool = True,
    ) -> HeldFolder:
        """Brings what a version of a model consists of to this machine, to be read where it is, by all its programs.

        Where it is here already, no server is asked: its files are compared with the digest that the version is pinned
        to. Otherwise it is downloaded, as `download_model_version` does.

        Args:
            version: Which one.
            expected: What was expected of the URI that named it, if that was asked.
            timeout_seconds: For each file to begin with; its size adds to it, at 64 KiB a second.
            progress: Whether a bar is shown, on a terminal, for what takes longer than a second.

        Returns:
            The folder, which nobody writes to. Its files are there until it is released.

        Raises:
            ModelVersionNotReady, ArtifactNotFound, ArtifactCorrupt: as `download_model_version`.
        """
        owner = of_model_version(version)
        digest = bytes.fromhex(version.manifest_sha256)
        kept = expected.take(digest) if expected is not None else self._cache.open_folder(digest)
        if kept is not None:
            return kept
        contents: dict[str, bytes] = {}
        files = self._registered_files(owner, version, "", contents)
        # What is not here whole, or looks as if Python had written it, has no digest to be known by.
        can_be_kept = not any(file.reference_uri or COMPILED in file.path.split("/") for file in files)
        place = self._cache.new_folder() if can_be_kept else None
        folder = place or HeldFolder(Path(tempfile.mkdtemp(prefix="trivet-model-")), release=lambda: None)
        try:
            with _told_as_of(owner):
                missing = put_contents(folder.path, files, contents)
            if missing:
                self._download_registered(
                    owner, missing, "", folder.path, timeout_seconds, progress=progress, fills_cache=False
                )
        except BaseException:
            removed_when_released(folder).release()
            raise
        return removed_when_released(folder) if place is None else self._cache.add_folder(digest, place)

    def verify_model_version(
        self, version: ModelVersion, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS, progress: bool = True
    ) -> list[FileCheck]:
        """Reads all bytes of a model version, keeps none, and says of each file whether they are those of its digest.

        Args:
            version: Which one.
            timeout_seconds: For each file to begin with; its size adds to it, at 64 KiB a second.
            progress: Whether a bar is shown, on a terminal, for what takes longer than a second.

        Raises:
            ModelVersionNotReady, ArtifactNotFound: as `download_model_version`.
            ArtifactCorrupt: the list of its files was altered since it was registered.
        """
        owner = of_model_version(version)
        return self.verify_artifacts(owner, timeout_seconds=timeout_seconds, progress=progress)

    def _registered_files(
        self, owner: ArtifactOwner, version: ModelVersion, path: str, contents: dict[str, bytes] | None = None
    ) -> list[artifact_pb2.Artifact]:
        """The file of a version at a path, or those in a folder, when all of them are those that were registered.

        `contents` takes what came with the list, as `_list` says.
        """
        files = self._files_below(owner.name, owner.title, "", contents)
        check_pinned(version, files, lambda: self._files_of_source(version))
        wanted = [file for file in files if not path or file.path == path or file.path.startswith(f"{path}/")]
        if not wanted:
            raise ArtifactNotFound(f"{owner.title} has no artifact {path!r}.", metadata={"path": path})
        return wanted

    def _files_of_source(self, version: ModelVersion) -> list[tuple[str, artifact_pb2.Artifact]]:
        """The files from which a version was registered, with their paths in it; none where they cannot be had."""
        source = parse_files_uri(version.source)
        if not isinstance(source, RunFiles | LoggedModelFiles):
            return []
        owner = (
            self._names.run(source.run_id)
            if isinstance(source, RunFiles)
            else self._names.logged_model(source.model_id)
        )
        files = [file for file in self._list(owner, source.path, recursive=True) if file.path.startswith(source.path)]
        # A single file keeps its name.
        folder = source.path.rpartition("/")[0] if len(files) == 1 and files[0].path == source.path else source.path
        return [(file.path[len(folder) :].lstrip("/"), file) for file in files]

    def _download(
        self,
        owner: str,
        artifacts: Sequence[artifact_pb2.Artifact],
        path: str,
        dst_path: str | os.PathLike[str] | None,
        timeout_seconds: float,
        *,
        progress: bool,
        is_pinned: bool = False,
        fills_cache: bool = True,
    ) -> str:
        """Downloads the file at a logical path of an owner, or the files in the folder there, as they were listed."""
        folder = Path(tempfile.mkdtemp(prefix="trivet-")) if dst_path is None else Path(dst_path)
        folder.mkdir(parents=True, exist_ok=True)
        if not folder.is_dir():
            raise InvalidArgument(f"dst_path {folder} is not a folder.")
        references = [artifact for artifact in artifacts if artifact.reference_uri]
        if references and artifacts[0].path == path:
            raise FailedPrecondition(
                f"{path!r} is a reference: its bytes are at {references[0].reference_uri}. Download it from there.",
                reason="ARTIFACT_IS_REFERENCE",
                metadata={"owner": owner, "path": path, "uri": references[0].reference_uri},
            )
        for reference in references:
            _log.warning("%r stays at %s, and was not downloaded.", reference.path, reference.reference_uri)
        files = [artifact for artifact in artifacts if not artifact.reference_uri]
        total = sum(artifact.size_bytes for artifact in files)
        with self._transfer(
            owner,
            "Downloading",
            total,
            timeout_seconds,
            progress=progress,
            is_pinned=is_pinned,
            fills_cache=fills_cache,
        ) as transfer:
            download(transfer, files, folder)
        return str(safe_join(folder, path) if path else folder)

    def _files_below(
        self, owner: str, what: str, path: str, contents: dict[str, bytes] | None = None
    ) -> list[artifact_pb2.Artifact]:
        """The file at a path, or the files in a folder; `contents` as `_list` has it.

        Raises:
            ArtifactNotFound: nothing is at the path.
        """
        files = []
        for artifact in self._list(owner, path, recursive=True, contents=contents):
            if path and artifact.path != path and not artifact.path.startswith(f"{path}/"):
                raise ArtifactCorrupt(f"The server named a file {artifact.path!r}, which is not in {path!r}.")
            if artifact.kind == artifact_pb2.ARTIFACT_KIND_FILE:
                files.append(artifact)
        if not files and path:
            raise ArtifactNotFound(f"{what} has no artifact {path!r}.", metadata={"path": path})
        return files

    def read_artifact(self, owner: Owner, path: str, *, max_bytes: int = _READ_BYTES) -> bytes:
        """Returns the bytes of a small file, verified by its digest; neither disk nor cache is touched.

        Args:
            owner: As in `log_artifact`.
            path: The file.
            max_bytes: How many bytes it may have.

        Raises:
            ArtifactNotFound: there is no file at `path`.
            ArtifactCorrupt: the bytes are not those of its digest.
            FailedPrecondition: it has more bytes, or is a reference, whose bytes are elsewhere.
        """
        return self._read(self._owner(owner).name, path, max_bytes)

    def read_logged_model_artifact(self, model_id: str, path: str, *, max_bytes: int = _READ_BYTES) -> bytes:
        """Returns the bytes of a small file of a logged model; as `read_artifact`."""
        return self._read(self._names.logged_model(model_id), path, max_bytes)

    def _read(self, owner: str, path: str, max_bytes: int) -> bytes:
        request = pb.DownloadArtifactRequest(owner=owner, path=check_logical(path))
        head: artifact_pb2.Artifact | None = None
        content = bytearray()
        for answer in self._connection.stream(self._stub.DownloadArtifact, request):
            if answer.HasField("artifact"):
                head = answer.artifact
            content += answer.data
            if head is None or max(head.size_bytes, len(content)) > max_bytes:
                raise FailedPrecondition(f"{path!r} has more than {max_bytes} bytes. Download it.")
        if head is None or hashlib.sha256(content).digest() != head.sha256:
            raise ArtifactCorrupt(f"{path!r} arrived with bytes that are not those of its digest.")
        return bytes(content)

    def delete_artifacts(self, owner: Owner, *, path: str = "") -> int:
        """Removes a file, or a folder with all in it, in one step, and returns how many files those were.

        Args:
            owner: As in `log_artifact`.
            path: The file or folder; where nothing is, nothing is done. Default: everything that the owner has.
        """
        request = pb.DeleteArtifactsRequest(owner=self._writable(owner), path=check_logical(path))
        answer = self._connection.call(self._stub.DeleteArtifacts, request, repeatable=False)
        return int(answer.deleted_files)


@contextmanager
def _told_as_of(owner: ArtifactOwner) -> Iterator[None]:
    """Says of what is corrupt which version it belongs to."""
    try:
        yield
    except ArtifactCorrupt as error:
        raise ArtifactCorrupt(
            f"{owner.title} is not what was registered: {error.message}",
            reason=error.reason,
            metadata=error.metadata,
        ) from error
