"""Runs: what they are, and finding them."""

from __future__ import annotations

import re
from typing import Any, Final

from google.protobuf.field_mask_pb2 import FieldMask

from trivet_gateway.answers import millis, number, pairs, to_timestamp, without_empty
from trivet_gateway.errors import invalid
from trivet_gateway.fields import Fields
from trivet_gateway.mlflow.locations import locations_of, root_of_run
from trivet_gateway.mlflow.paging import check_max_results, gathered_of_experiments, ordered, view_of
from trivet_gateway.upstream import Caller, last
from trivet_proto.tracking.v1 import lifecycle_pb2, run_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

STATUSES: Final = {"RUNNING": 1, "SCHEDULED": 2, "FINISHED": 3, "FAILED": 4, "KILLED": 5}
"""MLflow's names and numbers; the contract of tracking has the same numbers."""
RUN_NAME: Final = "mlflow.runName"
NOTE: Final = "mlflow.note.content"
# Tags that say what the contract has fields for. Of the name and the note the field alone counts; of these the tag, and
# the field where another client made the run, without tags.
_TAGS_OF_FIELDS: Final = (
    ("mlflow.user", "user"),
    ("mlflow.source.name", "source"),
    ("mlflow.source.git.commit", "git_commit"),
)
# Texts in quotes, which are passed over, and the tag that is the name.
_NAME_AS_TAG: Final = re.compile(
    r"""\btags?\.(?:`mlflow\.runName`|"mlflow\.runName"|mlflow\.runName(?![\w.\-/]))|'(?:[^']|'')*'|"[^"]*"|`[^`]*`"""
)
_INFO: Final = ("name", "experiment", "display_name", "user", "status", "start_time", "end_time", "state")
"""The fields that `to_info` reads."""
READ: Final = (
    *(*_INFO, "description", "source", "git_commit", "parent_run"),
    *("params", "tags", "metrics", "inputs", "outputs"),
)
"""Those that `to_run` reads; what runs have besides is not made for nothing."""
_PARENT: Final = "mlflow.parentRunId"
# Whom MLflow's client names where nobody said who.
_NOBODY: Final = "unknown"


def run_id_of(fields: Fields) -> str:
    """The id, by either of its names."""
    return fields.text("run_id") or fields.text("run_uuid") or fields.needed("run_id")


def status_of(fields: Fields) -> int:
    """The number of a status."""
    return STATUSES[fields.choice("status", STATUSES, "RUNNING")]


def to_info(run: run_pb2.Run) -> dict[str, Any]:
    """What a run is, as MLflow has it, but for where its files are: the experiment alone knows that."""
    run_id, experiment_id = last(run.name), last(run.experiment)
    return {
        "run_id": run_id,
        "run_uuid": run_id,
        "run_name": run.display_name,
        "experiment_id": experiment_id,
        "user_id": run.user,
        "status": _STATUS_NAMES[run.status],
        "start_time": millis(run.start_time),
        **({"end_time": millis(run.end_time)} if run.HasField("end_time") else {}),
        "lifecycle_stage": "deleted" if run.state == lifecycle_pb2.LIFECYCLE_STATE_DELETED else "active",
    }


def to_run(run: run_pb2.Run) -> dict[str, Any]:
    """A run with what was logged to it."""
    data = {
        "metrics": [
            {
                "key": metric.key,
                "value": number(metric.value),
                "timestamp": metric.time_millis,
                "step": metric.step,
            }
            for metric in run.metrics
        ],
        "params": pairs(run.params),
        "tags": pairs(tags_of(run)),
    }
    inputs = {
        "dataset_inputs": [
            without_empty(
                {
                    "dataset": without_empty(
                        {
                            name: getattr(used.dataset, name)
                            for name in ("name", "digest", "source_type", "source", "schema", "profile")
                        }
                    ),
                    "tags": pairs(used.tags),
                }
            )
            for used in run.inputs.datasets
        ],
        "model_inputs": [{"model_id": each.model_id} for each in run.inputs.models],
    }
    outputs = {"model_outputs": [{"model_id": each.model_id, "step": each.step} for each in run.outputs.models]}
    parts = {name: without_empty(part) for name, part in (("data", data), ("inputs", inputs), ("outputs", outputs))}
    return {"info": to_info(run), **parts}


def tags_of(run: run_pb2.Run) -> dict[str, str]:
    """The tags of a run, with those that fields say."""
    tags = dict(run.tags)
    for tag, field in _TAGS_OF_FIELDS:
        if tag not in tags and (value := getattr(run, field)) and value != _NOBODY:
            tags[tag] = value
    if run.parent_run and _PARENT not in tags:
        tags[_PARENT] = last(run.parent_run)
    for tag, value in ((RUN_NAME, run.display_name), (NOTE, run.description)):
        if value:
            tags[tag] = value
        else:
            tags.pop(tag, None)
    return tags


