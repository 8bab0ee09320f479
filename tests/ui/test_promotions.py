"""Promotion requests in real browsers of people who signed in: asked for by one, decided by others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from trivet_testing.guarded_pages import Guarded, People, guarded_pages, people_at, subject

TEAM = "team-a"
ROLES = {
    "reader": ["rob"],
    "writer": ["ann", "fay"],
    "approver": ["cat", "dan", "fay"],
}
RULES = {
    "roles": {role: [f"user:{subject(name)}" for name in names] for role, names in ROLES.items()},
    "protected_stages": {"Production": {"approvals": 2}},
    "protected_aliases": {"champion": {"approvals": 1}},
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded_pages(tmp_path_factory.mktemp("guarded"), {TEAM: RULES}) as guarded:
        yield guarded


@pytest.fixture(scope="module")
def people(guarded: Guarded, browser: Browser) -> Iterator[People]:
    with people_at(guarded, TEAM, browser) as people:
        yield people


@pytest.fixture
def model(guarded: Guarded, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The name of a model of the test's own, with two versions."""
    name = str(request.node.name).removeprefix("test_")
    (tmp_path / "weights").write_bytes(b"weights")
    with guarded.client(TEAM, "writer") as client:
        run_id = client.create_run(client.create_experiment(name)).info.run_id
        client.log_artifact(run_id, str(tmp_path / "weights"), "model")
        for _ in range(2):
            client.registry.register_model(f"runs:/{run_id}/model", name)
    return name


def open_page(people: People, name: str, path: str) -> Page:
    page = people.watched(name).page
    page.goto(people.guarded.url(TEAM, path))
    return page


def ask_for_stage(people: People, name: str, model: str, version: int, reason: str) -> Page:
    """Asks for a version in Production, on its page."""
    page = open_page(people, name, f"models/{model}/versions/{version}")
    page.get_by_role("button", name=re.compile(r"^Stage: ")).click()
    page.get_by_role("menuitem", name="Move to Production").click()
    dialog = page.get_by_role("dialog", name=f"Ask to move version {version} to Production")
    expect(dialog).to_contain_text("This is protected: 2 others have to approve it.")
    dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name="Ask for promotion").click()
    return page


def ask_for_alias(people: People, name: str, model: str, version: int) -> Page:
    """Asks for the alias `champion` at a version, on its page."""
    page = open_page(people, name, f"models/{model}/versions/{version}")
    page.get_by_role("button", name="Alias", exact=True).click()
    dialog = page.get_by_role("dialog", name="Set an alias")
    dialog.get_by_label("Alias").fill("champion")
    expect(dialog).to_contain_text("This is protected: somebody else has to approve it.")
    dialog.get_by_role("button", name="Ask for promotion").click()
    expect(page.get_by_text(f"Asked for champion at version {version} of {model}")).to_be_visible()
    return page


def waiting(people: People, name: str, model: str) -> Locator:
    """The request of a model, where somebody looks at what waits."""
    page = open_page(people, name, "promotions")
    row = page.get_by_role("table", name="Promotion requests").get_by_role("row").filter(has_text=model)
    expect(row).to_have_count(1)
    return row


def decide(row: Locator, decision: str, reason: str = "") -> Locator:
    """Opens the dialog of a decision about a request, says why, and confirms it."""
    row.get_by_role("button", name=decision).click()
    dialog = row.page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name=decision).click()
    return dialog


def history(people: People, name: str, model: str) -> Locator:
    """What was decided about a model, the newest first."""
    page = open_page(people, name, f"models/{model}?tab=history&did=requests")
    return page.get_by_role("table", name="History").locator("tbody tr")


def test_two_others_approve_what_one_asked_for_and_it_is_made(people: People, model: str) -> None:
    asked = ask_for_stage(people, "ann", model, 1, "3% better")
    expect(asked.get_by_text(f"Asked for version 1 of {model} in Production")).to_be_visible()
    expect(asked.get_by_role("button", name="Stage: None")).to_be_visible()

    first = waiting(people, "cat", model)
    for text in ("Version 1 from None to Production", "waits", "0 of 2", subject("ann"), "3% better"):
        expect(first).to_contain_text(text)
    assert people.watched("cat").inaccessible() == []
    decide(first, "Approve", "tried it on Mondays")
    expect(first).to_contain_text("1 of 2")
    expect(first.get_by_role("button")).to_have_text(["Reject"])
    expect(first).to_contain_text("You have approved it, and others have to as well.")

    last = waiting(people, "dan", model)
    expect(last.get_by_title(subject("cat"))).to_have_text("1 of 2")
    decide(last, "Approve")
    expect(last).to_have_count(0)
    last.page.get_by_label("Also those that have ended").check()
    expect(last).to_contain_text("approved")
    expect(last.get_by_role("button")).to_have_count(0)

    done = history(people, "ann", model)
    expect(done).to_have_count(3)
    for place, who, what, why in (
        (2, "ann", "asked for", "3% better"),
        (1, "cat", "approved", "tried it on Mondays"),
        (0, "dan", "approved", ""),
    ):
        for text in (subject(who), f"Promotion of version 1 {what}", why):
            expect(done.nth(place)).to_contain_text(text)
    page = open_page(people, "ann", f"models/{model}/versions/1")
    expect(page.get_by_role("button", name="Stage: Production")).to_be_visible()


