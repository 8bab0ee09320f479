"""`trivet login` by a browser: with a real provider, before a server that verifies what it is sent."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

import trivet
from trivet import _login_tokens
from trivet._login_tokens import keep_login
from trivet._logins import logins_file, read_logins
from trivet._oauth import Tokens
from trivet_testing.command_line import invoke
from trivet_testing.gateways import start_standalone
from trivet_testing.policies import write_policy
from trivet_testing.sign_in_provider import ANN, CLIENT_ID, SignInProvider, sign_in_provider
from trivet_testing.visitors import asked, consent, query_in
from trivet_testing.waiting import wait_until

TRIVET = [str(Path(sys.executable).with_name("trivet"))]
KEYRING = """
import json, pathlib
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

class Keyring(KeyringBackend):
    priority = 5
    file = pathlib.Path({file!r})

    def _all(self):
        return json.loads(self.file.read_text()) if self.file.exists() else {{}}

    def get_password(self, service, username):
        return self._all().get(username)

    def set_password(self, service, username, password):
        self.file.write_text(json.dumps({{**self._all(), username: password}}))

    def delete_password(self, service, username):
        kept = self._all()
        if username not in kept:
            raise PasswordDeleteError
        del kept[username]
        self.file.write_text(json.dumps(kept))
"""


@dataclass(frozen=True)
class Served:
    url: str
    provider: SignInProvider


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("people")
    with sign_in_provider() as provider:
        people: dict[str, Any] = {
            "url": provider.issuer,
            "audiences": [CLIENT_ID],
            "subject_claim": "email",
            "sign_in": {"client_id": CLIENT_ID, "scopes": ["openid", "email", "offline_access"]},
        }
        provider.allow(CLIENT_ID, "http://127.0.0.1/callback")
        roles = {"writer": [f"user:people/{ANN}"]}
        write_policy(
            folder / "policy.yaml", {"issuers": {"people": people}, "workspaces": {"default": {"roles": roles}}}
        )
        settings = {"TRIVET_POLICY": str(folder / "policy.yaml")}
        with start_standalone(folder, "--data", str(folder), **settings) as server:
            yield Served(f"grpc://{server.address}", provider)


@pytest.fixture
def served(shared: Served) -> Iterator[Served]:
    shared.provider.token_seconds = 3600
    yield shared
    shared.provider.grants.clear()


class Terminal:
    """`trivet login` as a process, and what it says."""

    def __init__(self, *arguments: str) -> None:
        command = [*TRIVET, "login", *arguments, "--no-browser"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def url(self) -> str:
        """Where it says to sign in."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if match := re.fullmatch(r"  (http\S+)\n", line):
                return match[1]
        raise AssertionError(self._process.communicate())

    def close(self) -> None:
        """Gives it up."""
        self._process.kill()
        self._process.communicate()

    def ended(self) -> tuple[int, str]:
        """The exit code, and all that it said since."""
        stdout, stderr = self._process.communicate(timeout=60)
        return self._process.returncode, stdout + stderr


def come_back(url: str) -> int:
    parts = urlsplit(url)
    return asked(parts.netloc, "GET", f"{parts.path}?{parts.query}").status


def log_in(served: Served, user: str = ANN, *arguments: str) -> tuple[int, str]:
    terminal = Terminal(served.url, *arguments)
    assert come_back(consent(served.provider, terminal.url(), user)) == 200
    return terminal.ended()


def test_a_login_by_browser_is_used_by_the_command_line_and_the_client(served: Served) -> None:
    code, said = log_in(served)
    assert (code, f"You are people/{ANN} at {served.url}, workspace default." in said) == (0, True), said
    assert stat.S_IMODE(logins_file().stat().st_mode) == 0o600
    assert f"people/{ANN}" in invoke("whoami").output
    with trivet.Client() as client:
        client.create_experiment("by login")
    kept = json.loads(logins_file().read_text())["logins"][served.url]
    shown = said + invoke("login").output + invoke("login", "--json").output + repr(read_logins())
    for secret in (kept["token"], kept["grant"]["refresh_token"]):
        assert secret not in shown


