"""The page of a run, in a real browser before a real server."""

from __future__ import annotations

import csv
import io
import math
import re
import subprocess
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

import trivet
from trivet_testing.browser import Watched
from trivet_testing.servers import ServerProcess, free_port
from trivet_testing.workspaces import unused_workspace

TRAINING = """
import sys, trivet
lr = 0.05
trivet.set_experiment("images")
with trivet.start_run(run_name="parent") as run:
    trivet.log_param("lr", lr)
    trivet.log_metric("loss", 0.5)
    trivet.log_input(trivet.data.from_numpy(__import__("numpy").arange(4.0), name="cifar"), context="training")
    print("\\x1b[32mgreen\\x1b[0m light")
    print("red light", file=sys.stderr)
    with trivet.start_run(run_name="child", nested=True):
        pass
    sys.stdout.flush()
print(run.info.run_id, file=sys.__stdout__)
"""


@dataclass(frozen=True)
class Logged:
    """Runs that tests look at and do not change."""

    url: str
    grpc: str
    workspace: str
    run: str
    """With many metrics and lines of the console."""
    captured: str
    """Of a program in a changed checkout of git, with a child."""

    def path(self, query: str = "", run: str = "") -> str:
        return f"{self.url}/w/{self.workspace}/runs/{run or self.run}{query}"

    def client(self) -> trivet.Client:
        return trivet.Client(self.grpc, workspace=self.workspace)


@pytest.fixture(scope="module")
def logged(served: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Logged:
    http, grpc = served
    workspace = unused_workspace()
    with trivet.Client(grpc, workspace=workspace) as client:
        run = client.create_run("0", run_name="many").info.run_id
        now = 1_700_000_000_000
        points = [trivet.Metric("train/loss", 1 / (step + 1), now + 1000 * step, step) for step in range(5000)]
        points[2500] = trivet.Metric("train/loss", 1e6, now + 2_500_000, 2500)
        points += [trivet.Metric("train/acc", step / 100, now + 1000 * step, step) for step in range(100)]
        points += [
            trivet.Metric("odd", value, now + step, step)
            for step, value in enumerate([1.0, math.nan, math.inf, -5.0, 2.0])
        ]
        points += [trivet.Metric(f"layers/w{place}", place, now, 0) for place in range(1500)]
        client.log_batch(run, metrics=points, params={"lr": "0.1", "layers": "18"}, tags={"team": "vision"})
        lines = [trivet.ConsoleLine(f"line {number}", now + number, rank=number % 2) for number in range(3000)]
        lines[1234] = trivet.ConsoleLine("\x1b[1;31ma needle\x1b[0m", now, "stderr", rank=0)
        client.tracking.log_console(run, lines)
        client.set_terminated(run)
    return Logged(http, grpc, workspace, run, _train(grpc, workspace, tmp_path_factory.mktemp("code")))


def _train(grpc: str, workspace: str, folder: Path) -> str:
    script = folder / "train.py"
    script.write_text(TRAINING.replace("0.05", "0.1"), encoding="utf-8")
    for command in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["remote", "add", "origin", "https://example.org/team/images.git"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "--message", "first"],
    ):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    script.write_text(TRAINING, encoding="utf-8")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "TRIVET_URL": grpc, "TRIVET_WORKSPACE": workspace}
    done = subprocess.run(
        [sys.executable, "train.py"], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.split()[-1]


def facts(page: Page) -> Locator:
    return page.get_by_role("region", name="Details")


def chart(page: Page, name: str) -> Locator:
    return page.get_by_role("figure", name=name, exact=True)


def line_of(page: Page, name: str) -> Locator:
    """The part of a chart that is drawn on, which says what is where somebody points."""
    return chart(page, name).get_by_role("slider")


def test_the_overview_says_what_ran_and_of_what(logged: Logged, page: Page) -> None:
    page.goto(logged.path(run=logged.captured))
    expect(page.get_by_role("heading", name=re.compile("parent"))).to_be_visible()
    expect(facts(page)).to_contain_text("finished")
    expect(facts(page)).to_contain_text(logged.captured)
    expect(facts(page)).to_contain_text("train.py")
    expect(facts(page)).to_contain_text("on main")
    expect(facts(page)).to_contain_text("https://example.org/team/images.git")
    expect(page.get_by_role("list", name="Datasets")).to_contain_text("cifar")
    expect(page.get_by_role("figure", name="Lines that run it again")).to_contain_text(
        f"trivet artifacts cat {logged.captured} trivet/diff.patch | git apply"
    )
    page.get_by_role("list", name="Children").get_by_role("link", name="child").click()
    expect(page.get_by_role("heading", name=re.compile("child"))).to_be_visible()
    page.get_by_role("region", name="Parent").get_by_role("link", name="parent").click()
    expect(facts(page)).to_contain_text(logged.captured)


def test_changes_since_the_commit_source_and_packages_are_shown(logged: Logged, page: Page) -> None:
    page.goto(logged.path(run=logged.captured))
    page.get_by_role("button", name="Changes", exact=True).click()
    changes = page.get_by_role("region", name="Changes since the commit")
    expect(changes.locator(".diff-code-insert")).to_contain_text(["lr = 0.05"])
    expect(changes.locator(".diff-code-delete")).to_contain_text(["lr = 0.1"])
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("region", name="Source")).to_contain_text("import sys, trivet")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Python and packages").click()
    expect(page.get_by_role("dialog").get_by_text(f"{sys.version_info[0]}.{sys.version_info[1]}").first).to_be_visible()
    expect(page.get_by_role("table", name="Packages")).to_contain_text("anyio")


