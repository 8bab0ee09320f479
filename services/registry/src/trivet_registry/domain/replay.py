"""What a model was after each entry of its history."""

from __future__ import annotations

from trivet_registry.domain.fields import ALIAS_PREFIX
from trivet_registry.domain.history import Action, Entry
from trivet_registry.domain.promotion_requests import FIELD_PREFIX
from trivet_registry.domain.versions import VersionState


class Replay:
    """Takes entries one after the other, and knows what they lead to. As flat fields (`fields.py`)."""

    def __init__(self) -> None:
        self.model: dict[str, str] = {}
        """The fields of the model, without aliases."""
        self.aliases: dict[str, int] = {}
        self.versions: dict[int, dict[str, str]] = {}
        """The fields of each version."""
        self.promotion_requests: dict[str, str] = {}
        """The fields of all promotion requests, also after the model was deleted."""
        self.exists = False
        self.created: dict[int, tuple[str, int]] = {}
        """Who created each version, and when; the model under 0."""
        self.sequence = 0
        """Of the last entry."""

    def apply(self, entry: Entry) -> None:
        """Takes an entry."""
        self.sequence = entry.sequence
        if entry.action is Action.MODEL_CREATED:
            self.exists = True
        if entry.action in {Action.MODEL_CREATED, Action.VERSION_CREATED}:
            self.created[entry.version] = (entry.actor, entry.time)
        for change in entry.changes:
            if change.field.startswith(ALIAS_PREFIX):
                self._point(change.field.removeprefix(ALIAS_PREFIX), change.after)
                continue
            fields = self._fields_of(change.field, entry.version)
            if change.after is None:
                fields.pop(change.field, None)
            else:
                fields[change.field] = change.after
        if entry.action is Action.VERSION_DELETED:
            self.versions.pop(entry.version, None)
        if entry.action is Action.MODEL_DELETED:
            self._forget()

    def ready_versions(self) -> dict[str, list[int]]:
        """The numbers of the READY versions by stage, ascending."""
        found: dict[str, list[int]] = {}
        for number, fields in sorted(self.versions.items()):
            if fields.get("state") == VersionState.READY.name:
                found.setdefault(fields.get("stage", ""), []).append(number)
        return found

    def _fields_of(self, field: str, version: int) -> dict[str, str]:
        """Where a field is kept, of an entry of a version, or of the model itself for 0."""
        if field.startswith(FIELD_PREFIX):
            return self.promotion_requests
        return self.versions.setdefault(version, {}) if version else self.model

    def _point(self, alias: str, version: str | None) -> None:
        if version is None or not version.isdecimal():
            self.aliases.pop(alias, None)
        else:
            self.aliases[alias] = int(version)

    def _forget(self) -> None:
        self.exists = False
        self.model.clear()
        self.aliases.clear()
        self.versions.clear()
