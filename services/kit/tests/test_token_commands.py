"""`trivet token`: keys and tokens that verify, and what is said where none can be made."""

from __future__ import annotations

import re
import stat
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jwt
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from typer.testing import CliRunner

from trivet_kit.identity.__main__ import app
from trivet_kit.identity.policy_file import parse
from trivet_kit.settings import StartupError
from trivet_testing.servers import run_to_exit


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    exit_code: int
    stdout: str
    stderr: str


Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in this process, in a folder of its own; how it ends is as `commands.run` has it."""
    monkeypatch.chdir(tmp_path)

    def token(*arguments: str) -> Ended:
        ended = CliRunner().invoke(app, ["token", *arguments])
        if isinstance(ended.exception, StartupError):
            return Ended(1, ended.stdout, f"trivet: {ended.exception}\n")
        return Ended(ended.exit_code, ended.stdout, ended.stderr)

    return token


def test_token_is_signed_by_the_key_whose_public_half_was_printed(run: Run, tmp_path: Path) -> None:
    made = run("key", "create", "--out", "key.json", "--id", "2026-11")
    assert (made.exit_code, made.stderr) == (0, "")
    policy = parse(f"token_keys:\n  {made.stdout}workspaces: {{team-a: {{}}}}\n")
    (key,) = policy.token_keys
    assert key.id == "2026-11"
    assert stat.S_IMODE((tmp_path / "key.json").stat().st_mode) == 0o600

    before = int(time.time())
    created = run(
        *("create", "--key", "key.json", "--subject", "ci", "--workspace", "team-a", "--role", "writer"),
        *("--expires", "30d"),
    )
    assert created.exit_code == 0, created.stderr
    token = created.stdout.strip()
    said = jwt.decode(token, Ed25519PublicKey.from_public_bytes(key.public_key), ["EdDSA"], audience="trivet")
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "kid": "2026-11", "typ": "JWT"}
    assert before <= said["iat"] <= time.time()
    token_id, until = re.fullmatch(r"Token (\S+) of trivet/ci is good until (\S+)\.\n", created.stderr).groups()  # type: ignore[union-attr]
    expected = {"iss": "trivet", "aud": "trivet", "sub": "ci", "jti": token_id, "workspace": "team-a", "role": "writer"}
    assert said == expected | {"iat": said["iat"], "exp": said["iat"] + 30 * 86_400}
    assert until.endswith("+00:00")
    assert token not in created.stderr


def test_token_without_a_workspace_carries_no_role_and_goes_into_a_file(run: Run, tmp_path: Path) -> None:
    entry = yaml.safe_load(run("key", "create", "--out", "key.json").stdout)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", entry[0]["id"])
    arguments = ("create", "--key", "key.json", "--subject", "registry", "--expires", "12h", "--out", "token")
    made = run(*arguments)
    assert (made.exit_code, made.stdout) == (0, "")
    said = jwt.decode((tmp_path / "token").read_text().strip(), options={"verify_signature": False})
    assert (said["sub"], said["exp"] - said["iat"], "role" in said) == ("registry", 12 * 3600, False)
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    again = run(*arguments)
    assert (again.exit_code, again.stderr) == (1, "trivet: Cannot write token: file exists.\n")


def test_a_token_replaces_one_that_is_there_where_that_is_asked_for(run: Run, tmp_path: Path) -> None:
    run("key", "create", "--out", "key.json")
    file = tmp_path / "token"
    file.write_text("the one before")
    file.chmod(0o644)
    held = file.open()
    arguments = ("create", "--key", "key.json", "--subject", "ci", "--expires", "1h", "--force", "--out")
    assert run(*arguments, "token").exit_code == 0
    assert jwt.decode(file.read_text().strip(), options={"verify_signature": False})["sub"] == "ci"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    # Who had the old one open has it whole.
    with held:
        assert held.read() == "the one before"
    (tmp_path / "folder").mkdir()
    refused = run(*arguments, "folder")
    assert (refused.exit_code, refused.stderr) == (1, "trivet: Cannot replace folder: is a directory.\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "key.json", "token"]
    assert run(*arguments[:-1]).stderr == "trivet: --force needs --out, which names the file.\n"


def test_no_two_tokens_have_one_id(run: Run) -> None:
    run("key", "create", "--out", "key.json")
    made = [run("create", "--key", "key.json", "--subject", "ci", "--expires", "1m").stdout for _ in range(2)]
    ids = {jwt.decode(token.strip(), options={"verify_signature": False})["jti"] for token in made}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"--expires": "30"}, "--expires is '30'; it must be such as 30d, 12h or 90m, at most 366d."),
        ({"--expires": "367d"}, "--expires is '367d'; it must be such as 30d, 12h or 90m, at most 366d."),
        ({"--expires": "0d"}, "--expires is '0d'; it must be such as 30d, 12h or 90m, at most 366d."),
        ({"--role": ""}, "--workspace and --role go together."),
        ({"--workspace": ""}, "--workspace and --role go together."),
        ({"--workspace": "Team A"}, "--workspace is 'Team A'; an id must match "),
        ({"--role": "root"}, "--role is 'root'; it must be one of reader, writer, maintainer, approver, admin."),
        ({"--role": "maintenance"}, "--role is 'maintenance'; it must be one of reader,"),
        ({"--subject": "a\nb"}, "--subject is 'a\\nb'; it must be 1 to 250 characters that can be seen."),
        ({"--key": "none"}, "Cannot read none: no such file or directory."),
        ({"--key": "empty"}, "empty is not a signing key, as `trivet token key create` makes it."),
        ({"--key": "public"}, "public is not a signing key, as `trivet token key create` makes it."),
    ],
)
def test_what_cannot_be_a_token_is_said_in_a_line(run: Run, tmp_path: Path, changed: dict[str, str], says: str) -> None:
    run("key", "create", "--out", "key.json")
    (tmp_path / "empty").touch()
    (tmp_path / "public").write_text('{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "' + "A" * 43 + '"}')
    options = {"--key": "key.json", "--subject": "ci", "--expires": "1d", "--workspace": "team-a", "--role": "writer"}
    ended = run("create", *(part for option in (options | changed).items() for part in option))
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"trivet: {says}")
    assert ended.stderr.count("\n") == 1


def test_key_is_never_written_over_another(run: Run, tmp_path: Path) -> None:
    run("key", "create", "--out", "key.json")
    before = (tmp_path / "key.json").read_text()
    ended = run("key", "create", "--out", "key.json")
    assert (ended.exit_code, ended.stdout, ended.stderr) == (1, "", "trivet: Cannot write key.json: file exists.\n")
    assert (tmp_path / "key.json").read_text() == before


def test_command_of_the_client_becomes_it(tmp_path: Path) -> None:
    trivet = str(Path(sys.executable).with_name("trivet"))
    command = [trivet, "token", "key", "create", "--out", str(tmp_path / "key.json"), "--id", "mine"]
    made = run_to_exit(command, {})
    assert (made.returncode, yaml.safe_load(made.stdout)[0]["id"]) == (0, "mine")
    again = run_to_exit(command, {})
    assert (again.returncode, again.stderr) == (1, f"trivet: Cannot write {tmp_path}/key.json: file exists.\n")
