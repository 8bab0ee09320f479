"""A watcher of runs that applies what it hears, as a client's table does, so that a test can say what it must know."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import grpc

from trivet_proto.tracking.v1 import lifecycle_pb2, metric_pb2, run_pb2, watch_pb2
from trivet_testing.errors import CallFailure, error_of
from trivet_testing.tracking import Tracking

PATIENCE_SECONDS = 60.0
"""How long a test waits for what must come; only bounds a failure."""


@dataclass
class Known:
    """What a watcher has heard of a run."""

    run: run_pb2.Run = field(default_factory=run_pb2.Run)
    metrics: dict[str, metric_pb2.Metric] = field(default_factory=dict)
    kinds: list[set[str]] = field(default_factory=list)
    """Of each change, in order."""


class Watcher:
    """Watches from when it is made, in a thread of its own; as a context manager it ends the call.

    It returns when the first message has come, so that what is done next is a change that must arrive.
    """

    def __init__(
        self, tracking: Tracking, resume_token: str = "", *, known: dict[str, Known] | None = None, **fields: Any
    ) -> None:
        self._fields = fields
        request = watch_pb2.WatchRunsRequest(parent=tracking.parent, resume_token=resume_token, **fields)
        self._changed = threading.Condition()
        self.runs: dict[str, Known] = {} if known is None else known
        """By resource name."""
        self.experiments: dict[str, int] = {}
        """The state of each experiment that was heard of."""
        self.token = ""
        self.messages: list[watch_pb2.WatchRunsResponse] = []
        self.error: grpc.RpcError | None = None
        self.ended = False
        self._call = tracking.stub.WatchRuns(request)
        self._thread = threading.Thread(target=self._read, name="watcher", daemon=True)
        self._thread.start()
        self.until(lambda: bool(self.messages))

    def _read(self) -> None:
        try:
            for message in self._call:
                with self._changed:
                    self._apply(message)
                    self._changed.notify_all()
        except grpc.RpcError as error:
            self.error = error
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def _apply(self, message: watch_pb2.WatchRunsResponse) -> None:
        assert message.resume_token
        self.messages.append(message)
        self.token = message.resume_token
        for change in message.runs:
            known = self.runs.setdefault(change.run.name, Known())
            kinds = {
                watch_pb2.RunChangeKind.Name(kind).removeprefix("RUN_CHANGE_KIND_").lower() for kind in change.kinds
            }
            assert len(kinds) == len(change.kinds) > 0
            known.kinds.append(kinds)
            if not kinds <= {"metrics", "metrics_removed"}:
                known.run = change.run
            known.metrics.update({metric.key: metric for metric in change.metrics})
        for experiment in message.experiments:
            self.experiments[experiment.experiment] = experiment.state

    def resumed(self, tracking: Tracking) -> Watcher:
        """One that goes on at a server where this one, which is closed, has ended, and knows what it knew."""
        watcher = Watcher(tracking, self.token, known=self.runs, **self._fields)
        watcher.experiments |= self.experiments
        return watcher

    def until(self, known: Callable[[], bool]) -> None:
        """Waits until it knows something; the call may end by it, and not before."""
        with self._changed:
            self._changed.wait_for(lambda: known() or self.ended, PATIENCE_SECONDS)
            assert known(), f"not heard of; the call {'ended' if self.ended else 'runs'}: {self.error}; {self.runs}"

    def until_failed(self) -> CallFailure:
        """Waits for the end of the call by an error, and returns that."""
        return error_of(self._end)

    def until_ended_well(self) -> None:
        """Waits for the end of the call without an error."""
        self._end()

    def _end(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self.ended, PATIENCE_SECONDS)
            assert self.ended
            if self.error is not None:
                raise self.error

    def values(self, run: str) -> dict[str, float]:
        """The current values that it knows of a run."""
        return {key: metric.value for key, metric in self.runs.get(run, Known()).metrics.items()}

    def is_deleted(self, run: str) -> bool:
        """Whether it has heard that a run is deleted."""
        return run in self.runs and self.runs[run].run.state == lifecycle_pb2.LIFECYCLE_STATE_DELETED

    def close(self) -> None:
        """Ends the call. Idempotent."""
        self._call.cancel()
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
