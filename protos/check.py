"""Checks the contracts with buf: lint, and no breaking change since the last release.

Run it by `make lint`. buf wants every import in its workspace, and nothing is fetched here, so the contracts and the
google protos of googleapis-common-protos are staged side by side in a temporary folder.

The contracts of each release are kept in `released/`, so that no tag and no history is needed to compare with them: a
clone may lack both.

Usage: check.py [--stage FOLDER | --keep VERSION]
    --stage   checks nothing; makes FOLDER such a workspace, from which buf generates code in other languages.
    --keep    checks nothing; keeps the contracts as those of a version, as `make release` does.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from google.api import field_behavior_pb2

PROTOS = Path(__file__).parent
RELEASED = PROTOS / "released"


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


def descriptors(workspace: Path, target: Path) -> Path:
    """Writes a staged workspace to a file as a FileDescriptorSet, without comments; returns the file.

    The same contracts make the same bytes.
    """
    options = ["--as-file-descriptor-set", "--exclude-source-info", "--path", "trivet", "-o", str(target)]
    subprocess.run(["buf", "build", *options], cwd=workspace, check=True)
    return target


def breaks_nobody(workspace: Path, then: Path) -> bool:
    """Whether what worked by the descriptors `then` works by the contracts of a staged workspace; buf says what not."""
    with tempfile.TemporaryDirectory() as temporary:
        now = descriptors(workspace, Path(temporary) / "now.binpb")
        return buf(workspace, "breaking", str(now), "--against", str(then), "--path", "trivet")


def last_release(folder: Path = RELEASED) -> str | None:
    """The newest version whose contracts are kept in a folder, or None before the first release."""
    versions = (path.name.removesuffix(".binpb") for path in folder.glob("*.binpb"))
    return max(versions, key=lambda version: [int(part) for part in version.split(".")], default=None)


def kept(version: str, folder: Path = RELEASED) -> Path:
    """The descriptors of the contracts of a release."""
    return folder / f"{version}.binpb"


def is_what_was_released(workspace: Path, version: str, folder: Path = RELEASED) -> bool:
    """Whether a staged workspace has the contracts that are kept of a version, neither less nor more."""
    with tempfile.TemporaryDirectory() as temporary:
        now = descriptors(workspace, Path(temporary) / "now.binpb")
        return now.read_bytes() == kept(version, folder).read_bytes()


def check(workspace: Path, version: str, folder: Path = RELEASED) -> list[str]:
    """What is wrong with the contracts of a staged workspace, a sentence each; buf itself says where.

    Args:
        workspace: As `stage` makes it.
        version: That everything here has.
        folder: With the contracts of releases.
    """
    wrong = [] if buf(workspace, "lint") else ["The contracts are against the style."]
    last = last_release(folder)
    if last is not None and not breaks_nobody(workspace, kept(last, folder)):
        wrong.append(f"The contracts break who works by those of {last}.")
    if last == version and not is_what_was_released(workspace, version, folder):
        wrong.append(f"The contracts are no longer those of {version}: `make release VERSION=…` begins the next.")
    return wrong


def main() -> None:
    """Does what the arguments say, and exits with 1 where the contracts do not pass."""
    parser = argparse.ArgumentParser(description="Checks the contracts with buf.")
    parser.add_argument("--stage", type=Path, metavar="FOLDER")
    parser.add_argument("--keep", metavar="VERSION")
    arguments = parser.parse_args()
    if arguments.stage is not None:
        stage(arguments.stage, PROTOS)
        return
    with tempfile.TemporaryDirectory() as temporary:
        now = stage(Path(temporary) / "now", PROTOS)
        if arguments.keep is not None:
            RELEASED.mkdir(exist_ok=True)
            descriptors(now, kept(arguments.keep))
            return
        version = tomllib.loads((PROTOS / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
        wrong = check(now, version)
    if wrong:
        sys.exit("\n".join(wrong))
    last = last_release()
    against = "there is no release yet, so there is nothing that could be broken" if last is None else f"against {last}"
    print(f"buf lint and breaking done: {against}")


if __name__ == "__main__":
    main()
