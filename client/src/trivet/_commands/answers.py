"""What commands answer, and the one place where that becomes text or JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import typer

from trivet._commands.kinds import PAIRS, TEXT, Kind, plain_json, printable
from trivet._commands.screen import Head, show_facts, show_table

_Item = TypeVar("_Item")


class Answer(Protocol):
    """What a command answers."""

    @property
    def exit_code(self) -> int:
        """0, or 1 where the answer is that something is wrong."""
        ...

    def to_json(self) -> object:
        """All of it, for a program."""
        ...

    def show(self) -> None:
        """Prints it for people."""
        ...


@dataclass(frozen=True)
class Field(Generic[_Item]):
    """One fact of a thing, declared once for tables, for single things, and for JSON."""

    key: str
    """Its name in JSON; empty where JSON has it elsewhere."""
    label: str
    """Its name for people."""
    kind: Kind = TEXT
    read: Callable[[_Item], Any] | None = None
    """Gets it. Default: the attribute that is called as `key`."""
    is_listed: bool = True
    """Whether tables have a column of it; if not, it is in the view of a single thing and in JSON."""

    def value(self, item: _Item) -> Any:
        """The fact of that thing; None or an empty text where it has none."""
        return getattr(item, self.key) if self.read is None else self.read(item)

    def text(self, item: _Item) -> str:
        """For people, in one line."""
        value = self.value(item)
        return "" if value is None or value == "" else self.kind.show(value)


def as_object(fields: Sequence[Field[_Item]], item: _Item) -> dict[str, object]:
    """A thing as a JSON object."""
    values = {field: field.value(item) for field in fields if field.key}
    return {
        field.key: value if value is None or value == "" else field.kind.to_json(value)
        for field, value in values.items()
    }


@dataclass(frozen=True)
class Listing(Generic[_Item]):
    """Several things of a kind: a table, or an array of objects."""

    fields: Sequence[Field[_Item]]
    items: Sequence[_Item]
    nothing: str
    """What to say where there are none; empty for nothing."""
    has_more: bool = False
    """Whether there are more than were asked for."""
    exit_code: int = 0

    def to_json(self) -> list[object]:
        """An array of objects."""
        return [as_object(self.fields, item) for item in self.items]

    def show(self) -> None:
        """Prints a table."""
        if not self.items:
            if self.nothing:
                notice(self.nothing)
            return
        listed = [field for field in self.fields if field.is_listed]
        heads = [Head(field.label, field.kind.is_number, field.kind.is_whole) for field in listed]
        show_table(heads, [[field.text(item) for field in listed] for item in self.items])


@dataclass(frozen=True)
class Details(Generic[_Item]):
    """One thing: its facts below one another, or an object."""

    fields: Sequence[Field[_Item]]
    item: _Item
    parts: Mapping[str, Listing[Any]] = dataclasses.field(default_factory=dict)
    """What it consists of, by the name in JSON."""
    exit_code: int = 0

    def to_json(self) -> dict[str, object]:
        """An object."""
        return as_object(self.fields, self.item) | {key: part.to_json() for key, part in self.parts.items()}

    def show(self) -> None:
        """Prints the facts that there are, mappings under a title each, then the parts."""
        facts = [(field.label, self._lines(field)) for field in self.fields if field.kind is not PAIRS]
        show_facts([(label, text) for label, text in facts if text])
        for group in (field for field in self.fields if field.kind is PAIRS):
            values = group.value(self.item)
            if values:
                show_facts([(printable(key), printable(str(value))) for key, value in values.items()], group.label)
        for part in self.parts.values():
            if part.items:
                typer.echo()
            part.show()

    def _lines(self, field: Field[_Item]) -> str:
        value = field.value(self.item)
        # Descriptions have lines, which tables have no room for.
        if field.kind is TEXT and isinstance(value, str):
            return "\n".join(map(printable, value.splitlines()))
        return field.text(self.item)


@dataclass(frozen=True)
class Done:
    """Something was done: a sentence, or the facts of it as an object."""

    sentence: str
    facts: Mapping[str, object]
    exit_code: int = 0

    def to_json(self) -> object:
        """An object."""
        return plain_json(self.facts)

    def show(self) -> None:
        """Prints the sentence."""
        typer.echo(printable(self.sentence))


def write(answer: Answer, *, as_json: bool) -> None:
    """Prints an answer on standard output."""
    if as_json:
        # Escapes all but ASCII, so that it is the same bytes in every locale, and inert on a terminal.
        typer.echo(json.dumps(answer.to_json(), indent=2, allow_nan=False))
    else:
        answer.show()
    if isinstance(answer, Listing) and answer.has_more:
        notice(f"There are more than these {len(answer.items)}; --max says how many to show.")


def write_error(reason: str, message: str, *, as_json: bool) -> None:
    """Prints why a command failed, on standard error: in one line, or as an object."""
    if as_json:
        typer.echo(json.dumps({"error": {"reason": reason, "message": message}}), err=True)
    else:
        typer.echo(f"trivet: {printable(message)}", err=True)


def notice(text: str) -> None:
    """Says something to people beside the answer, on standard error."""
    typer.echo(printable(text), err=True)