def test_a_run_is_renamed_described_tagged_deleted_and_restored(site: Any, page: Page) -> None:
    with site.client() as client:
        run = client.create_run("0", run_name="before").info.run_id
        page.goto(site.url(f"runs/{run}"))
        page.get_by_role("button", name="Rename").click()
        page.get_by_label("Name", exact=True).fill("after")
        page.get_by_role("dialog").get_by_role("button", name="Rename").click()
        expect(page.get_by_role("heading", name=re.compile("after"))).to_be_visible()
        page.get_by_role("button", name="Edit the description").click()
        page.get_by_label("Description in markdown").fill("**bold** words")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("strong", has_text="bold")).to_be_visible()
        page.get_by_role("button", name="Tag", exact=True).click()
        page.get_by_label("Key of the new tag").fill("team")
        page.get_by_label("Value of the new tag").fill("vision")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_role("button", name="Remove the tag team")).to_be_visible()
        read = client.get_run(run)
        assert (read.info.run_name, read.data.tags["team"]) == ("after", "vision")
        page.get_by_role("button", name="Remove the tag team").click()
        expect(page.get_by_role("button", name="Remove the tag team")).to_have_count(0)
        page.get_by_role("button", name="Actions for the run").click()
        page.get_by_role("menuitem", name="Delete").click()
        expect(page.get_by_text("This run is in the bin.")).to_be_visible()
        assert client.get_run(run).info.lifecycle_stage == "deleted"
        page.get_by_role("button", name="Actions for the run").click()
        page.get_by_role("menuitem", name="Restore").click()
        expect(page.get_by_text("This run is in the bin.")).to_have_count(0)


def test_forks_models_and_the_end_of_a_run_are_shown(site: Any, page: Page) -> None:
    with site.client() as client:
        run = client.create_run("0", run_name="source").info.run_id
        client.log_metric(run, "loss", 1.0, step=3)
        fork = client.fork_run(run, 3, run_name="fork").info.run_id
        model = client.create_logged_model("0", name="net", source_run_id=run, model_type="torch")
        client.log_text(run, "x", "model/weights.txt")
        client.create_registered_model("net")
        client.create_model_version("net", f"runs:/{run}/model", run_id=run)
        client.set_tag(run, "trivet.exit.message", "ValueError: the data has no rows")
        client.set_tag(run, "trivet.rule.nan", "loss is NaN at step 2")
        client.set_terminated(run, "FAILED")
    page.goto(site.url(f"runs/{run}"))
    expect(page.get_by_role("region", name="How the run ended")).to_contain_text("the data has no rows")
    expect(page.get_by_role("region", name="Broken rules")).to_have_text("nan: loss is NaN at step 2")
    # People see that tag, unlike others that begin with `trivet.`.
    expect(page.get_by_role("list", name="Tags", exact=True)).to_contain_text("trivet.rule.nan")
    expect(page.get_by_role("list", name="Tags", exact=True)).not_to_contain_text("trivet.exit.message")
    expect(page.get_by_role("list", name="Logged models")).to_contain_text(model.name)
    expect(page.get_by_role("list", name="Registered versions").get_by_role("link")).to_have_attribute(
        "href", re.compile("/models/net/versions/1$")
    )
    page.get_by_role("list", name="Forks").get_by_role("link", name="fork").click()
    expect(page).to_have_url(re.compile(fork))
    expect(page.get_by_role("region", name="Forked at step 3 from").get_by_role("link", name="source")).to_be_visible()


