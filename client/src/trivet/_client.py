"""`Client`: the three services behind one target, and the flat names that users of MLflow know."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, SupportsFloat, SupportsIndex

from trivet._errors import ArtifactNotFound, ClientClosed
from trivet._view_type import ViewType

if TYPE_CHECKING:
    from trivet._artifact_owners import ArtifactPlace
    from trivet._artifacts import Artifacts
    from trivet._audit_entities import AuditEvent
    from trivet._connection import Connection
    from trivet._entities import (
        CallerAccess,
        ConsoleLine,
        Dataset,
        DatasetInput,
        DatasetSummary,
        Experiment,
        Export,
        ExportProgress,
        FileInfo,
        LoggedModel,
        LoggedModelInput,
        LoggedModelOutput,
        Metric,
        PagedList,
        Purged,
        QuotaUsage,
        Receipt,
        Run,
        RunComparison,
        RunInfo,
        ServiceStatus,
    )
    from trivet._iterators import Iterators
    from trivet._logged_models import Order as LoggedModelOrder
    from trivet._model_entities import (
        ModelAsOf,
        ModelHistoryEntry,
        ModelVerification,
        ModelVersion,
        ModelVersionLineage,
        PromotionRequest,
        RegisteredModel,
    )
    from trivet._model_history import ModelEventWatch
    from trivet._names import LoggedModelFiles, Registered, RunFiles
    from trivet._param_importance import ParamImportance
    from trivet._registry import Registry
    from trivet._rule_entities import Condition, Rule, RunStop
    from trivet._run_objects import RunObjects
    from trivet._target import Address, LocalData, Replicas, Service, Target
    from trivet._tracking import RunWatch, Tracking

_Order = Sequence[str] | str | None
_DEFAULT_TIMEOUT_SECONDS: Final = 60.0
DEFAULT_BINS: Final = 64
"""Of a histogram."""


class Client:
    """Trivet at one target: `.tracking`, `.artifacts`, `.registry`, and flat names for what is used most.

    It connects when it is first used, over one channel for services at the same address. Safe for use by several
    threads, and in the child after a fork. `close()` flushes what was logged and ends it; as a context manager it does
    so itself.

    The flat methods do what those of the same name at the service do, where their arguments are described, and take
    arguments by position as MLflow's client does.
    """

    def __init__(
        self,
        target: str | Target = "",
        *,
        workspace: str = "",
        token: str = "",
        timeout_seconds: float = _DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        """Prepares a client; calls no server.

        Args:
            target: `grpc://HOST:PORT[/WORKSPACE]`, or `grpcs://…` for TLS; `file:FOLDER` or `sqlite:///FILE` for data
                on this machine, whose server is started when it is first used. Default: TRIVET_TRACKING_URL,
                TRIVET_ARTIFACTS_URL and TRIVET_REGISTRY_URL, each over TRIVET_URL; without any, `file:.trivet`.
            workspace: Default: that of the target, else TRIVET_WORKSPACE, else `default`.
            token: Sent with every call. Default: TRIVET_TOKEN, else what the file TRIVET_TOKEN_FILE holds.
            timeout_seconds: Of each call, unless it is given one itself. Transfers of files have more.

        Raises:
            TargetInvalid: the target cannot be used; says which can.
        """
        from trivet._target import resolve  # noqa: PLC0415 - `import trivet` is to cost little

        # gRPC would note forks, and servers that stop, on the standard error of the job.
        os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
        self._target: Target = resolve(target, workspace=workspace, token=token) if isinstance(target, str) else target
        self._timeout_seconds = timeout_seconds
        self._lock = threading.RLock()
        self._is_closed = False
        self._connections: dict[Address | Replicas | LocalData, Connection] = {}
        self._tracking: Tracking | None = None
        self._artifacts: Artifacts | None = None
        self._registry: Registry | None = None

    @property
    def workspace(self) -> str:
        """The workspace that this client works in."""
        return self._target.workspace

    # What each service needs (protobuf, grpc) is imported when it is first used: `import trivet` is to cost nothing.

    @property
    def tracking(self) -> Tracking:
        """Experiments, runs, and what is logged to them."""
        if self._tracking is None:
            from trivet._tracking import Tracking  # noqa: PLC0415 - see above

            with self._lock:
                if self._tracking is None:
                    self._tracking = Tracking(self._connection("tracking"), self._target, lambda: self.artifacts)
        return self._tracking

    @property
    def artifacts(self) -> Artifacts:
        """Files of runs, of logged models and of model versions."""
        if self._artifacts is None:
            from trivet._artifacts import Artifacts  # noqa: PLC0415 - see above

            with self._lock:
                if self._artifacts is None:
                    self._artifacts = Artifacts(self._connection("artifacts"), self.workspace)
        return self._artifacts

    @property
    def registry(self) -> Registry:
        """Registered models and their versions."""
        if self._registry is None:
            from trivet._model_origins import find_origin  # noqa: PLC0415 - see above
            from trivet._registry import Registry  # noqa: PLC0415 - see above

            with self._lock:
                if self._registry is None:
                    self._registry = Registry(self._connection("registry"), self.workspace, partial(find_origin, self))
        return self._registry

    @property
    def iterate(self) -> Iterators:
        """Searches that go on page by page until the end: `for run in client.iterate.runs(): …`."""
        from trivet._iterators import Iterators  # noqa: PLC0415 - `import trivet` is to cost little

        return Iterators(self)

    def _connection(self, service: Service) -> Connection:
        from trivet._connection import Connection  # noqa: PLC0415 - see above

        if self._is_closed:
            raise ClientClosed("This client is closed. Make another one.")
        address = self._target.address(service)
        if address not in self._connections:
            self._connections[address] = Connection(address, self._target, timeout_seconds=self._timeout_seconds)
        return self._connections[address]

    def check_services(self, timeout_seconds: float = 5.0) -> list[ServiceStatus]:
        """Asks each of the three services who it is. One that does not answer is part of the answer, not an error.

        Args:
            timeout_seconds: How long to wait for each answer.
        """
        from trivet._system import SERVICES, check_service  # noqa: PLC0415 - see above

        return [check_service(service, self._connection, self.workspace, timeout_seconds) for service in SERVICES]

    def in_workspace(self, workspace: str) -> Client:
        """Another client of the same servers, with the same credentials, in another workspace. Close it too."""
        from dataclasses import replace  # noqa: PLC0415 - see above

        return Client(replace(self._target, workspace=workspace), timeout_seconds=self._timeout_seconds)

    def whoami(self) -> CallerAccess:
        """Asks the tracking service whom it takes this client for, and what it may do in which workspace.

        Raises:
            CredentialsInvalid: the server does not believe the token, or there is none and it asks for one.
        """
        from trivet._system import access_of_caller  # noqa: PLC0415 - see above

        return access_of_caller(self._connection("tracking"))

    def list_audit_events(
        self,
        *,
        subject: str = "",
        method: str = "",
        outcome: str = "",
        start_time: datetime | int | None = None,
        end_time: datetime | int | None = None,
        resource: str = "",
        whole_server: bool = False,
        max_results: int = 100,
    ) -> list[AuditEvent]:
        """Returns who did what in the workspace, of all three services; the newest first. For administrators.

        Args:
            subject: Only what this principal did: `ISSUER/NAME`, or `anonymous`.
            method: Only calls of this method: `CreateRun`, or its whole path.
            outcome: Only calls that ended so: `SUCCEEDED`, `DENIED` or `FAILED`.
            start_time: Only calls at this time or later. A `datetime` without a zone is local time; a number is
                milliseconds since the Unix epoch.
            end_time: Only calls before this time.
            resource: Only calls that named this, or what is below it: `workspaces/team-a/models/taxi`.
            whole_server: In all workspaces and in none, for administrators of the server.
            max_results: How many at most; as many calls are made as that takes.

        Raises:
            PermissionDenied: you are no administrator of the workspace, or of the server.
            InvalidArgument: there is no such outcome; or nothing was found, and there is no such method.
        """
        from trivet._audit import newest, to_query  # noqa: PLC0415 - see above
        from trivet._system import SERVICES  # noqa: PLC0415 - see above

        query = to_query(
            subject=subject,
            method=method,
            outcome=outcome,
            start_time=start_time,
            end_time=end_time,
            resource=resource,
        )
        # Services at one address are one server.
        connections = list(dict.fromkeys(self._connection(service) for service in SERVICES))
        return newest(connections, query, None if whole_server else self.workspace, max_results)

    def get_workspace_usage(self) -> list[QuotaUsage]:
        """How much the workspace uses of its quotas, as each of the servers counts, sorted by quota.

        Raises:
            WorkspaceNotFound: there is none, or none that you may see.
        """
        from trivet._system import SERVICES, usage_of  # noqa: PLC0415 - see above

        connections = {each.address: each for each in map(self._connection, SERVICES)}
        used = [use for connection in connections.values() for use in usage_of(connection, self.workspace)]
        return sorted(used, key=lambda use: (use.quota, use.address))

    def close(self) -> None:
        """Flushes what was logged, ends calls that run, and refuses others. Idempotent."""
        with self._lock:
            self._is_closed = True
            tracking, connections = self._tracking, list(self._connections.values())
        if tracking is not None:
            tracking.close()
        for connection in connections:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<trivet.Client of workspace {self.workspace} at {', '.join(map(str, self._addresses()))}>"

    def _addresses(self) -> list[Address | Replicas | LocalData]:
        return sorted(set(self._target.addresses.values()), key=str)

    # --- experiments

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: Mapping[str, str] | None = None
    ) -> str:
        """Creates an experiment and returns its id."""
        return self.tracking.create_experiment(name, artifact_location=artifact_location or "", tags=tags)

    def get_experiment(self, experiment_id: str | int) -> Experiment:
        """Returns an experiment."""
        return self.tracking.get_experiment(experiment_id)

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Returns the experiment of that name, or None."""
        return self.tracking.get_experiment_by_name(name)

    def search_experiments(
        self,
        view_type: ViewType | int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        filter_string: str = "",
        order_by: _Order = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """Returns the experiments that pass a filter."""
        return self.tracking.search_experiments(
            view_type=view_type,
            max_results=max_results,
            filter_string=filter_string,
            order_by=order_by,
            page_token=page_token,
        )

    def list_experiments(
        self,
        view_type: ViewType | int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """Returns the experiments, the newest first."""
        return self.tracking.search_experiments(view_type=view_type, max_results=max_results, page_token=page_token)

    def rename_experiment(self, experiment_id: str | int, new_name: str) -> None:
        """Gives an experiment another name."""
        self.tracking.rename_experiment(experiment_id, new_name)

    def set_experiment_tag(self, experiment_id: str | int, key: str, value: object) -> None:
        """Sets a tag of an experiment."""
        self.tracking.set_experiment_tag(experiment_id, key, value)

    def delete_experiment(self, experiment_id: str | int) -> None:
        """Puts an experiment into the bin."""
        self.tracking.delete_experiment(experiment_id)

    def restore_experiment(self, experiment_id: str | int) -> None:
        """Takes an experiment out of the bin."""
        self.tracking.restore_experiment(experiment_id)

    # --- runs

    def create_run(
        self,
        experiment_id: str | int,
        start_time: int | None = None,
        tags: Mapping[str, object] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """Creates a run, RUNNING, and returns it."""
        return self.tracking.create_run(experiment_id, start_time=start_time, tags=tags, run_name=run_name)

    def get_run(self, run_id: str) -> Run:
        """Returns a run with all that was logged to it before the call."""
        from trivet._run_views import attached  # noqa: PLC0415 - `import trivet` is to cost little

        return attached(self.tracking.get_run(run_id), self)

    def search_runs(
        self,
        experiment_ids: Sequence[str | int] | str | int,
        filter_string: str = "",
        run_view_type: ViewType | int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: _Order = None,
        page_token: str | None = None,
    ) -> PagedList[Run]:
        """Returns the runs that pass a filter."""
        from trivet._run_views import attached  # noqa: PLC0415 - `import trivet` is to cost little

        found = self.tracking.search_runs(
            experiment_ids,
            filter_string=filter_string,
            run_view_type=run_view_type,
            max_results=max_results,
            order_by=order_by,
            page_token=page_token,
        )
        for run in found:
            attached(run, self)
        return found

    def list_run_infos(
        self,
        experiment_id: str | int,
        run_view_type: ViewType | int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: _Order = None,
        page_token: str | None = None,
    ) -> PagedList[RunInfo]:
        """Returns what the runs of an experiment are."""
        return self.tracking.list_run_infos(
            experiment_id,
            run_view_type=run_view_type,
            max_results=max_results,
            order_by=order_by,
            page_token=page_token,
        )

    def list_run_keys(
        self, kind: str, experiment_ids: Sequence[str | int] | str | int = (), contains: str = ""
    ) -> PagedList[str]:
        """Returns the keys under which the runs of experiments have metrics, params or tags."""
        return self.tracking.list_run_keys(kind, experiment_ids, contains=contains)

    def compare_runs(self, run_ids: Sequence[str], *, only_differing: bool = False) -> RunComparison:
        """Puts runs side by side."""
        return self.tracking.compare_runs(run_ids, only_differing=only_differing)

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
        """Tells which params of runs tell a metric, and in which direction."""
        return self.tracking.param_importance(
            metric,
            experiment_ids,
            filter_string=filter_string,
            run_view_type=run_view_type,
            figure=figure,
            param_keys=param_keys,
        )

    def console(self, run_id: str, newest: int = 0, *, follow: bool = False) -> Iterator[ConsoleLine]:
        """Returns what the processes of a run wrote to their consoles, line by line; `follow` goes on until its end."""
        return self.tracking.console(run_id, newest=newest, follow=follow)

    def export(
        self,
        folder: str | os.PathLike[str],
        experiment_ids: Sequence[str | int] | str | int = (),
        *,
        filter_string: str = "",
        run_view_type: ViewType | int = ViewType.ACTIVE_ONLY,
        tables: Sequence[str] = ("runs", "params", "tags", "points"),
        overwrite: bool = False,
        on_progress: Callable[[ExportProgress], None] | None = None,
    ) -> Export:
        """Writes runs and what was logged to them into a folder of Parquet."""
        return self.tracking.export(
            folder,
            experiment_ids,
            filter_string=filter_string,
            run_view_type=run_view_type,
            tables=tables,
            overwrite=overwrite,
            on_progress=on_progress,
        )

    def watch_runs(
        self,
        experiment_ids: Sequence[str | int] | str | int = (),
        *,
        run_ids: Sequence[str] = (),
        resume_token: str = "",
    ) -> RunWatch:
        """Watches runs from now on."""
        return self.tracking.watch_runs(experiment_ids, run_ids=run_ids, resume_token=resume_token)

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        """Changes status or name of a run."""
        self.tracking.update_run(run_id, status=status, name=name)

    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None:
        """Ends a run after all that was logged to it."""
        self.tracking.set_terminated(run_id, status=status or "FINISHED", end_time=end_time)

    def delete_run(self, run_id: str) -> None:
        """Puts a run into the bin."""
        self.tracking.delete_run(run_id)

    def restore_run(self, run_id: str) -> None:
        """Takes a run out of the bin."""
        self.tracking.restore_run(run_id)

    def create_rule(
        self,
        name: str,
        condition: Condition,
        *,
        experiment_id: str | int | None = None,
        run_id: str | None = None,
        stop: bool = False,
        tag: bool = True,
        webhook_url: str = "",
        webhook_secret: str = "",
    ) -> Rule:
        """Creates a rule by which runs are judged, or returns the one that says the same; `tracking.rules` has more."""
        return self.tracking.rules.create(
            name,
            condition,
            experiment_id=experiment_id,
            run_id=run_id,
            stop=stop,
            tag=tag,
            webhook_url=webhook_url,
            webhook_secret=webhook_secret,
        )

    def stop_run(self, run_id: str, reason: str = "") -> RunStop:
        """Asks whoever logs to a run to stop."""
        return self.tracking.rules.stop_run(run_id, reason)

    def delete_metrics(self, run_id: str, keys: Sequence[str]) -> int:
        """Removes all points of metrics of a run, and returns how many those were."""
        return self.tracking.delete_metrics(run_id, keys)

    def rewind_run(self, run_id: str, step: int) -> Run:
        """Takes a run back to a step."""
        return self.tracking.rewind_run(run_id, step)

    def fork_run(
        self,
        run_id: str,
        step: int,
        new_run_id: str | None = None,
        run_name: str | None = None,
        params: Mapping[str, object] | None = None,
        tags: Mapping[str, object] | None = None,
    ) -> Run:
        """Creates a run that begins as another one was at a step."""
        return self.tracking.fork_run(run_id, step, new_run_id=new_run_id, run_name=run_name, params=params, tags=tags)

    def purge(
        self,
        older_than: timedelta,
        run_ids: Sequence[str] = (),
        experiment_ids: Sequence[str | int] = (),
        *,
        dry_run: bool = False,
    ) -> Purged:
        """Removes for good what was deleted long enough ago: runs with their files, experiments with all their runs.

        The files of a run go before the run, while it has a name. Interrupted at any moment, the call may be repeated,
        and removes what is left. A run that somebody restores at the moment of its purge may lose its files.

        Args:
            older_than: How long ago, at least; 0 is all that is in the bin.
            run_ids: Only these runs.
            experiment_ids: Only these experiments, and deleted runs in them. With neither, all of the workspace.
            dry_run: Only say what would be removed.

        Returns:
            What was removed; what was restored, or not deleted long enough, is left out.
        """
        from trivet._purging import purge  # noqa: PLC0415 - `import trivet` is to cost little

        return purge(self, older_than, run_ids, experiment_ids, dry_run=dry_run)

    def purge_by_policy(self, *, dry_run: bool = False) -> dict[str, Purged]:
        """Removes for good what was in the bin for as long as the policy file says, in each workspace of which it does.

        Workspaces in which the caller lacks the permission MAINTAIN are left out.

        Args:
            dry_run: Only say what would be removed.

        Returns:
            What was removed, by workspace; also of workspaces where nothing was.
        """
        from trivet._purging import purge_by_policy  # noqa: PLC0415 - as above

        return purge_by_policy(self, dry_run=dry_run)

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Returns all points of a metric."""
        return self.tracking.get_metric_history(run_id, key)

    def log_metric(
        self,
        run_id: str,
        key: str,
        value: SupportsFloat,
        timestamp: int | None = None,
        step: SupportsIndex | None = None,
        *,
        model_id: str | None = None,
        dataset: Dataset | None = None,
    ) -> None:
        """Logs a point of a metric, perhaps of a logged model on a dataset."""
        self.tracking.log_metric(run_id, key, value, timestamp=timestamp, step=step, model_id=model_id, dataset=dataset)

    def log_param(self, run_id: str, key: str, value: object) -> None:
        """Logs a param."""
        self.tracking.log_param(run_id, key, value)

    def set_tag(self, run_id: str, key: str, value: object) -> None:
        """Sets a tag of a run."""
        self.tracking.set_tag(run_id, key, value)

    def delete_tag(self, run_id: str, key: str) -> None:
        """Removes a tag of a run."""
        self.tracking.delete_tag(run_id, key)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Mapping[str, object] | None = None,
        tags: Mapping[str, object] | None = None,
    ) -> None:
        """Logs points, params and tags."""
        self.tracking.log_batch(run_id, metrics=metrics, params=params, tags=tags)

    def log_inputs(
        self,
        run_id: str,
        datasets: Sequence[DatasetInput] | None = None,
        models: Sequence[LoggedModelInput] | None = None,
    ) -> None:
        """Logs datasets and logged models that a run uses."""
        self.tracking.log_inputs(run_id, datasets or (), models or ())

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Logs logged models that a run made."""
        self.tracking.log_outputs(run_id, models)

    def search_datasets(self, experiment_ids: Sequence[str | int] | str | int = ()) -> PagedList[DatasetSummary]:
        """Returns the datasets that the runs of experiments used, and what for."""
        return self.tracking.search_datasets(experiment_ids)

    def flush(self, timeout_seconds: float | None = None) -> Receipt:
        """Waits until what was logged so far is stored or refused."""
        return self.tracking.flush(timeout_seconds)

    # --- logged models

    def create_logged_model(
        self,
        experiment_id: str | int,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Mapping[str, object] | None = None,
        params: Mapping[str, object] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Creates a logged model, PENDING, and returns it."""
        return self.tracking.logged_models.create(
            experiment_id, name=name, source_run_id=source_run_id, tags=tags, params=params, model_type=model_type
        )

    def finalize_logged_model(self, model_id: str, status: str) -> LoggedModel:
        """Says whether the files of a logged model are in place: `READY` or `UPLOAD_FAILED`."""
        return self.tracking.logged_models.finalize(model_id, status)

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """Returns a logged model with all that was measured of it before the call."""
        return self.tracking.logged_models.get(model_id)

    def search_logged_models(
        self,
        experiment_ids: Sequence[str | int] | str | int = (),
        filter_string: str | None = None,
        datasets: Sequence[Mapping[str, str]] | None = None,
        max_results: int = 100,
        order_by: LoggedModelOrder = None,
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """Returns the logged models that pass a filter."""
        return self.tracking.logged_models.search(
            experiment_ids,
            filter_string=filter_string,
            datasets=datasets,
            max_results=max_results,
            order_by=order_by,
            page_token=page_token,
        )

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, object]) -> None:
        """Sets tags of a logged model."""
        self.tracking.logged_models.set_tags(model_id, tags)

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Removes a tag of a logged model."""
        self.tracking.logged_models.delete_tag(model_id, key)

    def log_model_params(self, model_id: str, params: Mapping[str, object]) -> None:
        """Adds params to a logged model."""
        self.tracking.logged_models.log_params(model_id, params)

    def delete_logged_model(self, model_id: str) -> None:
        """Puts a logged model into the bin."""
        self.tracking.logged_models.delete(model_id)

    def log_model_artifact(self, model_id: str, local_path: str, artifact_path: str | None = None) -> None:
        """Uploads a file of a logged model, or a folder under its own name."""
        self.artifacts.log_model_artifact(model_id, local_path, artifact_path=artifact_path)

    def log_model_artifacts(self, model_id: str, local_dir: str, artifact_path: str | None = None) -> None:
        """Uploads what a folder holds to a logged model, or a file."""
        self.artifacts.log_model_artifacts(model_id, local_dir, artifact_path=artifact_path)

    def list_logged_model_artifacts(self, model_id: str, path: str | None = None) -> list[FileInfo]:
        """Returns the files and folders in a folder of a logged model."""
        return self.artifacts.list_logged_model_artifacts(model_id, path=path)

    # --- artifacts

    def log_artifact(self, run_id: str, local_path: str, artifact_path: str | None = None) -> None:
        """Uploads a file, or a folder under its own name."""
        self.artifacts.log_artifact(run_id, local_path, artifact_path=artifact_path)

    def log_artifacts(self, run_id: str, local_dir: str, artifact_path: str | None = None) -> None:
        """Uploads what a folder holds, or a file."""
        self.artifacts.log_artifacts(run_id, local_dir, artifact_path=artifact_path)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Uploads a text as a file of a run; as the fluent function of that name, and so are those that follow."""
        self._objects(run_id).text(text, artifact_file)

    def log_dict(self, run_id: str, dictionary: object, artifact_file: str) -> None:
        """Uploads what JSON or YAML can hold."""
        self._objects(run_id).mapping(dictionary, artifact_file)

    def log_figure(
        self, run_id: str, figure: object, artifact_file: str, *, save_kwargs: Mapping[str, object] | None = None
    ) -> None:
        """Uploads a figure of matplotlib or plotly."""
        self._objects(run_id).figure(figure, artifact_file, save_kwargs or {})

    def log_image(
        self,
        run_id: str,
        image: object,
        artifact_file: str | None = None,
        key: str | None = None,
        step: SupportsIndex | None = None,
        timestamp: int | None = None,
    ) -> None:
        """Uploads an image."""
        self._objects(run_id).image(image, artifact_file, key, step, timestamp)

    def log_table(self, run_id: str, data: object, artifact_file: str, *, replaces: bool = False) -> None:
        """Uploads a table, or adds its rows to one that is there, or puts it in its place."""
        self._objects(run_id).table(data, artifact_file, replaces=replaces)

    def log_histogram(
        self,
        run_id: str,
        key: str,
        values: object,
        step: SupportsIndex | None = None,
        timestamp: int | None = None,
        *,
        bins: int | Sequence[float] = DEFAULT_BINS,
    ) -> None:
        """Uploads a histogram."""
        self._objects(run_id).histogram(key, values, step, timestamp, bins)

    def _objects(self, run_id: str) -> RunObjects:
        from trivet._run_objects import RunObjects  # noqa: PLC0415 - `import trivet` is to cost little

        return RunObjects(self, run_id)

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        """Returns the files and folders in a folder of a run, with its logged models in their places.

        Each model is a folder of its name, of several that of the newest one; what lies at the same path of the run is
        hidden by it. `client.artifacts` has the run's own files alone.
        """
        from trivet._run_trees import list_tree  # noqa: PLC0415 - `import trivet` is to cost little

        return list_tree(self, run_id, path or "")

    def download_artifacts(
        self,
        run_id: str | None = None,
        path: str = "",
        dst_path: str | None = None,
        *,
        artifact_uri: str | None = None,
        artifact_path: str | None = None,
    ) -> str:
        """Downloads a file or folder, of a run, or of a model by its URI, and returns where it is."""
        from trivet._names import files_to_download  # noqa: PLC0415 - `import trivet` is to cost little

        files = files_to_download(run_id, path, artifact_uri, artifact_path)
        place = self._place(files)
        try:
            return self.artifacts.download_artifacts(place.owner, path=place.path, dst_path=dst_path)
        except ArtifactNotFound:
            of_model = self._place_in_model(files)
            if of_model is None:
                raise
            return self.artifacts.download_artifacts(of_model.owner, path=of_model.path, dst_path=dst_path)

    def _place_in_model(self, files: RunFiles | LoggedModelFiles | Registered) -> ArtifactPlace | None:
        """Where a logged model of a run has what the run itself does not; None where there is no such model."""
        from trivet._names import LoggedModelFiles, RunFiles  # noqa: PLC0415 - `import trivet` is to cost little
        from trivet._run_trees import newest_model  # noqa: PLC0415 - as above

        name, _, inside = files.path.partition("/")
        if not isinstance(files, RunFiles) or not name:
            return None
        model_id = newest_model(self, files.run_id, name)
        return None if model_id is None else self._place(LoggedModelFiles(model_id, inside))

    def find_artifacts(self, owner: str, path: str = "") -> ArtifactPlace:
        """Returns whose files a URI names, for the methods of `client.artifacts`.

        Args:
            owner: The id of a run; or `runs:/RUN_ID`, `models:/MODEL_ID` of a logged model, `models:/NAME/VERSION`,
                `models:/NAME/STAGE` or `models:/NAME@ALIAS`, each with `/PATH` or without. Whether a run or logged
                model is there is not asked.
            path: A file or folder below that.

        Raises:
            InvalidArgument: it names nothing that Trivet keeps.
            ModelNotFound, ModelVersionNotFound, ModelAliasNotFound: there is no such version.
            ModelVersionNotReady: the files of the version are not in place.
            ArtifactNotFound: the version is one of a source outside Trivet.
        """
        from trivet._names import files_of_owner  # noqa: PLC0415 - `import trivet` is to cost little

        return self._place(files_of_owner(owner), path)

    def _place(self, files: RunFiles | LoggedModelFiles | Registered, path: str = "") -> ArtifactPlace:
        from trivet import _artifact_owners as owners  # noqa: PLC0415 - `import trivet` is to cost little
        from trivet._names import LoggedModelFiles, Names, RunFiles  # noqa: PLC0415 - as above
        from trivet._safe_paths import joined  # noqa: PLC0415 - as above

        if isinstance(files, RunFiles):
            owner = owners.of_run(Names(self.workspace), files.run_id)
        elif isinstance(files, LoggedModelFiles):
            owner = owners.of_logged_model(Names(self.workspace), files.model_id)
        else:
            owner = owners.of_model_version(self.registry.version_at(files))
        return owners.ArtifactPlace(owner, joined(files.path, path))

    def delete_artifacts(self, run_id: str, path: str | None = None) -> int:
        """Removes a file or folder and returns how many files those were."""
        return self.artifacts.delete_artifacts(run_id, path=path or "")

    # --- models

    def create_registered_model(
        self, name: str, tags: Mapping[str, object] | None = None, description: str | None = None
    ) -> RegisteredModel:
        """Creates a model without versions."""
        return self.registry.create_registered_model(name, tags=tags, description=description or "")

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Returns a model."""
        return self.registry.get_registered_model(name)

    def search_registered_models(
        self,
        filter_string: str = "",
        max_results: int = 100,
        order_by: _Order = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """Returns the models that pass a filter."""
        return self.registry.search_registered_models(
            filter_string=filter_string, max_results=max_results, order_by=order_by, page_token=page_token
        )

    def list_registered_models(
        self, max_results: int = 100, page_token: str | None = None
    ) -> PagedList[RegisteredModel]:
        """Returns the models by name."""
        return self.registry.search_registered_models(max_results=max_results, page_token=page_token)

    def update_registered_model(self, name: str, description: str) -> RegisteredModel:
        """Changes the description of a model."""
        return self.registry.update_registered_model(name, description=description)

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Gives a model another name."""
        return self.registry.rename_registered_model(name, new_name)

    def set_registered_model_tag(self, name: str, key: str, value: object) -> None:
        """Sets a tag of a model."""
        self.registry.set_registered_model_tag(name, key, value)

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Removes a tag of a model."""
        self.registry.delete_registered_model_tag(name, key)

    def delete_registered_model(self, name: str) -> None:
        """Deletes a model with its versions."""
        self.registry.delete_registered_model(name)

    def register_model(
        self,
        model_uri: str,
        name: str,
        await_registration_for: float = 300,
        tags: Mapping[str, object] | None = None,
    ) -> ModelVersion:
        """Registers files as the next version of a model."""
        return self.registry.register_model(model_uri, name, await_registration_for=await_registration_for, tags=tags)

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Mapping[str, object] | None = None,
        description: str | None = None,
        await_creation_for: float = 300,
        *,
        model_id: str | None = None,
    ) -> ModelVersion:
        """Registers files as the next version of a model that is there, and looks nothing up."""
        return self.registry.create_model_version(
            name,
            source,
            run_id=run_id or "",
            model_id=model_id or "",
            tags=tags,
            description=description or "",
            await_creation_for=await_creation_for,
        )

    def copy_model_version(self, src_model_uri: str, dst_name: str) -> ModelVersion:
        """Copies a version into another model, which is created where there is none."""
        return self.registry.copy_model_version(src_model_uri, dst_name)

    def get_model_version_stages(self, name: str, version: str | int) -> list[str]:  # noqa: ARG002 - as MLflow's
        """Returns the stages that a version may be in: those of the workspace."""
        return list(self.registry.promotion.get_rules().stages)

    def get_model_version_download_uri(self, name: str, version: str | int) -> str:
        """Returns the URI by which the files of a version are downloaded; of a source outside, that of the source."""
        found = self.get_model_version(name, version)
        return f"models:/{found.name}/{found.version}" if found.artifact_owner else found.source

    def get_model_version_lineage(self, name: str, version: str | int) -> ModelVersionLineage:
        """Returns a version with the run that made it, its params and inputs, and with its files.

        From a run or a dataset to the versions that were made of it leads `search_model_versions`, with `run_id = '…'`
        or `datasets.name = '…'`.
        """
        from trivet._model_origins import find_lineage  # noqa: PLC0415 - `import trivet` is to cost little

        return find_lineage(self, self.get_model_version(name, version))

    def get_model_version(self, name: str, version: str | int) -> ModelVersion:
        """Returns a version."""
        return self.registry.get_model_version(name, version)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Returns the version that an alias points at."""
        return self.registry.get_model_version_by_alias(name, alias)

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """Returns the newest version in each stage."""
        return self.registry.get_latest_versions(name, stages=stages)

    def search_model_versions(
        self,
        filter_string: str = "",
        max_results: int = 10_000,
        order_by: _Order = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """Returns the versions that pass a filter."""
        return self.registry.search_model_versions(
            filter_string=filter_string, max_results=max_results, order_by=order_by, page_token=page_token
        )

    def transition_model_version_stage(
        self,
        name: str,
        version: str | int,
        stage: str,
        archive_existing_versions: bool = False,  # noqa: FBT001, FBT002 - as MLflow's
        *,
        reason: str = "",
    ) -> ModelVersion:
        """Moves a version into a stage."""
        return self.registry.transition_model_version_stage(
            name, version, stage, archive_existing_versions=archive_existing_versions, reason=reason
        )

    def update_model_version(self, name: str, version: str | int, description: str) -> ModelVersion:
        """Changes the description of a version."""
        return self.registry.update_model_version(name, version, description=description)

    def set_model_version_tag(self, name: str, version: str | int, key: str, value: object) -> None:
        """Sets a tag of a version."""
        self.registry.set_model_version_tag(name, version, key, value)

    def set_registered_model_alias(self, name: str, alias: str, version: str | int) -> None:
        """Lets an alias point at a version."""
        self.registry.set_registered_model_alias(name, alias, version)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Removes an alias."""
        self.registry.delete_registered_model_alias(name, alias)

    def delete_model_version_tag(self, name: str, version: str | int, key: str) -> None:
        """Removes a tag of a version."""
        self.registry.delete_model_version_tag(name, version, key)

    def delete_model_version(self, name: str, version: str | int) -> None:
        """Deletes a version; its number is not used again."""
        self.registry.delete_model_version(name, version)

    # --- promotion requests

    def request_model_version_stage(
        self, name: str, version: str | int, stage: str, *, archive_existing_versions: bool = False, reason: str = ""
    ) -> PromotionRequest:
        """Asks for a move of a version into or out of a protected stage, which others approve."""
        return self.registry.promotion_requests.ask_for_stage(
            name, version, stage, archive_existing_versions=archive_existing_versions, reason=reason
        )

    def request_registered_model_alias(
        self, name: str, alias: str, version: str | int | None, *, reason: str = ""
    ) -> PromotionRequest:
        """Asks that a protected alias points at a version, or, for None, that it is removed."""
        return self.registry.promotion_requests.ask_for_alias(name, alias, version, reason=reason)

    def get_promotion_request(self, promotion_request_id: str) -> PromotionRequest:
        """Returns a promotion request."""
        return self.registry.promotion_requests.get(promotion_request_id)

    def list_promotion_requests(
        self, state: str = "", name: str = "", max_results: int = 100, page_token: str | None = None
    ) -> PagedList[PromotionRequest]:
        """Returns promotion requests, the newest first; only those in a state, such as `PENDING`, or of a model."""
        return self.registry.promotion_requests.list(
            state=state, name=name, max_results=max_results, page_token=page_token
        )

    def approve_promotion_request(self, promotion_request_id: str, reason: str = "") -> PromotionRequest:
        """Approves a promotion request; the last approval makes the change."""
        return self.registry.promotion_requests.approve(promotion_request_id, reason=reason)

    def reject_promotion_request(self, promotion_request_id: str, reason: str) -> PromotionRequest:
        """Rejects a promotion request."""
        return self.registry.promotion_requests.reject(promotion_request_id, reason=reason)

    def withdraw_promotion_request(self, promotion_request_id: str, reason: str = "") -> PromotionRequest:
        """Takes back what you asked for."""
        return self.registry.promotion_requests.withdraw(promotion_request_id, reason=reason)

    # --- histories of models

    def get_model_history(
        self, name: str, version: str | int | None = None, max_results: int = 1000
    ) -> PagedList[ModelHistoryEntry]:
        """Returns what happened to a model, or to one version, in order."""
        return self.registry.history.list(name, version=version, max_results=max_results)

    def get_model_as_of(self, name: str, time: datetime | int) -> ModelAsOf:
        """Returns which versions were in which stage at some time, and where each alias pointed."""
        return self.registry.history.as_of(name, time)

    def verify_model(self, name: str) -> ModelVerification:
        """Compares a model with its history, and returns what was altered behind the registry's back."""
        return self.registry.history.verify(name)

    def watch_model_events(
        self, names: Sequence[str] = (), *, actions: Sequence[str] = (), resume_token: str = ""
    ) -> ModelEventWatch:
        """Watches what happens to models, from now on."""
        return self.registry.history.watch(names, actions=actions, resume_token=resume_token)
