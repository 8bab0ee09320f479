"""How fast runs and histories are read."""

from __future__ import annotations

import random

import psycopg2
from harness import PARENT, Comparison, Setting, per_second

from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.experiment_pb2 import Experiment
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns
from trivet_proto.tracking.v1.run_pb2 import Run

RUNS = 2000
HISTORY_POINTS = 100_000
_QUERY = "metrics.rmse < 0.5 AND params.model = 'xgb'"


def comparisons(setting: Setting) -> list[Comparison]:
    """A page of runs, and one long history; makes the data first."""
    experiment = _make_runs(setting)
    run = _make_history(setting)
    _analyse(setting.database_url)
    search = pb.SearchRunsRequest(
        parent=PARENT, experiments=[experiment], filter=_QUERY, order_by="metrics.rmse", page_size=100
    )
    history = pb.ReadMetricHistoryRequest(run=run, key="loss")
    return [
        Comparison(
            f"page of 100 of {RUNS:,} runs: {_QUERY}, ordered by metrics.rmse",
            "pages/s",
            lambda: per_second(lambda: setting.stub.SearchRuns(search)),
            "the ids alone, by SQL",
            lambda: _queries_per_second(
                setting.database_url,
                "SELECT run_pk FROM trivet_tracking.metric_latest WHERE key = 'rmse' AND context = 0 "
                "AND value < 0.5 AND run_pk IN (SELECT run_pk FROM trivet_tracking.param "
                "WHERE key = 'model' AND value = 'xgb') ORDER BY value LIMIT 100",
            ),
        ),
        Comparison(
            f"history of {HISTORY_POINTS:,} points",
            "histories/s",
            lambda: per_second(lambda: list(setting.stub.ReadMetricHistory(history))),
            "the bytes of the run's chunks, by SQL",
            lambda: _queries_per_second(
                setting.database_url,
                "SELECT data FROM trivet_tracking.metric_chunk JOIN trivet_tracking.run USING (run_pk) "
                f"WHERE run_id = '{run.rsplit('/', 1)[1]}'",
            ),
        ),
    ]


def _make_runs(setting: Setting) -> str:
    choose = random.Random(0)
    experiment = setting.stub.CreateExperiment(
        pb.CreateExperimentRequest(parent=PARENT, experiment=Experiment(display_name="bench"))
    ).name
    for number in range(RUNS):
        params = {f"param_{i}": str(choose.random()) for i in range(9)}
        run = setting.stub.CreateRun(
            pb.CreateRunRequest(
                parent=PARENT,
                run=Run(
                    experiment=experiment,
                    params=params | {"model": choose.choice(("xgb", "lasso", "ridge"))},
                    tags={f"tag_{i}": str(number % 7) for i in range(5)},
                ),
            )
        )
        setting.stub.WriteRun(
            pb.WriteRunRequest(
                run=run.name,
                metrics=MetricColumns(
                    keys=["rmse", *(f"metric_{i}" for i in range(9))],
                    values=[choose.random() for _ in range(10)],
                    times_millis=[1],
                ),
            )
        )
    return experiment


def _analyse(database_url: str) -> None:
    """Gathers statistics for the planner, as autovacuum does within a minute of such a load."""
    connection = psycopg2.connect(database_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    connection.close()


def _make_history(setting: Setting) -> str:
    run = setting.stub.CreateRun(pb.CreateRunRequest(parent=PARENT)).name
    choose = random.Random(0)
    for begin in range(0, HISTORY_POINTS, 10_000):
        setting.stub.WriteRun(
            pb.WriteRunRequest(
                run=run,
                metrics=MetricColumns(
                    keys=["loss"],
                    counts=[10_000],
                    steps=range(begin, begin + 10_000),
                    times_millis=[1],
                    values=[choose.random() for _ in range(10_000)],
                ),
            )
        )
    return run


def _queries_per_second(database_url: str, query: str) -> float:
    connection = psycopg2.connect(database_url)
    with connection.cursor() as cursor:

        def read() -> object:
            cursor.execute(query)
            return cursor.fetchall()

        figure = per_second(read)
    connection.close()
    return figure
