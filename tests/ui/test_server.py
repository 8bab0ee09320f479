"""The page about the server, in a real browser before real servers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from trivet_testing.browser import Watched, watched_page
from trivet_testing.gateways import gateway_before
from trivet_testing.servers import free_port

SERVERS = ("gateway", "tracking", "artifacts", "registry")


@pytest.fixture
def shown(site: Any, page: Page) -> Page:
    """The page about the server, which has answered."""
    page.goto(site.url("server"))
    for name in SERVERS:
        expect(server(page, name)).to_contain_text("serves")
    return page


def server(page: Page, name: str) -> Locator:
    return page.get_by_role("table", name="Servers").locator(f"tr[data-row={name}]")


def stored(page: Page, workspace: str) -> Locator:
    return page.get_by_role("table", name="Storage").locator(f"tr[data-row={workspace}]")


def test_each_server_says_its_version_and_what_it_serves(shown: Page) -> None:
    for name in SERVERS:
        expect(server(shown, name)).to_contain_text(version("trivet-kit"))
        expect(server(shown, name).locator("time")).to_have_count(1)
    expect(server(shown, "registry")).to_contain_text("RegistryService")
    expect(server(shown, "gateway")).to_contain_text("passed on")
    expect(server(shown, "tracking")).to_contain_text("not asked for")


def test_navigation_leads_there_and_limits_and_caller_are_shown(site: Any, page: Page) -> None:
    page.goto(site.url("experiments"))
    page.get_by_role("link", name="Server").click()
    expect(page).to_have_url(re.compile("/server$"))
    expect(page.get_by_text("anonymous", exact=True)).to_be_visible()
    limits = page.get_by_role("table", name="Limits")
    expect(limits.get_by_role("row", name="The value of a param")).to_contain_text("16 KiB")
    expect(limits.get_by_role("row", name="A page of a list")).to_contain_text("1,000 entries")


def test_storage_is_shown_by_workspace_and_refreshed(site: Any, shown: Page, tmp_path: Path) -> None:
    expect(stored(shown, site.workspace)).to_contain_text("none")
    (tmp_path / "weights.bin").write_bytes(bytes(3 << 20))
    with site.client() as client:
        run_id = client.create_run(client.create_experiment("stored")).info.run_id
        client.log_artifact(run_id, str(tmp_path / "weights.bin"))
    shown.get_by_role("button", name="Refresh").click()
    expect(stored(shown, site.workspace)).to_contain_text("3.0 MiB 1 files")
    expect(stored(shown, site.workspace)).to_contain_text("for ever")


@pytest.fixture(scope="module")
def half(served: tuple[str, str]) -> Iterator[str]:
    """A gateway before a registry that is away."""
    _, grpc = served
    with gateway_before(grpc, TRIVET_REGISTRY_URL=f"grpc://127.0.0.1:{free_port()}") as gateway:
        yield gateway.url


def test_a_server_that_is_away_is_shown_and_the_others_too(half: str, page: Page) -> None:
    page.goto(f"{half}/w/default/server")
    expect(server(page, "registry")).to_contain_text("away", timeout=20_000)
    expect(page.get_by_role("status").filter(has_text="registry does not answer")).to_be_visible()
    for name in ("gateway", "tracking", "artifacts"):
        expect(server(page, name)).to_contain_text("serves")
    expect(page.get_by_role("img", name="registry does not answer")).to_be_visible()
    page.get_by_role("link", name="Experiments").click()
    expect(page.get_by_role("link", name="Default")).to_be_visible()
    expect(page.get_by_role("img", name="registry does not answer")).to_be_visible()


def test_what_was_read_stays_while_the_gateway_is_away(shown: Page, watched: Watched) -> None:
    watched.expect_complaint("net::ERR_FAILED")

    def drop(route: Route) -> None:
        route.abort()

    shown.route("**/trivet.**", drop)
    shown.get_by_role("button", name="Refresh").click()
    expect(shown.get_by_role("status").filter(has_text="The server does not answer")).to_be_visible()
    expect(server(shown, "tracking")).to_contain_text("away")
    expect(server(shown, "tracking")).to_contain_text(version("trivet-kit"))
    shown.unroute("**/trivet.**")
    shown.keyboard.press("r")
    expect(server(shown, "tracking")).to_contain_text("serves")
    expect(shown.get_by_role("img", name="The server does not answer")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_people_with_disabilities_can_use_it(half: str, browser: Browser, scheme: Any) -> None:
    with watched_page(browser, color_scheme=scheme) as watched:
        watched.page.goto(f"{half}/w/default/server")
        expect(server(watched.page, "registry")).to_contain_text("away", timeout=20_000)
        expect(stored(watched.page, "default")).to_contain_text("contents")
        assert watched.inaccessible() == []
        assert watched.unexpected == []
