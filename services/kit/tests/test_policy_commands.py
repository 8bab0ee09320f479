"""`trivet policy`: what is wrong in a file, and why somebody may do something, or not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from trivet_kit.identity import policy_commands
from trivet_kit.settings import StartupError
from trivet_testing.pages import matches, steps_of

POLICY = """
issuers:
  people: {url: "https://accounts.example.org", audiences: [trivet]}
workspaces:
  team-a:
    roles:
      reader: ["group:people/ml"]
      writer: ["user:people/ann"]
  empty: {}
server:
  admin: ["user:people/ops"]
deny: ["user:people/mallory"]
revoked_tokens: ["5f0c"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(policy_commands.app, arguments)
    if isinstance(result.exception, StartupError):
        raise result.exception
    return result


def subject(caller: str) -> str:
    return caller if "/" in caller else f"people/{caller}"


def test_lint_of_a_good_file_says_so_and_who_is_left_out(file: Path) -> None:
    result = run("lint", str(file))
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{file}: workspaces.empty: nobody but the server's administrators has a role here",
        f"{file} is a policy file: 2 workspaces.",
    ]


def test_lint_says_which_groups_have_nobody(file: Path) -> None:
    said = POLICY.replace("group:people/ml", "group:trivet/ml").replace("user:people/ops", "group:certificate/*")
    file.write_text(said.replace("user:people/mallory", "group:trivet/all"))
    result = run("lint", str(file))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1:-1] == [
        f"{file}: workspaces.team-a.roles.reader: group:trivet/ml means nobody: Trivet's own tokens have no groups",
        f"{file}: server.admin: group:certificate/* means nobody: client certificates have no groups",
        f"{file}: deny: group:trivet/all means nobody: Trivet's own tokens have no groups",
    ]


def test_lint_says_each_fault_with_its_line(file: Path) -> None:
    file.write_text(POLICY.replace("people/ann", "staff/ann").replace("group:people/ml", "group:staff/ml"))
    result = run("lint", str(file))
    assert (result.exit_code, result.stdout) == (1, "")
    assert [line.partition(": ")[2].partition(": there")[0] for line in result.stderr.splitlines()] == [
        "line 7: workspaces.team-a.roles.reader.0",
        "line 8: workspaces.team-a.roles.writer.0",
    ]


@pytest.mark.parametrize(
    ("arguments", "answer", "reason"),
    [
        (
            ("ann", "CreateRun", "team-a"),
            "Allowed: OK",
            "people/ann is writer in team-a, by user:people/ann.",
        ),
        (("ann", "CreateRun", "workspaces/team-a/experiments/0"), "Allowed: OK", "by user:people/ann."),
        (
            ("ann", "PurgeRuns", "team-a"),
            "Denied: PERMISSION_DENIED",
            "no role in workspace team-a that",
        ),
        (("eve", "GetRun", "team-a"), "Denied: NOT_FOUND", "no role in workspace team-a, and is told"),
        (
            ("eve", "--group", "people/ml", "GetRun", "team-a"),
            "Allowed: OK",
            "reader in team-a, by group",
        ),
        (("ann", "GetRun", "nowhere"), "Denied: NOT_FOUND", "There is no workspace nowhere."),
        (("ops", "Drain", "server"), "Allowed: OK", "people/ops is admin over all workspaces"),
        (("ann", "Drain", "server"), "Denied: PERMISSION_DENIED", "no role on the server"),
        (("ops", "SystemService/Drain", "team-a"), "Allowed: OK", "admin over all workspaces"),
        (("mallory", "GetRun", "team-a"), "Denied: UNAUTHENTICATED", "deny: user:people/mallory"),
        (("mallory", "WhoAmI", "server"), "Denied: UNAUTHENTICATED", "deny: user:people/mallory"),
        (
            ("ann", "--token-id", "5f0c", "GetRun", "team-a"),
            "Denied: UNAUTHENTICATED",
            "revoked_tokens: 5f0c",
        ),
        (("eve", "GetServerInfo", "server"), "Allowed: OK", "open to all"),
        (("eve", "WhoAmI", "server"), "Allowed: OK", "all who are verified"),
        (("trivet/ci", "--grant", "team-a:writer", "CreateRun", "team-a"), "Allowed: OK", "by token"),
        (
            ("trivet/ci", "--grant", "team-a:reader", "CreateRun", "team-a"),
            "Denied: PERMISSION_DENIED",
            "no role",
        ),
    ],
)
def test_check_says_what_a_server_answers_and_why(
    file: Path, arguments: tuple[str, ...], answer: str, reason: str
) -> None:
    caller, *asked = arguments
    result = run("check", "--policy", str(file), "--as", subject(caller), *asked)
    first, *reasons = result.stdout.splitlines()
    assert first == answer
    assert result.exit_code == (0 if answer.startswith("Allowed") else 1)
    assert reason in reasons[-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ann", "FlyToMoon", "team-a"), "There is no method FlyToMoon"),
        (("ann", "GetRun", "workspaces/Team A"), "RESOURCE must have the form"),
        (
            ("ann", "--grant", "team-a:king", "GetRun", "team-a"),
            "--grant team-a:king is not WORKSPACE:ROLE",
        ),
        (("ann", "--policy", "/nowhere.yaml", "GetRun", "team-a"), "cannot be read: no such file"),
    ],
)
def test_check_of_what_is_not_there_says_so(file: Path, arguments: tuple[str, ...], said: str) -> None:
    caller, *asked = arguments
    with pytest.raises(StartupError, match=said):
        run("check", "--policy", str(file), "--as", subject(caller), *asked)


def test_schema_is_printed_for_editors() -> None:
    assert json.loads(run("schema").stdout)["title"] == "Trivet policy file"


def test_what_the_page_about_teams_shows_is_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[3] / "docs" / "teams.md").read_text()
    monkeypatch.chdir(tmp_path)
    Path("policy.yaml").write_text(
        re.findall(r'^```yaml title="policy.yaml"\n(.*?)^```$', page, re.DOTALL | re.MULTILINE)[0]
    )
    untitled = re.sub(r"^```console title=.*$", "```console", page, flags=re.MULTILINE)
    steps = [step for step in steps_of(untitled) if step.command.startswith("trivet policy ")]
    assert len(steps) == 2
    for step in steps:
        result = run(*step.command.split()[2:])
        assert matches(step.shown, result.stdout), result.stdout
