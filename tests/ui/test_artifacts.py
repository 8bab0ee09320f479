"""The files of a run in a real browser: the tree, a viewer for each kind, and models as folders."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page, Response, Route, expect

import trivet
from trivet_testing.artifact_samples import (
    BIG_NUMBER,
    HOSTILE_NAME,
    LOG_LINES,
    MANY_FILES,
    MODEL_NAME,
    PARQUET_ROWS,
    log_samples,
)
from trivet_testing.browser import Watched, launched, watched_page
from trivet_testing.workspaces import unused_workspace

FILM = """async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
  const context = canvas.getContext("2d");
  const recorder = new MediaRecorder(canvas.captureStream(30), { mimeType: "video/webm" });
  const pieces = [];
  recorder.ondataavailable = (event) => pieces.push(event.data);
  const ended = new Promise((done) => { recorder.onstop = done; });
  recorder.start();
  for (let frame = 0; frame < 10; frame += 1) {
    context.fillStyle = frame % 2 ? "red" : "blue";
    context.fillRect(0, 0, 64, 48);
    await new Promise(requestAnimationFrame);
  }
  recorder.stop();
  await ended;
  const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
  return btoa(String.fromCharCode(...bytes));
}"""
"""Makes a film of some frames, as no program here has one."""


class Files:
    """A run with files of each kind, and its pages."""

    def __init__(self, http: str, grpc: str, workspace: str, run_id: str) -> None:
        self.http = http
        self.grpc = grpc
        self.workspace = workspace
        self.run_id = run_id

    def url(self, path: str = "") -> str:
        chosen = f"&path={quote(path, safe='')}" if path else ""
        return f"{self.http}/w/{self.workspace}/runs/{self.run_id}?tab=artifacts{chosen}"


@pytest.fixture(scope="module")
def files(served: tuple[str, str], browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Files:
    http, grpc = served
    workspace = unused_workspace()
    page = browser.new_page()
    film = base64.b64decode(page.evaluate(FILM))
    page.close()
    with trivet.Client(grpc, workspace=workspace) as client:
        run_id = log_samples(client, tmp_path_factory.mktemp("samples"), film)
    return Files(http, grpc, workspace, run_id)


def tree(page: Page) -> Locator:
    return page.get_by_role("tree", name="Files")


def item(page: Page, name: str) -> Locator:
    return tree(page).get_by_role("treeitem", name=name)


def path_shown(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Path")


# --- the tree


def test_folders_open_and_the_url_says_what_is_shown(files: Files, page: Page) -> None:
    page.goto(files.url())
    item(page, "code").click()
    expect(item(page, "code")).to_have_attribute("aria-expanded", "true")
    item(page, "train.py").click()
    expect(page).to_have_url(re.compile(r"path=code(/|%2F)train\.py"))
    expect(path_shown(page)).to_contain_text("All files/code/train.py")
    page.reload()
    expect(item(page, "train.py")).to_have_attribute("aria-selected", "true")
    page.go_back()
    expect(path_shown(page).get_by_text("code")).to_have_attribute("aria-current", "page")
    page.go_back()
    expect(page).not_to_have_url(re.compile("path="))


def test_keys_move_open_close_and_show(files: Files, page: Page) -> None:
    page.goto(files.url())
    expect(item(page, "code")).to_be_visible()
    tree(page).focus()
    page.keyboard.press("Home")
    for letter in "co":
        page.keyboard.press(letter)
    page.keyboard.press("ArrowRight")
    expect(item(page, "train.py")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(path_shown(page)).to_contain_text("train.py")
    expect(tree(page)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(item(page, "code")).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("End")
    active = tree(page).get_attribute("aria-activedescendant")
    assert page.locator(f"[id='{active}']").text_content() == "plots"


def test_a_folder_of_thousands_is_read_as_it_is_looked_at(files: Files, page: Page) -> None:
    page.goto(files.url("many"))
    listed = page.get_by_role("table", name="Files in many")
    expect(page.get_by_text(f"{MANY_FILES:,} files, ")).to_be_visible()
    expect(page.get_by_role("status").get_by_text("1,000 and more")).to_be_visible()
    rows = listed.get_by_role("row")
    assert rows.count() < 100
    for read in ("2,000 and more", "3,000"):
        listed.evaluate("element => element.scrollTo(0, element.scrollHeight)")
        expect(page.get_by_role("status").get_by_text(read, exact=True)).to_be_visible()
    listed.evaluate("element => element.scrollTo(0, element.scrollHeight)")
    expect(listed.get_by_role("button", name="02999.txt")).to_be_visible()


def test_names_are_searched_in_all_pages_of_a_folder(files: Files, page: Page) -> None:
    page.goto(files.url("many"))
    page.get_by_role("searchbox", name="Search this folder by name").fill("299")
    expect(page.get_by_text(f"13 of {MANY_FILES:,}", exact=True)).to_be_visible()
    page.get_by_role("searchbox").fill("never")
    expect(page.get_by_text("Nothing here has such a name.")).to_be_visible()
    page.get_by_role("searchbox").fill("02990")
    page.get_by_role("button", name="02990.txt").click()
    expect(page.get_by_role("region", name="Text of 02990.txt")).to_contain_text("file 2990")


def test_the_width_of_the_tree_is_kept(files: Files, page: Page) -> None:
    page.goto(files.url())
    bar = page.get_by_role("separator", name="Width of the tree")
    expect(bar).to_have_attribute("aria-valuenow", "280")
    bar.focus()
    page.keyboard.press("ArrowRight")
    expect(bar).to_have_attribute("aria-valuenow", "296")
    box = bar.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 2, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 102, box["y"] + 100)
    page.mouse.up()
    page.reload()
    width = int(bar.get_attribute("aria-valuenow") or 0)
    assert 390 <= width <= 402


def test_a_run_without_files_says_what_to_type(site: Any, page: Page) -> None:
    with site.client() as client:
        run_id = client.create_run("0").info.run_id
    page.goto(site.url(f"runs/{run_id}?tab=artifacts"))
    expect(page.get_by_text("This run has no files yet")).to_be_visible()
    expect(page.get_by_text("trivet.log_artifact")).to_be_visible()


# --- models


def test_logged_models_are_folders_in_the_tree_of_their_run(files: Files, page: Page) -> None:
    page.goto(files.url())
    expect(item(page, f"{MODEL_NAME} model")).to_be_visible()
    expect(item(page, f"{MODEL_NAME} (m-")).to_be_visible()  # an older one of the same name
    item(page, f"{MODEL_NAME} model").click()
    expect(item(page, "MLmodel")).to_be_visible()
    expect(page.get_by_text("python_function, sklearn 1.5.2")).to_be_visible()
    expect(page.get_by_text("MLflow 3.17.2, Python 3.11.9")).to_be_visible()
    takes = page.get_by_role("table", name="Takes")
    expect(takes.get_by_role("row").nth(2)).to_contain_text("driver's zone")
    expect(page.get_by_role("table", name="Gives")).to_contain_text("tensor float64 (-1)")
    expect(page.get_by_role("table", name="Parameters")).to_contain_text("default 0.5")
    expect(page.get_by_role("figure", name="requirements.txt")).to_contain_text("scikit-learn==1.5.2")
    item(page, "requirements.txt").click()
    expect(page.get_by_role("region", name="Text of requirements.txt")).to_contain_text("mlflow==3.17.2")


@pytest.mark.parametrize("folder", [MODEL_NAME, "plain"])
def test_a_model_in_the_tree_is_registered_and_its_version_has_the_files(
    files: Files, page: Page, tmp_path: Path, folder: str
) -> None:
    if folder == "plain":  # of the run itself, as clients before MLflow 3 log models
        (tmp_path / "MLmodel").write_text("flavors:\n  python_function:\n    loader_module: m\n", encoding="utf-8")
        with trivet.Client(files.grpc, workspace=files.workspace) as client:
            client.log_artifacts(files.run_id, str(tmp_path), "plain")
    page.goto(files.url(folder))
    page.get_by_role("button", name="Register this model").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Model").fill(f"tree-{folder}")
    dialog.get_by_role("button", name="Register", exact=True).click()
    dialog.get_by_role("link", name=f"version 1 of tree-{folder}").click()
    page.get_by_role("region", name="Files").get_by_role("treeitem", name="MLmodel").click()
    expect(page).to_have_url(re.compile(r"/versions/1\?path=MLmodel$"))
    expect(page.get_by_role("region", name="Text of MLmodel")).to_contain_text("python_function")
    page.go_back()
    expect(page.get_by_role("region", name="Text of MLmodel")).to_have_count(0)


def test_lines_to_use_a_model_name_it_and_this_server(files: Files, page: Page) -> None:
    page.goto(files.url(MODEL_NAME))
    lines = page.get_by_role("figure", name="Predict on pandas")
    expect(lines).to_contain_text(f'set_tracking_uri("{files.http}/w/{files.workspace}")')
    expect(lines).to_contain_text(re.compile(r'load_model\("models:/m-[0-9a-f]{32}"\)'))
    expect(lines).to_contain_text('"driver\'s zone": "text"')
    for label, code in {
        "Predict on Spark": "spark_udf",
        "Load as sklearn": "mlflow.sklearn.load_model",
        "Fetch by trivet": "trivet.download_artifacts",
        "Fetch in a shell": "trivet artifacts get models:/m-",
    }.items():
        page.get_by_role("button", name=label, exact=True).click()
        expect(page.get_by_role("figure", name=label)).to_contain_text(code)


def test_the_lines_by_trivet_fetch_the_model(files: Files, page: Page, tmp_path: Path) -> None:
    page.goto(files.url(MODEL_NAME))
    page.get_by_role("button", name="Fetch by trivet", exact=True).click()
    code = page.get_by_role("figure", name="Fetch by trivet").text_content() or ""
    uri = re.search(r'artifact_uri="([^"]+)"', code)
    assert uri is not None
    with trivet.Client(files.grpc, workspace=files.workspace) as client:
        folder = Path(client.download_artifacts(artifact_uri=uri[1], dst_path=str(tmp_path)))
    assert (folder / "MLmodel").is_file()


# --- viewers


def test_code_has_numbers_and_colours_and_wraps(files: Files, page: Page) -> None:
    page.goto(files.url("code/train.py"))
    text = page.get_by_role("region", name="Text of train.py")
    expect(text.locator(".hljs-keyword").first).to_have_text("import")
    expect(text.get_by_text("# <b>not bold</b> & not an entity")).to_be_visible()
    expect(text.locator("[data-number='8']")).to_contain_text("return")
    expect(page.get_by_text("8 lines")).to_be_visible()
    page.get_by_label("Wrap lines").check()
    page.reload()
    expect(page.get_by_label("Wrap lines")).to_be_checked()


def test_a_long_log_has_only_the_lines_in_the_page_that_are_seen(files: Files, page: Page) -> None:
    page.goto(files.url("logs/train.log"))
    text = page.get_by_role("region", name="Text of train.log")
    expect(page.get_by_text(f"{LOG_LINES:,} lines")).to_be_visible()
    assert text.locator("[data-number]").count() < 200
    text.focus()
    page.keyboard.press("End")
    expect(text.get_by_text(f"line {LOG_LINES} of many")).to_be_visible()


def test_an_empty_file_says_so(files: Files, page: Page) -> None:
    page.goto(files.url("logs/empty.txt"))
    expect(page.get_by_text("This file is empty.")).to_be_visible()


def test_markdown_is_rendered_with_pictures_of_the_run(files: Files, page: Page) -> None:
    page.goto(files.url("README.md"))
    expect(page.get_by_role("heading", name="What this run is")).to_be_visible()
    picture = page.get_by_role("img", name="The plot")
    expect(picture).to_have_js_property("naturalWidth", 640)
    page.get_by_role("button", name="Source").click()
    expect(page.get_by_role("region", name="Text of README.md")).to_contain_text("![The plot]")


def test_json_is_a_tree_that_keeps_all_digits(files: Files, page: Page) -> None:
    page.goto(files.url("data/config.json"))
    expect(page.get_by_text(str(BIG_NUMBER))).to_be_visible()
    layers = page.get_by_role("button", name="layers:")
    expect(layers).to_have_attribute("aria-expanded", "false")
    layers.click()
    expect(page.get_by_role("button", name="39:")).to_be_visible()
    page.get_by_role("button", name="Text", exact=True).click()
    expect(page.get_by_role("region", name="Text of config.json")).to_contain_text('"id"')


def test_json_that_is_none_is_text_with_the_reason(files: Files, page: Page) -> None:
    page.goto(files.url("data/nan.json"))
    expect(page.get_by_text("Not JSON:")).to_be_visible()
    expect(page.get_by_role("region", name="Text of nan.json")).to_contain_text("NaN")
    page.goto(files.url("data/zone.geojson"))
    expect(page.get_by_text("coordinates:")).to_be_visible()


def test_what_log_table_wrote_is_a_table(files: Files, page: Page) -> None:
    page.goto(files.url("eval/answers.json"))
    table = page.get_by_role("table", name="Table of answers.json")
    expect(table.get_by_role("columnheader", name="score")).to_be_visible()
    expect(table.get_by_role("cell", name="<b>x</b>")).to_be_visible()
    page.get_by_role("button", name="Tree").click()
    expect(page.get_by_role("button", name="columns:")).to_be_visible()


def test_csv_is_a_table_with_quotes_and_new_lines(files: Files, page: Page) -> None:
    page.goto(files.url("data/quoted.csv"))
    table = page.get_by_role("table", name="Table of quoted.csv")
    expect(table.get_by_role("columnheader", name="a, b")).to_be_visible()
    expect(table.get_by_role("cell", name="two lines")).to_be_visible()
    expect(table.get_by_role("cell", name="=cmd()")).to_be_visible()
    expect(page.get_by_text("2 rows, 3 columns")).to_be_visible()


def test_a_long_csv_says_how_much_of_it_is_shown_and_reads_on(files: Files, page: Page) -> None:
    page.goto(files.url("data/long.csv"))
    table = page.get_by_role("table", name="Table of long.csv")
    expect(page.get_by_text(re.compile(r"^First [\d,]+ rows, 2 columns"))).to_be_visible()
    expect(page.get_by_text("The first 4.0 MiB of")).to_be_visible()
    page.get_by_role("button", name="Read all of it").click()
    expect(page.get_by_text("400,000 rows, 2 columns", exact=True)).to_be_visible()
    table.focus()
    page.keyboard.press("End")
    expect(table.get_by_role("cell", name="399999", exact=True)).to_be_visible()


@pytest.mark.parametrize("name", ["trips.parquet", "trips-zstd.parquet"])
def test_parquet_fetches_the_rows_that_are_looked_at(files: Files, page: Page, name: str) -> None:
    fetched: list[int] = []

    def count(response: Response) -> None:
        if response.url.endswith("/DownloadArtifact"):
            fetched.append(len(response.body()))

    page.on("response", count)
    page.goto(files.url(f"data/{name}"))
    table = page.get_by_role("table", name=f"Table of {name}")
    expect(page.get_by_text(f"{PARQUET_ROWS:,} rows, 4 columns, 20 row groups")).to_be_visible()
    expect(table.get_by_role("columnheader", name="fare DOUBLE")).to_be_visible()
    expect(table.get_by_role("row").nth(1)).to_contain_text("null")  # where it has no value
    expect(table.get_by_role("cell", name="[1,2]")).to_be_visible()
    size = (page.get_by_title(re.compile("^[0-9,]+ bytes$")).get_attribute("title") or "").removesuffix(" bytes")
    assert sum(fetched) < int(size.replace(",", "")) / 2
    table.focus()
    page.keyboard.press("End")
    expect(table.get_by_role("cell", name=str(PARQUET_ROWS - 1), exact=True)).to_be_visible()
    expect(table.get_by_role("cell", name=f"zone {(PARQUET_ROWS - 1) % 50}", exact=True).first).to_be_visible()


def test_a_broken_parquet_file_says_so(files: Files, page: Page) -> None:
    page.goto(files.url("data/broken.parquet"))
    expect(page.get_by_role("alert")).to_contain_text("Download it to look at it.")


def test_pictures_fit_and_are_enlarged(files: Files, page: Page) -> None:
    page.goto(files.url("plots/wave.png"))
    picture = page.get_by_role("img", name="wave.png")
    expect(page.get_by_text(re.compile("^640 . 480 pixels · fit"))).to_be_visible()
    page.get_by_role("button", name="Larger").click()
    expect(picture).to_have_css("width", "1280px")
    page.get_by_role("button", name="Fit").click()
    expect(page.get_by_text("pixels · fit")).to_be_visible()
    page.goto(files.url("plots/photo.webp"))
    expect(page.get_by_text(re.compile("^20 . 10 pixels"))).to_be_visible()
    page.goto(files.url("plots/broken.png"))
    expect(page.get_by_text("The browser cannot read this picture.")).to_be_visible()
    expect(page.get_by_role("link", name="Download broken.png")).to_be_visible()


def test_pdf_is_shown_by_the_browser(files: Files, browser: Browser, chromium: Path) -> None:
    # One without windows shows no PDF.
    with launched(browser.browser_type, chromium) as whole, watched_page(whole) as watched:
        page = watched.page
        with page.expect_response(lambda response: "/files/show" in response.url) as answer:
            page.goto(files.url("plots/page.pdf"))
        assert answer.value.headers["content-type"] == "application/pdf"
        assert page.evaluate("navigator.pdfViewerEnabled")
        expect(page.locator("iframe[title='page.pdf']")).to_be_visible()
        assert watched.unexpected == []


def test_sounds_and_films_can_be_played(files: Files, page: Page) -> None:
    page.goto(files.url("media/tone.wav"))
    expect(page.locator("audio")).to_have_js_property("duration", 2)
    page.goto(files.url("media/wave.webm"))
    film = page.locator("video")
    expect(film).to_have_js_property("videoWidth", 64)
    film.evaluate("element => { element.muted = true; return element.play(); }")
    page.wait_for_function("() => document.querySelector('video').currentTime > 0")


def test_other_files_are_shown_as_bytes(files: Files, page: Page) -> None:
    page.goto(files.url(f"{MODEL_NAME}/model.pkl"))
    expect(page.get_by_text("Not text. The first 1.0 KiB of 2.0 KiB:")).to_be_visible()
    expect(page.get_by_role("region", name="Bytes of model.pkl")).to_contain_text(
        "00000040  40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f  @ABCDEFGHIJKLMNO"
    )


# --- a file's facts


def test_a_file_is_downloaded_whole_under_its_name(files: Files, page: Page) -> None:
    page.goto(files.url(f"{MODEL_NAME}/model.pkl"))
    with page.expect_download() as download:
        page.get_by_role("link", name="Download", exact=True).click()
    assert download.value.suggested_filename == "model.pkl"
    content = download.value.path().read_bytes()
    assert content == bytes(range(256)) * 8
    digest = hashlib.sha256(content).hexdigest()
    expect(page.get_by_title(digest)).to_contain_text(digest[:12])
    expect(page.get_by_title("2,048 bytes")).to_have_text("2.0 KiB")


def test_a_name_of_markup_is_a_name(files: Files, page: Page) -> None:
    page.goto(files.url())
    item(page, HOSTILE_NAME).click()
    expect(path_shown(page)).to_contain_text(HOSTILE_NAME)
    expect(page.get_by_role("region", name=f"Text of {HOSTILE_NAME}")).to_contain_text("<script>alert(1)</script>")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download", exact=True).click()
    assert download.value.path().read_bytes() == b"<script>alert(1)</script>\n"


# --- when it does not go well


def test_a_path_that_is_not_there_says_so(files: Files, page: Page) -> None:
    page.goto(files.url("code/never.py"))
    expect(page.get_by_role("alert")).to_contain_text("code/never.py")
    item(page, "train.py").click()
    expect(page.get_by_role("region", name="Text of train.py")).to_be_visible()


def test_a_file_that_vanishes_says_so_and_is_gone_when_read_again(site: Any, page: Page) -> None:
    with site.client() as client:
        run_id = client.create_run("0").info.run_id
        for name in ("keep.txt", "gone.txt"):
            client.log_text(run_id, name, name)
        page.goto(site.url(f"runs/{run_id}?tab=artifacts"))
        expect(item(page, "gone.txt")).to_be_visible()
        client.delete_artifacts(run_id, "gone.txt")
    item(page, "gone.txt").click()
    expect(page.get_by_role("alert")).to_contain_text("It may have been deleted")
    page.get_by_role("button", name="Read the files again").click()
    expect(item(page, "gone.txt")).to_have_count(0)
    expect(item(page, "keep.txt")).to_be_visible()


def test_a_reference_says_where_the_bytes_are(site: Any, page: Page) -> None:
    with site.client() as client:
        run_id = client.create_run("0").info.run_id
        client.artifacts.log_reference(run_id, "s3://bucket/trips.csv", "trips.csv", size_bytes=1024)
    page.goto(site.url(f"runs/{run_id}?tab=artifacts&path=trips.csv"))
    expect(page.get_by_text("s3://bucket/trips.csv")).to_be_visible()
    expect(page.get_by_role("link", name="Download")).to_have_count(0)


def test_a_server_that_is_away_is_named_and_the_tree_stays(files: Files, page: Page, watched: Watched) -> None:
    watched.expect_complaint("net::ERR_FAILED")
    page.goto(files.url("code"))
    expect(item(page, "train.py")).to_be_visible()

    def drop(route: Route) -> None:
        route.abort()

    page.route("**/trivet.**", drop)
    item(page, "train.py").click()
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.", timeout=30_000)
    expect(item(page, "conda.yaml")).to_be_visible()
    page.unroute("**/trivet.**")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("region", name="Text of train.py")).to_be_visible()


def test_while_a_server_is_slow_the_place_of_the_file_is_kept(files: Files, page: Page) -> None:
    page.goto(files.url("code"))
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/DownloadArtifact", hold)
    item(page, "train.py").click()
    expect(page.get_by_role("status", name="Loading")).to_be_visible()
    expect(path_shown(page)).to_contain_text("train.py")
    page.unroute("**/DownloadArtifact")
    for route in held:
        route.continue_()
    expect(page.get_by_role("region", name="Text of train.py")).to_be_visible()


# --- people with disabilities


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_people_with_disabilities_can_use_it(files: Files, page: Page, watched: Watched, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    for path, shown in {
        MODEL_NAME: page.get_by_role("figure", name="requirements.txt"),
        "code/train.py": page.locator(".hljs-keyword").first,
        "data/trips.parquet": page.get_by_role("table", name="Table of trips.parquet"),
        "data/config.json": page.get_by_text(str(BIG_NUMBER)),
        "README.md": page.get_by_role("heading", name="What this run is"),
    }.items():
        page.goto(files.url(path))
        expect(shown).to_be_visible()
        assert watched.inaccessible() == [], path
