"""How long people wait for the web pages, in a real Chromium, beside MLflow's own pages on the same runs.

    .venv/bin/python bench/pages.py [--runs 100000] [--rounds 3] [--alone]

Each figure is taken in a new profile of the browser, which has nothing in its cache. A page counts as painted with the
frame after the one in which its first row is there.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import dataset
from harness import Cell, Report
from peer import Answer, mlflow_on
from playwright.sync_api import Browser, Page, ViewportSize

from trivet_gateway import pages
from trivet_testing import postgres, tools
from trivet_testing.browser import chromium_browser
from trivet_testing.postgres import PostgresServer
from trivet_testing.servers import ServerProcess, free_port
from trivet_testing.tracking import migrate

_VIEWPORT: Final[ViewportSize] = {"width": 1280, "height": 800}
_PATIENCE_MS: Final = 180_000
_OUR_ROW: Final = "[data-run]"
# A row of the table of runs of MLflow 3; where that is another element, nothing can be said.
_MLFLOW_ROW: Final = ".ag-center-cols-container [role=row] [role=gridcell]"
_PAINTED: Final = """
const look = () => {
  if (document.querySelector(%r) === null) requestAnimationFrame(look);
  else requestAnimationFrame(() => { globalThis.paintedMillis = performance.now(); });
};
requestAnimationFrame(look);
"""
# Does something; tells how long it takes until other rows stand there, and how much of it the search for them takes.
_CHANGED: Final = """
async (act) => {
  const grid = document.querySelector("[role=treegrid]");
  const first = () => grid.querySelector("[data-index='0']")?.id;
  const before = first();
  performance.clearResourceTimings();
  const begin = performance.now();
  if (act.click) grid.querySelector(`[data-column='${act.click}'] button`).click();
  else {
    const enter = new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true });
    document.activeElement.dispatchEvent(enter);
  }
  await new Promise((resolve) => {
    const look = () => {
      if (first() === before || grid.getAttribute("aria-busy") !== "false") requestAnimationFrame(look);
      else requestAnimationFrame(resolve);
    };
    requestAnimationFrame(look);
  });
  const all = performance.now() - begin;
  // The count of the runs is asked for beside the rows, and later.
  const [search] = performance
    .getEntriesByType("resource")
    .filter((each) => each.name.endsWith("/SearchRuns") && each.startTime >= begin);
  return { all, server: search.responseEnd - search.requestStart };
}
"""


def report_on(report: Report, server: PostgresServer, runs: int, *, alone: bool = False) -> None:
    """Fills both, unless Trivet is alone, and prints the table."""
    url = server.create_database()
    migrate(url)
    dataset.load(url, runs)
    with ExitStack() as stack:
        ours = stack.enter_context(_trivet(url))
        theirs = None
        if not alone:
            peer = stack.enter_context(mlflow_on(server))
            peer.fill(runs, [])
            theirs = peer.servers[1].address
            report.notes.append(f"MLflow's own pages at its server. {peer.versions()}.")
        browser = stack.enter_context(chromium_browser(tools.find_chromium().path))
        report.notes.append(f"Chromium {browser.version}, without a GPU.")
        report.table(f"Web pages at {runs:,} runs", cells(browser, ours, theirs))


def cells(browser: Browser, ours: str, theirs: str | None) -> Iterator[Cell]:
    """What people wait for."""
    table = f"{ours}/w/default/experiments/1"
    peer = None if theirs is None else cache(partial(_mlflow_paint, browser, theirs))
    yield Cell(
        "first paint of the runs table",
        "ms",
        partial(_first_paint, browser, table, _OUR_ROW),
        1000,
        less_is_better=True,
        peer=peer,
    )
    changes: tuple[tuple[str, Callable[[Page], Any]], ...] = (
        ("sorted by a metric", _sort),
        ("filtered by a metric and a param", _filter),
    )
    for name, change in changes:
        yield Cell(
            f"{name}: new rows beyond the search",
            "ms",
            partial(_beyond_search, browser, table, change),
            300,
            less_is_better=True,
        )
    yield Cell(
        "JavaScript of the runs page, gzipped",
        "kB",
        partial(_script_kb, browser, table),
        350,
        less_is_better=True,
        rounds=1,
    )


@contextmanager
def _trivet(database: str) -> Iterator[str]:
    """All of it in one process, over a database that has runs."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TRIVET_BENCH_DIR")) as folder:
        options = ["--data", folder, "--grpc-port", "0", "--http-port", str(free_port()), "--database", database]
        command = [sys.executable, "-m", "trivet_standalone", *options]
        with ServerProcess.start(command, {}, r"^Trivet is ready: .*$"):
            yield f"http://127.0.0.1:{options[5]}"


