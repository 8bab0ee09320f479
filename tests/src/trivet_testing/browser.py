"""A real Chromium whose pages must have nothing to say: no errors, and nothing that their policy forbids."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, BrowserType, ConsoleMessage, Page, sync_playwright

FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_AXE: Final = Path(__file__).parents[3] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_PATIENCE_MS: Final = 15_000


@contextmanager
def chromium_browser(program: Path) -> Iterator[Browser]:
    """The browser, for the tests of one process."""
    with sync_playwright() as playwright, launched(playwright.chromium, program) as browser:
        yield browser


@contextmanager
def launched(chromium: BrowserType, program: Path) -> Iterator[Browser]:
    """One browser of a Playwright that runs."""
    browser = chromium.launch(executable_path=str(program), args=list(FLAGS))
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
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    context.set_default_timeout(_PATIENCE_MS)
    watched = Watched(context.new_page())

    def on_console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            watched.complaints.append(f"{message.type}: {message.text}")

    watched.page.on("console", on_console)
    watched.page.on("pageerror", lambda error: watched.complaints.append(f"exception: {error}"))
    try:
        yield watched
    finally:
        context.close()
