"""`trivet doctor`: each fault is found, and says how it is mended."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

import trivet
from trivet import _doctor
from trivet._logins import Login, Logins, logins_file, write_logins
from trivet_testing.command_line import invoke
from trivet_testing.servers import free_port

SOURCE = Path(trivet.__file__).parent


def findings(*arguments: str, exit_code: int) -> Sequence[dict[str, str]]:
    ended = invoke("doctor", *arguments, "--json")
    assert ended.exit_code == exit_code, ended.output
    found: list[dict[str, str]] = json.loads(ended.stdout)
    return found


def one(found: Sequence[dict[str, str]], what: str) -> tuple[str, str]:
    """How that is, and what to do."""
    (finding,) = [finding for finding in found if re.search(what, finding["what"])]
    return finding["outcome"], finding["remedy"]


def test_where_all_is_well_there_is_nothing_to_mend(client: trivet.Client) -> None:
    found = findings(exit_code=0)
    for service in ("tracking", "artifacts", "registry"):
        assert one(found, f"^{service} at grpc://") == ("ok", "")
    assert one(found, "The spool is at") == ("ok", "")
    assert one(found, "The cache is at") == ("ok", "")
    assert "Nothing to mend." in invoke("doctor").output


def test_a_server_that_is_away_is_found(client: trivet.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVET_REGISTRY_URL", f"grpc://127.0.0.1:{free_port()}")
    found = findings(exit_code=1)
    assert one(found, "^registry: ")[0] == "problem"
    assert one(found, "^tracking at")[0] == "ok"
    assert "1 to mend." in invoke("doctor").output


def test_settings_that_cannot_be_meant_are_found(client: trivet.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVET_MODE", "offline")
    monkeypatch.setenv("TRIVET_TRACKING_URI", "grpc://elsewhere:1")
    monkeypatch.setenv("TRIVET_TOKEN_FILE", "/nonexistent/token")
    found = findings(exit_code=1)
    assert one(found, "TRIVET_MODE is offline") == ("note", "`trivet sync` sends it later.")
    assert one(found, "TRIVET_TRACKING_URI") == ("note", "Is TRIVET_TRACKING_URL meant?")
    assert one(found, "token file /nonexistent/token")[0] == "problem"
    monkeypatch.setenv("TRIVET_MODE", "ofline")
    assert one(findings(exit_code=1), "ofline")[0] == "problem"


def test_an_address_that_is_none_is_found() -> None:
    found = findings("--url", "nonsense", exit_code=1)
    outcome, remedy = one(found, "nonsense")
    assert outcome == "problem"
    assert "trivet login" in remedy


def test_a_folder_that_cannot_be_written_is_found(
    client: trivet.Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TRIVET_SPOOL_DIR", str(tmp_path / "file" / "spool"))
    monkeypatch.setenv("TRIVET_CACHE_DIR", "/proc/cache")
    found = findings(exit_code=1)
    assert one(found, "The spool cannot be written") == ("problem", "Set TRIVET_SPOOL_DIR to another folder.")
    assert one(found, "The cache cannot be written") == ("problem", "Set TRIVET_CACHE_DIR to another folder.")


def test_what_was_not_sent_is_found(client: trivet.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TRIVET_MODE", "offline")
        trivet.set_tracking_uri("")
        with trivet.start_run():
            trivet.log_metric("loss", 1)
    outcome, remedy = one(findings(exit_code=0), "are not sent")
    assert outcome == "note"
    assert "trivet sync" in remedy


def test_a_login_is_shown_without_its_token_and_a_bad_file_is_found(client: trivet.Client) -> None:
    write_logins(Logins().having(Login("grpcs://trivet.example.org:7330", "", "secret")))
    found = findings(exit_code=0)
    assert one(found, "Logged in at grpcs://trivet.example.org:7330")[0] == "ok"
    assert "secret" not in json.dumps(found)
    logins_file().chmod(0o644)
    assert "chmod 600" in json.dumps(findings(exit_code=1))


def test_it_knows_all_settings() -> None:
    read = {
        name
        for file in SOURCE.rglob("*.py")
        for name in re.findall(r"""environ(?:\.get\(|\[)\s*"(TRIVET_[A-Z_]+)\"""", file.read_text(encoding="utf-8"))
    }
    assert read
    assert read <= _doctor._SETTINGS
