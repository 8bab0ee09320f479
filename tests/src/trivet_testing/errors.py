"""What a failed call tells its caller, read the way that a client reads it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar, cast

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

_Detail = TypeVar("_Detail", bound=Message)

DOMAIN: Final = "trivet"
_DETAILS_KEY: Final = "grpc-status-details-bin"
_CODES: Final[Mapping[int, grpc.StatusCode]] = {code.value[0]: code for code in grpc.StatusCode}

# Words of databases, drivers and Python that have no place in an answer. SQL counts in capitals only: a sentence may
# say "from" and "where".
_INTERNALS: Final = re.compile(
    r"\b(?:SELECT|INSERT|UPDATE|DELETE|FROM|WHERE|JOIN|BEGIN|COMMIT)\b"
    r"|(?i:psycopg|sqlite|sqlalchemy|postgres|alembic|duplicate key value|constraint|relation \"|traceback|protobuf)"
    r"|\.py\b|site-packages|/(?:usr|home|tmp|var|opt|root)/|[A-Za-z]+Error\b"
)


@dataclass(frozen=True)
class CallFailure:
    """The status of a failed call, or of a refused record."""

    code: grpc.StatusCode
    message: str
    reason: str
    """Of the one ErrorInfo."""
    metadata: dict[str, str]
    """Of the one ErrorInfo."""
    fields: tuple[str, ...]
    """The paths in BadRequest, in order; empty without one."""
    retry_seconds: float | None
    """The wait in RetryInfo; None without one."""


def rpc_error_of(call: Callable[[], object]) -> grpc.Call:
    """The raw error that a call ends with; `call` makes it and, where it streams, reads it to the end.

    Raises:
        AssertionError: If the call succeeds.
    """
    try:
        answer = call()
    except grpc.RpcError as error:
        return cast("grpc.Call", error)  # what stubs raise is both; the types do not say so
    raise AssertionError(f"the call was to fail, and answered {str(answer)[:500]!r}")


def error_of(call: Callable[[], object]) -> CallFailure:
    """The error that a call ends with.

    Args:
        call: Makes the call; where that streams, reads it to the end.

    Raises:
        AssertionError: If the call succeeds, if its error lacks details, or if those break a rule that all errors keep:
            exactly one ErrorInfo, of domain `trivet`; nothing of the server's insides in it.
    """
    error = rpc_error_of(call)
    details = [value for key, value in error.trailing_metadata() or () if key == _DETAILS_KEY]
    assert len(details) == 1, f"{error.code()} without details: {error.details()}"
    failure = failure_in(status_pb2.Status.FromString(_bytes(details[0])))
    assert (failure.code, failure.message) == (error.code(), error.details())
    return failure


def failure_in(status: status_pb2.Status) -> CallFailure:
    """What a status says. Raises AssertionError as `error_of` does."""
    infos = _details(status, error_details_pb2.ErrorInfo)
    assert len(infos) == 1, f"{len(infos)} ErrorInfos in {status}"
    info = infos[0]
    assert info.domain == DOMAIN
    violations = [
        violation
        for request in _details(status, error_details_pb2.BadRequest)
        for violation in request.field_violations
    ]
    waits = [retry.retry_delay.ToNanoseconds() / 1e9 for retry in _details(status, error_details_pb2.RetryInfo)]
    assert len(waits) <= 1
    for text in (status.message, *info.metadata.values(), *(violation.description for violation in violations)):
        found = _INTERNALS.search(text)
        assert found is None, f"{found!r} of {status}"
    return CallFailure(
        code=_CODES[status.code],
        message=status.message,
        reason=info.reason,
        metadata=dict(info.metadata),
        fields=tuple(violation.field for violation in violations),
        retry_seconds=waits[0] if waits else None,
    )


def _details(status: status_pb2.Status, kind: type[_Detail]) -> list[_Detail]:
    found = []
    for packed in status.details:
        detail = kind()
        if packed.Unpack(detail):
            found.append(detail)
    return found


def _bytes(value: str | bytes) -> bytes:
    assert isinstance(value, bytes)
    return value


def outcome(send: Callable[[], object]) -> object:
    """What a call answers, or the CallFailure that it ends with."""
    answers: list[object] = []
    try:
        return error_of(lambda: answers.append(send()))
    except AssertionError:
        if answers:
            return answers[0]
        raise


def reason_of(call: Callable[[], object]) -> str:
    """Why a call failed; empty where it did not."""
    ended = outcome(call)
    return ended.reason if isinstance(ended, CallFailure) else ""
