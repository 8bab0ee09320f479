"""What lies in the spool of this machine, and sending it by hand: `trivet sync`, `trivet status`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from trivet._client import Client
from trivet._errors import InvalidArgument
from trivet._logger import finish_timeout_seconds
from trivet._spool.batches import count_records
from trivet._spool.folders import HEAD, KEYS, TargetSpool, spool_folder, spools_in
from trivet._spool.frames import read_series, whole_bytes
from trivet._spool.head import read_head
from trivet._spool.leftovers import Leftover, leftovers_in, ship_whole
from trivet._spool.segments import read_segment, segments_in
from trivet._spool.sender import RunServer, Shipper
from trivet._target import resolve_addresses
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


@dataclass(frozen=True)
class SyncedRun:
    """What became of the log of a run."""

    run_id: str
    folder: Path
    stored: int
    """Records, of this and of earlier tries."""
    refused: int
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
        )
        if state.pending or state.refused_records or state.refused_runs:
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
                whole = whole_bytes(data, {number: len(its) for number, its in series.items()})
                count += count_records(data[:whole], series)
    return count


def sync(
    folder: Path | None = None, *, url: str = "", workspace: str = "", experiment: str = ""
) -> Iterator[SyncedRun]:
    """Sends what processes that have ended left on this machine, log by log; those of running ones are left alone.

    It may be repeated, or killed in the middle: the server has everything once.

    Args:
        folder: A spool, or the part of it of one target. Default: that of this user.
        url: Another server than the one that it was logged for.
        workspace: Another workspace.
        experiment: Also send the runs that were refused, as runs of this experiment, which is made if it is missing.

    Yields:
        What became of each log.

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
        if not folders:
            continue
        with _client(spool, url, workspace) as client:
            server: RunServer = client.tracking.server
            if experiment:
                server = _InExperiment(server, experiment)
            for leftover in leftovers_in(folders, of_this_host=False):
                yield _sent(leftover, spool, server)


def _client(spool: TargetSpool, url: str, workspace: str) -> Client:
    addresses, logged_for = spool.target()
    if url:
        return Client(url, workspace=workspace)
    return Client(resolve_addresses(addresses, workspace or logged_for))


def _taken_back(spool: TargetSpool, log: Path) -> Path:
    return log.rename(spool.logs / log.name)


def _sent(leftover: Leftover, spool: TargetSpool, server: RunServer) -> SyncedRun:
    patience = _Patience()
    shipper = Shipper(leftover, server, spool, is_over=lambda: patience.is_over(shipper), wait=time.sleep)
    try:
        ship_whole(shipper, leftover)
        progress = leftover.head.progress
    finally:
        leftover.close()
    problem = shipper.refusal or (None if shipper.is_done else shipper.obstacle)
    return SyncedRun(
        leftover.head.about.run_id,
        leftover.folder,
        progress.stored,
        progress.refused,
        "" if problem is None else str(problem),
    )


class _Patience:
    """How long a server that is away is tried: as long as the end of a run waits for it."""

    def __init__(self) -> None:
        self._began: float | None = None

    def is_over(self, shipper: Shipper) -> bool:
        if shipper.obstacle is None:
            self._began = None
            return False
        if self._began is None:
            self._began = time.monotonic()
        return time.monotonic() - self._began > finish_timeout_seconds()


class _InExperiment:
    """A server that creates all runs in one experiment."""

    def __init__(self, server: RunServer, experiment: str) -> None:
        self._server = server
        self._experiment = experiment
        self.write: Callable[[pb.WriteRunRequest], pb.WriteRunResponse] = server.write
        self.update: Callable[[pb.UpdateRunRequest], None] = server.update
        self.upload: Callable[[str, Path, str], None] = server.upload
        self.run_name: Callable[[str], str] = server.run_name

    def create(self, request: pb.CreateRunRequest) -> None:
        request.run.ClearField("experiment")
        request.experiment_display_name, request.create_experiment = self._experiment, True
        self._server.create(request)
