"""Experiments, runs, and what is logged to them.

One file, because it is one interface: most of it is what each method says of itself, over a few lines.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, SupportsFloat, SupportsIndex, TypeVar

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from trivet._backfill import Backfill
from trivet._clock import now_millis
from trivet._connection import Connection, Subscription
from trivet._console import ConsolePage, read_console
from trivet._entities import (
    ConsoleLine,
    Dataset,
    DatasetInput,
    DatasetSummary,
    Experiment,
    ExperimentChange,
    Export,
    ExportProgress,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    PagedList,
    PurgedExperiment,
    PurgedRun,
    RankSummary,
    Receipt,
    Run,
    RunChange,
    RunComparison,
    RunInfo,
)
from trivet._errors import ExperimentNameTaken, ExperimentNotFound, RunIdTaken, RunNotFound
from trivet._export import TABLES, Exporter, check_installed, check_tables
from trivet._ids import new_request_id
from trivet._ids import new_run_id as make_run_id
from trivet._large_runs import LargeRuns
from trivet._logged_models import LoggedModels
from trivet._logger import Logger
from trivet._metric_columns import MetricColumns
from trivet._metric_histories import MetricHistories, summarize
from trivet._mode import Mode, current_mode
from trivet._names import Names
from trivet._paging import collect, joined
from trivet._param_importance import ParamImportance, from_importance, to_figure
from trivet._records import (
    check_dataset,
    check_is,
    check_key,
    check_model_id,
    to_dataset_input,
    to_int64,
    to_model_output,
    to_param_value,
    to_params,
    to_series,
    to_tag_value,
    to_tags,
    to_texts,
)
from trivet._rules import Rules
from trivet._run_services import RunServices
from trivet._spool.frames import Series
from trivet._spool.sender import RunServer
from trivet._target import Target
from trivet._timestamps import timestamp as to_timestamp
from trivet._tracking_messages import (
    RUN_INFO_FIELDS,
    WrittenLine,
    from_comparison,
    from_console_line,
    from_dataset_summary,
    from_experiment,
    from_experiment_change,
    from_purged_experiment,
    from_purged_run,
    from_run,
    from_run_change,
    from_run_info,
    from_run_without_inputs,
    to_console,
    to_inputs,
    to_key_kind,
    to_outputs,
    to_status,
    to_view,
    to_written,
)
from trivet._view_type import ViewType
from trivet._watch import Watch
from trivet._without_server import WithoutServer
from trivet_proto.tracking.v1 import console_pb2, experiment_pb2, purge_pb2, rewrite_pb2, run_pb2, watch_pb2
from trivet_proto.tracking.v1 import logged_model_service_pb2 as models_pb
from trivet_proto.tracking.v1 import param_importance_pb2 as importance_pb
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub

if TYPE_CHECKING:
    from trivet._artifacts import Artifacts

RunWatch = Watch[watch_pb2.WatchRunsResponse, RunChange | ExperimentChange]

_Item = TypeVar("_Item")

DEFAULT_EXPERIMENT_ID: Final = "0"


class Tracking:
    """The tracking service in one workspace.

    What is logged is kept on this machine and sent by a background thread; `flush` waits for it, and so do the methods
    that read runs. All other methods call the server and return its answer. Every method may raise a `TrivetError`:
    ServerUnavailable where no server answers, SpoolUnusable where nothing can be kept here, else the class of what went
    wrong.

    Safe for use by several threads, and in the child after a fork.
    """

    def __init__(self, connection: Connection, target: Target, artifacts: Callable[[], Artifacts]) -> None:
        """Prepares it; calls no server.

        Args:
            connection: To the tracking service.
            target: Where that is, and the workspace.
            artifacts: The artifact service, when files that were kept here are to be uploaded.
        """
        self._connection = connection
        self._names = Names(target.workspace)
        self._of_writers = connection.of_writers()
        self.server: RunServer = RunServices(self._of_writers, self._names, artifacts)
        self._logger = Logger(self.server, target, current_mode())
        self.logged_models = LoggedModels(connection, self._names, self._logger)
        """The models that runs made."""
        self.without_server = WithoutServer(connection, self._names, self._logger)
        """What goes on while no server answers."""
        self.rules = Rules(connection, self._names, lambda run_id: self._logger.settle(run_id=run_id))
        """Rules by which runs are judged while they are logged."""
        self.backfill = Backfill(connection, self._names)
        """Runs that were logged elsewhere."""
        self._histories = MetricHistories(connection, self._names)
        self._used: set[tuple[str, str, str]] = set()
        # When this client began to write to runs, so that their ends say whose they are.
        self._begun: dict[str, Timestamp] = {}

    @property
    def _stub(self) -> TrackingServiceStub:
        return self._connection.stub(TrackingServiceStub)

    # --- experiments

    def create_experiment(
        self, name: str, *, artifact_location: str = "", tags: Mapping[str, str] | None = None, description: str = ""
    ) -> str:
        """Creates an experiment and returns its id.

        Args:
            name: Unique in the workspace; at most 500 characters.
            artifact_location: A URI under which you keep the artifacts of its runs yourself. Empty: Trivet does.
            tags: What to mark it with.
            description: What it is about, in markdown.

        Raises:
            ExperimentNameTaken: there is one of that name, perhaps deleted.
        """
        experiment = experiment_pb2.Experiment(
            display_name=name,
            artifact_location=artifact_location,
            tags=to_tags(tags),
            description=description,
        )
        request = pb.CreateExperimentRequest(
            parent=self._names.parent, experiment=experiment, request_id=new_request_id()
        )
        return from_experiment(
            self._connection.call(self._stub.CreateExperiment, request, repeatable=True)
        ).experiment_id

    def get_experiment(self, experiment_id: str | int) -> Experiment:
        """Returns an experiment, also a deleted one. Raises ExperimentNotFound."""
        request = pb.GetExperimentRequest(name=self._names.experiment(experiment_id))
        return from_experiment(self._connection.call(self._stub.GetExperiment, request, repeatable=True))

    def get_experiment_by_name(self, name: str, *, timeout_seconds: float | None = None) -> Experiment | None:
        """Returns the experiment of that name, also a deleted one; None where there is none."""
        request = pb.LookupExperimentRequest(parent=self._names.parent, display_name=name)
        try:
            return from_experiment(
                self._connection.call(
                    self._stub.LookupExperiment, request, repeatable=True, timeout_seconds=timeout_seconds
                )
            )
        except ExperimentNotFound:
            return None

    def use_experiment(self, name: str) -> Experiment:
        """Returns the experiment of that name, also a deleted one; it is created where there is none.

        Where no server answers, it has no id: runs go into it by its name, when they are sent.
        """

        def ask(timeout_seconds: float | None) -> Experiment:
            experiment = self.get_experiment_by_name(name, timeout_seconds=timeout_seconds)
            if experiment is not None:
                return experiment
            try:
                return self.get_experiment(self.create_experiment(name))
            except ExperimentNameTaken:
                # Another process was faster.
                experiment = self.get_experiment_by_name(name)
                if experiment is None:
                    raise
                return experiment

        return self.without_server.experiment(name, ask)

    def search_experiments(
        self,
        *,
        view_type: ViewType | int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        filter_string: str = "",
        order_by: Sequence[str] | str | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """Returns the experiments that pass a filter.

        Args:
            view_type: Those in use, those in the bin, or both.
            max_results: How many at most; as many calls are made as that takes.
            filter_string: Such as `name LIKE 'taxi%' AND tags.team = 'a'`. Empty passes all.
            order_by: Such as `["name ASC"]`. Default: the newest first.
            page_token: The `token` of an earlier answer, to go on after it.

        Raises:
            FilterInvalid, OrderByInvalid: they cannot be understood; says where.
        """
        view = to_view(view_type)

        def ask(size: int, token: str) -> pb.SearchExperimentsResponse:
            request = pb.SearchExperimentsRequest(
                parent=self._names.parent,
                filter=filter_string,
                order_by=joined(order_by),
                view=view,
                page_size=size,
                page_token=token,
            )
            return self._connection.call(self._stub.SearchExperiments, request, repeatable=True)

        return collect(ask, lambda page: page.experiments, from_experiment, max_results, page_token)

    def rename_experiment(self, experiment_id: str | int, new_name: str) -> None:
        """Gives an experiment another name."""
        experiment = experiment_pb2.Experiment(name=self._names.experiment(experiment_id), display_name=new_name)
        request = pb.UpdateExperimentRequest(experiment=experiment, update_mask=FieldMask(paths=["display_name"]))
        self._connection.call(self._stub.UpdateExperiment, request, repeatable=False)

    def set_experiment_tag(self, experiment_id: str | int, key: str, value: object) -> None:
        """Sets a tag of an experiment."""
        request = pb.SetExperimentTagsRequest(
            name=self._names.experiment(experiment_id), tags={check_key(key): to_tag_value(key, value)}
        )
        self._connection.call(self._stub.SetExperimentTags, request, repeatable=False)

    def delete_experiment(self, experiment_id: str | int) -> None:
        """Puts an experiment into the bin, and with it its runs."""
        request = pb.DeleteExperimentRequest(name=self._names.experiment(experiment_id))
        self._connection.call(self._stub.DeleteExperiment, request, repeatable=False)

    def restore_experiment(self, experiment_id: str | int) -> None:
        """Takes an experiment out of the bin."""
        request = pb.RestoreExperimentRequest(name=self._names.experiment(experiment_id))
        self._connection.call(self._stub.RestoreExperiment, request, repeatable=False)

    # --- runs

    def create_run(
        self,
        experiment_id: str | int = DEFAULT_EXPERIMENT_ID,
        *,
        run_id: str | None = None,
        run_name: str | None = None,
        start_time: int | None = None,
        tags: Mapping[str, object] | None = None,
        description: str = "",
        parent_run_id: str | None = None,
        user: str = "",
        source: str = "",
        git_commit: str = "",
    ) -> Run:
        """Creates a run, RUNNING, and returns it.

        Args:
            experiment_id: Of the experiment that it goes into. Default: that of the experiment `Default`.
            run_id: Default: a new UUIDv7. Creating the same run again returns it as it is by now.
            run_name: What people call it. Default: the server makes a name up.
            start_time: In milliseconds since the Unix epoch. Default: now.
            tags: What to mark it with.
            description: Notes about it, in markdown.
            parent_run_id: The run in which it is nested.
            user: Who runs it.
            source: What is run.
            git_commit: The commit of that.

        Raises:
            ExperimentNotFound, ExperimentDeleted: there is nowhere to put it.
            RunIdTaken: the id was used for another run.
        """
        request = self._creation(
            run_id,
            experiment_id=experiment_id,
            run_name=run_name,
            start_time=start_time,
            tags=tags,
            description=description,
            parent_run_id=parent_run_id,
            user=user,
            source=source,
            git_commit=git_commit,
        )
        return self._to_begun(self._connection.call(self._stub.CreateRun, request, repeatable=True))

    def _to_begun(self, message: run_pb2.Run) -> Run:
        """A run that this client has begun to write to."""
        run = self._to_run(message)
        self._begun[run.info.run_id] = message.begun_time
        return run

    def _creation(
        self,
        run_id: str | None,
        *,
        experiment_id: str | int,
        run_name: str | None,
        start_time: int | None,
        tags: Mapping[str, object] | None,
        description: str,
        parent_run_id: str | None,
        user: str,
        source: str,
        git_commit: str,
    ) -> pb.CreateRunRequest:
        run = run_pb2.Run(
            experiment=self._names.experiment(experiment_id),
            display_name=run_name or "",
            status=run_pb2.RUN_STATUS_RUNNING,
            start_time=to_timestamp(now_millis() if start_time is None else start_time),
            user=user,
            source=source,
            git_commit=git_commit,
            parent_run=self._names.run(parent_run_id) if parent_run_id else "",
            description=description,
            tags=to_tags(tags),
        )
        return pb.CreateRunRequest(parent=self._names.parent, run_id=run_id or make_run_id(), run=run)

    def begin_run(
        self,
        experiment_id: str | int = DEFAULT_EXPERIMENT_ID,
        *,
        run_id: str | None = None,
        may_exist: bool = False,
        experiment_name: str = "",
        run_name: str | None = None,
        start_time: int | None = None,
        tags: Mapping[str, object] | None = None,
        description: str = "",
        parent_run_id: str | None = None,
        user: str = "",
        source: str = "",
        git_commit: str = "",
    ) -> Run:
        """Creates a run as `create_run` does, and on this machine if no server answers; it is sent later then.

        Args:
            experiment_id: Of the experiment that it goes into.
            run_id: Default: a new UUIDv7.
            may_exist: Goes on with the run of that id, if there is one, as `resume_run` does, and leaves it as it is.
            experiment_name: Instead of the id: the experiment is created where there is none of that name.
            run_name: What people call it. Default: the server makes a name up.
            start_time: In milliseconds since the Unix epoch. Default: now.
            tags: What to mark it with.
            description: Notes about it, in markdown.
            parent_run_id: The run in which it is nested.
            user: Who runs it.
            source: What is run.
            git_commit: The commit of that.

        Raises:
            ExperimentNotFound, ExperimentDeleted: a server answered, and there is nowhere to put it.
            RunIdTaken: a server answered, and the id was used for another run.
            SpoolUnusable: no server answered, and nothing can be kept on this machine.
        """
        request = self._creation(
            run_id,
            experiment_id=experiment_id,
            run_name=run_name,
            start_time=start_time,
            tags=tags,
            description=description,
            parent_run_id=parent_run_id,
            user=user,
            source=source,
            git_commit=git_commit,
        )
        if experiment_name:
            request.run.ClearField("experiment")
            request.experiment_display_name, request.create_experiment = experiment_name, True
        # Where nobody can be asked; an answer says better.
        self._begun[request.run_id] = request.run.start_time
        if may_exist:
            return self.without_server.create_or_resume_run(request, partial(self._create_or_resume, request))
        return self.without_server.create_run(request, partial(self._create, request))

    def _create_or_resume(self, request: pb.CreateRunRequest, timeout_seconds: float | None) -> Run:
        try:
            return self._resume(request.run_id, timeout_seconds)
        except RunNotFound:
            pass
        try:
            return self._create(request, timeout_seconds)
        except RunIdTaken:  # by another process of the job, meanwhile
            return self._resume(request.run_id, timeout_seconds)

    def _create(self, request: pb.CreateRunRequest, timeout_seconds: float | None) -> Run:
        return self._to_begun(
            self._connection.call(self._stub.CreateRun, request, repeatable=True, timeout_seconds=timeout_seconds)
        )

    def get_run(self, run_id: str) -> Run:
        """Returns a run with all that was logged to it before the call, also a deleted one. Raises RunNotFound."""
        request = pb.GetRunRequest(name=self._names.run(run_id))
        self._logger.settle(run_id=run_id)
        return self._to_run(self._connection.call(self._stub.GetRun, request, repeatable=True))

    def get_run_inputs(self, run_id: str) -> Run:
        """Returns a run with its inputs and outputs, but without metrics, params and tags. Raises RunNotFound."""
        columns = pb.SearchRunsRequest(read_mask=FieldMask(paths=[*RUN_INFO_FIELDS, "inputs", "outputs"]))
        request = pb.GetRunRequest(name=self._names.run(run_id), read_mask=columns.read_mask)
        self._logger.settle(run_id=run_id)
        return self._to_run(self._connection.call(self._stub.GetRun, request, repeatable=True), columns)

    def search_runs(
        self,
        experiment_ids: Sequence[str | int] | str | int = (),
        *,
        filter_string: str = "",
        run_view_type: ViewType | int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: Sequence[str] | str | None = None,
        page_token: str | None = None,
        metric_keys: Sequence[str] | None = None,
        param_keys: Sequence[str] | None = None,
        tag_keys: Sequence[str] | None = None,
        with_inputs: bool = False,
    ) -> PagedList[Run]:
        """Returns the runs that pass a filter; docs/search.md has the language.

        Args:
            experiment_ids: Where to look: ids, or one id alone. Empty: everywhere in the workspace.
            filter_string: Such as `metrics.rmse < 7 AND params.model = 'xgb'`. Empty passes all.
            run_view_type: Those in use, those in the bin, or both.
            max_results: How many at most; as many calls are made as that takes.
            order_by: Such as `["metrics.rmse ASC"]`. Default: the newest first.
            page_token: The `token` of an earlier answer, to go on after it.
            metric_keys: Read only these metrics of the runs; none of them for an empty list. Default: all.
            param_keys: The same of params.
            tag_keys: The same of tags.
            with_inputs: Read `inputs` and `outputs` of the runs too, which are None otherwise.

        Raises:
            FilterInvalid, OrderByInvalid: they cannot be understood; says where.
            ExperimentNotFound: there is no such experiment.
        """
        asked = {"metrics": metric_keys, "params": param_keys, "tags": tag_keys}
        columns = pb.SearchRunsRequest(
            read_mask=_columns_mask(asked, *(("inputs", "outputs") if with_inputs else ())),
            metric_keys=metric_keys or (),
            param_keys=param_keys or (),
            tag_keys=tag_keys or (),
        )
        to_run = partial(self._to_run, columns=columns)
        return self._search_runs(
            to_run, columns, experiment_ids, filter_string, run_view_type, max_results, order_by, page_token
        )

    def _to_run(self, message: run_pb2.Run, columns: pb.SearchRunsRequest | None = None) -> Run:
        """The run, with what was too much for one message; of chosen columns, if there are any."""
        reads_inputs = columns is None or "inputs" in columns.read_mask.paths
        convert = from_run if reads_inputs else from_run_without_inputs
        if not message.HasField("omitted"):
            return convert(message)
        large = LargeRuns(
            lambda request: self._connection.call(self._stub.ListMetrics, request, repeatable=True),
            lambda request: self._connection.call(self._stub.ListRunKeys, request, repeatable=True),
            lambda request: self._connection.call(self._stub.SearchRuns, request, repeatable=True),
        )
        return convert(large.complete(message, columns or pb.SearchRunsRequest()))

    def list_run_infos(
        self,
        experiment_id: str | int,
        *,
        run_view_type: ViewType | int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: Sequence[str] | str | None = None,
        page_token: str | None = None,
    ) -> PagedList[RunInfo]:
        """Returns what the runs of an experiment are, without what was logged to them; as `search_runs`."""
        columns = pb.SearchRunsRequest(read_mask=FieldMask(paths=RUN_INFO_FIELDS))
        return self._search_runs(
            from_run_info, columns, (experiment_id,), "", run_view_type, max_results, order_by, page_token
        )

    def _search_runs(
        self,
        convert: Callable[[run_pb2.Run], _Item],
        columns: pb.SearchRunsRequest,
        experiment_ids: Sequence[str | int] | str | int,
        filter_string: str,
        run_view_type: ViewType | int,
        max_results: int,
        order_by: Sequence[str] | str | None,
        page_token: str | None,
    ) -> PagedList[_Item]:
        experiments = self._names.experiments(experiment_ids)
        view = to_view(run_view_type)

        def ask(size: int, token: str) -> pb.SearchRunsResponse:
            request = pb.SearchRunsRequest(
                parent=self._names.parent,
                experiments=experiments,
                filter=filter_string or "",
                order_by=joined(order_by),
                view=view,
                page_size=size,
                page_token=token,
            )
            request.MergeFrom(columns)
            return self._connection.call(self._stub.SearchRuns, request, repeatable=True)

        self._logger.settle()
        return collect(ask, lambda page: page.runs, convert, max_results, page_token)

    def list_run_keys(
        self,
        kind: str,
        experiment_ids: Sequence[str | int] | str | int = (),
        *,
        run_ids: Sequence[str] = (),
        contains: str = "",
        max_results: int = 1000,
        page_token: str | None = None,
    ) -> PagedList[str]:
        """Returns the keys under which runs have metrics, params or tags, sorted.

        Args:
            kind: `metric`, `param` or `tag`.
            experiment_ids: Of the runs in use in these experiments: ids, or one id alone. Empty: in the workspace.
            run_ids: Of these runs instead.
            contains: Only keys that hold this; the case of ASCII letters does not count.
            max_results: How many at most.
            page_token: The `token` of an earlier answer, to go on after it.

        Raises:
            ExperimentNotFound, RunNotFound: there is no such experiment or run.
        """
        key_kind = to_key_kind(kind)
        experiments = self._names.experiments(experiment_ids)

        def ask(size: int, token: str) -> pb.ListRunKeysResponse:
            request = pb.ListRunKeysRequest(
                parent=self._names.parent,
                experiments=experiments,
                runs=[self._names.run(run_id) for run_id in run_ids],
                kind=key_kind,
                contains=contains,
                page_size=size,
                page_token=token,
            )
            return self._connection.call(self._stub.ListRunKeys, request, repeatable=True)

        self._logger.settle()
        return collect(ask, lambda page: page.keys, str, max_results, page_token)

    def compare_runs(self, run_ids: Sequence[str], *, only_differing: bool = False) -> RunComparison:
        """Puts up to 100 runs side by side: what they have under each key, and whether that differs.

        Args:
            run_ids: The runs, also deleted ones.
            only_differing: Leave out what is the same in all of them.

        Raises:
            RunNotFound: there is no such run.
            InvalidArgument: there are no runs, too many, or they have too much to compare in one call.
        """
        request = pb.CompareRunsRequest(
            parent=self._names.parent,
            runs=[self._names.run(run_id) for run_id in to_texts("run_ids", run_ids)],
            only_differing=only_differing,
        )
        self._logger.settle()
        return from_comparison(self._connection.call(self._stub.CompareRuns, request, repeatable=True), run_ids)

    def param_importance(
        self,
        metric: str,
        experiment_ids: Sequence[str | int] | str | int = (),
        *,
        filter_string: str = "",
        run_view_type: ViewType | int = ViewType.ACTIVE_ONLY,
        figure: str = "last",
        param_keys: Sequence[str] = (),
    ) -> ParamImportance:
        """Tells which params of runs tell a metric, and in which direction; docs/tuning.md says how.

        Args:
            metric: Its key. Runs without it do not count.
            experiment_ids: Where to look: ids, or one id alone. Empty: everywhere in the workspace.
            filter_string: Which of the runs, as for `search_runs`. Empty: all.
            run_view_type: Those in use, those in the bin, or both.
            figure: `last` for the current value of the metric, `min` or `max` for the smallest or largest one.
            param_keys: Only these params, at most 100. Empty: all.

        Returns:
            What the newest 1,000 of those runs tell; the same for the same runs.

        Raises:
            FailedPrecondition: fewer than 5 runs have the metric as a finite number.
            FilterInvalid: the filter cannot be understood; says where.
            ExperimentNotFound: there is no such experiment.
            Overloaded: too many ask at once.
        """
        request = importance_pb.ReadParamImportanceRequest(
            parent=self._names.parent,
            experiments=self._names.experiments(experiment_ids),
            filter=filter_string,
            view=to_view(run_view_type),
            metric_key=check_key(metric),
            figure=to_figure(figure),
            param_keys=to_texts("param_keys", param_keys),
        )
        self._logger.settle()
        return from_importance(self._connection.call(self._stub.ReadParamImportance, request, repeatable=True), metric)

    def watch_runs(
        self,
        experiment_ids: Sequence[str | int] | str | int = (),
        *,
        run_ids: Sequence[str] = (),
        metric_keys: Sequence[str] | None = None,
        param_keys: Sequence[str] | None = None,
        tag_keys: Sequence[str] | None = None,
        resume_token: str = "",
    ) -> RunWatch:
        """Watches runs from now on: an iterator of what changes, which goes on by itself when the connection breaks.

        What is read after this call and the changes leave no gap between them:

            with client.watch_runs("1") as watch:
                runs = {run.info.run_id: run for run in client.search_runs("1")}
                for change in watch:
                    ...

        Args:
            experiment_ids: Watch the runs of these, also those to come: ids, or one id alone. Empty, and no `run_ids`:
                all runs of the workspace.
            run_ids: Watch these runs instead.
            metric_keys: Hear only of these metrics; of none for an empty list. Default: all.
            param_keys: The same of params.
            tag_keys: The same of tags.
            resume_token: That of an earlier watch, to go on where it was. Default: from now on.

        Raises:
            ExperimentNotFound, RunNotFound: there is no such experiment or run.
            ResumeTokenExpired: the server no longer keeps the changes since then; watch without a token, and read.
        """
        asked = {"metrics": metric_keys, "params": param_keys, "tags": tag_keys}
        request = watch_pb2.WatchRunsRequest(
            parent=self._names.parent,
            experiments=self._names.experiments(experiment_ids),
            runs=[self._names.run(run_id) for run_id in to_texts("run_ids", run_ids)],
            read_mask=_columns_mask(asked),
            metric_keys=to_texts("metric_keys", metric_keys or ()),
            param_keys=to_texts("param_keys", param_keys or ()),
            tag_keys=to_texts("tag_keys", tag_keys or ()),
        )

        def subscribe(token: str) -> Subscription[watch_pb2.WatchRunsResponse]:
            request.resume_token = token
            return self._connection.subscribe(self._stub.WatchRuns, request)

        return Watch(subscribe, _changes_of_runs, resume_token)

    def search_datasets(
        self,
        experiment_ids: Sequence[str | int] | str | int = (),
        *,
        max_results: int = 1000,
        page_token: str | None = None,
    ) -> PagedList[DatasetSummary]:
        """Returns the datasets that runs used, and what for, by experiment, name, digest and context.

        Args:
            experiment_ids: Of the runs in these experiments: ids, or one id alone. Empty: in the workspace.
            max_results: How many at most.
            page_token: The `token` of an earlier answer, to go on after it.

        Raises:
            ExperimentNotFound: there is no such experiment.
        """
        experiments = self._names.experiments(experiment_ids)

        def ask(size: int, token: str) -> models_pb.SearchDatasetsResponse:
            request = models_pb.SearchDatasetsRequest(
                parent=self._names.parent, experiments=experiments, page_size=size, page_token=token
            )
            return self._connection.call(self._stub.SearchDatasets, request, repeatable=True)

        self._logger.settle()
        return collect(ask, lambda page: page.datasets, from_dataset_summary, max_results, page_token)

    def update_run(
        self,
        run_id: str,
        *,
        status: str | None = None,
        name: str | None = None,
        description: str | None = None,
        end_time: int | None = None,
    ) -> None:
        """Changes what is given of a run; None leaves it as it is."""
        run = run_pb2.Run(name=self._names.run(run_id))
        paths = []
        if status is not None:
            run.status = to_status(status)
            paths.append("status")
        if name is not None:
            run.display_name = name
            paths.append("display_name")
        if description is not None:
            run.description = description
            paths.append("description")
        if end_time is not None:
            run.end_time.CopyFrom(to_timestamp(end_time))
            paths.append("end_time")
        if paths:
            request = pb.UpdateRunRequest(run=run, update_mask=FieldMask(paths=paths))
            self._connection.call(self._stub.UpdateRun, request, repeatable=False)

    def resume_run(self, run_id: str, *, joins: bool = False) -> Run:
        """Sets a run to RUNNING again, without an end, and returns it; on this machine alone if no server answers.

        From then on, another process that began before does not end the run: not while this one goes on, and not by an
        end from before that of this one.

        Args:
            run_id: Of the run.
            joins: Leaves a run that is RUNNING as it is, for a process that works for the one that began it.

        Raises:
            RunNotFound, RunDeleted: a server answered, and there is no such run in use.
        """
        # Who joins comes before all others, so that nothing is taken from them.
        began = self._begun[run_id] = to_timestamp(0 if joins else now_millis())
        resume = partial(self._resume, run_id, began=began if joins else None)
        return self.without_server.resume_run(run_id, began, resume)

    def _resume(self, run_id: str, timeout_seconds: float | None, *, began: Timestamp | None = None) -> Run:
        run = run_pb2.Run(name=self._names.run(run_id), status=run_pb2.RUN_STATUS_RUNNING)
        request = pb.UpdateRunRequest(run=run, update_mask=FieldMask(paths=["status", "end_time"]), begun_time=began)
        # The same again has the same effect.
        answer = self._connection.call(self._stub.UpdateRun, request, repeatable=True, timeout_seconds=timeout_seconds)
        if answer.status != run_pb2.RUN_STATUS_RUNNING:
            return self._resume(run_id, timeout_seconds)  # it had ended, so that there is nobody to join
        return self._to_begun(answer)

    def set_terminated(self, run_id: str, *, status: str = "FINISHED", end_time: int | None = None) -> None:
        """Ends a run after all that was logged to it, and waits for that as `flush` does; does not raise if it is slow.

        Args:
            run_id: Of the run.
            status: `FINISHED`, `FAILED` or `KILLED`.
            end_time: In milliseconds since the Unix epoch. Default: now.
        """
        if self._logger.mode is Mode.DISABLED:
            return
        time_millis = now_millis() if end_time is None else end_time
        run = run_pb2.Run(name=self._names.run(run_id), status=to_status(status), end_time=to_timestamp(time_millis))
        # It may arrive when another process goes on with the run.
        request = pb.UpdateRunRequest(
            run=run, update_mask=FieldMask(paths=["status", "end_time"]), begun_time=self._begun.get(run_id)
        )
        self._logger.end(run_id, request)

    def delete_run(self, run_id: str) -> None:
        """Puts a run into the bin."""
        request = pb.DeleteRunRequest(name=self._names.run(run_id))
        self._logger.settle(run_id=run_id)
        self._connection.call(self._stub.DeleteRun, request, repeatable=False)

    def restore_run(self, run_id: str) -> None:
        """Takes a run out of the bin."""
        request = pb.RestoreRunRequest(name=self._names.run(run_id))
        self._connection.call(self._stub.RestoreRun, request, repeatable=False)

    def delete_metrics(self, run_id: str, keys: Sequence[str]) -> int:
        """Removes all points of metrics of a run, in all contexts, and returns how many those were.

        What was logged before the call is removed, what is logged after it begins a new series.

        Args:
            run_id: Of the run.
            keys: 1 to 1,000 of them; those without points are passed over.

        Raises:
            InvalidArgument: `keys` is one text.
            RunNotFound, RunDeleted: there is no such run in use.
        """
        request = rewrite_pb2.DeleteMetricsRequest(run=self._names.run(run_id), keys=to_texts("keys", keys))
        self._logger.settle(run_id=run_id)
        return int(self._connection.call(self._stub.DeleteMetrics, request, repeatable=False).deleted_points)

    def rewind_run(self, run_id: str, step: int) -> Run:
        """Takes a run back to a step, sets it to RUNNING, without an end, and returns it.

        The points of all later steps are removed; params and tags stay. Other processes that wrote to the run write no
        more: what they still log is refused. This client goes on.

        Args:
            run_id: Of the run.
            step: The last one that stays.

        Raises:
            RunNotFound, RunDeleted: there is no such run in use.
        """
        request = rewrite_pb2.RewindRunRequest(name=self._names.run(run_id), step=to_int64("step", step))
        with self._logger.rewinding(run_id):
            return self._to_begun(self._connection.call(self._stub.RewindRun, request, repeatable=False))

    def fork_run(
        self,
        run_id: str,
        step: int,
        *,
        new_run_id: str | None = None,
        run_name: str | None = None,
        params: Mapping[str, object] | None = None,
        tags: Mapping[str, object] | None = None,
        description: str = "",
        start_time: int | None = None,
        parent_run_id: str | None = None,
        user: str = "",
        source: str = "",
        git_commit: str = "",
    ) -> Run:
        """Creates a run that begins as another one was at a step, in the same experiment, and returns it.

        It has params, tags and all points of that run up to the step as its own; nothing that becomes of that run later
        changes them.

        Args:
            run_id: The run to fork.
            step: The last one whose points the fork gets.
            new_run_id: Of the fork. Default: a new UUIDv7. The same call again returns the fork as it is by now.
            run_name: What people call it. Default: the server makes a name up.
            params: More params, and other values for those of the run that is forked.
            tags: The same of tags.
            description: Notes about it, in markdown. Default: those of the run that is forked.
            start_time: In milliseconds since the Unix epoch. Default: now.
            parent_run_id: The run in which it is nested.
            user: Who runs it.
            source: What is run.
            git_commit: The commit of that.

        Raises:
            RunNotFound, RunDeleted: there is no such run in use.
            RunIdTaken: the new id was used for another run.
        """
        fork = run_pb2.Run(
            display_name=run_name or "",
            # Left to the server, so that the same call again is the same creation.
            start_time=None if start_time is None else to_timestamp(start_time),
            parent_run=self._names.run(parent_run_id) if parent_run_id else "",
            user=user,
            source=source,
            git_commit=git_commit,
            description=description,
            params=to_params(params),
            tags=to_tags(tags),
        )
        request = rewrite_pb2.ForkRunRequest(
            name=self._names.run(run_id),
            step=to_int64("step", step),
            run_id=new_run_id or make_run_id(),
            run=fork,
        )
        self._logger.settle(run_id=run_id)
        return self._to_begun(self._connection.call(self._stub.ForkRun, request, repeatable=True))

    def purge_experiments(
        self, older_than: timedelta, *, experiment_ids: Sequence[str | int] = (), dry_run: bool = False
    ) -> Iterator[PurgedExperiment]:
        """Removes for good the experiments that were deleted long enough ago; `Client.purge` removes their runs too.

        Args:
            older_than: How long ago, at least; 0 is all that is in the bin.
            experiment_ids: Only these. Empty: all of the workspace.
            dry_run: Only say which these are.

        Yields:
            What was removed, page by page: nothing is removed before it is asked for.
        """
        request = purge_pb2.PurgeExperimentsRequest(
            parent=self._names.parent, experiments=self._names.experiments(experiment_ids), dry_run=dry_run
        )
        request.older_than.FromTimedelta(older_than)
        while True:
            page = self._connection.call(self._stub.PurgeExperiments, request, repeatable=True)
            yield from map(from_purged_experiment, page.experiments)
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    def purge_runs(
        self,
        older_than: timedelta,
        *,
        run_ids: Sequence[str] = (),
        experiment_ids: Sequence[str | int] = (),
        dry_run: bool = False,
    ) -> Iterator[PurgedRun]:
        """Removes for good the runs that were deleted long enough ago, and those of purged experiments.

        Their files are not removed, and cannot be found any more; `Client.purge` removes those first.

        Args:
            older_than: How long ago, at least; 0 is all that is in the bin.
            run_ids: Only these. Empty: all of the workspace.
            experiment_ids: Only runs of these. Empty: of all.
            dry_run: Only say which these are; with them runs of experiments that `purge_experiments` would remove.

        Yields:
            What was removed, page by page: nothing is removed before it is asked for.
        """
        request = purge_pb2.PurgeRunsRequest(
            parent=self._names.parent,
            runs=[self._names.run(run_id) for run_id in run_ids],
            experiments=self._names.experiments(experiment_ids),
            dry_run=dry_run,
        )
        request.older_than.FromTimedelta(older_than)
        while True:
            page = self._connection.call(self._stub.PurgeRuns, request, repeatable=True)
            yield from map(from_purged_run, page.runs)
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Returns all points of a metric, by step, then time, then value; empty where there are none.

        Identical points are there once. Raises RunNotFound.
        """
        self._logger.settle(run_id=run_id)
        return self._histories.points(run_id, key)

    def get_metric_by_rank(self, run_id: str, key: str) -> dict[int, list[Metric]]:
        """Returns the points that each rank of a job logged of a metric, as `get_metric_history`, by the rank.

        Points of processes without a rank are left out. Raises RunNotFound.
        """
        self._logger.settle(run_id=run_id)
        return self._histories.by_rank(run_id, key)

    def summarize_ranks(self, run_id: str, key: str) -> list[RankSummary]:
        """Returns mean, least and greatest value of a metric over the ranks of a job, by step. Raises RunNotFound."""
        return summarize(self.get_metric_by_rank(run_id, key))

    def get_metric_columns(
        self, run_id: str, key: str, *, min_step: int | None = None, max_step: int | None = None
    ) -> MetricColumns:
        """Returns the points of a metric as NumPy arrays: what `get_metric_history` does, for long ones.

        Args:
            run_id: Of the run.
            key: The metric's.
            min_step: Only points of this step and later ones. Default: from the first.
            max_step: Only points of this step and earlier ones. Default: to the last.

        Raises:
            RunNotFound: there is no such run.
            InvalidArgument: NumPy is not installed.
        """
        self._logger.settle(run_id=run_id)
        return self._histories.columns(run_id, key, min_step, max_step)

    def log_console(self, run_id: str, lines: Iterable[WrittenLine]) -> None:
        """Logs lines of a console, all or none, in their order; does not wait. `start_run` does so by itself.

        Raises:
            InvalidArgument: a line has another stream.
        """
        self._write(run_id, to_console(lines))

    def unsent_bytes(self, run_id: str) -> int:
        """How much of what this client logged to a run is neither stored nor refused."""
        return self._logger.unsent_bytes(run_id)

    def console(self, run_id: str, *, newest: int = 0, follow: bool = False) -> Iterator[ConsoleLine]:
        """Returns what the processes of a run wrote to their consoles, line by line.

        Args:
            run_id: Of the run.
            newest: Begin with so many of the newest lines. 0: with the first that the server has kept.
            follow: Go on with what is written, until the run has ended.

        Raises:
            RunNotFound: there is no such run.
            InvalidArgument: `newest` is below 0.
        """
        parent = self._names.run(run_id)

        def ask(min_number: int, newest: int, page_token: str) -> ConsolePage:
            request = console_pb2.ListConsoleLinesRequest(
                parent=parent, min_number=min_number, newest=newest, page_size=1000, page_token=page_token
            )
            page = self._connection.call(self._stub.ListConsoleLines, request, repeatable=True)
            return ConsolePage(list(map(from_console_line, page.lines)), page.next_page_token, page.end_number)

        def has_ended() -> bool:
            return self.get_run(run_id).info.status not in ("RUNNING", "SCHEDULED")

        self._logger.settle(run_id=run_id)
        return read_console(ask, newest, has_ended if follow else None)

    def export(
        self,
        folder: str | os.PathLike[str],
        experiment_ids: Sequence[str | int] | str | int = (),
        *,
        filter_string: str = "",
        run_view_type: ViewType | int = ViewType.ACTIVE_ONLY,
        tables: Sequence[str] = TABLES,
        overwrite: bool = False,
        on_progress: Callable[[ExportProgress], None] | None = None,
    ) -> Export:
        """Writes runs and what was logged to them into a folder of Parquet, for DuckDB, pandas, Spark and the like.

        docs/export.md has the tables. The folder has all of it or nothing, and its `manifest.json` comes last. A
        connection that breaks is taken up again where it broke. Needs the extra `export`.

        Args:
            folder: Where to write it; made if missing. It must be empty, but for an export that may be replaced.
            experiment_ids: Of the runs in these experiments: ids, or one id alone. Empty: in the workspace.
            filter_string: Which runs, as `search_runs` has it. Empty passes all.
            run_view_type: Those in use, those in the bin, or both.
            tables: Which of `runs`, `params`, `tags` and `points`.
            overwrite: Replace the export that is in the folder.
            on_progress: Called again and again with how far it is, in the thread that called this.

        Raises:
            InvalidArgument: there is no such table, or the extra is not installed.
            FilterInvalid, ExperimentNotFound: the runs cannot be looked for.
            FileExistsError: the folder holds something that must not be replaced.
            OSError: it cannot be written, perhaps because the disk is full.
        """
        check_installed()
        selection = pb.SearchRunsRequest(
            parent=self._names.parent,
            experiments=self._names.experiments(experiment_ids),
            filter=filter_string,
            view=to_view(run_view_type),
        )
        exporter = Exporter(self._connection, selection, check_tables(tables), on_progress)
        self._logger.settle()
        return exporter.write(folder, overwrite=overwrite)

    # --- logging

    def log_metric(
        self,
        run_id: str,
        key: str,
        value: SupportsFloat,
        *,
        timestamp: int | None = None,
        step: SupportsIndex | None = None,
        model_id: str | None = None,
        dataset: Dataset | None = None,
    ) -> None:
        """Logs a point of a metric; does not wait.

        Args:
            run_id: Of the run.
            key: 1 to 250 characters.
            value: A number, NaN and the infinities too; scalars of NumPy and PyTorch are numbers.
            timestamp: When it was measured, in milliseconds since the Unix epoch. Default: now.
            step: A whole number of 64 bits. Default: 0.
            model_id: The logged model that was measured, which then shows it.
            dataset: What it was measured on. The run has it as an input from then on.

        Raises:
            InvalidArgument: one of them is not what it must be.
        """
        if self._logger.mode is Mode.DISABLED:
            return
        if model_id is None and dataset is None:
            self._logger.add_point(run_id, key, value, step, timestamp)
        else:
            self._log_measured(run_id, {key: value}, timestamp, step, model_id, dataset)

    def log_metrics(
        self,
        run_id: str,
        metrics: Mapping[str, SupportsFloat],
        *,
        timestamp: int | None = None,
        step: SupportsIndex | None = None,
        model_id: str | None = None,
        dataset: Dataset | None = None,
    ) -> None:
        """Logs a point of each of several metrics, of one step and time, all or none; as `log_metric`."""
        if self._logger.mode is Mode.DISABLED:
            return
        if model_id is None and dataset is None:
            self._logger.add_row(run_id, metrics, step, timestamp)
        else:
            self._log_measured(run_id, metrics, timestamp, step, model_id, dataset)

    def _log_measured(
        self,
        run_id: str,
        metrics: Mapping[str, SupportsFloat],
        timestamp: int | None,
        step: SupportsIndex | None,
        model_id: str | None,
        dataset: Dataset | None,
    ) -> None:
        """Logs points of a model or on a dataset, which is an input of the run from then on."""
        name, digest = ("", "") if dataset is None else (check_dataset(dataset).name, dataset.digest)
        time_millis = now_millis() if timestamp is None else timestamp
        points = [(to_series(key, model_id, name, digest), value, step, time_millis) for key, value in metrics.items()]
        # A loop logs to one dataset many times.
        is_new = dataset is not None and (run_id, name, digest) not in self._used
        inputs = to_inputs([DatasetInput(dataset)], []) if dataset is not None and is_new else None
        self._logger.add(run_id, inputs, points)
        if is_new:
            self._used.add((run_id, name, digest))

    def log_inputs(
        self, run_id: str, datasets: Iterable[DatasetInput] = (), models: Iterable[LoggedModelInput] = ()
    ) -> None:
        """Logs datasets and logged models that a run uses, all or none; does not wait. The same again changes nothing.

        Args:
            run_id: Of the run.
            datasets: Each with tags that say what for, which are set over those that were there.
            models: Such as one that the run evaluates.

        Raises:
            InvalidArgument: one of them is not what it must be.
        """
        used = [to_dataset_input(used.dataset, used.tags) for used in datasets]
        self._write(run_id, to_inputs(used, [check_model_id(model.model_id) for model in models]))

    def log_outputs(self, run_id: str, models: Iterable[LoggedModelOutput]) -> None:
        """Logs logged models that a run made, all or none; does not wait. The same again changes nothing.

        Raises:
            InvalidArgument: one of them is not what it must be.
        """
        self._write(run_id, to_outputs([to_model_output(model) for model in models]))

    def log_param(self, run_id: str, key: str, value: object) -> None:
        """Logs a param; does not wait. The value is kept as text, at most 16 KiB of it.

        Raises:
            InvalidArgument: key or value cannot be kept.
            ParamChanged: this process logged another value; one that differs from another process's is refused later.
        """
        self._write(run_id, to_written({check_key(key): to_param_value(key, value)}))

    def log_params(self, run_id: str, params: Mapping[str, object]) -> None:
        """Logs several params, all or none; as `log_param`."""
        self._write(run_id, to_written(to_params(params)))

    def set_tag(self, run_id: str, key: str, value: object) -> None:
        """Sets a tag of a run; does not wait. The value is kept as text of at most 64 KiB. Raises InvalidArgument."""
        self._write(run_id, to_written(tags={check_key(key): to_tag_value(key, value)}))

    def set_tags(self, run_id: str, tags: Mapping[str, object]) -> None:
        """Sets several tags, all or none; as `set_tag`."""
        self._write(run_id, to_written(tags=to_tags(tags)))

    def delete_tag(self, run_id: str, key: str) -> None:
        """Removes a tag of a run; does not wait. One that is not there is no fault."""
        self._write(run_id, pb.WriteRunRequest(deleted_tags=[check_key(key)]))

    def log_batch(
        self,
        run_id: str,
        *,
        metrics: Iterable[Metric] = (),
        params: Mapping[str, object] | None = None,
        tags: Mapping[str, object] | None = None,
    ) -> None:
        """Logs points, params and tags, all or none; does not wait. Raises as the methods for one of them do."""
        points = [_logged_point(metric) for metric in metrics]
        written = to_written(to_params(params), to_tags(tags))
        if self._logger.mode is not Mode.DISABLED and (points or written.ByteSize()):
            self._logger.add(run_id, written if written.ByteSize() else None, points)

    def _write(self, run_id: str, written: pb.WriteRunRequest) -> None:
        if self._logger.mode is not Mode.DISABLED and written.ByteSize():
            self._logger.add(run_id, written)

    def flush(self, timeout_seconds: float | None = None, *, run_id: str | None = None) -> Receipt:
        """Waits until what was logged so far is stored or refused.

        Args:
            timeout_seconds: How long at most. Default: TRIVET_FINISH_TIMEOUT, else 10 s. What is left then is said in
                the log, once while the server stays away, and is still tried.
            run_id: Wait for this run only. Default: for all.

        Returns:
            What became of all records that this process logged through this client.
        """
        return self._logger.flush(timeout_seconds, run_id)

    def close(self) -> None:
        """Flushes, and refuses more to log. Idempotent."""
        self._logger.close()
        self._of_writers.close()


def _changes_of_runs(message: watch_pb2.WatchRunsResponse) -> list[RunChange | ExperimentChange]:
    return [*map(from_run_change, message.runs), *map(from_experiment_change, message.experiments)]


def _logged_point(metric: Metric) -> tuple[Series, SupportsFloat, SupportsIndex, int]:
    check_is("metrics", metric, Metric)
    series = to_series(metric.key, metric.model_id, metric.dataset_name, metric.dataset_digest)
    return series, metric.value, metric.step, metric.timestamp


def _columns_mask(asked: Mapping[str, Sequence[str] | None], *more: str) -> FieldMask:
    """What runs are, `metrics`, `params` and `tags` but for those with an empty list of keys, and more fields."""
    keyed = [field for field, keys in asked.items() if keys is None or len(keys)]
    return FieldMask(paths=[*RUN_INFO_FIELDS, *keyed, *more])
