"""Models of 2.x clients: files of a run, and an entry in a tag that lists them."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson
from google.protobuf.field_mask_pb2 import FieldMask

from trivet_gateway.errors import invalid
from trivet_gateway.fields import Fields
from trivet_gateway.mlflow.runs import run_id_of
from trivet_gateway.upstream import Caller
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

_HISTORY: Final = "mlflow.log-model.history"
_NEEDED: Final = ("artifact_path", "flavors", "run_id", "utc_time_created")
_KEPT: Final = ("run_id", "artifact_path", "utc_time_created", "model_uuid")
# Of a tag, as tracking takes it.
_MOST_BYTES: Final = 64 * 1024


async def log_model(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Adds a model to the list. One that is the last of it already is a repeat, and is not added again."""
    run = caller.run(run_id_of(fields))
    entry = _entry(fields.needed("model_json"))
    request = pb.GetRunRequest(name=run, read_mask=FieldMask(paths=["tags"]))
    found = await caller.call(caller.upstream.tracking.GetRun, request)
    entries = _entries(found.tags.get(_HISTORY, ""))
    if entries[-1:] != [entry]:
        entries.append(entry)
    text = _latest(entries)
    if not text:
        raise invalid(f"The model's description has more than {_MOST_BYTES} bytes.")
    write = pb.WriteRunRequest(run=run, tags=[pb.Tag(key=_HISTORY, value=text)], atomic=True)
    await caller.call(caller.upstream.tracking.WriteRun, write)
    return {}


def _latest(entries: list[Any]) -> str:
    """As many of the last entries as a tag takes, as JSON; nothing where it does not take the last one.

    A list that is cut anywhere else could not be read.
    """
    kept: list[str] = []
    left = _MOST_BYTES
    for entry in reversed(entries):
        text = json.dumps(entry, ensure_ascii=False)
        left -= len(text.encode()) + len(", ")  # or the brackets, for one of them
        if left < 0:
            break
        kept.append(text)
    return f"[{', '.join(reversed(kept))}]" if kept else ""


def _entry(text: str) -> dict[str, Any]:
    """What the list has of a model."""
    try:
        model = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise invalid("Malformed model info: 'model_json' is not a valid JSON.") from None
    if not isinstance(model, dict):
        raise invalid("Malformed model info: 'model_json' is not an object.")
    if absent := [name for name in _NEEDED if name not in model]:
        raise invalid(f"Model json is missing mandatory fields: {', '.join(absent)}.")
    if not isinstance(model["flavors"], dict):
        raise invalid("Malformed model info: 'flavors' is not an object.")
    flavors = {name: _without_config(flavor) for name, flavor in model["flavors"].items()}
    return {name: model[name] for name in _KEPT if name in model} | {"flavors": flavors}


def _without_config(flavor: object) -> object:
    if not isinstance(flavor, dict):
        return flavor
    return {name: value for name, value in flavor.items() if name != "config"}


def _entries(text: str) -> list[Any]:
    """The list; an empty one where somebody has put something else there."""
    try:
        entries = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    return entries if isinstance(entries, list) else []
