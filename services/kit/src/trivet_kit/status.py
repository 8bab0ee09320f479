"""Turns errors into `google.rpc.Status`: the only place that does."""

from __future__ import annotations

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from trivet_kit.errors import CallerError

DOMAIN = "trivet"


def _packed(detail: Message) -> Any:
    packed = Any()
    packed.Pack(detail)
    return packed


def to_status(error: CallerError) -> status_pb2.Status:
    """The status of an error: its code, its sentence, exactly one ErrorInfo, and what else is known as details."""
    details = [
        _packed(error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)),
    ]
    if error.field is not None:
        violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=error.message)
        details.append(_packed(error_details_pb2.BadRequest(field_violations=[violation])))
    if error.retry_after_seconds is not None:
        delay = Duration()
        delay.FromNanoseconds(int(error.retry_after_seconds * 1e9))
        details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    return status_pb2.Status(code=int(error.code), message=error.message, details=details)