def test_params_and_metrics_are_searched_and_lead_to_their_charts(logged: Logged, page: Page) -> None:
    page.goto(logged.path())
    metrics = page.get_by_role("table", name="Metrics")
    expect(metrics).to_have_attribute("aria-rowcount", "1504")
    page.keyboard.press("/")
    page.get_by_role("searchbox", name="Search params and metrics").fill("lay")
    expect(metrics).to_have_attribute("aria-rowcount", "1501")
    expect(page.get_by_role("table", name="Params").get_by_role("cell", name="18")).to_be_visible()
    page.get_by_role("searchbox").fill("train/loss")
    row = metrics.get_by_role("row").filter(has_text="train/loss")
    expect(row.get_by_role("cell")).to_have_text(["train/loss", "0.0002", "0.0002", "1e6", "4,999", "5,000"])
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value("train/loss")
    metrics.get_by_role("button", name="train/loss").click()
    expect(line_of(page, "train/loss")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value("train/loss")


def test_of_thousands_of_charts_those_in_view_are_drawn(logged: Logged, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(logged.path("?tab=metrics"))
    expect(line_of(page, "odd")).to_be_visible()
    assert page.get_by_role("figure").count() < 40
    page.get_by_role("searchbox", name="Search metrics").fill("w1499")
    expect(line_of(page, "layers/w1499")).to_be_visible()
    assert len([url for url in asked if url.endswith("/ReadMetricCurves")]) < 12
    page.get_by_role("button", name="layers 1").click()
    expect(page.get_by_role("figure")).to_have_count(0)


def test_a_chart_reads_values_zooms_and_the_url_keeps_it(logged: Logged, page: Page) -> None:
    page.goto(logged.path('?tab=metrics&metric=["train/acc"]'))
    line = line_of(page, "train/acc")
    expect(line).to_have_attribute("aria-valuetext", "one line from step 0 to step 99")
    box = line.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    expect(line).to_have_attribute("aria-valuetext", re.compile(r"^step (4\d|5\d): train/acc 0\.(4|5)"))
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 3 / 4, middle, steps=3)
    page.mouse.up()
    expect(page).to_have_url(re.compile("zoom="))
    page.mouse.move(0, 0)
    expect(line).to_have_attribute("aria-valuetext", re.compile(r"from step (4|5)\d to step 7\d"))
    page.get_by_label("x axis").select_option("relative")
    expect(page).not_to_have_url(re.compile("zoom="))
    expect(line).to_have_attribute("aria-valuetext", re.compile("from after"))
    page.go_back()
    expect(line).to_have_attribute("aria-valuetext", re.compile(r"from step (4|5)\d to step 7\d"))
    page.get_by_role("button", name="Reset zoom").click()
    line.focus()
    page.keyboard.press("ArrowRight")
    expect(line).to_have_attribute("aria-valuetext", re.compile("^step 0: train/acc 0$"))


def test_buckets_and_what_is_not_finite_are_named(logged: Logged, page: Page) -> None:
    page.goto(logged.path('?tab=metrics&metric=["train/loss"]'))
    expect(chart(page, "train/loss")).to_contain_text(re.compile(r"[\d,]+ buckets, min and max of each are kept"))
    page.goto(logged.path('?tab=metrics&metric=["odd"]&log=true'))
    expect(chart(page, "odd")).to_contain_text(re.compile(r"1 NaN \(.\) · infinite \(▲\) · 0 and below left out"))


def test_how_charts_are_drawn_is_in_the_url(logged: Logged, page: Page) -> None:
    page.goto(logged.path('?tab=metrics&metric=["train/acc"]'))
    for name, said in (("log", "log=true"), ("no outliers", "clip=true"), ("points", "points=true")):
        page.get_by_label(name, exact=True).check()
        expect(page).to_have_url(re.compile(said))
    page.get_by_label("smoothing").fill("0.6")
    expect(page).to_have_url(re.compile("smooth=0.6"))
    page.reload()
    expect(page.get_by_label("points", exact=True)).to_be_checked()
    line = line_of(page, "train/acc")
    line.focus()
    page.keyboard.press("ArrowRight")
    expect(line).to_have_attribute("aria-valuetext", re.compile(r"train/acc .* \(.*\)"))


def test_metrics_are_put_into_one_chart(logged: Logged, page: Page) -> None:
    page.goto(logged.path('?tab=metrics&metric=["train/acc"]'))
    page.get_by_role("button", name="Add a metric").click()
    page.get_by_label("Name holds").fill("train/l")
    page.keyboard.press("Enter")
    expect(line_of(page, "train/acc, train/loss")).to_have_attribute("aria-valuetext", re.compile("^2 lines"))
    expect(page.get_by_role("list", name="Lines").get_by_role("listitem")).to_have_text(["train/acc", "train/loss"])
    page.get_by_role("button", name="Take train/acc out of the chart").click()
    expect(line_of(page, "train/loss")).to_be_visible()
    page.go_back()
    expect(line_of(page, "train/acc, train/loss")).to_be_visible()


def test_a_metric_is_saved_with_every_point_and_as_a_picture(logged: Logged, page: Page) -> None:
    page.goto(logged.path('?tab=metrics&metric=["train/loss"]'))
    expect(line_of(page, "train/loss")).to_be_visible()
    saved = {}
    for item in ("All points as CSV", "Save as SVG", "Save as PNG"):
        page.get_by_role("button", name="Actions for the chart train/loss").click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name=item).click()
        saved[item] = Path(download.value.path()).read_bytes()
    rows = list(csv.DictReader(io.StringIO(saved["All points as CSV"].decode())))
    assert len(rows) == 5000
    assert rows[2500] == {
        "metric": "train/loss",
        "context": "",
        "step": "2500",
        "time_millis": "1700002500000",
        "value": "1000000",
    }
    assert saved["Save as SVG"].startswith(b"<svg ")
    assert b">train/loss</text>" in saved["Save as SVG"]
    assert saved["Save as PNG"].startswith(b"\x89PNG")


