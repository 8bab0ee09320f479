"""Turns what gRPC reports into errors of our own: the only place that does."""

from __future__ import annotations

from typing import Final, TypeVar, cast

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from trivet._errors import ServerUnavailable, TrivetError, class_of

_DETAILS_KEY: Final = "grpc-status-details-bin"
_REQUEST_ID_KEY: Final = "x-request-id"
_DOMAIN: Final = "trivet"
_Detail = TypeVar("_Detail", bound=Message)


def from_rpc_error(error: grpc.RpcError, address: str) -> TrivetError:
    """The error that a failed call to `address` is raised as."""
    call = cast("grpc.Call", error)  # what stubs raise is both; the types do not say so
    trailer = dict(call.trailing_metadata() or ())
    request_id = trailer.get(_REQUEST_ID_KEY, "")
    details = trailer.get(_DETAILS_KEY)
    if isinstance(details, bytes):
        try:
            return from_status(status_pb2.Status.FromString(details), request_id=str(request_id))
        except DecodeError:
            pass  # details of somebody between us and a Trivet server
    code = call.code()
    number: int = code.value[0]
    kind = class_of(number, "")
    said = call.details() or code.name
    if kind is ServerUnavailable:
        return ServerUnavailable(
            f"No Trivet server answers at {address} ({said}). Is it running? `trivet up` starts one on this machine; "
            "another address is set by TRIVET_URL or set_tracking_uri()."
        )
    return kind(f"{address} answered {code.name}: {said}.", request_id=str(request_id))


def from_status(status: status_pb2.Status, *, request_id: str = "") -> TrivetError:
    """The error of a status with details: that of a failed call, or of a refused record or file."""
    info = _detail(status, error_details_pb2.ErrorInfo)
    known = info is not None and info.domain == _DOMAIN
    reason = info.reason if info is not None and known else ""
    retry = _detail(status, error_details_pb2.RetryInfo)
    return class_of(status.code, reason)(
        status.message,
        reason=reason,
        metadata=dict(info.metadata) if info is not None and known else None,
        request_id=request_id,
        retry_after_seconds=None if retry is None else retry.retry_delay.ToNanoseconds() / 1e9,
    )


def _detail(status: status_pb2.Status, kind: type[_Detail]) -> _Detail | None:
    for packed in status.details:
        detail = kind()
        if packed.Is(detail.DESCRIPTOR) and packed.Unpack(detail):
            return detail
    return None
