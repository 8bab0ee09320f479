"""What every contract declares, also those that no server serves yet."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from trivet_proto.artifacts.v1 import artifact_service_pb2
from trivet_proto.common.v1 import options_pb2, system_service_pb2
from trivet_proto.registry.v1 import registry_service_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2

FILES = (
    system_service_pb2.DESCRIPTOR,
    tracking_service_pb2.DESCRIPTOR,
    artifact_service_pb2.DESCRIPTOR,
    registry_service_pb2.DESCRIPTOR,
)
METHODS = [method for file in FILES for service in file.services_by_name.values() for method in service.methods]
# Who did what is for administrators, and it is noted who looks.
READ_BY_ADMINISTRATORS = {"ListAuditEvents", "ListServerAuditEvents"}
OPEN = (options_pb2.PERMISSION_PUBLIC, options_pb2.PERMISSION_AUTHENTICATED)


def resource_fields(message: Descriptor) -> list[FieldDescriptor]:
    """The fields that name resources, at any depth."""
    found = []
    for field in message.fields:
        if field.GetOptions().HasExtension(options_pb2.resource):
            found.append(field)
        elif field.message_type and field.message_type.file.package.startswith("trivet."):
            found += resource_fields(field.message_type)
    return found


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
def test_a_method_declares_its_permission(method: MethodDescriptor) -> None:
    assert method.GetOptions().Extensions[options_pb2.permission] != options_pb2.PERMISSION_UNSPECIFIED


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
def test_a_method_that_needs_a_permission_names_a_resource(method: MethodDescriptor) -> None:
    options = method.GetOptions()
    if options.Extensions[options_pb2.permission] in OPEN or options.Extensions[options_pb2.server_scope]:
        return
    assert resource_fields(method.input_type)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
def test_only_reading_methods_ask_for_no_more_than_reading(method: MethodDescriptor) -> None:
    reads = method.name.startswith(
        ("Get", "List", "Lookup", "Search", "Read", "Export", "Compare", "Watch", "Download", "Verify", "WhoAmI")
    )
    permission = method.GetOptions().Extensions[options_pb2.permission]
    if method.name in READ_BY_ADMINISTRATORS:
        assert permission == options_pb2.PERMISSION_ADMIN
        return
    assert reads == (permission in (*OPEN, options_pb2.PERMISSION_READ))
