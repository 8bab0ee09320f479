"""What MLflow's own client is asked to do; runs in MLflow's environment, prints one JSON list of figures.

    python bench/peer_client.py http://127.0.0.1:5000 CELL [NUMBER [CALLERS]]

It imports nothing of Trivet. Every cell first does a little of what it measures, so that no first connection counts.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import multiprocessing
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Before the import: by default it does not buffer, and 100,000 points then take minutes.
os.environ.setdefault("MLFLOW_ASYNC_LOGGING_BUFFERING_SECONDS", "1")

import mlflow
import requests
from mlflow.entities import Metric, Param, RunTag
from mlflow.utils.search_utils import SearchUtils

_SECONDS = 5.0
_BATCH = 1000  # the most that MLflow takes in a call
_NOW = 1_700_000_000_000


def log_metric(_: int) -> list[float]:
    """Calls a second of one client."""
    client, run = _run()
    client.log_metric(run, "loss", 0.5, step=0)
    return [_log_metrics(client, run)]


def _log_metrics(client: mlflow.MlflowClient, run: str) -> float:
    done = 0
    begin = time.perf_counter()
    while time.perf_counter() < begin + _SECONDS:
        done += 1
        client.log_metric(run, "loss", 1 / done, step=done)
    return done / (time.perf_counter() - begin)


def log_metric_of_processes(_: int, callers: int) -> list[float]:
    """The same of several processes at once, each with a run of its own, all together."""
    context = multiprocessing.get_context("fork")
    begun = context.Barrier(callers)
    figures = context.SimpleQueue()

    def call() -> None:
        client, run = _run()
        client.log_metric(run, "loss", 0.5, step=0)
        begun.wait()
        figures.put(_log_metrics(client, run))

    processes = [context.Process(target=call) for _ in range(callers)]
    for process in processes:
        process.start()
    total = sum(figures.get() for _ in processes)
    for process in processes:
        process.join()
    return [total]


def log_batch(_: int) -> list[float]:
    """Points a second of one client, in batches of one series."""
    client, run = _run()
    client.log_batch(run, metrics=_points(0, 1))
    done = 0
    begin = time.perf_counter()
    while time.perf_counter() < begin + _SECONDS:
        client.log_batch(run, metrics=_points(1 + done, _BATCH))
        done += _BATCH
    return [done / (time.perf_counter() - begin)]


def plain_log_batch(_: int) -> list[float]:
    """Points a second in batches whose JSON is made before: what a client in a faster language sends."""
    _, run = _run()
    bodies = [
        json.dumps(
            {
                "run_id": run,
                "metrics": [
                    {"key": point.key, "value": point.value, "timestamp": point.timestamp, "step": point.step}
                    for point in _points(first, _BATCH)
                ],
            }
        )
        for first in range(0, 200 * _BATCH, _BATCH)
    ]
    with requests.Session() as session:
        done = 0
        begin = time.perf_counter()
        while time.perf_counter() < begin + _SECONDS and done < len(bodies):
            answer = session.post(
                f"{mlflow.get_tracking_uri()}/api/2.0/mlflow/runs/log-batch",
                bodies[done],
                headers={"Content-Type": "application/json"},
                timeout=60,
            )
            answer.raise_for_status()
            done += 1
        return [done * _BATCH / (time.perf_counter() - begin)]


def batches_until_queryable(points: int) -> list[float]:
    """Seconds until all points of a run can be read, logged in batches."""
    client, run = _run()
    client.log_batch(run, metrics=_points(0, 1))
    begin = time.perf_counter()
    for first in range(0, points, _BATCH):
        client.log_batch(run, metrics=_points(1 + first, min(_BATCH, points - first)))
    _check_last(client, run, points)
    return [time.perf_counter() - begin]


def async_until_queryable(points: int) -> list[float]:
    """The same, logged one by one, buffered for a second."""
    client, run = _run()
    with mlflow.start_run(run):
        mlflow.log_metric("loss", 0.5, step=0, synchronous=False)
        mlflow.flush_async_logging()
        begin = time.perf_counter()
        for step in range(1, 1 + points):
            mlflow.log_metric("loss", 1 / step, step=step, synchronous=False)
        mlflow.flush_async_logging()
        _check_last(client, run, points)
        return [time.perf_counter() - begin]


def whole_runs(_: int) -> list[float]:
    """Runs a second, each with 20 params, 10 metrics and 5 tags, by the calls that take many at once."""
    client, _run_id = _run()
    experiment = client.get_experiment_by_name("Default").experiment_id
    done = 0
    begin = time.perf_counter()
    while time.perf_counter() < begin + _SECONDS:
        run = client.create_run(experiment).info.run_id
        client.log_batch(
            run,
            metrics=[Metric(f"metric {number}", 0.5, _NOW, 0) for number in range(10)],
            params=[Param(f"param {number}", str(number)) for number in range(20)],
            tags=[RunTag(f"tag {number}", str(number)) for number in range(5)],
        )
        client.set_terminated(run)
        done += 1
    return [done / (time.perf_counter() - begin)]


def history(points: int) -> list[float]:
    """Seconds to read the whole history of the run that was filled with so many points."""
    client = mlflow.MlflowClient()
    run = _filled(client, points)
    client.get_run(run)
    begin = time.perf_counter()
    found = client.get_metric_history(run, "loss")
    took = time.perf_counter() - begin
    assert len(found) == points, len(found)
    return [took]


def plain_history(points: int) -> list[float]:
    """The same as the bytes of one page, which nobody parses."""
    run = _filled(mlflow.MlflowClient(), points)

    def read() -> None:
        answer = requests.get(
            f"{mlflow.get_tracking_uri()}/api/2.0/mlflow/metrics/get-history",
            params={"run_id": run, "metric_key": "loss"},
            timeout=120,
        )
        answer.raise_for_status()
        assert answer.content.count(b'"timestamp"') == points

    return _each(read, 3)


def chart(points: int) -> list[float]:
    """Seconds for the sample of 2,500 points that its pages draw of such a run."""
    run = _filled(mlflow.MlflowClient(), points)

    def read() -> None:
        answer = requests.get(
            f"{mlflow.get_tracking_uri()}/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval",
            params={"run_ids": run, "metric_key": "loss", "max_results": "2500"},
            timeout=120,
        )
        answer.raise_for_status()
        assert len(answer.json()["metrics"]) >= 2500

    return _each(read, 3)


def search(page: int) -> list[float]:
    """Seconds for a page of 100 of the shared data: two terms, ordered by a metric."""
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("dataset").experiment_id
    token = SearchUtils.create_page_token((page - 1) * 100) if page > 1 else None

    def read() -> None:
        found = client.search_runs(
            [experiment],
            "metrics.rmse < 0.5 AND params.model = 'xgb'",
            max_results=100,
            order_by=["metrics.rmse ASC"],
            page_token=token,
        )
        assert found, "the page is empty"

    return _each(read, 10)


def plain_search(_: int) -> list[float]:
    """The same as the bytes of the first page, which nobody parses."""
    experiment = mlflow.MlflowClient().get_experiment_by_name("dataset").experiment_id
    body = {
        "experiment_ids": [experiment],
        "filter": "metrics.rmse < 0.5 AND params.model = 'xgb'",
        "max_results": 100,
        "order_by": ["metrics.rmse ASC"],
    }

    def read() -> None:
        answer = requests.post(f"{mlflow.get_tracking_uri()}/api/2.0/mlflow/runs/search", json=body, timeout=60)
        answer.raise_for_status()
        assert answer.content.count(b'"run_uuid"') == 100

    return _each(read, 10)


def _run() -> tuple[mlflow.MlflowClient, str]:
    client = mlflow.MlflowClient()
    return client, client.create_run(client.get_experiment_by_name("Default").experiment_id).info.run_id


def small_files(files: int) -> list[float]:
    """Files of 10 KiB a second, by log_artifacts, through the server's proxy of artifacts."""
    client, run = _run()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(files):
            Path(folder, f"{number:05}").write_bytes(os.urandom(10 * 1024))
        client.log_artifact(run, str(Path(folder, "00000")), "first")
        begin = time.perf_counter()
        client.log_artifacts(run, folder)
        return [files / (time.perf_counter() - begin)]


