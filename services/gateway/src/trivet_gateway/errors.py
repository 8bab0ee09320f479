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

    def __init__(self, code: str, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason
        """Of a service, as its contract has it."""

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


def _reason_in(details: bytes) -> str:
    info = error_details_pb2.ErrorInfo()
    packed = status_pb2.Status.FromString(details).details
    return info.reason if any(each.Unpack(info) for each in packed) else ""


def from_rpc(error: grpc.RpcError) -> MlflowError:
    """What a service refused, or that none answers.

    The sentences of services are for callers. Those that gRPC makes itself name addresses, and are not passed on.
    """
    code = _CODES.get(error.code(), "INTERNAL_ERROR")
    trailer: Any = error.trailing_metadata()
    details = next((value for key, value in trailer or () if key == DETAILS), None)
    if details is not None and code != "INTERNAL_ERROR":
        return MlflowError(code, error.details() or code, _reason_in(details))
    return MlflowError(code, _WITHOUT_A_SENTENCE.get(code, "The server failed; its log says why."))
