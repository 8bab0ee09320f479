"""Logged models: what training made, and how well it does on which data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from trivet._connection import Connection
from trivet._entities import LoggedModel, LoggedModelMetric, PagedList
from trivet._errors import InvalidArgument
from trivet._ids import new_logged_model_id
from trivet._logger import Logger
from trivet._names import Names, last_segment
from trivet._paging import collect
from trivet._records import check_key, to_params, to_tags
from trivet._timestamps import millis
from trivet_proto.tracking.v1 import logged_model_pb2
from trivet_proto.tracking.v1 import logged_model_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub

Order = Sequence[str | Mapping[str, object]] | str | None
"""Clauses such as `metrics.rmse ASC`, or with the keys of MLflow: `field_name`, `ascending`, `dataset_name`,
`dataset_digest`."""

_STATUS_PREFIX: Final = "LOGGED_MODEL_STATUS_"
_FINAL: Final = {
    "READY": logged_model_pb2.LOGGED_MODEL_STATUS_READY,
    "UPLOAD_FAILED": logged_model_pb2.LOGGED_MODEL_STATUS_UPLOAD_FAILED,
    # MLflow's word for it in Python.
    "FAILED": logged_model_pb2.LOGGED_MODEL_STATUS_UPLOAD_FAILED,
}


class LoggedModels:
    """The logged models of one workspace.

    Every method calls the server and returns its answer; those that read models wait for what was logged before. Each
    may raise a `TrivetError`: ServerUnavailable where no server answers, else the class of what went wrong.

    Safe for use by several threads, and in the child after a fork.
    """

    def __init__(self, connection: Connection, names: Names, logger: Logger) -> None:
        self._connection = connection
        self._names = names
        self._logger = logger

    @property
    def _stub(self) -> TrackingServiceStub:
        return self._connection.stub(TrackingServiceStub)

    def create(
        self,
        experiment_id: str | int,
        *,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Mapping[str, object] | None = None,
        params: Mapping[str, object] | None = None,
        model_type: str | None = None,
        model_id: str | None = None,
    ) -> LoggedModel:
        """Creates a logged model, PENDING, and returns it.

        Args:
            experiment_id: Of the experiment that it goes into.
            name: What people call it; not with `/`, `:`, `.`, `%` and quotes. Default: the server makes a name up.
            source_run_id: The run that made it.
            tags: What to mark it with.
            params: What it was made with; written once.
            model_type: What kind of model it is, such as `sklearn`.
            model_id: Default: a new one. Creating the same model again returns it as it is by now.

        Raises:
            ExperimentNotFound, ExperimentDeleted: there is nowhere to put it.
            LoggedModelIdTaken: the id was used for another model, or for one that is deleted.
        """
        model = logged_model_pb2.LoggedModel(
            experiment=self._names.experiment(experiment_id),
            display_name=name or "",
            model_type=model_type or "",
            source_run=self._names.run(source_run_id) if source_run_id else "",
            params=to_params(params),
            tags=to_tags(tags),
        )
        request = pb.CreateLoggedModelRequest(
            parent=self._names.parent, logged_model_id=model_id or new_logged_model_id(), logged_model=model
        )
        return _from_logged_model(self._connection.call(self._stub.CreateLoggedModel, request, repeatable=True))

    def get(self, model_id: str) -> LoggedModel:
        """Returns a logged model with all that was measured of it before the call.

        Raises:
            LoggedModelNotFound: there is none, or it is deleted.
        """
        request = pb.GetLoggedModelRequest(name=self._names.logged_model(model_id))
        self._logger.flush()
        return _from_logged_model(self._connection.call(self._stub.GetLoggedModel, request, repeatable=True))

    def search(
        self,
        experiment_ids: Sequence[str | int] | str | int = (),
        *,
        filter_string: str | None = None,
        datasets: Iterable[Mapping[str, str]] | None = None,
        max_results: int = 100,
        order_by: Order = None,
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """Returns the logged models that pass a filter; docs/search.md has the language.

        Args:
            experiment_ids: Where to look: ids, or one id alone. Empty: everywhere in the workspace.
            filter_string: Such as `metrics.rmse < 7 AND params.alpha > 0.1`. Empty passes all.
            datasets: Metrics of the filter count on these alone: `dataset_name`, and `dataset_digest` where one digest
                is meant. Default: on all.
            max_results: How many at most; as many calls are made as that takes.
            order_by: Clauses such as `metrics.rmse ASC`; or `{"field_name": "metrics.rmse", "ascending": True}`, which
                may say on which dataset by `dataset_name` and `dataset_digest`. Default: the newest first.
            page_token: The `token` of an earlier answer, to go on after it.

        Raises:
            FilterInvalid, OrderByInvalid: they cannot be understood; says where.
            ExperimentNotFound: there is no such experiment.
        """
        experiments = self._names.experiments(experiment_ids)
        selected = [_selector(dataset) for dataset in datasets or ()]
        clauses = [order_by] if isinstance(order_by, str) else list(order_by or ())
        order = ", ".join(_clause(clause) for clause in clauses)
        of_clauses = [_selector(clause) for clause in clauses if not isinstance(clause, str)]
        if of_clauses and len(of_clauses) < len(clauses):
            raise InvalidArgument("Write the clauses of order_by all as texts, or all as mappings.")

        def ask(size: int, token: str) -> pb.SearchLoggedModelsResponse:
            request = pb.SearchLoggedModelsRequest(
                parent=self._names.parent,
                experiments=experiments,
                filter=filter_string or "",
                datasets=selected,
                order_by=order,
                order_by_datasets=of_clauses,
                page_size=size,
                page_token=token,
            )
            return self._connection.call(self._stub.SearchLoggedModels, request, repeatable=True)

        self._logger.flush()
        return collect(ask, lambda page: page.logged_models, _from_logged_model, max_results, page_token)

    def finalize(self, model_id: str, status: str) -> LoggedModel:
        """Says whether the files of a logged model are in place, and returns it; saying the same again changes nothing.

        Args:
            model_id: Of the model.
            status: `READY`, or `UPLOAD_FAILED` (`FAILED` is the same).

        Raises:
            LoggedModelNotFound: there is none, or it is deleted.
            LoggedModelFinalized: it has another status for good.
        """
        if str(status).upper() not in _FINAL:
            raise InvalidArgument(f"{status!r} is not how a model can end up; that is READY or UPLOAD_FAILED.")
        request = pb.FinalizeLoggedModelRequest(
            name=self._names.logged_model(model_id), status=_FINAL[str(status).upper()]
        )
        return _from_logged_model(self._connection.call(self._stub.FinalizeLoggedModel, request, repeatable=True))

    def set_tags(self, model_id: str, tags: Mapping[str, object]) -> None:
        """Sets tags of a logged model, all or none. Raises LoggedModelNotFound."""
        request = pb.SetLoggedModelTagsRequest(name=self._names.logged_model(model_id), tags=to_tags(tags))
        self._connection.call(self._stub.SetLoggedModelTags, request, repeatable=False)

    def delete_tag(self, model_id: str, key: str) -> None:
        """Removes a tag of a logged model. Raises LoggedModelNotFound, TagNotFound."""
        request = pb.SetLoggedModelTagsRequest(name=self._names.logged_model(model_id), deleted_tags=[check_key(key)])
        self._connection.call(self._stub.SetLoggedModelTags, request, repeatable=False)

    def log_params(self, model_id: str, params: Mapping[str, object]) -> None:
        """Adds params to a logged model, all or none.

        Raises:
            LoggedModelNotFound: there is none, or it is deleted.
            ParamChanged: one of them has another value already.
        """
        request = pb.AddLoggedModelParamsRequest(name=self._names.logged_model(model_id), params=to_params(params))
        self._connection.call(self._stub.AddLoggedModelParams, request, repeatable=True)

    def delete(self, model_id: str) -> None:
        """Puts a logged model into the bin, where it is no longer found. Raises LoggedModelNotFound."""
        request = pb.DeleteLoggedModelRequest(name=self._names.logged_model(model_id))
        self._connection.call(self._stub.DeleteLoggedModel, request, repeatable=False)


def _selector(described: Mapping[str, object]) -> pb.DatasetSelector:
    return pb.DatasetSelector(
        name=str(described.get("dataset_name") or ""), digest=str(described.get("dataset_digest") or "")
    )


def _clause(clause: str | Mapping[str, object]) -> str:
    if isinstance(clause, str):
        return clause
    if not clause.get("field_name"):
        raise InvalidArgument(f"The clause {clause!r:.200} of order_by has no field_name.")
    return f"{clause['field_name']} {'ASC' if clause.get('ascending', True) else 'DESC'}"


def _from_logged_model(message: logged_model_pb2.LoggedModel) -> LoggedModel:
    return LoggedModel(
        model_id=last_segment(message.name),
        name=message.display_name,
        experiment_id=last_segment(message.experiment),
        # A status that this client is too old to know shows as its number.
        status=logged_model_pb2.LoggedModelStatus.Name(message.status).removeprefix(_STATUS_PREFIX)
        if message.status in logged_model_pb2.LoggedModelStatus.values()
        else str(message.status),
        model_type=message.model_type,
        source_run_id=last_segment(message.source_run),
        params=dict(message.params),
        tags=dict(message.tags),
        metrics=tuple(
            LoggedModelMetric(
                key=metric.key,
                value=metric.value,
                timestamp=metric.time_millis,
                step=metric.step,
                run_id=last_segment(metric.run),
                dataset_name=metric.dataset_name,
                dataset_digest=metric.dataset_digest,
                min=metric.min,
                max=metric.max,
            )
            for metric in message.metrics
        ),
        created_by=message.created_by,
        creation_timestamp=millis(message.create_time),
        last_updated_timestamp=millis(message.update_time),
    )
