"""Requirements as pip reads them: those that somebody gives, and those of what is installed here."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version
from pathlib import Path
from typing import Final

from trivet._errors import InvalidArgument

_COMMENT: Final = re.compile(r"(^|\s+)#.*$")
_FILE: Final = re.compile(r"(?:-r|--requirement)(?:\s+|=|(?<=-r))(?P<path>.+)$")
_CONSTRAINTS: Final = re.compile(r"(?:-c|--constraint)(?:\s+|=|(?<=-c))(?P<path>.+)$")
_NAME: Final = re.compile(r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?=$|[\[<>=!~;@(,\s])")
_OF_PICKLES: Final = frozenset({"numpy", "pandas", "scikit-learn", "scipy"})
"""Named although others require them: a pickle of a model holds objects of these, which other versions may not read."""
_FOR_ITS_MAKERS: Final = re.compile(r"extra == ['\"](?:bench|build|dev|doc|example|lint|maint|test|typ)")
_OF_ANY_PYTHON: Final = frozenset({"pip", "setuptools"})


@dataclass(frozen=True)
class Environment:
    """What pip installs for a model."""

    requirements: tuple[str, ...]
    """As in the lines of a file of requirements."""
    constraints: tuple[str, ...] = ()
    """What limits the versions of these and of what they require."""


def normalized(name: str) -> str:
    """The name of a package in the one form of PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def name_of(line: str) -> str | None:
    """The name of the package that a requirement is of, normalized; None where it has none, such as a URL."""
    found = _NAME.match(line)
    return normalized(found["name"]) if found else None


def read_requirements(given: str | Path | Iterable[str], folder: Path | None = None) -> Environment:
    """Reads requirements that somebody gives.

    Args:
        given: Requirements, with `-r FILE` and `-c FILE` among them; or the path of a file that has them. Files that a
            file names are looked for beside it, others in the folder.
        folder: Default: the working directory.

    Raises:
        InvalidArgument: a file is not there, or names itself.
    """
    if isinstance(given, str | Path):
        given = [f"-r {given}"]
    found: dict[bool, list[str]] = {False: [], True: []}
    for line, is_constraint in _lines(given, folder or Path.cwd(), (), is_constraint=False):
        found[is_constraint].append(line)
    return Environment(tuple(found[False]), tuple(found[True]))


def pinned(name: str) -> str:
    """A package as it is installed here.

    Args:
        name: Of a package, or of a module: one library has packages of several names.

    Returns:
        `NAME==VERSION`, without what tells local builds apart, such as `+cpu`, which no index has; the name alone where
        it is not installed.
    """
    try:
        installed = version(name)
    except PackageNotFoundError:
        packages = packages_distributions().get(name)
        return pinned(packages[0]) if packages else name
    return f"{normalized(name)}=={installed.partition('+')[0]}"


def names_in_use(package: str) -> frozenset[str]:
    """The packages that one names as such that it requires, or can make use of, normalized."""
    lines = (line for line in _requirements(package) if not _FOR_ITS_MAKERS.search(line))
    return frozenset(name for line in lines if (name := name_of(line)) is not None)


def fewest(packages: Collection[str]) -> tuple[str, ...]:
    """The requirements that bring packages as they are installed here, pinned and sorted.

    What another of them requires is left out, but for libraries whose objects are in pickles.
    """
    names = set(packages) - _OF_ANY_PYTHON
    brought = {each for name in names for each in _required(name)} - _OF_PICKLES
    return tuple(sorted(pinned(name) for name in names - brought))


def _lines(
    lines: Iterable[str], folder: Path, within: tuple[Path, ...], *, is_constraint: bool
) -> Iterator[tuple[str, bool]]:
    """The requirements of lines and of the files that they name, each with whether it is a constraint."""
    for line in _joined(lines):
        file, constraints = _FILE.match(line), _CONSTRAINTS.match(line)
        named = file or constraints
        if named is None:
            yield line, is_constraint
            continue
        path = (folder / named["path"].strip()).resolve()
        if path in within:
            raise InvalidArgument(f"The file of requirements {str(path)!r} names itself.")
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise InvalidArgument(f"The file of requirements {str(path)!r} cannot be read: {error.strerror}") from error
        inside = is_constraint or constraints is not None
        yield from _lines(text.splitlines(), path.parent, (*within, path), is_constraint=inside)


def _joined(lines: Iterable[str]) -> Iterator[str]:
    """The lines without comments and empty ones; one that ends in a backslash goes on in the next."""
    begun = ""
    for line in lines:
        begun += _COMMENT.sub("", line.rstrip())
        if begun.endswith("\\"):
            begun = begun.removesuffix("\\")
            continue
        if begun.strip():
            yield begun.strip()
        begun = ""
    if begun.strip():
        yield begun.strip()


def _required(name: str) -> set[str]:
    """The packages that one requires, and those that these require.

    Markers other than those of extras are not looked at: what matters here is installed here.
    """
    found: set[str] = set()
    pending: Sequence[str] = [name]
    while pending:
        lines = [line for each in pending for line in _requirements(each) if "extra ==" not in line]
        pending = [each for line in lines if (each := name_of(line)) is not None and each not in found | {name}]
        found.update(pending)
    return found


@cache
def _requirements(name: str) -> Sequence[str]:
    try:
        return tuple(requires(name) or ())
    except PackageNotFoundError:
        return ()
