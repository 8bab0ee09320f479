"""The kinds of panels of charts beside lines, in a real browser before a real server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import Page, expect

import trivet
from trivet_testing.browser import Watched
from trivet_testing.charts import act, expect_says, panel, picture, saved_rows, settings_of
from trivet_testing.workspaces import unused_workspace

N_RUNS = 24
OPTIMIZERS = ("adam", "sgd")
BARS = {"kind": "bars", "settings": {"of": "metrics.loss"}}
SCATTER = {"kind": "scatter", "settings": {"x": "params.lr", "y": "metrics.loss", "logs": ["params.lr"]}}
CONTOUR = {"kind": "contour", "settings": {"x": "params.lr", "y": "params.layers", "z": "metrics.loss"}}
IMPORTANCE = {"kind": "importance", "settings": {"target": "metrics.loss"}}


@dataclass(frozen=True)
class Logged:
    """Runs `run-00`, … of one experiment, for tests that only read them."""

    http: str
    workspace: str
    experiment: str
    runs: tuple[str, ...]
    """Ids."""

    def url(self, *panels: Mapping[str, Any], **state: str) -> str:
        """The charts, with some panels added."""
        added = {f"p{place}": panel for place, panel in enumerate(panels, 1)}
        query = "&".join(f"{key}={quote(value)}" for key, value in {"panels": json.dumps(added), **state}.items())
        return f"{self.http}/w/{self.workspace}/experiments/{self.experiment}/charts?{query}"


@pytest.fixture(scope="module")
def logged(served: tuple[str, str]) -> Iterator[Logged]:
    """The loss is known by the optimizer and, less, by the learning rate; the seed tells nothing of it."""
    http, grpc = served
    workspace = unused_workspace()
    noise = np.random.default_rng(5).permutation(N_RUNS)
    with trivet.Client(grpc, workspace=workspace) as client:
        experiment = client.create_experiment("tuning")
        runs = []
        for number in range(N_RUNS):
            run = client.create_run(experiment, run_name=f"run-{number:02}").info.run_id
            optimizer, power, layers = OPTIMIZERS[number % 2], number // 2 % 4, 2 ** (1 + number % 3)
            params = {
                "lr": 10**-power,
                "optimizer": optimizer,
                "layers": layers,
                "seed": int(noise[number]),
                "epochs": 3,
            }
            client.tracking.log_params(run, params)
            loss = float("nan") if number == 0 else OPTIMIZERS.index(optimizer) + power / 8 + 1 / 64
            client.tracking.log_metrics(run, {"loss": loss, "acc": 1 - loss / 4}, step=10)
            client.set_terminated(run)
            runs.append(run)
        yield Logged(http, workspace, experiment, tuple(runs))


def test_bars_are_of_runs_or_of_groups(logged: Logged, page: Page, tmp_path: Path) -> None:
    page.goto(logged.url(BARS))
    expect_says(page, "Bars of loss", "Bars of loss: 24, run-23 1.391, run-15 1.391, run-07 1.391, and more")
    rows = saved_rows(page, "Bars of loss", tmp_path)
    assert rows[0] == ["run", "run_id", "loss"]
    assert rows[1] == ["run-23", logged.runs[23], "1.390625"]
    page.goto(logged.url(BARS, group="param:optimizer"))
    # The mean of the eleven that are finite, and of the twelve of the other.
    expect_says(page, "Bars of loss", "Bars of loss: 2, sgd \\(12\\) 1.203, adam \\(12\\) 0.2202")
    assert saved_rows(page, "Bars of loss", tmp_path)[0] == ["run", "run_id", "group", "loss"]


def test_a_bar_names_its_run_lights_it_and_opens_it(logged: Logged, page: Page) -> None:
    page.goto(logged.url({**BARS, "size": [1, 2]}))
    expect_says(page, "Bars of loss", "Bars of loss: 24")
    box = picture(page, "Bars of loss").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 150, box["y"] + 10)
    expect(panel(page, "Bars of loss").get_by_role("status")).to_have_text("run-23loss1.391")
    page.mouse.down()
    page.mouse.up()
    expect(page).to_have_url(re.compile(rf"/runs/{logged.runs[23]}"))


def test_a_bar_follows_its_run(site: Any, page: Page) -> None:
    with site.client() as client:
        experiment = client.create_experiment("live")
        run = client.create_run(experiment, run_name="live").info.run_id
        client.tracking.log_metrics(run, {"loss": 2.0}, step=0)
        added = quote(json.dumps({"p1": {**BARS, "settings": {"of": "min.loss"}}}))
        page.goto(site.url(f"experiments/{experiment}/charts?panels={added}"))
        expect_says(page, "Bars of min loss", "Bars of min loss: 1, live 2.")
        expect(page.get_by_text("live ·")).to_be_visible()
        client.tracking.log_metrics(run, {"loss": 0.5}, step=1)
        expect_says(page, "Bars of min loss", "Bars of min loss: 1, live 0.5.")


def test_a_scatter_is_added_by_its_form(logged: Logged, page: Page) -> None:
    page.goto(logged.url())
    page.get_by_role("button", name="Add a panel").click()
    dialog = page.get_by_role("dialog", name="Add a panel")
    dialog.get_by_label("Kind").select_option(label="Scatter")
    dialog.get_by_label("x: key").fill("l")
    # Keys that there are are offered.
    expect(dialog.get_by_role("group", name="x", exact=True).locator("option[value=layers]")).to_have_count(1)
    dialog.get_by_label("x: key").fill("lr")
    dialog.get_by_label("y: of what").select_option(label="metric, smallest value")
    dialog.get_by_label("y: key").fill("loss")
    dialog.get_by_label("Axis of powers: lr").check()
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect_says(page, "min loss against lr", "Scatter of 24 runs: min loss against lr.")
    assert settings_of(page) == {"x": "params.lr", "y": "min.loss", "logs": ["params.lr"]}
    page.go_back()
    expect(panel(page, "min loss against lr")).to_have_count(0)


def test_a_panel_says_what_is_to_be_chosen(logged: Logged, page: Page) -> None:
    kinds = ("bars", "scatter", "contour", "box", "histogram", "importance")
    page.goto(logged.url(*({"kind": kind} for kind in kinds)))
    notes = page.get_by_role("region", name="Added", exact=True).get_by_text(
        re.compile("^Choose .*settings of this panel")
    )
    expect(notes).to_have_count(len(kinds), timeout=20_000)


def test_parallel_coordinates_are_brushed_by_keys(logged: Logged, page: Page, tmp_path: Path) -> None:
    title = "Parallel coordinates"
    page.goto(logged.url({"kind": "parallel", "size": [2, 2]}))
    # Params that differ and metrics: the epochs are the same in all runs.
    expect_says(page, title, "Lines of 24 of 24 runs over 6 axes")
    panel(page, title).get_by_role("button", name=re.compile("^Axis optimizer,")).press("Enter")
    dialog = page.get_by_role("dialog", name="Axis optimizer")
    dialog.get_by_label("sgd").check()
    dialog.get_by_role("button", name="Apply").click()
    expect_says(page, title, "Lines of 12 of 24 runs")
    assert settings_of(page)["brushes"] == {"params.optimizer": {"at": ["sgd"]}}
    assert len(saved_rows(page, title, tmp_path)) == 1 + 12
    page.reload()
    expect_says(page, title, "Lines of 12 of 24 runs")
    act(page, title, "Edit")
    page.get_by_label("One more axis: key").fill("lr")
    page.get_by_role("button", name="Add axis").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect_says(page, title, "Lines of 24 of 24 runs over 1 axes")


def test_contours_boxes_and_histograms_say_what_they_show(logged: Logged, page: Page, tmp_path: Path) -> None:
    box = {"kind": "box", "settings": {"of": "metrics.loss", "by": "params.optimizer"}}
    histogram = {"kind": "histogram", "settings": {"of": "metrics.loss", "bins": 4}}
    page.goto(logged.url(CONTOUR, box, histogram))
    expect_says(page, "loss over lr and layers", "Contour of loss of 23 runs over lr and layers")
    expect_says(page, "loss by optimizer", "Box plot of loss of 24 runs by optimizer")
    expect_says(page, "Histogram of loss", "Histogram of loss: 24 in 4 bins, most \\(12\\) at 1 to 1.5")
    counted = [["0 to 0.5", "0", "0.5", "11"], ["0.5 to 1", "0.5", "1", "0"], ["1 to 1.5", "1", "1.5", "12"]]
    assert saved_rows(page, "Histogram of loss", tmp_path)[1:] == [*counted, ["NaN", "", "", "1"]]


def test_a_bin_says_how_many_runs_of_each_group_are_in_it(logged: Logged, page: Page) -> None:
    page.goto(logged.url({"kind": "histogram", "settings": {"of": "params.layers"}}, group="param:optimizer"))
    expect_says(page, "Histogram of layers", "Histogram of layers: 24 in 3 bins, most \\(8\\) at 2")
    box = picture(page, "Histogram of layers").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(panel(page, "Histogram of layers").get_by_role("status")).to_have_text("4adam4sgd4")


def test_importance_and_correlation_of_params(logged: Logged, page: Page, tmp_path: Path) -> None:
    page.goto(logged.url({**IMPORTANCE, "size": [2, 2]}))
    found = panel(page, "Params that tell loss")
    names = found.get_by_role("rowheader")
    expect(names.nth(0)).to_have_text("optimizer", timeout=20_000)
    expect(names.nth(1)).to_have_text("lr")
    expect(names).to_have_count(4)
    expect(found).to_contain_text("Based on 23 runs with loss. 1 with loss that is not finite is left out.")
    expect(found).to_contain_text("1 param is the same in all of them.")
    expect(found.get_by_role("row").filter(has_text="seed")).to_contain_text("no more than chance")
    header, first, *_ = saved_rows(page, "Params that tell loss", tmp_path)
    assert header[:4] == ["param", "importance", "above_chance", "correlation"]
    assert first[0] == "optimizer"
    assert first[2] == "true"
    assert float(first[3]) > 0.8  # of two categories, the second one is with the higher loss


def test_importance_is_what_programs_are_told(
    logged: Logged, served: tuple[str, str], page: Page, tmp_path: Path
) -> None:
    page.goto(logged.url({"kind": "importance", "settings": {"target": "min.acc"}}))
    expect(panel(page, "Params that tell min acc")).to_contain_text("Based on 23 runs", timeout=20_000)
    _, *rows = saved_rows(page, "Params that tell min acc", tmp_path)
    with trivet.Client(served[1], workspace=logged.workspace) as client:
        found = client.param_importance("acc", logged.experiment, figure="min")
    assert [(row[0], float(row[1])) for row in rows] == [(param.key, param.importance) for param in found.findings]


def test_few_runs_have_no_importance(logged: Logged, page: Page) -> None:
    page.goto(logged.url(IMPORTANCE, selected=json.dumps(logged.runs[1:7])))
    found = panel(page, "Params that tell loss")
    expect(found).to_contain_text("Based on 6 runs with loss.", timeout=20_000)
    expect(found).to_contain_text("Importance needs 10 runs.")
    expect(found.get_by_role("columnheader")).to_have_text(["Param", "Correlation"])


def test_what_a_panel_draws_is_saved_as_svg(logged: Logged, page: Page, tmp_path: Path) -> None:
    page.goto(logged.url({**BARS, "size": [1, 2]}, selected=json.dumps(logged.runs[1:4])))
    expect_says(page, "Bars of loss", "Bars of loss: 3")
    with page.expect_download() as saved:
        act(page, "Bars of loss", "Save as SVG")
    saved.value.save_as(tmp_path / "bars.svg")
    text = (tmp_path / "bars.svg").read_text(encoding="utf-8")
    assert text.startswith("<svg ")
    assert all(f">run-0{number}</text>" in text for number in (1, 2, 3))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_panels_are_accessible(logged: Logged, page: Page, watched: Watched, theme: Any) -> None:
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": 1500, "height": 1500})
    page.goto(logged.url(BARS, SCATTER, IMPORTANCE, {"kind": "parallel"}))
    expect(panel(page, "Params that tell loss").get_by_role("rowheader").first).to_be_visible(timeout=20_000)
    assert watched.inaccessible() == []
    act(page, "Bars of loss", "Edit")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert watched.inaccessible() == []
