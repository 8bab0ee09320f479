"""The pages before a server that denies: each says so and what to do, and nothing that was typed is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from trivet_testing.browser import Watched
from trivet_testing.denying import Denial, Denying, denying

SAID: dict[Denial, tuple[str, str]] = {
    401: ("The server does not know who you are.", "Load the page again to sign in"),
    403: ("The server does not allow this.", "Ask whoever runs this server for the right to do it."),
}


@pytest.fixture
def door(nginx: Path, served: tuple[str, str], tmp_path: Path) -> Iterator[Denying]:
    """What is in front of the gateway."""
    http, _ = served
    with denying(nginx, tmp_path, http) as door:
        yield door


@pytest.fixture
def opened(site: Any, door: Denying, watched: Watched) -> Callable[[str], Page]:
    """Opens a page through the door."""
    # The browser itself writes of answers like these.
    watched.expect_complaint("Failed to load resource: the server responded with a status of 40[13]")

    def go(path: str) -> Page:
        watched.page.goto(f"{door.url}/w/{site.workspace}/{path}")
        return watched.page

    return go


@pytest.fixture
def paths(site: Any) -> dict[str, str]:
    """The main pages, by what they are called here."""
    with site.client() as client:
        experiment = client.create_experiment("tuning")
        runs = [client.create_run(experiment, run_name=name).info.run_id for name in ("ant", "bee")]
        client.registry.create_registered_model("iris")
    return {
        "experiments": "experiments",
        "runs": f"experiments/{experiment}",
        "charts": f"experiments/{experiment}/charts",
        "run": f"runs/{runs[0]}",
        "metrics": f"runs/{runs[0]}?tab=metrics",
        "artifacts": f"runs/{runs[0]}?tab=artifacts",
        "compare": f"compare?runs={quote(json.dumps(runs))}",
        "logged models": f"experiments/{experiment}/models",
        "models": "models",
        "model": "models/iris",
    }


def alert(page: Page) -> Locator:
    return page.get_by_role("alert").first


@pytest.mark.parametrize("status", [401, 403])
def test_each_page_says_that_it_is_denied_and_what_to_do(
    paths: dict[str, str], door: Denying, opened: Callable[[str], Page], status: Denial
) -> None:
    door.deny(status)
    for path in paths.values():
        page = opened(path)
        for sentence in SAID[status]:
            expect(alert(page)).to_contain_text(sentence)


def test_a_page_goes_on_when_it_is_no_longer_denied(
    paths: dict[str, str], door: Denying, opened: Callable[[str], Page]
) -> None:
    door.deny(403)
    page = opened(paths["compare"])
    expect(alert(page)).to_contain_text("does not allow")
    door.allow()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("table", name="Comparison").get_by_role("columnheader").get_by_role("link")).to_have_text(
        ["ant", "bee"]
    )


@pytest.mark.parametrize("status", [401, 403])
def test_a_name_that_was_typed_stays_where_it_is_denied(
    paths: dict[str, str], door: Denying, opened: Callable[[str], Page], status: Denial
) -> None:
    page = opened(paths["experiments"])
    page.get_by_role("button", name="Create", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("rides at night")
    door.deny(status)
    dialog.get_by_role("button", name="Create").click()
    for sentence in SAID[status]:
        expect(dialog).to_contain_text(sentence)
    expect(dialog.get_by_label("Name")).to_have_value("rides at night")
    door.allow()
    dialog.get_by_role("button", name="Create").click()
    expect(page.get_by_role("link", name="rides at night")).to_be_visible()


def test_a_filter_that_was_typed_stays_where_it_is_denied(
    paths: dict[str, str], door: Denying, opened: Callable[[str], Page]
) -> None:
    page = opened(paths["runs"])
    expect(page.get_by_role("link", name="ant")).to_be_visible()
    door.deny(403)
    box = page.get_by_role("combobox", name="Filter runs")
    box.fill("run_name = 'ant'")
    box.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="does not allow").first).to_be_visible()
    expect(box).to_have_value("run_name = 'ant'")
    door.allow()
    page.get_by_role("button", name="Try again").first.click()
    expect(page.get_by_role("link", name="bee")).to_have_count(0)
    expect(page.get_by_role("link", name="ant")).to_be_visible()


def test_a_description_that_was_typed_stays_where_it_is_denied(
    paths: dict[str, str], door: Denying, opened: Callable[[str], Page]
) -> None:
    page = opened(paths["run"])
    page.get_by_role("button", name=re.compile("description", re.IGNORECASE)).first.click()
    box = page.get_by_role("textbox").first
    box.fill("Why this run: **depth 8**")
    door.deny(403)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The server does not allow this.")).to_be_visible()
    expect(box).to_have_value("Why this run: **depth 8**")
