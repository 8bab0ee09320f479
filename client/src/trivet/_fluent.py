"""The fluent functions: one target, one active experiment a process, and active runs a thread or task.

One file, because it is one interface: most of it is what each function says of itself, over a line or two.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, NamedTuple, Self, SupportsFloat, SupportsIndex, overload

from trivet._client import DEFAULT_BINS, Client
from trivet._errors import ExperimentDeleted, ExperimentNotFound, InvalidArgument, TrivetError
from trivet._mode import Mode
from trivet._view_type import ViewType

if TYPE_CHECKING:
    import pandas as pd

    from trivet._beginning import Resume
    from trivet._captured.choice import Choice
    from trivet._captured.ending import Ending
    from trivet._captured.run_capture import RunCapture
    from trivet._entities import (
        Dataset,
        Experiment,
        FileInfo,
        LoggedModel,
        LoggedModelInput,
        LoggedModelOutput,
        Metric,
        PagedList,
        Receipt,
        Run,
        RunInfo,
    )
    from trivet._logged_models import Order as LoggedModelOrder
    from trivet._metric_columns import MetricColumns
    from trivet._model_entities import ModelVersion, RegisteredModel
    from trivet._param_importance import ParamImportance
    from trivet._rule_entities import Condition, Rule, RunStop
    from trivet._run_views import RunArtifacts
    from trivet._stop_signal import StopSignal

_Order = Sequence[str] | str | None
_Ids = Sequence[str | int] | str | int | None

_DEFAULT_EXPERIMENT_ID = "0"
_CONTEXT_TAG = "mlflow.data.context"
# As many runs as MLflow's function of that name returns.
_MAX_RUNS = 100_000


class ActiveRun:
    """A run that is being logged to; as a context manager it ends the run.

    Leaving the block ends it FINISHED, FAILED on an exception, KILLED on Ctrl-C. `info` and `data` are as they were
    when the run was started; `get_run(run.info.run_id)` has what was logged since.
    """

    def __init__(self, run: Run, client: Client, capture: RunCapture | None) -> None:
        self.info = run.info
        self.data = run.data
        self._client = client
        self._capture = capture
        self._process = os.getpid()
        self._is_ended = False
        self._stop_signal: StopSignal | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from trivet._captured.ending import ending_by  # noqa: PLC0415 - `import trivet` is to cost little

        _end(self, ending_by(error))

    def end(self, status: str = "FINISHED") -> None:
        """Ends this run, whether or not it is the active one, as `end_run` does; again does nothing."""
        from trivet._captured.ending import Ending  # noqa: PLC0415 - `import trivet` is to cost little

        _end(self, Ending(status))

    def log(
        self, values: Mapping[str, object], step: SupportsIndex | None = None, timestamp: int | None = None
    ) -> None:
        """Logs a point of each of several metrics to this run, all or none; does not wait.

        Args:
            values: Numbers by their keys; in a mapping of mappings, `{"val": {"loss": 1}}` is `val/loss`.
            step: A whole number. Default: 0.
            timestamp: In milliseconds since the Unix epoch. Default: now.

        Raises:
            InvalidArgument: a value is no number; says which function logs such a value.
        """
        from trivet._run_objects import flattened  # noqa: PLC0415 - `import trivet` is to cost little

        self._client.tracking.log_metrics(self.info.run_id, flattened(values), timestamp=timestamp, step=step)

    def history(self, key: str, *, min_step: int | None = None, max_step: int | None = None) -> MetricColumns:
        """The points of a metric that were logged before the call; as `Run.history`."""
        return self._client.tracking.get_metric_columns(self.info.run_id, key, min_step=min_step, max_step=max_step)

    def add_rule(
        self,
        name: str,
        condition: Condition,
        *,
        stop: bool = False,
        tag: bool = True,
        webhook_url: str = "",
        webhook_secret: str = "",
    ) -> Rule:
        """Has the server judge this run while it is logged; waits for its answer.

        Args:
            name: What people call the rule.
            condition: When the run breaks it, such as `trivet.rules.NotANumber("loss")`.
            stop: Whether `should_stop` is true then.
            tag: Whether the run gets the tag `trivet.rule.NAME` then.
            webhook_url: What is told then: `https://HOST[:PORT][/PATH]`.
            webhook_secret: What signatures of that are made with. Default: a new one, in the answer.

        Raises:
            RuleNameTaken: the run has a rule of that name that says something else.
            ServerUnavailable: no server answers, or with TRIVET_MODE=offline.
        """
        return self._client.create_rule(
            name,
            condition,
            run_id=self.info.run_id,
            stop=stop,
            tag=tag,
            webhook_url=webhook_url,
            webhook_secret=webhook_secret,
        )

    def should_stop(self) -> bool:
        """Whether a rule, or somebody, has asked this run to stop: for every step of a training loop; never waits.

        A thread asks the server once a second, from the first call on. Where no server can be asked it is False. Once
        true it stays so.
        """
        return self._asked_to_stop() is not None

    @property
    def stop_reason(self) -> str | None:
        """Why `should_stop` is true, which may be empty; None where it is false."""
        stop = self._asked_to_stop()
        return None if stop is None else stop.reason

    def _asked_to_stop(self) -> RunStop | None:
        signal = self._stop_signal
        if signal is None:
            from trivet._stop_signal import StopSignal  # noqa: PLC0415 - `import trivet` is to cost little

            tracking, run_id = self._client.tracking, self.info.run_id
            signal = self._stop_signal = StopSignal(
                lambda: tracking.rules.look_for_stop(run_id) if tracking.without_server.mode is Mode.ONLINE else None
            )
        return signal.get()

    @property
    def artifacts(self) -> RunArtifacts:
        """Its files, read when they are asked for."""
        from trivet._run_views import RunArtifacts  # noqa: PLC0415 - `import trivet` is to cost little

        return RunArtifacts(self._client, self.info.run_id)

    def __repr__(self) -> str:
        return f"<trivet.ActiveRun {self.info.run_id}>"

    def _repr_html_(self) -> str:
        from trivet._run_views import info_to_html  # noqa: PLC0415 - `import trivet` is to cost little

        return info_to_html(self.info, self._client.workspace)


# Threads start with an empty context and tasks with a copy of their creator's, so that each has runs of its own: a
# tuple, because a list would be shared by the copies.
_active_runs: ContextVar[tuple[ActiveRun, ...]] = ContextVar("trivet_active_runs", default=())


class _Process:
    """What the functions share in a process."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.uri = ""
        self.client: Client | None = None
        self.experiment_id: str | None = None
        self.experiment_name = ""
        self.unended: dict[str, ActiveRun] = {}
        self.ends_at_exit = False


