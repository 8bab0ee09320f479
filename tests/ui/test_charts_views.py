"""The views of charts that people save by name, in a real browser before a real server."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import trivet
from trivet_testing.browser import Watched, watched_page
from trivet_testing.charts import expect_lines, expect_titles, panel, search_of, write

OPTIMIZERS = ("adam", "sgd")


def views(page: Page) -> Locator:
    """The list of saved views, opened."""
    page.get_by_title("Saved views").click()
    return page.get_by_role("dialog", name="Views")


def test_what_is_shown_is_saved_by_name_and_shown_again(own_charts: tuple[Page, trivet.Client, str], site: Any) -> None:
    page, client, experiment = own_charts
    for number in range(2):
        run = client.tracking.create_run(experiment, run_name=f"run-{number}").info.run_id
        client.tracking.log_params(run, {"optimizer": OPTIMIZERS[number]})
        write(client, run, ("train/loss", "train/acc"), number)
    other = client.tracking.create_experiment("other")
    write(client, client.tracking.create_run(other).info.run_id, ("train/loss", "train/acc"), 0)
    client.flush()
    page.goto(site.url(f"experiments/{experiment}/charts"))
    expect_titles(page, "train", "train/acc", "train/loss")
    expect(views(page).get_by_text("None is saved yet")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_label("Group by").select_option("param:optimizer")
    page.get_by_role("button", name="Move train/loss").press("ArrowLeft")
    expect_titles(page, "train", "train/loss", "train/acc")
    dialog = views(page)
    dialog.get_by_label("Save what is shown as").fill("by optimizer")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog).to_have_count(0)
    assert set(search_of(page)) == {"saved"}
    # Whoever is sent the URL sees the same, also in another experiment.
    page.goto(page.url.replace(f"experiments/{experiment}/", f"experiments/{other}/"))
    expect_titles(page, "train", "train/loss", "train/acc")
    expect(page.get_by_label("Group by")).to_have_value("param:optimizer")
    expect(views(page).get_by_role("region", name="Of others").get_by_role("button").first).to_have_text("by optimizer")
    page.keyboard.press("Escape")
    # What is changed of it is in the URL until it is saved or discarded.
    page.get_by_label("Group by").select_option("")
    expect(page.get_by_text("changed", exact=True)).to_be_visible()
    page.reload()
    expect_titles(page, "train", "train/loss", "train/acc")
    expect(page.get_by_label("Group by")).to_have_value("")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_label("Group by")).to_have_value("param:optimizer")
    page.get_by_label("Group by").select_option("status")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("changed", exact=True)).to_have_count(0)
    page.reload()
    expect(page.get_by_label("Group by")).to_have_value("status")


def test_views_are_renamed_and_deleted_and_names_are_taken_once(
    own_charts: tuple[Page, trivet.Client, str], site: Any
) -> None:
    page, client, experiment = own_charts
    write(client, client.tracking.create_run(experiment).info.run_id, ("loss",), 0)
    client.flush()
    page.goto(site.url(f"experiments/{experiment}/charts?smooth=0.5"))
    expect(panel(page, "loss")).to_be_visible(timeout=20_000)
    for name in ("first", "second"):
        dialog = views(page)
        dialog.get_by_label("Save what is shown as").fill(name)
        dialog.get_by_role("button", name="Save", exact=True).click()
        expect(dialog).to_have_count(0)
    dialog = views(page)
    dialog.get_by_label("Save what is shown as").fill("first")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog.get_by_label("Save what is shown as")).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_label("Save what is shown as")).to_have_value("first")
    dialog.get_by_role("button", name="Rename second").click()
    renaming = page.get_by_role("dialog", name="Rename the view")
    renaming.get_by_label("Name").fill("smooth")
    renaming.get_by_role("button", name="Rename").click()
    expect(page.get_by_title("Saved views")).to_have_text("smooth")
    views(page).get_by_role("button", name="Delete smooth").click()
    page.get_by_role("dialog", name="Delete smooth").get_by_role("button", name="Delete").click()
    expect(page.get_by_title("Saved views")).to_have_text("Views")
    assert search_of(page) == {"smooth": 0.5}


def test_a_view_that_somebody_else_changed_is_not_written_over_unseen(
    own_charts: tuple[Page, trivet.Client, str], site: Any, browser: Browser
) -> None:
    page, client, experiment = own_charts
    write(client, client.tracking.create_run(experiment).info.run_id, ("loss",), 0)
    client.flush()
    page.goto(site.url(f"experiments/{experiment}/charts"))
    expect(panel(page, "loss")).to_be_visible(timeout=20_000)
    dialog = views(page)
    dialog.get_by_label("Save what is shown as").fill("ours")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_title("Saved views")).to_have_text("ours")
    with watched_page(browser) as others:
        others.page.goto(page.url)
        others.page.get_by_label("Group by").select_option("user")
        others.page.get_by_role("button", name="Save", exact=True).click()
        expect(others.page.get_by_text("Saved ours")).to_be_visible()
        assert others.unexpected == []
    page.get_by_label("Group by").select_option("status")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("The view was not saved")).to_be_visible()
    expect(page.get_by_label("Group by")).to_have_value("status")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved ours")).to_be_visible()


def test_a_view_that_is_not_there_says_so(own_charts: tuple[Page, trivet.Client, str], site: Any) -> None:
    page, client, experiment = own_charts
    write(client, client.tracking.create_run(experiment).info.run_id, ("loss",), 0)
    client.flush()
    page.goto(site.url(f"experiments/{experiment}/charts?saved={'0' * 32}"))
    expect(page.get_by_role("alert")).to_be_visible(timeout=20_000)
    expect_lines(page, "loss", 1)
    page.get_by_role("button", name="Forget the view").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert search_of(page) == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_views_are_accessible(
    own_charts: tuple[Page, trivet.Client, str], site: Any, watched: Watched, theme: str
) -> None:
    page, client, experiment = own_charts
    write(client, client.tracking.create_run(experiment).info.run_id, ("loss",), 0)
    client.flush()
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.goto(site.url(f"experiments/{experiment}/charts"))
    expect(panel(page, "loss")).to_be_visible(timeout=20_000)
    dialog = views(page)
    dialog.get_by_label("Save what is shown as").fill("one")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_title("Saved views")).to_have_text("one")
    page.get_by_label("Group by").select_option("user")
    expect(page.get_by_text("changed", exact=True)).to_be_visible()
    assert watched.inaccessible() == []
    expect(views(page).get_by_role("button", name="one", exact=True)).to_be_visible()
    assert watched.inaccessible(within="[role=dialog]") == []