def test_each_dataset_that_was_measured_on_has_a_line(site: Any, page: Page) -> None:
    with site.client() as client:
        run = client.create_run("0").info.run_id
        for digest in ("one", "two"):
            client.log_metric(run, "accuracy", 0.5, step=1, dataset=trivet.Dataset("test", digest))
        client.flush()
    page.goto(site.url(f"runs/{run}?tab=metrics"))
    expect(page.get_by_role("list", name="Lines").get_by_role("listitem")).to_have_text(["test (one)", "test (two)"])
    page.get_by_role("tab", name="System metrics").click()
    expect(page.get_by_text("No metrics of the system")).to_be_visible()


def test_the_page_follows_a_run_that_goes_on(site: Any, page: Page) -> None:
    with site.client() as client:
        run = client.create_run("0", run_name="going").info.run_id
        client.log_metric(run, "loss", 1.0, step=0)
        client.flush()
        page.goto(site.url(f'runs/{run}?tab=metrics&metric=["loss"]'))
        line = line_of(page, "loss")
        expect(page.get_by_text("live ·")).to_be_visible()
        expect(line).to_have_attribute("aria-valuetext", "one line from step -1 to step 1")
        client.log_metric(run, "loss", 0.5, step=40)
        client.flush()
        expect(line).to_have_attribute("aria-valuetext", "one line from step 0 to step 40")
        page.get_by_role("tab", name="Overview").click()
        row = page.get_by_role("table", name="Metrics").get_by_role("row", name=re.compile("loss"))
        expect(row).to_contain_text("0.5")
        client.log_metric(run, "accuracy", 0.75, step=41)
        client.log_param(run, "late", "yes")
        client.flush()
        expect(page.get_by_role("table", name="Metrics")).to_contain_text("accuracy")
        expect(page.get_by_role("table", name="Params")).to_contain_text("late")
        page.get_by_role("tab", name="Console").click()
        expect(page.get_by_text("Nothing on the console yet")).to_be_visible()
        client.tracking.log_console(run, [trivet.ConsoleLine("first words", 1_700_000_000_000)])
        client.flush()
        expect(page.get_by_role("region", name="Console")).to_contain_text("first words")
        client.set_terminated(run)
        expect(page.get_by_text("live ·")).to_have_count(0)
        expect(page.get_by_text("finished")).to_be_visible()


