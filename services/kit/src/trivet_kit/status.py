"""Turns errors into `google.rpc.Status`: the only place that does."""

from __future__ import annotations

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from trivet_kit.errors import CallerError

DOMAIN = "trivet"
FAULTS = frozenset({"INTERNAL", "UNKNOWN", "DATA_LOSS", "UNAVAILABLE", "DEADLINE_EXCEEDED", "UNIMPLEMENTED"})
"""The codes of what is no fault of the caller's."""
# Errors repeat what callers sent. They travel in HTTP trailers, percent-encoded and in base64, of which gRPC peers take
# 8 kB together; with these limits the longest has some 7 kB.
_MAX_MESSAGE_BYTES = 1000
_MAX_FACT_BYTES = 300


def _packed(detail: Message) -> Any:
    packed = Any()
    packed.Pack(detail)
    return packed


def _shortened(text: str, max_bytes: int) -> str:
    """The text, or its beginning and `…` where it has more bytes than that."""
    encoded = text.encode()
    if len(encoded) <= max_bytes:
        return text
    return encoded[: max_bytes - len("…".encode())].decode(errors="ignore") + "…"


def to_status(error: CallerError) -> status_pb2.Status:
    """The status of an error: its code, its sentence, exactly one ErrorInfo, and what else is known as details."""
    message = _shortened(error.message, _MAX_MESSAGE_BYTES)
    facts = {key: _shortened(value, _MAX_FACT_BYTES) for key, value in error.metadata.items()}
    details = [_packed(error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=facts))]
    if error.field is not None:
        violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=message)
        details.append(_packed(error_details_pb2.BadRequest(field_violations=[violation])))
    if error.retry_after_seconds is not None:
        delay = Duration()
        delay.FromNanoseconds(int(error.retry_after_seconds * 1e9))
        details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    return status_pb2.Status(code=int(error.code), message=message, details=details)
