"""A policy file that may change while servers run: a bad one keeps the old one, and says so."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Final

from trivet_kit.auth import Principal
from trivet_kit.identity.policy import FilePolicy
from trivet_kit.identity.policy_file import PolicyFile, PolicyFileInvalid, parse, read
from trivet_kit.roles import PermissionValue, Role
from trivet_kit.settings import StartupError
from trivet_kit.workspace_rules import WorkspaceRules

LOOK_SECONDS: Final = 1.0
"""How often the file is looked at. A change is in force within this time, and the time that it takes to read it."""

_log = logging.getLogger("trivet.policy")


class ReloadedPolicy:
    """The decisions of a policy file as it stands now. Thread-safe."""

    def __init__(self, path: Path) -> None:
        """Reads the file, and looks at it again and again until `close`.

        Raises:
            StartupError: it cannot be read, or is no policy file.
        """
        self._path = path
        self._text = read(path)
        self._current = FilePolicy(_parsed(path, self._text))
        self._complained: str | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="policy", daemon=True)
        self._thread.start()

    @property
    def file(self) -> PolicyFile:
        """What the file says now: another object after each change."""
        return self._current.file

    def workspaces(self, principal: Principal) -> frozenset[str]:
        """As FilePolicy has it."""
        return self._current.workspaces(principal)

    def roles(self, principal: Principal, workspace: str | None) -> frozenset[Role]:
        """As FilePolicy has it."""
        return self._current.roles(principal, workspace)

    def permits(self, principal: Principal, permission: PermissionValue, workspace: str | None) -> bool:
        """As FilePolicy has it."""
        return self._current.permits(principal, permission, workspace)

    def rules(self, workspace: str) -> WorkspaceRules:
        """As FilePolicy has it."""
        return self._current.rules(workspace)

    def denial(self, principal: Principal) -> str | None:
        """As FilePolicy has it."""
        return self._current.denial(principal)

    def close(self) -> None:
        """Looks no more."""
        self._closed.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._closed.wait(LOOK_SECONDS):
            try:
                self._look()
            except StartupError as error:
                self._complain(f"{error} What it said before stays in force.")
            except Exception as error:  # noqa: BLE001 - whatever it is, the file is looked at again
                what = type(error).__name__
                self._complain(
                    f"The policy file {self._path} cannot be taken: {what}. What it said before stays in force."
                )

    def _look(self) -> None:
        # The text itself is compared: the time of a file says little where it is swapped by a link, as ConfigMaps are.
        text = read(self._path)
        if text == self._text:
            self._complained = None
            return
        said = _parsed(self._path, text)
        self._text, self._current, self._complained = text, FilePolicy(said), None
        _log.info("the policy file was read anew", extra={"policy_workspaces": len(said.workspaces)})

    def _complain(self, sentence: str) -> None:
        if sentence != self._complained:
            _log.error("%s", sentence)
            self._complained = sentence


def _parsed(path: Path, text: str) -> PolicyFile:
    try:
        return parse(text)
    except PolicyFileInvalid as error:
        raise StartupError(f"The policy file {path} is none: {error}.") from None
