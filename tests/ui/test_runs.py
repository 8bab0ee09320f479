"""The table of runs, in a real browser before a real server."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, Route, expect

import trivet
from trivet_testing.browser import Watched
from trivet_testing.workspaces import unused_workspace

N_RUNS = 250
N_WIDE = 300
BEGIN = 1_767_225_600_000
"""When the first run started, in milliseconds since the Unix epoch; one a second follows."""
SEARCH = "**/SearchRuns"
WATCH = "**/WatchRuns"
LOOK = """({ hidden }) => {
    Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
"""Makes the browser say whether anybody looks at the page."""


@dataclass(frozen=True)
class Shared:
    """An experiment that tests only read."""

    url: str
    workspace: str
    experiment: str
    client: trivet.Client


@pytest.fixture(scope="module")
def shared(served: tuple[str, str]) -> Iterator[Shared]:
    """Runs `run-000`, …, the last one with many metrics more. One in ten failed, one in fifty used a dataset."""
    http, grpc = served
    workspace = unused_workspace()
    with trivet.Client(grpc, workspace=workspace) as client:
        tracking = client.tracking
        experiment = tracking.create_experiment("many")
        for number in range(N_RUNS):
            start = BEGIN + number * 1000
            run = tracking.create_run(
                experiment, run_name=f"run-{number:03}", start_time=start, user=f"user-{number % 3}"
            ).info.run_id
            tracking.log_params(run, {"lr": number / 1000, "model": ("xgb", "ridge")[number % 2]})
            tracking.log_metrics(run, {"loss": number / 8, "acc": 1 - number / 1000}, step=1)
            tracking.log_metrics(run, {"loss": number / 4}, step=2)
            tracking.set_tag(run, "team", f"team {number % 5}")
            if number % 50 == 0:
                tracking.log_inputs(run, [trivet.DatasetInput(trivet.Dataset(f"data-{number}", "1"))])
            status = "FAILED" if number % 10 == 0 else "FINISHED"
            tracking.set_terminated(run, status=status, end_time=start + 90_000)
        tracking.log_metrics(run, {f"wide/{number:03}": number for number in range(N_WIDE)})
        client.flush()
        yield Shared(f"{http}/w/{workspace}/experiments/{experiment}", workspace, experiment, client)


@pytest.fixture
def many(page: Page, shared: Shared) -> Page:
    """The table of the experiment that tests only read."""
    page.goto(shared.url)
    # The browser has to load everything first.
    expect(row(page, "run-249")).to_be_visible(timeout=20_000)
    return page


@dataclass(frozen=True)
class Own:
    """An experiment that a test may write to, and its page."""

    page: Page
    client: trivet.Client
    experiment: str
    url: str

    def run(self, name: str, number: int = 0, parent: str | None = None) -> str:
        """Creates a run, with a metric `loss` of its number."""
        tracking = self.client.tracking
        run_id: str = tracking.create_run(
            self.experiment, run_name=name, start_time=BEGIN + number * 1000, parent_run_id=parent
        ).info.run_id
        tracking.log_metrics(run_id, {"loss": float(number)})
        self.client.flush()
        return run_id


@pytest.fixture
def own(site: Any, page: Page) -> Iterator[Own]:
    with site.client() as client:
        experiment = client.create_experiment("own")
        yield Own(page, client, experiment, site.url(f"experiments/{experiment}"))


def table(page: Page) -> Locator:
    return page.get_by_role("treegrid", name="Runs")


def row(page: Page, name: str) -> Locator:
    return table(page).get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def first_rows(page: Page, *names: str) -> None:
    """Waits until the table begins with these runs."""
    for index, name in enumerate(names):
        expect(table(page).locator(f"[data-index='{index}']")).to_contain_text(name)


def head(page: Page, label: str) -> Locator:
    return table(page).get_by_role("columnheader").filter(has=page.get_by_text(label, exact=True))


def first_heads(page: Page, *ids: str) -> None:
    """Waits until the columns in view begin with these, from left to right."""
    for place, column in enumerate(ids):
        expect(table(page).locator("[data-column]").nth(place)).to_have_attribute("data-column", column)


def choose_of(page: Page, label: str, item: str) -> None:
    """Chooses something in the menu of a column."""
    head(page, label).hover()
    page.get_by_role("button", name=f"Column {label}", exact=True).click()
    page.get_by_role("menuitem", name=item).click()


def type_filter(page: Page, text: str) -> None:
    box = page.get_by_role("combobox", name="Filter runs")
    box.fill(text)
    box.press("Enter")


def cells(page: Page, name: str) -> Locator:
    return row(page, name).get_by_role("gridcell")


def test_the_newest_runs_come_first_with_some_of_what_was_logged(many: Page) -> None:
    first_rows(many, "run-249", "run-248", "run-247")
    expect(many.get_by_text("250 runs")).to_be_visible()
    for label in ("Status", "Created", "Duration", "User", "acc", "loss", "lr", "model"):
        expect(head(many, label)).to_have_count(1)
    expect(row(many, "run-240")).to_contain_text("failed")
    expect(row(many, "run-249")).to_contain_text("1 min 30 s")
    expect(row(many, "run-249").get_by_text("62.25")).to_have_attribute("title", "62.25")


def test_the_list_of_experiments_leads_here(many: Page, shared: Shared) -> None:
    many.get_by_role("main").get_by_role("link", name="Experiments").click()
    many.get_by_role("link", name="many", exact=True).click()
    expect(many).to_have_url(shared.url)
    expect(row(many, "run-249")).to_be_visible()


def test_heads_sort_and_the_url_and_back_know(many: Page) -> None:
    loss = head(many, "loss")
    loss.get_by_role("button", name="loss", exact=True).click()
    expect(loss).to_have_attribute("aria-sort", "descending")
    loss.get_by_role("button", name="loss", exact=True).click()
    first_rows(many, "run-000", "run-001")
    expect(loss).to_have_attribute("aria-sort", "ascending")
    many.reload()
    first_rows(many, "run-000", "run-001")
    head(many, "model").get_by_role("button", name="model", exact=True).click()
    first_rows(many, "run-248", "run-246")
    many.go_back()
    first_rows(many, "run-000", "run-001")
    loss.get_by_role("button", name="loss", exact=True).click()
    first_rows(many, "run-249", "run-248")
    expect(loss).not_to_have_attribute("aria-sort", re.compile(".*"))


def test_what_is_typed_and_what_is_chosen_compose(many: Page) -> None:
    type_filter(many, "metrics.loss >= 60 OR params.lr < 0.011")
    expect(many.get_by_text("21 runs")).to_be_visible()
    many.get_by_label("Status", exact=True).select_option("FAILED")
    expect(many.get_by_text("3 runs")).to_be_visible()
    first_rows(many, "run-240", "run-010", "run-000")
    many.get_by_label("Dataset", exact=True).select_option("data-0")
    first_rows(many, "run-000")
    expect(many.get_by_text("1 run", exact=True)).to_be_visible()
    many.reload()
    first_rows(many, "run-000")
    many.get_by_label("Created", exact=True).select_option("1h")
    expect(many.get_by_text("No run passes the filter")).to_be_visible()
    many.get_by_role("button", name="Show all runs").click()
    expect(many.get_by_text("250 runs")).to_be_visible()
    expect(many.get_by_label("Status", exact=True)).to_have_value("")


def test_a_filter_of_a_url_that_is_wrong_is_told_and_can_be_put_right(page: Page, shared: Shared) -> None:
    page.goto(f"{shared.url}?status=FAILED&filter={quote('metrics.loss <')}")
    box = page.get_by_role("combobox", name="Filter runs")
    expect(box).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("haracter 15")).to_be_visible()
    type_filter(page, "metrics.loss < 3")
    first_rows(page, "run-010", "run-000")


