"""Checks the contracts with buf: lint, and no breaking change since the last release.

Run it by `make lint`. buf wants every import in its workspace, and nothing is fetched here, so the contracts and the
google protos of googleapis-common-protos are staged side by side in a temporary folder.

Usage: check.py [--stage FOLDER]
    --stage   checks nothing; makes FOLDER such a workspace, from which buf generates code in other languages.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

from google.api import field_behavior_pb2

PROTOS = Path(__file__).parent


def stage(directory: Path, protos: Path) -> Path:
    """Makes `directory` a buf workspace of the contracts below `protos`; returns `directory`."""
    shutil.copytree(protos / "trivet", directory / "trivet")
    shutil.copyfile(PROTOS / "buf.yaml", directory / "buf.yaml")
    google = Path(field_behavior_pb2.__file__).parents[1]
    for package in ("api", "rpc"):
        target = directory / "google_protos" / "google" / package
        target.mkdir(parents=True)
        for source in (google / package).glob("*.proto"):
            shutil.copyfile(source, target / source.name)
    return directory


def buf(directory: Path, *arguments: str) -> bool:
    """Runs buf in a staged workspace, shows what it says, and tells whether it was content."""
    return subprocess.run(["buf", *arguments], cwd=directory, check=False).returncode == 0


def last_release() -> str | None:
    """The newest release tag that HEAD descends from, or None before the first release."""
    found = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0", "--match", "v*"],
        cwd=PROTOS,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() if found.returncode == 0 else None


def unpack(tag: str, directory: Path) -> Path:
    """Writes the contracts of a release below `directory` and returns their folder."""
    archive = subprocess.run(["git", "archive", tag, "trivet"], cwd=PROTOS, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(directory, filter="data")
    return directory


def main() -> None:
    if sys.argv[1:2] == ["--stage"]:
        stage(Path(sys.argv[2]), PROTOS)
        return
    with tempfile.TemporaryDirectory() as temporary:
        now = stage(Path(temporary) / "now", PROTOS)
        content = buf(now, "lint")
        tag = last_release()
        if tag is None:
            print("buf lint done; no release tag yet, so there is nothing that could be broken")
        else:
            then = stage(Path(temporary) / "then", unpack(tag, Path(temporary) / "release"))
            content = buf(now, "breaking", "--against", str(then)) and content
            print(f"buf lint and breaking (against {tag}) done")
    if not content:
        sys.exit("the contracts do not pass")


if __name__ == "__main__":
    main()
