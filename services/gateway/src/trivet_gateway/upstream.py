"""The three services behind the gateway."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.descriptor import ServiceDescriptor

from trivet_gateway.errors import from_rpc
from trivet_kit.upstream_tls import NO_UPSTREAM_TLS, UpstreamTls
from trivet_proto.artifacts.v1 import artifact_service_pb2
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_proto.common.v1 import system_service_pb2
from trivet_proto.common.v1.system_service_pb2_grpc import SystemServiceStub
from trivet_proto.registry.v1 import registry_service_pb2
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from trivet_proto.tracking.v1 import tracking_service_pb2
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub

_SYSTEM: Final = system_service_pb2.DESCRIPTOR.services_by_name["SystemService"]
_TRACKING: Final = tracking_service_pb2.DESCRIPTOR.services_by_name["TrackingService"]
_ARTIFACTS: Final = artifact_service_pb2.DESCRIPTOR.services_by_name["ArtifactService"]
_REGISTRY: Final = registry_service_pb2.DESCRIPTOR.services_by_name["RegistryService"]
SERVER_INFO: Final = f"/{_SYSTEM.full_name}/GetServerInfo"
SERVICES: Final[Sequence[ServiceDescriptor]] = (_SYSTEM, _TRACKING, _ARTIFACTS, _REGISTRY)
"""What is behind the gateway."""

_TIMEOUT_SECONDS: Final = 60.0
# Slower than any link that a file is worth sending over; as the SDK has it.
_BYTES_A_SECOND: Final = 64 * 1024
UNKNOWN_BYTES: Final = 10 << 30
"""Of what nobody says how much it is: so that the time for it is no limit."""
_ROUND_ROBIN: Final[Mapping[str, Any]] = {"loadBalancingConfig": [{"round_robin": {}}]}
_ALONE_CONFIG: Final = json.dumps(_ROUND_ROBIN)
# As the SDK has it: a server that is about to stop says so by its health, and gets no more calls from here.
_REPLICAS_CONFIG: Final = json.dumps({**_ROUND_ROBIN, "healthCheckConfig": {"serviceName": ""}})
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.dns_min_time_between_resolutions_ms", 2_000),
)


@dataclass(frozen=True)
class Endpoint:
    """Where a service is."""

    target: str
    """As gRPC takes it: `host:port`, `ipv4:host:port,host:port` of replicas, or `unix:PATH`."""
    is_tls: bool = False
    is_alone: bool = False
    """Whether there is never another server there, so that nobody has to know when this one stops."""


@dataclass(frozen=True)
class Addresses:
    """Of the services."""

    tracking: Endpoint
    artifacts: Endpoint
    registry: Endpoint
    tls: UpstreamTls = NO_UPSTREAM_TLS
    """Of those that speak TLS."""

    def channel(self, endpoint: Endpoint) -> grpc.aio.Channel:
        """To a service. For one event loop."""
        options = (("grpc.service_config", _ALONE_CONFIG if endpoint.is_alone else _REPLICAS_CONFIG), *_OPTIONS)
        if not endpoint.is_tls:
            return grpc.aio.insecure_channel(endpoint.target, options=options)
        credentials = grpc.ssl_channel_credentials(self.tls.authorities, self.tls.key, self.tls.certificate)
        return grpc.aio.secure_channel(endpoint.target, credentials, options=options)


def everywhere(target: str) -> Addresses:
    """Of services that are one server alone, without TLS."""
    alone = Endpoint(target, is_alone=True)
    return Addresses(alone, alone, alone)


class Upstream:
    """Channels to the services. For one event loop."""

    def __init__(self, addresses: Addresses) -> None:
        """Connects to nothing yet."""
        endpoints = {addresses.tracking, addresses.artifacts, addresses.registry}
        self._channels = {endpoint: addresses.channel(endpoint) for endpoint in endpoints}
        # As the others say of themselves what is asked there.
        self.system: Any = SystemServiceStub(self._channels[addresses.tracking])
        self.tracking: Any = TrackingServiceStub(self._channels[addresses.tracking])
        self.artifacts: Any = ArtifactServiceStub(self._channels[addresses.artifacts])
        self.locations: dict[str, tuple[float, str]] = {}
        """Of experiments, and when they were read; `mlflow.locations` keeps it."""
        self.registry: Any = RegistryServiceStub(self._channels[addresses.registry])

        by_server = {
            "tracking": self._channels[addresses.tracking],
            "artifacts": self._channels[addresses.artifacts],
            "registry": self._channels[addresses.registry],
        }
        self._by_server: Mapping[str, grpc.aio.Channel] = by_server
        self._by_service: Mapping[str, grpc.aio.Channel] = {
            _TRACKING.full_name: by_server["tracking"],
            _ARTIFACTS.full_name: by_server["artifacts"],
            _REGISTRY.full_name: by_server["registry"],
        }

    def channel_of(self, service: str, server: str = "tracking") -> grpc.aio.Channel | None:
        """To the service of a full name; to that about servers at the server of a name, None if there is none."""
        return self._by_service.get(service) or self._by_server.get(server)

    async def close(self) -> None:
        """Ends all calls."""
        for channel in self._channels.values():
            await channel.close()


@dataclass(frozen=True)
class Caller:
    """Who calls, for which workspace; what they call goes on with their credentials."""

    upstream: Upstream
    workspace: str
    metadata: tuple[tuple[str, str], ...]

    @property
    def parent(self) -> str:
        """The workspace's name."""
        return f"workspaces/{self.workspace}"

    def experiment(self, experiment_id: str) -> str:
        """The name of an experiment."""
        return f"{self.parent}/experiments/{experiment_id}"

    def run(self, run_id: str) -> str:
        """The name of a run."""
        return f"{self.parent}/runs/{run_id}"

    def logged_model(self, model_id: str) -> str:
        """The name of a logged model."""
        return f"{self.parent}/loggedModels/{model_id}"

    def model(self, name: str) -> str:
        """The name of a registered model."""
        return f"{self.parent}/models/{name}"

    def version(self, name: str, version: str) -> str:
        """The name of a version."""
        return f"{self.parent}/models/{name}/versions/{version}"

    def upload(self, upload_id: str) -> str:
        """The name of an upload."""
        return f"{self.parent}/uploads/{upload_id}"

    async def call(self, method: Any, request: Any, n_bytes: int = 0) -> Any:
        """The answer. Arguments, and what it raises, as `stream`."""
        timeout = _TIMEOUT_SECONDS + n_bytes / _BYTES_A_SECOND
        try:
            return await method(request, timeout=timeout, metadata=self.metadata)
        except grpc.RpcError as error:
            raise from_rpc(error) from None

    async def stream(self, method: Any, request: Any, n_bytes: int = 0) -> AsyncIterator[Any]:
        """The answers, one after the other.

        Args:
            method: What is called.
            request: What is asked, or a stream of requests.
            n_bytes: How much is to pass, which takes its time.

        Raises:
            MlflowError: as the class of what went wrong.
        """
        timeout = _TIMEOUT_SECONDS + n_bytes / _BYTES_A_SECOND
        try:
            async for answer in method(request, timeout=timeout, metadata=self.metadata):
                yield answer
        except grpc.RpcError as error:
            raise from_rpc(error) from None


def last(name: str) -> str:
    """The last segment of a name."""
    return name.rsplit("/", 1)[-1]
