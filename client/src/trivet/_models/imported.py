"""Tells which packages a model needs, by loading it in a process of its own and asking it for its example.

Run as `python -m trivet._models.imported FOLDER ANSWER`: what it finds goes into the file ANSWER, as JSON with the keys
`requirements`, and `problem`, which is empty where the model could be asked as well.
"""

from __future__ import annotations

import builtins
import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Final

import numpy  # noqa: F401, ICN001 - see _OF_DATA
import pandas  # noqa: F401, ICN001 - see _OF_DATA

from trivet._models.examples import read_example
from trivet._models.model_file import read_model_file
from trivet._models.requirements import fewest, names_in_use, normalized
from trivet.pyfunc import load_model

_OF_DATA: Final = frozenset({"numpy", "pandas"})
"""What models are given and give. The rest of what Trivet itself imports is there wherever it loads a model."""


@dataclass(frozen=True)
class _Import:
    """That a module imported another one."""

    by: str
    of: str
    in_body: bool
    """Whether in its body, so by a statement: a package that does that, without naming the other one in its metadata,
    can do without it. What is imported later may be what a pickle says, or what somebody asked for."""


def main(folder: str, answer: str) -> None:
    """Writes what the model in a folder needs into a file."""
    described = read_model_file(Path(folder))
    info, signature = described.saved_input_example_info, described.signature
    example = (
        None if info is None else read_example(Path(folder), info, None if signature is None else signature.inputs)
    )
    before = {package for name in list(sys.modules) for package in _packages_of(name)}
    problem = ""
    with _noted() as imports:
        model = load_model(folder)
        if example is not None:
            try:
                model.predict(example.data, example.params)
            except Exception as error:  # noqa: BLE001 - of whatever is in the model: what loading needs is known
                problem = f"{type(error).__name__}: {error}"
    loaded = {package for name in list(sys.modules) for package in _packages_of(name)}
    requirements = fewest(_needed(imports, loaded, before - _OF_DATA))
    Path(answer).write_text(json.dumps({"requirements": requirements, "problem": problem}), encoding="utf-8")


@contextmanager
def _noted() -> Iterator[set[_Import]]:
    """Notes what is imported during a block, also of what was there before."""
    imports: set[_Import] = set()
    plain, plain_module = builtins.__import__, importlib.import_module

    def note(of: str, caller: FrameType, *, in_body: bool) -> None:
        by = str(caller.f_globals.get("__name__"))
        # Compiled modules import without a frame of their own, so that they seem to be what loads them.
        if not by.startswith("importlib."):
            imports.add(_Import(by, of, in_body and caller.f_code.co_name == "<module>"))

    def noted_import(
        name: str,
        globals: Any = None,  # noqa: A002 - their names are those of the function in whose place this one is
        locals: Any = None,  # noqa: A002
        fromlist: Any = (),
        level: int = 0,
    ) -> ModuleType:
        module = plain(name, globals, locals, fromlist, level)
        if level == 0:
            for each in (name, *(f"{name}.{part}" for part in fromlist or ())):
                note(each, sys._getframe(1), in_body=True)  # noqa: SLF001 - documented
        return module

    def noted_module(name: str, package: str | None = None) -> ModuleType:
        module = plain_module(name, package)
        note(module.__name__, sys._getframe(1), in_body=False)  # noqa: SLF001 - documented
        return module

    builtins.__import__, importlib.import_module = noted_import, noted_module
    try:
        yield imports
    finally:
        builtins.__import__, importlib.import_module = plain, plain_module


def _needed(imports: set[_Import], loaded: set[str], before: set[str]) -> set[str]:
    """The packages that a model needs.

    Those that are imported by code that is in no package, such as the model's own, and by those that were there before;
    those that were not seen to be imported, since there are ways to do that unseen; and what these import in turn.
    """
    needed = _OF_DATA | (loaded - before - {package for each in imports for package in _packages_of(each.of)})
    while True:
        more = {
            package
            for each in imports
            for package in _packages_of(each.of)
            if package not in before | needed
            and any(
                by is None or by in before or (by in needed and not (each.in_body and package not in names_in_use(by)))
                for by in _packages_of(each.by) or {None}
            )
        }
        if not more:
            return set(needed)
        needed |= more


@cache
def _packages_of(module: str) -> frozenset[str]:
    """The packages that a module may be of; mostly one, and none where it is in no package."""
    packages = _packages().get(module.partition(".")[0], set())
    if len(packages) > 1:
        # Several packages have modules below one name, such as google, which is itself no package's.
        file = getattr(sys.modules.get(module), "__file__", None)
        holding = {each for each in packages if file and Path(file) in _files(each)}
        packages = holding or (packages if file else set())
    return frozenset(map(normalized, packages))


@cache
def _packages() -> dict[str, set[str]]:
    return {module: set(packages) for module, packages in packages_distributions().items()}


@cache
def _files(package: str) -> frozenset[Path]:
    found = distribution(package)
    return frozenset(Path(str(found.locate_file(each))) for each in found.files or ())


if __name__ == "__main__":
    main(*sys.argv[1:])
