from __future__ import annotations

import ast
from pathlib import Path

import trivet
from trivet_proto.artifacts.v1 import artifact_service_pb2
from trivet_proto.common.v1 import options_pb2
from trivet_proto.registry.v1 import registry_service_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2

# Those whose answers are read as bytes.
NAMES = {"read": "DownloadArtifact", "read_several": "DownloadArtifacts"}


def methods_passed_to(way: str) -> set[str]:
    """The methods of services that the client calls by a method of its connection."""
    calls = [
        node
        for file in Path(trivet.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == way
    ]
    passed = {call.args[0].attr for call in calls if call.args and isinstance(call.args[0], ast.Attribute)}
    return {NAMES.get(name, name) for name in passed}


def test_what_the_client_sends_again_is_every_stream_that_only_reads_and_has_an_end() -> None:
    reads = {
        method.name
        for file in (artifact_service_pb2, registry_service_pb2, tracking_service_pb2)
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if method.server_streaming
        and not method.client_streaming
        and method.GetOptions().Extensions[options_pb2.permission] == options_pb2.PERMISSION_READ
    }
    repeated, resumed = methods_passed_to("stream"), methods_passed_to("subscribe")
    assert resumed == {"WatchModelEvents", "WatchRuns"}
    # For reading curves the client has no method yet.
    assert repeated | resumed | {"ReadMetricCurves"} == reads
    assert not repeated & resumed
