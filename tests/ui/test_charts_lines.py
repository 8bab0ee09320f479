"""The panels of lines of the charts of an experiment, in a real browser before a real server."""

from __future__ import annotations

import csv
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc
import pytest
from playwright.sync_api import Locator, Page, Request, expect

import trivet
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns, MetricContext
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.workspaces import unused_workspace

STEPS = 6_000
SPIKE_STEP = 3_703
SPIKE = 900.0
NAN_STEP = 4_500
RANKS = 4
SLOW = 2
RANK_STEPS = 50
CURVES = "/ReadMetricCurves"


@dataclass(frozen=True)
class Logged:
    """The charts of experiments that tests only read."""

    long: str
    """Two runs with `loss`, of `STEPS` steps, one of which has a spike and a NaN, and a short `acc`."""
    grouped: str
    """Four runs with `loss`, whose `lr` is 1 or 2."""
    ranked: str
    """A run whose four ranks logged `wait`; one is behind the others."""


@pytest.fixture(scope="module")
def logged(served: tuple[str, str]) -> Logged:
    http, address = served
    workspace = unused_workspace()
    with trivet.Client(address, workspace=workspace) as client:

        def charts(name: str) -> tuple[str, str]:
            experiment = client.tracking.create_experiment(name)
            return experiment, f"{http}/w/{workspace}/experiments/{experiment}/charts"

        experiment, long = charts("long")
        for place in range(2):
            run = client.tracking.create_run(experiment, run_name=f"long-{place}").info.run_id
            values = [place + math.sin(step / 500) for step in range(STEPS)]
            if place == 1:
                values[SPIKE_STEP], values[NAN_STEP] = SPIKE, math.nan
            client.log_batch(
                run, metrics=[trivet.Metric("loss", value, step, step) for step, value in enumerate(values)]
            )
            client.log_batch(
                run, metrics=[trivet.Metric("acc", place + 0.25, step, step) for step in range(0, STEPS, 100)]
            )
        experiment, grouped = charts("grouped")
        for place in range(4):
            run = client.tracking.create_run(experiment, run_name=f"run-{place}").info.run_id
            client.tracking.log_params(run, {"lr": place % 2 + 1})
            client.log_batch(run, metrics=[trivet.Metric("loss", place, step, step) for step in range(10)])
        experiment, ranked = charts("ranked")
        run = client.tracking.create_run(experiment, run_name="job").info.run_id
        client.flush()
    with grpc.insecure_channel(address.removeprefix("grpc://")) as channel:
        stub = TrackingServiceStub(channel)
        for rank in range(RANKS):
            steps = RANK_STEPS // 2 if rank == SLOW else RANK_STEPS
            columns = MetricColumns(
                keys=["wait"],
                counts=[steps],
                steps=range(steps),
                times_millis=range(steps),
                values=[float(rank)] * steps,
                contexts=[MetricContext(rank=rank)],
                context_index=[1],
            )
            stub.WriteRun(pb.WriteRunRequest(run=f"workspaces/{workspace}/runs/{run}", metrics=columns))
    return Logged(long, grouped, ranked)


def shown(page: Page, url: str, metric: str) -> Locator:
    """The lines of a metric, when they are drawn."""
    page.goto(url)
    figure = page.get_by_role("figure", name=metric, exact=True)
    expect(figure.locator("[data-drawn=true]")).to_be_visible(timeout=20_000)
    return figure.get_by_role("slider")


def settings(metric: str, **changes: object) -> str:
    """What the URL says of a panel that was edited."""
    panels = {f"metric:{metric}": {"settings": {"metrics": [metric], **changes}}}
    return f"?panels={quote(json.dumps(panels))}"


def zoom_of(page: Page) -> list[float] | None:
    found: list[float] | None = page.evaluate("JSON.parse(new URLSearchParams(location.search).get('zoom'))")
    return found


def point_at(page: Page, chart: Locator, share: float) -> str:
    """Points into a chart, so far from its left, and returns what it says."""
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
    return chart.get_attribute("aria-valuetext") or ""


def test_a_spike_and_a_nan_are_seen_at_any_zoom(page: Page, logged: Logged) -> None:
    chart = shown(page, logged.long, "loss")
    foot = page.get_by_role("figure", name="loss").get_by_text("NaN")
    expect(foot).to_contain_text("1 NaN")
    says = [point_at(page, chart, 0.62 + pixel / 500) for pixel in range(25)]
    assert any(f"… {SPIKE:.0f}" in each for each in says), says
    for width in (1000, 6):
        chart = shown(page, f"{logged.long}?zoom=[{SPIKE_STEP - width // 2},{SPIKE_STEP + width // 2}]", "loss")
        says = [point_at(page, chart, 0.48 + pixel / 400) for pixel in range(25)]
        assert any(f"{SPIKE:.0f}" in each for each in says), (width, says)
    shown(page, f"{logged.long}?zoom=[{NAN_STEP - 2},{NAN_STEP + 2}]", "loss")
    expect(foot).to_contain_text("1 NaN")


