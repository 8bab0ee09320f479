"""Keycloak with what `deploy/keycloak` has: people sign in by pages and terminals, programs by client credentials."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Page, expect

import trivet
from trivet_testing import tools
from trivet_testing.gateways import start_standalone
from trivet_testing.keycloak import Keycloak, keycloak_in
from trivet_testing.left_out import leave_out
from trivet_testing.policies import write_policy

DEPLOY = Path(__file__).parents[2] / "deploy" / "keycloak"
ANN = "people/ann@example.org"

pytestmark = [
    pytest.mark.skipif(not os.environ.get("TRIVET_TEST_FULL"), reason="brings and starts Keycloak; a long form"),
    pytest.mark.timeout(3600),
]


@dataclass(frozen=True)
class Deployed:
    """A Trivet with the documented policy."""

    http: str
    grpc: str
    keycloak: Keycloak


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("keycloak")
    try:
        distribution = tools.find_keycloak().path
    except tools.ToolMissingError as missing:
        leave_out("Keycloak", str(missing))
    with keycloak_in(folder, distribution, DEPLOY / "trivet-realm.json") as keycloak:
        policy = yaml.safe_load((DEPLOY / "policy.yaml").read_text())
        assert policy["issuers"]["people"]["url"] == "http://127.0.0.1:8080/realms/trivet"
        policy["issuers"]["people"]["url"] = keycloak.issuer
        write_policy(folder / "policy.yaml", policy)
        options = ("--data", str(folder / "data"))
        with start_standalone(folder, *options, TRIVET_POLICY=str(folder / "policy.yaml")) as server:
            pages = server.wait_for_line(r"^  Web pages: (http://\S+)$")[1]
            # The file has the port that is used where nobody says another.
            keycloak.allow("trivet", f"{pages}/auth/callback")
            yield Deployed(pages, f"grpc://{server.address}", keycloak)
            assert "Traceback" not in server.stderr, server.stderr


def sign_in(page: Page) -> None:
    """At Keycloak."""
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password", exact=True).fill("ann")
    page.get_by_role("button", name="Sign In").click()


def test_a_person_signs_in_by_the_pages_and_out(deployed: Deployed, page: Page) -> None:
    page.goto(f"{deployed.http}/w/default/access")
    page.get_by_role("button", name="Sign in with people").click()
    sign_in(page)
    expect(page).to_have_url(f"{deployed.http}/w/default/access")
    row = page.get_by_role("table", name="Workspaces").get_by_role("row").nth(1)
    expect(row).to_contain_text("admin")
    page.get_by_role("button", name=f"You are {ANN}").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()


def test_a_person_logs_in_by_a_terminal(
    deployed: Deployed, page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    command = [str(Path(sys.executable).with_name("trivet")), "login", deployed.grpc, "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as terminal:
        assert terminal.stderr is not None
        url = next(match[1] for line in terminal.stderr if (match := re.fullmatch(r"  (http\S+)\n", line)))
        page.goto(url)
        sign_in(page)
        said, _ = terminal.communicate(timeout=60)
    assert (terminal.returncode, f"You are {ANN}" in said) == (0, True), said
    with trivet.Client() as client:
        assert client.whoami().user == ANN
        client.create_experiment("of a person")


def test_a_program_has_a_token_by_client_credentials(deployed: Deployed) -> None:
    token = deployed.keycloak.program_token("trainer", "trainer")
    with trivet.Client(deployed.grpc, token=token) as client:
        assert client.whoami().user == "people/trainer@example.org"
        client.create_experiment("of a program")
        with pytest.raises(trivet.PermissionDenied):
            client.list_audit_events()
