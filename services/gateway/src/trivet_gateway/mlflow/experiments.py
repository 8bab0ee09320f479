"""Experiments."""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.field_mask_pb2 import FieldMask

from trivet_gateway.answers import millis, pairs, without_empty
from trivet_gateway.errors import invalid
from trivet_gateway.fields import Fields
from trivet_gateway.mlflow.keys import key_of
from trivet_gateway.mlflow.locations import check_location, location_of
from trivet_gateway.mlflow.paging import check_max_results, gathered, ordered, view_of
from trivet_gateway.upstream import Caller, last
from trivet_proto.tracking.v1 import experiment_pb2, lifecycle_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

_LONGEST_TAG: Final = 20_000


def to_experiment(experiment: experiment_pb2.Experiment) -> dict[str, Any]:
    """As MLflow has it."""
    return without_empty(
        {
            "experiment_id": last(experiment.name),
            "name": experiment.display_name,
            "artifact_location": location_of(experiment),
            "lifecycle_stage": ("deleted" if experiment.state == lifecycle_pb2.LIFECYCLE_STATE_DELETED else "active"),
            "creation_time": millis(experiment.create_time),
            "last_update_time": millis(experiment.update_time),
            "tags": pairs(experiment.tags),
            "workspace": experiment.name.split("/", 2)[1],
        }
    )


async def create(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Creates one."""
    location = fields.text("artifact_location")
    check_location(caller, location)
    experiment = experiment_pb2.Experiment(
        display_name=fields.needed("name"),
        artifact_location=location,
        tags=fields.pairs("tags"),
    )
    request = pb.CreateExperimentRequest(parent=caller.parent, experiment=experiment)
    created = await caller.call(caller.upstream.tracking.CreateExperiment, request)
    return {"experiment_id": last(created.name)}


async def get(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Returns one."""
    request = pb.GetExperimentRequest(name=caller.experiment(fields.needed("experiment_id")))
    return {"experiment": to_experiment(await caller.call(caller.upstream.tracking.GetExperiment, request))}


async def get_by_name(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Returns the one of a name."""
    request = pb.LookupExperimentRequest(parent=caller.parent, display_name=fields.needed("experiment_name"))
    return {"experiment": to_experiment(await caller.call(caller.upstream.tracking.LookupExperiment, request))}


async def search(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Returns a page."""
    request = pb.SearchExperimentsRequest(
        parent=caller.parent,
        filter=fields.text("filter"),
        order_by=ordered(fields),
        view=lifecycle_pb2.LifecycleView.ValueType(view_of(fields)),
        page_token=fields.text("page_token"),
    )
    found, token = await gathered(
        caller,
        caller.upstream.tracking.SearchExperiments,
        request,
        lambda page: page.experiments,
        check_max_results(fields, 1000),
    )
    return without_empty({"experiments": [to_experiment(each) for each in found], "next_page_token": token})


async def update(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Gives one another name."""
    experiment = experiment_pb2.Experiment(
        name=caller.experiment(fields.needed("experiment_id")), display_name=fields.needed("new_name")
    )
    request = pb.UpdateExperimentRequest(experiment=experiment, update_mask=FieldMask(paths=["display_name"]))
    await caller.call(caller.upstream.tracking.UpdateExperiment, request)
    return {}


async def delete(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Puts one into the bin."""
    request = pb.DeleteExperimentRequest(name=caller.experiment(fields.needed("experiment_id")))
    await caller.call(caller.upstream.tracking.DeleteExperiment, request)
    return {}


async def restore(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Takes one out of the bin."""
    request = pb.RestoreExperimentRequest(name=caller.experiment(fields.needed("experiment_id")))
    await caller.call(caller.upstream.tracking.RestoreExperiment, request)
    return {}


async def set_tag(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Sets a tag."""
    value = fields.text("value")
    if len(value) > _LONGEST_TAG:
        raise invalid(f"'value' has {len(value)} characters, and {_LONGEST_TAG} are allowed.")
    request = pb.SetExperimentTagsRequest(
        name=caller.experiment(fields.needed("experiment_id")), tags={key_of(fields): value}
    )
    await caller.call(caller.upstream.tracking.SetExperimentTags, request)
    return {}


async def delete_tag(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Removes a tag."""
    request = pb.SetExperimentTagsRequest(
        name=caller.experiment(fields.needed("experiment_id")), deleted_tags=[fields.needed("key")]
    )
    await caller.call(caller.upstream.tracking.SetExperimentTags, request)
    return {}
