"""The list of experiments, in a real browser before a real server."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from trivet_testing.browser import Watched


@pytest.fixture
def listed(site: Any, page: Page) -> Page:
    """The list, with five experiments."""
    with site.client() as client:
        for name in ("alpha", "beta", "alphabet", "100%_sure", "it's"):
            client.create_experiment(name)
    page.goto(site.url("experiments"))
    expect(names(page)).to_have_count(6)  # with Default
    return page


def names(page: Page) -> Any:
    return page.get_by_role("table", name="Experiments").locator("tbody tr")


def test_the_address_of_the_server_leads_to_the_list(site: Any, page: Page) -> None:
    page.goto(site.http)
    expect(page).to_have_url(re.compile(r"/w/default/experiments$"))
    expect(page.get_by_role("heading", name="Experiments")).to_be_visible()


@pytest.mark.parametrize(
    ("typed", "found"),
    [("alpha", ["alpha", "alphabet"]), ("0%_s", ["100%_sure"]), ("'", ["it's"]), ("ALPHAB", ["alphabet"])],
)
def test_names_are_searched_and_the_url_keeps_what_was_typed(listed: Page, typed: str, found: list[str]) -> None:
    listed.get_by_role("searchbox", name="Search by name").fill(typed)
    expect(names(listed)).to_have_count(len(found))
    listed.reload()
    expect(listed.get_by_role("searchbox")).to_have_value(typed)
    for name in found:
        expect(listed.get_by_role("row", name=name).first).to_be_visible()


def test_nothing_found_says_so(listed: Page) -> None:
    listed.get_by_role("searchbox").fill("never")
    expect(listed.get_by_text("No experiment's name holds “never”")).to_be_visible()


def test_an_experiment_is_created_renamed_deleted_and_restored(listed: Page) -> None:
    listed.keyboard.press("n")
    listed.get_by_label("Name", exact=True).fill("gamma")
    listed.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(listed.get_by_role("button", name="Actions for gamma")).to_be_visible()
    listed.get_by_role("button", name="Actions for gamma").click()
    listed.get_by_role("menuitem", name="Rename").click()
    listed.get_by_label("Name", exact=True).fill("delta")
    listed.get_by_role("button", name="Rename").click()
    listed.get_by_role("button", name="Actions for delta").click()
    listed.get_by_role("menuitem", name="Delete").click()
    expect(listed.get_by_role("button", name="Actions for delta")).to_have_count(0)
    listed.get_by_label("Which experiments").select_option("deleted")
    listed.get_by_role("button", name="Actions for delta").click()
    listed.get_by_role("menuitem", name="Restore").click()
    expect(listed.get_by_text("No deleted experiments")).to_be_visible()
    listed.go_back()
    expect(listed.get_by_role("button", name="Actions for delta")).to_be_visible()


def test_a_name_that_is_taken_is_refused_and_kept_in_the_box(listed: Page) -> None:
    listed.get_by_role("button", name="Create", exact=True).click()
    listed.get_by_label("Name", exact=True).fill("alpha")
    listed.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(listed.get_by_role("dialog")).to_contain_text("alpha")
    expect(listed.get_by_label("Name", exact=True)).to_have_value("alpha")
    expect(listed.get_by_label("Name", exact=True)).to_have_attribute("aria-invalid", "true")
    listed.keyboard.press("Escape")
    expect(listed.get_by_role("dialog")).to_have_count(0)


def test_tags_are_set_and_removed(site: Any, listed: Page) -> None:
    row = listed.get_by_role("row", name="beta")
    row.get_by_role("button", name="Tag").click()
    row.get_by_label("Key of the new tag").fill("team")
    row.get_by_label("Value of the new tag").fill("vision")
    row.get_by_role("button", name="Add").click()
    expect(row.get_by_text("vision")).to_be_visible()
    with site.client() as client:
        assert client.get_experiment_by_name("beta").tags == {"team": "vision"}
    row.get_by_role("button", name="Remove the tag team").click()
    expect(row.get_by_text("vision")).to_have_count(0)


def test_a_server_that_is_away_is_named_and_what_was_read_stays(listed: Page, watched: Watched) -> None:
    watched.expect_complaint("net::ERR_FAILED")

    def drop(route: Route) -> None:
        route.abort()

    listed.route("**/trivet.**", drop)
    listed.get_by_label("Which experiments").select_option("all")
    expect(listed.get_by_role("alert")).to_contain_text("The server cannot be reached.", timeout=20_000)
    listed.unroute("**/trivet.**")
    listed.get_by_role("button", name="Try again").click()
    expect(names(listed)).to_have_count(6)
    expect(listed.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_people_with_disabilities_can_use_it(listed: Page, watched: Watched, scheme: Any) -> None:
    listed.emulate_media(color_scheme=scheme)
    assert watched.inaccessible() == []


def test_keys_are_explained(listed: Page) -> None:
    listed.keyboard.press("?")
    expect(listed.get_by_role("dialog", name="Keys")).to_contain_text("search experiments")
    listed.keyboard.press("Escape")
    listed.keyboard.press("/")
    expect(listed.get_by_role("searchbox")).to_be_focused()


def row(page: Page, name: str) -> Any:
    return names(page).filter(has=page.get_by_role("link", name=name, exact=True))


def test_runs_and_what_goes_on_are_counted(site: Any, page: Page) -> None:
    with site.client() as client:
        busy = client.tracking.create_experiment("busy", description="# What **runs**\n\nand more")
        runs = [client.create_run(busy).info.run_id for _ in range(3)]
        client.set_terminated(runs[0])
        client.delete_run(runs[1])
    page.goto(site.url("experiments"))
    expect(row(page, "busy")).to_contain_text("What runs")
    expect(row(page, "busy").get_by_text("2", exact=True)).to_be_visible()
    expect(row(page, "busy").get_by_title("and 1 deleted")).to_have_text("2")
    expect(row(page, "busy")).to_contain_text("1 now")
    expect(row(page, "Default").get_by_text("0", exact=True).first).to_be_visible()
    row(page, "busy").get_by_role("link").click()
    expect(page).to_have_url(re.compile(rf"/experiments/{busy}$"))


def test_the_rows_do_not_wait_for_what_is_counted(site: Any, page: Page) -> None:
    held: list[Route] = []
    page.route("**/ListExperimentActivity", lambda route: held.append(route))  # noqa: PLW0108 - it wants a function
    with site.client() as client:
        client.create_experiment("slow")
    page.goto(site.url("experiments"))
    expect(row(page, "slow")).to_contain_text("…")
    assert held
    for route in held:
        route.continue_()
    expect(row(page, "slow")).to_contain_text("—")
    expect(row(page, "slow")).not_to_contain_text("…")


def test_what_cannot_be_counted_is_said_and_the_rows_stay(site: Any, page: Page, watched: Watched) -> None:
    watched.expect_complaint("net::ERR_FAILED")
    page.route("**/ListExperimentActivity", lambda route: route.abort())
    page.goto(site.url("experiments"))
    expect(page.get_by_role("status").filter(has_text="Runs are not counted")).to_be_visible(timeout=20_000)
    expect(row(page, "Default")).to_be_visible()


def test_several_are_selected_and_their_runs_shown_together(listed: Page) -> None:
    row(listed, "alpha").get_by_role("checkbox").check()
    row(listed, "beta").get_by_role("checkbox").check()
    expect(listed).to_have_url(re.compile("selected="))
    listed.reload()
    expect(listed.get_by_role("heading", name="2 selected")).to_be_visible()
    expect(row(listed, "beta").get_by_role("checkbox")).to_be_checked()
    listed.get_by_role("button", name="Show their runs together").click()
    expect(listed).to_have_url(re.compile(r"/experiments/1\?and=%222%22$"))
    listed.go_back()
    listed.get_by_role("checkbox", name="Select all that are shown").check()
    expect(listed.get_by_role("heading", name="6 selected")).to_be_visible()
    listed.get_by_role("button", name="Clear").click()
    expect(listed.get_by_role("searchbox")).to_be_visible()


def test_keys_go_from_row_to_row(listed: Page) -> None:
    listed.keyboard.press("j")
    listed.keyboard.press("j")
    listed.keyboard.press("k")
    first = names(listed).first
    expect(first).to_have_class(re.compile("current"))
    listed.keyboard.press("x")
    expect(first.get_by_role("checkbox")).to_be_checked()
    listed.keyboard.press("x")
    expect(first.get_by_role("checkbox")).not_to_be_checked()
    listed.keyboard.press("Enter")
    expect(listed).to_have_url(re.compile(r"/experiments/\d+$"))


def test_what_no_page_understands_of_a_url_counts_for_nothing(listed: Page, site: Any) -> None:
    listed.goto(site.url("experiments?view=unknown&order=size&desc=true&q=alpha&more=1"))
    expect(names(listed)).to_have_count(2)
    expect(listed.get_by_label("Which experiments")).to_have_value("active")
    listed.get_by_label("Which experiments").select_option("all")
    expect(listed).to_have_url(re.compile(r"/experiments\?view=all&q=alpha$|/experiments\?q=alpha&view=all$"))


def test_a_page_whose_code_is_gone_says_what_to_do(listed: Page, site: Any, watched: Watched) -> None:
    watched.expect_complaint("net::ERR_FAILED")
    watched.expect_complaint("Failed to fetch dynamically imported module: .*/ModelsPage-")
    listed.route("**/ui/assets/ModelsPage-*.js", lambda route: route.abort())
    listed.get_by_role("navigation", name="Main").get_by_role("link", name="Models").click()
    expect(listed.get_by_role("alert")).to_contain_text("This page could not be shown.")
    listed.unroute("**/ui/assets/ModelsPage-*.js")
    listed.get_by_role("button", name="Try again").click()
    expect(listed.get_by_role("heading", name="Models")).to_be_visible()
