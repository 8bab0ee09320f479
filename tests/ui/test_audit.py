"""Who did what, in real browsers of people who signed in: administrators see it, narrow it, and others do not."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import trivet
from trivet_testing.guarded_pages import Guarded, People, guarded_pages, people_at, subject

TEAM = "team-a"
OTHER_TEAM = "team-b"
ROLES = {"admin": ["ops"], "writer": ["ann"]}
RULES = {"roles": {role: [f"user:{subject(name)}" for name in names] for role, names in ROLES.items()}}
OTHER_RULES = {"roles": {"reader": [f"user:{subject('ops')}"]}}
WRITER = f"trivet/writer-of-{TEAM}"
MANY = 130
"""More than a page of a server."""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded_pages(tmp_path_factory.mktemp("guarded"), {TEAM: RULES, OTHER_TEAM: OTHER_RULES}) as guarded:
        with guarded.client(TEAM, "writer") as client:
            for number in range(MANY):
                client.create_registered_model(f"model-{number}")
            client.set_registered_model_tag("model-7", "team", "risk")
        with guarded.client(TEAM, "reader") as client, pytest.raises(trivet.PermissionDenied):
            client.delete_registered_model("model-7")
        yield guarded


@pytest.fixture(scope="module")
def people(guarded: Guarded, browser: Browser) -> Iterator[People]:
    with people_at(guarded, TEAM, browser) as people:
        yield people


@pytest.fixture
def audit(guarded: Guarded, people: People) -> Page:
    """The page of an administrator."""
    page = people.watched("ops").page
    page.goto(guarded.url(TEAM, "audit"))
    expect(rows(page).first).to_be_visible()
    return page


def rows(page: Page) -> Locator:
    return page.get_by_role("table", name="Audit events").locator("tbody tr")


def narrow(page: Page, **fields: str) -> None:
    """Fills in the form of the page, and has it show what that says."""
    form = page.get_by_role("form", name="Which events")
    form.get_by_role("button", name="All").click()
    # The form is empty again when the page is there, and would empty what was filled in before.
    expect(page).to_have_url(re.compile(r"/audit$"))
    for label in ("Who", "Method", "Resource", "Outcome"):
        expect(form.get_by_label(label)).to_have_value("")
    for label, value in fields.items():
        field = form.get_by_label(label)
        if label == "Outcome":
            field.select_option(value)
        else:
            field.fill(value)
    form.get_by_role("button", name="Show").click()


def test_an_administrator_sees_who_did_what_and_who_was_turned_away(people: People, audit: Page) -> None:
    narrow(audit, Outcome="denied")
    expect(rows(audit)).to_have_count(1)
    for text in (f"trivet/reader-of-{TEAM}", "DeleteModel", "models/model-7", "PERMISSION_DENIED", "127.0.0.1"):
        expect(rows(audit)).to_contain_text(text)
    assert people.watched("ops").inaccessible() == []

    narrow(audit, Resource="models/model-7")
    expect(rows(audit).get_by_role("cell").nth(2)).to_have_text("DeleteModel")
    expect(rows(audit)).to_have_count(3)
    narrow(audit, Resource="models/model-7", Who=WRITER, Method="CreateModel")
    expect(rows(audit)).to_have_count(1)
    expect(rows(audit)).to_contain_text("OK")
    # The URL has it, so that it can be given to others.
    audit.reload()
    expect(rows(audit)).to_have_count(1)
    expect(audit.get_by_label("Method")).to_have_value("CreateModel")


def test_what_is_pressed_in_a_row_is_what_is_shown_then(audit: Page) -> None:
    narrow(audit, Method="SetModelTags")
    rows(audit).get_by_role("button", name="models/model-7").click()
    expect(audit).to_have_url(re.compile(r"method=SetModelTags&resource=models%2Fmodel-7"))
    expect(rows(audit)).to_have_count(1)
    rows(audit).get_by_role("button", name=WRITER).click()
    expect(audit.get_by_label("Who")).to_have_value(WRITER)
    narrow(audit, Method="NobodyCallsThis")
    expect(audit.get_by_text("There are no such events")).to_be_visible()


def test_older_events_come_with_the_scroll(audit: Page) -> None:
    narrow(audit, Method="CreateModel")
    expect(rows(audit)).to_have_count(100)
    audit.get_by_role("button", name="Load older events").scroll_into_view_if_needed()
    expect(rows(audit)).to_have_count(MANY)
    expect(audit.get_by_role("button", name="Load older events")).to_have_count(0)


def test_events_are_chosen_by_time(audit: Page) -> None:
    narrow(audit, Before="2020-01-01T00:00:00")
    expect(audit.get_by_text("There are no such events")).to_be_visible()
    narrow(audit, From="2020-01-01T00:00:00", Method="DeleteModel")
    expect(rows(audit)).to_have_count(1)


def test_it_is_where_administrators_look_and_nowhere_for_others(guarded: Guarded, people: People) -> None:
    for name, is_there in (("ops", 1), ("ann", 0)):
        page = people.watched(name).page
        page.goto(guarded.url(TEAM, "server"))
        expect(page.get_by_role("button", name=f"You are {subject(name)}")).to_be_visible()
        expect(page.get_by_text("as your credentials say")).to_be_visible()
        expect(page.get_by_role("link", name="Who did what in this workspace")).to_have_count(is_there)
        page.get_by_role("button", name=f"You are {subject(name)}").click()
        expect(page.get_by_role("menuitem", name="What you may do")).to_be_visible()
        expect(page.get_by_role("menuitem", name="Audit")).to_have_count(is_there)
    page.goto(guarded.url(TEAM, "audit"))
    expect(page.get_by_text("Who did what here is for administrators of this workspace")).to_be_visible()
    expect(page.get_by_role("form")).to_have_count(0)


def test_other_workspaces_are_read_when_one_looks_for_them(guarded: Guarded, people: People) -> None:
    page = people.watched("ops").page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(guarded.url(TEAM, "experiments"))
    expect(page.get_by_role("link", name="Default", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name=f"You are {subject('ops')}")).to_be_visible()
    assert [url for url in asked if url.endswith("/ListWorkspaces")] == []  # there may be thousands
    page.get_by_role("button", name=f"Workspace {TEAM}").click()
    page.get_by_role("menuitem", name=OTHER_TEAM).click()
    expect(page).to_have_url(re.compile(f"/w/{OTHER_TEAM}/experiments"))