def test_nobody_is_offered_what_they_may_not_do_and_each_is_told_why(people: People, model: str) -> None:
    ask_for_alias(people, "fay", model, 2)
    for name, offered, why in (
        # Whoever asked is no approver of it, though she is one of others.
        ("fay", ["Withdraw"], "You asked for it, so others have to approve it."),
        ("ann", [], "It waits for those who have the permission APPROVE in this workspace."),
        ("rob", [], "It waits for those who have the permission APPROVE in this workspace."),
        ("cat", ["Approve", "Reject"], ""),
    ):
        row = waiting(people, name, model)
        decided = row.get_by_role("cell").last
        expect(decided).to_have_text(f"{''.join(offered)}{why}")
        expect(row.get_by_role("button")).to_have_text(offered)


def test_an_approver_rejects_with_a_reason_and_who_asked_reads_it(people: People, model: str) -> None:
    ask_for_alias(people, "ann", model, 1)
    row = waiting(people, "cat", model)
    row.get_by_role("button", name="Reject").click()
    dialog = row.page.get_by_role("dialog", name="Reject a promotion")
    expect(dialog).to_contain_text(f"{model}: Alias champion at version 1. Asked for by {subject('ann')}.")
    reject = dialog.get_by_role("button", name="Reject")
    expect(reject).to_be_disabled()
    dialog.get_by_label("Reason").fill("wait for the weekend")
    assert people.watched("cat").inaccessible(within="[role=dialog]") == []
    reject.click()
    expect(row).to_have_count(0)

    page = open_page(people, "ann", f"models/{model}?tab=requests")
    ended = page.get_by_role("table", name="Promotion requests").locator("tbody tr")
    expect(ended).to_contain_text("rejected")
    expect(ended.get_by_title("wait for the weekend")).to_contain_text(subject("cat"))
    newest = history(people, "ann", model).first
    for text in (subject("cat"), "Promotion of version 1 rejected", "wait for the weekend"):
        expect(newest).to_contain_text(text)


def test_who_asked_takes_it_back(people: People, model: str) -> None:
    ask_for_stage(people, "ann", model, 2, "")
    row = waiting(people, "ann", model)
    decide(row, "Withdraw", "not yet")
    expect(row).to_have_count(0)
    newest = history(people, "rob", model).first
    for text in (subject("ann"), "Promotion of version 2 withdrawn", "not yet"):
        expect(newest).to_contain_text(text)


def test_an_alias_moves_with_the_approval_and_is_removed_by_another(people: People, model: str) -> None:
    ask_for_alias(people, "ann", model, 2)
    row = waiting(people, "cat", model)
    decide(row, "Approve")
    expect(row).to_have_count(0)
    page = open_page(people, "ann", f"models/{model}")
    aliases = page.get_by_role("list", name="Aliases")
    expect(aliases.get_by_role("link", name="@champion")).to_have_attribute("href", re.compile(r"/versions/2$"))

    aliases.get_by_role("button", name="Ask to remove the alias champion").click()
    page.get_by_role("dialog").get_by_role("button", name="Ask for promotion").click()
    expect(page.get_by_text("Asked to remove the alias champion")).to_be_visible()
    row = waiting(people, "dan", model)
    expect(row).to_contain_text("Alias champion removed, now at 2")
    decide(row, "Approve")
    expect(row).to_have_count(0)
    page.reload()
    expect(page.get_by_role("tab", name="Versions")).to_be_visible()
    expect(aliases.get_by_text("@champion")).to_have_count(0)


def test_what_has_changed_or_ended_since_is_told_and_nothing_that_was_typed_is_lost(people: People, model: str) -> None:
    ask_for_alias(people, "ann", model, 1)
    stale = waiting(people, "cat", model)
    stale.get_by_role("button", name="Approve").click()
    dialog = stale.page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("tried it")
    # Another request is faster.
    ask_for_alias(people, "fay", model, 2)
    page = open_page(people, "dan", "promotions")
    faster = page.get_by_role("row").filter(has_text=model).filter(has_text=subject("fay"))
    decide(faster, "Approve")
    expect(faster).to_have_count(0)

    dialog.get_by_role("button", name="Approve").click()
    expect(dialog.get_by_role("alert")).to_contain_text("was none when it was asked for, and is 2")
    expect(dialog.get_by_label("Reason")).to_have_value("tried it")
    decide(waiting(people, "dan", model), "Reject", "there is a newer one")
    expect(page.get_by_role("row").filter(has_text=model)).to_have_count(0)
    dialog.get_by_role("button", name="Approve").click()
    expect(dialog.get_by_role("alert")).to_contain_text("REJECTED")
    expect(dialog.get_by_label("Reason")).to_have_value("tried it")


def test_a_reader_who_asks_is_refused_and_told_whom_to_ask(people: People, model: str) -> None:
    page = ask_for_stage(people, "rob", model, 1, "I want it")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_contain_text("WRITE")
    expect(dialog.get_by_label("Reason")).to_have_value("I want it")
