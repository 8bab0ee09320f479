"""The version that all of Trivet has, and the files that say it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]

_VERSION: Final = re.compile(r"\d+\.\d+\.\d+(\.dev\d+)?")
_LABEL: Final = "org.opencontainers.image.version="


class VersionError(Exception):
    """A version cannot be set; the message says why."""


def places(root: Path = ROOT) -> list[Path]:
    """The files that say the version: manifests of distributions, which ask for each other by it, and of images."""
    manifests = [root / folder / "pyproject.toml" for folder in ("protos", "client", "tests")]
    services = sorted((root / "services").glob("*/pyproject.toml"))
    return [*manifests, *services, *sorted((root / "services").glob("*/Dockerfile"))]


def current(root: Path = ROOT) -> str:
    """The version of the contracts' distribution, which a test holds all others against."""
    version: str = tomllib.loads((root / "protos" / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return version


def is_release(version: str) -> bool:
    """Whether a version is that of a release: three numbers, without `.dev0` behind.

    Raises:
        VersionError: It is neither that nor the version of what comes before a release.
    """
    if _VERSION.fullmatch(version) is None:
        raise VersionError(f"{version} is no version: a release is such as 0.2.0, and what comes before it 0.2.0.dev0")
    return ".dev" not in version


def set_version(version: str, root: Path = ROOT) -> None:
    """Writes a version into all files that say it.

    Raises:
        VersionError: A file does not say the version that the others say; nothing was written.
    """
    old = current(root)
    texts = {path: path.read_text(encoding="utf-8") for path in places(root)}
    for path, text in texts.items():
        if not said_in(text):
            raise VersionError(f"{path.relative_to(root)} says no version")
        if said_in(text) != {old}:
            raise VersionError(f"{path.relative_to(root)} does not say {old} throughout")
    for path, text in texts.items():
        path.write_text(_said(text, old, version), encoding="utf-8")


def said_in(text: str) -> set[str]:
    """The versions of Trivet that the text of a manifest says."""
    own = re.findall(rf'^version = "(.*)"$|{_LABEL}"(.*?)"', text, re.MULTILINE)
    asked = re.findall(r'"trivet[a-z-]*(?:\[.*?\])?==(.*?)"', text)
    return {version for found in own for version in found if version} | set(asked)


def _said(text: str, old: str, new: str) -> str:
    escaped = re.escape(old)
    own = rf'^(version = "){escaped}(")$|({_LABEL}"){escaped}(")'
    text = re.sub(own, lambda found: f"{found[1] or found[3]}{new}{found[2] or found[4]}", text, flags=re.MULTILINE)
    return re.sub(rf'("trivet[a-z-]*(?:\[.*?\])?==){escaped}(")', rf"\g<1>{new}\g<2>", text)
