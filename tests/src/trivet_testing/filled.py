"""Requests of every method of the contracts, filled from their descriptors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from google.api import field_behavior_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from trivet_proto.common.v1 import options_pb2

_TEXTS: Final = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)


def request_of(method: MethodDescriptor, names: Mapping[int, str]) -> Message:
    """A request that names things, and says what is required.

    Args:
        method: Whose request it is.
        names: A name for each `ResourceKind`.
    """
    return _filled(method.input_type, names)


def _filled(descriptor: Descriptor, names: Mapping[int, str]) -> Message:
    message: Any = message_factory.GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if field.GetOptions().HasExtension(options_pb2.resource):
            name = names[field.GetOptions().Extensions[options_pb2.resource].kind]
            _set(message, field, name)
        elif field.message_type and field.message_type.file.package.startswith("trivet.") and _matters(field):
            _put(message, field, _filled(field.message_type, names))
        elif _is_required(field):
            _set(message, field, _some(field))
    filled: Message = message
    return filled


def _matters(field: FieldDescriptor) -> bool:
    """Whether a field holds names at some depth, or is required. Of several, one is one of (oneof) the first alone."""
    if field.containing_oneof is not None and field is not field.containing_oneof.fields[0]:
        return False
    return _is_required(field) or (field.message_type is not None and _has_names(field.message_type, ()))


def _has_names(descriptor: Descriptor, above: Iterable[Descriptor]) -> bool:
    if descriptor in above:
        return False
    for field in descriptor.fields:
        if field.GetOptions().HasExtension(options_pb2.resource):
            return True
        if field.message_type and _has_names(field.message_type, (*above, descriptor)):
            return True
    return False


def _is_required(field: FieldDescriptor) -> bool:
    behaviors: Any = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    return field_behavior_pb2.REQUIRED in behaviors


def _some(field: FieldDescriptor) -> Any:
    """Any value of a field's type that is not its default."""
    if field.message_type:
        made: Any = message_factory.GetMessageClass(field.message_type)()
        if field.message_type.full_name == "google.protobuf.FieldMask":
            made.paths.append("description")
        return made
    if field.type in _TEXTS:
        return "some" if field.type == FieldDescriptor.TYPE_STRING else b"some"
    if field.type == FieldDescriptor.TYPE_BOOL:
        return True
    return 1


def _set(message: Any, field: FieldDescriptor, value: Any) -> None:
    if isinstance(value, Message):
        _put(message, field, value)
    elif field.is_repeated:
        getattr(message, field.name).append(value)
    else:
        setattr(message, field.name, value)


def _put(message: Any, field: FieldDescriptor, value: Message) -> None:
    kind = field.message_type
    if kind is not None and field.is_repeated and kind.GetOptions().map_entry:
        return
    if field.is_repeated:
        getattr(message, field.name).add().CopyFrom(value)
    else:
        getattr(message, field.name).CopyFrom(value)
        getattr(message, field.name).SetInParent()
