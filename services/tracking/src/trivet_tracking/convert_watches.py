"""Between the messages of WatchRuns and the domain's values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from trivet_kit import page_tokens
from trivet_kit.errors import FieldInvalid, PageTokenInvalid
from trivet_kit.resources import ExperimentName, RunName, parse_workspace
from trivet_proto.tracking.v1 import run_pb2, watch_pb2
from trivet_tracking import convert
from trivet_tracking.domain import limits
from trivet_tracking.domain.metrics import Metric
from trivet_tracking.domain.runs import KeySelection
from trivet_tracking.domain.watches import ChangedExperiment, ChangeKind, Changes, Position, RunChange, WatchQuery

_Value = TypeVar("_Value")

# What the tokens of this method are bound to: not its fields, for they stand for a moment only.
_BOUND_TO = "watch"
# Some 300 KiB: so that a run with very many does not make a message that clients cannot take.
MAX_METRICS_A_CHANGE = 5000
# Sent with every change.
_ALWAYS = ("name", "experiment")

_KINDS = {
    ChangeKind.CREATED: watch_pb2.RUN_CHANGE_KIND_CREATED,
    ChangeKind.FIELDS: watch_pb2.RUN_CHANGE_KIND_FIELDS,
    ChangeKind.PARAMS: watch_pb2.RUN_CHANGE_KIND_PARAMS,
    ChangeKind.TAGS: watch_pb2.RUN_CHANGE_KIND_TAGS,
    ChangeKind.METRICS: watch_pb2.RUN_CHANGE_KIND_METRICS,
    ChangeKind.METRICS_REMOVED: watch_pb2.RUN_CHANGE_KIND_METRICS_REMOVED,
}
# Changes that count only where their field is asked for.
_MASKED = (
    (ChangeKind.PARAMS, "params"),
    (ChangeKind.TAGS, "tags"),
    (ChangeKind.METRICS | ChangeKind.METRICS_REMOVED, "metrics"),
)


def to_query(request: watch_pb2.WatchRunsRequest, changes: Changes) -> WatchQuery:
    """What is to be watched.

    Raises:
        FieldInvalid, FieldRequired, FieldTooLong, ResourceNameInvalid: the request is malformed.
        ExperimentNotFound, RunNotFound: it names what is not there.
    """
    experiment_ids = convert.to_experiment_ids(request.experiments)
    run_ids = convert.to_run_ids(request.runs, limits.MAX_SEARCHED_RUNS)
    if experiment_ids and run_ids:
        raise FieldInvalid("runs", "cannot be set together with experiments")
    workspace = parse_workspace(request.parent, "parent").workspace
    return WatchQuery(
        workspace=workspace,
        experiment_ids=changes.experiments_of(workspace, experiment_ids, run_ids),
        run_ids=frozenset(run_ids),
        mask=convert.to_read_mask(request.read_mask),
        fields=convert.to_run_fields(request),
    )


def to_position(request: watch_pb2.WatchRunsRequest) -> Position | None:
    """Where to go on; None for the empty token. Raises FieldInvalid; the store says so of what is in the token."""
    try:
        cursor = page_tokens.decode(_BOUND_TO, request.resume_token)
    except PageTokenInvalid:
        raise FieldInvalid("resume_token", "is not one that WatchRuns has sent") from None
    match cursor:
        case None:
            return None
        case [str(position)]:
            return position
    raise FieldInvalid("resume_token", "is not one that WatchRuns has sent")


def from_changes(
    query: WatchQuery, runs: Iterable[RunChange], experiments: Sequence[ChangedExperiment] = ()
) -> list[watch_pb2.WatchRunsResponse]:
    """Messages, without their tokens, of what a watcher wants to hear of these changes; none where that is nothing."""
    messages: list[watch_pb2.WatchRunsResponse] = []
    size = page_tokens.MAX_PAGE_BYTES
    covered = [
        watch_pb2.ExperimentChange(
            experiment=str(ExperimentName(experiment.workspace, experiment.experiment_id)),
            state=convert.state_of(deleted=experiment.deleted),
        )
        for experiment in experiments
        if query.covers_experiment(experiment)
    ]
    if covered:
        messages.append(watch_pb2.WatchRunsResponse(experiments=covered))
        size = messages[0].ByteSize()
    for change in runs:
        for message in _from_change(query, change):
            its_size = message.ByteSize()
            if size + its_size > page_tokens.MAX_PAGE_BYTES:
                messages.append(watch_pb2.WatchRunsResponse())
                size = 0
            messages[-1].runs.append(message)
            size += its_size
    return messages


def with_tokens(
    messages: list[watch_pb2.WatchRunsResponse], before: Position, after: Position
) -> list[watch_pb2.WatchRunsResponse]:
    """The messages with their tokens: only the last one says that all was sent."""
    for message in messages[:-1]:
        message.resume_token = _token(before)
    if messages:
        messages[-1].resume_token = _token(after)
    return messages


def heartbeat(position: Position) -> watch_pb2.WatchRunsResponse:
    """The message that nothing changed up to a position."""
    return watch_pb2.WatchRunsResponse(resume_token=_token(position))


def _token(position: Position) -> str:
    return page_tokens.encode(_BOUND_TO, [position])


def _from_change(query: WatchQuery, change: RunChange) -> Iterator[watch_pb2.RunChange]:
    """The change of a run as a watcher wants it; in several messages where very many metrics changed."""
    if not query.covers(change.changed):
        return
    metrics = _only_metrics(change.metrics, query.fields.metrics)
    kinds = change.changed.kinds
    for kind, field in _MASKED:
        if field not in query.mask:
            kinds &= ~kind
    if not metrics:
        kinds &= ~ChangeKind.METRICS
    if not kinds:
        return
    yield watch_pb2.RunChange(
        run=_from_run(query, change, kinds),
        kinds=[value for kind, value in _KINDS.items() if kind in kinds],
        metrics=[convert.from_metric(metric) for metric in metrics[:MAX_METRICS_A_CHANGE]],
    )
    for begin in range(MAX_METRICS_A_CHANGE, len(metrics), MAX_METRICS_A_CHANGE):
        yield watch_pb2.RunChange(
            run=_from_run(query, change, ChangeKind.METRICS),
            kinds=[watch_pb2.RUN_CHANGE_KIND_METRICS],
            metrics=[convert.from_metric(metric) for metric in metrics[begin : begin + MAX_METRICS_A_CHANGE]],
        )


def _from_run(query: WatchQuery, change: RunChange, kinds: ChangeKind) -> run_pb2.Run:
    if change.run is None or not kinds & ~(ChangeKind.METRICS | ChangeKind.METRICS_REMOVED):
        changed = change.changed
        return run_pb2.Run(
            name=str(RunName(changed.workspace, changed.run_id)),
            experiment=str(ExperimentName(changed.workspace, changed.experiment_id)),
        )
    run = replace(
        change.run,
        params=_only(change.run.params, query.fields.params),
        tags=_only(change.run.tags, query.fields.tags),
    )
    return convert.from_run(run, query.mask.union(_ALWAYS))


def _only(entries: Mapping[str, _Value], keys: KeySelection) -> Mapping[str, _Value]:
    return entries if keys is None else {key: value for key, value in entries.items() if key in keys}


def _only_metrics(metrics: tuple[Metric, ...], keys: KeySelection) -> tuple[Metric, ...]:
    return metrics if keys is None else tuple(metric for metric in metrics if metric.key in keys)
