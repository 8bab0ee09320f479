"""The charts of the runs of an experiment, in a real browser before a real server."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, Request, expect

import trivet
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_testing.browser import Watched
from trivet_testing.charts import STEPS, act, expect_lines, expect_titles, legend, panel, search_of, section, write
from trivet_testing.workspaces import unused_workspace

N_RUNS = 6
N_WIDE = 60
OPTIMIZERS = ("adam", "sgd")
CURVES = "ReadMetricCurves"


@dataclass(frozen=True)
class Shared:
    """An experiment that tests only read."""

    url: str
    wide: str
    """The charts of an experiment of one run with many metrics."""


@pytest.fixture(scope="module")
def shared(served: tuple[str, str]) -> Iterator[Shared]:
    """Runs `run-0`, …, the odd ones of `sgd`, each with `loss`, `train/…`, `val/…` and one of the system."""
    http, grpc = served
    workspace = unused_workspace()
    with trivet.Client(grpc, workspace=workspace) as client:
        experiment = client.tracking.create_experiment("many")
        for number in range(N_RUNS):
            run = client.tracking.create_run(experiment, run_name=f"run-{number}", start_time=number * 1000).info.run_id
            client.tracking.log_params(run, {"lr": number / 10, "optimizer": OPTIMIZERS[number % 2]})
            write(client, run, ("loss", "train/loss", "train/acc", "val/loss", "system/cpu"), number)
            client.tracking.set_terminated(run)
        wide = client.tracking.create_experiment("wide")
        run = client.tracking.create_run(wide).info.run_id
        client.tracking.log_metrics(run, {f"wide/{number:02}": number for number in range(N_WIDE)})
        client.flush()
        url = f"{http}/w/{workspace}/experiments"
        yield Shared(f"{url}/{experiment}/charts", f"{url}/{wide}/charts")


@pytest.fixture
def charts(page: Page, shared: Shared) -> Page:
    """The charts of the experiment that tests only read."""
    page.goto(shared.url)
    # The browser has to load everything first.
    expect(panel(page, "val/loss").get_by_role("slider")).to_be_visible(timeout=20_000)
    return page


def test_each_metric_has_a_panel_under_what_stands_before_its_slash(charts: Page) -> None:
    sections = charts.get_by_role("region", name="Panels").get_by_role("region")
    expect(sections).to_have_count(4)
    for place, name in enumerate(("without a prefix", "train", "val", "system")):
        expect(sections.nth(place)).to_have_attribute("aria-label", name)
    expect_titles(charts, "train", "train/acc", "train/loss")
    expect_lines(charts, "val/loss", N_RUNS)
    expect(panel(charts, "system/cpu")).to_have_count(0)
    charts.get_by_role("button", name="system 1").click()
    expect_lines(charts, "system/cpu", N_RUNS)
    charts.get_by_role("button", name="train 2").click()
    expect(panel(charts, "train/loss")).to_have_count(0)
    charts.reload()
    expect_lines(charts, "system/cpu", N_RUNS)
    expect(panel(charts, "train/loss")).to_have_count(0)
    charts.get_by_label("Search panels").fill("LOSS")
    expect(panel(charts, "system/cpu")).to_have_count(0)
    expect(panel(charts, "val/loss")).to_be_visible()


def test_the_table_and_the_charts_show_the_same_runs(charts: Page, shared: Shared) -> None:
    views = charts.get_by_role("navigation", name="Views of the runs")
    views.get_by_role("link", name="Table").click()
    table = charts.get_by_role("treegrid", name="Runs")
    expect(table).to_be_visible()
    expect(charts).to_have_url(shared.url.removesuffix("/charts"))
    box = charts.get_by_role("combobox", name="Filter runs")
    box.fill("params.optimizer = 'sgd'")
    box.press("Enter")
    expect(charts.get_by_text("3 runs")).to_be_visible()
    views.get_by_role("link", name="Charts").click()
    expect_lines(charts, "val/loss", 3)
    expect(box).to_have_value("params.optimizer = 'sgd'")
    charts.go_back()
    table.get_by_role("checkbox", name="Select run-5").click()
    table.get_by_role("checkbox", name="Select run-1").click()
    views.get_by_role("link", name="Charts").click()
    expect_lines(charts, "val/loss", 2)
    charts.get_by_role("button", name="2 selected").click()
    expect_lines(charts, "val/loss", 3)
    charts.get_by_label("Status", exact=True).select_option("FAILED")
    expect(charts.get_by_text("No run passes the filter")).to_be_visible()
    charts.get_by_role("button", name="Show all runs").click()
    expect_lines(charts, "val/loss", N_RUNS)


def test_a_filter_that_is_wrong_is_told(page: Page, shared: Shared) -> None:
    page.goto(f"{shared.url}?filter={quote('metrics.loss <')}")
    box = page.get_by_role("combobox", name="Filter runs")
    expect(box).to_have_attribute("aria-invalid", "true")
    box.fill("metrics.loss < 2.5")
    box.press("Enter")
    expect_lines(page, "val/loss", 3)


def test_an_experiment_that_is_not_there_says_so(site: Any, page: Page) -> None:
    page.goto(site.url("experiments/77/charts"))
    expect(page.get_by_text(f"There is no experiment 77 in the workspace {site.workspace}")).to_be_visible()


def test_an_experiment_without_runs_or_metrics_says_so(own_charts: tuple[Page, trivet.Client, str], site: Any) -> None:
    page, client, experiment = own_charts
    page.goto(site.url(f"experiments/{experiment}/charts"))
    expect(page.get_by_text("No runs yet")).to_be_visible(timeout=20_000)
    run = client.tracking.create_run(experiment, run_name="bare").info.run_id
    client.flush()
    expect(page.get_by_text("These runs have no metrics")).to_be_visible()
    client.tracking.log_metric(run, "loss", 1)
    client.flush()
    expect_lines(page, "loss", 1)


def test_runs_are_hidden_and_shown_alone_and_the_url_and_back_know(charts: Page) -> None:
    runs = legend(charts)
    runs.get_by_label("Show run-3", exact=True).uncheck()
    expect_lines(charts, "val/loss", N_RUNS - 1)
    runs.get_by_label("Only run-5").click()
    expect_lines(charts, "val/loss", 1)
    runs.get_by_label("Show run-4", exact=True).check()
    expect_lines(charts, "val/loss", 2)
    charts.reload()
    expect_lines(charts, "val/loss", 2)
    charts.go_back()
    expect_lines(charts, "val/loss", 1)
    charts.get_by_role("button", name="All", exact=True).click()
    expect_lines(charts, "val/loss", N_RUNS)
    charts.get_by_label("Search runs").fill("N-4")
    expect(runs.get_by_role("checkbox")).to_have_count(1)
    charts.get_by_label("Search runs").fill("")
    charts.get_by_label("At most so many runs").select_option("10")
    expect(charts.get_by_text("6 runs", exact=True)).to_be_visible()


def test_runs_are_grouped_by_a_param(charts: Page) -> None:
    charts.get_by_label("Group by").select_option("param:optimizer")
    runs = legend(charts)
    expect(runs.get_by_role("checkbox")).to_have_count(2)
    expect(charts).to_have_url(re.compile("group=param"))
    runs.get_by_role("button", name="sgd 3").click()
    expect(runs.get_by_role("link")).to_have_count(3)
    runs.get_by_label("Show run-5", exact=True).uncheck()
    expect(runs.get_by_label("Show the group sgd")).to_be_checked(indeterminate=True)
    runs.get_by_label("Show the group adam").uncheck()
    expect(runs.get_by_label("Show run-3", exact=True)).to_be_checked()
    assert search_of(charts)["turned"] == [search_of(charts)["turned"][0], "=adam"]
    charts.get_by_label("Group by").select_option("")
    expect(runs.get_by_role("checkbox", checked=True)).to_have_count(N_RUNS - 1)


def test_a_colour_is_chosen_for_all_pages(charts: Page, shared: Shared) -> None:
    row = legend(charts).get_by_role("listitem").filter(has_text="run-2")
    line = row.locator("line").first
    expect(line).to_have_attribute("stroke", re.compile("^#[0-9a-f]{6}$"))
    first = line.get_attribute("stroke") or ""
    # A run's own colour follows from its id: the one chosen here has to be another.
    place, chosen, as_css = (11, "#5a3cff", "rgb(90, 60, 255)")
    if first == chosen:
        place, chosen, as_css = (12, "#d2005a", "rgb(210, 0, 90)")
    row.get_by_label("Colour of run-2").click()
    dialog = charts.get_by_role("dialog", name="Colour of run-2")
    dialog.get_by_label(f"Colour {place} of 20").click()
    expect(dialog).to_have_count(0)
    expect(line).to_have_attribute("stroke", chosen)
    row.get_by_role("link", name="run-2").click()
    expect(charts.get_by_role("heading", name="run-2")).to_be_visible()
    dot = charts.locator("h1 [style*='background']")
    expect(dot).to_have_css("background-color", as_css)
    charts.go_back()
    row.get_by_label("Colour of run-2").click()
    dialog.get_by_role("button", name="As at first").click()
    expect(line).to_have_attribute("stroke", first)


def test_only_panels_near_what_is_seen_are_read(page: Page, shared: Shared) -> None:
    asked: set[str] = set()

    def on_request(request: Request) -> None:
        if request.url.endswith(CURVES):
            # After the five bytes that gRPC-web puts before a message.
            asked.update(pb.ReadMetricCurvesRequest.FromString((request.post_data_buffer or b"")[5:]).keys)

    page.on("request", on_request)
    page.goto(shared.wide)
    expect(panel(page, "wide/00").get_by_role("slider")).to_be_visible(timeout=20_000)
    expect(panel(page, f"wide/{N_WIDE - 1}")).to_have_count(1)
    assert panel(page, f"wide/{N_WIDE - 1}").get_by_role("slider").count() == 0
    assert "wide/00" in asked
    assert len(asked) < N_WIDE / 2
    page.get_by_role("region", name="Panels").evaluate("element => element.scrollTo({ top: element.scrollHeight })")
    expect(panel(page, f"wide/{N_WIDE - 1}").get_by_role("slider")).to_be_visible()
    expect(panel(page, "wide/00").get_by_role("slider")).to_have_count(0)


def test_panels_are_moved_by_keys_and_by_the_mouse(charts: Page) -> None:
    grip = panel(charts, "train/loss").get_by_role("button", name="Move train/loss")
    grip.press("ArrowLeft")
    expect_titles(charts, "train", "train/loss", "train/acc")
    expect(grip).to_be_focused()
    expect(charts.get_by_text("train/loss: 1 of 2")).to_be_attached()
    charts.reload()
    expect_titles(charts, "train", "train/loss", "train/acc")
    handle = panel(charts, "val/loss").get_by_role("button", name="val/loss", exact=True)
    handle.drag_to(panel(charts, "train/acc"), target_position={"x": 8, "y": 60})
    expect_titles(charts, "train", "train/loss", "val/loss", "train/acc")
    charts.go_back()
    expect_titles(charts, "val", "val/loss")


def test_panels_are_resized_by_keys_and_by_the_mouse(charts: Page) -> None:
    charts.set_viewport_size({"width": 1600, "height": 900})
    of_loss = panel(charts, "train/loss")
    narrow = of_loss.bounding_box()
    assert narrow is not None
    of_loss.get_by_role("button", name="Size of train/loss").press("ArrowRight")
    wide = of_loss.get_by_role("button", name="Size of train/loss: 2 by 1")
    box = wide.bounding_box()
    assert box is not None
    charts.mouse.move(box["x"] + 8, box["y"] + 8)
    charts.mouse.down()
    charts.mouse.move(box["x"] + 8, box["y"] + 240, steps=4)
    charts.mouse.up()
    expect(of_loss.get_by_role("button", name="Size of train/loss: 2 by 2")).to_be_visible()
    charts.reload()
    expect(of_loss.get_by_role("button", name="Size of train/loss: 2 by 2")).to_be_visible()
    large = of_loss.bounding_box()
    assert large is not None
    assert large["width"] > 1.9 * narrow["width"]
    assert large["height"] > 1.9 * narrow["height"]
    act(charts, "train/loss", "As at first")
    expect(of_loss.get_by_role("button", name="Size of train/loss: 1 by 1")).to_be_visible()


def test_a_panel_is_shown_alone(charts: Page) -> None:
    charts.get_by_role("button", name="val/loss", exact=True).click()
    expect(charts.get_by_role("figure")).to_have_count(1)
    expect_lines(charts, "val/loss", N_RUNS)
    charts.reload()
    expect_lines(charts, "val/loss", N_RUNS)
    charts.keyboard.press("Escape")
    expect(panel(charts, "train/loss")).to_be_visible()
    charts.go_back()
    expect(charts.get_by_role("figure")).to_have_count(1)
    charts.get_by_role("button", name="All panels").click()
    expect(panel(charts, "train/loss")).to_be_visible()


def test_panels_are_added_edited_removed_and_shown_again(charts: Page) -> None:
    charts.get_by_role("button", name="Add a panel").click()
    dialog = charts.get_by_role("dialog", name="Add a panel")
    dialog.get_by_label("Section").fill("Mine")
    dialog.get_by_role("button", name="Add", exact=True).click()
    added = section(charts, "Mine").get_by_role("figure")
    expect(added).to_have_count(1)
    charts.reload()
    expect(added).to_have_count(1)
    charts.go_back()
    expect(added).to_have_count(0)
    act(charts, "val/loss", "Edit")
    editing = charts.get_by_role("dialog", name="Edit the panel")
    editing.get_by_label("Section").fill("train")
    editing.get_by_role("button", name="Save").click()
    expect_titles(charts, "train", "train/acc", "train/loss", "val/loss")
    act(charts, "train/acc", "Remove")
    expect_titles(charts, "train", "train/loss", "val/loss")
    charts.get_by_role("button", name="Show 1 removed").click()
    expect_titles(charts, "train", "train/acc", "train/loss", "val/loss")


def test_what_a_panel_shows_is_saved_as_csv(charts: Page, tmp_path: Path) -> None:
    with charts.expect_download() as download:
        act(charts, "val/loss", "Save as CSV")
    assert download.value.suggested_filename == "val_loss.csv"
    target = tmp_path / "val_loss.csv"
    download.value.save_as(target)
    with target.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["run"] for row in rows} == {f"run-{number}" for number in range(N_RUNS)}


def test_panels_follow_runs_that_go_on(own_charts: tuple[Page, trivet.Client, str], site: Any) -> None:
    page, client, experiment = own_charts
    first = client.tracking.create_run(experiment, run_name="first").info.run_id
    write(client, first, ("loss",), 0)
    client.flush()
    page.goto(site.url(f"experiments/{experiment}/charts"))
    expect_lines(page, "loss", 1)
    chart = panel(page, "loss").get_by_role("slider")
    expect(chart).to_have_attribute("aria-valuemax", str(STEPS - 1))
    expect(page.get_by_text("live")).to_be_visible()
    write(client, first, ("loss",), 0, first=STEPS)
    client.flush()
    expect(chart).to_have_attribute("aria-valuemax", str(2 * STEPS - 1))
    second = client.tracking.create_run(experiment, run_name="second").info.run_id
    write(client, second, ("loss", "acc"), 1)
    client.flush()
    expect_lines(page, "loss", 2)
    expect_lines(page, "acc", 1)
    expect(legend(page).get_by_label("running")).to_have_count(2)
    client.tracking.set_terminated(first)
    client.flush()
    expect(legend(page).get_by_label("running")).to_have_count(1)


def test_what_makes_no_sense_in_a_url_is_left_out(page: Page, shared: Shared) -> None:
    panels = {"p1": {"kind": "no kind", "size": [0, 99]}, "metric:val/loss": {"size": "wide", "place": -1}}
    page.goto(f"{shared.url}?panels={quote(json.dumps(panels))}&most=7&x=never&smooth=2&zoom=3&panel=gone")
    expect_lines(page, "val/loss", N_RUNS)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_charts_are_accessible(charts: Page, watched: Watched, theme: str) -> None:
    charts.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    charts.get_by_label("Group by").select_option("param:optimizer")
    expect(legend(charts).get_by_role("checkbox")).to_have_count(2)
    assert watched.inaccessible() == []
    charts.get_by_role("button", name="Add a panel").click()
    expect(charts.get_by_role("dialog", name="Add a panel").get_by_label("Section")).to_be_visible()
    assert watched.inaccessible(within="[role=dialog]") == []
    charts.keyboard.press("Escape")
    charts.get_by_label("Group by").select_option("")
    legend(charts).get_by_label("Colour of run-2").click()
    expect(charts.get_by_role("dialog", name="Colour of run-2")).to_be_visible()
    assert watched.inaccessible(within="[role=dialog]") == []
