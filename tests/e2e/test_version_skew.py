"""What the last release promised holds today: its SDK works with today's servers, and today's SDK with its servers.

Its contracts are kept in `protos/released`, so that a clone needs no tags to know which release is the last. What it
was is the commit with its tag; where a clone has no tags, the one that kept its contracts. Before the first release
there is nothing to keep. In the long form, the commit that is checked out takes its place then, so that what is below
is known to work on the day of the first one.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from protos import check
from trivet_testing.cache import made_once
from trivet_testing.left_out import note_left_out
from trivet_testing.servers import ServerProcess, run_to_exit

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("skew_program.py")
READ_BACK = {
    "status": "FINISHED",
    "params": {"alpha": "0.1", "kind": "lasso"},
    "rmse": 0.01,
    "points": 100,
    "team": "a",
    "found": ["both ways"],
    "stage": "Production",
    "bytes": 100_000,
}


def git(*arguments: str, root: Path = ROOT) -> bytes:
    return subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True).stdout


def commit_of(version: str, root: Path = ROOT) -> str | None:
    """The commit of a release; None in a clone that has not got the history."""
    tag = f"v{version}"
    if git("tag", "--list", tag, root=root):
        return git("rev-parse", f"{tag}^{{commit}}", root=root).decode().strip()
    if git("rev-parse", "--is-shallow-repository", root=root).strip() == b"true":
        return None
    kept = check.kept(version, Path("protos/released"))
    return git("log", "-1", "--format=%H", "--", str(kept), root=root).decode().strip() or None


@pytest.fixture(scope="module")
def release() -> str:
    """The commit of the last release."""
    version = check.last_release()
    if version is None:
        if os.environ.get("TRIVET_TEST_FULL") != "1":
            pytest.skip("there is no release yet")
        return git("rev-parse", "HEAD").decode().strip()
    commit = commit_of(version)
    if commit is None:
        # No failure where real parts are required: whoever makes a checkout says how much history it has.
        why = "this clone has neither its tag nor the history that kept its contracts"
        note_left_out(f"the commit of {version}", why)
        pytest.skip(why)
    return commit


@pytest.fixture(scope="module")
def released(release: str) -> Path:
    """The Python of the last release, with its SDK and its servers."""

    def make(folder: Path) -> None:
        with tarfile.open(fileobj=io.BytesIO(git("archive", release))) as archive:
            archive.extractall(folder, filter="data")

    source = made_once(f"release-{release}", make)
    python = source / ".venv" / "bin" / "python"
    # Not in `make`: an environment knows the path of its folder.
    subprocess.run(
        [str(source / ".ci" / "uv"), "sync", "--quiet", "--locked", "--no-dev"],
        cwd=source,
        env={name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},
        check=True,
    )
    return python


@contextmanager
def serving(python: Path, folder: Path) -> Iterator[str]:
    """The URL of servers that keep things in a folder."""
    up = [str(python), "-m", "trivet_standalone", "--grpc-port", "0", "--data", str(folder / "data")]
    with ServerProcess.start(up, {}, r"^Trivet is ready: grpc (\S+)$", cwd=folder) as server:
        yield f"grpc://{server.address}"


def do(python: Path, url: str, *what: str) -> str:
    ended = run_to_exit([str(python), str(PROGRAM), *what], {"TRIVET_URL": url})
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_sdk_of_a_release_works_with_todays_servers(released: Path, tmp_path: Path) -> None:
    with serving(Path(sys.executable), tmp_path) as url:
        assert json.loads(do(released, url, "write", "read")) == READ_BACK


def test_todays_sdk_works_with_servers_of_a_release_and_todays_servers_go_on_with_their_data(
    released: Path, tmp_path: Path
) -> None:
    today = Path(sys.executable)
    with serving(released, tmp_path) as url:
        assert json.loads(do(today, url, "write", "read")) == READ_BACK
    with serving(today, tmp_path) as url:
        assert json.loads(do(today, url, "read")) == READ_BACK


def test_migrations_that_were_released_are_as_they_were(release: str) -> None:
    listed = git("ls-tree", "-r", "--format=%(objectname) %(path)", release, "--", "services").decode().splitlines()
    released = [line.split(" ", 1) for line in listed if "/migrations/versions/" in line and line.endswith(".py")]
    assert released
    there = [(blob, path) for blob, path in released if (ROOT / path).is_file()]
    now = git("hash-object", "--", *(path for _, path in there)).decode().split()
    unchanged = {path for (blob, path), found in zip(there, now, strict=True) if blob == found}
    assert {path for _, path in released} - unchanged == set()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose second commit of three kept the contracts of 1.0.0."""
    git("init", "--quiet", "--initial-branch=main", str(tmp_path))
    for name, value in (("user.name", "somebody"), ("user.email", "somebody@example.org")):
        git("config", name, value, root=tmp_path)
    for path in ("README.md", "protos/released/1.0.0.binpb", "more.md"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
        git("add", path, root=tmp_path)
        git("commit", "--quiet", "-m", path, root=tmp_path)
    return tmp_path


def test_a_release_is_found_by_its_tag_and_without_tags_by_the_commit_that_kept_its_contracts(repository: Path) -> None:
    first, second, third = git("rev-list", "--reverse", "HEAD", root=repository).decode().split()
    assert commit_of("1.0.0", repository) == second
    assert commit_of("1.1.0", repository) is None
    git("tag", "v1.0.0", third, root=repository)
    assert commit_of("1.0.0", repository) == third
    assert first not in (second, third)


def test_a_clone_without_history_does_not_know_what_a_release_was(repository: Path, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    git("clone", "--quiet", "--depth=1", f"file://{repository}", str(shallow), root=repository)
    assert commit_of("1.0.0", shallow) is None
