"""Entry points, the parameters that they take, and the command line that comes of both."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter
from typing import Final

from trivet._errors import InvalidArgument
from trivet._models.folders import local_path
from trivet._projects.shell_quoting import CommandLine

FLOAT: Final = "float"
PATH: Final = "path"
URI: Final = "uri"

# A scheme of one letter is a drive of Windows.
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:.*", re.DOTALL)


@dataclass(frozen=True)
class Parameter:
    """What an entry point takes."""

    name: str
    type: str = "string"
    """`string`, `float`, `path` or `uri`; another one, which MLflow lets pass too, is taken as it is."""
    default: str | None = None
    """None: a value has to be given."""

    def checked(self, value: str) -> str:
        """A value of the type. Raises InvalidArgument where it is of another one."""
        if self.type == FLOAT:
            try:
                float(value)
            except ValueError:
                raise InvalidArgument(f"Expected a number for parameter {self.name!r} but got {value!r}.") from None
        if self.type == URI and not is_uri(value):
            raise InvalidArgument(f"Expected URI for parameter {self.name!r} but got {value!r}.")
        return value


@dataclass(frozen=True)
class Values:
    """What an entry point is run with."""

    declared: Mapping[str, str]
    """Of its parameters, those by default included, in their order."""
    extra: Mapping[str, str]
    """Of what it declares nothing about, in the order in which they were given."""

    def all(self) -> dict[str, str]:
        """Both, as the params of a run."""
        return {**self.declared, **self.extra}


@dataclass(frozen=True)
class EntryPoint:
    """A command of a project."""

    name: str
    command: str
    """For a shell, with `{PARAMETER}` for values; `{{` and `}}` are braces."""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    def values(self, given: Mapping[str, object]) -> Values:
        """What is given, and the defaults of what is not.

        Raises:
            InvalidArgument: a parameter has neither, or a value of another type; says which.
        """
        texts = {str(name): str(value) for name, value in given.items() if value is not None}
        missing = [
            name for name, parameter in self.parameters.items() if name not in texts and parameter.default is None
        ]
        if missing:
            raise InvalidArgument(f"No value given for missing parameters: {', '.join(map(repr, missing))}")
        declared = {
            name: parameter.checked(texts.get(name, parameter.default or ""))
            for name, parameter in self.parameters.items()
        }
        return Values(declared, {name: value for name, value in texts.items() if name not in declared})

    def command_line(self, values: Values) -> str:
        """The command for a shell, each value quoted; what is extra comes behind it, as `--NAME VALUE`.

        Raises:
            InvalidArgument: the command has a placeholder that is no parameter, or that is none; or a value cannot be
                quoted where its placeholder stands.
        """
        line = CommandLine()
        try:
            parts = list(Formatter().parse(self.command))
        except ValueError as error:
            raise InvalidArgument(f"The command of the entry point {self.name!r} cannot be read: {error}.") from error
        followings = [*(part[0] for part in parts[1:]), ""]
        for (text, name, spec, conversion), following in zip(parts, followings, strict=True):
            line.add_text(text)
            if name is None:
                continue
            # Names alone: a format could look into the values, as in {alpha.__class__}.
            if name not in values.declared or spec or conversion:
                raise InvalidArgument(
                    f"The command of the entry point {self.name!r} has {{{name}}}, which is none of its "
                    f"parameters: {', '.join(self.parameters) or 'it has none'}. Braces of the command itself are "
                    "doubled."
                )
            self._add(line, name, values.declared[name], following)
        for name, value in values.extra.items():
            for word in (f"--{name}", value):
                line.add_text(" ")
                self._add(line, name, word, "")
        return str(line)

    def _add(self, line: CommandLine, name: str, value: str, following: str) -> None:
        try:
            line.add_value(value, following)
        except ValueError as error:
            raise InvalidArgument(
                f"The value {value!r:.80} of {name!r} cannot be put into the command of the entry point {self.name!r}: "
                f"{error}. Write its placeholder without quotes around it, as a word of its own."
            ) from error


def is_uri(text: str) -> bool:
    """Whether a text begins as a URI does."""
    return _URI.fullmatch(text) is not None


def check_files(entry_point: EntryPoint, values: Values) -> None:
    """Looks for what parameters of the type `path` name on this machine.

    Raises:
        InvalidArgument: there is no such file or folder.
    """
    for parameter in entry_point.parameters.values():
        value = values.declared[parameter.name]
        place = local_path(value) if parameter.type == PATH else None
        if place is not None and not place.exists():
            raise InvalidArgument(
                f"Got value {value} for parameter {parameter.name!r}, but no such file or directory was found."
            )


def with_files(entry_point: EntryPoint, values: Values, folder: Path, download: Callable[[str, Path], str]) -> Values:
    """The values, with absolute paths of what parameters of the type `path` name; what is elsewhere is downloaded.

    Args:
        entry_point: Whose they are.
        values: As they were given, and checked by `check_files`.
        folder: For what is downloaded: a folder there for each parameter.
        download: Brings what a URI names into a folder, and returns where it is.
    """
    places = dict(values.declared)
    for position, parameter in enumerate(entry_point.parameters.values()):
        if parameter.type == PATH:
            place = local_path(places[parameter.name])
            if place is None:
                target = folder / f"param_{position}"
                target.mkdir(parents=True)
                places[parameter.name] = download(places[parameter.name], target)
            else:
                places[parameter.name] = str(place.absolute())
    return Values(places, values.extra)
