"""The kit's own errors against the contract; tests/contract/test_error_reasons.py has those of all services."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import trivet_kit
from trivet_kit.errors import CallerError, Code
from trivet_proto.common.v1 import error_reason_pb2

MODULES = [importlib.import_module(found.name) for found in pkgutil.walk_packages(trivet_kit.__path__, "trivet_kit.")]
CLASSES = [
    kind
    for module in MODULES
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, CallerError) and kind is not CallerError and kind.__module__ == module.__name__
]


def test_every_error_has_a_reason_of_the_contract_for_itself_alone() -> None:
    reasons = [kind.reason for kind in CLASSES]
    assert {f"ERROR_REASON_{reason}" for reason in reasons} <= set(error_reason_pb2.ErrorReason.keys())
    assert len(set(reasons)) == len(reasons) >= 15


def test_every_error_has_a_code_and_says_what_it_is() -> None:
    for kind in CLASSES:
        assert kind.code in Code
        assert inspect.getdoc(kind)