def test_rows_are_read_as_they_come_near(many: Page) -> None:
    expect(table(many)).to_have_attribute("aria-rowcount", str(N_RUNS + 2))
    assert table(many).locator("[data-run]").count() < 60
    table(many).evaluate("element => element.scrollTo({ top: element.scrollHeight })")
    expect(row(many, "run-000")).to_be_visible()
    expect(row(many, "run-249")).to_have_count(0)
    assert table(many).locator("[data-run]").count() < 60


def test_among_hundreds_of_columns_those_in_view_are_made(page: Page, shared: Shared) -> None:
    ids = [f"metric:wide/{number:03}" for number in range(N_WIDE)]
    page.goto(f"{shared.url}?columns={quote(json.dumps(ids))}")
    expect(row(page, "run-249")).to_be_visible()
    assert table(page).locator("[data-column]").count() < 30
    expect(table(page)).to_have_attribute("aria-colcount", str(N_WIDE + 2))
    table(page).evaluate("element => element.scrollTo({ left: element.scrollWidth })")
    expect(head(page, "wide/299")).to_be_visible()
    expect(cells(page, "run-249").last).to_have_text("299")
    expect(row(page, "run-249").get_by_role("link", name="run-249")).to_be_in_viewport()


def test_columns_are_found_among_many_and_chosen(many: Page, shared: Shared) -> None:
    many.keyboard.press("e")
    dialog = many.get_by_role("dialog", name="Columns")
    dialog.get_by_label("Search columns").fill("WIDE/1")
    dialog.get_by_role("checkbox", name="wide/123", exact=True).check()
    dialog.get_by_label("Search columns").fill("loss")
    dialog.get_by_label("loss max").check()
    dialog.get_by_role("checkbox", name="loss", exact=True).uncheck()
    dialog.get_by_label("Search columns").fill("team")
    dialog.get_by_role("checkbox", name="team").check()
    dialog.get_by_role("button", name="Hide Duration").click()
    dialog.get_by_role("button", name="Done").click()
    expect(dialog).to_have_count(0)
    columns = ["status", "created", "user", "metric:acc", "metric:wide/000", "metric:wide/001", "metric:wide/002"]
    columns += ["metric:wide/123", "max:loss", "param:lr", "param:model", "tag:team"]
    expect(head(many, "loss max")).to_have_count(1)
    many.set_viewport_size({"width": 1920, "height": 800})
    expect(head(many, "team")).to_be_visible()
    first_heads(many, "name", *columns)
    expect(row(many, "run-248")).to_contain_text("62")
    many.reload()
    expect(row(many, "run-249")).to_contain_text("team 4")
    first_heads(many, "name", *columns)


