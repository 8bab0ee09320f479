from __future__ import annotations

from trivet._service_config import REPEATED_STREAMS, RESUMED_STREAMS
from trivet_proto.artifacts.v1 import artifact_service_pb2
from trivet_proto.common.v1 import options_pb2
from trivet_proto.registry.v1 import registry_service_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2


def test_what_grpc_sends_again_is_every_stream_that_only_reads_and_has_an_end() -> None:
    services = [
        service
        for file in (artifact_service_pb2, registry_service_pb2, tracking_service_pb2)
        for service in file.DESCRIPTOR.services_by_name.values()
    ]
    reads = {
        (service.full_name, method.name)
        for service in services
        for method in service.methods
        if method.server_streaming
        and not method.client_streaming
        and method.GetOptions().Extensions[options_pb2.permission] == options_pb2.PERMISSION_READ
    }
    assert {*REPEATED_STREAMS, *RESUMED_STREAMS} == reads
    assert not {*REPEATED_STREAMS} & {*RESUMED_STREAMS}
