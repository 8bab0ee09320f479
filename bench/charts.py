"""How long charts of many points take in a real browser: from the choice of a chart to its picture on the page."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import grpc
import numpy as np
from harness import PARENT, Cell, Report
from playwright.sync_api import Page

from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns
from trivet_proto.tracking.v1.run_pb2 import Run
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing import tools
from trivet_testing.browser import chromium_browser, watched_page
from trivet_testing.servers import ServerProcess

LINES = 100
POINTS = 10_000
LONG = 10_000_000
SPIKE_STEP = 6_543_210
SPIKE = 1000.0
_BATCH = 100_000
_REACH_MS = 500
_ROUNDS = 5
_SIZE = {"width": 1280, "height": 800}

# Goes to a chart as a link does, and says when it is there: its lines are drawn, and their pixels can be read.
_DRAW = """async ([path, metrics]) => {
  performance.clearResourceTimings();
  const begin = performance.now();
  history.pushState(null, "", `${path}?tab=metrics&metric=${encodeURIComponent(JSON.stringify(metrics))}`);
  dispatchEvent(new PopStateEvent("popstate"));
  let canvas;
  while (!(canvas = document.querySelector("figure [data-drawn=true] [role=slider] canvas:nth-of-type(2)")))
    await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  canvas.getContext("2d").getImageData(0, 0, 1, 1);
  const whole = performance.now() - begin;
  const calls = performance.getEntriesByType("resource").filter((each) => each.name.endsWith("/ReadMetricCurves"));
  history.pushState(null, "", path);
  dispatchEvent(new PopStateEvent("popstate"));
  while (document.querySelector("figure")) await new Promise(requestAnimationFrame);
  return [whole, Math.max(...calls.map((each) => each.responseEnd)) - Math.min(...calls.map((each) => each.startTime))];
}"""


def report_on(report: Report) -> None:
    """Measures and prints the table."""
    with _pages() as (http, grpc_address), grpc.insecure_channel(grpc_address) as channel:
        stub = TrackingServiceStub(channel)
        many, long = _many_lines(stub), _long_line(stub)
        with chromium_browser(tools.find_chromium().path) as browser, watched_page(browser, viewport=_SIZE) as watched:
            report.table("Charts in Chromium", _cells(report, watched.page, http, many, long))


def _cells(report: Report, page: Page, http: str, many: str, long: str) -> Iterator[Cell]:
    keys = [f"loss/{line:03}" for line in range(LINES)]
    for name, run, metrics in (
        (f"{LINES} lines of {POINTS:,} points in one chart, drawn", many, keys),
        (f"a line of {LONG:,} points with its spike, drawn", long, ["loss"]),
    ):
        yield Cell(
            name, "ms", partial(_drawn, report, page, http, run, metrics), _REACH_MS, less_is_better=True, rounds=1
        )
    _find_spike(page, http, long)
    report.notes.append(f"The spike of {SPIKE:,.0f} at step {SPIKE_STEP:,} is where somebody points at it.")


def _drawn(report: Report, page: Page, http: str, run: str, metrics: list[str]) -> float:
    """From the choice to the picture, in milliseconds; what the browser keeps of earlier charts is not used."""
    taken = []
    path = f"/w/default/runs/{run}"
    for _ in range(_ROUNDS):
        page.goto(f"{http}{path}")
        page.get_by_role("table", name="Metrics").wait_for()
        # The code of charts is loaded once a visit, here by a small one.
        page.evaluate(_DRAW, [path, ["small"]])
        taken.append(page.evaluate(_DRAW, [path, metrics]))
    drawn = [float(each[0]) for each in taken]
    whole = statistics.median(drawn)
    report.notes.append(
        f"{len(metrics)} lines: {whole:.0f} ms [{min(drawn):.0f}-{max(drawn):.0f}] of {_ROUNDS} visits, "
        f"{statistics.median(each[1] for each in taken):.0f} ms of it until the last byte of the call."
    )
    return whole


def _find_spike(page: Page, http: str, run: str) -> None:
    page.goto(f"{http}/w/default/runs/{run}?tab=metrics&metric={json.dumps(['loss'])}")
    line = page.get_by_role("slider", name="loss")
    box = line.bounding_box()
    assert box is not None
    seen = []
    for pixel in range(int(0.6 * box["width"]), int(0.7 * box["width"])):
        page.mouse.move(box["x"] + pixel, box["y"] + 40)
        seen.append(line.get_attribute("aria-valuetext") or "")
    assert any(f"… {SPIKE:.0f}" in each for each in seen), seen[:3]


def _many_lines(stub: TrackingServiceStub) -> str:
    run = stub.CreateRun(pb.CreateRunRequest(parent=PARENT, run=Run(display_name="many"))).name
    random = np.random.default_rng(0)
    steps = np.arange(POINTS)
    for line in range(LINES):
        values = 2.0 / np.sqrt(1.0 + steps + 10 * line) + random.normal(0.0, 0.05, POINTS)
        _write(stub, run, f"loss/{line:03}", steps, values)
    _write(stub, run, "small", steps[:10], values[:10])
    return run.rpartition("/")[2]


def _long_line(stub: TrackingServiceStub) -> str:
    run = stub.CreateRun(pb.CreateRunRequest(parent=PARENT, run=Run(display_name="long"))).name
    random = np.random.default_rng(0)
    for begin in range(0, LONG, _BATCH):
        steps = np.arange(begin, begin + _BATCH)
        values = 2.0 / np.sqrt(1.0 + steps) + random.normal(0.0, 0.05, _BATCH)
        values[steps == SPIKE_STEP] = SPIKE
        _write(stub, run, "loss", steps, values.astype(np.float32))
    _write(stub, run, "small", steps[:10], values[:10])
    return run.rpartition("/")[2]


def _write(stub: TrackingServiceStub, run: str, key: str, steps: np.ndarray, values: np.ndarray) -> None:
    columns = MetricColumns(
        keys=[key],
        counts=[len(steps)],
        steps=steps.tolist(),
        times_millis=(1_700_000_000_000 + 100 * steps).tolist(),
        values=values.tolist(),
    )
    stub.WriteRun(pb.WriteRunRequest(run=run, metrics=columns))


@contextmanager
def _pages() -> Iterator[tuple[str, str]]:
    """All of Trivet in one process, as people try it: the addresses of HTTP and gRPC."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TRIVET_BENCH_DIR")) as folder:
        command = [sys.executable, "-m", "trivet_standalone", "--data", folder, "--grpc-port", "0", "--http-port", "0"]
        with ServerProcess.start(command, {}, r"MLFLOW_TRACKING_URI=(\S+)$", cwd=Path(folder)) as server:
            yield server.address, server.wait_for_line(r"^Trivet is ready: grpc (\S+)$")[1]
