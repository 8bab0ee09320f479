"""Builds what is published of a release: a wheel of each distribution, and lists of what they are made of and need.

`make dist` runs it. In FOLDER, without those of an earlier time, are then:

    trivet*.whl                     the wheels; that of the gateway holds the built pages
    trivet-VERSION.cdx.json         CycloneDX: what Trivet on one machine is installed with, by the lock, with licences
    trivet-pages-VERSION.cdx.json   CycloneDX: the npm packages of which the pages are made, with licences

Usage: python -m release.wheels FOLDER
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from release.versions import ROOT, current

DISTRIBUTIONS: Final = (
    "trivet",
    "trivet-artifacts",
    "trivet-gateway",
    "trivet-kit",
    "trivet-proto",
    "trivet-registry",
    "trivet-standalone",
    "trivet-tracking",
)
"""What is published. The real parts of the tests are not."""

_PAGES: Final = ROOT / "services" / "gateway" / "src" / "trivet_gateway" / "ui" / "index.html"


class NoPagesError(Exception):
    """The web pages are not built, and a gateway without them is not what is to be published."""


def build(folder: Path) -> list[Path]:
    """Builds the wheels of `DISTRIBUTIONS` into a folder; returns them, sorted by name.

    Raises:
        NoPagesError: The web pages are not built.
        subprocess.CalledProcessError: One cannot be built; uv has said why.
    """
    if not _PAGES.is_file():
        raise NoPagesError("The web pages are not built: make pages")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        _uv("build", "--quiet", "--all-packages", "--wheel", "--out-dir", temporary)
        for name in DISTRIBUTIONS:
            (wheel,) = Path(temporary).glob(f"{name.replace('-', '_')}-{current()}-*.whl")
            shutil.copy(wheel, folder)
    return sorted(folder.glob("*.whl"))


def install(environment: Path, wheels: Path, extra: str | None = None) -> Path:
    """Makes an environment that has the client of a folder of wheels, and nothing of the checkout; returns its Python.

    What others wrote is as the lock has it. The wheels come after it and without any index, so that they are what is in
    the folder, and need nothing that their metadata does not say.

    Args:
        environment: Where it is made.
        wheels: As `build` makes them.
        extra: Of the client, such as `local`; None for the client alone.

    Raises:
        subprocess.CalledProcessError: Something cannot be installed; uv has said why.
    """
    python = environment / "bin" / "python"
    locked = environment / "pylock.toml"
    extras = [] if extra is None else ["--extra", extra]
    _uv("venv", "--quiet", "--python", sys.executable, str(environment))
    options = ["--quiet", "--locked", "--no-dev", "--no-emit-workspace", "--format", "pylock.toml"]
    _uv("export", *options, "--package", "trivet", *extras, "--output-file", str(locked))
    _uv("pip", "install", "--quiet", "--python", str(python), "--requirement", str(locked))
    client = "trivet" if extra is None else f"trivet[{extra}]"
    of_wheels = ["--no-index", "--find-links", str(wheels), f"{client}=={current()}"]
    _uv("pip", "install", "--quiet", "--python", str(python), *of_wheels)
    return python


def list_installed(python: Path, target: Path, *, validated: bool) -> None:
    """Writes what is installed in an environment to a file, as CycloneDX has it, with the licences that packages name.

    Args:
        python: Of the environment.
        target: The file.
        validated: Whether the list is held against CycloneDX's schema, which takes a while.
    """
    tool = Path(sys.executable).parent / "cyclonedx-py"
    what = ["--pyproject", str(ROOT / "client" / "pyproject.toml"), "--mc-type", "library", "--gather-license-texts"]
    how = ["--output-reproducible", "--validate" if validated else "--no-validate", "--output-file", str(target)]
    subprocess.run([str(tool), "environment", *what, *how, str(python)], check=True)


def list_pages(target: Path) -> None:
    """Writes the npm packages of which the pages are made to a file, as CycloneDX has it."""
    with tempfile.TemporaryDirectory() as temporary:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(ROOT / "ui" / name, temporary)
        # npm names nothing that has no version, and has its own way of writing one.
        manifest = Path(temporary, "package.json")
        described = json.loads(manifest.read_text(encoding="utf-8"))
        described["version"] = current().replace(".dev", "-dev")
        manifest.write_text(json.dumps(described), encoding="utf-8")
        options = ["--package-lock-only", "--omit", "dev", "--sbom-format", "cyclonedx"]
        npm = [str(ROOT / ".ci" / "npm"), "sbom", "--prefix", temporary, *options]
        listed = subprocess.run(npm, check=True, capture_output=True, text=True).stdout
    listing = json.loads(listed)
    listing["metadata"]["component"]["name"] = "trivet-ui"  # npm says the name of the folder
    target.write_text(json.dumps(listing, indent=2) + "\n", encoding="utf-8")


def _uv(*arguments: str) -> None:
    # Else it would be the environment that uv works on, whatever it is told.
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run([str(ROOT / ".ci" / "uv"), *arguments], cwd=ROOT, env=environment, check=True)


def main() -> None:
    """Builds all of it, and prints what there is, or exits with 1."""
    parser = argparse.ArgumentParser(description="Builds what is published of a release.")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    folder: Path = parser.parse_args().folder.absolute()
    for old in (*folder.glob("trivet*.whl"), *folder.glob("trivet*.cdx.json")):
        old.unlink()
    try:
        build(folder)
    except NoPagesError as missing:
        sys.exit(str(missing))
    with tempfile.TemporaryDirectory() as temporary:
        python = install(Path(temporary) / "installed", folder, "local")
        list_installed(python, folder / f"trivet-{current()}.cdx.json", validated=True)
    list_pages(folder / f"trivet-pages-{current()}.cdx.json")
    for path in sorted(folder.glob("trivet*")):
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
