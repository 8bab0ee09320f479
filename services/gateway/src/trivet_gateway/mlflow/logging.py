"""What is logged to runs, and what is read of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sized
from typing import Any, Final

from google.protobuf.field_mask_pb2 import FieldMask

from trivet_gateway.answers import without_empty
from trivet_gateway.errors import invalid, missing
from trivet_gateway.fields import Fields
from trivet_gateway.mlflow.keys import key_of
from trivet_gateway.mlflow.points import read_history, sort_by_time, to_checked_columns, to_columns, to_metrics
from trivet_gateway.mlflow.runs import NOTE, RUN_NAME, run_id_of, tags_of
from trivet_gateway.upstream import Caller
from trivet_proto.tracking.v1 import lifecycle_pb2, run_inputs_pb2, run_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

_MAX_METRICS: Final = 1_000
_MAX_PARAMS: Final = 100
_MAX_TAGS: Final = 100
_MAX_ENTRIES: Final = 1_000
_LONGEST_PARAM: Final = 6_000
# Below the bound of `Run.description`, 64 KiB, whatever the characters: a note that is taken as a tag is one there too.
_LONGEST_TAG: Final = 8_000
_LONGEST_DIGEST: Final = 36
# What the contract says of `Run.display_name`: protos/trivet/tracking/v1/run.proto.
_LONGEST_NAME: Final = 500
_CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_OFFSET: Final = re.compile(r"[0-9]{1,18}")
CUT: Final = "trivet.mlflow.cut"
"""The tag of a run that says which value was cut last, and what it had."""
_TELLS_TAGS: Final = ("state", "tags", "display_name", "description", "user", "source", "git_commit", "parent_run")


async def log_metric(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Logs a point."""
    await _write(caller, pb.WriteRunRequest(run=caller.run(run_id_of(fields)), metrics=to_checked_columns([fields])))
    return {}


