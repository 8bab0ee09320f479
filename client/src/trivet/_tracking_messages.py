"""Between the messages of the tracking contract and the SDK's values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from trivet._entities import (
    ComparedKey,
    ConsoleLine,
    Dataset,
    DatasetInput,
    DatasetSummary,
    Experiment,
    ExperimentChange,
    LoggedModelInput,
    LoggedModelOutput,
    MetricSummary,
    PurgedExperiment,
    PurgedRun,
    Run,
    RunChange,
    RunComparison,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
)
from trivet._errors import InvalidArgument
from trivet._names import last_segment
from trivet._timestamps import millis
from trivet._view_type import ViewType
from trivet_proto.tracking.v1 import (
    console_pb2,
    experiment_pb2,
    lifecycle_pb2,
    purge_pb2,
    run_inputs_pb2,
    run_pb2,
    watch_pb2,
)
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

_STAGES: Final[Mapping[int, str]] = {
    lifecycle_pb2.LIFECYCLE_STATE_ACTIVE: "active",
    lifecycle_pb2.LIFECYCLE_STATE_DELETED: "deleted",
}
_VIEWS: Final = {
    ViewType.ACTIVE_ONLY: lifecycle_pb2.LIFECYCLE_VIEW_ACTIVE,
    ViewType.DELETED_ONLY: lifecycle_pb2.LIFECYCLE_VIEW_DELETED,
    ViewType.ALL: lifecycle_pb2.LIFECYCLE_VIEW_ALL,
}
_STREAMS: Final[Mapping[str, console_pb2.ConsoleStream.ValueType]] = {
    "stdout": console_pb2.CONSOLE_STREAM_STDOUT,
    "stderr": console_pb2.CONSOLE_STREAM_STDERR,
}
_STREAM_NAMES: Final[Mapping[int, str]] = {stream: name for name, stream in _STREAMS.items()}
_STATUS_PREFIX: Final = "RUN_STATUS_"
_KEY_KINDS: Final = {
    "metric": pb.RUN_KEY_KIND_METRIC,
    "param": pb.RUN_KEY_KIND_PARAM,
    "tag": pb.RUN_KEY_KIND_TAG,
}
_CHANGE_PREFIX: Final = "RUN_CHANGE_KIND_"
# A newer server may know more of them.
_CHANGE_KINDS: Final = frozenset(watch_pb2.RunChangeKind.values())
# What `from_run_info` reads.
RUN_INFO_FIELDS: Final = (
    *(
        "name",
        "display_name",
        "experiment",
        "status",
        "start_time",
        "end_time",
        "state",
        "user",
        "created_by",
        "source",
    ),
    *("git_commit", "parent_run", "description", "forked_from", "last_write_time", "stale"),
)


def to_view(view: ViewType | int) -> lifecycle_pb2.LifecycleView.ValueType:
    """The view of a search. Raises InvalidArgument for a number that is none."""
    try:
        return _VIEWS[ViewType(view)]
    except ValueError:
        raise InvalidArgument(f"{view!r} is not a ViewType.") from None


def to_status(status: str) -> run_pb2.RunStatus.ValueType:
    """The status of a name such as `FINISHED`, in any case. Raises InvalidArgument for a name of none."""
    name = _STATUS_PREFIX + str(status).upper()
    if name not in run_pb2.RunStatus.keys() or name == "RUN_STATUS_UNSPECIFIED":  # noqa: SIM118 - an enum is no mapping
        known = [name.removeprefix(_STATUS_PREFIX) for name in run_pb2.RunStatus.keys()[1:]]
        raise InvalidArgument(f"{status!r} is not the status of a run; there are {', '.join(known)}.")
    return run_pb2.RunStatus.Value(name)


def from_experiment(message: experiment_pb2.Experiment) -> Experiment:
    """The value of a message."""
    return Experiment(
        experiment_id=last_segment(message.name),
        name=message.display_name,
        lifecycle_stage=_STAGES.get(message.state, ""),
        artifact_location=message.artifact_location,
        description=message.description,
        tags=dict(message.tags),
        creation_time=millis(message.create_time),
        last_update_time=millis(message.update_time),
    )


def from_run(message: run_pb2.Run) -> Run:
    """The value of a message that has all fields."""
    return Run(
        info=from_run_info(message),
        data=from_run_data(message),
        inputs=_from_inputs(message.inputs),
        outputs=RunOutputs(tuple(LoggedModelOutput(output.model_id, output.step) for output in message.outputs.models)),
    )


def from_run_without_inputs(message: run_pb2.Run) -> Run:
    """The value of a message for which inputs and outputs were not asked."""
    return Run(info=from_run_info(message), data=from_run_data(message))


def _from_inputs(message: run_inputs_pb2.RunInputs) -> RunInputs:
    return RunInputs(
        tuple(
            DatasetInput(
                Dataset(
                    name=used.dataset.name,
                    digest=used.dataset.digest,
                    source_type=used.dataset.source_type,
                    source=used.dataset.source,
                    schema=used.dataset.schema,
                    profile=used.dataset.profile,
                ),
                dict(used.tags),
            )
            for used in message.datasets
        ),
        tuple(LoggedModelInput(model.model_id) for model in message.models),
    )


def from_dataset_summary(message: run_inputs_pb2.DatasetSummary) -> DatasetSummary:
    """The value of a message."""
    return DatasetSummary(
        experiment_id=last_segment(message.experiment),
        name=message.name,
        digest=message.digest,
        context=message.context,
    )


def from_run_info(message: run_pb2.Run) -> RunInfo:
    """What the run is, without what was logged to it."""
    return RunInfo(
        run_id=last_segment(message.name),
        run_name=message.display_name,
        experiment_id=last_segment(message.experiment),
        # A status that this client is too old to know shows as its number.
        status=run_pb2.RunStatus.Name(message.status).removeprefix(_STATUS_PREFIX)
        if message.status in run_pb2.RunStatus.values()
        else str(message.status),
        start_time=millis(message.start_time) if message.HasField("start_time") else None,
        end_time=millis(message.end_time) if message.HasField("end_time") else None,
        lifecycle_stage=_STAGES.get(message.state, ""),
        user_id=message.user,
        created_by=message.created_by,
        source=message.source,
        git_commit=message.git_commit,
        parent_run_id=last_segment(message.parent_run),
        description=message.description,
        forked_from_run_id=last_segment(message.forked_from.run),
        forked_from_step=message.forked_from.step if message.HasField("forked_from") else None,
        last_write_time=millis(message.last_write_time) if message.HasField("last_write_time") else None,
        stale=message.stale,
    )


def from_purged_experiment(message: purge_pb2.PurgedExperiment) -> PurgedExperiment:
    """The value of a message."""
    return PurgedExperiment(last_segment(message.name), message.display_name, message.run_count)


def from_purged_run(message: purge_pb2.PurgedRun) -> PurgedRun:
    """The value of a message."""
    return PurgedRun(last_segment(message.name), message.display_name, message.point_count, message.point_bytes)


def from_comparison(message: pb.CompareRunsResponse, run_ids: Sequence[str]) -> RunComparison:
    """The comparison of these runs."""

    def texts(compared: Iterable[pb.ComparedText]) -> tuple[ComparedKey[str], ...]:
        return tuple(
            ComparedKey(
                text.key,
                text.differs,
                {run_ids[place]: value for place, value in zip(text.runs, text.values, strict=True)},
            )
            for text in compared
        )

    metrics = tuple(
        ComparedKey(
            metric.key,
            metric.differs,
            {
                run_ids[place]: MetricSummary(value, step, low, high)
                for place, value, step, low, high in zip(
                    metric.runs, metric.values, metric.steps, metric.mins, metric.maxs, strict=True
                )
            },
        )
        for metric in message.metrics
    )
    return RunComparison(texts(message.attributes), texts(message.params), texts(message.tags), metrics)


def from_run_change(message: watch_pb2.RunChange) -> RunChange:
    """The value of a message."""
    names = map(watch_pb2.RunChangeKind.Name, (kind for kind in message.kinds if kind in _CHANGE_KINDS))
    kinds = frozenset(name.removeprefix(_CHANGE_PREFIX).lower() for name in names)
    return RunChange(
        run_id=last_segment(message.run.name),
        experiment_id=last_segment(message.run.experiment),
        kinds=kinds,
        run=None if kinds <= {"metrics", "metrics_removed"} else from_run_without_inputs(message.run),
        metrics={
            metric.key: MetricSummary(metric.value, metric.step, metric.min, metric.max) for metric in message.metrics
        },
    )


def from_experiment_change(message: watch_pb2.ExperimentChange) -> ExperimentChange:
    """The value of a message."""
    return ExperimentChange(last_segment(message.experiment), _STAGES.get(message.state, ""))


def to_key_kind(kind: str) -> pb.RunKeyKind.ValueType:
    """The kind of a name such as `metric`. Raises InvalidArgument for a name of none."""
    if kind not in _KEY_KINDS:
        raise InvalidArgument(f"{kind!r} is not what keys belong to; that is {', '.join(_KEY_KINDS)}.")
    return _KEY_KINDS[kind]


def from_run_data(message: run_pb2.Run) -> RunData:
    """What was logged to the run."""
    return RunData(
        metrics={metric.key: metric.value for metric in message.metrics},
        # As metrics come: maps of messages have an order of their own each time.
        params=dict(sorted(message.params.items())),
        tags=dict(sorted(message.tags.items())),
    )


def to_written(params: Mapping[str, str] | None = None, tags: Mapping[str, str] | None = None) -> pb.WriteRunRequest:
    """What writes params and tags to a run, which is not named yet."""
    return pb.WriteRunRequest(
        params=[pb.Param(key=key, value=value) for key, value in (params or {}).items()],
        tags=[pb.Tag(key=key, value=value) for key, value in (tags or {}).items()],
    )


class WrittenLine(Protocol):
    """A line to be logged; `ConsoleLine` is one."""

    @property
    def text(self) -> str:
        """Without the line break."""

    @property
    def timestamp(self) -> int:
        """When it was written."""

    @property
    def stream(self) -> str:
        """`stdout` or `stderr`."""

    @property
    def rank(self) -> int | None:
        """Of the process."""

    @property
    def unfinished(self) -> bool:
        """Whether the next one goes on with it."""


def to_console(lines: Iterable[WrittenLine]) -> pb.WriteRunRequest:
    """What writes lines to the console of a run, which is not named yet. Raises InvalidArgument for another stream."""
    message = pb.WriteRunRequest()
    for line in lines:
        if line.stream not in _STREAMS:
            raise InvalidArgument(f"{line.stream!r} is no stream of a console; that is stdout or stderr.")
        message.console.add(
            time_millis=line.timestamp,
            stream=_STREAMS[line.stream],
            rank=line.rank,
            text=line.text,
            unfinished=line.unfinished,
        )
    return message


def from_console_line(message: console_pb2.ConsoleLine) -> ConsoleLine:
    """The value of a message."""
    return ConsoleLine(
        message.text,
        message.time_millis,
        _STREAM_NAMES.get(message.stream, ""),
        message.rank if message.HasField("rank") else None,
        message.unfinished,
        message.number,
    )


def to_inputs(datasets: Iterable[DatasetInput], model_ids: Iterable[str]) -> pb.WriteRunRequest:
    """What writes inputs to a run, which is not named yet."""
    inputs = run_inputs_pb2.RunInputs(
        models=[run_inputs_pb2.LoggedModelInput(model_id=model_id) for model_id in model_ids]
    )
    for used in datasets:
        dataset = used.dataset
        inputs.datasets.add(
            dataset=run_inputs_pb2.Dataset(
                name=dataset.name,
                digest=dataset.digest,
                source_type=dataset.source_type,
                source=dataset.source,
                schema=dataset.schema,
                profile=dataset.profile,
            ),
            tags=used.tags,
        )
    return pb.WriteRunRequest(inputs=inputs if inputs.ByteSize() else None)


def to_outputs(outputs: Iterable[LoggedModelOutput]) -> pb.WriteRunRequest:
    """What writes outputs to a run, which is not named yet."""
    models = [run_inputs_pb2.LoggedModelOutput(model_id=output.model_id, step=output.step) for output in outputs]
    return pb.WriteRunRequest(outputs=run_inputs_pb2.RunOutputs(models=models) if models else None)
