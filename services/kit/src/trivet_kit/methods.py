"""What the contracts say about methods, read from their descriptors once, when the server starts.

A method that does not declare what it needs keeps the server from starting, so nothing can be forgotten open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

from trivet_kit.errors import FieldRequired, WorkspacesMixed
from trivet_kit.resources import workspace_of
from trivet_kit.roles import PermissionValue
from trivet_proto.common.v1 import options_pb2

_NO_RESOURCE = (options_pb2.PERMISSION_PUBLIC, options_pb2.PERMISSION_AUTHENTICATED)


class ContractError(Exception):
    """A contract that a server cannot serve; a fault of the build, seen at start."""


@dataclass(frozen=True)
class _NameField:
    """A field of a message that holds resource names, or a message in which there are some."""

    field: FieldDescriptor
    kind: int | None
    inner: tuple[_NameField, ...]


@dataclass(frozen=True)
class Method:
    """A method as the server needs it."""

    path: str
    """`/package.Service/Method`"""
    permission: PermissionValue
    server_scope: bool
    request_type: Callable[[], Message]
    request_streaming: bool
    response_streaming: bool
    required_fields: tuple[FieldDescriptor, ...]
    name_fields: tuple[_NameField, ...]
    changes: bool
    """Whether it changes something, or reads what is for administrators alone: audit notes its calls."""
    frequent: bool
    """Whether audit counts the calls of a minute that are alike, instead of noting each."""
    answers_resource: bool
    """Whether the answer is a resource, whose field `name` names it."""

    def names(self, request: Message) -> tuple[str, ...]:
        """The names in a request that are set, in its order, whether well formed or not."""
        return tuple(name for name, _, _ in _names(request, self.name_fields, prefix=""))

    def names_made(self, response: Any) -> tuple[str, ...]:
        """The name of the resource that an answer is, which the request may not have had; empty for other answers."""
        return (response.name,) if self.answers_resource else ()

    def check_required(self, request: Message) -> None:
        """Checks that all fields marked REQUIRED at the top of the request are set.

        Raises:
            FieldRequired: the first one that is not.
        """
        for field in self.required_fields:
            if not (request.HasField(field.name) if field.has_presence else bool(getattr(request, field.name))):
                raise FieldRequired(field.name)

    def workspace(self, request: Message) -> str | None:
        """The workspace of all names in the request; None where it has none and needs none.

        Raises:
            ResourceNameInvalid: a name does not have the form of its kind.
            WorkspacesMixed: the names lie in several workspaces.
            FieldRequired: the method needs a name and the request has none.
        """
        workspaces = self.workspaces(request)
        if len(workspaces) > 1:
            raise WorkspacesMixed(workspaces)
        if not workspaces and not self.server_scope and self.permission not in _NO_RESOURCE:
            raise FieldRequired(_first_path(self.name_fields))
        return next(iter(workspaces), None)

    def workspaces(self, request: Message) -> set[str]:
        """The workspaces of the names in the request.

        Raises:
            ResourceNameInvalid: a name does not have the form of its kind.
        """
        return {workspace_of(name, kind, path) for name, kind, path in _names(request, self.name_fields, prefix="")}


def methods_of(service: ServiceDescriptor) -> tuple[Method, ...]:
    """The methods of a service.

    Raises:
        ContractError: a method declares no permission, or needs a resource and its request names none, or its request
            may hold names where the check does not look.
    """
    return tuple(_method(descriptor) for descriptor in service.methods)


def _method(descriptor: MethodDescriptor) -> Method:
    path = f"/{descriptor.containing_service.full_name}/{descriptor.name}"
    options = descriptor.GetOptions()
    permission = options.Extensions[options_pb2.permission]
    server_scope = options.Extensions[options_pb2.server_scope]
    name_fields = _name_fields(descriptor.input_type)
    if permission == options_pb2.PERMISSION_UNSPECIFIED:
        raise ContractError(f"{path} declares no permission")
    if permission not in _NO_RESOURCE and not server_scope and not name_fields:
        raise ContractError(f"{path} needs a permission, but its request marks no field as naming a resource")
    if descriptor.client_streaming and not descriptor.server_streaming:
        raise ContractError(f"{path} streams requests and answers once, which this kit does not serve")
    return Method(
        path=path,
        permission=permission,
        server_scope=server_scope,
        request_type=message_factory.GetMessageClass(descriptor.input_type),
        request_streaming=descriptor.client_streaming,
        response_streaming=descriptor.server_streaming,
        required_fields=tuple(field for field in descriptor.input_type.fields if _is_required(field)),
        name_fields=name_fields,
        changes=permission not in (*_NO_RESOURCE, options_pb2.PERMISSION_READ),
        frequent=options.Extensions[options_pb2.frequent],
        answers_resource=_names_itself(descriptor.output_type),
    )


def _names_itself(message: Descriptor) -> bool:
    name = message.fields_by_name.get("name")
    return name is not None and name.GetOptions().HasExtension(options_pb2.resource)


def _is_required(field: FieldDescriptor) -> bool:
    behaviors: Any = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    return field_behavior_pb2.REQUIRED in behaviors


def _name_fields(message: Descriptor, above: tuple[Descriptor, ...] = ()) -> tuple[_NameField, ...]:
    """The fields of a message that hold names, or messages with names.

    Raises:
        ContractError: a name could stand where the check does not look, or is of no kind.
    """
    if message.file.package.startswith("google."):
        return ()
    if message in above:
        raise ContractError(f"{message.full_name} holds itself, so that names in it would go unchecked")
    found = []
    for field in message.fields:
        options = field.GetOptions()
        if options.HasExtension(options_pb2.resource):
            if _is_unused_in_creation(field, above):
                continue
            kind = options.Extensions[options_pb2.resource].kind
            if kind == options_pb2.RESOURCE_KIND_UNSPECIFIED or field.type != FieldDescriptor.TYPE_STRING:
                raise ContractError(f"{field.full_name} must be a text that names a kind of resource")
            found.append(_NameField(field, kind, ()))
        elif field.message_type:
            inner = _name_fields(field.message_type, (*above, message))
            if inner and field.message_type.GetOptions().map_entry:
                raise ContractError(f"{field.full_name} is a map with names in it, which would go unchecked")
            if inner:
                found.append(_NameField(field, None, inner))
    return tuple(found)


def _is_unused_in_creation(field: FieldDescriptor, above: tuple[Descriptor, ...]) -> bool:
    """Whether a name is that of a resource to create: a request with a parent makes the name itself (AIP-133)."""
    behaviors: Any = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    return bool(above) and "parent" in above[0].fields_by_name and field_behavior_pb2.IDENTIFIER in behaviors


def _names(message: Message, fields: tuple[_NameField, ...], prefix: str) -> Iterator[tuple[str, int, str]]:
    """The names in a message that are set, each with its kind and the path of its field."""
    for name_field in fields:
        field = name_field.field
        if field.message_type and not field.is_repeated and not message.HasField(field.name):
            continue
        value = getattr(message, field.name)
        for index, entry in enumerate(value if field.is_repeated else (value,)):
            path = f"{prefix}{field.name}[{index}]" if field.is_repeated else f"{prefix}{field.name}"
            if name_field.kind is None:
                yield from _names(entry, name_field.inner, f"{path}.")
            elif entry or field.is_repeated:
                yield entry, name_field.kind, path


def _first_path(fields: tuple[_NameField, ...]) -> str:
    first = fields[0]
    return first.field.name if first.kind is not None else f"{first.field.name}.{_first_path(first.inner)}"