def file_up(mib: int) -> list[float]:
    """MB/s of one large file, by log_artifact."""
    with tempfile.TemporaryDirectory() as folder:
        client, run, file = _large(folder, mib)
        begin = time.perf_counter()
        client.log_artifact(run, file)
        return [mib * 1.048576 / (time.perf_counter() - begin)]


def file_down(mib: int) -> list[float]:
    """MB/s of one large file, by download_artifacts."""
    with tempfile.TemporaryDirectory() as folder:
        client, run, file = _large(folder, mib)
        client.log_artifact(run, file)
        begin = time.perf_counter()
        got = client.download_artifacts(run, "large", str(Path(folder, "down")))
        took = time.perf_counter() - begin
        assert Path(got).stat().st_size == mib << 20
        return [mib * 1.048576 / took]


def _large(folder: str, mib: int) -> tuple[mlflow.MlflowClient, str, str]:
    """A client whose connection is warm, a run, and a file of bytes that nobody has seen before."""
    client, run = _run()
    for name, size in (("first", 1), ("large", mib)):
        with Path(folder, name).open("wb") as file:
            file.writelines(os.urandom(1 << 20) for _ in range(size))
    Path(folder, "down").mkdir()
    client.log_artifact(run, str(Path(folder, "first")))
    client.download_artifacts(run, "first", str(Path(folder, "down")))
    os.sync()  # what was written before is not to be paid for now
    return client, run, str(Path(folder, "large"))


