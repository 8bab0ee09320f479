"""Links files in the artifact service."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable

import grpc
from google.rpc import error_details_pb2, status_pb2

from trivet_kit.calls import REQUEST_ID_HEADER
from trivet_kit.tracing import TRACEPARENT
from trivet_kit.upstream_tls import NO_UPSTREAM_TLS, UpstreamTls
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_registry.domain.versions import Link, Linked, LinkOutcome, LinkRefused
from trivet_registry.settings import ArtifactsTarget, parse_artifacts_url

# With these the same call would fail again. All others may be different the next time.
_FINAL = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.OUT_OF_RANGE,
    }
)
# These are about who asks: final for a caller, and a fault of the installation for the service itself.
_ABOUT_THE_CALLER = frozenset({grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED})
# So is this reason: a workspace that the caller may not see is none.
_UNSEEN = "WORKSPACE_NOT_FOUND"
# Linking again what was linked changes nothing, so that another replica is asked where one goes away.
_SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": ""},
        "methodConfig": [
            {
                "name": [{"service": "trivet.artifacts.v1.ArtifactService", "method": "LinkArtifacts"}],
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "1s",
                    "backoffMultiplier": 3,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
    }
)
_CHANNEL_OPTIONS = (
    ("grpc.service_config", _SERVICE_CONFIG),
    ("grpc.dns_min_time_between_resolutions_ms", 2_000),
    # gRPC's own waits grow to two minutes, and a version would stay PENDING as long.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)

_log = logging.getLogger("trivet.registry.linking")


class ArtifactLinks:
    """Calls `LinkArtifacts`. Safe for threads; not to be used across a fork."""

    def __init__(self, target: Callable[[], str], timeout_seconds: float, tls: UpstreamTls = NO_UPSTREAM_TLS) -> None:
        """Connects to nothing yet.

        Args:
            target: gives the artifact service's URL; asked at every call, and empty while it is not known.
            timeout_seconds: how long a call may take.
            tls: of an artifact service that speaks it.
        """
        self._tls = tls
        self._target = target
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None
        self._connected_to = ""
        self._closed = False

    def for_caller(self, link: Link, authorization: str, request_id: str, traceparent: str) -> LinkOutcome | None:
        """Links files with the credentials of who registers them; None where it has to be tried again."""
        return self._link(link, authorization, request_id, _is_final_for_caller, traceparent)

    def for_service(self, link: Link, authorization: str, request_id: str) -> LinkOutcome | None:
        """Links files with the service's own credentials; None where it has to be tried again."""
        return self._link(link, authorization, request_id, _is_final)

    def close(self) -> None:
        """Ends the calls that are under way; from now on, all have to be tried again."""
        with self._lock:
            self._closed = True
            if self._channel is not None:
                self._channel.close()
                self._channel = None

    def _link(
        self,
        link: Link,
        authorization: str,
        request_id: str,
        is_final: Callable[[grpc.RpcError], bool],
        traceparent: str = "",
    ) -> LinkOutcome | None:
        request = pb.LinkArtifactsRequest(
            source_owner=link.source_owner, source_path=link.source_path, destination_owner=link.destination_owner
        )
        metadata: tuple[tuple[str, str | bytes], ...] = ((REQUEST_ID_HEADER, request_id),)
        if authorization:
            metadata += (("authorization", authorization),)
        if traceparent:
            metadata += ((TRACEPARENT, traceparent),)
        try:
            stub = self._stub()
            if stub is None:
                return None
            answer = stub.LinkArtifacts(request, timeout=self._timeout_seconds, metadata=metadata)
        except grpc.RpcError as error:
            return self._outcome_of(error, link, request_id, is_final)
        except ValueError:
            return None  # the channel was closed between
        if answer.linked_files == 0:
            return LinkRefused("it has no files")
        return Linked(answer.manifest_sha256)

    def _outcome_of(
        self, error: grpc.RpcError, link: Link, request_id: str, is_final: Callable[[grpc.RpcError], bool]
    ) -> LinkOutcome | None:
        code, details = error.code(), error.details() or ""
        if is_final(error):
            return LinkRefused(" ".join(details.split()).rstrip(".") or code.name)
        _log.warning(
            "files were not linked: %s %s",
            code.name,
            details,
            extra={"owner": link.destination_owner, "request_id": request_id},
        )
        return None

    def _stub(self) -> ArtifactServiceStub | None:
        url = self._target()
        if not url:
            return None
        with self._lock:
            if self._closed:
                return None
            if self._channel is None or url != self._connected_to:
                if self._channel is not None:
                    self._channel.close()
                self._channel, self._connected_to = _connect(parse_artifacts_url(url), self._tls), url
            return ArtifactServiceStub(self._channel)


def _is_final_for_caller(error: grpc.RpcError) -> bool:
    return error.code() in _FINAL | _ABOUT_THE_CALLER


def _is_final(error: grpc.RpcError) -> bool:
    return error.code() in _FINAL and _UNSEEN not in _reasons(error)


def _reasons(error: grpc.RpcError) -> set[str]:
    reasons = set()
    for entry in error.trailing_metadata() or ():
        if entry.key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(entry.value).details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    reasons.add(info.reason)
    return reasons


def _connect(target: ArtifactsTarget, tls: UpstreamTls) -> grpc.Channel:
    if target.is_secure:
        credentials = grpc.ssl_channel_credentials(tls.authorities, tls.key, tls.certificate)
        return grpc.secure_channel(str(target.address), credentials, _CHANNEL_OPTIONS)
    return grpc.insecure_channel(str(target.address), _CHANNEL_OPTIONS)
