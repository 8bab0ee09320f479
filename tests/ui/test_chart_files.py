"""Panels of what runs logged as files, by step, in a real browser before a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import Page, expect

import trivet
from trivet_testing.browser import Watched
from trivet_testing.charts import panel, picture, saved_rows, settings_of
from trivet_testing.workspaces import unused_workspace

STEPS = (0, 5, 10)
IMAGES, TABLE, HISTOGRAMS = "samples/val", "tables/predictions.json", "grad/w"
N_LOGGING = 2


@dataclass(frozen=True)
class Logged:
    """Runs `bare`, `early` and `late`, the newest last: `bare` logged no files, and `early` none at the last step."""

    charts: str
    bare: str
    late: str

    def url(self, *panels: Mapping[str, Any], **state: str) -> str:
        """The charts, with some panels added."""
        added = {f"p{place}": panel for place, panel in enumerate(panels, 1)}
        query = "&".join(f"{key}={quote(value)}" for key, value in {"panels": json.dumps(added), **state}.items())
        return f"{self.charts}?{query}"


@pytest.fixture(scope="module")
def logged(served: tuple[str, str]) -> Iterator[Logged]:
    http, grpc = served
    workspace = unused_workspace()
    with trivet.Client(grpc, workspace=workspace) as client:
        experiment = client.create_experiment("files")
        bare, early, late = (
            client.create_run(experiment, run_name=name).info.run_id for name in ("bare", "early", "late")
        )
        log_files(client, early, 22, STEPS[:-1])
        log_files(client, late, 23, STEPS)
        for run in (bare, early, late):
            client.set_terminated(run)
        yield Logged(f"{http}/w/{workspace}/experiments/{experiment}/charts", bare, late)


def log_files(client: trivet.Client, run: str, number: int, steps: tuple[int, ...]) -> None:
    for step in steps:
        client.log_image(run, np.full((4, 6), 20 * step, np.uint8), key=IMAGES, step=step)
        client.log_histogram(run, HISTOGRAMS, ([step, number], [-1.0, 0.0, 1.0]), step=step)
    table = {"step": list(steps) * 2, "text": [f"{name}{step}" for name in "ab" for step in steps]}
    client.log_table(run, table, TABLE)


def test_pictures_are_those_of_a_step(logged: Logged, page: Page, tmp_path: Path) -> None:
    page.goto(logged.url({"kind": "images", "size": [2, 1]}))
    pictures = picture(page, "Pictures")
    expect(pictures).to_have_count(N_LOGGING, timeout=20_000)
    # What a run logged last before the step, where it logged nothing at it.
    expect(pictures.nth(0)).to_have_attribute("alt", f"{IMAGES} of late at step 10")
    expect(pictures.nth(1)).to_have_attribute("alt", f"{IMAGES} of early at step 5")
    page.wait_for_function(
        "() => [...document.querySelectorAll('figure img')].every((each) => each.naturalWidth === 6)"
    )
    slider = panel(page, "Pictures").get_by_role("slider", name="step")
    slider.press("Home")
    expect(pictures.nth(0)).to_have_attribute("alt", f"{IMAGES} of late at step 0")
    assert settings_of(page) == {"step": 0}
    page.reload()
    expect(slider).to_have_attribute("aria-valuetext", "step 0", timeout=20_000)
    assert len(saved_rows(page, "Pictures", tmp_path)) == 1 + 5


def test_tables_have_the_rows_of_a_step(logged: Logged, page: Page, tmp_path: Path) -> None:
    page.goto(logged.url({"kind": "tables", "size": [2, 2]}))
    tables = panel(page, "Tables").get_by_role("table")
    expect(tables).to_have_count(N_LOGGING, timeout=20_000)
    expect(tables.nth(0).get_by_role("cell")).to_have_text(["10", "a10", "10", "b10"])
    expect(tables.nth(1).get_by_role("cell")).to_have_text(["5", "a5", "5", "b5"])
    panel(page, "Tables").get_by_role("slider", name="step").press("Home")
    expect(tables.nth(0).get_by_role("cell")).to_have_text(["0", "a0", "0", "b0"])
    assert settings_of(page) == {"step": 0}
    assert saved_rows(page, "Tables", tmp_path)[:2] == [
        ["run", "run_id", "step", "text"],
        ["late", logged.late, "0", "a0"],
    ]


def test_logged_histograms_are_those_of_a_step(logged: Logged, page: Page, tmp_path: Path) -> None:
    page.goto(logged.url({"kind": "distributions", "settings": {"step": 5}, "size": [2, 1]}))
    drawn = picture(page, "Logged histograms")
    expect(drawn).to_have_count(N_LOGGING, timeout=20_000)
    expect(drawn.nth(0)).to_have_attribute("aria-label", "Histogram of grad/w: 28 in 2 bins, most (23) at 0 to 1.")
    rows = saved_rows(page, "Logged histograms", tmp_path)
    assert rows[1] == ["late", logged.late, HISTOGRAMS, "5", "-1", "0", "5"]


def test_panels_of_files_say_how_files_are_logged(logged: Logged, page: Page) -> None:
    kinds = {"images": "log_image", "tables": "log_table", "distributions": "log_histogram"}
    page.goto(logged.url(*({"kind": kind} for kind in kinds), selected=json.dumps([logged.bare])))
    for call in kinds.values():
        expect(page.get_by_text(f"trivet.{call}(")).to_be_visible(timeout=20_000)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_panels_of_files_are_accessible(logged: Logged, page: Page, watched: Watched, theme: Any) -> None:
    page.emulate_media(color_scheme=theme)
    page.goto(logged.url({"kind": "images"}, {"kind": "tables"}, {"kind": "distributions"}))
    expect(picture(page, "Pictures")).to_have_count(N_LOGGING, timeout=20_000)
    expect(panel(page, "Tables").get_by_role("table")).to_have_count(N_LOGGING)
    expect(picture(page, "Logged histograms")).to_have_count(N_LOGGING)
    assert watched.inaccessible() == []
