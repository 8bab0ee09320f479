"""Where projects come from: folders, git repositories and zip files, and what is refused of each."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import trivet
from trivet._projects.addresses import public_url
from trivet._projects.sources import Fetched, fetch, parse_source
from trivet._projects.zip_sources import unpack_zip

NAME = ("-c", "user.name=taxi", "-c", "user.email=taxi@example.org", "-c", "protocol.file.allow=always")


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *NAME, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@dataclass(frozen=True)
class Repository:
    """A repository with three commits: of a branch, of a tag, and the newest of `main`."""

    folder: Path
    first: str
    tagged: str
    newest: str


def commit(folder: Path, text: str) -> str:
    (folder / "taxi").mkdir(exist_ok=True)
    (folder / "taxi" / "train.py").write_text(text, encoding="utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", text)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "-b", "main")
    first = commit(folder, "first")
    git(folder, "branch", "feature/old")
    tagged = commit(folder, "tagged")
    git(folder, "tag", "-a", "v1.0", "-m", "a version")
    return Repository(folder, first, tagged, commit(folder, "newest"))


def fetched(uri: str, into: Path, version: str | None = None) -> Fetched:
    return fetch(parse_source(uri), version, into / "fetched")


def code_of(project: Fetched) -> str:
    return (project.folder / "train.py").read_text(encoding="utf-8")


# --- git


def test_bare_repository_is_cloned_at_its_head(repository: Repository, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(repository.folder), str(bare))
    for uri in (f"file://{bare}#taxi", f"{bare}#taxi"):
        project = fetch(parse_source(uri), None, tmp_path / f"at-{len(uri)}")
        assert (code_of(project), project.commit, project.branch) == ("newest", repository.newest, "main")
        assert project.title == f"file://{bare}#taxi"
        assert project.repository == f"file://{bare}"


@pytest.mark.parametrize(
    ("version", "branch", "text"),
    [
        ("feature/old", "feature/old", "first"),
        ("v1.0", "", "tagged"),
        ("main", "main", "newest"),
        (lambda repository: repository.first, "", "first"),
        (lambda repository: repository.tagged[:8], "", "tagged"),
    ],
    ids=["branch", "tag", "head", "commit", "part of a commit"],
)
def test_version_is_checked_out(
    repository: Repository,
    tmp_path: Path,
    version: str | Callable[[Repository], str],
    branch: str,
    text: str,
) -> None:
    wanted = version if isinstance(version, str) else version(repository)
    project = fetched(f"file://{repository.folder}#taxi", tmp_path, wanted)
    assert (code_of(project), project.branch) == (text, branch)
    assert project.commit == {"first": repository.first, "tagged": repository.tagged}.get(text, repository.newest)
    # The folder itself is as it was.
    assert git(repository.folder, "rev-parse", "HEAD") == repository.newest
    assert not git(repository.folder, "status", "--porcelain")


def test_version_of_a_folder_in_a_repository_is_that_folder_at_the_version(
    repository: Repository, tmp_path: Path
) -> None:
    project = fetched(str(repository.folder / "taxi"), tmp_path, "v1.0")
    assert (code_of(project), project.commit) == ("tagged", repository.tagged)


def test_folder_says_which_commit_is_checked_out(repository: Repository, tmp_path: Path) -> None:
    git(repository.folder, "remote", "add", "origin", "https://me:secret@example.org/taxi.git")
    project = fetched(f"{repository.folder}#taxi", tmp_path)
    assert project.folder == repository.folder / "taxi"
    assert (project.commit, project.branch) == (repository.newest, "main")
    assert "secret" not in project.repository
    assert project.repository.endswith("example.org/taxi.git")


@pytest.mark.parametrize("version", ["nothing", "0123456789abcdef0123456789abcdef01234567", "v2"])
def test_unknown_version_is_said(repository: Repository, tmp_path: Path, version: str) -> None:
    with pytest.raises(trivet.InvalidArgument, match=f"has no branch, tag or commit '{version}'"):
        fetched(f"file://{repository.folder}", tmp_path, version)


@pytest.mark.parametrize("version", ["--upload-pack=touch x", "a b", "..", "HEAD^", "", "$(touch x)\n", "a:b"])
def test_version_that_can_be_none_is_refused(repository: Repository, tmp_path: Path, version: str) -> None:
    with pytest.raises(trivet.InvalidArgument, match="can be no branch, tag or commit"):
        fetched(f"file://{repository.folder}", tmp_path, version)


def test_version_is_for_repositories(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(trivet.InvalidArgument, match="only supported for Git"):
        fetched(str(tmp_path / "plain"), tmp_path, "main")


@pytest.mark.parametrize(
    "uri",
    [
        "ext::sh -c touch% {marker}",
        "ext::sh -c 'touch {marker}' #taxi",
        "fd::17",
        "--upload-pack=touch {marker}",
        "-u",
        "$(touch {marker})",
        "a; touch {marker}",
        "ftp://example.org/x.git",
        "transport::address",
        "https://",
        "",
        "#taxi",
        "git@example.org::touch {marker}",
        "https://[x/y",
    ],
)
def test_what_is_no_project_is_refused_and_runs_nothing(tmp_path: Path, uri: str) -> None:
    marker = tmp_path / "marker"
    with pytest.raises(trivet.InvalidArgument, match=r"names no project|run a program|There is no folder"):
        fetched(uri.format(marker=marker), tmp_path)
    assert not marker.exists()


@pytest.mark.parametrize("host", ["-oProxyCommand=touch${IFS}marker", "a$(touch marker)"])
def test_address_of_ssh_is_no_command(tmp_path: Path, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_SSH_COMMAND", "false")
    with pytest.raises(trivet.TrivetError):
        fetched(f"ssh://{host}/x", tmp_path)
    assert not (tmp_path / "marker").exists()


def test_submodule_runs_no_program_either(repository: Repository, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    (repository.folder / ".gitmodules").write_text(
        f'[submodule "x"]\n\tpath = x\n\turl = "ext::sh -c touch% {marker}"\n', encoding="utf-8"
    )
    git(repository.folder, "update-index", "--add", "--cacheinfo", f"160000,{repository.first},x")
    git(repository.folder, "add", ".gitmodules")
    git(repository.folder, "commit", "--quiet", "-m", "a submodule")
    with pytest.raises(trivet.FailedPrecondition, match="cannot be fetched"):
        fetched(f"file://{repository.folder}", tmp_path, "main")
    assert not marker.exists()


def test_submodule_is_fetched(repository: Repository, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "--quiet", "-b", "main")
    git(outer, "submodule", "--quiet", "add", f"file://{repository.folder}", "inner")
    git(outer, "commit", "--quiet", "-m", "with a submodule")
    project = fetched(f"file://{outer}#inner/taxi", tmp_path, "main")
    assert code_of(project) == "newest"


def test_repository_that_is_away_is_said_without_its_password(tmp_path: Path) -> None:
    uri = "https://me:hunter2@127.0.0.1:1/taxi.git"
    with pytest.raises(trivet.FailedPrecondition, match=r"'https://127.0.0.1:1/taxi.git' cannot be fetched") as caught:
        fetched(uri, tmp_path)
    assert "hunter2" not in caught.value.message
    assert parse_source(f"{uri}#sub").title == "https://127.0.0.1:1/taxi.git#sub"


def test_repository_without_a_commit_is_said(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--bare", str(tmp_path / "empty"))
    with pytest.raises(trivet.FailedPrecondition, match="has no commit"):
        fetched(str(tmp_path / "empty"), tmp_path)


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://me:p@ss@example.org:8443/x.git", "https://example.org:8443/x.git"),
        ("https://token@example.org/x", "https://example.org/x"),
        ("ssh://git:secret@example.org/x", "ssh://git@example.org/x"),
        ("git@example.org:team/x", "git@example.org:team/x"),
        ("/home/me@work/x", "/home/me@work/x"),
    ],
)
def test_public_address_has_no_password(url: str, public: str) -> None:
    assert public_url(url) == public


# --- folders


@pytest.mark.parametrize("subfolder", ["../taxi", "/taxi", "a/../../taxi", "a\\b"])
def test_subfolder_stays_inside(tmp_path: Path, subfolder: str) -> None:
    with pytest.raises(trivet.InvalidArgument, match="is no folder inside a project"):
        fetched(f"{tmp_path}#{subfolder}", tmp_path)


def test_subfolder_that_is_not_there_or_leads_out_or_round_is_said(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "out").symlink_to(tmp_path)
    (project / "round").symlink_to(project / "other")
    (project / "other").symlink_to(project / "round")
    (project / "file").touch()
    for subfolder, said in (
        ("nothing", "Could not find subdirectory"),
        ("out", "leads out of the project"),
        ("round", "Could not find subdirectory"),
        ("file", "is no folder"),
    ):
        with pytest.raises(trivet.InvalidArgument, match=said):
            fetched(f"{project}#{subfolder}", tmp_path)


# --- zip files


def zipped(path: Path, **entries: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in entries.items():
            archive.writestr(name.replace("__", "/"), text)
    return path


def test_zip_file_is_unpacked(tmp_path: Path) -> None:
    file = zipped(tmp_path / "p.zip", taxi__train="x", **{"taxi/train.py": "packed"})
    for uri in (f"{file}#taxi", f"file://{file}#taxi"):
        project = fetch(parse_source(uri), None, tmp_path / f"at-{len(uri)}")
        assert (code_of(project), project.commit) == ("packed", "")


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "..\\evil", "C:/evil"])
def test_entry_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    file = zipped(tmp_path / "p.zip", ok="1", **{name: "2"})
    with pytest.raises(trivet.InvalidArgument, match="leads out of the project"):
        fetched(str(file), tmp_path)
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path / "fetched" / "ok").exists()


def test_link_in_a_zip_file_is_refused(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr(entry, "/etc")
        archive.writestr("link/passwd", "x")
    with pytest.raises(trivet.InvalidArgument, match="is a link or a device"):
        fetched(str(tmp_path / "p.zip"), tmp_path)


def test_zip_file_that_is_too_large_unpacked_is_refused(tmp_path: Path) -> None:
    file = zipped(tmp_path / "p.zip", zeros="0" * 100_000, more="1")
    unpack_zip(str(file), tmp_path / "whole", max_bytes=100_001)
    with pytest.raises(trivet.InvalidArgument, match="more than 100000 bytes when it is unpacked"):
        unpack_zip(str(file), tmp_path / "other", max_bytes=100_000)


def test_damaged_zip_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "p.zip").write_bytes(b"PK no zip")
    with pytest.raises(trivet.InvalidArgument, match="cannot be unpacked"):
        fetched(str(tmp_path / "p.zip"), tmp_path)
    with pytest.raises(trivet.InvalidArgument, match="cannot be read: No such file"):
        fetched(str(tmp_path / "away.zip"), tmp_path)
    with pytest.raises(trivet.FailedPrecondition, match=r"'http://127.0.0.1:1/p.zip' cannot be fetched"):
        fetched("http://me:hunter2@127.0.0.1:1/p.zip", tmp_path)
    file = zipped(tmp_path / "q.zip", code="a" * 1000)
    content = bytearray(file.read_bytes())
    content[36:40] = b"\xff\xff\xff\xff"  # of the compressed bytes
    file.write_bytes(content)
    with pytest.raises(trivet.InvalidArgument, match="cannot be unpacked"):
        fetched(str(file), tmp_path)


def test_zip_file_of_a_server_is_fetched_by_user_and_password(tmp_path: Path) -> None:
    file = zipped(tmp_path / "p.zip", **{"train.py": "packed"})
    asked = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Authorization"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(file.read_bytes())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        project = fetched(f"http://me:hunter%402@127.0.0.1:{server.server_port}/p.zip", tmp_path)
        thread.join()
    assert code_of(project) == "packed"
    assert asked == [("/p.zip", f"Basic {base64.b64encode(b'me:hunter@2').decode()}")]
    assert "hunter" not in project.title


def test_zip_file_of_an_address_that_is_none_is_said_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(trivet.TrivetError) as caught:
        fetched("https://me:hunter2@HOST:port/p.zip", tmp_path)
    assert "hunter2" not in caught.value.message


def test_git_asks_nobody(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_SSH_COMMAND", "GIT_SSH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "ssh").write_text(
        '#!/bin/sh\necho "$@" $GIT_ASKPASS $SSH_ASKPASS > "$0.called"\nexit 1\n', encoding="utf-8"
    )
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("GIT_ASKPASS", "asks")
    monkeypatch.setenv("SSH_ASKPASS", "asks")
    with pytest.raises(trivet.FailedPrecondition, match="cannot be fetched"):
        fetched("git@example.org:taxi", tmp_path)
    said = (programs / "ssh.called").read_text(encoding="utf-8")
    assert "-o BatchMode=yes" in said
    assert "asks" not in said
