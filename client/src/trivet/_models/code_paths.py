"""Code that a model brings: copied when it is saved, found by imports when it is loaded."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from trivet._errors import InvalidArgument

CODE_FOLDER: Final = "code"


def copy_code(paths: Sequence[str | Path], folder: Path) -> None:
    """Copies files and folders of code into the folder of a model.

    Raises:
        InvalidArgument: one of them is not there, or two have one name.
    """
    target = folder / CODE_FOLDER
    target.mkdir()
    for path in map(Path, paths):
        if not path.exists():
            raise InvalidArgument(f"There is no {str(path)!r}, which code_paths names.")
        inside = target / path.resolve().name
        if inside.exists():
            raise InvalidArgument(f"code_paths names two files or folders {inside.name!r}; their names must differ.")
        if path.is_dir():
            shutil.copytree(path, inside, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(path, inside)


def use_code(folder: Path) -> None:
    """Lets imports of this process find the code in a folder first.

    What another model brought under the same names is imported anew.
    """
    others = {path for path in _in_use if path != str(folder)}
    names = {path.stem for path in folder.iterdir()}
    for name, module in list(sys.modules.items()):
        origin = getattr(module, "__file__", None) or ""
        if name.partition(".")[0] in names and any(origin.startswith(f"{path}/") for path in others):
            del sys.modules[name]
    if str(folder) in sys.path:
        sys.path.remove(str(folder))
    sys.path.insert(0, str(folder))
    if str(folder) not in _in_use:
        _in_use.append(str(folder))


@contextmanager
def forgotten_afterwards(folder: Path) -> Iterator[None]:
    """Lets imports of the block find the code in the folder of a model, and of this process no longer then."""
    place = str(folder / CODE_FOLDER)
    try:
        yield
    finally:
        sys.path[:] = [path for path in sys.path if path != place]
        _in_use[:] = [path for path in _in_use if path != place]
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(f"{place}/"):
                del sys.modules[name]


_in_use: Final[list[str]] = []
"""Folders whose code may have been imported."""