def test_the_browser_is_asked_for_as_the_standards_have_it(served: Served) -> None:
    terminal = Terminal(served.url)
    url = terminal.url()
    said = query_in(url)
    assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+/callback", said["redirect_uri"])
    assert (said["code_challenge_method"], said["scope"]) == ("S256", "openid email offline_access")
    where = urlsplit(said["redirect_uri"]).netloc
    # Whoever else finds the port changes nothing.
    for other in ("/", "/callback", "/callback?code=x", "/callback?code=x&state=x", "/callback?code=x&state=%C3%A9"):
        assert asked(where, "GET", other).status == 404
    assert come_back(consent(served.provider, url)) == 200
    assert terminal.ended()[0] == 0


def test_who_denies_or_may_do_nothing_is_not_logged_in(served: Served) -> None:
    terminal = Terminal(served.url)
    assert come_back(consent(served.provider, terminal.url(), None)) == 200
    code, said = terminal.ended()
    assert (code, "access_denied" in said) == (1, True), said
    code, said = log_in(served, "mallory@example.org")
    assert (code, "Nothing is kept" in said) == (1, True), said
    assert not logins_file().exists()


def test_a_code_of_another_attempt_is_refused(served: Served) -> None:
    own, other = Terminal(served.url), Terminal(served.url)
    url, stolen = own.url(), query_in(consent(served.provider, other.url()))["code"]
    back = query_in(url)
    assert come_back(f"{back['redirect_uri']}?{urlencode({'code': stolen, 'state': back['state']})}") == 200
    code, said = own.ended()
    assert (code, "invalid_grant" in said) == (1, True), said
    other.close()


