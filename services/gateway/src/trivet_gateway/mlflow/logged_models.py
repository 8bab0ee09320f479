"""Logged models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from trivet_gateway.answers import millis, number, pairs, without_empty
from trivet_gateway.fields import Fields
from trivet_gateway.mlflow.locations import locations_of, root_of_model
from trivet_gateway.mlflow.paging import check_max_results, gathered_of_experiments
from trivet_gateway.upstream import Caller, last
from trivet_proto.tracking.v1 import logged_model_pb2
from trivet_proto.tracking.v1 import logged_model_service_pb2 as pb

_STATUSES: Final = {
    "LOGGED_MODEL_PENDING": 1,
    "LOGGED_MODEL_READY": 2,
    "LOGGED_MODEL_UPLOAD_FAILED": 3,
}
"""MLflow's names and numbers; the contract of tracking has the same numbers."""
_STATUS_NAMES: Final = {value: name for name, value in _STATUSES.items()}


def to_model(model: logged_model_pb2.LoggedModel, location: str) -> dict[str, Any]:
    """As MLflow has it, with the location of its experiment."""
    model_id, experiment_id = last(model.name), last(model.experiment)
    info = {
        "model_id": model_id,
        "experiment_id": experiment_id,
        "name": model.display_name,
        "creation_timestamp_ms": millis(model.create_time),
        "last_updated_timestamp_ms": millis(model.update_time),
        "artifact_uri": root_of_model(location, model_id),
        "status": _STATUS_NAMES[model.status],
        "tags": pairs(model.tags),
    }
    metrics = [
        without_empty(
            {
                "key": metric.key,
                "value": number(metric.value),
                "timestamp": metric.time_millis,
                "step": metric.step,
                "dataset_name": metric.dataset_name,
                "dataset_digest": metric.dataset_digest,
                "model_id": model_id,
                "run_id": last(metric.run),
            }
        )
        for metric in model.metrics
    ]
    data = without_empty({"params": pairs(model.params), "metrics": metrics})
    always = {"model_type": model.model_type, "source_run_id": last(model.source_run)}
    return {"info": without_empty(info) | always, "data": data}


async def _placed(caller: Caller, models: Sequence[logged_model_pb2.LoggedModel]) -> list[dict[str, Any]]:
    locations = await locations_of(caller, (model.experiment for model in models))
    return [to_model(model, locations[model.experiment]) for model in models]


async def create(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Creates one, PENDING."""
    run_id = fields.text("source_run_id")
    model = logged_model_pb2.LoggedModel(
        experiment=caller.experiment(fields.needed("experiment_id")),
        display_name=fields.text("name"),
        model_type=fields.text("model_type"),
        source_run=caller.run(run_id) if run_id else "",
        params=fields.pairs("params"),
        tags=fields.pairs("tags"),
    )
    request = pb.CreateLoggedModelRequest(parent=caller.parent, logged_model=model)
    return await _answered(caller, caller.upstream.tracking.CreateLoggedModel, request)


async def _answered(caller: Caller, method: Any, request: Any) -> dict[str, Any]:
    return {"model": (await _placed(caller, [await caller.call(method, request)]))[0]}


async def get(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Returns one."""
    request = pb.GetLoggedModelRequest(name=caller.logged_model(fields.needed("model_id")))
    return await _answered(caller, caller.upstream.tracking.GetLoggedModel, request)


async def finalize(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Makes one READY, or UPLOAD_FAILED."""
    status = _STATUSES[fields.choice("status", _STATUSES, "LOGGED_MODEL_READY")]
    request = pb.FinalizeLoggedModelRequest(
        name=caller.logged_model(fields.needed("model_id")),
        status=logged_model_pb2.LoggedModelStatus.ValueType(status),
    )
    return await _answered(caller, caller.upstream.tracking.FinalizeLoggedModel, request)


async def delete(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Deletes one."""
    request = pb.DeleteLoggedModelRequest(name=caller.logged_model(fields.needed("model_id")))
    await caller.call(caller.upstream.tracking.DeleteLoggedModel, request)
    return {}


async def search(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Returns a page."""
    experiments = fields.texts("experiment_ids")
    if not experiments:
        return {}  # as upstream answers
    order_by = fields.objects("order_by")
    request = pb.SearchLoggedModelsRequest(
        parent=caller.parent,
        experiments=[caller.experiment(each) for each in experiments],
        filter=fields.text("filter"),
        order_by=", ".join(_clause(each) for each in order_by),
        order_by_datasets=[
            pb.DatasetSelector(name=each.text("dataset_name"), digest=each.text("dataset_digest")) for each in order_by
        ],
        page_token=fields.text("page_token"),
        datasets=[
            pb.DatasetSelector(name=each.needed("dataset_name"), digest=each.text("dataset_digest"))
            for each in fields.objects("datasets")
        ],
    )
    found, token = await gathered_of_experiments(
        caller,
        caller.upstream.tracking.SearchLoggedModels,
        request,
        lambda page: page.logged_models,
        check_max_results(fields, 50),
    )
    return without_empty({"models": await _placed(caller, found), "next_page_token": token})


def _clause(entry: Fields) -> str:
    descends = entry.has("ascending") and not entry.flag("ascending")
    return f"{entry.needed('field_name')} {'DESC' if descends else 'ASC'}"


async def set_tags(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Sets tags."""
    return await _change_tags(caller, fields, tags=fields.pairs("tags"))


async def delete_tag(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Removes a tag."""
    return await _change_tags(caller, fields, deleted_tags=[fields.needed("tag_key")])


async def _change_tags(caller: Caller, fields: Fields, **changes: Any) -> dict[str, Any]:
    name = caller.logged_model(fields.needed("model_id"))
    request = pb.SetLoggedModelTagsRequest(name=name, **changes)
    await caller.call(caller.upstream.tracking.SetLoggedModelTags, request)
    return {}


async def log_params(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Adds params."""
    name = caller.logged_model(fields.needed("model_id"))
    request = pb.AddLoggedModelParamsRequest(name=name, params=fields.pairs("params"))
    await caller.call(caller.upstream.tracking.AddLoggedModelParams, request)
    return {}