async def log_param(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Logs a param."""
    request = pb.WriteRunRequest(run=caller.run(run_id_of(fields)))
    _add_params(request, [fields])
    await _write(caller, request)
    return {}


async def set_tag(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Sets a tag."""
    request = pb.WriteRunRequest(run=caller.run(run_id_of(fields)))
    _add_tags(request, [fields])
    await _set_tags(caller, request)
    return {}


async def delete_tag(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Removes a tag that is there."""
    run_id, key = run_id_of(fields), fields.needed("key")
    name = caller.run(run_id)
    request = pb.GetRunRequest(name=name, read_mask=FieldMask(paths=_TELLS_TAGS))
    found = await caller.call(caller.upstream.tracking.GetRun, request)
    if found.state == lifecycle_pb2.LIFECYCLE_STATE_DELETED:
        raise invalid(f"The run {run_id} must be in the 'active' state. Current state is deleted.")
    if key not in tags_of(found):
        raise missing(f"No tag with name: {key} in run with id {run_id}")
    if key in found.tags:
        await _write(caller, pb.WriteRunRequest(run=name, deleted_tags=[key]))
    if key == NOTE:
        update = pb.UpdateRunRequest(run=run_pb2.Run(name=name), update_mask=FieldMask(paths=["description"]))
        await caller.call(caller.upstream.tracking.UpdateRun, update)
    return {}


async def log_batch(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Logs points, params and tags, all or nothing."""
    metrics, params, tags = fields.plain_objects("metrics"), fields.objects("params"), fields.objects("tags")
    limits: tuple[tuple[str, Sized, int], ...] = (
        ("metrics", metrics, _MAX_METRICS),
        ("params", params, _MAX_PARAMS),
        ("tags", tags, _MAX_TAGS),
    )
    for name, entries, most in limits:
        if len(entries) > most:
            raise invalid(f"A batch logging request can contain at most {most} {name}. Got {len(entries)} {name}.")
    total = len(metrics) + len(params) + len(tags)
    if total > _MAX_ENTRIES:
        raise invalid(f"A batch logging request can contain at most {_MAX_ENTRIES} entries. Got {total}.")
    request = pb.WriteRunRequest(run=caller.run(run_id_of(fields)), atomic=True)
    _add_params(request, params)
    counts = Counter(param.key for param in request.params)
    if len(counts) < len(params):
        raise invalid(f"Duplicate parameter keys have been submitted: {[key for key in counts if counts[key] > 1]}.")
    _add_tags(request, tags)
    if metrics:
        request.metrics.CopyFrom(to_columns(fields, "metrics"))
    await _set_tags(caller, request)
    return {}


async def log_inputs(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Logs datasets and logged models that a run uses."""
    inputs = run_inputs_pb2.RunInputs(
        datasets=[_dataset_input(each) for each in fields.objects("datasets")],
        models=[run_inputs_pb2.LoggedModelInput(model_id=each.needed("model_id")) for each in fields.objects("models")],
    )
    await _write(caller, pb.WriteRunRequest(run=caller.run(run_id_of(fields)), inputs=inputs))
    return {}


async def log_outputs(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Logs logged models that a run made."""
    if not fields.has("models"):
        raise invalid("Missing value for required parameter 'models'.")
    outputs = run_inputs_pb2.RunOutputs(
        models=[
            run_inputs_pb2.LoggedModelOutput(model_id=each.needed("model_id"), step=each.whole("step", 0))
            for each in fields.objects("models")
        ]
    )
    await _write(caller, pb.WriteRunRequest(run=caller.run(run_id_of(fields)), outputs=outputs))
    return {}


async def get_history(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Returns the points of a metric, by time, step and value; of a run that is not there none."""
    key = fields.needed("metric_key")
    request = pb.ReadMetricHistoryRequest(run=caller.run(run_id_of(fields)), key=key)
    begin = _offset(fields.text("page_token"))
    most = fields.whole("max_results") if fields.has("max_results") else None
    if most is not None and most <= 0:
        raise invalid(f"Invalid value {most} for parameter 'max_results' supplied. It must be a positive integer.")
    points = await read_history(caller, request)
    sort_by_time(points)
    end = len(points) if most is None else begin + most
    token = str(end) if end < len(points) else ""
    return without_empty({"metrics": to_metrics(key, points[begin:end]), "next_page_token": token})


def _offset(token: str) -> int:
    if token and not _OFFSET.fullmatch(token):
        raise invalid("Invalid page token.")
    return int(token or 0)


async def _set_tags(caller: Caller, request: pb.WriteRunRequest) -> None:
    """Writes, and what the contract has fields for goes into these too.

    Raises:
        MlflowError: something is refused. Then nothing was written: what the fields cannot be is seen before.
    """
    tags = {tag.key: tag.value for tag in request.tags}
    run = run_pb2.Run(name=request.run)
    paths = []
    if tags.get(RUN_NAME):
        run.display_name = _checked_name(tags[RUN_NAME])
        paths.append("display_name")
    if NOTE in tags:
        run.description = tags[NOTE]
        paths.append("description")
    await _write(caller, request)
    if paths:
        update = pb.UpdateRunRequest(run=run, update_mask=FieldMask(paths=paths))
        await caller.call(caller.upstream.tracking.UpdateRun, update)


def _checked_name(name: str) -> str:
    if len(name) > _LONGEST_NAME:
        raise invalid(f"The name of a run has at most {_LONGEST_NAME} characters, and this one {len(name)}.")
    if name.isspace() or _CONTROL_CHARACTERS.search(name):
        raise invalid("The name of a run must have more than white space, and no control characters.")
    return name


async def _write(caller: Caller, request: pb.WriteRunRequest) -> None:
    """Writes. Raises MlflowError also for what is refused by itself."""
    answer = await caller.call(caller.upstream.tracking.WriteRun, request)
    if answer.refused:
        raise invalid(answer.refused[0].status.message)


def _add_params(request: pb.WriteRunRequest, entries: list[Fields]) -> None:
    for each in entries:
        request.params.add(key=key_of(each), value=_kept(request, each, "params", _LONGEST_PARAM))


def _add_tags(request: pb.WriteRunRequest, entries: list[Fields]) -> None:
    for each in entries:
        request.tags.add(key=key_of(each), value=_kept(request, each, "tags", _LONGEST_TAG))


def _kept(request: pb.WriteRunRequest, entry: Fields, kind: str, longest: int) -> str:
    """A value, cut where it is too long, as upstream does; the run is tagged then, so that somebody learns of it."""
    value = entry.text("value")
    if len(value) <= longest:
        return value
    request.tags.add(key=CUT, value=f"{kind}.{entry.text('key')} had {len(value)} characters, and has {longest}")
    return value[:longest]


def _dataset_input(entry: Fields) -> run_inputs_pb2.DatasetInput:
    dataset = entry.inner("dataset")
    digest = dataset.needed("digest")
    if len(digest) > _LONGEST_DIGEST:
        raise invalid(f"A dataset's digest has at most {_LONGEST_DIGEST} characters, and this one {len(digest)}.")
    return run_inputs_pb2.DatasetInput(
        dataset=run_inputs_pb2.Dataset(
            name=dataset.needed("name"),
            digest=digest,
            source_type=dataset.text("source_type"),
            source=dataset.text("source"),
            schema=dataset.text("schema"),
            profile=dataset.text("profile"),
        ),
        tags=entry.pairs("tags"),
    )
