"""The reasons of the contract against the errors of all services: every one has a class, and its comment is true."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from trivet_kit.errors import CallerError
from trivet_kit.status import to_status
from trivet_proto.common.v1 import error_reason_pb2

ROOT = Path(__file__).parents[2]
PROTO = ROOT / "protos" / "trivet" / "common" / "v1" / "error_reason.proto"
PACKAGES = sorted(folder.name for folder in ROOT.glob("services/*/src/trivet_*"))
PREFIX = "ERROR_REASON_"

WITHOUT_A_CLASS: dict[str, str] = {}
"""Reasons that no class has, each with why."""

# The arguments that make the error which the comment of each reason shows.
EXAMPLES: dict[str, dict[str, Any]] = {
    "INTERNAL": {"request_id": "0192f0c1a7"},
    "METHOD_UNKNOWN": {"method": "/trivet.tracking.v1.TrackingService/Fly"},
    "DEADLINE_EXCEEDED": {"what": "/trivet.tracking.v1.TrackingService/SearchRuns"},
    "DATABASE_UNAVAILABLE": {},
    "SERVER_DRAINING": {},
    "QUOTA_EXCEEDED": {
        "workspace": "team-a",
        "quota": "points_per_second",
        "limit": 50_000,
        "retry_after_seconds": 1,
        "remedy": "Wait.",
    },
    "OVERLOADED": {"queue": "writes", "retry_after_seconds": 1},
    "MESSAGE_TOO_LARGE": {"message_bytes": 9_000_000, "max_message_bytes": 8_388_608},
    "STORAGE_FULL": {},
    "MESSAGE_MALFORMED": {"message_type": "trivet.tracking.v1.WriteRunRequest"},
    "CREDENTIALS_INVALID": {},
    "PERMISSION_DENIED": {"permission": "WRITE", "workspace": "team-a"},
    "FIELD_REQUIRED": {"field": "run"},
    "FIELD_INVALID": {"field": "metrics.times_millis[3]", "problem": "must be 0 or more"},
    "FIELD_TOO_LONG": {"field": "params[0].key", "length": 300, "limit": 250},
    "RESOURCE_NAME_INVALID": {"field": "run", "pattern": "workspaces/{workspace}/runs/{run}"},
    "WORKSPACES_MIXED": {"workspaces": {"team-b", "team-a"}},
    "FILTER_INVALID": {"position": 14, "problem": "here is no value"},
    "ORDER_BY_INVALID": {"position": 6, "problem": "here is no name"},
    "PAGE_TOKEN_INVALID": {},
    "UPDATE_MASK_INVALID": {"path": "name", "updatable": ("display_name", "description")},
    "REQUEST_ID_REUSED": {"request_id": "6b1d…"},
    "WORKSPACE_NOT_FOUND": {"workspace": "team-z"},
    "EXPERIMENT_NOT_FOUND": {"name": "workspaces/default/experiments/99"},
    "RUN_NOT_FOUND": {"name": "workspaces/default/runs/0192f0c1"},
    "TAG_NOT_FOUND": {"key": "team"},
    "EXPERIMENT_NAME_TAKEN": {
        "display_name": "taxi",
        "name": "workspaces/default/experiments/3",
        "deleted": True,
    },
    "LOGGED_MODEL_NOT_FOUND": {"name": "workspaces/default/loggedModels/m-0051d54e"},
    "LOGGED_MODEL_ID_TAKEN": {"name": "workspaces/default/loggedModels/m-0051d54e"},
    "LOGGED_MODEL_FINALIZED": {"name": "workspaces/default/loggedModels/m-0051d54e", "status": "READY"},
    "SAVED_VIEW_NOT_FOUND": {"name": "workspaces/default/savedViews/6f1c…"},
    "SAVED_VIEW_NAME_TAKEN": {"display_name": "losses", "name": "workspaces/default/savedViews/6f1c…"},
    "SAVED_VIEW_LIMIT_REACHED": {"name": "workspaces/default/experiments/3", "max_saved_views": 1000},
    "RULE_NOT_FOUND": {"name": "workspaces/default/rules/6f1c…"},
    "RULE_NAME_TAKEN": {"display_name": "diverged", "name": "workspaces/default/rules/6f1c…"},
    "RULE_LIMIT_REACHED": {"name": "workspaces/default/experiments/3", "max_rules": 100},
    "RUN_ID_TAKEN": {"name": "workspaces/default/runs/0192f0c1"},
    "EXPERIMENT_DELETED": {"name": "workspaces/default/experiments/3"},
    "RUN_DELETED": {"name": "workspaces/default/runs/0192f0c1"},
    "PARAM_CHANGED": {"key": "lr", "field": "params[0]"},
    "SEQUENCE_GAP": {"sequence": 9, "expected": 7},
    "WRITER_ENDED": {"name": "workspaces/default/runs/0192f0c1", "last_sequence": 7},
    "EXPERIMENT_PROTECTED": {"name": "workspaces/default/experiments/0"},
    "RESUME_TOKEN_EXPIRED": {},
    "ETAG_STALE": {"name": "workspaces/default/experiments/3"},
    "MODEL_NOT_FOUND": {"name": "workspaces/default/models/taxi"},
    "MODEL_VERSION_NOT_FOUND": {"name": "workspaces/default/models/taxi/versions/3"},
    "MODEL_ALIAS_NOT_FOUND": {"name": "workspaces/default/models/taxi", "alias": "champion"},
    "MODEL_NAME_TAKEN": {"name": "workspaces/default/models/taxi"},
    "MODEL_VERSION_NOT_READY": {"name": "workspaces/default/models/taxi/versions/3", "state": "PENDING"},
    "MODEL_SOURCE_UNUSABLE": {
        "name": "workspaces/default/models/taxi/versions/3",
        "owner": "workspaces/default/runs/0192f0c1",
        "path": "model",
        "problem": "it has no files",
    },
    "STAGE_PROTECTED": {"name": "workspaces/default/models/taxi/versions/3", "stage": "Production", "approvals": 2},
    "ALIAS_PROTECTED": {"name": "workspaces/default/models/taxi", "alias": "champion", "approvals": 1},
    "MODEL_VERSION_UNVERIFIED": {"name": "workspaces/default/models/taxi/versions/3", "stage": "Production"},
    "STAGE_IN_USE": {"name": "workspaces/default/models/taxi/versions/3", "stage": "Canary"},
    "WEBHOOK_NOT_FOUND": {"name": "workspaces/default/webhooks/6f1c…"},
    "WEBHOOK_LIMIT_REACHED": {"workspace": "default", "max_webhooks": 100},
    "PROMOTION_REQUEST_NOT_FOUND": {"name": "workspaces/default/promotionRequests/6f1c…"},
    "PROMOTION_REQUEST_ENDED": {"name": "workspaces/default/promotionRequests/6f1c…", "state": "REJECTED"},
    "PROMOTION_REQUEST_STALE": {
        "name": "workspaces/default/promotionRequests/6f1c…",
        "what": "the stage of version 3",
        "asked": "None",
        "now": "Staging",
    },
    "PROMOTION_NOT_PROTECTED": {"name": "workspaces/default/models/taxi", "target": "Staging"},
    "APPROVER_NOT_ALLOWED": {"name": "workspaces/default/promotionRequests/6f1c…", "problem": "IS_ASKER"},
    "PROMOTION_REQUEST_NOT_YOURS": {
        "name": "workspaces/default/promotionRequests/6f1c…",
        "asker": "people/ann@example.org",
    },
    "PROMOTION_REQUEST_LIMIT_REACHED": {"name": "workspaces/default/models/taxi", "max_pending": 100},
    "RULES_SET_BY_POLICY": {"workspace": "default", "fields": ["protected_stages"]},
    "ARTIFACT_NOT_FOUND": {"owner": "workspaces/default/runs/0192f0c1", "path": "model/MLmodel"},
    "ARTIFACT_EXISTS": {"owner": "workspaces/default/models/taxi/versions/3", "path": "MLmodel"},
    "ARTIFACT_PATH_TAKEN": {"owner": "workspaces/default/runs/0192f0c1", "path": "model", "kind": "FILE"},
    "ARTIFACT_DIGEST_MISMATCH": {"sha256": "9f86d081…", "expected": "60303ae2…"},
    "ARTIFACT_SIZE_MISMATCH": {"size_bytes": 1023, "expected_size_bytes": 1024},
    "UPLOAD_EXPIRED": {},
    "ARTIFACT_STORE_UNAVAILABLE": {},
    "ARTIFACT_CONTENT_MISSING": {"sha256": "9f86d081…"},
    "UPLOAD_NOT_FOUND": {"name": "workspaces/default/uploads/6f1c…"},
    "UPLOAD_INCOMPLETE": {"name": "workspaces/default/uploads/6f1c…", "held_bytes": 8_388_608},
    "UPLOAD_OFFSET_WRONG": {"name": "workspaces/default/uploads/6f1c…", "held_bytes": 8_388_608},
    "UPLOAD_BUSY": {"name": "workspaces/default/uploads/6f1c…"},
    "DIRECT_TRANSFER_UNAVAILABLE": {},
    "ARTIFACT_IS_REFERENCE": {
        "owner": "workspaces/default/runs/0192f0c1",
        "path": "data.csv",
        "uri": "s3://bucket/data.csv",
    },
    "ARTIFACT_CORRUPT": {"owner": "workspaces/default/runs/0192f0c1", "path": "model/weights"},
    "ARTIFACTS_HELD": {"owner": "workspaces/default/runs/0192f0c1"},
    "COLLECTION_BUSY": {"workspace": "default"},
    "ARTIFACT_STORE_REFUSES": {"problem": "BUCKET_MISSING"},
}


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
        if child.__module__.partition(".")[0] in PACKAGES:
            yield child
        yield from classes_below(child)


@cache
def all_classes() -> list[type[CallerError]]:
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
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
    assert set(EXAMPLES) == {kind.reason for kind in all_classes()}


def example(reason: str) -> CallerError:
    (kind,) = (kind for kind in all_classes() if kind.reason == reason)
    make: Any = kind
    error: CallerError = make(**EXAMPLES[reason])
    return error


@pytest.mark.parametrize("reason", EXAMPLES)
def test_code_and_metadata_are_those_of_the_comment(reason: str) -> None:
    error, documentation = example(reason), documented()[reason]
    assert error.code.name == documentation.code
    shown = documentation.info["metadata"]
    assert {key: error.metadata.get(key) for key in shown} == shown
    # The path of the field at fault may come besides.
    assert set(error.metadata) - set(shown) <= {"field"}


@pytest.mark.parametrize("reason", EXAMPLES)
def test_message_is_one_line_of_sentences_and_everything_is_in_a_status(reason: str) -> None:
    error = example(reason)
    assert re.fullmatch(r"\S[^\n]*[^\s.]\.", error.message)
    status = to_status(error)
    assert (status.code, status.message) == (error.code.value, error.message)
    kinds = [detail.TypeName() for detail in status.details]
    assert kinds.count("google.rpc.ErrorInfo") == 1
    assert ("google.rpc.BadRequest" in kinds) is (error.field is not None)
    assert ("google.rpc.RetryInfo" in kinds) is (error.retry_after_seconds is not None)
