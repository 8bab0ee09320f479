"""A real Chromium whose pages must have nothing to say: no errors, and nothing that their policy forbids."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, BrowserType, ConsoleMessage, Page, sync_playwright

FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
ONE_PROCESS_A_SITE: Final = "--process-per-site"
"""Lets the pages of a profile that are of one site have one process, which stays as long as one of them is open."""
_AXE: Final = Path(__file__).parents[3] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_PATIENCE_MS: Final = 15_000
# All but the files of the site, which are the same for every test.
_LEFT_BY_PAGES: Final = "local_storage,indexeddb,cache_storage,service_workers,file_systems"


@contextmanager
def chromium_browser(program: Path, *flags: str) -> Iterator[Browser]:
    """The browser, for the tests of one process; with flags besides `FLAGS`."""
    with sync_playwright() as playwright, launched(playwright.chromium, program, *flags) as browser:
        yield browser


@contextmanager
def launched(chromium: BrowserType, program: Path, *flags: str) -> Iterator[Browser]:
    """One browser of a Playwright that runs; with flags besides `FLAGS`."""
    browser = chromium.launch(executable_path=str(program), args=[*FLAGS, *flags])
    yield browser
    browser.close()


@dataclass
class Watched:
    """A page of a browser, and what it complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    expected: list[re.Pattern[str]] = field(default_factory=list)

    def expect_complaint(self, pattern: str) -> None:
        """Says that the browser will complain, such as of a server that is away."""
        self.expected.append(re.compile(pattern))

    @property
    def unexpected(self) -> list[str]:
        """The complaints that no test asked for."""
        return [each for each in self.complaints if not any(pattern.search(each) for pattern in self.expected)]

    def inaccessible(self, *, within: str = "body") -> list[str]:
        """What axe finds that people with disabilities cannot use, by WCAG A and AA."""
        self.page.evaluate(_AXE.read_text(encoding="utf-8"))
        # What passes is checked all the same; only to describe it would take half of the time.
        found: dict[str, Any] = self.page.evaluate(
            "([within, rules]) => axe.run(within, {runOnly: rules, resultTypes: ['violations']})", [within, _RULES]
        )
        return [
            f"{violation['id']}: {violation['help']}: {node['html'][:200]}: {node['failureSummary'][:300]}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]


@contextmanager
def watched_page(browser: Browser, **options: Any) -> Iterator[Watched]:
    """A page in a profile of its own. Whoever uses it looks at `unexpected` at the end."""
    with _profile(browser, **options) as profile:
        yield _watched(profile)


@dataclass(frozen=True)
class SharedProfile:
    """A profile that tests have one after another, each as if it were new."""

    context: BrowserContext
    kept: Page
    """Is open all the time."""

    @contextmanager
    def watched_page(self) -> Iterator[Watched]:
        """A page in it, which has nothing of those before. Whoever uses it looks at `unexpected` at the end."""
        watched = _watched(self.context)
        try:
            yield watched
        finally:
            self._empty()

    def _empty(self) -> None:
        """Closes all pages but the one that is kept, and forgets what they have left."""
        origins = set()
        for page in self.context.pages:
            if page != self.kept:
                # What was read ahead and not yet answered is of no use to a test that has ended.
                page.unroute_all(behavior="ignoreErrors")
                place = urlsplit(page.url)
                origins.add(f"{place.scheme}://{place.netloc}")
                page.close()
        session = self.context.new_cdp_session(self.kept)
        for origin in origins:
            session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": _LEFT_BY_PAGES})
        session.detach()
        self.context.clear_cookies()
        self.context.clear_permissions()


@contextmanager
def shared_profile(browser: Browser, url: str) -> Iterator[SharedProfile]:
    """A profile whose pages find the files of a site loaded and compiled: nearly half of what opening one takes.

    Args:
        browser: Was started with `ONE_PROCESS_A_SITE`.
        url: Something small of the site, which is open all the time so that its process stays.
    """
    with _profile(browser) as context:
        kept = context.new_page()
        kept.goto(url)
        yield SharedProfile(context, kept)


@contextmanager
def _profile(browser: Browser, **options: Any) -> Iterator[BrowserContext]:
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    context.set_default_timeout(_PATIENCE_MS)
    try:
        yield context
    finally:
        context.close()


def _watched(context: BrowserContext) -> Watched:
    watched = Watched(context.new_page())

    def on_console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            watched.complaints.append(f"{message.type}: {message.text}")

    watched.page.on("console", on_console)
    watched.page.on("pageerror", lambda error: watched.complaints.append(f"exception: {error}"))
    return watched
