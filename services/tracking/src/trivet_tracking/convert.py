"""Between the contract's messages and the domain's values. Checks what needs no database."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

from google.protobuf.field_mask_pb2 import FieldMask

from trivet_kit import texts
from trivet_kit.calls import Call
from trivet_kit.errors import FieldInvalid, FieldRequired
from trivet_kit.fingerprints import fingerprint
from trivet_kit.page_tokens import MAX_PAGE_BYTES
from trivet_kit.resources import RUN_ID, ExperimentName, RunName, parse_experiment, parse_run
from trivet_kit.timestamps import from_millis, to_millis
from trivet_kit.updates import named_paths
from trivet_proto.tracking.v1 import (
    experiment_activity_pb2,
    experiment_pb2,
    lifecycle_pb2,
    metric_pb2,
    purge_pb2,
    rewrite_pb2,
    run_pb2,
    watch_pb2,
)
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_tracking.convert_inputs import from_inputs, from_outputs
from trivet_tracking.domain import limits
from trivet_tracking.domain.comparison import Compared, RunComparison
from trivet_tracking.domain.experiments import (
    DEFAULT_EXPERIMENT_ID,
    Experiment,
    ExperimentActivity,
    ExperimentChange,
    NewExperiment,
    View,
)
from trivet_tracking.domain.metrics import Metric, MetricContext
from trivet_tracking.domain.run_keys import RunKeyKind
from trivet_tracking.domain.run_names import run_name
from trivet_tracking.domain.runs import (
    ExperimentById,
    ExperimentByName,
    ForkPoint,
    KeySelection,
    NewRun,
    Run,
    RunChange,
    RunFields,
    RunStatus,
)

_VIEWS = {
    lifecycle_pb2.LIFECYCLE_VIEW_UNSPECIFIED: View.ACTIVE,
    lifecycle_pb2.LIFECYCLE_VIEW_ACTIVE: View.ACTIVE,
    lifecycle_pb2.LIFECYCLE_VIEW_DELETED: View.DELETED,
    lifecycle_pb2.LIFECYCLE_VIEW_ALL: View.ALL,
}

# What a message says of a run, by field.
_RUN_FIELDS: Mapping[str, Callable[[Run], Any]] = {
    "name": lambda run: str(RunName(run.workspace, run.run_id)),
    "experiment": lambda run: str(ExperimentName(run.workspace, run.experiment_id)),
    "display_name": lambda run: run.display_name,
    "status": lambda run: run_pb2.RunStatus.ValueType(run.status.value),
    "start_time": lambda run: from_millis(run.start_time),
    "end_time": lambda run: from_millis(run.end_time),
    "begun_time": lambda run: from_millis(run.begun_time),
    "user": lambda run: run.user,
    "created_by": lambda run: run.created_by,
    "source": lambda run: run.source,
    "git_commit": lambda run: run.git_commit,
    "parent_run": lambda run: str(RunName(run.workspace, run.parent_run_id)) if run.parent_run_id else "",
    "description": lambda run: run.description,
    "params": lambda run: run.params,
    "tags": lambda run: run.tags,
    "metrics": lambda run: [from_metric(metric) for metric in run.metrics],
    "state": lambda run: state_of(deleted=run.deleted),
    "create_time": lambda run: from_millis(run.create_time),
    "update_time": lambda run: from_millis(run.update_time),
    "delete_time": lambda run: from_millis(run.delete_time),
    "etag": lambda run: str(run.revision),
    "forked_from": lambda run: _from_fork_point(run.workspace, run.forked_from),
    "last_write_time": lambda run: from_millis(run.last_write_time),
    "stale": lambda run: run.stale,
    "omitted": lambda run: FieldMask(paths=sorted(run.left_out)) if run.left_out else None,
    "inputs": lambda run: from_inputs(run.links),
    "outputs": lambda run: from_outputs(run.links),
}

_UnboundedRunField: TypeAlias = Literal["metrics", "params", "tags"]
# A run may have any number of these. What is left of it without them is far below the bound of a message.
_UNBOUNDED_RUN_FIELDS: Final[tuple[_UnboundedRunField, ...]] = ("metrics", "params", "tags")


def to_view(view: lifecycle_pb2.LifecycleView.ValueType) -> View:
    """The view; unspecified is ACTIVE. Raises FieldInvalid for a number that is none."""
    if view not in _VIEWS:
        raise FieldInvalid("view", f"has the unknown value {view}")
    return _VIEWS[view]


def to_new_experiment(message: experiment_pb2.Experiment) -> NewExperiment:
    """Checks an experiment to create. Raises FieldRequired, FieldInvalid, FieldTooLong."""
    return NewExperiment(
        display_name=_experiment_display_name(message.display_name),
        description=_description(message.description, "experiment"),
        artifact_location=texts.check_text(
            message.artifact_location, "experiment.artifact_location", limits.MAX_ARTIFACT_LOCATION_CHARACTERS
        ),
        tags=texts.check_map(message.tags, "experiment.tags", limits.MAX_TAG_VALUE_BYTES),
    )


def to_experiment_change(request: pb.UpdateExperimentRequest) -> ExperimentChange:
    """Checks the new values of the mask. Raises UpdateMaskInvalid, FieldRequired, FieldInvalid, FieldTooLong."""
    paths = named_paths(request.update_mask.paths, ("display_name", "description"))
    message = request.experiment
    return ExperimentChange(
        display_name=_experiment_display_name(message.display_name) if "display_name" in paths else None,
        description=_description(message.description, "experiment") if "description" in paths else None,
    )


def to_new_run(request: pb.CreateRunRequest, call: Call, now_millis: int) -> NewRun:
    """Checks a run to create. Raises FieldInvalid, FieldTooLong, ResourceNameInvalid."""
    message = request.run
    run_id = request.run_id or _new_run_id(now_millis)
    if not RUN_ID.fullmatch(run_id):
        raise FieldInvalid("run_id", f"must match {RUN_ID.pattern}")
    return NewRun(
        run_id=run_id,
        experiment=_experiment_of(request),
        display_name=_run_display_name(message.display_name) if message.display_name else run_name(run_id),
        status=_status(message.status) if message.status else RunStatus.RUNNING,
        start_time=to_millis(message.start_time, "run.start_time") if message.HasField("start_time") else now_millis,
        end_time=to_millis(message.end_time, "run.end_time") if message.HasField("end_time") else None,
        user=texts.check_text(message.user, "run.user", limits.MAX_USER_CHARACTERS),
        created_by=call.principal.subject,
        source=texts.check_text(message.source, "run.source", limits.MAX_SOURCE_CHARACTERS),
        git_commit=texts.check_text(message.git_commit, "run.git_commit", limits.MAX_GIT_COMMIT_CHARACTERS),
        parent_run_id=parse_run(message.parent_run, "run.parent_run").run_id if message.parent_run else "",
        description=_description(message.description, "run"),
        params=texts.check_map(message.params, "run.params", limits.MAX_PARAM_VALUE_BYTES),
        tags=texts.check_map(message.tags, "run.tags", limits.MAX_TAG_VALUE_BYTES),
        fingerprint=fingerprint(request),
    )


def to_new_fork(request: rewrite_pb2.ForkRunRequest, call: Call, now_millis: int) -> NewRun:
    """Checks a fork to create, as `to_new_run`; its experiment is not said yet."""
    if request.run.experiment:
        raise FieldInvalid("run.experiment", "must be empty; a fork goes into the experiment of the run that is forked")
    new = to_new_run(pb.CreateRunRequest(run_id=request.run_id, run=request.run), call, now_millis)
    return dataclasses.replace(new, fingerprint=fingerprint(request))


def _experiment_of(request: pb.CreateRunRequest) -> ExperimentById | ExperimentByName:
    if request.experiment_display_name:
        if request.run.experiment:
            raise FieldInvalid("experiment_display_name", "cannot be set together with run.experiment")
        return ExperimentByName(
            texts.check_label(
                request.experiment_display_name, "experiment_display_name", limits.MAX_DISPLAY_NAME_CHARACTERS
            ),
            request.create_experiment,
        )
    if request.create_experiment:
        raise FieldRequired("experiment_display_name")
    if request.run.experiment:
        return ExperimentById(parse_experiment(request.run.experiment, "run.experiment").experiment_id)
    return ExperimentById(DEFAULT_EXPERIMENT_ID)


def to_run_change(request: pb.UpdateRunRequest) -> RunChange:
    """Checks the new values of the mask. Raises UpdateMaskInvalid, FieldRequired, FieldInvalid, FieldTooLong."""
    paths = named_paths(request.update_mask.paths, ("display_name", "description", "status", "start_time", "end_time"))
    message = request.run
    if "start_time" in paths and not message.HasField("start_time"):
        raise FieldRequired("run.start_time")
    has_end = "end_time" in paths and message.HasField("end_time")
    has_begun = request.HasField("begun_time")
    if has_begun and "status" not in paths:
        raise FieldInvalid("begun_time", "says something only together with a status")
    return RunChange(
        display_name=_run_display_name(message.display_name) if "display_name" in paths else None,
        description=_description(message.description, "run") if "description" in paths else None,
        status=_status(message.status) if "status" in paths else None,
        start_time=to_millis(message.start_time, "run.start_time") if "start_time" in paths else None,
        end_time=to_millis(message.end_time, "run.end_time") if has_end else None,
        clear_end_time="end_time" in paths and not has_end,
        begun_time=to_millis(request.begun_time, "begun_time") if has_begun else None,
    )


def from_experiment(experiment: Experiment) -> experiment_pb2.Experiment:
    """The experiment as a message."""
    deleted = experiment.delete_time is not None
    return experiment_pb2.Experiment(
        name=str(ExperimentName(experiment.workspace, experiment.experiment_id)),
        display_name=experiment.display_name,
        description=experiment.description,
        artifact_location=experiment.artifact_location,
        tags=experiment.tags,
        state=state_of(deleted=deleted),
        create_time=from_millis(experiment.create_time),
        update_time=from_millis(experiment.update_time),
        delete_time=from_millis(experiment.delete_time),
        etag=str(experiment.revision),
    )


def from_activity(activity: ExperimentActivity) -> experiment_activity_pb2.ExperimentActivity:
    """What goes on in an experiment, as a message."""
    return experiment_activity_pb2.ExperimentActivity(
        experiment=str(ExperimentName(activity.workspace, activity.experiment_id)),
        run_count=activity.runs,
        running_run_count=activity.running,
        deleted_run_count=activity.deleted,
        last_activity_time=from_millis(activity.last_time),
    )


def to_experiment_ids(names: Sequence[str]) -> tuple[int, ...]:
    """The ids in a request's `experiments`, each once. Raises FieldInvalid, ResourceNameInvalid."""
    if len(names) > limits.MAX_SEARCHED_EXPERIMENTS:
        raise FieldInvalid("experiments", f"must have at most {limits.MAX_SEARCHED_EXPERIMENTS} entries")
    return tuple(sorted({parse_experiment(name, f"experiments[{i}]").experiment_id for i, name in enumerate(names)}))