def test_the_console_is_searched_and_a_match_is_shown_among_the_others(logged: Logged, page: Page) -> None:
    page.goto(logged.path("?tab=console"))
    console = page.get_by_role("region", name="Console")
    expect(console.get_by_text("line 2999", exact=True)).to_be_visible()
    page.get_by_role("searchbox", name="Search the console").fill("NEEDLE")
    expect(page.get_by_role("status")).to_have_text("1 lines")
    expect(console.get_by_text("a needle")).to_be_visible()
    page.get_by_role("button", name="1235", exact=True).click()
    expect(page).to_have_url(re.compile("line=1234"))
    expect(console.get_by_text("line 1233", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value("NEEDLE")
    page.get_by_role("searchbox").fill("")
    page.get_by_label("Which process").select_option("rank 1")
    expect(page.get_by_role("status")).to_have_text("1,500 lines")
    page.get_by_label("Which stream").select_option("stderr")
    expect(page.get_by_role("status")).to_have_text("0 lines")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert Path(download.value.path()).read_text(encoding="utf-8").splitlines()[2999] == "line 2999"


def test_colours_and_streams_of_a_real_console_are_told_apart(logged: Logged, page: Page) -> None:
    page.goto(logged.path("?tab=console", run=logged.captured))
    console = page.get_by_role("region", name="Console")
    expect(console.get_by_text("green", exact=True)).to_be_visible()
    expect(console.get_by_text("err", exact=True)).to_have_count(1)


def test_a_run_that_is_missing_says_so(site: Any, page: Page) -> None:
    page.goto(site.url("runs/0123456789abcdef0123456789abcdef"))
    expect(page.get_by_role("alert")).to_contain_text("0123456789abcdef0123456789abcdef")
    expect(page.get_by_role("alert")).to_contain_text("It may have been deleted, or be in another workspace.")
    expect(page.get_by_role("alert")).to_contain_text("Request")


def test_what_a_url_has_that_is_not_there_is_named_or_dropped(logged: Logged, page: Page) -> None:
    page.goto(logged.path("?tab=never&zoom=7"))
    expect(page.get_by_role("tab", name="Overview")).to_have_attribute("aria-selected", "true")
    page.goto(logged.path('?tab=metrics&metric=["never"]'))
    expect(page.get_by_text("The run has no metric never.")).to_be_visible()


def test_a_server_that_is_away_is_named_and_what_was_read_stays(page: Page, watched: Watched, tmp_path: Path) -> None:
    watched.expect_complaint("net::ERR_")
    ports = (free_port(), free_port())
    with _serving(tmp_path, *ports), trivet.Client(f"grpc://127.0.0.1:{ports[0]}") as client:
        run = client.create_run("0", run_name="going").info.run_id
        client.log_metric(run, "loss", 1.0, step=0)
        client.flush()
        page.goto(f"http://127.0.0.1:{ports[1]}/w/default/runs/{run}")
        expect(page.get_by_text("live ·")).to_be_visible()
        expect(page.get_by_role("table", name="Metrics")).to_contain_text("loss")
    expect(page.get_by_text("server away, retrying")).to_be_visible()
    expect(page.get_by_role("table", name="Metrics")).to_contain_text("loss")
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_label("Key of the new tag").fill("kept")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("The tag was not changed")).to_be_visible()
    with _serving(tmp_path, *ports):
        expect(page.get_by_text("live ·")).to_be_visible()
        expect(page.get_by_label("Key of the new tag")).to_have_value("kept")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_role("button", name="Remove the tag kept")).to_be_visible()


def _serving(folder: Path, grpc_port: int, http_port: int) -> AbstractContextManager[ServerProcess]:
    command = [sys.executable, "-m", "trivet_standalone", "--data", str(folder)]
    ports = ["--grpc-port", str(grpc_port), "--http-port", str(http_port)]
    return ServerProcess.start([*command, *ports], {}, r"MLFLOW_TRACKING_URI=(\S+)$", cwd=folder)


def test_charts_that_take_long_say_nothing_false_meanwhile(logged: Logged, page: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/ReadMetricCurves", hold)
    with page.expect_request("**/ReadMetricCurves"):
        page.goto(logged.path('?tab=metrics&metric=["train/acc"]'))
    expect(chart(page, "train/acc")).to_be_visible()
    expect(line_of(page, "train/acc")).to_have_count(0)
    expect(chart(page, "train/acc")).not_to_contain_text("no points")
    for route in held:
        route.continue_()
    expect(line_of(page, "train/acc")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("tab", ["overview", "metrics", "console"])
def test_people_with_disabilities_can_use_it(
    logged: Logged, page: Page, watched: Watched, tab: str, scheme: Any
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(logged.path(f"?tab={tab}"))
    shown = {"overview": facts(page), "metrics": line_of(page, "odd"), "console": page.get_by_text("line 2999")}
    expect(shown[tab]).to_be_visible()
    assert watched.inaccessible() == []