_process = _Process()


def _forget_the_parents_lock() -> None:
    _process.lock = threading.RLock()
    _process.unended = {}  # they are the parent's to end


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_forget_the_parents_lock)


def process_client() -> Client:
    """The client of the functions of this process; `set_tracking_uri` says of which server."""
    with _process.lock:
        if _process.client is None:
            _process.client = Client(_process.uri)
        return _process.client


def chosen_experiment() -> tuple[str, str]:
    """The id of the experiment that runs go into where nothing else is said, and its name where it has no id yet."""
    with _process.lock:
        is_default = _process.experiment_id is None
        return _DEFAULT_EXPERIMENT_ID if is_default else str(_process.experiment_id), _process.experiment_name


# --- where


def set_tracking_uri(uri: str) -> None:
    """Chooses the server: `grpc://HOST:PORT[/WORKSPACE]`, or `grpcs://…`; `file:FOLDER` or `sqlite:///FILE`.

    Empty: what TRIVET_URL says, else the data in `./.trivet`. Data on this machine has a server that is found, or
    started, when it is first used.

    Runs that are active stay with the server that they were started on. The active experiment is forgotten.

    Raises:
        TargetInvalid: it cannot be used; says which can.
    """
    client = Client(uri) if uri else None
    with _process.lock:
        _process.uri, _process.client = uri, client
        _process.experiment_id, _process.experiment_name = None, ""


def get_tracking_uri() -> str:
    """The address that the functions use: as set, else that of the environment, else `file:.trivet`."""
    from trivet._target import DEFAULT_DATA  # noqa: PLC0415 - `import trivet` is to cost little

    said = _process.uri or os.environ.get("TRIVET_TRACKING_URL", "") or os.environ.get("TRIVET_URL", "")
    return said or f"file:{DEFAULT_DATA}"


# --- experiments


def set_experiment(experiment_name: str | None = None, experiment_id: str | int | None = None) -> Experiment:
    """Makes an experiment the active one of this process, and returns it.

    Where no server answers, or with TRIVET_MODE=offline, an experiment of a name has no id yet: runs are created in it
    by its name when they are sent.

    Args:
        experiment_name: It is created where there is none of that name.
        experiment_id: Instead of the name; it must be there.

    Raises:
        ExperimentNotFound, ExperimentDeleted: it cannot be used.
        InvalidArgument: neither or both are given.
    """
    if (experiment_name is None) == (experiment_id is None):
        raise InvalidArgument("Give either experiment_name or experiment_id.")
    client = process_client()
    if experiment_id is not None:
        experiment = client.get_experiment(experiment_id)
    else:
        assert experiment_name is not None
        experiment = client.tracking.use_experiment(experiment_name)
    if experiment.lifecycle_stage == "deleted":
        raise ExperimentDeleted(
            f"The experiment {experiment.name!r} is deleted. Restore it by "
            f"Client().restore_experiment({experiment.experiment_id!r}), or use another one."
        )
    with _process.lock:
        _process.experiment_id = experiment.experiment_id or None
        # Without an id, nobody could be asked for one.
        _process.experiment_name = "" if experiment.experiment_id else experiment.name
    return experiment


class RunsExperiment(NamedTuple):
    """Where a run goes that says nothing else."""

    experiment_id: str
    name: str
    """Instead of the id where nobody could be asked for one; else empty."""


def experiment_of_process() -> RunsExperiment:
    """The active experiment, else `Default`."""
    with _process.lock:
        return RunsExperiment(_process.experiment_id or _DEFAULT_EXPERIMENT_ID, _process.experiment_name)


def create_experiment(name: str, artifact_location: str | None = None, tags: Mapping[str, str] | None = None) -> str:
    """Creates an experiment and returns its id. Raises ExperimentNameTaken."""
    return process_client().create_experiment(name, artifact_location, tags)


def create_rule(
    name: str,
    condition: Condition,
    *,
    experiment_id: str | int | None = None,
    stop: bool = False,
    tag: bool = True,
    webhook_url: str = "",
    webhook_secret: str = "",
) -> Rule:
    """Has the server judge all runs of an experiment while they are logged, those to come as well.

    Args:
        name: What people call the rule.
        condition: When a run breaks it, such as `trivet.rules.NotANumber("loss")`.
        experiment_id: Of the experiment. Default: the active one, else the experiment `Default`.
        stop: Whether `run.should_stop()` is true then.
        tag: Whether the run gets the tag `trivet.rule.NAME` then.
        webhook_url: What is told then: `https://HOST[:PORT][/PATH]`.
        webhook_secret: What signatures of that are made with. Default: a new one, in the answer.

    Raises:
        RuleNameTaken: the experiment has a rule of that name that says something else.
        ServerUnavailable: no server answers, or with TRIVET_MODE=offline.
    """
    client = process_client()
    if experiment_id is None and _process.experiment_name:
        # Chosen while no server answered; one has to by now.
        known = client.get_experiment_by_name(_process.experiment_name)
        experiment_id = client.create_experiment(_process.experiment_name) if known is None else known.experiment_id
    default = _DEFAULT_EXPERIMENT_ID if _process.experiment_id is None else _process.experiment_id
    return client.create_rule(
        name,
        condition,
        experiment_id=default if experiment_id is None else experiment_id,
        stop=stop,
        tag=tag,
        webhook_url=webhook_url,
        webhook_secret=webhook_secret,
    )


