"""How long people wait who compare 500 runs in the web pages, in a real Chromium.

    .venv/bin/python bench/comparing.py [--rounds 3]

Each figure is taken in a new profile of the browser, which has nothing in its cache. A page counts as drawn with the
frame after the one in which its plot and its table are there.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from harness import Cell, Report
from playwright.sync_api import Browser, Page, ViewportSize

import trivet
from trivet_testing import tools
from trivet_testing.browser import chromium_browser
from trivet_testing.servers import ServerProcess

RUNS: Final = 500
PARAMS: Final = 8
METRICS: Final = 7
_VIEWPORT: Final[ViewportSize] = {"width": 1280, "height": 800}
_PATIENCE_MS: Final = 180_000
_MOVES: Final = 60
# Thirty frames a second, below which a hand sees that it is followed.
_FRAME_MS: Final = 1000 / 30
_PLOT: Final = f"canvas[aria-label^='Lines of {RUNS} of {RUNS} runs']"
_CELL: Final = "[role=table] [role=cell]"
_DRAWN: Final = f"""
const look = () => {{
  if (document.querySelector("{_PLOT}") === null || document.querySelector("{_CELL}") === null) {{
    requestAnimationFrame(look);
  }} else requestAnimationFrame(() => {{ globalThis.drawnMillis = performance.now(); }});
}};
requestAnimationFrame(look);
"""
# How long each move of the pointer takes until the frame that shows it is made.
_WATCH_MOVES: Final = """
() => {
  globalThis.moves = [];
  document.addEventListener("pointermove", (event) => {
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => globalThis.moves.push(performance.now() - event.timeStamp);
      port2.postMessage(0);
    });
  }, { capture: true });
}
"""
_DRAWN_AGAIN: Final = f"""
async () => {{
  const begin = performance.now();
  [...document.querySelectorAll("[role=tab]")].find((tab) => tab.textContent === "Parallel coordinates").click();
  await new Promise((resolve) => {{
    const look = () =>
      document.querySelector("{_PLOT}") === null ? requestAnimationFrame(look) : requestAnimationFrame(resolve);
    requestAnimationFrame(look);
  }});
  return performance.now() - begin;
}}
"""


def report_on(report: Report) -> None:
    """Logs the runs, and prints the table."""
    with ExitStack() as stack:
        url = stack.enter_context(_site())
        browser = stack.enter_context(chromium_browser(tools.find_chromium().path))
        report.notes.append(f"Chromium {browser.version}, without a GPU; the server on SQLite, on the same machine.")
        report.table(f"{RUNS} runs compared, {PARAMS} params and {METRICS} metrics each", cells(browser, url))


def cells(browser: Browser, url: str) -> Iterator[Cell]:
    """What people wait for."""
    yield Cell("page opened to plot and table drawn", "ms", partial(_opened, browser, url), 1000, less_is_better=True)
    yield Cell(
        f"{PARAMS + METRICS} parallel axes, from a click to the frame",
        "ms",
        partial(_drawn_again, browser, url),
        100,
        less_is_better=True,
    )
    yield Cell(
        f"one move of a brush to the frame, median of {_MOVES}",
        "ms",
        partial(_brushed, browser, url),
        _FRAME_MS,
        less_is_better=True,
    )


@contextmanager
def _site() -> Iterator[str]:
    """The URL of the page that compares all runs."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TRIVET_BENCH_DIR")) as folder:
        command = [sys.executable, "-m", "trivet_standalone", "--data", folder, "--grpc-port", "0", "--http-port", "0"]
        with ServerProcess.start(command, {}, r"MLFLOW_TRACKING_URI=(\S+)$", cwd=Path(folder)) as server:
            grpc = server.wait_for_line(r"^Trivet is ready: grpc (\S+)$")[1]
            ids = _log_runs(f"grpc://{grpc}")
            yield f"{server.address}/w/default/compare?runs={quote(json.dumps(ids))}"


def _log_runs(address: str) -> list[str]:
    chance = random.Random(0)
    ids = []
    with trivet.Client(address) as client:
        for place in range(RUNS):
            run_id = client.create_run("0", run_name=f"run {place}").info.run_id
            numbers = {f"number_{key}": f"{10 ** chance.uniform(-4, 0):.4g}" for key in range(PARAMS - 1)}
            client.tracking.log_params(run_id, {**numbers, "model": chance.choice(["xgb", "ridge", "lasso"])})
            for step in range(3):
                values = {f"metric_{key}": math.exp(-step) + chance.random() for key in range(METRICS)}
                client.tracking.log_metrics(run_id, values, step=step)
            client.tracking.set_tags(run_id, {"team": chance.choice(["blue", "red"])})
            ids.append(run_id)
        client.flush()
    return ids


@contextmanager
def _shown(browser: Browser, url: str) -> Iterator[Page]:
    """The page in a new profile, when all is drawn."""
    context = browser.new_context(viewport=_VIEWPORT)
    context.set_default_timeout(_PATIENCE_MS)
    try:
        page = context.new_page()
        page.add_init_script(_DRAWN)
        page.goto(url)
        page.wait_for_function("() => globalThis.drawnMillis !== undefined")
        yield page
    finally:
        context.close()


def _opened(browser: Browser, url: str) -> float:
    with _shown(browser, url) as page:
        return float(page.evaluate("globalThis.drawnMillis"))


def _drawn_again(browser: Browser, url: str) -> float:
    with _shown(browser, url) as page:
        page.get_by_role("tab", name="Scatter").click()
        page.get_by_role("img", name="Scatter of").wait_for()
        return float(page.evaluate(_DRAWN_AGAIN))


def _brushed(browser: Browser, url: str) -> float:
    with _shown(browser, url) as page:
        head: Any = page.get_by_role("button", name="Axis metric_0").bounding_box()
        chart: Any = page.get_by_role("group", name="Parallel coordinates").bounding_box()
        x = head["x"] + head["width"] / 2
        page.mouse.move(x, chart["y"] + 60)
        page.mouse.down()
        page.evaluate(_WATCH_MOVES)
        page.mouse.move(x, chart["y"] + chart["height"] * 0.7, steps=_MOVES)
        moves: list[float] = page.evaluate("globalThis.moves")
        page.mouse.up()
        page.get_by_text(" brushed").wait_for()
        return statistics.median(moves)


def main() -> None:
    """Prints the table alone."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often each figure is taken (default 3)")
    options = parser.parse_args()
    print(f"Load of the machine before: {os.getloadavg()[0]:.1f}.")
    report = Report(options.rounds)
    report_on(report)
    report.summary()


if __name__ == "__main__":
    main()
