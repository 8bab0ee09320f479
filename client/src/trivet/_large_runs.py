"""Runs that are too large for one message: what the server left out is read by more calls."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf.field_mask_pb2 import FieldMask

from trivet_proto.tracking.v1 import lifecycle_pb2, metric_pb2, run_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

_PAGE: Final = 1000
# So many of the largest params (16 KiB) or tags (64 KiB) fit into one message of 3 MiB.
_PARAMS_AT_ONCE: Final = 150
_TAGS_AT_ONCE: Final = 40


@dataclass(frozen=True)
class LargeRuns:
    """The calls that it takes; each raises what calls raise."""

    list_metrics: Callable[[pb.ListMetricsRequest], pb.ListMetricsResponse]
    list_keys: Callable[[pb.ListRunKeysRequest], pb.ListRunKeysResponse]
    search: Callable[[pb.SearchRunsRequest], pb.SearchRunsResponse]

    def complete(self, run: run_pb2.Run, columns: pb.SearchRunsRequest) -> run_pb2.Run:
        """Puts into a run what was left out of it.

        Args:
            run: As a server answered it.
            columns: Which metrics, params and tags were asked for; all, where its keys are empty.
        """
        for field in run.omitted.paths:
            if field == "metrics":
                run.metrics.extend(self._metrics(run.name, frozenset(columns.metric_keys)))
            elif field == "params":
                run.params.update(self._params(run.name, columns.param_keys))
            elif field == "tags":
                run.tags.update(self._tags(run.name, columns.tag_keys))
        run.ClearField("omitted")
        return run

    def _metrics(self, name: str, keys: frozenset[str]) -> Iterator[metric_pb2.Metric]:
        request = pb.ListMetricsRequest(parent=name, page_size=_PAGE)
        while True:
            page = self.list_metrics(request)
            # A run has its metrics over all contexts.
            yield from (it for it in page.metrics if not it.HasField("context") and (not keys or it.key in keys))
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    def _params(self, name: str, keys: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for some in _parts(keys or self._keys(name, pb.RUN_KEY_KIND_PARAM), _PARAMS_AT_ONCE):
            request = self._search_for(name, "params")
            request.param_keys.extend(some)
            found |= self._only(request).params
        return found

    def _tags(self, name: str, keys: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for some in _parts(keys or self._keys(name, pb.RUN_KEY_KIND_TAG), _TAGS_AT_ONCE):
            request = self._search_for(name, "tags")
            request.tag_keys.extend(some)
            found |= self._only(request).tags
        return found

    def _keys(self, name: str, kind: pb.RunKeyKind.ValueType) -> Iterator[str]:
        request = pb.ListRunKeysRequest(parent=_workspace_of(name), runs=[name], kind=kind, page_size=_PAGE)
        while True:
            page = self.list_keys(request)
            yield from page.keys
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    def _search_for(self, name: str, field: str) -> pb.SearchRunsRequest:
        return pb.SearchRunsRequest(
            parent=_workspace_of(name),
            filter=f"run_id = '{name.rpartition('/')[2]}'",
            view=lifecycle_pb2.LIFECYCLE_VIEW_ALL,
            read_mask=FieldMask(paths=[field]),
        )

    def _only(self, request: pb.SearchRunsRequest) -> run_pb2.Run:
        """The run; an empty one where it is gone by now."""
        return next(iter(self.search(request).runs), run_pb2.Run())


def _workspace_of(name: str) -> str:
    return name.rpartition("/runs/")[0]


def _parts(keys: Iterable[str], size: int) -> Iterator[list[str]]:
    every = iter(keys)
    while part := list(itertools.islice(every, size)):
        yield part
