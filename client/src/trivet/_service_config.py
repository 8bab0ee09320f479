"""What gRPC itself does for the calls of a channel: it balances them over replicas."""

from __future__ import annotations

import json
from typing import Final

# A server that is about to stop says so by its health, and gets no more calls from here; one that does not know the
# service of health, such as a gateway, counts as healthy. There is no `retryPolicy`: `Connection` repeats calls itself
# (ADR 37).
SERVICE_CONFIG: Final = json.dumps(
    {"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ""}}
)
"""As `grpc.service_config` takes it: https://github.com/grpc/grpc/blob/master/doc/service_config.md"""