def test_of_a_metric_the_smallest_value_is_a_column_too(many: Page) -> None:
    choose_of(many, "loss", "Show the min value")
    expect(row(many, "run-249")).to_contain_text("31.13")
    choose_of(many, "loss min", "Sort, largest first")
    expect(many).to_have_url(re.compile("order=min%3Aloss"))
    first_rows(many, "run-249")


def test_columns_are_pinned_moved_and_hidden(many: Page) -> None:
    choose_of(many, "loss", "Pin at the left")
    expect(many).to_have_url(re.compile("pinned"))
    first_heads(many, "name", "metric:loss")
    table(many).evaluate("element => element.scrollTo({ left: 400 })")
    expect(head(many, "loss")).to_be_in_viewport()
    choose_of(many, "loss", "Unpin")
    expect(many).not_to_have_url(re.compile("pinned"))
    table(many).evaluate("element => element.scrollTo({ left: 0 })")
    choose_of(many, "User", "Move left")
    expect(many).to_have_url(re.compile("columns"))
    first_heads(many, "name", "status", "created", "user", "duration")
    head(many, "Status").drag_to(head(many, "Duration"))
    expect(head(many, "Status")).to_have_attribute("aria-colindex", "6")
    choose_of(many, "Created", "Hide")
    expect(head(many, "Created")).to_have_count(0)
    many.go_back()
    expect(head(many, "Created")).to_have_count(1)