def should_stop() -> bool:
    """Whether a rule, or somebody, has asked the active run to stop; False without one. Never waits."""
    run = active_run()
    return run is not None and run.should_stop()


def get_experiment(experiment_id: str | int) -> Experiment:
    """Returns an experiment, also a deleted one. Raises ExperimentNotFound."""
    return process_client().get_experiment(experiment_id)


def get_experiment_by_name(name: str) -> Experiment | None:
    """Returns the experiment of that name, also a deleted one; None where there is none."""
    return process_client().get_experiment_by_name(name)


def search_experiments(
    view_type: ViewType | int = ViewType.ACTIVE_ONLY,
    max_results: int = 1000,
    filter_string: str = "",
    order_by: _Order = None,
) -> list[Experiment]:
    """Returns the experiments that pass a filter, such as `name LIKE 'taxi%'`."""
    return process_client().search_experiments(view_type, max_results, filter_string, order_by)


def list_experiments(view_type: ViewType | int = ViewType.ACTIVE_ONLY, max_results: int = 1000) -> list[Experiment]:
    """Returns the experiments, the newest first."""
    return process_client().list_experiments(view_type, max_results)


# --- runs


def start_run(
    run_id: str | None = None,
    experiment_id: str | int | None = None,
    run_name: str | None = None,
    nested: bool = False,  # noqa: FBT001, FBT002 - as MLflow's
    parent_run_id: str | None = None,
    tags: Mapping[str, object] | None = None,
    description: str | None = None,
    *,
    resume: Resume | None = None,
    resume_from: int | None = None,
    fork_from: tuple[str, int] | None = None,
    capture: Choice = None,
) -> ActiveRun:
    """Starts a run and makes it the active one of this thread or task; use it in a `with` statement, or call `end_run`.

    It waits for the server, once and for some seconds at most: that an address is wrong shows here, in the log, not at
    the end of a training. Where no server answers, the run is begun on this machine under its id, and sent later; so is
    every run with TRIVET_MODE=offline.

    Noted unasked are the source, its git commit, branch and diff, the command, the environment, host and user, the
    console, how busy the system is, and how the process ends; docs/capturing.md has all of it, and how to turn it off.

    Args:
        run_id: Goes on with this run instead of creating one. Default: TRIVET_RUN_ID, where no run is active.
        experiment_id: Where the run goes. Default: the active experiment, else the experiment `Default`.
        run_name: What people call it. Default: the server makes a name up.
        nested: Allows it while another run is active, which becomes its parent.
        parent_run_id: The parent, where it is not the active run.
        tags: What to mark it with.
        description: Notes about it, in markdown.
        resume: Whether the run of that id must be there (`must`, the default), is created where it is not (`allow`), or
            must not be there (`never`).
        resume_from: Takes the run of that id back to this step, the last one that stays, and goes on from there.
        fork_from: The id of a run and a step: the new run begins as that one was at the step.
        capture: What is noted unasked: names with commas between, or those to leave out as in `-console,-diff`; True is
            all, False nothing. Default: what TRIVET_CAPTURE says, else all.

    Raises:
        InvalidArgument: a run is active already, and `nested` is false; or the arguments do not go together.
        RunNotFound, RunDeleted: there is no such run to go on with, or to fork.
        RunIdTaken: the run is there, and must not be.
        SpoolUnusable: no server answers, and nothing can be kept on this machine.
    """
    from trivet._beginning import Wish, begin  # noqa: PLC0415 - `import trivet` is to cost little
    from trivet._captured.choice import chosen  # noqa: PLC0415 - as above
    from trivet._captured.run_capture import RunCapture, of_this_rank  # noqa: PLC0415 - as above
    from trivet._captured.surroundings import look_around  # noqa: PLC0415 - as above

    stack = _active_runs.get()
    if stack and not nested:
        raise InvalidArgument(
            f"The run {stack[-1].info.run_id} is active already. End it by end_run(), or start this one with "
            "nested=True."
        )
    client = process_client()
    joins = False
    if run_id is None and not stack and fork_from is None:
        run_id = os.environ.get("TRIVET_RUN_ID") or None
        joins = _is_worker()
    experiment = experiment_of_process()
    wish = Wish(
        run_id=run_id,
        joins=joins,
        resume=resume,
        resume_from=resume_from,
        fork_from=fork_from,
        experiment_id=experiment_id,
        default_experiment_id=experiment.experiment_id,
        experiment_name=experiment.name,
        run_name=run_name,
        parent_run_id=parent_run_id or (stack[-1].info.run_id if stack else None),
        tags=tags or {},
        description=description,
    )
    wish.check()
    wanted = of_this_rank(chosen(capture))
    started = begin(client.tracking, wish, look_around(wanted))
    is_captured = bool(wanted) and client.tracking.without_server.mode is not Mode.DISABLED
    run = ActiveRun(started, client, RunCapture(client, started, wanted) if is_captured else None)
    _active_runs.set((*stack, run))
    with _process.lock:
        _process.unended[run.info.run_id] = run
        if not _process.ends_at_exit:
            _process.ends_at_exit = True
            atexit.register(_end_all_at_exit)
    return run


def _is_worker() -> bool:
    """Whether this process is one of multiprocessing's, such as a data loader's: those may end without a word."""
    processes = sys.modules.get("multiprocessing.process")
    return processes is not None and processes.parent_process() is not None


def active_run() -> ActiveRun | None:
    """The active run of this thread or task; None where there is none."""
    stack = _active_runs.get()
    return stack[-1] if stack else None