def test_a_drag_zooms_in_and_the_server_is_asked_again(page: Page, logged: Logged) -> None:
    chart = shown(page, logged.long, "loss")
    figure = page.get_by_role("figure", name="loss")
    expect(figure.get_by_text("buckets")).to_be_visible()
    box = chart.bounding_box()
    assert box is not None
    y = box["y"] + 60
    page.mouse.move(box["x"] + 200, y)
    page.mouse.down()
    page.mouse.move(box["x"] + 203, y)
    page.mouse.move(box["x"] + 208, y)
    with page.expect_request(lambda request: request.url.endswith(CURVES)):
        page.mouse.up()
    expect(page).to_have_url(re.compile("zoom="))
    expect(figure.locator("[data-drawn=true]")).to_be_visible()
    # So close, every point comes by itself.
    expect(figure.get_by_text("buckets")).to_have_count(0)
    other = page.get_by_role("figure", name="acc").get_by_role("slider")
    assert other.get_attribute("aria-valuemin") == chart.get_attribute("aria-valuemin")
    chart.dblclick()
    expect(figure.get_by_text("buckets")).to_be_visible()
    page.go_back()
    expect(figure.get_by_text("buckets")).to_have_count(0)


def test_a_chart_that_is_zoomed_in_is_moved_by_keys_and_by_hand(page: Page, logged: Logged) -> None:
    chart = shown(page, f"{logged.long}?zoom=[2000,3000]", "loss")
    chart.press("Shift+ArrowRight")
    expect(page).to_have_url(re.compile("zoom=(?!%5B2000)"))
    moved = zoom_of(page)
    assert moved is not None
    assert moved == pytest.approx([2250, 3250], abs=5)
    box = chart.bounding_box()
    assert box is not None
    x, y = box["x"] + 300, box["y"] + 80
    page.keyboard.down("Shift")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 100, y, steps=5)
    # It moves with the hand, and the other panels follow when it rests.
    assert float(chart.get_attribute("aria-valuemin") or 0) > moved[0] + 100
    assert zoom_of(page) == moved
    page.mouse.up()
    page.keyboard.up("Shift")
    page.wait_for_function(
        "(from) => JSON.parse(new URLSearchParams(location.search).get('zoom'))[0] > from", arg=moved[0]
    )
    last = zoom_of(page)
    assert last is not None
    assert last[1] - last[0] == pytest.approx(moved[1] - moved[0], abs=2)
    for _ in range(12):
        chart.press("Shift+ArrowRight")
    page.wait_for_function("() => JSON.parse(new URLSearchParams(location.search).get('zoom'))[1] > 5950")
    # There the axis ends.
    assert (zoom_of(page) or [0, 0])[1] <= STEPS
    while zoom_of(page) is not None:
        before = chart.get_attribute("aria-valuemin") or ""
        chart.press("-")
        expect(chart).not_to_have_attribute("aria-valuemin", before)
    expect(page).not_to_have_url(re.compile("zoom="))
    chart.press("+")
    expect(page).to_have_url(re.compile("zoom="))
    chart.press("Escape")
    expect(page).not_to_have_url(re.compile("zoom="))


def test_where_somebody_points_is_shown_in_other_panels(page: Page, logged: Logged) -> None:
    chart = shown(page, logged.long, "loss")
    other = page.get_by_role("figure", name="acc")
    expect(other.locator("[data-drawn=true]")).to_be_visible()
    point_at(page, chart, 0.5)
    # Of the line that is pointed at.
    expect(other.get_by_text(re.compile(r"^[01]\.25$"))).to_be_visible()
    page.mouse.move(2, 2)
    expect(other.get_by_text(re.compile(r"^[01]\.25$"))).to_have_count(0)


def test_grouped_runs_are_a_mean_with_its_range(page: Page, logged: Logged) -> None:
    chart = shown(page, f"{logged.grouped}?group=param:lr", "loss")
    expect(chart).to_have_attribute("aria-valuetext", re.compile("^2 lines "))
    chart.press("ArrowRight")
    # Runs 0 and 2 have lr 1, runs 1 and 3 have lr 2.
    expect(chart).to_have_attribute("aria-valuetext", re.compile(r"2 \(2 runs\) 2 \(1 … 3\), 1 \(2 runs\) 1 \(0 … 2\)"))
    chart = shown(page, f"{logged.grouped}{settings('loss', bands='none')}&group=param:lr", "loss")
    expect(chart).to_have_attribute("aria-valuetext", re.compile("^4 lines "))


