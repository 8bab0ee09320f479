"""A profile that tests have one after another: none finds what another left, but for the files of the site."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from trivet_testing.browser import ONE_PROCESS_A_SITE, SharedProfile, chromium_browser, shared_profile

LEAVES = """async () => {
    localStorage.setItem("a", "1");
    sessionStorage.setItem("a", "1");
    document.cookie = "a=1";
    await new Promise((done) => { indexedDB.open("a").onsuccess = done; });
    await (await caches.open("a")).put("/", new Response("1"));
}"""
FINDS = """async () => [
    localStorage.length,
    sessionStorage.length,
    document.cookie,
    (await indexedDB.databases()).length,
    (await caches.keys()).length,
    (await navigator.permissions.query({name: "clipboard-read"})).state,
]"""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A site of one page, whose script gives it its title, and which browsers keep."""
    for name, text in (
        ("index.html", "<!doctype html><script type='module' src='title.js'></script>"),
        ("title.js", "document.title = 'page'"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        os.utime(tmp_path / name, (0, 0))  # what has not changed for long is not asked for again
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever, name="site")
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()
        thread.join()


@pytest.fixture
def profile(headless_chromium: Path, url: str) -> Iterator[SharedProfile]:
    with chromium_browser(headless_chromium, ONE_PROCESS_A_SITE) as browser, shared_profile(browser, url) as profile:
        yield profile


def test_what_a_page_leaves_the_next_does_not_find(profile: SharedProfile, url: str) -> None:
    with profile.watched_page() as watched:
        watched.page.goto(url)
        fresh = watched.page.evaluate(FINDS)
        watched.page.context.grant_permissions(["clipboard-read"])
        watched.page.evaluate(LEAVES)
        assert watched.page.evaluate(FINDS) == [1, 1, "a=1", 1, 1, "granted"]
        with watched.page.expect_popup() as opened:
            watched.page.evaluate("url => { open(url); }", url)
        opened.value.route("**", lambda route: route.abort())
        assert len(profile.context.pages) == 3
    assert profile.context.pages == [profile.kept]
    with profile.watched_page() as watched:
        watched.page.goto(url)
        assert watched.page.evaluate(FINDS) == fresh
        assert fresh[:5] == [0, 0, "", 0, 0]
        assert watched.unexpected == []


def test_what_is_changed_of_a_page_is_not_changed_of_the_next(profile: SharedProfile, url: str) -> None:
    with profile.watched_page() as watched:
        watched.page.emulate_media(color_scheme="dark")
        watched.page.set_viewport_size({"width": 500, "height": 400})
        watched.page.route("**", lambda route: route.fulfill(body="another"))
        watched.page.goto(url)
        assert watched.page.content().count("another") == 1
        watched.page.evaluate("console.error('heard')")
        assert [each for each in watched.complaints if "heard" in each]
    with profile.watched_page() as watched:
        watched.page.goto(url)
        assert watched.page.title() == "page"
        assert watched.page.evaluate(
            "[innerWidth, innerHeight, matchMedia('(prefers-color-scheme: dark)').matches]"
        ) == [
            1280,
            800,
            False,
        ]
        assert watched.complaints == []


def test_a_file_that_is_kept_can_be_withheld_from_a_page(profile: SharedProfile, url: str) -> None:
    for _ in range(2):
        with profile.watched_page() as watched:
            watched.page.goto(url)
            assert watched.page.title() == "page"
    with profile.watched_page() as watched:
        watched.page.route("**/title.js", lambda route: route.abort())
        watched.page.goto(url)
        assert watched.page.title() == ""
        assert ["net::ERR_FAILED" in each for each in watched.complaints] == [True]