def end_run(status: str = "FINISHED") -> None:
    """Ends the active run, after what was logged to it; without one it does nothing.

    It waits for that as `flush` does. A server that is away is said in the log, not raised.
    """
    run = active_run()
    if run is not None:
        run.end(status)


def _end(run: ActiveRun, ending: Ending) -> None:
    _active_runs.set(tuple(other for other in _active_runs.get() if other is not run))
    with _process.lock:
        _process.unended.pop(run.info.run_id, None)
    if run._is_ended or run._process != os.getpid():  # noqa: SLF001 - of this module
        return  # after a fork, the run is the parent's to end
    run._is_ended = True  # noqa: SLF001 - of this module
    if run._stop_signal is not None:  # noqa: SLF001 - of this module
        run._stop_signal.end()  # noqa: SLF001 - of this module
    if run._capture is not None:  # noqa: SLF001 - of this module
        run._capture.end(ending)  # noqa: SLF001 - of this module
    run._client.set_terminated(run.info.run_id, ending.status)  # noqa: SLF001 - of this module


def _end_all_at_exit() -> None:
    from trivet._captured.ending import ending_of_process  # noqa: PLC0415 - it is loaded already

    ending = ending_of_process()
    for run in list(_process.unended.values()):
        try:
            _end(run, ending)
        except TrivetError as error:
            sys.stderr.write(f"trivet: run {run.info.run_id} could not be ended: {error}\n")


def _run_to_log_to() -> ActiveRun:
    """The active run; one is started where there is none, as MLflow does."""
    stack = _active_runs.get()
    return stack[-1] if stack else start_run()


def get_run(run_id: str) -> Run:
    """Returns a run with all that was logged to it before the call, also a deleted one. Raises RunNotFound."""
    return process_client().get_run(run_id)


def delete_run(run_id: str) -> None:
    """Puts a run into the bin."""
    process_client().delete_run(run_id)


def log_metric(
    key: str,
    value: SupportsFloat,
    step: SupportsIndex | None = None,
    timestamp: int | None = None,
    *,
    model_id: str | None = None,
    dataset: Dataset | None = None,
) -> None:
    """Logs a point of a metric to the active run, starting one where there is none; does not wait.

    Args:
        key: 1 to 250 characters.
        value: A number, NaN and the infinities too; scalars of NumPy and PyTorch are numbers.
        step: A whole number. Default: 0.
        timestamp: In milliseconds since the Unix epoch. Default: now.
        model_id: The logged model that was measured, which then shows it.
        dataset: What it was measured on. The run has it as an input from then on.

    Raises:
        InvalidArgument: one of them is not what it must be.
    """
    run = _run_to_log_to()
    run._client.tracking.log_metric(  # noqa: SLF001 - of this module
        run.info.run_id, key, value, timestamp=timestamp, step=step, model_id=model_id, dataset=dataset
    )


def log_metrics(
    metrics: Mapping[str, SupportsFloat],
    step: SupportsIndex | None = None,
    timestamp: int | None = None,
    *,
    model_id: str | None = None,
    dataset: Dataset | None = None,
) -> None:
    """Logs a point of each of several metrics, all or none; as `log_metric`."""
    run = _run_to_log_to()
    run._client.tracking.log_metrics(  # noqa: SLF001 - of this module
        run.info.run_id, metrics, timestamp=timestamp, step=step, model_id=model_id, dataset=dataset
    )


def log(values: Mapping[str, object], step: SupportsIndex | None = None, timestamp: int | None = None) -> None:
    """Logs several metrics to the active run, starting one where there is none; as `ActiveRun.log`."""
    _run_to_log_to().log(values, step, timestamp)


def log_param(key: str, value: object) -> None:
    """Logs a param to the active run, starting one where there is none; does not wait.

    Raises:
        InvalidArgument: key or value cannot be kept.
        ParamChanged: this process logged another value for it.
    """
    run = _run_to_log_to()
    run._client.tracking.log_param(run.info.run_id, key, value)  # noqa: SLF001 - of this module


def log_params(params: Mapping[str, object]) -> None:
    """Logs several params, all or none; as `log_param`."""
    run = _run_to_log_to()
    run._client.tracking.log_params(run.info.run_id, params)  # noqa: SLF001 - of this module


def set_tag(key: str, value: object) -> None:
    """Sets a tag of the active run, starting one where there is none; does not wait. Raises InvalidArgument."""
    run = _run_to_log_to()
    run._client.tracking.set_tag(run.info.run_id, key, value)  # noqa: SLF001 - of this module


def set_tags(tags: Mapping[str, object]) -> None:
    """Sets several tags, all or none; as `set_tag`."""
    run = _run_to_log_to()
    run._client.tracking.set_tags(run.info.run_id, tags)  # noqa: SLF001 - of this module


def delete_tag(key: str) -> None:
    """Removes a tag of the active run; does not wait."""
    run = _run_to_log_to()
    run._client.tracking.delete_tag(run.info.run_id, key)  # noqa: SLF001 - of this module


def log_input(
    dataset: object = None,
    context: str | None = None,
    tags: Mapping[str, object] | None = None,
    model: LoggedModelInput | None = None,
    *,
    name: str = "",
) -> None:
    """Logs a dataset, or a logged model, that the active run uses, starting one where there is none; does not wait.

    The same again changes nothing.

    Args:
        dataset: What the run is trained or evaluated on: a `Dataset`, or the data itself, of which digest, schema and
            size are noted: a DataFrame of pandas or polars, an array of NumPy or several by their names, the path of a
            file or folder, or a URI. `trivet.data` has the same with more to choose.
        context: What for, such as `training`; kept as the tag `mlflow.data.context`.
        tags: More to mark this use of the dataset with.
        model: A logged model that the run uses.
        name: What people call data that is given itself. Default: the name of the file, or `dataset`.

    Raises:
        InvalidArgument: one of them is not what it must be, or there is neither.
        FileNotFoundError: there is no file at the path.
    """
    if dataset is None and model is None:
        raise InvalidArgument("Give a dataset or a model.")
    from trivet._datasets import to_dataset  # noqa: PLC0415 - `import trivet` is to cost little

    log_inputs(
        None if dataset is None else [to_dataset(dataset, name=name)],
        [context] if dataset is not None else None,
        [tags] if dataset is not None else None,
        None if model is None else [model],
    )


