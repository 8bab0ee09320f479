"""The SDK of the last release works with today's servers, and today's SDK with the servers of the last release.

Before the first tag there is no release. In the long form, the commit that is checked out takes its place then, so that
what is below is known to work on the day of the first one.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from trivet_testing.cache import made_once
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


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], check=True, capture_output=True).stdout


@pytest.fixture(scope="module")
def released() -> Path:
    """The Python of the last release, with its SDK and its servers."""
    tags = git("tag", "--list", "v*", "--merged", "HEAD", "--sort=-version:refname").decode().split()
    if not tags and os.environ.get("TRIVET_TEST_FULL") != "1":
        pytest.skip("there is no release yet")
    commit = git("rev-parse", f"{tags[0]}^{{commit}}" if tags else "HEAD").decode().strip()

    def make(folder: Path) -> None:
        with tarfile.open(fileobj=io.BytesIO(git("archive", commit))) as archive:
            archive.extractall(folder, filter="data")

    source = made_once(f"release-{commit}", make)
    python = source / ".venv" / "bin" / "python"
    # Not in `make`: an environment knows the path of its folder.
    subprocess.run(
        [str(source / ".ci" / "uv"), "sync", "--quiet", "--locked", "--no-dev"],
        cwd=source,
        env={name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},
        check=True,
    )
    return python


@pytest.mark.parametrize("older", ["sdk", "servers"])
def test_a_release_works_with_today(released: Path, older: str, tmp_path: Path) -> None:
    today = Path(sys.executable)
    sdk, servers = (released, today) if older == "sdk" else (today, released)
    up = [str(servers), "-m", "trivet_standalone", "--grpc-port", "0", "--data", str(tmp_path / "data")]
    with ServerProcess.start(up, {}, r"^Trivet is ready: grpc (\S+)$", cwd=tmp_path) as server:
        ended = run_to_exit([str(sdk), str(PROGRAM)], {"TRIVET_URL": f"grpc://{server.address}"})
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1]) == READ_BACK
