from __future__ import annotations

from google.rpc import code_pb2, error_details_pb2

from trivet_kit.errors import CallerError, Code, FieldTooLong, MethodUnknown, Overloaded
from trivet_kit.status import to_status


def test_status_has_the_code_the_sentence_and_one_error_info() -> None:
    status = to_status(MethodUnknown("/trivet.tracking.v1.TrackingService/Fly"))
    assert status.code == code_pb2.UNIMPLEMENTED
    assert status.message.startswith("This server has no method /trivet.tracking.v1.TrackingService/Fly.")
    (detail,) = status.details
    info = error_details_pb2.ErrorInfo()
    assert detail.Unpack(info)
    assert info == error_details_pb2.ErrorInfo(
        reason="METHOD_UNKNOWN", domain="trivet", metadata={"method": "/trivet.tracking.v1.TrackingService/Fly"}
    )


def test_field_at_fault_is_also_a_bad_request() -> None:
    error = FieldTooLong("params[0].key", 300, 250)
    status = to_status(error)
    info, request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert [detail.Unpack(into) for detail, into in zip(status.details, (info, request), strict=True)] == [True, True]
    assert dict(info.metadata) == {"field": "params[0].key", "characters": "300", "maxCharacters": "250"}
    (violation,) = request.field_violations
    assert (violation.field, violation.description) == ("params[0].key", error.message)


def test_known_wait_is_also_a_retry_info() -> None:
    status = to_status(Overloaded("writes", retry_after_seconds=1.25))
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    assert [detail.Unpack(into) for detail, into in zip(status.details, (info, retry), strict=True)] == [True, True]
    assert retry.retry_delay.ToTimedelta().total_seconds() == 1.25
    assert dict(info.metadata) == {"queue": "writes"}


def test_error_with_both_has_both_and_one_error_info() -> None:
    class Both(CallerError):
        code = Code.ABORTED
        reason = "ETAG_STALE"

    status = to_status(Both("Again.", field="etag", retry_after_seconds=0))
    assert [detail.TypeName() for detail in status.details] == [
        "google.rpc.ErrorInfo",
        "google.rpc.BadRequest",
        "google.rpc.RetryInfo",
    ]


def test_codes_are_numbered_as_google_rpc_numbers_them() -> None:
    assert {code.name: code.value for code in Code}.items() <= dict(code_pb2.Code.items()).items()
