"""Importance of the params of runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from trivet_kit.calls import Call
from trivet_kit.resources import parse_workspace
from trivet_kit.search.expressions import And, Comparison, Entity, Key, Operator
from trivet_kit.search.parser import parse_filter
from trivet_proto.tracking.v1 import param_importance_pb2 as pb
from trivet_tracking import convert
from trivet_tracking.convert_param_importance import from_importance, to_fields, to_figure
from trivet_tracking.domain.metrics import CurrentValue
from trivet_tracking.domain.param_importance import MAX_RUNS, MeasuredRun, param_importance
from trivet_tracking.domain.runs import Run, RunQuery, Runs
from trivet_tracking.domain.vocabularies import RUNS
from trivet_tracking.turns import Turns


@dataclass(frozen=True)
class ParamImportanceServicer:
    """Implements its part of `trivet.tracking.v1.TrackingService`; what the method does is said in the contract."""

    runs: Runs
    turns: Turns

    def ReadParamImportance(self, request: pb.ReadParamImportanceRequest, call: Call) -> pb.ParamImportance:
        workspace = parse_workspace(request.parent, "parent").workspace
        fields = to_fields(request)
        has_metric = Comparison(Key(Entity.METRIC, request.metric_key), Operator.IS_NOT_NULL, None)
        query = RunQuery(
            experiment_ids=convert.to_experiment_ids(request.experiments),
            where=And((*parse_filter(request.filter, RUNS).terms, has_metric)),
            order_by=(),
            view=convert.to_view(request.view),
            size=MAX_RUNS,
            after=None,
            fields=fields,
        )
        figure = to_figure(request.figure)
        runs, has_more = self._newest(workspace, query)
        with self.turns.turn():
            found = param_importance([_measured(run, figure) for run in runs])
        return from_importance(found, has_more_runs=has_more)

    def _newest(self, workspace: str, query: RunQuery) -> tuple[list[Run], bool]:
        """As many runs as count, and whether there are more. A page may be short: what is loaded at once is bounded."""
        runs: list[Run] = []
        while True:
            page = self.runs.search(workspace, query)
            runs += page.runs
            if page.is_last or len(runs) == MAX_RUNS:
                return runs, not page.is_last
            query = replace(query, size=MAX_RUNS - len(runs), after=page.cursors[-1])


def _measured(run: Run, figure: Callable[[CurrentValue], float | None]) -> MeasuredRun:
    (metric,) = run.metrics
    value = figure(metric.current)
    return MeasuredRun(run.params, math.nan if value is None else value)
