"""What gRPC itself does for the calls of a channel: it balances them over replicas, and sends some again."""

from __future__ import annotations

import json
from typing import Final

# Reads that answer with a stream, by the contracts; a test keeps them so. They are sent again only while nothing of
# the answer has come. Calls with one answer are repeated by `Connection.call`: it knows of each request whether it may
# be, goes on for longer than gRPC's five tries can, and waits as long as the server asks for. Each call has one of the
# two. Whatever surely did not reach a server, gRPC sends again by itself.
REPEATED_STREAMS: Final = (
    ("trivet.artifacts.v1.ArtifactService", "DownloadArtifact"),
    ("trivet.tracking.v1.TrackingService", "ReadMetricHistory"),
    ("trivet.tracking.v1.TrackingService", "ReadMetricCurves"),
    ("trivet.tracking.v1.TrackingService", "ExportRuns"),
    ("trivet.tracking.v1.TrackingService", "ExportMetricPoints"),
)

# Streams without an end, which the SDK takes up again where they were (`Watch`).
RESUMED_STREAMS: Final = (
    ("trivet.registry.v1.RegistryService", "WatchModelEvents"),
    ("trivet.tracking.v1.TrackingService", "WatchRuns"),
)

# A server that is about to stop says so by its health, and gets no more calls from here; one that does not know the
# service of health, such as a gateway, counts as healthy.
SERVICE_CONFIG: Final = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": ""},
        "methodConfig": [
            {
                "name": [{"service": service, "method": method} for service, method in REPEATED_STREAMS],
                "retryPolicy": {
                    "maxAttempts": 5,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "2s",
                    "backoffMultiplier": 3,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
    }
)
"""As `grpc.service_config` takes it: https://github.com/grpc/grpc/blob/master/doc/service_config.md"""
