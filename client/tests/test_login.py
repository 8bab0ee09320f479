"""Logging in to a server: what is kept, where it is used, and what is refused."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import Result

import trivet
from trivet._logins import Login, Logins, logins_file, read_logins, write_logins
from trivet._target import resolve, resolve_addresses
from trivet_testing.command_line import invoke
from trivet_testing.servers import ServerProcess, free_port

SERVER = "grpcs://trivet.example.org:7330"


@pytest.fixture(scope="module")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for all three services."""
    folder = tmp_path_factory.mktemp("one-server")
    command = [sys.executable, "-m", "trivet_standalone", "--grpc-port", "0", "--data", str(folder)]
    with ServerProcess.start(command, {}, r"Trivet is ready: grpc (\S+)", cwd=folder) as server:
        yield f"grpc://{server.address}"


def log_in(*arguments: str, text: str | None = None) -> Result:
    return invoke("login", *arguments, input=text)


def kept(token: str = "secret", workspace: str = "", token_file: str = "") -> None:
    write_logins(Logins().having(Login(SERVER, workspace, token, token_file)))


def test_a_login_is_used_where_nothing_else_names_a_server(server_url: str, tmp_path: Path) -> None:
    ended = log_in(server_url, "--no-token")
    assert ended.exit_code == 0, ended.output
    assert f"You are anonymous at {server_url}, workspace default." in ended.output
    with trivet.Client() as client:
        assert client.workspace == "default"
        experiment = client.create_experiment("by login")
    assert json.loads(invoke("experiments", "ls", "--json").stdout)[0]["name"] == "by login"
    with trivet.Client(server_url) as named:
        assert named.get_experiment(experiment).name == "by login"
    with trivet.Client(f"file:{tmp_path / 'own'}") as own:
        assert own.workspace == "default"
    assert invoke("logout").exit_code == 0
    assert read_logins() == Logins()
    again = invoke("logout")
    assert (again.exit_code, again.output) == (1, "There is no login at any server.\n")


def test_nothing_is_kept_of_a_server_that_cannot_be_used(server_url: str) -> None:
    for url, problem in (
        (f"grpc://127.0.0.1:{free_port()}", "Nothing is kept"),
        (f"{server_url}/no-such-workspace", "no workspace 'no-such-workspace'"),
        ("https://trivet.example.org", "gateway"),
        ("nonsense", "not the address"),
    ):
        ended = log_in(url, "--no-token")
        assert ended.exit_code == 1
        assert problem in ended.stderr
    assert not logins_file().exists()


def test_a_token_is_kept_for_its_owner_alone_and_never_shown() -> None:
    kept()
    assert stat.S_IMODE(logins_file().stat().st_mode) == 0o600
    assert [path.name for path in logins_file().parent.iterdir()] == ["logins.json"]
    shown = log_in()
    assert SERVER in shown.output
    assert "secret" not in shown.output
    assert "secret" not in log_in("--json").output
    assert "secret" not in repr(read_logins())


def test_a_token_is_for_its_server_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    kept(workspace="team-a")
    assert (resolve().token, resolve().workspace) == ("secret", "team-a")
    assert resolve(f"{SERVER}/team-b").token == "secret"
    assert resolve(f"{SERVER}/team-b").workspace == "team-b"
    assert resolve("grpcs://other.example.org:7330").token == ""
    assert resolve("grpcs://other.example.org:7330").workspace == "default"
    monkeypatch.setenv("TRIVET_REGISTRY_URL", "grpcs://other.example.org:7330")
    monkeypatch.setenv("TRIVET_TRACKING_URL", SERVER)
    assert resolve().token == ""


def test_what_was_logged_offline_is_sent_with_the_token_of_its_server() -> None:
    kept()
    assert resolve_addresses({"tracking": SERVER}, "team-a").token == "secret"
    assert resolve_addresses({"tracking": "grpcs://other.example.org:7330"}, "team-a").token == ""
    split = {"tracking": SERVER, "artifacts": "grpcs://other.example.org:7330"}
    assert resolve_addresses(split, "team-a").token == ""


def test_the_environment_counts_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept(workspace="team-a")
    monkeypatch.setenv("TRIVET_WORKSPACE", "team-c")
    assert resolve().workspace == "team-c"
    monkeypatch.setenv("TRIVET_TOKEN_FILE", str(tmp_path / "token"))
    assert (resolve().token, resolve().token_file) == ("", str(tmp_path / "token"))
    monkeypatch.setenv("TRIVET_TOKEN", "other")
    assert resolve().token == "other"
    assert resolve(token="mine").token == "mine"


def test_a_token_from_a_file_is_read_at_each_use(server_url: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    missing = log_in(server_url, "--token-file", str(file))
    assert missing.exit_code == 1
    assert "token" in missing.stderr
    file.write_text("t1\n", encoding="utf-8")
    assert log_in(server_url, "--token-file", str(file)).exit_code == 0
    assert (resolve().token, resolve().token_file) == ("", str(file))
    ended = log_in(server_url, "--token-stdin", text="t2\n")
    assert "It asks for no token, and looked at none." in ended.output
    assert (resolve().token, resolve().token_file) == ("t2", "")


def test_a_file_that_others_can_read_is_refused() -> None:
    kept()
    logins_file().chmod(0o640)
    with pytest.raises(trivet.TargetInvalid, match="chmod 600"):
        trivet.Client()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"current": 1}', '{"current": "", "logins": {"a": {"odd": 1}}}'])
def test_a_damaged_file_says_what_to_do(content: str) -> None:
    kept()
    logins_file().write_text(content, encoding="utf-8")
    with pytest.raises(trivet.TargetInvalid, match="log in again"):
        trivet.Client()


def test_without_a_file_nothing_changes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(resolve().address("tracking")) == "file:.trivet"
    monkeypatch.setenv("XDG_CONFIG_HOME", os.devnull)
    assert str(resolve().address("tracking")) == "file:.trivet"
    assert "not logged in" in log_in().output