def to_run_ids(names: Sequence[str], most: int) -> tuple[str, ...]:
    """The ids in a request's `runs`, in their order. Raises FieldInvalid, ResourceNameInvalid."""
    if len(names) > most:
        raise FieldInvalid("runs", f"must have at most {most} entries")
    return tuple(parse_run(name, f"runs[{i}]").run_id for i, name in enumerate(names))


def to_age_millis(request: purge_pb2.PurgeExperimentsRequest | purge_pb2.PurgeRunsRequest) -> int:
    """How long ago what is purged was deleted, at least. Raises FieldInvalid."""
    age = request.older_than
    if age.seconds < 0 or age.nanos < 0:
        raise FieldInvalid("older_than", "must be 0 or more")
    return min(age.seconds * 1000 + age.nanos // 1_000_000, 2**53)


def to_metric_keys(keys: Sequence[str]) -> tuple[str, ...]:
    """The keys of metrics in a request's `keys`. Raises FieldRequired, FieldInvalid, FieldTooLong."""
    if len(keys) > limits.MAX_DELETED_KEYS:
        raise FieldInvalid("keys", f"must have at most {limits.MAX_DELETED_KEYS} entries")
    return tuple(texts.check_key(key, f"keys[{index}]") for index, key in enumerate(keys))


def to_run_key_kind(value: pb.RunKeyKind.ValueType) -> RunKeyKind:
    """What keys belong to. Raises FieldRequired, FieldInvalid."""
    if not value:
        raise FieldRequired("kind")
    try:
        return RunKeyKind(value)
    except ValueError:
        raise FieldInvalid("kind", f"has the unknown value {value}") from None


def from_comparison(comparison: RunComparison) -> pb.CompareRunsResponse:
    """The comparison as a message."""
    return pb.CompareRunsResponse(
        attributes=[_from_compared_text(compared) for compared in comparison.attributes],
        params=[_from_compared_text(compared) for compared in comparison.params],
        tags=[_from_compared_text(compared) for compared in comparison.tags],
        metrics=[
            pb.ComparedMetric(
                key=compared.key,
                differs=compared.differs,
                runs=compared.values,
                values=[to_float(current.value) for current in compared.values.values()],
                steps=[current.step for current in compared.values.values()],
                mins=[to_float(current.min) for current in compared.values.values()],
                maxs=[to_float(current.max) for current in compared.values.values()],
            )
            for compared in comparison.metrics
        ],
    )


def _from_compared_text(compared: Compared[str]) -> pb.ComparedText:
    return pb.ComparedText(
        key=compared.key, differs=compared.differs, runs=compared.values, values=compared.values.values()
    )


def to_read_mask(mask: FieldMask) -> frozenset[str]:
    """The fields of runs to return. Raises FieldInvalid."""
    for index, path in enumerate(mask.paths):
        if path not in _RUN_FIELDS:
            raise FieldInvalid(f"read_mask.paths[{index}]", f"must be one of {', '.join(_RUN_FIELDS)}")
    return frozenset(mask.paths) or frozenset(_RUN_FIELDS)


def to_run_fields(request: pb.SearchRunsRequest | watch_pb2.WatchRunsRequest) -> RunFields:
    """What to load of runs. Raises FieldInvalid, FieldRequired, FieldTooLong."""

    def keys(field: str, asked: Sequence[str]) -> KeySelection:
        if len(asked) > limits.MAX_READ_KEYS:
            raise FieldInvalid(field, f"must have at most {limits.MAX_READ_KEYS} entries")
        named = frozenset(texts.check_key(key, f"{field}[{index}]") for index, key in enumerate(asked))
        return named or None

    metrics, params, tags = (
        keys("metric_keys", request.metric_keys),
        keys("param_keys", request.param_keys),
        keys("tag_keys", request.tag_keys),
    )
    return to_masked_fields(to_read_mask(request.read_mask), metrics=metrics, params=params, tags=tags)


def to_masked_fields(
    mask: frozenset[str], *, metrics: KeySelection = None, params: KeySelection = None, tags: KeySelection = None
) -> RunFields:
    """What to load of runs for these fields; of metrics, params and tags these keys."""
    return RunFields(
        metrics=metrics if "metrics" in mask else frozenset(),
        params=params if "params" in mask else frozenset(),
        tags=tags if "tags" in mask else frozenset(),
        description="description" in mask,
        last_write=not mask.isdisjoint(("last_write_time", "stale")),
        inputs="inputs" in mask,
        outputs="outputs" in mask,
    )


def from_run(run: Run, fields: Iterable[str] = _RUN_FIELDS) -> run_pb2.Run:
    """The run as a message, with some of its fields; without the largest of them where it would be too large."""
    message = run_pb2.Run(**{field: _RUN_FIELDS[field](run) for field in (*fields, "omitted")})
    while message.ByteSize() > MAX_PAGE_BYTES:
        largest = max(_UNBOUNDED_RUN_FIELDS, key=lambda field: _size_of(message, field))
        message.ClearField(largest)
        message.omitted.paths[:] = sorted((*message.omitted.paths, largest))
    return message


def _size_of(message: run_pb2.Run, field: _UnboundedRunField) -> int:
    return run_pb2.Run(**{field: getattr(message, field)}).ByteSize()


def _from_fork_point(workspace: str, point: ForkPoint | None) -> run_pb2.ForkPoint | None:
    if point is None:
        return None
    return run_pb2.ForkPoint(run=str(RunName(workspace, point.run_id)), step=point.step)


def from_metric(metric: Metric) -> metric_pb2.Metric:
    """The current value of a series as a message."""
    current = metric.current
    return metric_pb2.Metric(
        key=metric.key,
        context=from_context(metric.context) if metric.context is not None else None,
        value=to_float(current.value),
        step=current.step,
        time_millis=current.time,
        min=to_float(current.min),
        max=to_float(current.max),
        point_count=metric.points,
    )


def to_context(message: metric_pb2.MetricContext, field: str) -> MetricContext:
    """Checks a context. Raises FieldInvalid, FieldTooLong."""
    rank = message.rank if message.HasField("rank") else None
    if rank is not None and rank < 0:
        raise FieldInvalid(f"{field}.rank", "must be 0 or more")
    return MetricContext(
        rank=rank,
        model_id=texts.check_text(message.model_id, f"{field}.model_id", texts.MAX_KEY_CHARACTERS),
        dataset_name=texts.check_text(
            message.dataset_name, f"{field}.dataset_name", limits.MAX_DATASET_NAME_CHARACTERS
        ),
        dataset_digest=texts.check_text(
            message.dataset_digest, f"{field}.dataset_digest", limits.MAX_DATASET_DIGEST_CHARACTERS
        ),
    )


def from_context(context: MetricContext) -> metric_pb2.MetricContext:
    """The context as a message."""
    return metric_pb2.MetricContext(
        rank=context.rank,
        model_id=context.model_id,
        dataset_name=context.dataset_name,
        dataset_digest=context.dataset_digest,
    )


def to_float(value: float | None) -> float:
    """A value of a metric as messages have it, where NaN is no None."""
    return float("nan") if value is None else value


def state_of(*, deleted: bool) -> lifecycle_pb2.LifecycleState.ValueType:
    """Whether something is in use or deleted."""
    return lifecycle_pb2.LIFECYCLE_STATE_DELETED if deleted else lifecycle_pb2.LIFECYCLE_STATE_ACTIVE


def _experiment_display_name(text: str) -> str:
    return texts.check_label(text, "experiment.display_name", limits.MAX_DISPLAY_NAME_CHARACTERS)


def _run_display_name(text: str) -> str:
    return texts.check_label(text, "run.display_name", limits.MAX_DISPLAY_NAME_CHARACTERS)


def _description(text: str, resource: str) -> str:
    return texts.check_value(text, f"{resource}.description", limits.MAX_DESCRIPTION_BYTES)


def _status(value: run_pb2.RunStatus.ValueType) -> RunStatus:
    try:
        return RunStatus(value)
    except ValueError:
        raise FieldInvalid("run.status", f"has the unknown value {value}") from None


def _new_run_id(now_millis: int) -> str:
    """A UUIDv7 (RFC 9562 §5.7) in 32 hexadecimal digits."""
    random = uuid.uuid4().int
    bits = (now_millis & (2**48 - 1)) << 80 | 7 << 76 | (random & (0xFFF << 64)) | 2 << 62 | (random & (2**62 - 1))
    return f"{bits:032x}"
