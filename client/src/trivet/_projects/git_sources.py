"""Projects in git repositories, fetched by `git`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivet._captured.secrets_in_text import without_passwords
from trivet._errors import FailedPrecondition, InvalidArgument
from trivet._projects.addresses import public_url

GIT_SCHEMES: Final = ("https", "http", "ssh", "git", "file")
_SSH: Final = "ssh -o BatchMode=yes"
_HEADS: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"
_OF_ANOTHER: Final = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"})
_SYMREF: Final = re.compile(r"ref: refs/heads/(?P<branch>\S+)\tHEAD")
_FULL_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_COMMIT: Final = re.compile(r"[0-9a-f]{4,64}")
# What https://git-scm.com/docs/git-check-ref-format forbids in names, and an option.
_NO_VERSION: Final = re.compile(r"^-|[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{")


@dataclass(frozen=True)
class FetchedCommit:
    """What was checked out."""

    commit: str
    branch: str
    """Empty for a tag or a commit."""


def fetch_git(url: str, version: str | None, into: Path) -> FetchedCommit:
    """Checks a version of a repository out into a new folder, with its submodules, without its history where it can.

    The credentials are those of git's own helpers, of an ssh agent, or of the URL; those of the URL are not written
    into the folder, and git asks nobody at the terminal.

    Args:
        url: Of the repository; of one of `GIT_SCHEMES`, or USER@HOST:PATH.
        version: A branch, a tag or a commit. Default: what its HEAD is.
        into: The folder.

    Raises:
        InvalidArgument: the repository has no such version.
        FailedPrecondition: it cannot be fetched, or git is not installed; says why.
    """
    if version is not None and (not version or _NO_VERSION.search(version)):
        raise InvalidArgument(f"{version!r} can be no branch, tag or commit.")
    git = _Git(url, into)
    wanted = ["HEAD"] if version is None else [f"{_HEADS}{version}", f"{_TAGS}{version}"]
    refs = git.run("ls-remote", "--symref", "--", url, *wanted)
    head = _SYMREF.search(refs)
    branch = head["branch"] if head is not None and version is None else ""
    found = {line.partition("\t")[2] for line in refs.splitlines()}
    if version is not None and f"{_HEADS}{version}" in found:
        branch = version
    named = next((each for each in wanted if each in found), "")
    into.mkdir(parents=True, exist_ok=True)
    git.run("init", "--quiet")
    if named:
        git.run("fetch", "--quiet", "--depth", "1", "--no-tags", "--", url, named)
        git.run("checkout", "--quiet", "--detach", "FETCH_HEAD")
    else:
        _check_out_commit(git, url, version)
    # It has the URL, with what was in it.
    (into / ".git" / "FETCH_HEAD").unlink(missing_ok=True)
    git.run("remote", "add", "--", "origin", public_url(url))
    git.run("submodule", "--quiet", "update", "--init", "--recursive", "--depth", "1")
    return FetchedCommit(git.run("rev-parse", "HEAD").strip(), branch)


def _check_out_commit(git: _Git, url: str, version: str | None) -> None:
    if version is None:
        raise FailedPrecondition(f"The repository {public_url(url)!r} has no commit.")
    if not _COMMIT.fullmatch(version):
        raise InvalidArgument(f"The repository {public_url(url)!r} has no branch, tag or commit {version!r}.")
    try:
        if not _FULL_COMMIT.fullmatch(version):
            raise FailedPrecondition("A part of an id names nothing to a server.")  # noqa: TRY301 - as a refusal does
        git.run("fetch", "--quiet", "--depth", "1", "--no-tags", "--", url, version)
    except FailedPrecondition:
        # Servers may refuse commits that no branch ends in. With the whole history here, nobody has to be asked.
        git.run("fetch", "--quiet", "--tags", "--", url, f"+{_HEADS}*:refs/remotes/origin/*")
    try:
        git.run("checkout", "--quiet", "--detach", version, "--")
    except FailedPrecondition as error:
        raise InvalidArgument(
            f"The repository {public_url(url)!r} has no branch, tag or commit {version!r}."
        ) from error


class _Git:
    """Runs git in a folder, for one repository."""

    def __init__(self, url: str, folder: Path) -> None:
        git = shutil.which("git")
        if git is None:
            raise FailedPrecondition("A project of a git repository needs git, which is not installed here.")
        self._git = git
        self._url, self._title = url, public_url(url)
        self._folder = folder
        # Submodules are named by the repository: no protocol that runs a program, and no files of this machine for one
        # from elsewhere.
        is_here = url.lower().startswith("file:")
        allowed = [scheme for scheme in GIT_SCHEMES if scheme != "file" or is_here]
        settings = ["protocol.allow=never", *(f"protocol.{scheme}.allow=always" for scheme in allowed)]
        self._settings = [part for setting in settings for part in ("-c", setting)]
        self._environment = _environment(git)

    def run(self, *arguments: str) -> str:
        """What a command of git prints. Raises FailedPrecondition with the last lines of what it says otherwise."""
        at = ["-C", str(self._folder)] if self._folder.is_dir() else []
        ended = subprocess.run(  # noqa: S603 - git; what others name is behind `--`, or was checked to be no option
            [self._git, *at, *self._settings, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=self._environment,
            check=False,
        )
        if ended.returncode:
            said = without_passwords(" ".join(ended.stderr.split()).replace(self._url, self._title))[-500:]
            raise FailedPrecondition(f"The repository {self._title!r} cannot be fetched: {said}")
        return ended.stdout


def _environment(git: str) -> Mapping[str, str]:
    # A repository that git was started in, as by a hook, is another one. Nobody is asked, at a terminal or by a window.
    own = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER and name != "SSH_ASKPASS"}
    own |= {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS_REQUIRE": "never", "LC_ALL": "C"}
    if {"GIT_SSH_COMMAND", "GIT_SSH"} & own.keys():
        return own
    said = subprocess.run([git, "config", "core.sshCommand"], env=own, capture_output=True, check=False)  # noqa: S603
    return own if said.stdout.strip() else {**own, "GIT_SSH_COMMAND": _SSH}
