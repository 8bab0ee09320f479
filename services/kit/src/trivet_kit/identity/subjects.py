"""Who is meant by the lines of a policy file: `user:ISSUER/NAME`, `group:ISSUER/NAME`, with a `*` at the end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from trivet_kit.auth import Principal

_USER: Final = "user:"
_GROUP: Final = "group:"


@dataclass(frozen=True)
class Subjects:
    """Callers, by their names or those of their groups."""

    users: frozenset[str] = frozenset()
    """Each `ISSUER/NAME`."""
    groups: frozenset[str] = frozenset()
    users_that_begin: tuple[str, ...] = ()
    """What stood before a `*`."""
    groups_that_begin: tuple[str, ...] = ()

    @classmethod
    def of(cls, lines: Iterable[str]) -> Subjects:
        """Reads lines of a policy file, whose form was checked."""
        told = tuple(lines)
        return cls(
            users=frozenset(_names(told, _USER)),
            groups=frozenset(_names(told, _GROUP)),
            users_that_begin=tuple(_beginnings(told, _USER)),
            groups_that_begin=tuple(_beginnings(told, _GROUP)),
        )

    def __bool__(self) -> bool:
        return bool(self.users or self.groups or self.users_that_begin or self.groups_that_begin)

    def line_of(self, principal: Principal) -> str | None:
        """The line that means a caller, as it stood in the file; None for none."""
        if principal.subject in self.users:
            return _USER + principal.subject
        for group in sorted(self.groups & principal.groups):
            return _GROUP + group
        for beginning in self.users_that_begin:
            if principal.subject.startswith(beginning):
                return f"{_USER}{beginning}*"
        for beginning in self.groups_that_begin:
            if any(group.startswith(beginning) for group in principal.groups):
                return f"{_GROUP}{beginning}*"
        return None


def _names(lines: Iterable[str], kind: str) -> Iterable[str]:
    return (line.removeprefix(kind) for line in lines if line.startswith(kind) and not line.endswith("*"))


def _beginnings(lines: Iterable[str], kind: str) -> Iterable[str]:
    return (line.removeprefix(kind)[:-1] for line in lines if line.startswith(kind) and line.endswith("*"))