def test_a_token_is_renewed_once_for_all_threads_and_processes(served: Served) -> None:
    served.provider.token_seconds = 59
    assert log_in(served)[0] == 0
    served.provider.token_seconds = 3600
    before = served.provider.asked("POST /token")
    program = "import trivet; print(trivet.Client().whoami().user)"
    processes = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    users: list[str] = []
    with trivet.Client() as client:
        threads = [threading.Thread(target=lambda: users.append(client.whoami().user)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    users += [process.communicate(timeout=60)[0].strip() for process in processes]
    assert users == [f"people/{ANN}"] * 7
    assert served.provider.asked("POST /token") == before + 1
    assert len(served.provider.grants) == 1


def test_a_login_that_has_ended_says_what_to_do(served: Served) -> None:
    assert log_in(served)[0] == 0
    login = read_logins().at(served.url)
    assert login is not None
    assert login.grant is not None
    ended = Tokens(login.token, replace(login.grant, expires=time.time() - 1))
    served.provider.grants.clear()
    keep_login(served.url, "", ended)
    with trivet.Client() as client, pytest.raises(trivet.CredentialsInvalid, match="trivet login grpc://"):
        client.whoami()
    # Logging in again does not need the login that has ended.
    assert log_in(served)[0] == 0


def test_a_token_that_is_good_is_used_while_the_issuer_refuses(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    # So that it is due, and asked for once, however slow this machine is.
    monkeypatch.setattr(_login_tokens, "EARLY_SECONDS", 7200.0)
    monkeypatch.setattr(_login_tokens, "_PAUSE_SECONDS", 3600.0)
    assert log_in(served)[0] == 0
    served.provider.grants.clear()
    before = served.provider.asked("POST /token")
    with trivet.Client() as client:
        for _ in range(3):
            assert client.whoami().user == f"people/{ANN}"
    assert served.provider.asked("POST /token") == before + 1


def test_a_login_that_is_made_anew_waits_for_nothing_of_the_one_before(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_login_tokens, "EARLY_SECONDS", 7200.0)
    monkeypatch.setattr(_login_tokens, "_PAUSE_SECONDS", 3600.0)
    for _ in range(2):
        assert log_in(served)[0] == 0
        served.provider.grants.clear()
        before = served.provider.asked("POST /token")
        with trivet.Client() as client:
            assert client.whoami().user == f"people/{ANN}"
        assert served.provider.asked("POST /token") == before + 1


def test_logging_out_ends_it_at_the_issuer_and_wakes_long_lived_clients(served: Served) -> None:
    assert log_in(served)[0] == 0
    with trivet.Client() as client:
        assert client.whoami().user == f"people/{ANN}"
        assert invoke("logout").exit_code == 0
        assert served.provider.grants == {}
        with pytest.raises(trivet.CredentialsInvalid, match="Log in again"):
            client.whoami()


def test_a_token_of_the_environment_counts_more(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert log_in(served)[0] == 0
    monkeypatch.setenv("TRIVET_TOKEN", "forged")
    with trivet.Client(served.url) as client, pytest.raises(trivet.CredentialsInvalid):
        client.whoami()


def test_a_token_file_is_read_again_when_it_changes(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert log_in(served)[0] == 0
    login = read_logins().at(served.url)
    assert login is not None
    file = tmp_path / "token"
    file.write_text("forged")
    monkeypatch.setenv("TRIVET_TOKEN_FILE", str(file))
    with trivet.Client(served.url) as client:
        with pytest.raises(trivet.CredentialsInvalid):
            client.whoami()
        new = tmp_path / "new"
        new.write_text(login.token)
        new.rename(file)
        assert client.whoami().user == f"people/{ANN}"
        file.unlink()
        with pytest.raises(trivet.CredentialsInvalid, match="No token can be read from"):
            client.whoami()


def test_a_job_that_is_not_let_in_any_more_says_so_once_and_when_that_is_over(
    served: Served, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert log_in(served)[0] == 0
    login = read_logins().at(served.url)
    assert login is not None
    file = tmp_path / "token"
    file.write_text(login.token)
    monkeypatch.setenv("TRIVET_TOKEN_FILE", str(file))

    def exchange(token: str) -> None:
        new = tmp_path / "new"
        new.write_text(token)
        new.rename(file)

    with trivet.Client(served.url) as client:
        run_id = client.create_run("0").info.run_id
        for begun in (1, 2):
            exchange("forged")
            client.log_metric(run_id, "loss", begun, step=begun)
            wait_until(lambda: caplog.text.count("does not let this program in") == begun)  # noqa: B023 - used at once
            assert client.flush(0).stored == begun - 1
            exchange(login.token)
            assert client.flush(60).stored == begun
            assert caplog.text.count("does not let this program in") == begun
            assert caplog.text.count("lets this program in again") == begun
        assert login.token not in caplog.text


def test_tokens_are_in_the_keyring_where_there_is_one(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tested_keyring.py").write_text(KEYRING.format(file=str(tmp_path / "kept")))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tested_keyring.Keyring")
    code, said = log_in(served)
    assert (code, "Kept in the keyring." in said) == (0, True), said
    secrets = json.loads(json.loads((tmp_path / "kept").read_text())[served.url])
    assert secrets["token"].startswith("eyJ")
    for secret in secrets.values():
        assert secret not in logins_file().read_text()
    asked_who = subprocess.run([*TRIVET, "whoami"], capture_output=True, text=True, check=True)
    assert f"people/{ANN}" in asked_who.stdout
    subprocess.run([*TRIVET, "logout"], capture_output=True, check=True)
    assert json.loads((tmp_path / "kept").read_text()) == {}
    assert served.provider.grants == {}


@pytest.mark.parametrize("way", ["--token-stdin", "--file"])
def test_a_login_that_is_replaced_leaves_nothing_in_the_keyring_nor_at_the_issuer(
    way: str, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tested_keyring.py").write_text(KEYRING.format(file=str(tmp_path / "kept")))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tested_keyring.Keyring")
    assert log_in(served)[0] == 0
    first = json.loads(json.loads((tmp_path / "kept").read_text())[served.url])
    if way == "--file":
        assert log_in(served, ANN, way)[0] == 0
    else:
        command = [*TRIVET, "login", served.url, way]
        subprocess.run(command, input=first["token"], capture_output=True, text=True, check=True)
    assert json.loads((tmp_path / "kept").read_text()) == {}
    assert first["refresh_token"] not in served.provider.grants
    assert len(served.provider.grants) == (1 if way == "--file" else 0)
