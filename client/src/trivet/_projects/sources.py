"""Where a project comes from: a folder, a git repository or a zip file, and the folder in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Literal
from urllib.parse import urlsplit

from trivet._captured.git_state import git_state
from trivet._captured.surroundings import checked_out, git_folder
from trivet._errors import FailedPrecondition, InvalidArgument
from trivet._models.folders import local_path
from trivet._projects.addresses import public_url
from trivet._projects.git_sources import GIT_SCHEMES, fetch_git
from trivet._projects.zip_sources import unpack_zip

# USER@HOST:PATH of ssh. Not HOST::PATH, by which git runs a program of that name.
_SCP: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:(?!:).+")
_FORMS: Final = (
    "a folder, a .zip file, a git repository by https://, http://, ssh://, git:// or file://, or USER@HOST:PATH; "
    "with #FOLDER behind it for a folder inside"
)


@dataclass(frozen=True)
class Source:
    """What somebody named."""

    kind: Literal["folder", "git", "zip"]
    place: str
    """A path of this machine, or a URL, which may have a password."""
    subfolder: str = ""

    @property
    def title(self) -> str:
        """For people and for tags: without a password, with the folder inside."""
        inside = f"#{self.subfolder}" if self.subfolder else ""
        return f"{public_url(self.place)}{inside}"


@dataclass(frozen=True)
class Fetched:
    """A project that is on this machine, and what git says of it."""

    folder: Path
    title: str
    commit: str = ""
    branch: str = ""
    repository: str = ""
    """Its address, without user and password."""


def parse_source(uri: str) -> Source:
    """Understands where a project is; touches no network.

    Raises:
        InvalidArgument: it names none; says what can be named.
    """
    place, _, subfolder = uri.strip().strip("'\"").partition("#")
    _check_subfolder(subfolder)
    if not place or place.startswith("-"):
        raise InvalidArgument(f"{uri!r} names no project. Name {_FORMS}.")
    if _SCP.fullmatch(place) and not Path(place).exists():
        return Source("git", place, subfolder)
    try:
        scheme = urlsplit(place).scheme.lower()
    except ValueError as error:  # not said with it: it may have a password
        raise InvalidArgument(f"That names no project, as it is no URL: {error}. Name {_FORMS}.") from None
    if place.lower().endswith(".zip") and (scheme in ("http", "https") or local_path(place) is not None):
        return Source("zip", place, subfolder)
    if "::" in place.partition("/")[0]:
        raise InvalidArgument(f"{public_url(place)!r} would have git run a program. Name {_FORMS}.")
    local = local_path(place)
    if local is not None:
        return _local(local, place, subfolder)
    if scheme not in GIT_SCHEMES or not urlsplit(place).netloc:
        raise InvalidArgument(f"{public_url(place)!r} names no project. Name {_FORMS}.")
    return Source("git", place, subfolder)


def fetch(source: Source, version: str | None, into: Path) -> Fetched:
    """Brings a project to this machine, where it is not there.

    Args:
        source: Where it is.
        version: A branch, a tag or a commit, of a git repository. Default: what its HEAD is.
        into: A folder for it; it is made. A folder of this machine is taken as it is, unless a version of it is wanted.

    Raises:
        InvalidArgument: there is no such folder or version, or the file is no zip.
        FailedPrecondition: it cannot be fetched; says why.
    """
    if source.kind == "git" or version is not None:
        if source.kind == "zip" or (source.kind == "folder" and git_folder(Path(source.place)) is None):
            raise InvalidArgument("Setting a version is only supported for Git project URIs.")
        url, inside = (source.place, "") if source.kind == "git" else _repository_of(Path(source.place))
        fetched = fetch_git(url, version, into)
        root = _inside(into, inside) if inside else into
        # What is told is where it was taken from: a copy of a local repository says no more than that.
        repository = public_url(url) if source.kind == "git" else _remote(Path(source.place))
        return Fetched(_inside(root, source.subfolder), source.title, fetched.commit, fetched.branch, repository)
    if source.kind == "zip":
        unpack_zip(source.place, into)
        return Fetched(_inside(into, source.subfolder), source.title)
    folder = _inside(Path(source.place), source.subfolder)
    commit, branch = _state(folder)
    return Fetched(folder, source.title, commit, branch, _remote(folder) if commit else "")


def _local(path: Path, place: str, subfolder: str) -> Source:
    path = path.absolute()
    if _is_bare_repository(path):
        return Source("git", path.as_uri(), subfolder)
    if not path.is_dir():
        raise InvalidArgument(f"There is no folder {place!r} with a project. Name {_FORMS}.")
    return Source("folder", str(path), subfolder)


def _is_bare_repository(path: Path) -> bool:
    return (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()


def _check_subfolder(subfolder: str) -> None:
    path = PurePosixPath(subfolder)
    if path.is_absolute() or ".." in path.parts or "\\" in subfolder or "\0" in subfolder:
        raise InvalidArgument(
            f"{subfolder!r} is no folder inside a project: write it without '..' and as a relative path."
        )


def _inside(root: Path, subfolder: str) -> Path:
    """A folder inside another one, also by the links on the way. Raises InvalidArgument."""
    try:
        found, top = (root / subfolder).resolve(strict=True), root.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: links in a circle, before Python 3.13
        raise InvalidArgument(f"Could not find subdirectory {subfolder!r} of the project.") from None
    if not found.is_relative_to(top):
        raise InvalidArgument(f"The subdirectory {subfolder!r} leads out of the project by a link.")
    if not found.is_dir():
        raise InvalidArgument(f"{subfolder!r} of the project is no folder.")
    return found


def _repository_of(folder: Path) -> tuple[str, str]:
    """The URL of the repository around a folder, and the folder's path in it."""
    top = next(place for place in (folder, *folder.parents) if (place / ".git").exists())
    if not top.is_dir():
        raise FailedPrecondition(f"{str(folder)!r} lies in no working tree of git.")
    inside = folder.relative_to(top).as_posix()
    return top.as_uri(), "" if inside == "." else inside


def _state(folder: Path) -> tuple[str, str]:
    try:
        return checked_out(folder)
    except (OSError, ValueError):
        return "", ""


def _remote(folder: Path) -> str:
    state = git_state(folder)
    return state.remote if state is not None else ""
