"""Logged models between messages and values. Checks what needs no database."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from trivet_kit import page_tokens, texts
from trivet_kit.calls import Call
from trivet_kit.errors import FieldInvalid, FieldRequired
from trivet_kit.fingerprints import fingerprint
from trivet_kit.page_tokens import Cursor
from trivet_kit.resources import ExperimentName, LoggedModelName, RunName, parse_experiment, parse_run
from trivet_kit.search.expressions import Entity, OrderClause
from trivet_kit.search.parser import parse_filter, parse_order_by
from trivet_kit.timestamps import from_millis
from trivet_proto.tracking.v1 import logged_model_pb2
from trivet_proto.tracking.v1 import logged_model_service_pb2 as pb
from trivet_tracking.convert import state_of, to_experiment_ids, to_float
from trivet_tracking.convert_inputs import to_model_id
from trivet_tracking.domain import limits
from trivet_tracking.domain.experiments import DEFAULT_EXPERIMENT_ID
from trivet_tracking.domain.logged_models import (
    DatasetSelector,
    LoggedModel,
    LoggedModelFields,
    LoggedModelMetric,
    LoggedModelOrder,
    LoggedModelQuery,
    LoggedModelStatus,
    NewLoggedModel,
)
from trivet_tracking.domain.run_names import run_name
from trivet_tracking.domain.vocabularies import LOGGED_MODELS

# MLflow's rule: names are parts of paths and URIs there.
_NOT_IN_NAMES = re.compile(r"[/:.%\"']")

# What a message says of a logged model, by field.
_FIELDS: Mapping[str, Callable[[LoggedModel], Any]] = {
    "name": lambda model: str(LoggedModelName(model.workspace, model.model_id)),
    "experiment": lambda model: str(ExperimentName(model.workspace, model.experiment_id)),
    "display_name": lambda model: model.display_name,
    "model_type": lambda model: model.model_type,
    "source_run": lambda model: str(RunName(model.workspace, model.source_run_id)) if model.source_run_id else "",
    "status": lambda model: logged_model_pb2.LoggedModelStatus.ValueType(model.status.value),
    "params": lambda model: model.params,
    "tags": lambda model: model.tags,
    "metrics": lambda model: [_from_metric(model.workspace, metric) for metric in model.metrics],
    "created_by": lambda model: model.created_by,
    "state": lambda model: state_of(deleted=model.delete_time is not None),
    "create_time": lambda model: from_millis(model.create_time),
    "update_time": lambda model: from_millis(model.update_time),
    "delete_time": lambda model: from_millis(model.delete_time),
    "etag": lambda model: str(model.revision),
}


def to_new_logged_model(request: pb.CreateLoggedModelRequest, call: Call) -> NewLoggedModel:
    """Checks a logged model to create. Raises FieldInvalid, FieldTooLong, FieldRequired, ResourceNameInvalid."""
    message = request.logged_model
    model_id = to_model_id(request.logged_model_id or f"m-{uuid.uuid4().hex}", "logged_model_id")
    return NewLoggedModel(
        model_id=model_id,
        experiment_id=parse_experiment(message.experiment, "logged_model.experiment").experiment_id
        if message.experiment
        else DEFAULT_EXPERIMENT_ID,
        display_name=_display_name(message.display_name) if message.display_name else run_name(model_id),
        model_type=texts.check_text(message.model_type, "logged_model.model_type", limits.MAX_MODEL_TYPE_CHARACTERS),
        source_run_id=parse_run(message.source_run, "logged_model.source_run").run_id if message.source_run else "",
        params=texts.check_map(message.params, "logged_model.params", limits.MAX_PARAM_VALUE_BYTES),
        tags=texts.check_map(message.tags, "logged_model.tags", limits.MAX_TAG_VALUE_BYTES),
        created_by=call.principal.subject,
        fingerprint=fingerprint(request),
    )


def to_final_status(value: logged_model_pb2.LoggedModelStatus.ValueType) -> LoggedModelStatus:
    """The status that a logged model is to have for good. Raises FieldInvalid."""
    if value == logged_model_pb2.LOGGED_MODEL_STATUS_READY:
        return LoggedModelStatus.READY
    if value == logged_model_pb2.LOGGED_MODEL_STATUS_UPLOAD_FAILED:
        return LoggedModelStatus.UPLOAD_FAILED
    raise FieldInvalid("status", "must be READY or UPLOAD_FAILED")


def to_query(request: pb.SearchLoggedModelsRequest, after: Cursor | None) -> LoggedModelQuery:
    """Checks a search. Raises FieldInvalid, FieldRequired, FieldTooLong, FilterInvalid, OrderByInvalid."""
    mask = to_read_mask(request)
    return LoggedModelQuery(
        experiment_ids=to_experiment_ids(request.experiments),
        where=parse_filter(request.filter, LOGGED_MODELS),
        datasets=_selectors(request.datasets),
        order_by=_orders(request),
        size=page_tokens.page_size(request.page_size),
        after=after,
        fields=LoggedModelFields(metrics="metrics" in mask, params="params" in mask, tags="tags" in mask),
    )


def to_read_mask(request: pb.SearchLoggedModelsRequest) -> frozenset[str]:
    """The fields of logged models to return. Raises FieldInvalid."""
    for index, path in enumerate(request.read_mask.paths):
        if path not in _FIELDS:
            raise FieldInvalid(f"read_mask.paths[{index}]", f"must be one of {', '.join(_FIELDS)}")
    return frozenset(request.read_mask.paths) or frozenset(_FIELDS)


def from_logged_model(model: LoggedModel, fields: Iterable[str] = _FIELDS) -> logged_model_pb2.LoggedModel:
    """The logged model as a message, with some of its fields."""
    return logged_model_pb2.LoggedModel(**{field: _FIELDS[field](model) for field in fields})


def _from_metric(workspace: str, metric: LoggedModelMetric) -> logged_model_pb2.LoggedModelMetric:
    current = metric.current
    return logged_model_pb2.LoggedModelMetric(
        key=metric.key,
        run=str(RunName(workspace, metric.run_id)),
        dataset_name=metric.dataset_name,
        dataset_digest=metric.dataset_digest,
        value=to_float(current.value),
        step=current.step,
        time_millis=current.time,
        min=to_float(current.min),
        max=to_float(current.max),
    )


def _display_name(text: str) -> str:
    name = texts.check_label(text, "logged_model.display_name", limits.MAX_DISPLAY_NAME_CHARACTERS)
    if _NOT_IN_NAMES.search(name):
        raise FieldInvalid("logged_model.display_name", "must not have any of / : . % \" '")
    return name


def _selectors(messages: Sequence[pb.DatasetSelector]) -> tuple[DatasetSelector, ...]:
    if len(messages) > limits.MAX_SELECTED_DATASETS:
        raise FieldInvalid("datasets", f"must have at most {limits.MAX_SELECTED_DATASETS} entries")
    return tuple(_selector(message, f"datasets[{index}]") for index, message in enumerate(messages))


def _selector(message: pb.DatasetSelector, field: str) -> DatasetSelector:
    if not message.name:
        raise FieldRequired(f"{field}.name")
    return DatasetSelector(
        texts.check_text(message.name, f"{field}.name", limits.MAX_DATASET_NAME_CHARACTERS),
        texts.check_text(message.digest, f"{field}.digest", limits.MAX_DATASET_DIGEST_CHARACTERS),
    )


def _orders(request: pb.SearchLoggedModelsRequest) -> tuple[LoggedModelOrder, ...]:
    clauses = parse_order_by(request.order_by, LOGGED_MODELS, max_clauses=limits.MAX_LOGGED_MODEL_CLAUSES)
    datasets = request.order_by_datasets
    if not datasets:
        return tuple(LoggedModelOrder(clause, None) for clause in clauses)
    if len(datasets) != len(clauses):
        raise FieldInvalid("order_by_datasets", f"must be absent or have {len(clauses)} entries, one for each clause")
    return tuple(
        LoggedModelOrder(clause, _order_dataset(clause, dataset, f"order_by_datasets[{index}]"))
        for index, (clause, dataset) in enumerate(zip(clauses, datasets, strict=True))
    )


def _order_dataset(clause: OrderClause, message: pb.DatasetSelector, field: str) -> DatasetSelector | None:
    if not message.name and not message.digest:
        return None
    if clause.key.entity is not Entity.METRIC:
        raise FieldInvalid(field, "goes with a clause of a metric")
    return _selector(message, field)
