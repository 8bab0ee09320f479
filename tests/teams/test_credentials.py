"""What the SDK sends, and what is said where a server does not believe it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import trivet
from trivet_testing.gateways import start_standalone
from trivet_testing.teams import Teams


@pytest.fixture(scope="module")
def teams(tmp_path_factory: pytest.TempPathFactory) -> Teams:
    return Teams.in_folder(tmp_path_factory.mktemp("teams"))


@pytest.fixture(scope="module")
def server(teams: Teams) -> Iterator[str]:
    with start_standalone(teams.policy.parent, TRIVET_POLICY=str(teams.policy)) as process:
        yield f"grpc://{process.address}/team-a"


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_token_may_end_as_texts_end(
    server: str, teams: Teams, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    text = teams.token("team-a", "writer") + end
    (tmp_path / "token").write_text(text)
    for name, value in (("TRIVET_TOKEN", text), ("TRIVET_TOKEN_FILE", str(tmp_path / "token"))):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            with trivet.Client(server) as client:
                assert client.whoami().user == "trivet/writer-of-team-a"


@pytest.mark.parametrize("text", ["two\nlines", "t\u00f6ken", "with space", "\x00"])
def test_what_can_be_no_token_is_not_sent(server: str, tmp_path: Path, text: str) -> None:
    (tmp_path / "token").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRIVET_TOKEN_FILE", str(tmp_path / "token"))
        with trivet.Client(server) as client, pytest.raises(trivet.CredentialsInvalid) as caught:
            client.whoami()
    assert "holds is no token" in caught.value.message
    assert text not in caught.value.message


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({}, "No token was sent: set TRIVET_TOKEN or TRIVET_TOKEN_FILE, or use `trivet login`."),
        ({"TRIVET_TOKEN": "forged"}, "The token that was sent is that of TRIVET_TOKEN"),
        ({"TRIVET_TOKEN_FILE": "token"}, "The token that was sent is that of the file token."),
    ],
)
def test_who_is_refused_learns_what_was_sent(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: dict[str, str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("token").write_text("forged")
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    with trivet.Client(server) as client:
        for call in (client.whoami, client.search_experiments):
            with pytest.raises(trivet.CredentialsInvalid) as caught:
                call()
            assert said in caught.value.message
            assert caught.value.reason == "CREDENTIALS_INVALID"
            assert "forged" not in caught.value.message


def test_somebody_without_a_role_learns_how_to_see_where_they_have_one(server: str, teams: Teams) -> None:
    with (
        trivet.Client(server, workspace="team-b", token=teams.token("team-a", "writer")) as client,
        pytest.raises(trivet.WorkspaceNotFound, match="`trivet whoami`"),
    ):
        client.search_experiments()
