"""The reasons of the contract against the errors of all services: every one has a class, and its comment is true."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import trivet_kit
import trivet_standalone
import trivet_tracking
from trivet_kit import errors as kit
from trivet_kit.errors import CallerError
from trivet_kit.status import to_status
from trivet_proto.common.v1 import error_reason_pb2
from trivet_tracking.domain import errors as tracking
from trivet_tracking.domain.search import errors as search

PROTO = Path(__file__).parents[2] / "protos" / "trivet" / "common" / "v1" / "error_reason.proto"
PREFIX = "ERROR_REASON_"

WITHOUT_A_CLASS: dict[str, str] = {}
"""Reasons that no class has, each with why."""

# Each error as its comment in the contract has it.
EXAMPLES: tuple[CallerError, ...] = (
    kit.InternalError("0192f0c1a7"),
    kit.MethodUnknown("/trivet.tracking.v1.TrackingService/Fly"),
    kit.DeadlineExceeded("/trivet.tracking.v1.TrackingService/SearchRuns"),
    kit.DatabaseUnavailable(),
    kit.ServerDraining(),
    kit.Overloaded("writes", retry_after_seconds=1),
    kit.MessageTooLarge(9_000_000, 8_388_608),
    kit.MessageMalformed("trivet.tracking.v1.WriteRunRequest"),
    kit.CredentialsInvalid(),
    kit.PermissionDenied("WRITE", "team-a"),
    kit.FieldRequired("run"),
    kit.FieldInvalid("metrics.times_millis[3]", "must be 0 or more"),
    kit.FieldTooLong("params[0].key", 300, 250),
    kit.ResourceNameInvalid("run", "workspaces/{workspace}/runs/{run}"),
    kit.WorkspacesMixed({"team-b", "team-a"}),
    search.FilterInvalid(14, "here is no value"),
    search.OrderByInvalid(6, "here is no name"),
    kit.PageTokenInvalid(),
    kit.UpdateMaskInvalid("name", ("display_name", "description")),
    kit.RequestIdReused("6b1d…"),
    kit.WorkspaceNotFound("team-z"),
    tracking.ExperimentNotFound("workspaces/default/experiments/99"),
    tracking.RunNotFound("workspaces/default/runs/0192f0c1"),
    tracking.TagNotFound("team"),
    tracking.ExperimentNameTaken("taxi", "workspaces/default/experiments/3", deleted=True),
    tracking.RunIdTaken("workspaces/default/runs/0192f0c1"),
    tracking.ExperimentDeleted("workspaces/default/experiments/3"),
    tracking.RunDeleted("workspaces/default/runs/0192f0c1"),
    tracking.ParamChanged("lr", "params[0]"),
    tracking.SequenceGap(9, 7),
    tracking.ExperimentProtected("workspaces/default/experiments/0"),
    tracking.EtagStale("workspaces/default/experiments/3"),
)


@dataclass(frozen=True)
class Documented:
    """What the comment of an enum value says."""

    code: str
    info: dict[str, Any]


def documented() -> dict[str, Documented]:
    found = {}
    for comment, name in re.findall(
        r"((?:^ +// .*\n)+) +(ERROR_REASON_[A-Z_]+) = \d+;", PROTO.read_text(encoding="utf-8"), re.MULTILINE
    ):
        lines = [line.strip().removeprefix("// ") for line in comment.splitlines()]
        if name != "ERROR_REASON_UNSPECIFIED":
            found[name.removeprefix(PREFIX)] = Documented(lines[0].partition(".")[0], json.loads(lines[-1]))
    return found


def classes_below(parent: type[CallerError]) -> Iterator[type[CallerError]]:
    for child in parent.__subclasses__():
        if child.__module__.startswith(("trivet_kit.", "trivet_tracking.", "trivet_standalone.")):
            yield child
        yield from classes_below(child)


def all_classes() -> list[type[CallerError]]:
    for package in (trivet_kit, trivet_tracking, trivet_standalone):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations." not in module.name:
                importlib.import_module(module.name)
    return list(classes_below(CallerError))


def test_every_class_has_a_reason_of_the_contract() -> None:
    reasons = {f"{PREFIX}{kind.reason}" for kind in all_classes()}
    assert reasons <= set(error_reason_pb2.ErrorReason.keys()) - {"ERROR_REASON_UNSPECIFIED"}


def test_every_reason_of_the_contract_has_exactly_one_class() -> None:
    counts = Counter(kind.reason for kind in all_classes())
    reasons = {name.removeprefix(PREFIX) for name in error_reason_pb2.ErrorReason.keys()} - {"UNSPECIFIED"}  # noqa: SIM118 - an enum is no mapping
    assert {reason: counts[reason] for reason in reasons} == {
        reason: int(reason not in WITHOUT_A_CLASS) for reason in reasons
    }


def test_every_reason_is_documented_and_its_example_names_it() -> None:
    found = documented()
    assert {f"{PREFIX}{reason}" for reason in found} | {"ERROR_REASON_UNSPECIFIED"} == set(
        error_reason_pb2.ErrorReason.keys()
    )
    for reason, documentation in found.items():
        assert set(documentation.info) == {"reason", "domain", "metadata"}
        assert (documentation.info["reason"], documentation.info["domain"]) == (reason, "trivet")


def test_every_class_has_an_example_here() -> None:
    assert {type(error) for error in EXAMPLES} == set(all_classes())


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: error.reason)
def test_code_and_metadata_are_those_of_the_comment(error: CallerError) -> None:
    documentation = documented()[error.reason]
    assert error.code.name == documentation.code
    shown = documentation.info["metadata"]
    assert {key: error.metadata.get(key) for key in shown} == shown
    # The path of the field at fault may come besides.
    assert set(error.metadata) - set(shown) <= {"field"}


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: error.reason)
def test_message_is_one_line_of_sentences_and_everything_is_in_a_status(error: CallerError) -> None:
    assert re.fullmatch(r"\S[^\n]*[^\s.]\.", error.message)
    status = to_status(error)
    assert (status.code, status.message) == (error.code.value, error.message)
    kinds = [detail.TypeName() for detail in status.details]
    assert kinds.count("google.rpc.ErrorInfo") == 1
    assert ("google.rpc.BadRequest" in kinds) is (error.field is not None)
    assert ("google.rpc.RetryInfo" in kinds) is (error.retry_after_seconds is not None)
