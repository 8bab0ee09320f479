"""Exports: what a workspace has, as a folder of Parquet."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from google.protobuf.field_mask_pb2 import FieldMask

from trivet._clock import now_millis
from trivet._connection import Connection
from trivet._entities import Export, ExportProgress
from trivet._errors import InvalidArgument
from trivet._export_streams import STREAM_SECONDS, groups
from trivet_proto.tracking.v1 import export_pb2, lifecycle_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub

if TYPE_CHECKING:
    from trivet._export_files import TableWriter

TABLES: Final = ("runs", "params", "tags", "points")
_VIEW_PREFIX: Final = "LIFECYCLE_VIEW_"
_RUN_TABLES: Final = {
    "runs": export_pb2.RUN_TABLE_RUNS,
    "params": export_pb2.RUN_TABLE_PARAMS,
    "tags": export_pb2.RUN_TABLE_TAGS,
}


def check_tables(tables: Sequence[str]) -> tuple[str, ...]:
    """The tables that are asked for, in their usual order, each once. Raises InvalidArgument."""
    for name in tables:
        if name not in TABLES:
            raise InvalidArgument(f"{name!r} is no table of an export; there are {', '.join(TABLES)}.")
    if not tables:
        raise InvalidArgument(f"Say what to export: {', '.join(TABLES)}.")
    return tuple(name for name in TABLES if name in tables)


def check_installed() -> None:
    """Raises InvalidArgument where something is missing that exports need."""
    if any(importlib.util.find_spec(package) is None for package in ("pyarrow", "numpy")):
        raise InvalidArgument("Exports need an extra: pip install 'trivet[export]'")


class Exporter:
    """Writes one export. Not safe for threads."""

    def __init__(
        self,
        connection: Connection,
        selection: pb.SearchRunsRequest,
        tables: Sequence[str],
        on_progress: Callable[[ExportProgress], None] | None,
    ) -> None:
        """Prepares it.

        Args:
            connection: To the tracking service.
            selection: Which runs: `parent`, `experiments`, `filter` and `view` count.
            tables: What to write of them.
            on_progress: Told how far it is, after every group of messages.
        """
        self._connection = connection
        self._selection = selection
        self._tables = tables
        self._on_progress = on_progress
        self._run_count = self._run_tables = self._points = 0

    def write(self, folder: str | os.PathLike[str], *, overwrite: bool) -> Export:
        """Writes the folder, whole or not at all.

        Raises:
            TrivetError: the runs cannot be read.
            OSError: the folder cannot be written.
        """
        from trivet._export_files import Staging  # noqa: PLC0415 - needs the extra, and takes a second to import

        path = Path(folder)
        began = now_millis()
        with Staging(path, self._tables, overwrite=overwrite) as staging:
            self._run_count = self._count_runs() if self._on_progress is not None else 0
            self._tell(staging.writers)
            self._write_run_tables(staging.writers)
            self._write_points(staging.writers)
            tables = staging.publish(
                {
                    "trivet_version": version("trivet"),
                    "workspace": self._selection.parent.rpartition("/")[2],
                    "experiment_ids": [name.rpartition("/")[2] for name in self._selection.experiments],
                    "filter": self._selection.filter,
                    "view": lifecycle_pb2.LifecycleView.Name(self._selection.view).removeprefix(_VIEW_PREFIX).lower(),
                    "begin_time_millis": began,
                    "end_time_millis": now_millis(),
                }
            )
        return Export(str(path), tables)

    def _count_runs(self) -> int:
        request = pb.SearchRunsRequest(page_size=1, count_total=True, read_mask=FieldMask(paths=["name"]))
        request.MergeFrom(self._selection)
        stub = self._connection.stub(TrackingServiceStub)
        return self._connection.call(stub.SearchRuns, request, repeatable=True).total_size

    def _write_run_tables(self, writers: Mapping[str, TableWriter]) -> None:
        from trivet._export_tables import from_runs  # noqa: PLC0415 - needs the extra

        asked = [number for name, number in _RUN_TABLES.items() if name in writers]
        if not asked:
            return
        chosen = self._selection

        def ask(token: str) -> Iterator[export_pb2.ExportRunsResponse]:
            request = export_pb2.ExportRunsRequest(
                parent=chosen.parent,
                experiments=chosen.experiments,
                filter=chosen.filter,
                view=chosen.view,
                tables=asked,
                resume_token=token,
            )
            stub = self._connection.stub(TrackingServiceStub)
            return self._connection.stream(stub.ExportRuns, request, timeout_seconds=STREAM_SECONDS)

        for group in groups(ask):
            for message in group:
                for name, partition, rows in from_runs(message):
                    writers[name].add(partition, rows)
                self._run_tables += message.run_count
            self._tell(writers)

    def _write_points(self, writers: Mapping[str, TableWriter]) -> None:
        from trivet._export_tables import from_points  # noqa: PLC0415 - needs the extra

        if "points" not in writers:
            return
        chosen = self._selection

        def ask(token: str) -> Iterator[export_pb2.ExportMetricPointsResponse]:
            request = export_pb2.ExportMetricPointsRequest(
                parent=chosen.parent,
                experiments=chosen.experiments,
                filter=chosen.filter,
                view=chosen.view,
                resume_token=token,
            )
            stub = self._connection.stub(TrackingServiceStub)
            return self._connection.stream(stub.ExportMetricPoints, request, timeout_seconds=STREAM_SECONDS)

        for group in groups(ask):
            for message in group:
                for partition, rows in from_points(message.points):
                    writers["points"].add(partition, rows)
                self._points += message.run_count
            self._tell(writers)

    def _tell(self, writers: Mapping[str, TableWriter]) -> None:
        if self._on_progress is not None:
            rows = {name: writer.rows for name, writer in writers.items()}
            self._on_progress(ExportProgress(self._run_count, self._run_tables, self._points, rows))