def resolve_alias(models: int, callers: int) -> list[float]:
    """Calls a second for the version of an alias."""
    client = mlflow.MlflowClient()
    return _rate(lambda number, _: client.get_model_version_by_alias(_model(number, models), "champion"), callers)


def resolve_stage(models: int, callers: int) -> list[float]:
    """The same for the newest version in a stage."""
    client = mlflow.MlflowClient()
    return _rate(lambda number, _: client.get_latest_versions(_model(number, models), ["Production"]), callers)


def create_version(_: int, callers: int) -> list[float]:
    """Versions a second of an outside source, of a model that is there; each caller has one of its own."""
    client = mlflow.MlflowClient()
    for caller in range(callers):
        _create_model(client, f"new-{caller}")
    return _rate(lambda _, caller: client.create_model_version(f"new-{caller}", "s3://models/new"), callers)


def register_run(_: int, callers: int) -> list[float]:
    """Versions a second of a run's files, by `register_model`."""
    client, run = _run()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("MLmodel", "model.pkl", "requirements.txt"):
            Path(folder, name).write_text(f"{name} of the run\n", encoding="utf-8")
        client.log_artifacts(run, folder, "model")
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        return _rate(lambda _, caller: mlflow.register_model(f"runs:/{run}/model", f"new-files-{caller}"), callers)


