"""Packages that pip seems to have installed into a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path


def install_package(
    site: Path,
    package: str,
    files: Mapping[str, str],
    *,
    version: str = "1.0",
    requires: Sequence[str] = (),
    entry_points: str = "",
) -> None:
    """Writes the files and the metadata of a package into a folder, for `sys.path` to have it.

    Args:
        site: The folder.
        package: The name of the package.
        files: Texts by their paths in the folder.
        version: Of the package.
        requires: What its metadata says that it requires.
        entry_points: The text of its `entry_points.txt`.
    """
    metadata = f"{package.replace('-', '_')}-{version}.dist-info"
    described = ["Metadata-Version: 2.1", f"Name: {package}", f"Version: {version}"]
    described += [f"Requires-Dist: {each}" for each in requires]
    every = {
        **files,
        f"{metadata}/METADATA": "".join(f"{line}\n" for line in described),
        f"{metadata}/entry_points.txt": entry_points,
        f"{metadata}/RECORD": "".join(f"{name},,\n" for name in files),
    }
    for name, text in every.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text, encoding="utf-8")
