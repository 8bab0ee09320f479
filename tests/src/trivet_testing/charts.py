"""The charts of an experiment as tests see them."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

import trivet

STEPS = 10
"""How many points `write` logs."""


def write(client: trivet.Client, run: str, keys: tuple[str, ...], number: int, first: int = 0) -> None:
    """Logs points of some metrics."""
    for step in range(first, first + STEPS):
        client.tracking.log_metrics(run, dict.fromkeys(keys, number + 1 / (step + 1)), step=step)


def panel(page: Page, title: str) -> Locator:
    return page.get_by_role("figure", name=title, exact=True)


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name="Panels").get_by_role("region", name=name, exact=True)


def expect_titles(page: Page, name: str, *expected: str) -> None:
    """Waits until a section has these panels, in their order."""
    figures = section(page, name).get_by_role("figure")
    expect(figures).to_have_count(len(expected))
    for place, title in enumerate(expected):
        expect(figures.nth(place)).to_have_attribute("aria-label", title)


def expect_lines(page: Page, title: str, number: int) -> None:
    """Waits until a panel has so many lines."""
    says = re.compile("^one line " if number == 1 else f"^{number} lines ")
    expect(panel(page, title).get_by_role("slider")).to_have_attribute("aria-valuetext", says)


def act(page: Page, title: str, action: str) -> None:
    """Chooses something in the menu of a panel."""
    page.get_by_role("button", name=f"Actions for {title}", exact=True).click()
    page.get_by_role("menuitem", name=action).click()


def picture(page: Page, title: str) -> Locator:
    """What a panel draws; its name says what is to be seen."""
    return panel(page, title).get_by_role("img")


def expect_says(page: Page, title: str, says: str) -> None:
    """Waits until what a panel draws says that it shows this."""
    expect(picture(page, title)).to_have_attribute("aria-label", re.compile(f"^{says}"), timeout=20_000)


def saved_rows(page: Page, title: str, folder: Path) -> list[list[str]]:
    """What a panel saves as CSV."""
    with page.expect_download() as saved:
        act(page, title, "Save as CSV")
    saved.value.save_as(folder / "saved.csv")
    with (folder / "saved.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def settings_of(page: Page, panel: str = "p1") -> Any:
    """What the URL says of what a panel shows."""
    return search_of(page)["panels"][panel].get("settings")


def legend(page: Page) -> Locator:
    return page.get_by_role("region", name="Runs", exact=True)


def search_of(page: Page) -> dict[str, Any]:
    """What the URL says, by its keys."""
    found: dict[str, Any] = page.evaluate(
        """() => Object.fromEntries([...new URLSearchParams(location.search)].map(([key, text]) => {
            try { return [key, JSON.parse(text)]; } catch { return [key, text]; }
        }))"""
    )
    return found
