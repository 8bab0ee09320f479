"""Draws the dashboard of `deploy/observability` for the documentation, panel by panel, from what servers measured.

Nothing in it is made up: all four servers run over PostgreSQL and S3, some work is done on them, Prometheus measures
them, and each panel shows what Prometheus answers to the panel's own expression. Grafana is not needed, and not shown:
it draws the same curves with its own frames.

Run it by `make screens`. Usage: dashboard.py FILE
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, Formatter, FuncFormatter, MultipleLocator, PercentFormatter

import trivet
from trivet_testing import minio, postgres
from trivet_testing.fleets import Fleet, fleet
from trivet_testing.gateway_http import Http
from trivet_testing.prometheus import Prometheus, measuring
from trivet_testing.tools import find_minio

DASHBOARD: Final = Path(__file__).parents[2] / "deploy" / "observability" / "dashboard.json"

_WORK_SECONDS: Final = 150
_INTERVAL_SECONDS: Final = 2
_COLUMNS: Final = 24  # of Grafana's grid
_WIDTH, _ROW_HEIGHT = 15.0, 0.42  # inches: of the picture, and of a row of the grid
_LEGENDS: Final = 10  # what a panel has room for
_FORMS: Final[dict[str, Callable[[], Formatter]]] = {
    "reqps": lambda: EngFormatter(unit="/s"),
    "s": lambda: EngFormatter(unit="s"),
    "bytes": lambda: EngFormatter(unit="B"),
    "short": EngFormatter,
    "percentunit": lambda: PercentFormatter(1),
}
"""How values are written, by Grafana's names of units."""


@contextmanager
def measured_fleet(folder: Path) -> Iterator[tuple[Fleet, Prometheus]]:
    """All four servers over PostgreSQL and S3, and what measures them."""
    (folder / "minio").mkdir()
    database = postgres.start()
    try:
        with minio.start(find_minio().path, folder / "minio") as store:
            bucket = store.store(store.create_bucket())
            with fleet(database.create_database(), bucket, store.credentials) as running:
                targets = {f"trivet-{name}": url for name, url in running.metrics_urls.items()}
                with measuring(folder, targets, _INTERVAL_SECONDS) as prometheus:
                    yield running, prometheus
    finally:
        database.stop()


def work(gateway_url: str, folder: Path, until: float) -> None:
    """Has jobs log and people look, with pauses as they make, until a time of the monotonic clock."""
    jobs = [
        threading.Thread(target=_repeated, args=(until, each))
        for each in (_train, lambda turn: _keep(folder, turn), _search, lambda turn: _look(gateway_url, turn))
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()


def _repeated(until: float, turn_of: Callable[[int], None]) -> None:
    turn = 0
    while time.monotonic() < until:
        turn_of(turn)
        # Some minutes are busier than others.
        time.sleep(0.05 + 0.2 * (turn // 60 % 2))
        turn += 1


def _train(turn: int) -> None:
    with trivet.start_run(run_name=f"job-{turn}"):
        trivet.log_params({"alpha": turn, "kind": "lasso"})
        for step in range(200):
            trivet.log_metrics({"loss": 1 / (step + 1), "val/loss": 2 / (step + 1)}, step=step)


def _keep(folder: Path, turn: int) -> None:
    file = folder / "weights.bin"
    file.write_bytes(os.urandom(50_000))
    with trivet.Client() as client:
        run_id = client.create_run("0").info.run_id
        client.log_artifact(run_id, str(file), "model")
        if turn % 5 == 0:
            client.register_model(f"runs:/{run_id}/model", "taxi-regressor")


def _search(turn: int) -> None:
    del turn
    with trivet.Client() as client:
        client.search_runs(["0"], "metrics.loss < 1", max_results=50)


def _look(gateway_url: str, turn: int) -> None:
    http = Http(gateway_url)
    run_id = http.run()
    http.call("GET", f"/runs/get?run_id={run_id if turn % 10 else 'nobody'}")


def draw(dashboard: dict[str, Any], prometheus: Prometheus, begin: float, end: float) -> Figure:
    """The panels of a dashboard in their places, each with what its expressions were between two times."""
    mpl.rcParams.update({"font.size": 8, "axes.titlesize": 10, "axes.titleweight": "bold"})
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
    figure = Figure(figsize=(_WIDTH, rows * _ROW_HEIGHT), facecolor="#f4f5f5")
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        left, top = place["x"] / _COLUMNS, 1 - place["y"] / rows
        if panel["type"] == "row":
            figure.text(left + 0.01, top - 0.5 / rows, panel["title"], fontsize=12, weight="bold", va="center")
            continue
        width, height = place["w"] / _COLUMNS, place["h"] / rows
        axes = figure.add_axes((left + 0.035, top - height * 0.62, width - 0.05, height * 0.5))
        _draw_panel(axes, panel, prometheus, begin, end)
    return figure


def _draw_panel(axes: Axes, panel: dict[str, Any], prometheus: Prometheus, begin: float, end: float) -> None:
    for target in panel["targets"]:
        for series in prometheus.ask_range(target["expr"], begin, end):
            times, values = [at - begin for at, _ in series.points], [value for _, value in series.points]
            axes.plot(times, values, linewidth=1, label=series.named(target["legendFormat"]))
    axes.set_title(panel["title"], loc="left")
    axes.set_xlim(0, end - begin)
    axes.set_ylim(bottom=panel["fieldConfig"]["defaults"]["min"])
    axes.xaxis.set_major_locator(MultipleLocator(30))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds // 60:.0f}:{seconds % 60:02.0f}"))
    axes.yaxis.set_major_formatter(_FORMS[panel["fieldConfig"]["defaults"]["unit"]]())
    axes.grid(visible=True, color="#e0e0e0", linewidth=0.5)
    if axes.lines:
        handles, names = axes.get_legend_handles_labels()
        if len(names) > _LEGENDS:  # Grafana scrolls there
            handles, names = handles[:_LEGENDS], [*names[: _LEGENDS - 1], f"and {len(names) - _LEGENDS + 1} more"]
            handles[-1] = Line2D([], [], linestyle="none")
        place = (-0.02, -0.1)
        axes.legend(
            handles, names, loc="upper left", bbox_to_anchor=place, frameon=False, fontsize=6.5, labelspacing=0.15
        )
    else:
        axes.text(0.5, 0.5, "nothing of it", transform=axes.transAxes, ha="center", va="center", color="#808080")
        axes.set_yticks([])


def main() -> None:
    """Draws it."""
    target = Path(sys.argv[1])
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as temporary, measured_fleet(Path(temporary)) as (running, prometheus):
        os.environ.update(running.addresses)
        os.environ["XDG_STATE_HOME"] = temporary
        begin = time.time()
        work(running.gateway_url, Path(temporary), time.monotonic() + _WORK_SECONDS)
        trivet.flush()
        figure = draw(dashboard, prometheus, begin, time.time())
    figure.savefig(target, dpi=84)
    print(target)


if __name__ == "__main__":
    main()