def log_inputs(
    datasets: Sequence[Dataset] | None = None,
    contexts: Sequence[str | None] | None = None,
    tags_list: Sequence[Mapping[str, object] | None] | None = None,
    models: Sequence[LoggedModelInput] | None = None,
) -> None:
    """Logs several datasets and logged models that the active run uses, all or none; as `log_input`.

    Args:
        datasets: What the run is trained or evaluated on.
        contexts: As many as there are datasets. Default: none has one.
        tags_list: As many as there are datasets. Default: none has tags.
        models: Logged models that the run uses.

    Raises:
        InvalidArgument: there are not as many contexts or tags as datasets.
    """
    from trivet._entities import DatasetInput  # noqa: PLC0415 - `import trivet` is to cost little

    used = list(datasets or ())
    of_contexts = list(contexts) if contexts is not None else [None] * len(used)
    of_tags = list(tags_list) if tags_list is not None else [None] * len(used)
    if not len(used) == len(of_contexts) == len(of_tags):
        raise InvalidArgument("contexts and tags_list must have an entry for each dataset.")
    inputs = [
        DatasetInput(dataset, _input_tags(context, tags))
        for dataset, context, tags in zip(used, of_contexts, of_tags, strict=True)
    ]
    run = _run_to_log_to()
    run._client.tracking.log_inputs(run.info.run_id, inputs, models or ())  # noqa: SLF001 - of this module


def _input_tags(context: str | None, tags: Mapping[str, object] | None) -> dict[str, str]:
    texts = {key: str(value) for key, value in (tags or {}).items()}
    return texts if context is None else {**texts, _CONTEXT_TAG: context}


def log_outputs(models: Sequence[LoggedModelOutput]) -> None:
    """Logs logged models that the active run made, starting one where there is none; does not wait.

    Raises:
        InvalidArgument: one of them is not what it must be.
    """
    run = _run_to_log_to()
    run._client.tracking.log_outputs(run.info.run_id, models)  # noqa: SLF001 - of this module


def flush(timeout_seconds: float | None = None) -> Receipt:
    """Waits until what was logged so far is stored or refused, and says what became of it.

    Args:
        timeout_seconds: How long at most. Default: TRIVET_FINISH_TIMEOUT, else 10 s.

    Returns:
        The counts of this process. Those of runs that are active on a server chosen earlier are among them.
    """
    from trivet._entities import Receipt  # noqa: PLC0415 - `import trivet` is to cost little

    used = (_process.client, *(run._client for run in _active_runs.get()))  # noqa: SLF001 - of this module
    clients = {id(client): client for client in used if client is not None}
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    receipts = [
        client.flush(None if deadline is None else max(0.0, deadline - time.monotonic())) for client in clients.values()
    ]
    return Receipt(
        sum(receipt.logged for receipt in receipts),
        sum(receipt.stored for receipt in receipts),
        sum(receipt.refused for receipt in receipts),
    )


def get_metric_history(run_id: str, key: str) -> list[Metric]:
    """Returns all points of a metric, by step, then time, then value; empty where there are none."""
    return process_client().get_metric_history(run_id, key)


def list_run_infos(
    experiment_id: str | int,
    run_view_type: ViewType | int = ViewType.ACTIVE_ONLY,
    max_results: int = 1000,
    order_by: _Order = None,
) -> list[RunInfo]:
    """Returns what the runs of an experiment are, without what was logged to them."""
    return process_client().list_run_infos(experiment_id, run_view_type, max_results, order_by)


