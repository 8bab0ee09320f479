"""The filter of runs, in a real browser before a real server: completion, faults and where they are."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

import trivet
from trivet_testing.browser import Watched
from trivet_testing.workspaces import unused_workspace


@pytest.fixture(scope="module")
def address(served: tuple[str, str]) -> str:
    """The URL of an experiment with four runs. The tests only read them."""
    http, grpc = served
    workspace = unused_workspace()
    with trivet.Client(grpc, workspace=workspace) as client:
        tracking = client.tracking
        experiment_id = tracking.create_experiment("filtered")
        for name, model, loss in (
            ("ant", "xgb", 0.5),
            ("bee", "xgb", 0.25),
            ("cat", "it's", 0.75),
            ("dog", "ridge", 1),
        ):
            run_id = tracking.create_run(experiment_id, run_name=name, tags={"a b": name}).info.run_id
            tracking.log_params(run_id, {"model": model})
            tracking.log_metrics(run_id, {"loss": loss, "loss_val": loss, "lr.min": 1}, step=0)
            tracking.set_terminated(run_id, status="FAILED" if name == "dog" else "FINISHED")
    return f"{http}/w/{workspace}/experiments/{experiment_id}"


@pytest.fixture
def runs(page: Page, address: str) -> Page:
    page.goto(address)
    expect(box(page)).to_be_visible()
    expect(page.get_by_text("dog", exact=True)).to_be_visible()
    return page


def box(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Filter runs")


def options(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Completions").get_by_role("option")


def option(page: Page, label: str) -> Locator:
    return options(page).filter(has=page.get_by_text(label, exact=True))


def expect_runs(page: Page, *names: str) -> None:
    for name in ("ant", "bee", "cat", "dog"):
        expect(page.get_by_text(name, exact=True)).to_have_count(1 if name in names else 0)


def test_a_filter_is_typed_by_its_completions_alone(runs: Page) -> None:
    runs.keyboard.press("/")
    expect(box(runs)).to_be_focused()
    runs.keyboard.type("loss")
    expect(option(runs, "metrics.loss_val")).to_be_visible()
    runs.keyboard.press("ArrowDown")
    runs.keyboard.press("Enter")
    expect(box(runs)).to_have_value("metrics.loss ")
    runs.keyboard.type("<")
    runs.keyboard.type(" 0.6 a")
    expect(options(runs)).to_have_count(1)
    runs.keyboard.press("Tab")
    runs.keyboard.type("stat")
    expect(option(runs, "status")).to_be_visible()
    runs.keyboard.press("Tab")
    runs.keyboard.type("=")
    option(runs, "FINISHED").click()
    expect(box(runs)).to_have_value("metrics.loss < 0.6 AND status = 'FINISHED' ")
    runs.keyboard.press("Enter")
    expect(box(runs)).to_have_value("metrics.loss < 0.6 AND status = 'FINISHED'")
    expect_runs(runs, "ant", "bee")


def test_the_url_keeps_the_filter_and_back_undoes_it(runs: Page) -> None:
    box(runs).fill("params.model = 'xgb'")
    runs.keyboard.press("Enter")
    expect(runs).to_have_url(re.compile(r"[?&]filter="))
    expect_runs(runs, "ant", "bee")
    runs.reload()
    expect(box(runs)).to_have_value("params.model = 'xgb'")
    expect_runs(runs, "ant", "bee")
    runs.get_by_role("button", name="Clear the filter").click()
    expect_runs(runs, "ant", "bee", "cat", "dog")
    runs.go_back()
    expect(box(runs)).to_have_value("params.model = 'xgb'")
    expect_runs(runs, "ant", "bee")


def test_what_may_stand_there_is_completed(runs: Page) -> None:
    for typed, chosen, then in (
        ("params.mod", "model", "params.model "),
        ("metrics.lr", "lr.min", "metrics.`lr.min` "),
        ("metrics.loss", "loss.max", "metrics.loss.max "),
        ("tags.", "a b", "tags.`a b` "),
        ("tags.`a", "a b", "tags.`a b` "),
        ("datasets.", "context", "datasets.context "),
        ("attr.sta", "start_time", "attr.start_time "),
        ("params.model li", "LIKE", "params.model LIKE "),
        ("params.model not ", "IN", "params.model not IN ("),
        ("params.model is ", "NOT NULL", "params.model is NOT NULL "),
        ("params.model =", "it's", "params.model = 'it''s' "),
        ("params.model IN ('xgb', r", "ridge", "params.model IN ('xgb', 'ridge'"),
        ("params.model IN ('xgb' ", ")", "params.model IN ('xgb' ) "),
        ("status = 'FIN", "FINISHED", "status = 'FINISHED' "),
        ("run_name = ", "bee", "run_name = 'bee' "),
        ("stale = ", "true", "stale = 'true' "),
        ("duration > ", "1 hour", "duration > 3600000 "),
        ("(status = 'FAILED' ", ")", "(status = 'FAILED' ) "),
        ("metrics.loss BETWEEN 1 ", "AND", "metrics.loss BETWEEN 1 AND "),
    ):
        box(runs).fill(typed)
        option(runs, chosen).click()
        expect(box(runs)).to_have_value(then)
        expect(box(runs)).to_be_focused()


def test_a_time_is_chosen_by_how_long_ago_it_was(runs: Page) -> None:
    box(runs).fill("start_time > ")
    option(runs, "1 day ago").click()
    expect(box(runs)).to_have_value(re.compile(r"^start_time > 1\d{12} $"))
    runs.keyboard.press("Enter")
    expect_runs(runs, "ant", "bee", "cat", "dog")


def test_a_completion_in_the_middle_takes_the_whole_word(runs: Page) -> None:
    box(runs).fill("metrics.lo < 1 AND status = 'FAILED'")
    for _ in range(len(" < 1 AND status = 'FAILED'")):
        runs.keyboard.press("ArrowLeft")
    option(runs, "loss").click()
    expect(box(runs)).to_have_value("metrics.loss < 1 AND status = 'FAILED'")


def test_keys_open_and_close_the_list_and_tab_leaves_the_box(runs: Page) -> None:
    box(runs).fill("status ")
    expect(box(runs)).to_have_attribute("aria-expanded", "true")
    runs.keyboard.press("Escape")
    expect(box(runs)).to_have_attribute("aria-expanded", "false")
    runs.keyboard.press("Control+ ")
    expect(option(runs, "NOT IN")).to_be_visible()
    runs.keyboard.press("ArrowUp")
    chosen = options(runs).last
    expect(chosen).to_have_attribute("aria-selected", "true")
    expect(box(runs)).to_have_attribute("aria-activedescendant", chosen.get_attribute("id") or "-")
    runs.keyboard.press("Escape")
    runs.keyboard.press("Escape")
    expect(box(runs)).not_to_be_focused()
    box(runs).fill("status = 'FAILED' ")
    expect(option(runs, "AND")).to_be_visible()
    runs.keyboard.press("Tab")
    expect(box(runs)).not_to_be_focused()
    expect(box(runs)).to_have_value("status = 'FAILED' ")


def test_a_fault_is_underlined_and_said_before_the_server_is_asked(runs: Page) -> None:
    runs.route("**/trivet.tracking.v1.TrackingService/SearchRuns", lambda route: pytest.fail(route.request.url))
    box(runs).fill("metrics.loss < 7 AND tags.team = blue OR status = 'X'")
    expect(runs.get_by_role("status").filter(has_text="Character 34")).to_have_text(
        "Character 34: blue is not quoted; tags are compared as text: write 'blue'."
    )
    expect(box(runs)).to_have_attribute("aria-invalid", "true")
    expect(runs.locator("[class*=wave]")).to_have_text("blue")
    runs.keyboard.press("Enter")
    expect(runs).not_to_have_url(re.compile("filter="))
    expect(box(runs)).to_have_value("metrics.loss < 7 AND tags.team = blue OR status = 'X'")


def test_what_is_unfinished_is_no_fault_until_enter(runs: Page) -> None:
    box(runs).press_sequentially("metrics.loss <")
    expect(box(runs)).to_have_attribute("aria-invalid", "false")
    runs.keyboard.press("Enter")
    expect(box(runs)).to_have_attribute("aria-invalid", "true")
    expect(runs.get_by_text("the filter ends where a value, a quoted text or a number, must stand")).to_be_visible()
    runs.keyboard.type(" 0.3")
    expect(box(runs)).to_have_attribute("aria-invalid", "false")
    runs.keyboard.press("Enter")
    expect_runs(runs, "bee")


def test_what_the_server_refuses_is_shown_where_it_is(page: Page, address: str) -> None:
    # A link that somebody edited: the server is asked, and its answer has the position.
    page.goto(f"{address}?filter=metrics.loss%20%3C%201%20AND%20nobody%20%3D%201")
    expect(page.locator("[class*=wave]")).to_have_text("nobody")
    expect(page.get_by_text("Character 22: runs have no attribute nobody").first).to_be_visible()
    expect(box(page)).to_have_attribute("aria-invalid", "true")


def test_filters_that_were_applied_are_offered_again(runs: Page) -> None:
    for text in ("status = 'FAILED'", "metrics.loss < 0.3"):
        box(runs).fill(text)
        runs.keyboard.press("Enter")
        expect(runs).to_have_url(re.compile("filter="))
    runs.get_by_role("button", name="Clear the filter").click()
    expect(options(runs).first).to_have_text(re.compile("metrics.loss < 0.3"))
    options(runs).nth(1).click()
    expect(box(runs)).to_have_value("status = 'FAILED'")
    expect_runs(runs, "dog")


def test_the_language_is_on_one_card_whose_examples_can_be_taken(runs: Page) -> None:
    runs.get_by_role("button", name="What filters can say").click()
    card = runs.get_by_role("dialog")
    expect(card).to_contain_text("NOT binds tighter than AND")
    card.get_by_role("button", name="params.model IN").click()
    expect(box(runs)).to_have_value("params.model IN ('xgb', 'ridge') OR tags.team = 'blue'")
    runs.keyboard.press("Enter")
    expect_runs(runs, "ant", "bee", "dog")


def test_completion_of_the_language_works_while_the_server_is_away(runs: Page, watched: Watched) -> None:
    watched.expect_complaint("net::ERR_FAILED")

    def drop(route: Route) -> None:
        route.abort()

    runs.route("**/trivet.**", drop)
    box(runs).fill("metr")
    expect(option(runs, "metrics.")).to_be_visible()
    box(runs).fill("status = ")
    option(runs, "KILLED").click()
    expect(box(runs)).to_have_value("status = 'KILLED' ")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_people_with_disabilities_can_use_it(runs: Page, watched: Watched, scheme: Any) -> None:
    runs.emulate_media(color_scheme=scheme)
    box(runs).fill("stat")
    expect(option(runs, "status")).to_be_visible()
    runs.keyboard.press("ArrowDown")
    assert watched.inaccessible() == []
    runs.keyboard.press("Escape")
    box(runs).fill("status = FAILED AND x = 1")
    expect(box(runs)).to_have_attribute("aria-invalid", "true")
    assert watched.inaccessible() == []
