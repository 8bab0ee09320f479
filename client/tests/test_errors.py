"""Every reason of the contract is an error of the SDK."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import code_pb2, error_details_pb2, status_pb2

import trivet
from trivet import _errors
from trivet._errors import BY_CODE, BY_REASON, TrivetError, class_of
from trivet._status import from_status
from trivet_proto.common.v1 import error_reason_pb2

PROTO = Path(__file__).parents[2] / "protos" / "trivet" / "common" / "v1" / "error_reason.proto"
REASONS = sorted(
    name.removeprefix("ERROR_REASON_")
    for name in error_reason_pb2.ErrorReason.keys()  # noqa: SIM118 - an enum is no mapping
    if name != "ERROR_REASON_UNSPECIFIED"
)

# A class of its own is for what a caller would tell apart from others of the same code.
BY_THEIR_CODE = {
    "INTERNAL",
    "METHOD_UNKNOWN",
    "DEADLINE_EXCEEDED",
    "DATABASE_UNAVAILABLE",
    "SERVER_DRAINING",
    "MESSAGE_MALFORMED",
    "CREDENTIALS_INVALID",
    "PERMISSION_DENIED",
    "FIELD_REQUIRED",
    "FIELD_INVALID",
    "FIELD_TOO_LONG",
    "RESOURCE_NAME_INVALID",
    "WORKSPACES_MIXED",
    "PAGE_TOKEN_INVALID",
    "UPDATE_MASK_INVALID",
    "REQUEST_ID_REUSED",
    "SEQUENCE_GAP",
    "WRITER_ENDED",
    "EXPERIMENT_PROTECTED",
    "ETAG_STALE",
}
"""The reasons that are raised as the class of their code: looked at, and found to need no other."""


def code_of(reason: str) -> int:
    """The code that the comment of a reason names."""
    text = PROTO.read_text(encoding="utf-8")
    match = re.search(rf"((?:^ +// .*\n)+) +ERROR_REASON_{reason} = ", text, re.MULTILINE)
    assert match is not None
    code = re.match(r" +// ([A-Z_]+)\.", match[1])
    assert code is not None, f"the comment of {reason} does not begin with its code"
    number: int = code_pb2.Code.Value(code[1])
    return number


def classes() -> list[type[TrivetError]]:
    return [kind for _, kind in inspect.getmembers(_errors, inspect.isclass) if issubclass(kind, TrivetError)]


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_becomes_a_class_of_its_code(reason: str) -> None:
    kind, by_code = class_of(code_of(reason), reason), BY_CODE[code_of(reason)]
    assert kind is not TrivetError
    # Who catches the class of the code catches the reason too, also one that this client does not know.
    assert issubclass(kind, by_code)
    assert class_of(code_of(reason), "SOMETHING_NEWER") is by_code


def test_reasons_with_a_class_of_their_own_are_in_the_contract() -> None:
    # ARTIFACT_NOT_FOUND is of the artifact service, whose reasons come with it.
    assert set(BY_REASON) - set(REASONS) <= {"ARTIFACT_NOT_FOUND"}
    assert not set(BY_REASON) & BY_THEIR_CODE


def test_every_code_but_ok_has_a_class() -> None:
    assert set(BY_CODE) == {code.value[0] for code in grpc.StatusCode} - {0}


def test_every_class_is_public_and_in_the_drawing() -> None:
    drawn = re.findall(r"^[│├└─ ]*([A-Z]\w+)", (_errors.__doc__ or "").split("\n\n")[1], re.MULTILINE)
    assert sorted(drawn) == sorted(kind.__name__ for kind in classes())
    for kind in classes():
        assert getattr(trivet, kind.__name__) is kind


def test_facts_of_a_status_are_kept() -> None:
    info = error_details_pb2.ErrorInfo(reason="FILTER_INVALID", domain="trivet", metadata={"position": "3"})
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromMilliseconds(1500)
    packed = [AnyMessage(), AnyMessage()]
    packed[0].Pack(info)
    packed[1].Pack(retry)
    error = from_status(status_pb2.Status(code=3, message="No.", details=packed), request_id="r")
    assert (type(error), str(error), error.reason) == (trivet.FilterInvalid, "No.", "FILTER_INVALID")
    assert (error.metadata, error.request_id, error.retry_after_seconds) == ({"position": "3"}, "r", 1.5)


def test_reason_of_another_domain_is_not_ours() -> None:
    packed = AnyMessage()
    packed.Pack(error_details_pb2.ErrorInfo(reason="RUN_NOT_FOUND", domain="proxy.example.com"))
    assert type(from_status(status_pb2.Status(code=5, details=[packed]))) is trivet.NotFound


def test_no_type_of_grpc_is_in_a_public_signature() -> None:
    owners: list[Any] = [trivet, trivet.Client, trivet.ActiveRun, *classes()]
    for owner in owners:
        for name, member in inspect.getmembers(owner, inspect.isroutine):
            if not name.startswith("_") and getattr(member, "__module__", "").startswith("trivet"):
                assert "grpc" not in str(inspect.signature(member)), f"{owner.__name__}.{name}"
