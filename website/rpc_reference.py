"""A hook of mkdocs: the reference of the calls, a page a service, from the comments of the contracts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from google.api import field_behavior_pb2
from google.protobuf import descriptor_pb2
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from trivet_proto.common.v1 import options_pb2

PROTOS: Final = Path(__file__).parents[1] / "protos"
PAGES: Final = ("tracking", "artifacts", "registry", "common")

_Field = descriptor_pb2.FieldDescriptorProto
_Message = descriptor_pb2.DescriptorProto
# How an element of a file is found in its source: the numbers of the fields that lead to it (descriptor.proto).
_Path = tuple[int, ...]
_MESSAGES, _ENUMS, _SERVICES = 4, 5, 6


@dataclass(frozen=True)
class Contract:
    """A file of the contracts, with the comment of each of its elements."""

    file: descriptor_pb2.FileDescriptorProto
    comments: dict[_Path, str]

    def comment(self, *path: int) -> str:
        """What is said above an element, as Markdown; empty where nothing is."""
        # A table of Markdown has a line below its head, which comments do without.
        return re.sub(r"(^|\n\n)(\|.*\|)\n(?=\|(?!-))", _with_line, self.comments.get(path, ""))


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages."""
    contracts = read_contracts()
    for name in PAGES:
        package = f"trivet.{name}.v1"
        content = render([contract for contract in contracts if contract.file.package == package])
        files.append(File.generated(config, f"reference/{name}.md", content=content))
    return files


def read_contracts() -> list[Contract]:
    """All contracts, as buf reads them."""
    with tempfile.TemporaryDirectory() as temporary:
        staged, image = Path(temporary) / "protos", Path(temporary) / "image.binpb"
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        for command in (
            [sys.executable, str(PROTOS / "check.py"), "--stage", str(staged)],
            ["buf", "build", str(staged), "--path", str(staged / "trivet"), "--output", str(image)],
        ):
            subprocess.run(command, check=True, env=environment)
        found = descriptor_pb2.FileDescriptorSet.FromString(image.read_bytes())
    return [
        Contract(
            file,
            {
                tuple(place.path): re.sub(r"^ ", "", place.leading_comments, flags=re.MULTILINE).strip()
                for place in file.source_code_info.location
            },
        )
        for file in found.file
        if file.package.startswith("trivet.")
    ]


def render(contracts: Sequence[Contract]) -> str:
    """The page of a package: its service first, then its messages and enumerations by their names."""
    parts: list[str] = []
    types: dict[str, list[str]] = {}
    for contract in contracts:
        for number, service in enumerate(contract.file.service):
            parts += _service(contract, service, (_SERVICES, number))
        for number, message in enumerate(contract.file.message_type):
            types |= dict(_message(contract, message, (_MESSAGES, number), ""))
        for number, enum in enumerate(contract.file.enum_type):
            types |= dict([_enum(contract, enum, (_ENUMS, number), "")])
    parts.append("## Messages")
    for _, lines in sorted(types.items()):
        parts += lines
    return "\n\n".join(part for part in parts if part) + "\n"


def _with_line(head: re.Match[str]) -> str:
    return f"{head[0]}{'|---' * (head[2].count('|') - 1)}|\n"


def _service(contract: Contract, service: descriptor_pb2.ServiceDescriptorProto, path: _Path) -> Iterator[str]:
    yield f"# {service.name}"
    yield f"`{contract.file.package}.{service.name}`"
    yield contract.comment(*path)
    yield "## Methods"
    for number, method in enumerate(service.method):
        asked, answered = (
            ("stream of " if is_stream else "") + _type_link(name, contract.file.package)
            for name, is_stream in (
                (method.input_type, method.client_streaming),
                (method.output_type, method.server_streaming),
            )
        )
        permission = options_pb2.Permission.Name(method.options.Extensions[options_pb2.permission])
        yield f"### {method.name} {{ #{service.name}.{method.name} }}"
        yield f"{asked} → {answered}. Needs {permission.removeprefix('PERMISSION_')}."
        yield contract.comment(*path, 2, number)


def _message(contract: Contract, message: _Message, path: _Path, outer: str) -> Iterator[tuple[str, list[str]]]:
    name = f"{outer}{message.name}"
    entries = {f".{contract.file.package}.{name}.{kind.name}": kind for kind in message.nested_type}
    lines = [f"### {name} {{ #{name} }}", contract.comment(*path)]
    rows, longer = [], []
    for number, field in enumerate(message.field):
        first, _, rest = contract.comment(*path, 2, number).partition("\n\n")
        if rest:
            # It may hold lists and tables, which a cell cannot.
            anchor = f"{name}.{field.name}"
            longer += [f"#### {anchor} {{ #{anchor} }}", first, rest]
            first += f" [More](#{anchor})."
        type_name = _type_of(field, entries, contract.file.package)
        rows.append(f"| `{field.name}` | {type_name} | {_cell(first, _behaviour(field))} |")
    if rows:
        lines += ["\n".join(["| field | type | meaning |", "|---|---|---|", *rows]), *longer]
    yield name, lines
    for number, nested in enumerate(message.nested_type):
        if not nested.options.map_entry:
            yield from _message(contract, nested, (*path, 3, number), f"{name}.")
    for number, enum in enumerate(message.enum_type):
        yield _enum(contract, enum, (*path, 4, number), f"{name}.")


def _enum(
    contract: Contract, enum: descriptor_pb2.EnumDescriptorProto, path: _Path, outer: str
) -> tuple[str, list[str]]:
    name = f"{outer}{enum.name}"
    rows = [
        f"| `{value.name}` | {value.number} | {_cell(contract.comment(*path, 2, number), '')} |"
        for number, value in enumerate(enum.value)
    ]
    table = "\n".join(["| value | number | meaning |", "|---|---|---|", *rows])
    return name, [f"### {name} {{ #{name} }}", contract.comment(*path), table]


def _behaviour(field: _Field) -> str:
    names = [
        field_behavior_pb2.FieldBehavior.Name(value)
        for value in field.options.Extensions[field_behavior_pb2.field_behavior]
    ]
    return ", ".join(name.lower().replace("_", " ") for name in names if name != "OPTIONAL")


def _type_of(field: _Field, entries: dict[str, _Message], package: str) -> str:
    if field.type_name in entries and entries[field.type_name].options.map_entry:
        key, value = entries[field.type_name].field
        return f"map of {_type_of(key, {}, package)} to {_type_of(value, {}, package)}"
    prefix = "repeated " if field.label == _Field.LABEL_REPEATED else "optional " if field.proto3_optional else ""
    if field.type_name:
        return prefix + _type_link(field.type_name, package)
    return prefix + _Field.Type.Name(field.type).removeprefix("TYPE_").lower()


def _type_link(name: str, package: str) -> str:
    """The name of a type, with a link where it is ours."""
    ours = re.fullmatch(r"\.(trivet\.(\w+)\.v1)\.(.+)", name)
    if ours is None:
        return f"`{name.removeprefix('.')}`"
    page = "" if ours[1] == package else f"{ours[2]}.md"
    return f"[{ours[3]}]({page}#{ours[3]})"


def _cell(comment: str, behaviour: str) -> str:
    paragraphs = [" ".join(part.split()) for part in comment.split("\n\n")]
    text = "<br>".join(paragraphs).replace("|", "\\|")
    return f"*{behaviour}*. {text}" if behaviour else text