def test_columns_are_resized_by_pointer_and_by_keys(many: Page) -> None:
    handle = many.get_by_role("separator", name="Width of Status")
    handle.press("ArrowRight")
    expect(handle).to_have_attribute("aria-valuenow", "140")
    box = handle.bounding_box()
    assert box is not None
    many.mouse.move(box["x"] + 4, box["y"] + 10)
    many.mouse.down()
    many.mouse.move(box["x"] + 64, box["y"] + 10)
    many.mouse.up()
    expect(handle).to_have_attribute("aria-valuenow", "200")
    many.reload()
    expect(handle).to_have_attribute("aria-valuenow", "200")
    handle.dblclick()
    expect(handle).to_have_attribute("aria-valuenow", "124")


def test_keys_move_select_compare_and_open(many: Page, shared: Shared) -> None:
    for key in "jjxjx":
        many.keyboard.press(key)
    expect(many.get_by_role("heading", name="2 runs selected")).to_be_visible()
    expect(row(many, "run-248")).to_have_attribute("aria-selected", "true")
    many.reload()
    expect(row(many, "run-247")).to_have_attribute("aria-selected", "true")
    many.get_by_role("button", name="Clear the selection").click()
    many.keyboard.press("j")
    many.keyboard.press("ArrowDown")
    many.keyboard.press("Enter")
    run = shared.client.search_runs([shared.experiment], "run_name = 'run-248'")[0].info.run_id
    expect(many).to_have_url(re.compile(f"/w/{shared.workspace}/runs/{run}$"))


def test_a_range_is_selected_and_compared(many: Page) -> None:
    row(many, "run-248").get_by_role("checkbox").click()
    row(many, "run-244").get_by_role("checkbox").click(modifiers=["Shift"])
    expect(many.get_by_role("heading", name="5 runs selected")).to_be_visible()
    row(many, "run-246").get_by_role("checkbox").click()
    expect(many.get_by_role("heading", name="4 runs selected")).to_be_visible()
    many.keyboard.press("c")
    expect(many).to_have_url(re.compile(r"/compare\?runs="))
    assert many.url.count("%22") == 8


def test_all_that_was_read_is_selected_also_where_it_does_not_fit_into_a_url(many: Page) -> None:
    table(many).evaluate("element => element.scrollTo({ top: element.scrollHeight })")
    expect(row(many, "run-000")).to_be_visible()
    many.get_by_label("Select all rows that were read").click()
    expect(many.get_by_role("heading", name="250 runs selected")).to_be_visible()
    expect(many).not_to_have_url(re.compile("selected"))
    many.get_by_label("Select all rows that were read").click()
    expect(many.get_by_role("combobox", name="Filter runs")).to_be_visible()


def test_nested_runs_are_below_their_parents(own: Own) -> None:
    parent = own.run("sweep", 1)
    children = [own.run(f"trial-{number}", 10 + number, parent) for number in range(3)]
    own.run("grandchild", 20, children[0])
    own.run("alone", 2)
    page = own.page
    page.goto(own.url)
    expect(page.get_by_text("2 top-level runs")).to_be_visible()
    expect(row(page, "trial-0")).to_have_count(0)
    expect(row(page, "alone").get_by_role("button", name="Show the runs")).to_have_count(0)
    page.get_by_role("button", name="Show the runs nested in sweep").click()
    expect(row(page, "trial-2")).to_have_attribute("aria-level", "2")
    page.get_by_role("button", name="Show the runs nested in trial-0").click()
    expect(row(page, "grandchild")).to_have_attribute("aria-level", "3")
    page.reload()
    first_rows(page, "alone", "sweep", "trial-2", "trial-1", "trial-0", "grandchild")
    page.get_by_role("button", name="Hide the runs nested in sweep").click()
    expect(row(page, "trial-2")).to_have_count(0)
    page.get_by_label("nested runs below their parents").uncheck()
    expect(page.get_by_text("6 runs")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("2 top-level runs")).to_be_visible()
    type_filter(page, "metrics.loss >= 10")
    first_rows(page, "grandchild", "trial-2", "trial-1", "trial-0")


