"""What a job does at its beginning and with files, also while no server answers: it is kept here, and sent later."""

from __future__ import annotations

import dataclasses
import json
import logging
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from trivet._connection import RETRY_SECONDS, Connection
from trivet._entities import Experiment, Run
from trivet._errors import DeadlineExceeded, Overloaded, QuotaExceeded, ServerUnavailable, SpoolUnusable, TrivetError
from trivet._logger import Logger
from trivet._mode import Mode
from trivet._names import Names
from trivet._safe_paths import check_logical, joined, to_logical
from trivet._spool.frames import Kind
from trivet._target import LocalData
from trivet._tracking_messages import from_run
from trivet_proto.tracking.v1 import run_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

_Answer = TypeVar("_Answer")

_FILES: Final = "files"

_log = logging.getLogger("trivet")


def _is_away(error: TrivetError) -> bool:
    """Whether the server is away, slow or full. A caller that it does not let in is told at once."""
    if isinstance(error, QuotaExceeded):
        return error.is_rate
    return isinstance(error, ServerUnavailable | DeadlineExceeded | Overloaded)


class WithoutServer:
    """The part of tracking that goes on without a server.

    Online, the server is asked first, for up to `RETRY_SECONDS`; the server of data on this machine is always waited
    for. Offline, nobody is asked. Disabled, nothing is kept either.
    """

    def __init__(self, connection: Connection, names: Names, logger: Logger) -> None:
        self._connection = connection
        self._names = names
        self._logger = logger

    @property
    def mode(self) -> Mode:
        """What becomes of what is logged."""
        return self._logger.mode

    def experiment(self, name: str, ask: Callable[[float | None], Experiment]) -> Experiment:
        """The experiment of a name; without an id where nobody could be asked for it.

        Args:
            name: Under which runs are created then, and the experiment where there is none.
            ask: Asks for it, within so many seconds.
        """
        return self._asked(ask, f"the experiment {name!r}") or Experiment("", name, "active")

    def create_run(self, request: pb.CreateRunRequest, ask: Callable[[float | None], Run]) -> Run:
        """Creates a run, here if need be; then it has no name yet if none was given.

        Args:
            request: Creates it.
            ask: Does that, within so many seconds.
        """
        answer = self._asked(ask, f"the run {request.run_id}")
        if answer is not None:
            return answer
        if self.mode is not Mode.DISABLED:
            self._logger.begin_unasked(request.run_id, Kind.CREATE, request.SerializeToString())
        run = from_run(request.run)
        return dataclasses.replace(
            run, info=dataclasses.replace(run.info, run_id=request.run_id, lifecycle_stage="active")
        )

    def resume_run(self, run_id: str, began: Timestamp, resume: Callable[[float | None], Run]) -> Run:
        """Goes on with a run. Where nobody could be asked for it, only its id is known.

        Args:
            run_id: Of the run.
            began: When it goes on, where nobody can be asked.
            resume: Does it, within so many seconds.
        """
        answer = self._asked(resume, f"the run {run_id}")
        if answer is not None:
            return answer
        run = run_pb2.Run(name=self._names.run(run_id), status=run_pb2.RUN_STATUS_RUNNING)
        request = pb.UpdateRunRequest(run=run, update_mask=FieldMask(paths=["status", "end_time"]), begun_time=began)
        if self.mode is not Mode.DISABLED:
            self._logger.begin_unasked(run_id, Kind.UPDATE, request.SerializeToString())
        return from_run(run)

    def create_or_resume_run(self, request: pb.CreateRunRequest, ask: Callable[[float | None], Run]) -> Run:
        """Goes on with a run, or creates it. Where nobody could be asked which, it is found out when it is sent.

        Args:
            request: Creates the run.
            ask: Does the one or the other, within so many seconds.
        """
        answer = self._asked(ask, f"the run {request.run_id}")
        if answer is not None:
            return answer
        resumed = run_pb2.Run(name=self._names.run(request.run_id), status=run_pb2.RUN_STATUS_RUNNING)
        if self.mode is not Mode.DISABLED:
            self._logger.begin_unasked(request.run_id, Kind.ENSURE, request.SerializeToString())
            update = pb.UpdateRunRequest(
                run=resumed,
                update_mask=FieldMask(paths=["status", "end_time"]),
                begun_time=request.run.start_time,
            )
            self._logger.begin_unasked(request.run_id, Kind.UPDATE, update.SerializeToString())
        return from_run(resumed)

    def log_files(
        self, run_id: str, local: Path, artifact_path: str | None, upload: Callable[[], None], *, with_name: bool
    ) -> None:
        """Uploads a file or folder, or keeps a copy to be uploaded later.

        A copy, not a link: training writes over its checkpoints, and a link would become what they are later.

        Args:
            run_id: Of the run.
            local: The file or folder.
            artifact_path: The folder of the run that it goes into.
            upload: Uploads it.
            with_name: Whether a folder goes there under its own name.

        Raises:
            FileNotFoundError: there is nothing at `local`.
            SpoolUnusable: there is no room for the copy.
        """
        if self.mode is Mode.DISABLED:
            return
        if self.mode is Mode.ONLINE:
            try:
                upload()
            except TrivetError as error:
                if not _is_away(error):
                    raise
                _log.warning("run %s: %s is kept on this machine, and uploaded later (%s)", run_id, local, error)
            else:
                return
        self.keep_files(run_id, local, artifact_path, with_name=with_name)

    def keep_files(self, run_id: str, local: Path, artifact_path: str | None, *, with_name: bool) -> None:
        """Keeps a copy of a file or folder, to be uploaded with what is logged; otherwise as `log_files`."""
        if not local.exists():
            raise FileNotFoundError(f"There is no file or folder {local}.")
        folder = check_logical(artifact_path or "")
        name = to_logical(Path(local.resolve().name)) if with_name or local.is_file() else ""
        kept = f"{_FILES}/{secrets.token_hex(8)}"
        target = self._logger.folder_of(run_id) / kept
        try:
            target.parent.mkdir(exist_ok=True, mode=0o700)
            if local.is_dir():
                shutil.copytree(local, target)
            else:
                shutil.copyfile(local, target)
        except OSError as error:
            if target.is_dir():
                shutil.rmtree(target, ignore_errors=True)
            target.unlink(missing_ok=True)
            raise SpoolUnusable(f"{local} cannot be kept in {target.parent} until it is uploaded: {error}.") from error
        said = {"local": kept, "path": joined(folder, name)}
        self._logger.add_control(run_id, Kind.FILE, json.dumps(said).encode())

    def _asked(self, ask: Callable[[float | None], _Answer], what: str) -> _Answer | None:
        """What the server answers; None where nobody could be asked."""
        if self.mode is not Mode.ONLINE:
            return None
        if isinstance(self._connection.address, LocalData):
            return ask(None)
        try:
            return ask(RETRY_SECONDS)
        except TrivetError as error:
            if not _is_away(error):
                raise
            _log.warning(
                "%s What is logged to %s is kept on this machine, and sent when a server answers.", error, what
            )
            return None
