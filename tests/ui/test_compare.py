"""Runs side by side, in a real browser before a real server."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Locator, Page, Route, expect

import trivet
from trivet_testing.browser import Watched
from trivet_testing.workspaces import unused_workspace

NOWHERE = "0" * 32


@dataclass(frozen=True)
class Logged:
    """Runs of one workspace, for tests that only read them."""

    http: str
    workspace: str
    runs: dict[str, str]
    """Ids by name."""

    def url(self, *names: str, **state: Any) -> str:
        """The page that compares runs; names that no run has are ids."""
        parts = {"runs": [self.runs.get(name, name) for name in names], **state}
        query = "&".join(
            f"{key}={quote(value if isinstance(value, str) else json.dumps(value))}" for key, value in parts.items()
        )
        return f"{self.http}/w/{self.workspace}/compare?{query}"


@pytest.fixture(scope="module")
def logged(served: tuple[str, str]) -> Logged:
    http, grpc = served
    workspace = unused_workspace()
    rows: tuple[tuple[str, dict[str, object], dict[str, float], dict[str, str]], ...] = (
        ("ant", {"lr": 0.1, "model": "xgb", "seed": 7}, {"loss": 0.5, "acc": 0.8}, {"team": "blue"}),
        ("bee", {"lr": 0.01, "model": "xgb", "seed": 7}, {"loss": 0.25, "acc": 0.9}, {"team": "red"}),
        ("cat", {"lr": 0.001, "model": "ridge", "seed": 7}, {"loss": float("nan"), "acc": 0.7}, {"team": "blue"}),
        ("dog", {"lr": 1, "model": "ridge", "seed": 7, "note": "a,b"}, {"loss": 0.75}, {}),
    )
    with trivet.Client(grpc, workspace=workspace) as client:
        experiment = client.create_experiment("tuning")
        runs = {}
        for name, params, metrics, tags in rows:
            run = client.create_run(experiment, run_name=name)
            runs[name] = run.info.run_id
            client.tracking.log_params(runs[name], params)
            client.tracking.set_tags(runs[name], tags)
            client.tracking.log_metrics(runs[name], {key: value + 1 for key, value in metrics.items()}, step=1)
            client.tracking.log_metrics(runs[name], metrics, step=2)
            client.set_terminated(runs[name])
        runs["bare"] = client.create_run(experiment, run_name="bare").info.run_id
    return Logged(http, workspace, runs)


@pytest.fixture
def four(logged: Logged, page: Page) -> Page:
    page.set_viewport_size({"width": 1280, "height": 1200})  # all rows are in view
    page.goto(logged.url("ant", "bee", "cat", "dog"))
    expect(columns(page)).to_have_count(4)
    return page


def table(page: Page) -> Locator:
    return page.get_by_role("table", name="Comparison")


def columns(page: Page) -> Locator:
    return table(page).get_by_role("columnheader").get_by_role("link")


def cells(page: Page, key: str) -> Locator:
    """Those of a row, one a run."""
    rows = table(page).get_by_role("row")
    return rows.filter(has=page.get_by_role("rowheader", name=re.compile(rf"^{re.escape(key)}($| )"))).get_by_role(
        "cell"
    )


def state(page: Page, key: str) -> Any:
    """What the URL says."""
    return page.evaluate("key => JSON.parse(new URL(location).searchParams.get(key))", key)


def drawn(page: Page) -> Locator:
    """The picture that is shown."""
    return page.get_by_role("region", name="Plots").get_by_role("img")


def axis(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=re.compile(rf"^Axis {re.escape(name)},"))


def drag_along(page: Page, name: str, begin: float, end: float) -> None:
    """Brushes a part of an axis: 0 is its top, 1 its bottom."""
    head, chart = axis(page, name).bounding_box(), page.get_by_role("group", name="Parallel coordinates").bounding_box()
    assert head is not None
    assert chart is not None
    x, top, height = head["x"] + head["width"] / 2, chart["y"] + 36, chart["height"] - 48
    page.mouse.move(x, top + begin * height)
    page.mouse.down()
    page.mouse.move(x, top + (begin + end) / 2 * height)
    page.mouse.move(x, top + end * height)
    page.mouse.up()


def test_runs_stand_side_by_side_with_what_they_have(four: Page) -> None:
    expect(columns(four)).to_have_text(["ant", "bee", "cat", "dog"])
    expect(cells(four, "lr")).to_have_text(["0.1", "0.01", "0.001", "1"])
    expect(cells(four, "team")).to_have_text(["blue", "red", "blue", "—"])
    expect(cells(four, "loss")).to_have_text(["0.5", "0.25", "NaN", "0.75"])
    expect(cells(four, "experiment")).to_have_text(["tuning"] * 4)
    expect(cells(four, "loss").filter(has=four.get_by_role("img", name="best"))).to_have_text("0.25")
    expect(cells(four, "acc").filter(has=four.get_by_role("img", name="best"))).to_have_text("0.9")
    expect(cells(four, "model").nth(2)).to_have_attribute("title", "ridge: not what the first run has")


def test_less_or_more_is_better_as_somebody_says(four: Page) -> None:
    four.get_by_role("button", name="Of acc, more is better").click()
    expect(cells(four, "acc").filter(has=four.get_by_role("img", name="best"))).to_have_text("0.7")
    assert state(four, "best") == {"acc": "min"}
    four.go_back()
    expect(cells(four, "acc").filter(has=four.get_by_role("img", name="best"))).to_have_text("0.9")


def test_differences_only_leaves_out_what_is_the_same(four: Page) -> None:
    expect(cells(four, "seed")).to_have_count(4)
    four.get_by_label("Differences only").check()
    expect(cells(four, "seed")).to_have_count(0)
    expect(cells(four, "model")).to_have_count(4)
    expect(table(four).get_by_role("rowheader", name="Params 3 of 4")).to_be_visible()
    four.reload()
    expect(four.get_by_label("Differences only")).to_be_checked()
    expect(cells(four, "seed")).to_have_count(0)
    four.keyboard.press("d")
    expect(cells(four, "seed")).to_have_count(4)


def test_metrics_show_their_minimum_maximum_and_step(four: Page) -> None:
    four.get_by_label("Min, max, step").check()
    row = table(four).get_by_role("row").filter(has=four.get_by_role("rowheader", name=re.compile("^max")))
    expect(row.first.get_by_role("cell")).to_have_text(["1.8", "1.9", "1.7", "—"])
    step = table(four).get_by_role("row").filter(has=four.get_by_role("rowheader", name=re.compile("^step")))
    expect(step.first.get_by_role("cell")).to_have_text(["2", "2", "2", "—"])


def test_keys_are_searched(four: Page) -> None:
    four.keyboard.press("/")
    four.keyboard.type("LR")
    expect(cells(four, "model")).to_have_count(0)
    expect(cells(four, "lr")).to_have_count(4)
    four.reload()
    expect(four.get_by_role("searchbox", name="Search keys")).to_have_value("LR")


def test_brushes_on_two_axes_narrow_the_lines_the_table_and_the_other_plots(four: Page) -> None:
    expect(drawn(four)).to_have_attribute("aria-label", re.compile("^Lines of 4 of 4 runs over 5 axes"))
    drag_along(four, "model", 0.02, 0.48)  # xgb is the upper one of two
    expect(columns(four)).to_have_text(["ant", "bee"])
    assert state(four, "brushes") == {"params.model": {"at": ["xgb"]}}
    drag_along(four, "acc", -0.01, 0.4)
    expect(columns(four)).to_have_text(["bee"])
    expect(four.get_by_text("1 brushed")).to_be_visible()
    expect(drawn(four)).to_have_attribute("aria-label", re.compile("^Lines of 1 of 4 runs"))
    four.reload()
    expect(columns(four)).to_have_text(["bee"])
    four.get_by_role("tab", name="Scatter").click()
    expect(drawn(four)).to_have_attribute("aria-label", re.compile("^Scatter of 1 runs"))
    four.get_by_role("tab", name="Parallel coordinates").click()
    four.get_by_role("button", name="Clear brushes").click()
    expect(columns(four)).to_have_count(4)
    four.go_back()
    expect(columns(four)).to_have_text(["bee"])


def test_a_brush_is_moved_and_a_click_takes_it_away(four: Page) -> None:
    drag_along(four, "model", 0.02, 0.48)
    expect(columns(four)).to_have_text(["ant", "bee"])
    drag_along(four, "model", 0.25, 0.75)
    expect(columns(four)).to_have_text(["cat", "dog"])
    drag_along(four, "model", 0.75, 0.75)
    expect(columns(four)).to_have_count(4)


def test_runs_without_a_value_are_brushed_at_their_place(four: Page) -> None:
    drag_along(four, "acc", 0.96, 1.02)
    expect(columns(four)).to_have_text(["dog"])
    assert state(four, "brushes") == {"metrics.acc": {"at": [None]}}


def test_only_the_brushed_runs_are_kept(logged: Logged, four: Page) -> None:
    drag_along(four, "model", 0.02, 0.48)
    four.get_by_role("button", name="Keep only these").click()
    expect(four.get_by_text("2 runs", exact=True).first).to_be_visible()
    assert state(four, "runs") == [logged.runs["ant"], logged.runs["bee"]]
    expect(four.get_by_role("button", name="Clear brushes")).to_have_count(0)


def test_axes_are_dragged_and_moved_by_keys(four: Page) -> None:
    def order() -> Locator:
        return four.get_by_role("button", name=re.compile("^Axis "))

    expect(order()).to_have_text(["lr", "model", "note", "acc", "loss"])
    axis(four, "lr").focus()
    four.keyboard.press("ArrowRight")
    expect(order()).to_have_text(["model", "lr", "note", "acc", "loss"])
    expect(axis(four, "lr")).to_be_focused()
    expect(axis(four, "lr")).to_have_accessible_name("Axis lr, 2 of 5")
    head, place = axis(four, "loss").bounding_box(), axis(four, "model").bounding_box()
    assert head is not None
    assert place is not None
    four.mouse.move(head["x"] + head["width"] / 2, head["y"] + 8)
    four.mouse.down()
    four.mouse.move(place["x"] + 200, place["y"] + 8, steps=3)
    four.mouse.move(place["x"] + place["width"] / 2, place["y"] + 8)
    four.mouse.up()
    expect(order()).to_have_text(["loss", "model", "lr", "note", "acc"])
    four.reload()
    expect(order()).to_have_text(["loss", "model", "lr", "note", "acc"])


def test_axes_are_chosen_all_or_none_or_by_a_search(four: Page) -> None:
    four.get_by_role("button", name="Axes (5)").click()
    four.get_by_role("dialog").get_by_role("button", name="Select none").click()
    four.get_by_label("Search axes").fill("loss")
    four.get_by_role("checkbox", name="min loss").check()
    four.get_by_role("dialog").get_by_role("button", name="Show 1 axis").click()
    expect(four.get_by_role("button", name=re.compile("^Axis "))).to_have_text(["min loss"])
    four.get_by_role("button", name="Axes (1)").click()
    four.get_by_role("dialog").get_by_role("button", name="Select all", exact=True).click()
    four.get_by_role("dialog").get_by_role("button", name="Show 7 axes").click()
    expect(four.get_by_role("button", name=re.compile("^Axis "))).to_have_count(7)
    axis(four, "seed").click()
    four.get_by_role("button", name="Remove the axis").click()
    expect(four.get_by_role("button", name=re.compile("^Axis "))).to_have_count(6)
    four.get_by_role("button", name="Axes (6)").click()
    four.get_by_role("dialog").get_by_role("button", name="Select none").click()
    four.get_by_role("dialog").get_by_role("button", name="Show 0 axes").click()
    expect(four.get_by_text("No axes are chosen")).to_be_visible()


def test_an_axis_is_set_up_by_keys_alone(four: Page) -> None:
    axis(four, "lr").focus()
    four.keyboard.press("Enter")
    dialog = four.get_by_role("dialog", name="Axis lr")
    dialog.get_by_label("Logarithmic").press("Space")
    dialog.get_by_label("From").fill("0.005")
    dialog.get_by_label("To").fill("0.001")
    expect(dialog.get_by_role("button", name="Apply")).to_be_disabled()
    dialog.get_by_label("To").fill("0.5")
    dialog.get_by_label("To").press("Enter")
    expect(columns(four)).to_have_text(["ant", "bee"])
    assert state(four, "log") == ["params.lr"]
    assert state(four, "brushes") == {"params.lr": {"range": [0.005, 0.5]}}
    axis(four, "model").press("Enter")
    four.get_by_role("dialog").get_by_role("button", name="Colour by this axis").click()
    expect(four.get_by_label("Colour")).to_have_value("params.model")
    axis(four, "loss").press("Enter")
    four.get_by_role("dialog").get_by_label("NaN").check()
    four.get_by_role("dialog").get_by_role("button", name="Apply").click()
    expect(columns(four)).to_have_count(0)
    expect(four.get_by_text("0 brushed")).to_be_visible()


def test_a_line_names_its_run_and_opens_it(logged: Logged, page: Page) -> None:
    page.goto(logged.url("ant", "dog"))
    expect(columns(page)).to_have_count(2)
    columns(page).filter(has_text="dog").hover()
    chart = page.get_by_role("group", name="Parallel coordinates").bounding_box()
    last, before = axis(page, "loss").bounding_box(), axis(page, "acc").bounding_box()
    assert chart is not None
    assert last is not None
    assert before is not None
    # The loss of dog is the larger one, so its line comes from `none` of acc to the top.
    x = (before["x"] + before["width"] / 2 + last["x"] + last["width"] / 2) / 2
    height = chart["height"] - 48
    page.mouse.move(x, chart["y"] + 36 + height * (1 - (1 + 0.021) / 2))
    expect(page.get_by_role("status").filter(has_text="dog")).to_contain_text("0.75")
    page.mouse.down()
    page.mouse.up()
    expect(page).to_have_url(re.compile(rf"/runs/{logged.runs['dog']}"))


@pytest.mark.parametrize(
    ("plot", "state", "says"),
    [
        (
            "scatter",
            {"x": "params.lr", "y": "metrics.loss", "log": ["params.lr"]},
            "Scatter of 4 runs: loss against lr.",
        ),
        ("box", {"x": "params.model", "y": "metrics.loss"}, "Box plot of loss of 4 runs by model."),
        ("contour", {"x": "params.lr", "y": "metrics.loss", "z": "metrics.acc"}, ""),
    ],
)
def test_other_plots_say_what_they_show(logged: Logged, page: Page, plot: str, state: Any, says: str) -> None:
    page.goto(logged.url("ant", "bee", "cat", "dog", plot=plot, **state))
    region = page.get_by_role("region", name="Plots")
    if says:
        expect(drawn(page)).to_have_attribute("aria-label", f"{says} The table has their values.")
    else:
        expect(region).to_contain_text(
            "Contours need three runs that have x, y and z as numbers; 2 of 4 have all of them."
        )


def test_contours_are_drawn_of_three_runs_and_not_of_what_is_the_same_in_all(logged: Logged, page: Page) -> None:
    page.goto(logged.url("ant", "bee", "dog", plot="contour", x="params.lr", y="min.loss", z="metrics.loss"))
    expect(drawn(page)).to_have_attribute("aria-label", re.compile("^Contour of loss of 3 runs over lr and min loss"))
    page.get_by_role("combobox", name="z").select_option("params.seed")
    expect(page.get_by_text("seed is the same in all runs")).to_be_visible()
    page.get_by_role("combobox", name="z").select_option("params.model")
    expect(page.get_by_text("model has no numbers")).to_be_visible()


def test_a_point_names_its_run_and_lights_its_column(logged: Logged, page: Page) -> None:
    page.goto(logged.url("ant", plot="scatter", x="params.lr", y="metrics.loss"))
    box = drawn(page).bounding_box()
    assert box is not None
    # One run alone stands in the middle.
    page.mouse.move(box["x"] + 76 + (box["width"] - 76 - 16 - 132) / 2, box["y"] + 24 + (box["height"] - 24 - 44) / 2)
    expect(page.get_by_role("status").filter(has_text="ant")).to_contain_text("loss0.5")
    page.mouse.down()
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"/runs/"))


@pytest.mark.parametrize("kind", ["SVG", "PNG"])
def test_charts_are_saved_as_pictures(four: Page, kind: str) -> None:
    with four.expect_download() as saved:
        four.get_by_role("button", name="Save the chart").click()
        four.get_by_role("menuitem", name=kind).click()
    content = saved.value.path().read_bytes()
    assert saved.value.suggested_filename == f"parallel_coordinates.{kind.lower()}"
    if kind == "SVG":
        assert content.startswith(b"<svg")
        assert b">model</text>" in content
    else:
        assert content.startswith(b"\x89PNG")


def test_the_table_is_copied_as_markdown_and_csv(logged: Logged, page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(logged.url("ant", "dog", q="note"))
    expect(columns(page)).to_have_count(2)
    for item, text in (
        ("As markdown", "| kind | key | ant | dog |\n| --- | --- | --- | --- |\n| param | note |  | a,b |"),
        ("As CSV", 'kind,key,ant,dog\r\nparam,note,,"a,b"'),
    ):
        page.get_by_role("button", name="Copy", exact=True).click()
        page.get_by_role("menuitem", name=item, exact=True).click()
        expect(page.get_by_text("Copied as").last).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == text


def test_no_runs_say_how_to_choose_some_and_a_search_adds_them(logged: Logged, page: Page) -> None:
    page.goto(f"{logged.http}/w/{logged.workspace}/compare")
    expect(page.get_by_text("No runs are chosen")).to_be_visible()
    page.get_by_role("button", name="Add runs").click()
    dialog = page.get_by_role("dialog", name="Add runs")
    dialog.get_by_label("Filter").fill("params.model = 'xgb'")
    dialog.get_by_label("Filter").press("Enter")
    expect(dialog.get_by_role("checkbox")).to_have_count(2)
    dialog.get_by_role("button", name="Select all").click()
    dialog.get_by_role("button", name="Add 2 runs").click()
    expect(columns(page)).to_have_text(["bee", "ant"])
    page.keyboard.press("a")
    dialog.get_by_label("Experiment").select_option("tuning")
    expect(dialog.get_by_role("checkbox", name="bee")).to_be_disabled()
    dialog.get_by_role("checkbox", name="cat").check()
    dialog.get_by_role("button", name="Add 1 run").click()
    expect(columns(page)).to_have_text(["bee", "ant", "cat"])
    page.go_back()
    expect(columns(page)).to_have_text(["bee", "ant"])


def test_a_filter_that_is_no_filter_says_so_and_stays(four: Page) -> None:
    four.keyboard.press("a")
    dialog = four.get_by_role("dialog", name="Add runs")
    dialog.get_by_label("Filter").fill("params.model =")
    dialog.get_by_role("button", name="Search").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    expect(dialog.get_by_label("Filter")).to_have_value("params.model =")


def test_runs_are_removed_and_one_of_them_is_what_others_are_compared_with(four: Page) -> None:
    four.get_by_role("button", name="Remove bee").click()
    expect(columns(four)).to_have_text(["ant", "cat", "dog"])
    four.get_by_role("button", name="Compare the others with cat").click()
    expect(columns(four)).to_have_text(["cat", "ant", "dog"])
    expect(cells(four, "model").nth(1)).to_have_attribute("title", "xgb: not what the first run has")


def test_runs_that_are_not_there_are_named_and_the_others_are_shown(logged: Logged, page: Page) -> None:
    page.goto(logged.url("ant", NOWHERE, "it's"))
    expect(columns(page)).to_have_text(["ant"])
    expect(page.get_by_text(f"2 runs are not there: {NOWHERE}, it's. The others are shown.")).to_be_visible()
    page.get_by_role("button", name="Forget them").click()
    expect(page.get_by_text("not there")).to_have_count(0)
    page.goto(logged.url(NOWHERE))
    expect(page.get_by_text("None of these runs is there")).to_be_visible()


def test_one_run_with_nothing_logged_is_shown(logged: Logged, page: Page) -> None:
    page.goto(logged.url("bare"))
    expect(cells(page, "status")).to_have_text(["running"])
    expect(page.get_by_text("These runs have no params and metrics to plot")).to_be_visible()


def test_a_url_that_makes_no_sense_is_read_as_far_as_it_does(logged: Logged, page: Page) -> None:
    page.goto(logged.url("ant", "bee", plot="pie", axes=["params.gone", "metrics.loss"], brushes=[1], x=5))
    expect(page.get_by_role("button", name=re.compile("^Axis "))).to_have_text(["loss"])
    page.goto(f"{logged.http}/w/{logged.workspace}/compare?runs={logged.runs['ant']},{logged.runs['bee']}")
    expect(columns(page)).to_have_text(["ant", "bee"])


def test_a_server_that_is_away_is_named_and_tried_again(logged: Logged, page: Page, watched: Watched) -> None:
    watched.expect_complaint("net::ERR_FAILED")

    def drop(route: Route) -> None:
        route.abort()

    page.route("**/trivet.tracking.**", drop)
    page.goto(logged.url("ant", "bee"))
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.", timeout=20_000)
    page.unroute("**/trivet.tracking.**")
    page.get_by_role("button", name="Try again").click()
    expect(columns(page)).to_have_text(["ant", "bee"])


def test_a_slow_server_leaves_what_there_is(four: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    four.route("**/SearchRuns", hold)
    four.get_by_role("button", name="Remove bee").click()
    expect(columns(four)).to_have_text(["ant", "cat", "dog"])
    expect(four.get_by_text("not there")).to_have_count(0)
    for route in held:
        route.continue_()
    four.unroute("**/SearchRuns")
    expect(columns(four)).to_have_text(["ant", "cat", "dog"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_people_with_disabilities_can_use_it(four: Page, watched: Watched, scheme: Any) -> None:
    four.emulate_media(color_scheme=scheme)
    drag_along(four, "model", 0.02, 0.48)
    expect(columns(four)).to_have_count(2)
    assert watched.inaccessible() == []
    for plot in ("Scatter", "Box plot"):
        four.get_by_role("tab", name=plot).click()
        expect(drawn(four)).to_be_visible()
        assert watched.inaccessible() == []
    four.get_by_role("tab", name="Parallel coordinates").click()
    for opener in (
        axis(four, "loss"),
        four.get_by_role("button", name="Axes (5)"),
        four.get_by_role("button", name="Add runs"),
    ):
        opener.click()
        expect(four.get_by_role("dialog")).to_be_visible()
        assert watched.inaccessible() == []
        four.keyboard.press("Escape")
        expect(four.get_by_role("dialog")).to_have_count(0)


def test_keys_are_explained(four: Page) -> None:
    four.keyboard.press("?")
    expect(four.get_by_role("dialog", name="Keys")).to_contain_text("show differences only, or all")


def test_five_hundred_runs_are_compared_and_only_what_is_in_view_is_made(site: Any, page: Page) -> None:
    with site.client() as client:
        experiment = client.create_experiment("many")
        ids = [client.create_run(experiment, run_name=f"run {place}").info.run_id for place in range(500)]
        for place, run_id in enumerate(ids):
            client.tracking.log_params(run_id, {"place": place, "half": place // 250})
            client.tracking.log_metrics(run_id, {"loss": 1 / (place + 1)}, step=0)
        client.flush()
    page.goto(site.url(f"compare?runs={quote(json.dumps(ids))}"))
    expect(drawn(page)).to_have_attribute("aria-label", re.compile("^Lines of 500 of 500 runs"))
    expect(table(page)).to_have_attribute("aria-colcount", "501")
    assert columns(page).count() < 40
    page.get_by_role("region", name="Table of the comparison").evaluate("element => { element.scrollLeft = 1e9 }")
    expect(columns(page).last).to_have_text("run 499")
    expect(cells(page, "place").last).to_have_text("499")
    drag_along(page, "half", -0.01, 0.3)
    expect(page.get_by_text("250 brushed")).to_be_visible()
    page.reload()
    expect(page.get_by_text("250 brushed")).to_be_visible()


def curves(page: Page) -> Locator:
    return page.get_by_role("region", name="Plots").get_by_role("slider", name=re.compile("runs$"))


def test_the_curves_of_a_metric_are_drawn_a_line_a_run(four: Page, logged: Logged) -> None:
    four.get_by_role("tab", name="Curves").click()
    expect(curves(four)).to_have_accessible_name("acc of 3 runs")
    expect(curves(four)).to_have_attribute("aria-valuetext", "3 lines from step 1 to step 2")
    curves(four).focus()
    four.keyboard.press("ArrowRight")
    expect(curves(four)).to_have_attribute("aria-valuetext", re.compile("^step 1: .*ant 1.8"))
    four.get_by_role("combobox", name=re.compile("^Metric")).select_option("loss")
    expect(curves(four)).to_have_accessible_name("loss of 4 runs")
    expect(four.get_by_role("region", name="Plots")).to_contain_text("2 NaN")
    four.get_by_role("button", name="Metric, log").click()
    four.get_by_label("x axis").select_option("since the start")
    expect(curves(four)).to_have_attribute("aria-valuetext", re.compile("^4 lines from after "))
    assert parse_qs(urlsplit(four.url).query)["over"] == ["relative"]
    four.go_back()
    four.go_back()
    expect(four.get_by_role("button", name="Metric, log")).to_have_attribute("aria-pressed", "false")


def test_a_line_and_its_column_light_each_other(four: Page, logged: Logged) -> None:
    four.goto(logged.url("ant", "bee", plot="curves", metric="acc"))
    box = curves(four).bounding_box()
    assert box is not None
    # At the end of the axis bee is the upper one.
    four.mouse.move(box["x"] + box["width"] - 14, box["y"] + 80)
    head = table(four).get_by_role("columnheader").filter(has_text="bee")
    expect(head).to_have_class(re.compile("hovered"))


def test_curves_that_nobody_logged_are_said_not_to_be_there(page: Page, logged: Logged) -> None:
    page.goto(logged.url("bare", plot="curves"))
    expect(page.get_by_text("These runs have no metrics to plot")).to_be_visible()


def test_a_part_of_the_curves_is_looked_at_and_left(page: Page, logged: Logged) -> None:
    page.goto(logged.url("ant", "bee", plot="curves", metric="loss"))
    box = curves(page).bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.6, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, y, steps=3)
    page.mouse.up()
    expect(page.get_by_role("button", name="Reset zoom")).to_be_visible()
    assert state(page, "zoom") == [1, 2]
    page.get_by_role("button", name="Reset zoom").click()
    expect(page.get_by_role("button", name="Reset zoom")).to_have_count(0)