@overload
def search_runs(
    experiment_ids: _Ids = None,
    filter_string: str = "",
    run_view_type: ViewType | int = ViewType.ACTIVE_ONLY,
    max_results: int = _MAX_RUNS,
    order_by: _Order = None,
    *,
    output_format: Literal["list"],
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> list[Run]: ...
@overload
def search_runs(
    experiment_ids: _Ids = None,
    filter_string: str = "",
    run_view_type: ViewType | int = ViewType.ACTIVE_ONLY,
    max_results: int = _MAX_RUNS,
    order_by: _Order = None,
    *,
    output_format: Literal["pandas"],
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> pd.DataFrame: ...
@overload
def search_runs(
    experiment_ids: _Ids = None,
    filter_string: str = "",
    run_view_type: ViewType | int = ViewType.ACTIVE_ONLY,
    max_results: int = _MAX_RUNS,
    order_by: _Order = None,
    output_format: None = None,
    search_all_experiments: bool = False,  # noqa: FBT001, FBT002 - as MLflow's
    experiment_names: Sequence[str] | None = None,
) -> list[Run] | pd.DataFrame: ...
def search_runs(
    experiment_ids: _Ids = None,
    filter_string: str = "",
    run_view_type: ViewType | int = ViewType.ACTIVE_ONLY,
    max_results: int = _MAX_RUNS,
    order_by: _Order = None,
    output_format: Literal["pandas", "list"] | None = None,
    search_all_experiments: bool = False,  # noqa: FBT001, FBT002 - as MLflow's
    experiment_names: Sequence[str] | None = None,
) -> list[Run] | pd.DataFrame:
    """Returns the runs that pass a filter.

    Args:
        experiment_ids: Where to look: ids, or one id alone. Default: the active experiment, else `Default`.
        filter_string: Such as `metrics.rmse < 7 AND params.model = 'xgb'`. Empty passes all.
        run_view_type: Those in use, those in the bin, or both.
        max_results: How many at most.
        order_by: Such as `["metrics.rmse ASC"]`. Default: the newest first.
        output_format: `list` for `Run`s, `pandas` for a DataFrame. Default: a DataFrame where pandas is installed.
        search_all_experiments: Look everywhere in the workspace where no experiment is given.
        experiment_names: Instead of ids; those that are not there are passed over.

    Returns:
        Runs; or a row a run with the columns run_id, run_name, experiment_id, status, artifact_uri, start_time,
        end_time, `metrics.KEY`, `params.KEY` and `tags.KEY`, NaN or None where a run lacks the key.

    Raises:
        FilterInvalid, OrderByInvalid: they cannot be understood; says where.
        ExperimentNotFound: there is no such experiment.
    """
    from trivet import _frames  # noqa: PLC0415 - only searches need it

    as_frame = _frames.is_wanted(output_format)
    client = process_client()
    ids = _experiments_to_search(client, experiment_ids, experiment_names, everywhere=search_all_experiments)
    runs: list[Run] = (
        [] if ids is None else client.search_runs(ids, filter_string, run_view_type, max_results, order_by)
    )
    return _frames.to_frame(runs) if as_frame else runs


def _experiments_to_search(
    client: Client, ids: _Ids, names: Sequence[str] | None, *, everywhere: bool
) -> Sequence[str | int] | None:
    """The ids; empty for the whole workspace, None for nowhere."""
    if ids is not None and names is not None:
        raise InvalidArgument("Give either experiment_ids or experiment_names.")
    if names is not None:
        named = [client.get_experiment_by_name(name) for name in names]
        return [experiment.experiment_id for experiment in named if experiment is not None] or None
    if ids is not None:
        given = [ids] if isinstance(ids, str | int) else list(ids)
        if given:
            return given
    if everywhere:
        return []
    if _process.experiment_name:
        # By now there may be a server that knows it.
        experiment = client.get_experiment_by_name(_process.experiment_name)
        return None if experiment is None else [experiment.experiment_id]
    return [_process.experiment_id or _DEFAULT_EXPERIMENT_ID]


def param_importance(
    metric: str,
    experiment_ids: _Ids = None,
    filter_string: str = "",
    *,
    figure: str = "last",
    param_keys: Sequence[str] = (),
    experiment_names: Sequence[str] | None = None,
) -> ParamImportance:
    """Tells which params of runs tell a metric, and in which direction; docs/tuning.md says how.

    Args:
        metric: Its key. Runs without it do not count.
        experiment_ids: Where to look: ids, or one id alone. Default: the active experiment, else `Default`.
        filter_string: Which of the runs, as for `search_runs`. Empty: all.
        figure: `last` for the current value of the metric, `min` or `max` for the smallest or largest one.
        param_keys: Only these params, at most 100. Empty: all.
        experiment_names: Instead of ids.

    Returns:
        What the newest 1,000 of those runs tell: by param, its importance by a random forest, and its rank correlation
        with the metric. The same for the same runs.

    Raises:
        FailedPrecondition: fewer than 5 runs have the metric as a finite number.
        FilterInvalid: the filter cannot be understood; says where.
        ExperimentNotFound: there is no such experiment.
    """
    client = process_client()
    ids = _experiments_to_search(client, experiment_ids, experiment_names, everywhere=False)
    if ids is None:
        raise ExperimentNotFound(f"There is no experiment of these names: {list(experiment_names or ())}.")
    return client.param_importance(metric, ids, filter_string=filter_string, figure=figure, param_keys=param_keys)


# --- artifacts


def log_artifact(local_path: str | os.PathLike[str], artifact_path: str | None = None) -> None:
    """Uploads a file, or a folder under its own name, to the active run; waits until it is stored.

    Where no server answers, or with TRIVET_MODE=offline, a copy is kept on this machine and uploaded later.

    Args:
        local_path: The file or folder.
        artifact_path: The folder of the run that it goes into. Default: the top.
    """
    run = _run_to_log_to()
    client, run_id, local = run._client, run.info.run_id, Path(local_path)  # noqa: SLF001 - of this module
    client.tracking.without_server.log_files(
        run_id,
        local,
        artifact_path,
        lambda: client.artifacts.log_artifact(run_id, local, artifact_path=artifact_path),
        with_name=True,
    )


def log_artifacts(local_dir: str | os.PathLike[str], artifact_path: str | None = None) -> None:
    """Uploads what a folder holds, or a file, to the active run; waits until all is stored, as `log_artifact` does.

    Args:
        local_dir: The folder; empty folders in it are left out.
        artifact_path: The folder of the run that it goes into. Default: the top.
    """
    run = _run_to_log_to()
    client, run_id, local = run._client, run.info.run_id, Path(local_dir)  # noqa: SLF001 - of this module
    client.tracking.without_server.log_files(
        run_id,
        local,
        artifact_path,
        lambda: client.artifacts.log_artifacts(run_id, local, artifact_path=artifact_path),
        with_name=False,
    )


def log_text(text: str, artifact_file: str) -> None:
    """Uploads a text to the active run as a file, in UTF-8; waits until it is stored, as `log_artifact` does.

    Args:
        text: Its content.
        artifact_file: The file of the run, such as `notes/first.txt`; one that is there is replaced.
    """
    run = _run_to_log_to()
    run._client.log_text(run.info.run_id, text, artifact_file)  # noqa: SLF001 - of this module


def log_dict(dictionary: object, artifact_file: str) -> None:
    """Uploads what JSON or YAML can hold to the active run; as `log_text`.

    Args:
        dictionary: Mappings, lists, texts and numbers; those of NumPy too, and times.
        artifact_file: A file of the run; YAML where it ends in `.yaml` or `.yml`, else JSON.

    Raises:
        InvalidArgument: it holds something else, or PyYAML is not installed.
    """
    run = _run_to_log_to()
    run._client.log_dict(run.info.run_id, dictionary, artifact_file)  # noqa: SLF001 - of this module


def log_figure(figure: object, artifact_file: str, *, save_kwargs: Mapping[str, object] | None = None) -> None:
    """Uploads a figure of matplotlib or plotly to the active run; as `log_text`.

    Args:
        figure: It; matplotlib's is not closed.
        artifact_file: A file of the run. Its ending says the format: `.png`, `.svg`, `.pdf` of matplotlib; `.html`,
            `.json` of plotly, and pictures where Kaleido is installed.
        save_kwargs: Of the library's function that writes it, such as `{"dpi": 200}`.

    Raises:
        InvalidArgument: it is no figure, or cannot be written so.
    """
    run = _run_to_log_to()
    run._client.log_figure(run.info.run_id, figure, artifact_file, save_kwargs=save_kwargs)  # noqa: SLF001 - of this module


def log_image(
    image: object,
    artifact_file: str | None = None,
    key: str | None = None,
    step: SupportsIndex | None = None,
    timestamp: int | None = None,
) -> None:
    """Uploads an image to the active run; as `log_text`.

    Args:
        image: Of Pillow; or pixels as an array of shape (height, width), or (height, width, channels) with 1, 3 or 4
            channels: whole numbers from 0 to 255, booleans, or numbers from 0 to 1.
        artifact_file: A file of the run, such as `input.png`.
        key: In place of that, the series that it is one of.
        step: Of the series. Default: 0.
        timestamp: In milliseconds since the Unix epoch. Default: now.

    Raises:
        InvalidArgument: it is no image, or Pillow is not installed.
    """
    run = _run_to_log_to()
    run._client.log_image(run.info.run_id, image, artifact_file, key, step, timestamp)  # noqa: SLF001 - of this module


def log_table(data: object, artifact_file: str, *, replaces: bool = False) -> None:
    """Uploads a table to the active run, or adds its rows to one that is there; as `log_text`.

    Two processes that add rows to one file at the same time lose those of one of them.

    Args:
        data: A DataFrame of pandas or polars; or columns by their names, as lists of one length or single values.
        artifact_file: A file of the run: `.json`, to which rows can be added, `.csv` or `.parquet`.
        replaces: Whether a file that is there is replaced, whatever it is.

    Raises:
        InvalidArgument: it is no table, or the file is there and is none.
    """
    run = _run_to_log_to()
    run._client.log_table(run.info.run_id, data, artifact_file, replaces=replaces)  # noqa: SLF001 - of this module


def log_histogram(
    key: str,
    values: object,
    step: SupportsIndex | None = None,
    timestamp: int | None = None,
    *,
    bins: int | Sequence[float] = DEFAULT_BINS,
) -> None:
    """Uploads a histogram to the active run, as JSON with `counts`, `edges` and `not_finite`; as `log_text`.

    Args:
        key: The series that it is one of, such as `grad/layer1`.
        values: Numbers of any shape, counted here; or the pair of counts and edges that `numpy.histogram` returns.
        step: Of the series. Default: 0.
        timestamp: In milliseconds since the Unix epoch. Default: now.
        bins: How many of one width, or their edges.

    Raises:
        InvalidArgument: they are no numbers, or NumPy is not installed.
    """
    run = _run_to_log_to()
    run._client.log_histogram(run.info.run_id, key, values, step, timestamp, bins=bins)  # noqa: SLF001 - of this module


def list_artifacts(run_id: str | None = None, path: str | None = None) -> list[FileInfo]:
    """Returns the files and folders in a folder of a run, with its logged models as folders of their names.

    Args:
        run_id: Default: the active run.
        path: The folder; one that is not there is empty. Default: the top.
    """
    return process_client().list_artifacts(run_id or _run_to_log_to().info.run_id, path)


def download_artifacts(
    run_id: str | None = None,
    path: str = "",
    dst_path: str | os.PathLike[str] | None = None,
    *,
    artifact_uri: str | None = None,
    artifact_path: str | None = None,
) -> str:
    """Downloads a file or folder of a run or of a registered model, and returns where it is on this machine.

    Args:
        run_id: Of the run; either this or `artifact_uri` is given.
        path: The file or folder of the run. Default: everything.
        dst_path: The folder to put it into, made where there is none. Default: a new temporary folder.
        artifact_uri: `models:/NAME/VERSION`, `models:/NAME/STAGE` (`latest`: the newest of all stages),
            `models:/NAME@ALIAS`, `models:/MODEL_ID` (of a logged model) or `runs:/RUN_ID`, each with `/PATH` for a file
            or folder of it.
        artifact_path: The same as `path`, as MLflow names it.

    Raises:
        ModelNotFound, ModelVersionNotFound, ModelAliasNotFound: there is no such version, or none in that stage.
        ArtifactNotFound: there is nothing at the path.
        ArtifactCorrupt: the bytes are not those that were stored; nothing of that file is kept.
        InvalidArgument: there is no such stage, the URI is none, or the arguments do not go together.
    """
    return process_client().download_artifacts(
        run_id,
        path,
        None if dst_path is None else os.fspath(dst_path),
        artifact_uri=artifact_uri,
        artifact_path=artifact_path,
    )


# --- logged models


def initialize_logged_model(
    name: str | None = None,
    source_run_id: str | None = None,
    tags: Mapping[str, object] | None = None,
    params: Mapping[str, object] | None = None,
    model_type: str | None = None,
    experiment_id: str | int | None = None,
) -> LoggedModel:
    """Creates a logged model, PENDING, and returns it; `finalize_logged_model` says how its upload ended.

    Args:
        name: What people call it; not with `/`, `:`, `.`, `%` and quotes. Default: the server makes a name up.
        source_run_id: The run that made it. Default: the active run, where there is one.
        tags: What to mark it with.
        params: What it was made with; written once.
        model_type: What kind of model it is, such as `sklearn`.
        experiment_id: Where it goes. Default: the experiment of the active run, else the active experiment, else
            `Default`.

    Raises:
        InvalidArgument: one of them is not what it must be.
    """
    run = active_run()
    experiment = experiment_id if experiment_id is not None else _process.experiment_id
    if run is not None and experiment_id is None:
        experiment = run.info.experiment_id
    client = process_client() if run is None else run._client  # noqa: SLF001 - of this module
    return client.create_logged_model(
        _DEFAULT_EXPERIMENT_ID if experiment is None else experiment,
        name,
        source_run_id or (run.info.run_id if run is not None else None),
        tags,
        params,
        model_type,
    )


def finalize_logged_model(model_id: str, status: str) -> LoggedModel:
    """Says whether the files of a logged model are in place, and returns it: `READY` or `UPLOAD_FAILED`.

    Raises:
        LoggedModelNotFound, LoggedModelFinalized: there is none, or it has another status for good.
    """
    return process_client().finalize_logged_model(model_id, status)


def get_logged_model(model_id: str) -> LoggedModel:
    """Returns a logged model with all that was measured of it before the call. Raises LoggedModelNotFound."""
    return process_client().get_logged_model(model_id)


def search_logged_models(
    experiment_ids: _Ids = None,
    filter_string: str | None = None,
    datasets: Sequence[Mapping[str, str]] | None = None,
    max_results: int = 100,
    order_by: LoggedModelOrder = None,
) -> list[LoggedModel]:
    """Returns the logged models that pass a filter.

    Args:
        experiment_ids: Where to look: ids, or one id alone. Default: the active experiment, else `Default`.
        filter_string: Such as `metrics.rmse < 7 AND params.alpha > 0.1`. Empty passes all.
        datasets: Metrics of the filter count on these alone: `dataset_name`, and `dataset_digest` where one is meant.
        max_results: How many at most.
        order_by: Such as `["metrics.rmse ASC"]`, or `[{"field_name": "metrics.rmse", "dataset_name": "trips"}]`.
            Default: the newest first.

    Raises:
        FilterInvalid, OrderByInvalid: they cannot be understood; says where.
    """
    client = process_client()
    ids = _experiments_to_search(client, experiment_ids, None, everywhere=False)
    return client.search_logged_models(ids or (), filter_string, datasets, max_results, order_by)


def set_logged_model_tags(model_id: str, tags: Mapping[str, object]) -> None:
    """Sets tags of a logged model, all or none. Raises LoggedModelNotFound."""
    process_client().set_logged_model_tags(model_id, tags)


def delete_logged_model_tag(model_id: str, key: str) -> None:
    """Removes a tag of a logged model. Raises LoggedModelNotFound, TagNotFound."""
    process_client().delete_logged_model_tag(model_id, key)


def log_model_params(params: Mapping[str, object], model_id: str) -> None:
    """Adds params to a logged model, all or none. Raises LoggedModelNotFound, ParamChanged."""
    process_client().log_model_params(model_id, params)


# --- models


def register_model(
    model_uri: str, name: str, await_registration_for: float = 300, *, tags: Mapping[str, object] | None = None
) -> ModelVersion:
    """Registers files as the next version of a model, made where there is none, and waits until it is ready.

    Args:
        model_uri: `runs:/RUN_ID/PATH`, `models:/MODEL_ID` (of a logged model), `models:/NAME/VERSION`,
            `models:/NAME/STAGE`, `models:/NAME@ALIAS`, or a URI outside Trivet.
        name: Of the model.
        await_registration_for: Seconds to wait at most.
        tags: What to mark the version with.

    Raises:
        ModelSourceUnusable: the files are not there.
        DeadlineExceeded: it is not ready in time; it is finished in the background.
    """
    return process_client().register_model(model_uri, name, await_registration_for, tags)


def get_latest_versions(name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
    """Returns the newest ready version of a model in each stage, or in those given. Raises ModelNotFound."""
    return process_client().get_latest_versions(name, stages)


def transition_model_version_stage(
    name: str,
    version: str | int,
    stage: str,
    archive_existing_versions: bool = False,  # noqa: FBT001, FBT002 - as MLflow's
    *,
    reason: str = "",
) -> ModelVersion:
    """Moves a version into a stage; with `archive_existing_versions` those that are there go to `Archived`.

    Args:
        name: Of the model.
        version: Its number.
        stage: `None`, `Staging`, `Production` or `Archived`, unless the workspace has others; case does not count.
        archive_existing_versions: Whether other versions in that stage go to `Archived` in the same step.
        reason: Why; kept in the history.

    Raises:
        ModelVersionNotReady: its files are not in place.
        StageProtected, ModelVersionUnverified: it may not enter or leave that stage.
    """
    return process_client().transition_model_version_stage(
        name, version, stage, archive_existing_versions, reason=reason
    )


def update_model_version(name: str, version: str | int, description: str) -> ModelVersion:
    """Changes the description of a version."""
    return process_client().update_model_version(name, version, description)


def list_registered_models(max_results: int = 100) -> PagedList[RegisteredModel]:
    """Returns the models by name, each with its newest versions."""
    return process_client().list_registered_models(max_results)


def search_registered_models(
    filter_string: str = "", max_results: int = 100, order_by: _Order = None
) -> PagedList[RegisteredModel]:
    """Returns the models that pass a filter, such as `name LIKE 'taxi%'`."""
    return process_client().search_registered_models(filter_string, max_results, order_by)


def search_model_versions(
    max_results: int = 10_000, filter_string: str = "", order_by: _Order = None
) -> PagedList[ModelVersion]:
    """Returns the versions that pass a filter, such as `name = 'taxi' AND datasets.name = 'trips'`."""
    return process_client().search_model_versions(filter_string, max_results, order_by)


def set_model_version_tag(name: str, version: str | int, key: str, value: object) -> None:
    """Sets a tag of a version."""
    process_client().set_model_version_tag(name, version, key, value)
