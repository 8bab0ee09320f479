"""Trivet with its pages, which asks who calls, and people who sign in there, each in a browser of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

import trivet
from trivet_testing.browser import Watched, watched_page
from trivet_testing.gateways import start_standalone
from trivet_testing.sign_in_provider import CLIENT_ID, SignInProvider, sign_in_provider
from trivet_testing.teams import Teams


@dataclass(frozen=True)
class Guarded:
    """A Trivet that asks who calls."""

    http: str
    grpc: str
    provider: SignInProvider
    teams: Teams

    def url(self, workspace: str, path: str) -> str:
        """The URL of a page: `models/taxi`."""
        return f"{self.http}/w/{workspace}/{path}"

    def client(self, workspace: str, role: str) -> trivet.Client:
        """A client of somebody who has a role in a workspace, by a token of Trivet's own."""
        return trivet.Client(f"{self.grpc}/{workspace}", token=self.teams.token(workspace, role))


def subject(name: str) -> str:
    """What servers call somebody who signed in."""
    return f"people/{name}"


@contextmanager
def guarded_pages(folder: Path, workspaces: Mapping[str, object], *server_admins: str) -> Iterator[Guarded]:
    """A server in a folder, whose issuer `people` calls somebody by what they type.

    Args:
        folder: An empty one.
        workspaces: As the policy file has them.
        server_admins: Names of administrators of the server.
    """
    with sign_in_provider() as provider:
        people: dict[str, Any] = {
            "url": provider.issuer,
            "audiences": [CLIENT_ID],
            "subject_claim": "email",
            "sign_in": {"client_id": CLIENT_ID, "scopes": ["openid", "email"]},
        }
        server = {"admin": [f"user:{subject(name)}" for name in server_admins]}
        teams = Teams.in_folder(folder, {"issuers": {"people": people}, "server": server}, **workspaces)
        options = ("--data", str(folder))
        with start_standalone(folder, *options, TRIVET_POLICY=str(teams.policy)) as process:
            pages = process.wait_for_line(r"^  Web pages: (http://\S+)$")[1]
            provider.allow(CLIENT_ID, f"{pages}/auth/callback")
            yield Guarded(pages, f"grpc://{process.address}", provider, teams)
            assert "Traceback" not in process.stderr, process.stderr


def consent(page: Page, name: str) -> None:
    """Says at the provider who one is, and lets Trivet know it."""
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Sign in").click()


def sign_in(page: Page, name: str) -> None:
    """Signs in from a page that asks for it; the page is there again afterwards."""
    page.get_by_role("button", name="Sign in with people").click()
    consent(page, name)
    expect(page.get_by_role("button", name=f"You are {subject(name)}")).to_be_visible()


@dataclass(frozen=True)
class People:
    """Browsers of people who have signed in, each with a profile of its own."""

    guarded: Guarded
    home: str
    """The URL of the page at which they sign in."""
    _browser: Browser
    _stack: ExitStack
    _watched: dict[str, Watched] = field(default_factory=dict)

    def watched(self, name: str) -> Watched:
        """Somebody's page, which must not complain, unless the test says of what."""
        if name not in self._watched:
            watched = self._stack.enter_context(watched_page(self._browser))
            watched.page.goto(self.home)
            sign_in(watched.page, name)
            self._watched[name] = watched
        return self._watched[name]

    def unexpected(self) -> list[str]:
        """What pages complained of and no test asked for."""
        return [complaint for watched in self._watched.values() for complaint in watched.unexpected]


@contextmanager
def people_at(guarded: Guarded, workspace: str, browser: Browser) -> Iterator[People]:
    """Nobody yet: somebody signs in at a workspace when a test first asks for their page."""
    with ExitStack() as stack:
        people = People(guarded, guarded.url(workspace, "access"), browser, stack)
        yield people
        assert people.unexpected() == []
