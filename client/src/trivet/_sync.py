"""What lies in the spool of this machine, and sending it by hand: `trivet sync`, `trivet status`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from trivet._client import Client
from trivet._errors import InvalidArgument, TrivetError
from trivet._names import Names, last_segment
from trivet._run_logs import finish_timeout_seconds
from trivet._spool.folders import HEAD, KEYS, TargetSpool, spool_folder, spools_in
from trivet._spool.frames import Kind, read_long, read_series
from trivet._spool.head import read_head
from trivet._spool.leftovers import Leftover, leftovers_in, ship_each
from trivet._spool.quota_waits import quota_waited_for
from trivet._spool.refused_files import RefusedFile, refused_files_in
from trivet._spool.segments import read_segment, segments_in
from trivet._spool.sender import RunServer, Shipper, count_intact
from trivet._target import resolve_addresses
from trivet._tracking import DEFAULT_EXPERIMENT_ID
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb


@dataclass(frozen=True)
class SpoolState:
    """What lies in the spool of a target and workspace."""

    address: str
    """Of the tracking service."""
    workspace: str
    folder: Path
    pending: int
    """Records that are not sent yet, of running processes too."""
    size_bytes: int
    refused_records: int
    """Lines in the files of `rejected/`: a record each, or the points of a metric in a message."""
    refused_runs: int
    """Runs that were refused as a whole."""
    refused_files: int
    """Files and folders that were refused, and are kept."""
    waits_for: str
    """The quotas of the workspace that something waits for, separated by commas; empty where nothing does."""


@dataclass(frozen=True)
class SyncedRun:
    """What became of the log of a run."""

    run_id: str
    folder: Path
    stored: int
    """Records, of this and of earlier tries."""
    refused: int
    damaged: int
    """Places where the log was changed after it was written: each has lost a record as a rule."""
    problem: str
    """Why something is left; empty where nothing is."""


def spool_states(folder: Path | None = None) -> list[SpoolState]:
    """What lies in the spool of each target; none for those where nothing is."""
    states = []
    for spool in spools_in(folder or spool_folder()):
        addresses, workspace = spool.target()
        lines = sum(path.read_bytes().count(b"\n") for path in spool.rejected_files())
        state = SpoolState(
            addresses.get("tracking", ""),
            workspace,
            spool.folder,
            sum(map(pending_records, spool.log_folders())),
            sum(file.stat().st_size for file in spool.folder.rglob("*") if file.is_file()),
            lines,
            len(spool.rejected_logs()),
            len(refused_files_in(spool)),
            ", ".join(sorted(set(map(quota_waited_for, spool.log_folders())) - {""})),
        )
        if state.pending or state.refused_records or state.refused_runs or state.refused_files:
            states.append(state)
    return states


def pending_records(folder: Path) -> int:
    """How many records of a log are not sent. It may be removed meanwhile: then none."""
    count = 0
    with contextlib.suppress(OSError, ValueError):
        _, progress = read_head(folder / HEAD)
        series = read_series((folder / KEYS).read_bytes())
        for segment in segments_in(folder):
            begin = max(progress.settled, segment.base)
            if begin < segment.end:
                data = read_segment(segment, begin, segment.end)
                count += count_intact(data, series, is_whole=False)
    return count


def sync(
    folder: Path | None = None, *, url: str = "", workspace: str = "", experiment: str = ""
) -> Iterator[SyncedRun]:
    """Sends what processes that have ended left on this machine, log by log; those of running ones are left alone.

    Files that were refused are sent again, each under its path.

    It may be repeated, or killed in the middle: the server has everything once.

    Args:
        folder: A spool, or the part of it of one target. Default: that of this user.
        url: Another address than the one that it was logged for.
        workspace: Another workspace.
        experiment: Create the runs in this experiment, which is made if it is missing; those that were refused too.
            In another workspace, it is needed for runs of an experiment that was chosen by its id.

    Yields:
        What became of each log, and of each file that had been refused.

    Raises:
        InvalidArgument: there is no such folder.
        TargetInvalid: the server cannot be used.
    """
    place = folder or spool_folder()
    if folder is not None and not place.is_dir():
        raise InvalidArgument(f"There is no folder {place}.")
    for spool in spools_in(place):
        folders = spool.log_folders()
        if experiment:
            folders += [_taken_back(spool, log) for log in spool.rejected_logs()]
        # Those that are refused now are not tried again at once.
        files = refused_files_in(spool)
        if not folders and not files:
            continue
        with _client(spool, url, workspace) as client:
            is_moved = client.workspace != spool.target()[1]
            server: RunServer = client.tracking.server
            if experiment or is_moved:
                server = _Elsewhere(server, client.workspace, experiment)
            stranded: list[SyncedRun] = []
            found: Iterator[Leftover] = leftovers_in(folders, of_this_host=False)
            if is_moved and not experiment:
                found = _placed(found, stranded)
            for leftover, shipper in ship_each(found, lambda log: _patient(log, spool, server)):  # noqa: B023 - used at once
                yield _synced(leftover, shipper)
            yield from stranded
            yield from (_sent_again(file, server) for file in files)


def _client(spool: TargetSpool, url: str, workspace: str) -> Client:
    addresses, logged_for = spool.target()
    if url:
        return Client(url, workspace=workspace)
    return Client(resolve_addresses(addresses, workspace or logged_for))


def _taken_back(spool: TargetSpool, log: Path) -> Path:
    return log.rename(spool.logs / log.name)


def _patient(leftover: Leftover, spool: TargetSpool, server: RunServer) -> Shipper:
    patience = _Patience()
    shipper = Shipper(leftover, server, spool, is_over=lambda: patience.is_over(shipper), wait=time.sleep)
    return shipper


def _synced(leftover: Leftover, shipper: Shipper) -> SyncedRun:
    progress = leftover.head.progress
    problem = shipper.refusal or (None if shipper.is_done else shipper.obstacle)
    return SyncedRun(
        leftover.head.about.run_id,
        leftover.folder,
        progress.stored,
        progress.refused,
        progress.damaged,
        "" if problem is None else str(problem),
    )


def _sent_again(file: RefusedFile, server: RunServer) -> SyncedRun:
    try:
        server.upload(file.run_id, file.local, file.path)
        file.remove()
    except (TrivetError, OSError) as error:
        return SyncedRun(file.run_id, file.local, 0, 1, 0, f"The file {file.path!r} is not stored: {error}")
    return SyncedRun(file.run_id, file.local, 1, 0, 0, "")


def _placed(leftovers: Iterator[Leftover], stranded: list[SyncedRun]) -> Iterator[Leftover]:
    """Those logs that have a place in another workspace; of the others it is said why they have none."""
    for leftover in leftovers:
        experiment_id = _experiment_id(leftover)
        if experiment_id in ("", DEFAULT_EXPERIMENT_ID):
            yield leftover
            continue
        progress = leftover.head.progress
        leftover.close()
        problem = (
            f"It was begun in experiment {experiment_id} of another workspace; say which one it goes into by "
            "--experiment NAME."
        )
        about = leftover.head.about
        stranded.append(
            SyncedRun(about.run_id, leftover.folder, progress.stored, progress.refused, progress.damaged, problem)
        )


def _experiment_id(leftover: Leftover) -> str:
    """The experiment that a log creates its run in, if it does; empty where that was chosen by its name."""
    segments = segments_in(leftover.folder)
    if leftover.head.progress.settled or not segments:
        return ""
    frame = read_long(read_segment(segments[0], 0, segments[0].end), 0)
    if frame is None or frame.kind is not Kind.CREATE:
        return ""
    return last_segment(pb.CreateRunRequest.FromString(frame.payload).run.experiment)


class _Patience:
    """How long a server that is away is tried: as long as the end of a run waits for it. A missing run is not."""

    def __init__(self) -> None:
        self._began: float | None = None

    def is_over(self, shipper: Shipper) -> bool:
        if shipper.obstacle is None:
            self._began = None
            return False
        if shipper.is_run_missing:
            return True
        if self._began is None:
            self._began = time.monotonic()
        return time.monotonic() - self._began > finish_timeout_seconds()


class _Elsewhere:
    """A server that has runs in another workspace, or in another experiment, than they were logged for."""

    def __init__(self, server: RunServer, workspace: str, experiment: str) -> None:
        self._server = server
        self._names = Names(workspace)
        self._experiment = experiment
        self.write: Callable[[pb.WriteRunRequest], pb.WriteRunResponse] = server.write
        self.upload: Callable[[str, Path, str], None] = server.upload
        self.run_name: Callable[[str], str] = server.run_name

    def create(self, request: pb.CreateRunRequest) -> None:
        run = request.run
        request.parent = self._names.parent
        if run.parent_run:
            run.parent_run = self._names.run(last_segment(run.parent_run))
        if self._experiment:
            run.ClearField("experiment")
            request.experiment_display_name, request.create_experiment = self._experiment, True
        elif run.experiment:
            run.experiment = self._names.experiment(last_segment(run.experiment))
        self._server.create(request)

    def update(self, request: pb.UpdateRunRequest) -> None:
        request.run.name = self._names.run(last_segment(request.run.name))
        self._server.update(request)