def test_several_runs_are_tagged_deleted_and_restored(own: Own) -> None:
    runs = [own.run(f"r{number}", number) for number in range(3)]
    page = own.page
    page.goto(own.url)
    row(page, "r2").get_by_role("checkbox").click()
    row(page, "r1").get_by_role("checkbox").click()
    page.get_by_role("button", name="Tag").click()
    page.get_by_role("textbox", name="Key").fill("keep")
    page.get_by_role("textbox", name="Value").fill("yes")
    page.get_by_role("dialog").get_by_role("button", name="Tag").click()
    expect(page.get_by_text("Tagged 2 runs")).to_be_visible()
    assert [own.client.get_run(run).data.tags.get("keep") for run in runs] == [None, "yes", "yes"]
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Deleted 2 runs")).to_be_visible()
    expect(row(page, "r2")).to_have_count(0)
    expect(page.get_by_text("1 run", exact=True)).to_be_visible()
    page.get_by_label("State", exact=True).select_option("deleted")
    expect(row(page, "r1")).to_contain_text("deleted")
    page.get_by_label("Select all rows that were read").click()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("No run passes the filter")).to_be_visible()
    page.get_by_label("State", exact=True).select_option("")
    first_rows(page, "r2", "r1", "r0")


def test_one_run_is_renamed_and_deleted(own: Own) -> None:
    run = own.run("before")
    own.run("other", 1)
    page = own.page
    page.goto(own.url)
    row(page, "before").hover()
    page.get_by_role("button", name="Actions for before").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_label("Name", exact=True).fill("after")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(row(page, "after")).to_be_visible()
    assert own.client.get_run(run).info.run_name == "after"
    row(page, "after").hover()
    page.get_by_role("button", name="Actions for after").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(row(page, "after")).to_have_count(0)


def test_what_cannot_be_changed_is_said(own: Own, watched: Watched) -> None:
    run = own.run("gone")
    own.run("stays", 1)
    page = own.page
    page.goto(own.url)
    watched.expect_complaint("status of 403")

    def deny(route: Route) -> None:
        route.fulfill(status=403, headers={"content-type": "text/plain"}, body="no")

    page.route("**/DeleteRun", deny)
    row(page, "gone").get_by_role("checkbox").click()
    page.get_by_role("button", name="Delete").click()
    note = page.get_by_text("Ask whoever runs this server for the right to do it.")
    expect(note).to_be_visible()
    expect(row(page, "gone")).to_be_visible()
    assert own.client.get_run(run).info.lifecycle_stage == "active"


