"""What goes wrong, as MLflow's clients are told of it."""

from __future__ import annotations

from typing import Any, Final

import grpc
from google.rpc import error_details_pb2, status_pb2

STATUS: Final = {
    "INVALID_PARAMETER_VALUE": 400,
    "BAD_REQUEST": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "RESOURCE_CONFLICT": 409,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""The HTTP status of each `error_code`."""

# MLflow's client sends what is answered by 5xx again for minutes, so only what may be otherwise later is one of them.
_CODES: Final = {
    grpc.StatusCode.INVALID_ARGUMENT: "INVALID_PARAMETER_VALUE",
    grpc.StatusCode.OUT_OF_RANGE: "INVALID_PARAMETER_VALUE",
    grpc.StatusCode.FAILED_PRECONDITION: "INVALID_PARAMETER_VALUE",
    grpc.StatusCode.NOT_FOUND: "RESOURCE_DOES_NOT_EXIST",
    grpc.StatusCode.ALREADY_EXISTS: "RESOURCE_ALREADY_EXISTS",
    grpc.StatusCode.ABORTED: "RESOURCE_CONFLICT",
    grpc.StatusCode.UNAUTHENTICATED: "UNAUTHENTICATED",
    grpc.StatusCode.PERMISSION_DENIED: "PERMISSION_DENIED",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "REQUEST_LIMIT_EXCEEDED",
    grpc.StatusCode.UNIMPLEMENTED: "NOT_IMPLEMENTED",
    grpc.StatusCode.UNAVAILABLE: "TEMPORARILY_UNAVAILABLE",
    grpc.StatusCode.DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
}


DETAILS: Final = "grpc-status-details-bin"
"""Of a trailer: what a service says of a refusal besides its sentence."""
_WITHOUT_A_SENTENCE: Final = {
    "TEMPORARILY_UNAVAILABLE": "A service behind this server does not answer. Try again later.",
    "DEADLINE_EXCEEDED": "A service behind this server did not answer in time.",
}


class MlflowError(Exception):
    """A refusal with an `error_code` of MLflow and a sentence."""

    def __init__(self, code: str, message: str, reason: str = "", retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason
        """Of a service, as its contract has it."""
        self.retry_after_seconds = retry_after_seconds
        """How long to wait before the same is asked again; None where nobody knows."""

    @property
    def status(self) -> int:
        """Of HTTP."""
        return STATUS[self.code]


def invalid(message: str) -> MlflowError:
    """The fault of a caller."""
    return MlflowError("INVALID_PARAMETER_VALUE", message)


def missing(message: str) -> MlflowError:
    """There is no such thing."""
    return MlflowError("RESOURCE_DOES_NOT_EXIST", message)


def from_status(code: str, status: status_pb2.Status) -> MlflowError:
    """What a service refused, of which `code` is known."""
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    reason = info.reason if any(each.Unpack(info) for each in status.details) else ""
    is_known = any(each.Unpack(retry) for each in status.details)
    return MlflowError(
        code, status.message or code, reason, retry.retry_delay.ToNanoseconds() / 1e9 if is_known else None
    )


def from_rpc(error: grpc.RpcError) -> MlflowError:
    """What a service refused, or that none answers.

    The sentences of services are for callers. Those that gRPC makes itself name addresses, and are not passed on.
    """
    code = _CODES.get(error.code(), "INTERNAL_ERROR")
    trailer: Any = error.trailing_metadata()
    details = next((value for key, value in trailer or () if key == DETAILS), None)
    if details is not None and code != "INTERNAL_ERROR":
        return from_status(code, status_pb2.Status.FromString(details))
    return MlflowError(code, _WITHOUT_A_SENTENCE.get(code, "The server failed; its log says why."))