def name_as_field(text: str) -> str:
    """A filter or an order that has the name of a run by its tag, by the field instead."""
    if RUN_NAME not in text:
        return text
    return _NAME_AS_TAG.sub(lambda found: "run_name" if found[0].startswith("tag") else found[0], text)


async def _placed(caller: Caller, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Says of each run where its files are: below its experiment's location."""
    infos = [(caller.experiment(run["info"]["experiment_id"]), run["info"]) for run in runs]
    locations = await locations_of(caller, (experiment for experiment, _ in infos))
    for experiment, info in infos:
        info["artifact_uri"] = root_of_run(locations[experiment], info["run_id"])
    return runs


async def create(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Creates one."""
    tags = fields.pairs("tags")
    name = fields.text("run_name")
    if name and tags.get(RUN_NAME, name) != name:
        raise invalid(
            f"Both 'run_name' argument and '{RUN_NAME}' tag are specified, but with different values: "
            f"{name!r} and {tags[RUN_NAME]!r}."
        )
    parent = tags.get(_PARENT, "")
    run = run_pb2.Run(
        experiment=caller.experiment(fields.text("experiment_id") or "0"),
        display_name=name or tags.get(RUN_NAME, ""),
        description=tags.get(NOTE, ""),
        user=fields.text("user_id") or tags.get("mlflow.user", ""),
        source=tags.get("mlflow.source.name", ""),
        git_commit=tags.get("mlflow.source.git.commit", ""),
        parent_run=caller.run(parent) if parent else "",
        tags=tags,
    )
    if fields.has("start_time"):
        run.start_time.CopyFrom(to_timestamp(fields.whole("start_time")))
    request = pb.CreateRunRequest(parent=caller.parent, run=run)
    created = to_run(await caller.call(caller.upstream.tracking.CreateRun, request))
    del created["outputs"]  # as upstream, which answers with them to reads alone
    return {"run": (await _placed(caller, [created]))[0]}


async def get(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Returns one."""
    request = pb.GetRunRequest(name=caller.run(run_id_of(fields)), read_mask=FieldMask(paths=READ))
    found = await caller.call(caller.upstream.tracking.GetRun, request)
    return {"run": (await _placed(caller, [to_run(found)]))[0]}


async def update(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Changes status, end and name."""
    run = run_pb2.Run(name=caller.run(run_id_of(fields)))
    paths = []
    if fields.has("status"):
        run.status = run_pb2.RunStatus.ValueType(status_of(fields))
        paths.append("status")
    if fields.has("end_time"):
        run.end_time.CopyFrom(to_timestamp(fields.whole("end_time")))
        paths.append("end_time")
    if fields.text("run_name"):
        run.display_name = fields.text("run_name")
        paths.append("display_name")
    mask = FieldMask(paths=_INFO)
    if not paths:
        found = await caller.call(caller.upstream.tracking.GetRun, pb.GetRunRequest(name=run.name, read_mask=mask))
    else:
        request = pb.UpdateRunRequest(run=run, update_mask=FieldMask(paths=paths), read_mask=mask)
        found = await caller.call(caller.upstream.tracking.UpdateRun, request)
    return {"run_info": (await _placed(caller, [{"info": to_info(found)}]))[0]["info"]}


async def delete(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Puts one into the bin."""
    await caller.call(caller.upstream.tracking.DeleteRun, pb.DeleteRunRequest(name=caller.run(run_id_of(fields))))
    return {}


async def restore(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Takes one out of the bin."""
    await caller.call(caller.upstream.tracking.RestoreRun, pb.RestoreRunRequest(name=caller.run(run_id_of(fields))))
    return {}


async def search(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Returns a page."""
    experiments = fields.texts("experiment_ids")
    if not experiments:
        return {}  # as upstream answers
    request = pb.SearchRunsRequest(
        parent=caller.parent,
        experiments=[caller.experiment(each) for each in experiments],
        filter=name_as_field(fields.text("filter")),
        order_by=name_as_field(ordered(fields)),
        view=lifecycle_pb2.LifecycleView.ValueType(view_of(fields, "run_view_type")),
        page_token=fields.text("page_token"),
        read_mask=FieldMask(paths=READ),
    )
    found, token = await gathered_of_experiments(
        caller,
        caller.upstream.tracking.SearchRuns,
        request,
        lambda page: page.runs,
        check_max_results(fields, 1000),
    )
    return without_empty({"runs": await _placed(caller, [to_run(run) for run in found]), "next_page_token": token})


_STATUS_NAMES: Final = {number: name for name, number in STATUSES.items()}
