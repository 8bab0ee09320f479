"""Histories of a metric of several runs, which MLflow's pages draw."""

from __future__ import annotations

from typing import Any, Final

from trivet_gateway.answers import without_empty
from trivet_gateway.errors import invalid
from trivet_gateway.fields import Fields
from trivet_gateway.mlflow.paging import check_max_results
from trivet_gateway.mlflow.points import Point, read_history, sort_by_step, sort_by_time, to_metrics
from trivet_gateway.upstream import Caller
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

_MOST_RUNS: Final = 100
_MOST_POINTS: Final = 25_000
_MOST_POINTS_OF_A_RUN: Final = 2_500


async def get_bulk(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Returns the first points by run, time, step and value. A run that is not there has none."""
    runs, key = _runs(fields, "run_id"), _key(fields)
    most = min(fields.whole("max_results", _MOST_POINTS), _MOST_POINTS)
    if most < 0:
        raise invalid(f"Invalid value {most} for parameter 'max_results' supplied: it must be at least 0.")
    metrics: list[dict[str, Any]] = []
    for run_id in sorted(set(runs)):
        if len(metrics) == most:
            break
        points = await read_history(caller, pb.ReadMetricHistoryRequest(run=caller.run(run_id), key=key))
        sort_by_time(points)
        metrics += _of_run(run_id, to_metrics(key, points[: most - len(metrics)]))
    return {"metrics": metrics}


async def get_interval(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Returns so many points of each run between two steps, evenly chosen, the first and the last among them."""
    runs, key = _runs(fields, "run_ids"), _key(fields)
    most = check_max_results(fields, _MOST_POINTS_OF_A_RUN, _MOST_POINTS_OF_A_RUN)
    request = pb.ReadMetricHistoryRequest(key=key)
    if fields.has("start_step") != fields.has("end_step"):
        raise invalid("If either start step or end step are specified, both must be specified.")
    if fields.has("start_step"):
        request.min_step, request.max_step = fields.whole("start_step"), fields.whole("end_step")
        if request.min_step > request.max_step:
            raise invalid(
                "end_step must be greater than start_step. "
                f"Found start_step={request.min_step} and end_step={request.max_step}."
            )
    metrics: list[dict[str, Any]] = []
    for run_id in runs:
        request.run = caller.run(run_id)
        points = await read_history(caller, request)
        sort_by_step(points)
        metrics += _of_run(run_id, to_metrics(key, _evenly(points, most)))
    return without_empty({"metrics": metrics})


def _runs(fields: Fields, name: str) -> list[str]:
    runs = fields.texts(name)
    if not runs or not all(runs):
        raise invalid(f"Missing value for required parameter '{name}'.")
    if len(runs) > _MOST_RUNS:
        raise invalid(f"The request must specify at most {_MOST_RUNS} run ids. Received {len(runs)}.")
    return runs


def _key(fields: Fields) -> str:
    return fields.needed("metric_key")


def _evenly(points: list[Point], most: int) -> list[Point]:
    """The first point of each of so many groups of almost the same size; of the last group the last one."""
    if len(points) <= most:
        return points
    size, longer = divmod(len(points), most)
    return [points[group * size + min(group, longer)] for group in range(most - 1)] + points[-1:]


def _of_run(run_id: str, metrics: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for metric in metrics:
        metric["run_id"] = run_id
    return metrics
