"""Signing in by the pages: with a real provider, in a real browser, before a server that verifies what it is sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from trivet_testing.browser import Watched
from trivet_testing.guarded_pages import Guarded, consent, guarded_pages, sign_in
from trivet_testing.sign_in_provider import ANN

FROM_ELSEWHERE = """async (server) => {
    const by = async (path, options) => {
        try {
            const answer = await fetch(server + path, {credentials: "include", ...options});
            return answer.type;
        } catch { return "nothing"; }
    };
    return [
        await by("/auth/session"),
        await by("/auth/sign-out", {method: "POST"}),
        await by("/auth/sign-out", {method: "POST", mode: "no-cors"}),
    ];
}"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    roles = {"writer": [f"user:people/{ANN}"], "approver": ["group:people/ml"]}
    with guarded_pages(tmp_path_factory.mktemp("guarded"), {"default": {"roles": roles}}) as guarded:
        guarded.provider.groups[ANN] = ["ml"]
        yield guarded


@pytest.fixture
def watched(watched_alone: Watched) -> Watched:
    """In a profile of its own: these tests look at its cookies."""
    return watched_alone


@pytest.fixture
def signed_in(guarded: Guarded, page: Page) -> Page:
    page.goto(f"{guarded.http}/w/default/experiments?order=name&desc=false")
    sign_in(page, ANN)
    return page


def test_who_signs_in_is_where_they_were_and_sees_who_they_are_and_what_they_may_do(
    guarded: Guarded, signed_in: Page, watched: Watched
) -> None:
    assert signed_in.url == f"{guarded.http}/w/default/experiments?order=name&desc=false"
    expect(signed_in.get_by_role("link", name="Default", exact=True)).to_be_visible()
    # No script of a page can read what the session is.
    assert signed_in.evaluate("document.cookie") == ""
    signed_in.get_by_role("button", name=f"You are people/{ANN}").click()
    signed_in.get_by_role("menuitem", name="What you may do").click()
    expect(signed_in.get_by_text("people/ml")).to_be_visible()
    row = signed_in.get_by_role("table", name="Workspaces").get_by_role("row").nth(1)
    expect(row).to_contain_text("default")
    expect(row).to_contain_text("approver, writer")
    expect(row).to_contain_text("read, write, approve promotions")
    expect(signed_in.get_by_text("team-b")).to_have_count(0)
    assert watched.inaccessible() == []


def test_who_signs_out_is_nobody_in_every_window(guarded: Guarded, signed_in: Page, watched: Watched) -> None:
    signed_in.get_by_role("button", name=f"You are people/{ANN}").click()
    signed_in.get_by_role("menuitem", name="Sign out").click()
    expect(signed_in.get_by_text("You are signed out.")).to_be_visible()
    assert signed_in.context.cookies() == []
    assert watched.inaccessible() == []
    signed_in.goto(f"{guarded.http}/w/default/models")
    expect(signed_in.get_by_role("button", name="Sign in with people")).to_be_visible()


def test_what_was_typed_stays_when_a_session_ends(guarded: Guarded, signed_in: Page) -> None:
    signed_in.get_by_role("button", name="Create", exact=True).click()
    typed = signed_in.get_by_label("Name", exact=True)
    typed.fill("rides at night")
    signed_in.context.clear_cookies()
    signed_in.get_by_role("dialog").get_by_role("button", name="Create").click()
    ended = signed_in.get_by_role("dialog", name="You are not signed in any more")
    with signed_in.context.expect_page() as opened:
        ended.get_by_role("button", name="Sign in with people").click()
    consent(opened.value, ANN)
    expect(ended).to_have_count(0)
    expect(typed).to_have_value("rides at night")
    signed_in.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(signed_in.get_by_role("link", name="rides at night")).to_be_visible()


def test_who_is_not_let_in_by_the_provider_is_told_so_and_can_try_again(guarded: Guarded, page: Page) -> None:
    page.goto(f"{guarded.http}/w/default/models")
    page.get_by_role("button", name="Sign in with people").click()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_text("The provider did not let you in.")).to_be_visible()
    page.get_by_role("button", name="Sign in with people").click()
    consent(page, ANN)
    expect(page).to_have_url(f"{guarded.http}/w/default/models")


def test_a_page_of_another_site_gets_nothing_by_the_session(
    guarded: Guarded, signed_in: Page, watched: Watched
) -> None:
    # The browser itself writes of what it keeps from pages.
    watched.expect_complaint("blocked by CORS policy|Failed to load resource")
    signed_in.goto(f"{guarded.provider.issuer.replace('127.0.0.1', 'localhost')}/keys")
    answers = signed_in.evaluate(FROM_ELSEWHERE, guarded.http)
    assert answers == ["nothing", "nothing", "opaque"]
    signed_in.goto(f"{guarded.http}/w/default/experiments")
    expect(signed_in.get_by_role("button", name=f"You are people/{ANN}")).to_be_visible()
