"""What is known of a run at its start."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path

import pytest

from trivet._captured.choice import Captured
from trivet._captured.git_state import MAX_DIFF_BYTES, GitState, git_state
from trivet._captured.surroundings import Surroundings, look_around
from trivet._ids import new_run_id

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script below a folder `repository`, which runs."""
    script = tmp_path / "repository" / "src" / "train.py"
    script.parent.mkdir(parents=True)
    monkeypatch.setattr(sys, "argv", [str(script), "--lr", "1"])
    return script


def surroundings() -> Surroundings:
    return look_around(frozenset(Captured))


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=e@example.com", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_commit_is_found_however_git_keeps_it(script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = tmp_path / "repository"
    git(repository, "init", "--quiet")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "one")
    commit = git(repository, "rev-parse", "HEAD")
    assert surroundings().git_commit == commit
    git(repository, "pack-refs", "--all")
    assert surroundings().git_commit == commit
    git(repository, "checkout", "--quiet", "--detach")
    assert surroundings().git_commit == commit
    git(repository, "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "other"))
    git(tmp_path / "other", "commit", "--quiet", "--allow-empty", "--message", "two")
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "other" / "train.py")])
    assert surroundings().git_commit == git(tmp_path / "other", "rev-parse", "HEAD") != commit


def test_branch_without_a_commit_has_none(script: Path, tmp_path: Path) -> None:
    git(tmp_path / "repository", "init", "--quiet")
    assert surroundings().git_commit == ""


def test_broken_repository_is_no_error(script: Path, tmp_path: Path) -> None:
    (tmp_path / "repository" / ".git").write_bytes(b"\xff\xfe")
    assert surroundings().git_commit == ""
    assert surroundings().source == str(script)


def test_interpreter_has_no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    for argv in ([""], ["-c"], []):
        monkeypatch.setattr(sys, "argv", argv)
        assert surroundings().source == ""


def test_notebook_is_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    monkeypatch.setattr(sys, "argv", ["/somewhere/ipykernel_launcher.py"])
    assert surroundings().source == ""
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/taxi.ipynb")
    assert surroundings().source == "/home/me/taxi.ipynb"


def test_user_without_a_name_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert surroundings().user == ""


def test_run_ids_are_uuids_of_version_7_and_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    import uuid  # noqa: PLC0415 - to read them

    ids = []
    for millis in (0, 1, 1_700_000_000_000, 2**48 - 1):
        monkeypatch.setattr("time.time_ns", lambda millis=millis: millis * 1_000_000)
        ids.append(new_run_id())
        read = uuid.UUID(ids[-1])
        assert (read.version, read.variant, read.int >> 80, len(ids[-1])) == (7, uuid.RFC_4122, millis, 32)
    assert ids == sorted(ids)
    assert len({new_run_id() for _ in range(1_000)}) == 1_000


def test_a_large_diff_is_cut_and_says_so(script: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    git(repository, "init", "--quiet")
    script.write_text("", encoding="utf-8")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message", "one")
    clean = git_state(script.parent)
    assert clean == GitState(remote="", is_dirty=False, diff=b"")
    script.write_text("x = 1\n" * 300_000, encoding="utf-8")
    state = git_state(script.parent)
    assert state is not None
    assert state.is_dirty
    assert len(state.diff) < MAX_DIFF_BYTES + 100
    assert state.diff.endswith(b"\n# cut at 1048576 bytes\n")


def test_what_git_cannot_say_is_not_known(script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path / "repository", "init", "--quiet")
    # There is no commit that anything could differ from.
    assert git_state(script.parent) == GitState(remote="", is_dirty=None, diff=b"")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(script.parent) is None


def test_git_that_hangs_is_given_up(script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "git"
    program.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(600)\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(script.parent, seconds=0.1) == GitState(remote="", is_dirty=None, diff=b"")


def test_a_program_on_the_command_line_is_not_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["-c", "-c", "1"])
    monkeypatch.setattr(sys, "orig_argv", ["python", "-c", "token = 'hunter2'", "-c", "1"])
    assert surroundings().tags["trivet.command"] == "python -c … -c 1"
    monkeypatch.setattr(sys, "argv", ["train.py", "-c", "config.yaml"])
    monkeypatch.setattr(sys, "orig_argv", ["python", "train.py", "-c", "config.yaml"])
    assert surroundings().tags["trivet.command"] == "python train.py -c config.yaml"