@contextmanager
def _shown(browser: Browser, url: str, row: str) -> Iterator[Page]:
    """A page in a new profile, when its first row is painted."""
    context = browser.new_context(viewport=_VIEWPORT)
    context.set_default_timeout(_PATIENCE_MS)
    try:
        page = context.new_page()
        page.add_init_script(_PAINTED % row)
        page.goto(url)
        page.wait_for_selector(row)
        yield page
    finally:
        context.close()


def _first_paint(browser: Browser, url: str, row: str) -> float:
    """From the start of the navigation, in milliseconds."""
    with _shown(browser, url, row) as page:
        painted: float = page.evaluate(
            "async () => { while (!globalThis.paintedMillis) await new Promise(requestAnimationFrame); "
            "return globalThis.paintedMillis; }"
        )
        return painted


def _mlflow_paint(browser: Browser, address: str) -> Answer:
    return Answer(_first_paint(browser, f"{address}/#/experiments/1/runs", _MLFLOW_ROW), 1, "its own pages")


def _beyond_search(browser: Browser, url: str, change: Callable[[Page], Any]) -> float:
    with _shown(browser, url, _OUR_ROW) as page:
        # What comes with the first page is there.
        page.wait_for_load_state("load")
        page.get_by_text("live · ").wait_for()
        took = change(page)
        return float(took["all"]) - float(took["server"])


def _sort(page: Page) -> Any:
    return page.evaluate(_CHANGED, {"click": "metric:accuracy"})


def _filter(page: Page) -> Any:
    box = page.get_by_role("combobox", name="Filter runs")
    box.fill("metrics.rmse < 0.5 AND params.model = 'ridge'")
    return page.evaluate(_CHANGED, {})


def _script_kb(browser: Browser, url: str) -> float:
    """All scripts that the page has loaded when its first row is there, as they lie there compressed."""
    with _shown(browser, url, _OUR_ROW) as page:
        loaded: list[str] = page.evaluate("() => performance.getEntriesByType('resource').map((each) => each.name)")
    scripts = [name for name in loaded if name.endswith(".js")]
    return sum(_gzipped(pages.BUILT / urlsplit(name).path.removeprefix("/ui/")) for name in scripts) / 1000


def _gzipped(file: Path) -> int:
    """The size of a built file. Small ones are served as they are."""
    compressed = file.with_name(f"{file.name}.gz")
    return (compressed if compressed.exists() else file).stat().st_size


def main() -> None:
    """Prints the table alone."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=dataset.RUNS, help=f"how many (default {dataset.RUNS:,})")
    parser.add_argument("--rounds", type=int, default=3, help="how often each figure is taken (default 3)")
    parser.add_argument("--alone", action="store_true", help="without MLflow")
    options = parser.parse_args()
    print(f"Load of the machine before: {os.getloadavg()[0]:.1f}.")
    report = Report(options.rounds)
    server = postgres.start_own()
    try:
        report_on(report, server, options.runs, alone=options.alone)
    finally:
        server.stop()
    report.summary()


if __name__ == "__main__":
    main()
