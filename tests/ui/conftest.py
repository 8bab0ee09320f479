"""All of Trivet in one process with its web pages, and a browser that looks at them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

import trivet
from trivet_testing.browser import (
    ONE_PROCESS_A_SITE,
    SharedProfile,
    Watched,
    chromium_browser,
    shared_profile,
    watched_page,
)
from trivet_testing.servers import ServerProcess
from trivet_testing.workspaces import WORKSPACES, unused_workspace


@dataclass(frozen=True)
class Site:
    """Trivet as pages and programs reach it, in a workspace of the test's own."""

    http: str
    grpc: str
    workspace: str

    def url(self, path: str) -> str:
        """The URL of a page: `experiments`, `runs/ID`."""
        return f"{self.http}/w/{self.workspace}/{path}"

    def client(self) -> trivet.Client:
        """A client for what the pages are to show."""
        return trivet.Client(self.grpc, workspace=self.workspace)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The addresses of HTTP and gRPC of a Trivet that all tests of a process share."""
    folder = tmp_path_factory.mktemp("pages")
    command = [sys.executable, "-m", "trivet_standalone", "--data", str(folder), "--grpc-port", "0", "--http-port", "0"]
    environment = {"TRIVET_WORKSPACES": ",".join(WORKSPACES)}
    with ServerProcess.start(command, environment, r"MLFLOW_TRACKING_URI=(\S+)$", cwd=folder) as server:
        grpc = server.wait_for_line(r"^Trivet is ready: grpc (\S+)$")[1]
        yield server.address, f"grpc://{grpc}"
        assert "Traceback" not in server.stderr, server.stderr


@pytest.fixture
def site(served: tuple[str, str]) -> Site:
    http, grpc = served
    return Site(http, grpc, unused_workspace())


# Not for longer: Playwright keeps an event loop running in its thread, where other tests start theirs.
@pytest.fixture(scope="module")
def browser(headless_chromium: Path) -> Iterator[Browser]:
    with chromium_browser(headless_chromium, ONE_PROCESS_A_SITE) as browser:
        yield browser


@pytest.fixture(scope="module")
def profile(browser: Browser, served: tuple[str, str]) -> Iterator[SharedProfile]:
    with shared_profile(browser, f"{served[0]}/health") as profile:
        yield profile


@pytest.fixture
def watched(profile: SharedProfile) -> Iterator[Watched]:
    """A page that must not complain, unless the test says of what."""
    with profile.watched_page() as watched:
        yield watched
        assert watched.unexpected == []


@pytest.fixture
def watched_alone(browser: Browser) -> Iterator[Watched]:
    """The same in a profile of its own, for tests that look at profiles."""
    with watched_page(browser) as watched:
        yield watched
        assert watched.unexpected == []


@pytest.fixture
def page(watched: Watched) -> Page:
    return watched.page


@pytest.fixture
def own_charts(site: Site, page: Page) -> Iterator[tuple[Page, trivet.Client, str]]:
    """A page, a client, and the id of an experiment that a test may write to and look at the charts of."""
    with site.client() as client:
        yield page, client, client.tracking.create_experiment("own")