def test_all_runs_that_pass_are_downloaded(page: Page, own: Own, tmp_path: Any) -> None:
    run = own.run("=1+1", 7)
    own.client.tracking.log_params(run, {"lr": "-0.5", "note": '@a, "b"'})
    own.client.flush()
    for number in range(130):
        own.client.tracking.create_run(own.experiment, run_name=f"n{number}", start_time=BEGIN)
    page.goto(own.url)
    expect(page.get_by_text("131 runs")).to_be_visible()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download as CSV").click()
    assert downloading.value.suggested_filename == "own.csv"
    path = tmp_path / "own.csv"
    downloading.value.save_as(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 131
    first = lines[0]
    assert first["run_id"] == run
    assert (first["name"], first["params.lr"], first["params.note"]) == ("'=1+1", "-0.5", '\'@a, "b"')
    assert (first["metrics.loss"], first["created"]) == ("7", "2026-01-01T00:00:07.000Z")


def test_a_download_is_cancelled(many: Page, watched: Watched) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    many.route(SEARCH, hold)
    many.get_by_role("button", name="Download as CSV").click()
    many.get_by_role("button", name="Cancel the download after 0 runs").click()
    expect(many.get_by_role("button", name="Download as CSV")).to_be_visible()
    many.unroute(SEARCH)


def test_rows_follow_what_runs_log(own: Own) -> None:
    run = own.run("first", 1)
    page = own.page
    page.goto(own.url)
    expect(page.get_by_text("live · ")).to_be_visible()
    own.client.tracking.log_metrics(run, {"loss": 123.5}, step=9)
    own.client.flush()
    expect(row(page, "first")).to_contain_text("123.5")
    own.run("second", 2)
    first_rows(page, "second", "first")
    expect(page.get_by_text("2 runs")).to_be_visible()
    own.client.set_terminated(run, status="FAILED")
    expect(row(page, "first")).to_contain_text("failed")
    own.client.delete_run(run)
    expect(row(page, "first")).to_have_count(0)


def test_new_runs_do_not_move_what_is_looked_at(own: Own) -> None:
    for number in range(60):
        own.client.tracking.create_run(own.experiment, run_name=f"n{number:02}", start_time=BEGIN + number)
    page = own.page
    page.goto(own.url)
    expect(page.get_by_text("live · ")).to_be_visible()
    table(page).evaluate("element => element.scrollTo({ top: 20 * 28 })")
    expect(row(page, "n39")).to_be_visible()
    before = row(page, "n39").bounding_box()
    own.run("new", 100)
    expect(page.get_by_text("61 runs")).to_be_visible()
    expect(table(page)).to_have_attribute("aria-rowcount", "63")
    assert row(page, "n39").bounding_box() == before


def test_in_an_order_of_values_new_runs_wait_to_be_shown(own: Own) -> None:
    own.run("low", 1)
    page = own.page
    page.goto(f"{own.url}?order=metric:loss&desc=true")
    expect(page.get_by_text("live · ")).to_be_visible()
    own.run("high", 5)
    page.get_by_role("button", name="Show 1 new run").click()
    first_rows(page, "high", "low")
    expect(page.get_by_role("button", name="Show 1 new run")).to_have_count(0)


def test_a_run_that_passes_no_more_leaves(own: Own) -> None:
    run = own.run("improves", 9)
    page = own.page
    page.goto(f"{own.url}?filter=metrics.loss+>+5")
    expect(page.get_by_text("live · ")).to_be_visible()
    own.client.tracking.log_metrics(run, {"loss": 1.0}, step=5)
    own.client.flush()
    expect(page.get_by_text("No run passes the filter")).to_be_visible()


def test_it_pauses_while_nobody_looks_and_catches_up(own: Own) -> None:
    own.run("first", 1)
    page = own.page
    page.goto(own.url)
    expect(page.get_by_text("live · ")).to_be_visible()
    page.evaluate(LOOK, {"hidden": True})
    expect(page.get_by_text("paused")).to_be_visible()
    own.run("meanwhile", 2)
    page.evaluate(LOOK, {"hidden": False})
    first_rows(page, "meanwhile", "first")
    expect(page.get_by_text("live · ")).to_be_visible()


def test_a_server_that_is_away_is_named_and_rows_stay(many: Page, watched: Watched) -> None:
    watched.expect_complaint("net::ERR_FAILED")

    def drop(route: Route) -> None:
        route.abort()

    many.route("**/trivet.**", drop)
    many.get_by_label("Status", exact=True).select_option("FAILED")
    expect(many.get_by_role("alert")).to_contain_text("The server cannot be reached.", timeout=20_000)
    expect(row(many, "run-249")).to_be_visible()
    many.unroute("**/trivet.**")
    many.get_by_role("button", name="Try again").click()
    first_rows(many, "run-240", "run-230")
    expect(many.get_by_role("alert")).to_have_count(0)


def test_a_watch_that_breaks_is_tried_again(own: Own, watched: Watched) -> None:
    watched.expect_complaint("net::ERR_FAILED")
    own.run("first", 1)
    page = own.page

    def drop(route: Route) -> None:
        route.abort()

    page.route(WATCH, drop)
    page.goto(own.url)
    expect(page.get_by_text("server away, retrying")).to_be_visible()
    own.run("second", 2)
    page.unroute(WATCH)
    expect(page.get_by_text("live · ")).to_be_visible()
    first_rows(page, "second", "first")


def test_old_rows_stay_dimmed_while_a_slow_server_answers(many: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    many.route(SEARCH, hold)
    head(many, "loss").get_by_role("button", name="loss", exact=True).click()
    expect(table(many)).to_have_attribute("aria-busy", "true")
    expect(row(many, "run-249")).to_be_visible()
    for route in held:
        route.continue_()
    many.unroute(SEARCH)
    expect(table(many)).to_have_attribute("aria-busy", "false")


def test_an_experiment_that_is_not_there_says_so(site: Any, page: Page, watched: Watched) -> None:
    page.goto(site.url("experiments/77"))
    expect(page.get_by_text(f"There is no experiment 77 in the workspace {site.workspace}")).to_be_visible()
    page.get_by_role("link", name="All experiments").click()
    expect(page).to_have_url(site.url("experiments"))


def test_an_experiment_without_runs_says_what_to_type(own: Own) -> None:
    own.page.goto(own.url)
    expect(own.page.get_by_text('with trivet.start_run(experiment="own"):')).to_be_visible()
    own.run("first")
    expect(row(own.page, "first")).to_be_visible()


def test_several_experiments_stand_in_one_table(own: Own) -> None:
    other = own.client.create_experiment("other")
    own.run("mine", 2)
    own.client.tracking.create_run(other, run_name="theirs", start_time=BEGIN)
    own.page.goto(f"{own.url}?and={other}")
    first_rows(own.page, "mine", "theirs")
    expect(row(own.page, "theirs").get_by_role("link", name="other")).to_be_visible()
    expect(own.page.get_by_role("heading", name="own + other")).to_be_visible()


def test_the_experiment_is_described_and_tagged(own: Own) -> None:
    page = own.page
    page.goto(own.url)
    page.get_by_role("button", name="About the experiment").click()
    about = page.get_by_role("region", name="About own")
    about.get_by_role("button", name="Edit the description").click()
    about.get_by_label("Description in markdown").fill("What **it** is")
    about.get_by_role("button", name="Save").click()
    expect(about.locator("strong")).to_have_text("it")
    about.get_by_role("button", name="Tag").click()
    about.get_by_label("Key of the new tag").fill("team")
    about.get_by_role("button", name="Add").click()
    expect(about.get_by_role("button", name="Remove the tag team")).to_be_visible()
    page.reload()
    expect(about.locator("strong")).to_have_text("it")


def test_models_that_runs_made_are_named(own: Own) -> None:
    run = own.run("maker")
    own.client.create_registered_model("price")
    own.client.create_model_version("price", "s3://models/1", run_id=run)
    own.page.goto(f"{own.url}?columns={quote(json.dumps(['models', 'run_id', 'commit', 'source', 'datasets']))}")
    expect(row(own.page, "maker").get_by_role("link", name="price v1")).to_be_visible()
    expect(row(own.page, "maker").get_by_text(run)).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_people_with_disabilities_can_use_it(many: Page, watched: Watched, scheme: Any) -> None:
    many.emulate_media(color_scheme=scheme)
    head(many, "loss").hover()
    assert watched.inaccessible() == []
    row(many, "run-248").get_by_role("checkbox").click()
    row(many, "run-247").hover()
    expect(many.get_by_role("heading", name="1 run selected")).to_be_visible()
    assert watched.inaccessible() == []
    many.get_by_role("button", name="Clear the selection").click()
    many.keyboard.press("e")
    expect(
        many.get_by_role("dialog", name="Columns").get_by_role("checkbox", name="wide/000", exact=True)
    ).to_be_visible()
    assert watched.inaccessible() == []
