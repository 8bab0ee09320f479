"""How quickly the charts of an experiment's runs are drawn, move and follow, in a real Chromium.

    .venv/bin/python bench/workspace.py [--rounds 3] [--minutes 1]

Each visit is in a new profile of the browser, which has nothing in its cache. Panels count as drawn when the pixels of
the lines can be read.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import grpc
import numpy as np
from google.protobuf.field_mask_pb2 import FieldMask
from harness import PARENT, Cell, Report
from playwright.sync_api import Browser, Page, ViewportSize

from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.experiment_pb2 import Experiment
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns
from trivet_proto.tracking.v1.run_pb2 import Run, RunStatus
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing import tools
from trivet_testing.browser import chromium_browser
from trivet_testing.servers import ServerProcess

LINES: Final = 1000
POINTS: Final = 1000
PANELS: Final = 40
RUNS: Final = 20
_LIVE_METRICS: Final = 8
_LIVE_SECONDS: Final = 0.5
_LIVE_POINTS: Final = 5
# More than are drawn.
_LOGGED: Final = 2000
_FOLLOWED: Final = 10
_VIEWPORT: Final[ViewportSize] = {"width": 1280, "height": 800}
_PATIENCE_MS: Final = 180_000
_MOVES: Final = 120
_MOVE_PIXELS: Final = 3
_MIB: Final = 2**20

# Resolves when every panel that is in sight is drawn, with the milliseconds since the page was opened.
_DRAWN: Final = """
async (since) => {
  const inSight = (element) => {
    const { top, bottom, height } = element.getBoundingClientRect();
    return height > 0 && bottom > 0 && top < innerHeight;
  };
  for (;;) {
    const panels = [...document.querySelectorAll("section figure")].filter(inSight);
    const canvases = panels.map((each) => each.querySelector("[data-drawn=true] [role=slider] canvas:nth-of-type(2)"));
    if (panels.length > 0 && !canvases.includes(null)) {
      await new Promise(requestAnimationFrame);
      for (const canvas of canvases) canvas.getContext("2d").getImageData(0, 0, 1, 1);
      return performance.now() - since;
    }
    await new Promise(requestAnimationFrame);
  }
}
"""
# Goes to the charts of an experiment as a link does; tells when they are drawn, and when the last curve had come.
_GO: Final = f"""
async (path) => {{
  performance.clearResourceTimings();
  const begin = performance.now();
  history.pushState(null, "", path);
  dispatchEvent(new PopStateEvent("popstate"));
  while (document.querySelector("section figure [data-drawn]")) await new Promise(requestAnimationFrame);
  const whole = await ({_DRAWN})(begin);
  const ends = (name) => performance.getEntriesByType("resource").filter((each) => each.name.endsWith(name))
    .map((each) => each.responseEnd - begin);
  return [whole, Math.max(...ends("/SearchRuns")), Math.max(...ends("/ReadMetricCurves"))];
}}
"""
# Moves the pointer with each frame, to and fro; tells how many frames there are in a second.
_MOVE: Final = """
async ([x, y, reach, step, moves]) => {
  const chart = document.elementFromPoint(x, y);
  let [at, way] = [x, -1];
  const begin = performance.now();
  for (let move = 0; move < moves; move += 1) {
    at += way * step;
    if (Math.abs(at - x) > reach) way = -way;
    const mouse = { pointerId: 1, isPrimary: true, pointerType: "mouse", shiftKey: true, buttons: 1 };
    chart.dispatchEvent(new PointerEvent("pointermove", { ...mouse, clientX: at, clientY: y, bubbles: true }));
    await new Promise(requestAnimationFrame);
  }
  return moves / ((performance.now() - begin) / 1000);
}
"""


@dataclass(frozen=True)
class Site:
    """A server with runs, and the paths of the charts of experiments."""

    http: str
    stub: TrackingServiceStub
    many: str
    wide: str
    live: str
    running: tuple[str, ...]

    def charts(self, experiment: str, query: str = "") -> str:
        """The path of the charts of an experiment."""
        return f"/w/default/experiments/{experiment}/charts{query}"


def report_on(report: Report, minutes: float = 1) -> None:
    """Logs the runs, and prints the table."""
    with ExitStack() as stack:
        site = stack.enter_context(_site())
        browser = stack.enter_context(chromium_browser(tools.find_chromium().path))
        report.notes.append(f"Chromium {browser.version}, without a GPU; the server on SQLite, on the same machine.")
        report.table("Charts of many runs in Chromium", cells(report, browser, site, minutes))


def cells(report: Report, browser: Browser, site: Site, minutes: float) -> Iterator[Cell]:
    """What people wait for."""
    yield Cell(
        f"{LINES:,} runs of {POINTS:,} points in one panel, from the click to the picture",
        "ms",
        partial(_many_lines, report, browser, site),
        1500,
        less_is_better=True,
    )
    yield Cell(
        f"frames while {LINES:,} lines are moved along the axis",
        "/s",
        partial(_panned, browser, site),
        30,
    )
    yield Cell(
        f"{PANELS} panels of {RUNS} runs, from the address to the pictures in sight",
        "ms",
        partial(_opened, report, browser, site),
        2000,
        less_is_better=True,
    )
    yield Cell(
        f"a value of {RUNS} running runs, from the call that logs it to the picture; the slowest of {_FOLLOWED}",
        "ms",
        partial(_followed, browser, site),
        2000,
        less_is_better=True,
        rounds=1,
    )
    yield Cell(
        f"growth of the page's memory in {minutes:g} minutes of {RUNS} running runs",
        "MiB",
        partial(_growth, report, browser, site, minutes),
        5,
        less_is_better=True,
        rounds=1,
    )


def _many_lines(report: Report, browser: Browser, site: Site) -> float:
    with _page(browser) as page:
        # The code of charts is loaded once a visit, here by other runs.
        page.goto(f"{site.http}{site.charts(site.wide)}")
        page.evaluate(_DRAWN, 0)
        whole, searched, read = page.evaluate(_GO, site.charts(site.many, f"?most={LINES}"))
        report.notes.append(f"{LINES:,} runs: found after {searched:.0f} ms, their curves read after {read:.0f} ms.")
        return float(whole)


def _panned(browser: Browser, site: Site) -> float:
    with _page(browser) as page:
        page.goto(f"{site.http}{site.charts(site.many, f'?most={LINES}&zoom=[200,500]')}")
        page.evaluate(_DRAWN, 0)
        chart: Any = page.get_by_role("slider", name="loss").bounding_box()
        x, y = chart["x"] + chart["width"] / 2, chart["y"] + chart["height"] / 2
        page.keyboard.down("Shift")
        page.mouse.move(x, y)
        page.mouse.down()
        frames = float(page.evaluate(_MOVE, [x, y, chart["width"] / 3, _MOVE_PIXELS, _MOVES]))
        page.mouse.up()
        page.keyboard.up("Shift")
        # Then the panel is read at its new place.
        page.wait_for_function("() => !location.search.includes('200') && location.search.includes('zoom')")
        return frames


def _opened(report: Report, browser: Browser, site: Site) -> float:
    with _page(browser) as page:
        page.goto(f"{site.http}{site.charts(site.wide)}", wait_until="commit")
        whole = float(page.evaluate(_DRAWN, 0))
        panels = page.locator("section figure").count()
        assert panels == PANELS, panels
        loaded = page.locator("section figure [data-drawn]").count()
        report.notes.append(f"{loaded} of {PANELS} panels were read, those near what is in sight.")
        return whole


def _followed(browser: Browser, site: Site) -> float:
    with _page(browser) as page:
        page.goto(f"{site.http}{site.charts(site.live)}")
        page.evaluate(_DRAWN, 0)
        step = _LOGGED
        taken = []
        for _ in range(_FOLLOWED):
            step += 1
            begin = time.perf_counter()
            _write_live(site, [step])
            page.wait_for_function(
                "(step) => Number(document.querySelector('section figure [role=slider]').ariaValueMax) >= step",
                arg=step,
                polling="raf",
            )
            taken.append((time.perf_counter() - begin) * 1000)
        return max(taken)


def _growth(report: Report, browser: Browser, site: Site, minutes: float) -> float:
    """From when the first tenth of the time is over, to its end: the first drawings keep code and fonts."""
    with _page(browser) as page:
        page.goto(f"{site.http}{site.charts(site.live)}")
        page.evaluate(_DRAWN, 0)
        session = page.context.new_cdp_session(page)

        def used() -> float:
            session.send("HeapProfiler.collectGarbage")
            return float(session.send("Runtime.getHeapUsage")["usedSize"]) / _MIB

        step = 2 * _LOGGED
        begin, first = time.monotonic(), None
        while (now := time.monotonic()) < begin + 60 * minutes:
            _write_live(site, list(range(step, step + _LIVE_POINTS)))
            step += _LIVE_POINTS
            if first is None and now > begin + 6 * minutes:
                first = used()
                page.evaluate("performance.setResourceTimingBufferSize(100_000); performance.clearResourceTimings()")
            time.sleep(max(0.0, now + _LIVE_SECONDS - time.monotonic()))
        assert first is not None
        calls, sent = page.evaluate(
            """() => {
              const all = performance.getEntriesByType("resource").filter((each) => each.name.endsWith("Curves"));
              return [all.length, all.reduce((sum, each) => sum + each.transferSize, 0)];
            }"""
        )
        last = used()
        report.notes.append(
            f"Running runs: {first:.1f} MiB at first, {last:.1f} MiB at the end; {calls} calls for curves "
            f"of {sent / 1024:,.0f} KiB in {54 * minutes:.0f} seconds, {_LIVE_METRICS} panels."
        )
        return last - first


@contextmanager
def _page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=_VIEWPORT)
    context.set_default_timeout(_PATIENCE_MS)
    try:
        yield context.new_page()
    finally:
        context.close()


@contextmanager
def _site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(dir=os.environ.get("TRIVET_BENCH_DIR")) as folder:
        command = [sys.executable, "-m", "trivet_standalone", "--data", folder, "--grpc-port", "0", "--http-port", "0"]
        with ServerProcess.start(command, {}, r"MLFLOW_TRACKING_URI=(\S+)$", cwd=Path(folder)) as server:
            address = server.wait_for_line(r"^Trivet is ready: grpc (\S+)$")[1]
            with grpc.insecure_channel(address) as channel:
                stub = TrackingServiceStub(channel)
                many, _ = _experiment(stub, "many", LINES, ["loss"])
                wide, _ = _experiment(stub, "wide", RUNS, [f"layer/{place:02}" for place in range(PANELS)])
                live, running = _experiment(stub, "live", RUNS, _live_keys(), points=_LOGGED, ends=False)
                yield Site(server.address, stub, many, wide, live, running)


def _live_keys() -> list[str]:
    return [f"metric/{place}" for place in range(_LIVE_METRICS)]


def _experiment(
    stub: TrackingServiceStub, name: str, runs: int, keys: list[str], *, points: int = POINTS, ends: bool = True
) -> tuple[str, tuple[str, ...]]:
    experiment = stub.CreateExperiment(
        pb.CreateExperimentRequest(parent=PARENT, experiment=Experiment(display_name=name))
    ).name
    random = np.random.default_rng(0)
    names = []
    for place in range(runs):
        body = Run(display_name=f"{name} {place}", experiment=experiment, status=RunStatus.RUN_STATUS_RUNNING)
        run = stub.CreateRun(pb.CreateRunRequest(parent=PARENT, run=body)).name
        steps = np.arange(points)
        curves = 2.0 / np.sqrt(1.0 + steps + place) + random.normal(0.0, 0.05, (len(keys), points))
        _write(stub, run, keys, steps, curves)
        if ends:
            stub.UpdateRun(
                pb.UpdateRunRequest(
                    run=Run(name=run, status=RunStatus.RUN_STATUS_FINISHED), update_mask=FieldMask(paths=["status"])
                )
            )
        names.append(run)
    return experiment.rpartition("/")[2], tuple(names)


def _write_live(site: Site, steps: list[int]) -> None:
    for place, run in enumerate(site.running):
        values = np.array([[np.sin(step / 50 + place) for step in steps]] * _LIVE_METRICS)
        _write(site.stub, run, _live_keys(), np.array(steps), values)


def _write(stub: TrackingServiceStub, run: str, keys: list[str], steps: np.ndarray, values: np.ndarray) -> None:
    columns = MetricColumns(
        keys=keys,
        counts=[len(steps)] * len(keys),
        steps=np.tile(steps, len(keys)).tolist(),
        times_millis=(1_700_000_000_000 + 100 * np.tile(steps, len(keys))).tolist(),
        values=values.ravel().tolist(),
    )
    stub.WriteRun(pb.WriteRunRequest(run=run, metrics=columns))


def main() -> None:
    """Prints the table alone."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often most figures are taken (default 3)")
    parser.add_argument("--minutes", type=float, default=1, help="how long running runs are followed (default 1)")
    options = parser.parse_args()
    print(f"Load of the machine before: {os.getloadavg()[0]:.1f}.")
    report = Report(options.rounds)
    report_on(report, options.minutes)
    report.summary()
    print(f"Load at the end: {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main()
