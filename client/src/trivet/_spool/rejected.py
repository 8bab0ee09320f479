"""Records that the server refused: kept in a file a run, a line of JSON each, and said once for each reason."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.json_format import MessageToDict

from trivet._clock import now_millis
from trivet._errors import TrivetError
from trivet._spool.folders import TargetSpool
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

_log = logging.getLogger("trivet")


class Rejected:
    """Takes in what was refused of one run."""

    def __init__(self, spool: TargetSpool, run_id: str) -> None:
        self._folder = spool.rejected
        self._run_id = run_id
        self._said: set[str] = set()

    def keep_all(self, message: pb.WriteRunRequest, error: TrivetError) -> None:
        """Keeps all records of a message."""
        self._say(error, "what was logged")
        self._write({"error": _described(error), **record} for record in _records(message))

    def keep(
        self, message: pb.WriteRunRequest, answer: pb.WriteRunResponse, to_error: Callable[[Any], TrivetError]
    ) -> int:
        """Keeps those records of a message that an answer says were refused, and returns how many those are."""
        if not answer.refused_count:
            return 0
        refused = max(0, answer.refused_count - len(answer.refused))  # those beyond what the answer lists
        lines = []
        for record in answer.refused:
            error = to_error(record.status)
            what, content = _one(message, record)
            self._say(error, what)
            lines.append({"error": _described(error), **content})
            is_key = record.kind == pb.RECORD_KIND_METRIC_KEY
            refused += _count(message, record.index) if is_key else 1
        self._write(iter(lines))
        return refused

    def _say(self, error: TrivetError, what: str) -> None:
        kind = error.reason or type(error).__name__
        if kind not in self._said:
            self._said.add(kind)
            _log.warning(
                "run %s: %s was refused (%s); it is kept in %s, and others for this reason are only counted",
                self._run_id,
                what,
                error,
                self._folder,
            )

    def _write(self, lines: Iterator[dict[str, Any]]) -> None:
        at = now_millis()
        text = "".join(json.dumps({"refused_millis": at, **line}) + "\n" for line in lines)
        try:
            self._folder.mkdir(exist_ok=True, mode=0o700)
            file = os.open(self._folder / f"{self._run_id}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(file, text.encode())
            finally:
                os.close(file)
        except OSError as error:
            _log.warning("run %s: refused records cannot be kept: %s", self._run_id, error)


def _described(error: TrivetError) -> dict[str, str]:
    return {"reason": error.reason or type(error).__name__, "message": str(error)}


def _count(message: pb.WriteRunRequest, piece: int) -> int:
    return message.metrics.counts[piece] if message.metrics.counts else 1


def _records(message: pb.WriteRunRequest) -> Iterator[dict[str, Any]]:
    for piece in range(len(message.metrics.keys)):
        yield {"metric": _series(message, piece)}
    rest = pb.WriteRunRequest()
    rest.CopyFrom(message)
    for field in ("run", "writer_id", "sequence", "metrics"):
        rest.ClearField(field)
    if rest.ByteSize():
        yield {"records": MessageToDict(rest, preserving_proto_field_name=True)}


def _series(message: pb.WriteRunRequest, piece: int, only: int | None = None) -> dict[str, Any]:
    """A piece of the columns, or one point of all."""
    metrics = message.metrics
    begin = sum(metrics.counts[:piece])
    chosen = slice(begin, begin + _count(message, piece)) if only is None else slice(only, only + 1)
    number = metrics.context_index[piece] if metrics.context_index else 0
    context = {"context": MessageToDict(metrics.contexts[number - 1])} if number else {}
    return {
        "key": metrics.keys[piece],
        **context,
        "steps": list(metrics.steps[chosen]),
        "times_millis": list(metrics.times_millis[chosen]),
        "values": list(metrics.values[chosen]),
    }


def _one(message: pb.WriteRunRequest, record: pb.RefusedRecord) -> tuple[str, dict[str, Any]]:
    """What a refused record is called, and what it holds."""
    index, kind = record.index, record.kind
    if kind == pb.RECORD_KIND_METRIC_KEY:
        return f"metric {message.metrics.keys[index]!r}", {"metric": _series(message, index)}
    if kind == pb.RECORD_KIND_METRIC_POINT:
        piece, left = 0, index
        while left >= _count(message, piece):
            left -= _count(message, piece)
            piece += 1
        return f"a point of {message.metrics.keys[piece]!r}", {"metric": _series(message, piece, index)}
    if kind == pb.RECORD_KIND_PARAM:
        return f"param {message.params[index].key!r}", {"param": MessageToDict(message.params[index])}
    if kind == pb.RECORD_KIND_TAG:
        return f"tag {message.tags[index].key!r}", {"tag": MessageToDict(message.tags[index])}
    if kind == pb.RECORD_KIND_DELETED_TAG:
        return f"the removal of tag {message.deleted_tags[index]!r}", {"deleted_tag": message.deleted_tags[index]}
    if kind == pb.RECORD_KIND_DATASET_INPUT:
        used = message.inputs.datasets[index]
        return f"dataset {used.dataset.name!r}", {"dataset": MessageToDict(used)}
    if kind == pb.RECORD_KIND_CONSOLE_LINE:
        return "a line of the console", {"console": MessageToDict(message.console[index])}
    models = message.inputs.models if kind == pb.RECORD_KIND_MODEL_INPUT else message.outputs.models
    return f"model {models[index].model_id!r}", {"model": MessageToDict(models[index])}
