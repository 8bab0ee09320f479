"""Two runs side by side: their code, their environments and their files, in a real browser before a real server."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

import trivet
from trivet_testing.browser import Watched
from trivet_testing.workspaces import unused_workspace


@dataclass(frozen=True)
class Logged:
    """Three runs, of which the last one noted nothing."""

    http: str
    workspace: str
    runs: tuple[str, ...]

    def url(self, *places: int, **state: str) -> str:
        parts = {"runs": json.dumps([self.runs[place] for place in places]), **state}
        query = "&".join(f"{key}={quote(value)}" for key, value in parts.items())
        return f"{self.http}/w/{self.workspace}/compare?{query}"


def picture(shade: int) -> bytes:
    """A PNG of one grey pixel."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes([0, shade])))
        + chunk(b"IEND", b"")
    )


def environment(numpy: str, **more: str) -> str:
    return json.dumps(
        {"python": "3.11.7", "machine": "x86_64", "packages": {"numpy": numpy, "scipy": "1.17.0", **more}}
    )


FILES: tuple[dict[str, str | bytes], ...] = (
    {
        "trivet/source/train.py": "import numpy\nrate = 0.1\nfit(rate)\n",
        "trivet/diff.patch": "diff --git a/fit.py b/fit.py\n--- a/fit.py\n+++ b/fit.py\n@@ -1 +1 @@\n-a\n+b\n",
        "trivet/environment.json": environment("2.0.0"),
        "config/model.yaml": "depth: 3\nwidth: 8\n",
        "plots/loss.png": picture(10),
        "same.txt": "the same",
        "only-here.txt": "gone later",
    },
    {
        "trivet/source/train.py": "import numpy\nrate = 0.2\nfit(rate)\n",
        "trivet/environment.json": environment("2.1.0", torch="2.9.0"),
        "config/model.yaml": "depth: 5\nwidth: 8\n",
        "plots/loss.png": picture(200),
        "same.txt": "the same",
        "new.txt": "new",
    },
    {},
)