def test_ranks_are_a_mean_with_its_range_and_the_slowest_is_marked(page: Page, logged: Logged) -> None:
    chart = shown(page, f"{logged.ranked}{settings('wait', bands='ranks')}", "wait")
    expect(chart).to_have_attribute("aria-valuetext", re.compile("^2 lines "))
    chart.press("ArrowRight")
    says = rf"job, {RANKS} ranks 1\.5 \(0 … 3\), job, rank {SLOW} \(slowest\) {SLOW}"
    expect(chart).to_have_attribute("aria-valuetext", re.compile(says))
    # Where the slowest is not yet, the others are.
    point_at(page, chart, 0.9)
    expect(chart).to_have_attribute("aria-valuetext", re.compile(rf"job, {RANKS} ranks 1\.333 \(0 … 3\)$"))


def test_a_run_that_goes_on_is_read_from_where_it_was(site: Any, page: Page) -> None:
    with site.client() as client:
        experiment = client.tracking.create_experiment("live")
        run = client.tracking.create_run(experiment).info.run_id
        client.log_batch(run, metrics=[trivet.Metric("loss", 1, step, step) for step in range(5000)])
        client.flush()
        asked: list[bytes] = []

        def on_request(request: Request) -> None:
            if request.url.endswith(CURVES):
                asked.append(request.post_data_buffer or b"")

        page.on("request", on_request)
        chart = shown(page, site.url(f"experiments/{experiment}/charts"), "loss")
        expect(page.get_by_text("live ·")).to_be_visible()
        client.log_batch(run, metrics=[trivet.Metric("loss", 1, step, step) for step in range(5000, 5003)])
        client.flush()
        expect(chart).to_have_attribute("aria-valuemax", "5002")
        last = pb.ReadMetricCurvesRequest.FromString(asked[-1][5:])
        assert last.min_x > 4900
        client.log_batch(run, metrics=[trivet.Metric("loss", math.inf, 5003, 5003)])
        client.flush()
        expect(page.get_by_role("figure", name="loss").get_by_text("infinite")).to_be_visible()
        client.tracking.rewind_run(run, 100)
        expect(chart).to_have_attribute("aria-valuemax", "100")


def test_metrics_are_chosen_by_a_search(page: Page, logged: Logged) -> None:
    shown(page, logged.long, "acc")
    page.get_by_role("button", name="Actions for acc", exact=True).click()
    page.get_by_role("menuitem", name="Edit").click()
    dialog = page.get_by_role("dialog", name="Edit the panel")
    dialog.get_by_label("Search metrics").fill("LOS")
    dialog.get_by_label("loss", exact=True).check()
    dialog.get_by_label("log y axis").check()
    dialog.get_by_role("button", name="Save").click()
    figure = page.get_by_role("figure", name="acc, loss")
    expect(figure.get_by_role("slider")).to_have_attribute("aria-valuetext", re.compile("^4 lines "))
    expect(figure.get_by_text("0 and below left out")).to_be_visible()


def test_lines_are_saved_as_csv_point_by_point_where_they_are_looked_at(
    page: Page, logged: Logged, tmp_path: Path
) -> None:
    shown(page, f"{logged.long}?zoom=[{SPIKE_STEP - 2},{SPIKE_STEP + 2}]", "loss")
    page.get_by_role("button", name="Actions for loss", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Save as CSV").click()
    download.value.save_as(tmp_path / "loss.csv")
    with (tmp_path / "loss.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    assert [row["max"] for row in rows if row["step"] == str(SPIKE_STEP) and row["run"] == "long-1"] == ["900"]


def test_a_server_that_is_away_leaves_the_lines_and_says_so(page: Page, logged: Logged, watched: Any) -> None:
    watched.expect_complaint("Failed to load resource|net::ERR")
    chart = shown(page, logged.long, "loss")
    page.route(f"**{CURVES}", lambda route: route.abort())
    chart.press("+")
    expect(page.get_by_role("figure", name="loss").get_by_text("Not up to date")).to_be_visible()
    expect(chart).to_be_visible()
    page.unroute(f"**{CURVES}")
    expect(page.get_by_role("figure", name="loss").get_by_text("Not up to date")).to_have_count(0)