def move_stage(_: int, callers: int) -> list[float]:
    """Moves a second of one version between two stages."""
    client = mlflow.MlflowClient()
    versions = []
    for caller in range(callers):
        _create_model(client, f"moved-{caller}")
        versions.append(client.create_model_version(f"moved-{caller}", "s3://models/moved").version)
    stages = ("Staging", "Production")

    def move(number: int, caller: int) -> object:
        return client.transition_model_version_stage(f"moved-{caller}", versions[caller], stages[number // callers % 2])

    return _rate(move, callers)


def search_models_by_name(_: int) -> list[float]:
    """Milliseconds, the 95th percentile, for a page of 100 models by part of their name."""
    return _high(lambda client: client.search_registered_models("name LIKE '%-00%'", 100))


def search_models_by_tag(_: int) -> list[float]:
    """The same by a tag."""
    return _high(lambda client: client.search_registered_models("tags.team = 'team-7'", 100))


def search_models_newest(_: int) -> list[float]:
    """The same by the time of the last change."""
    return _high(lambda client: client.search_registered_models(None, 100, ["last_updated_timestamp DESC"]))


def search_versions_of_model(models: int) -> list[float]:
    """The same for the versions of one model."""
    return _high(lambda client: client.search_model_versions(f"name = 'model-{models // 2:05}'", 100))


def search_version_of_run(_: int) -> list[float]:
    """The same for the version of a run."""
    return _high(lambda client: client.search_model_versions(f"run_id = '{12345:032x}'", 100))


def search_versions_by_tag(_: int) -> list[float]:
    """The same for versions by a tag."""
    return _high(lambda client: client.search_model_versions("tags.kind = 'kind-7'", 100))


def search_versions_newest(_: int) -> list[float]:
    """The same for the versions that were changed last."""
    return _high(lambda client: client.search_model_versions(None, 100))


def _model(number: int, models: int) -> str:
    """One of the models that `peer.py` filled in, another one each time."""
    return f"model-{number * 7919 % models:05}"


def _create_model(client: mlflow.MlflowClient, name: str) -> None:
    # It is there where another server with the same database was asked before.
    with contextlib.suppress(mlflow.MlflowException):
        client.create_registered_model(name)


def _rate(act: Callable[[int, int], object], callers: int) -> list[float]:
    """How often callers do something in a second, all together; `act` gets a count, and who calls."""
    begun = threading.Barrier(callers)

    def call(caller: int) -> float:
        act(caller, caller)
        begun.wait()
        done = 0
        begin = time.perf_counter()
        while time.perf_counter() < begin + _SECONDS:
            done += 1
            act(done * callers + caller, caller)
        return done / (time.perf_counter() - begin)

    with ThreadPoolExecutor(callers) as pool:
        return [sum(pool.map(call, range(callers)))]


def _high(search: Callable[[mlflow.MlflowClient], list[object]]) -> list[float]:
    client = mlflow.MlflowClient()
    figures = []
    for _ in range(1 + 20):
        begin = time.perf_counter()
        assert search(client), "the page is empty"
        figures.append(1000 * (time.perf_counter() - begin))
    return [statistics.quantiles(figures[1:], n=100, method="inclusive")[94]]


def _filled(client: mlflow.MlflowClient, points: int) -> str:
    """The id of the run with so many points."""
    default = client.get_experiment_by_name("Default").experiment_id
    (run,) = client.search_runs([default], f"attributes.run_name = 'points-{points}'")
    return str(run.info.run_id)


def _points(first: int, count: int) -> list[Metric]:
    return [Metric("loss", 1 / (1 + step), _NOW + step, step) for step in range(first, first + count)]


def _check_last(client: mlflow.MlflowClient, run: str, last_step: int) -> None:
    value = client.get_run(run).data.metrics["loss"]
    assert math.isclose(value, 1 / last_step, rel_tol=0.01), (value, last_step)


def _each(read: Callable[[], None], times: int) -> list[float]:
    read()
    figures = []
    for _ in range(times):
        begin = time.perf_counter()
        read()
        figures.append(time.perf_counter() - begin)
    return figures


_CELLS = (
    *(log_metric, log_batch, batches_until_queryable, async_until_queryable, whole_runs),
    *(history, chart, search),
    *(plain_log_batch, plain_history, plain_search),
    *(small_files, file_up, file_down),
    *(search_models_by_name, search_models_by_tag, search_models_newest),
    *(search_versions_of_model, search_version_of_run, search_versions_by_tag, search_versions_newest),
)


# Those that several callers do at once.
_CELLS_OF_CALLERS = (log_metric_of_processes, resolve_alias, resolve_stage, create_version, register_run, move_stage)


def main() -> None:
    """Does one cell."""
    uri, name, *numbers = sys.argv[1:]
    number, callers = map(int, numbers + ["0", "1"][len(numbers) :])
    mlflow.set_tracking_uri(uri)
    alone = {cell.__name__: cell for cell in _CELLS}
    together = {cell.__name__: cell for cell in _CELLS_OF_CALLERS}
    json.dump(together[name](number, callers) if name in together else alone[name](number), sys.stdout)


if __name__ == "__main__":
    main()