@pytest.fixture(scope="module")
def logged(served: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Logged:
    http, grpc = served
    workspace = unused_workspace()
    runs = []
    with trivet.Client(grpc, workspace=workspace) as client:
        experiment = client.create_experiment("tuning")
        for number, (name, files) in enumerate(zip(("ant", "bee", "cat"), FILES, strict=True)):
            run = client.create_run(experiment, run_name=name).info.run_id
            client.tracking.set_tags(run, {"trivet.git.branch": ("main", "wider", "main")[number]})
            folder = tmp_path_factory.mktemp(name)
            for path, content in files.items():
                write(folder / path, content)
            if files:
                client.log_artifacts(run, str(folder))
            client.set_terminated(run)
            runs.append(run)
    return Logged(http, workspace, tuple(runs))


def write(file: Path, content: str | bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())


def row(page: Page, table: str, text: str) -> Locator:
    return page.get_by_role("table", name=table, exact=True).get_by_role("row").filter(has_text=text)


def removed(page: Page) -> Locator:
    return page.locator(".diff-code-delete")


def inserted(page: Page) -> Locator:
    return page.locator(".diff-code-insert")


def test_code_shows_what_git_says_the_changes_and_the_source(page: Page, logged: Logged) -> None:
    page.goto(logged.url(0, 1))
    page.get_by_role("group", name="What is compared").get_by_role("button", name="Code").click()
    expect(row(page, "Code", "branch").get_by_role("cell")).to_have_text(["branch≠ differs", "main", "wider"])
    source = page.get_by_role("region", name="How trivet/source/train.py differs")
    expect(source).to_be_visible()
    expect(removed(page)).to_have_text(["rate = 0.1"])
    expect(inserted(page)).to_have_text(["rate = 0.2"])
    expect(page.get_by_role("region", name="trivet/diff.patch of bee")).to_contain_text("It has no such file")
    page.go_back()
    expect(page.get_by_role("table", name="Comparison")).to_be_visible()


def test_environments_are_compared_package_by_package(page: Page, logged: Logged) -> None:
    page.goto(logged.url(0, 1, part="environment"))
    expect(row(page, "Packages", "numpy").get_by_role("cell")).to_have_text(["numpy≠ differs", "2.0.0", "2.1.0"])
    expect(row(page, "Packages", "torch").get_by_role("cell")).to_have_text(["torch≠ differs", "—", "2.9.0"])
    expect(row(page, "Packages", "scipy")).to_have_count(1)
    expect(row(page, "Python and machine", "Python").nth(1)).to_contain_text("3.11.7")
    page.get_by_label("Differences only").check()
    expect(row(page, "Packages", "scipy")).to_have_count(0)
    expect(row(page, "Packages", "numpy")).to_have_count(1)
    page.get_by_label("Search keys").fill("TORCH")
    expect(row(page, "Packages", "numpy")).to_have_count(0)
    expect(row(page, "Packages", "torch")).to_have_count(1)


def test_files_are_added_removed_and_changed(page: Page, logged: Logged) -> None:
    page.goto(logged.url(0, 1, part="files"))
    expect(page.get_by_text("1 added, 2 removed, 4 changed, 1 same.")).to_be_visible()
    expect(row(page, "Files", "new.txt")).to_contain_text("added")
    expect(row(page, "Files", "only-here.txt")).to_contain_text("removed")
    expect(row(page, "Files", "same.txt")).to_contain_text("same")
    page.get_by_label("Differences only").check()
    expect(row(page, "Files", "same.txt")).to_have_count(0)
    page.get_by_label("Search keys").fill("no such")
    expect(page.get_by_text("No file has that in its path")).to_be_visible()
    page.get_by_label("Search keys").fill("")
    page.get_by_role("button", name="config/model.yaml").click()
    expect(removed(page)).to_have_text(["depth: 3"])
    expect(inserted(page)).to_have_text(["depth: 5"])
    page.reload()
    expect(inserted(page)).to_have_text(["depth: 5"])
    page.get_by_role("button", name="new.txt").click()
    expect(page.get_by_role("region", name="new.txt of ant")).to_contain_text("It has no such file")
    expect(page.get_by_role("region", name="new.txt of bee")).to_contain_text("new")


def test_pictures_stand_beside_each_other(page: Page, logged: Logged) -> None:
    page.goto(logged.url(0, 1, part="files", path="plots/loss.png"))
    for name in ("ant", "bee"):
        side = page.get_by_role("region", name=f"plots/loss.png of {name}")
        expect(side.get_by_text("1 × 1 pixels")).to_be_visible()  # noqa: RUF001 -- the sign of sizes


def test_of_several_runs_one_is_chosen_to_stand_beside_the_first(page: Page, logged: Logged) -> None:
    page.goto(logged.url(0, 1, 2, part="environment"))
    expect(row(page, "Packages", "numpy")).to_contain_text("2.1.0")
    page.get_by_label("ant beside").select_option("cat")
    expect(page.get_by_text("cat did not note its environment.")).to_be_visible()
    expect(row(page, "Packages", "numpy").get_by_role("cell")).to_have_text(["numpy≠ differs", "2.0.0", "—"])


def test_what_neither_run_has_is_said(page: Page, logged: Logged, served: tuple[str, str]) -> None:
    with trivet.Client(served[1], workspace=logged.workspace) as client:
        bare = client.create_run("0", run_name="bare").info.run_id
    address = f"{logged.http}/w/{logged.workspace}/compare?runs={quote(json.dumps([logged.runs[2], bare]))}"
    page.goto(f"{address}&part=files")
    expect(page.get_by_text("Neither run has files")).to_be_visible()
    page.goto(f"{address}&part=environment")
    expect(page.get_by_text("Neither run noted its environment")).to_be_visible()
    page.goto(f"{address}&part=code")
    expect(page.get_by_text("Neither run has noted any.")).to_have_count(2)


def test_one_run_alone_has_nothing_beside_it(page: Page, logged: Logged) -> None:
    page.goto(logged.url(0, part="files"))
    expect(page.get_by_role("table", name="Comparison")).to_be_visible()
    expect(page.get_by_role("group", name="What is compared")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_it(watched: Watched, logged: Logged, theme: Any) -> None:
    page = watched.page
    page.emulate_media(color_scheme=theme)
    for part, shown in (("code", removed(page)), ("environment", row(page, "Packages", "numpy"))):
        page.goto(logged.url(0, 1, part=part))
        expect(shown.first).to_be_visible()
        assert watched.inaccessible() == []
    page.goto(logged.url(0, 1, part="files", path="config/model.yaml"))
    expect(inserted(page)).to_have_text(["depth: 5"])
    assert watched.inaccessible() == []


def test_an_environment_that_cannot_be_read_is_not_taken_to_be_the_same(
    page: Page, logged: Logged, served: tuple[str, str], tmp_path: Path
) -> None:
    write(tmp_path / "environment.json", "[not what it should be")
    runs = []
    with trivet.Client(served[1], workspace=logged.workspace) as client:
        for name in ("dog", "elk"):
            runs.append(client.create_run("0", run_name=name).info.run_id)
            client.log_artifact(runs[-1], str(tmp_path / "environment.json"), "trivet")
    page.goto(f"{logged.http}/w/{logged.workspace}/compare?runs={quote(json.dumps(runs))}&part=environment")
    for name in ("dog", "elk"):
        expect(page.get_by_text(f"What {name} noted of its environment cannot be read.")).to_be_visible()
    expect(page.get_by_text("The environments are the same")).to_have_count(0)
