"""Promotion requests by the SDK and the commands, against a registry that knows who calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import trivet
from trivet_testing.approvers import Team, subject
from trivet_testing.command_line import invoke
from trivet_testing.registry import migrate, start_server

Known = Callable[[str], trivet.Client]


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Team:
    return Team(tmp_path_factory.mktemp("team"), ["team-a"])


@pytest.fixture(scope="module")
def address(team: Team, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    url = f"sqlite:///{tmp_path_factory.mktemp('registry') / 'registry.db'}"
    migrate(url)
    with start_server(url, **team.settings) as server:
        yield f"grpc://{server.address}/team-a"


@pytest.fixture
def as_(team: Team, address: str) -> Iterator[Known]:
    """The client of somebody."""
    with ExitStack() as stack:

        def client(name: str) -> trivet.Client:
            return stack.enter_context(trivet.Client(address, token=team.token(name)))

        yield client


@pytest.fixture
def model(as_: Known, request: pytest.FixtureRequest) -> str:
    """A model with two versions, whose alias `champion` takes two approvals."""
    name = f"model of {request.node.name}"
    for _ in range(2):
        as_("ann").register_model("s3://bucket/model", name)
    as_("ops").registry.promotion.protect(aliases=["champion"], approvals=2)
    return name


def test_others_approve_what_somebody_asks_for(as_: Known, model: str) -> None:
    ann, cat, dan = as_("ann"), as_("cat"), as_("dan")
    with pytest.raises(trivet.AliasProtected, match="trivet models promotion request-alias") as refused:
        ann.set_registered_model_alias(model, "champion", 2)
    assert refused.value.metadata["approvals"] == "2"
    asked = ann.request_registered_model_alias(model, "champion", 2, reason="won")
    assert (asked.state, asked.alias, asked.version, asked.from_version) == ("PENDING", "champion", 2, None)
    assert (asked.name, asked.reason, asked.created_by) == (model, "won", subject("ann"))
    assert asked.expiration_timestamp - asked.creation_timestamp == 7 * 24 * 3_600_000
    assert ann.list_promotion_requests("pending", model) == [asked]
    first = cat.approve_promotion_request(asked.promotion_request_id, "tried it")
    assert (first.state, [each.reason for each in first.approvals]) == ("PENDING", ["tried it"])
    last = dan.approve_promotion_request(asked.promotion_request_id)
    assert (last.state, last.ended_by, last.required_approvals) == ("APPROVED", subject("dan"), 2)
    assert ann.get_promotion_request(asked.promotion_request_id) == last
    assert ann.get_model_version_by_alias(model, "champion").version == 2
    assert ann.list_promotion_requests("PENDING", model) == []
    assert ann.verify_model(model).is_intact
    with pytest.raises(trivet.PromotionRequestEnded) as ended:
        as_("eve").reject_promotion_request(asked.promotion_request_id, "too late")
    assert ended.value.metadata["state"] == "APPROVED"


def test_errors_have_classes_of_their_own(as_: Known, model: str) -> None:
    ann, cat = as_("ann"), as_("cat")
    with pytest.raises(trivet.PromotionNotProtected):
        ann.request_model_version_stage(model, 1, "Staging")
    with pytest.raises(trivet.PromotionRequestNotFound):
        ann.get_promotion_request("0" * 32)
    with pytest.raises(trivet.InvalidArgument, match="WITHDRAWN"):
        ann.list_promotion_requests("open")
    with pytest.raises(trivet.InvalidArgument, match="not a version"):
        ann.request_registered_model_alias(model, "champion", 0)
    asked = ann.request_registered_model_alias(model, "champion", 1).promotion_request_id
    with pytest.raises(trivet.PermissionDenied):
        ann.approve_promotion_request(asked)
    ops = as_("ops").registry.promotion
    ops.unprotect(aliases=["champion"])
    ann.set_registered_model_alias(model, "champion", 2)
    ops.protect(aliases=["champion"], approvals=2)
    with pytest.raises(trivet.Conflict, match="was none when it was asked for, and is 2"):
        cat.approve_promotion_request(asked)
    assert ann.withdraw_promotion_request(asked, "somebody was faster").state == "WITHDRAWN"
    removal = ann.request_registered_model_alias(model, "champion", None)
    assert (removal.version, removal.from_version) == (None, 2)


def test_it_waits_as_long_as_somebody_says(as_: Known, model: str) -> None:
    requests = as_("ann").registry.promotion_requests
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    asked = requests.ask_for_alias(model, "champion", 1, expires=until)
    assert asked.expiration_timestamp == int(until.timestamp() * 1000)
    with pytest.raises(trivet.InvalidArgument, match="90 days"):
        requests.ask_for_alias(model, "champion", 1, expires=until + timedelta(days=90))


def test_protection_has_numbers_of_approvals(as_: Known) -> None:
    promotion = as_("ops").registry.promotion
    rules = promotion.protect(stages=["production"], approvals=1)
    assert rules.stage_approvals == {"Production": 1}
    assert promotion.protect(stages=["Production", "Staging"]).stage_approvals == {"Production": 1}
    assert promotion.protect(stages=["PRODUCTION"], approvals=3).stage_approvals == {"Production": 3}
    frozen = promotion.protect(stages=["Production"], approvals=0)
    assert (frozen.protected_stages, frozen.stage_approvals) == (("Staging", "Production"), {})
    promotion.unprotect(stages=["Production", "Staging"])


def test_the_policy_file_is_named_where_it_sets_the_rules(as_: Known, team: Team) -> None:
    team.set_rules({"team-a": {"protected_stages": {"Production": {"approvals": 2}}}})
    ops = as_("ops").registry.promotion
    try:
        while ops.get_rules().stage_approvals != {"Production": 2}:
            pass  # it is read every second
        assert ops.get_rules().policy_fields == ("protected_stages",)
        with pytest.raises(trivet.FailedPrecondition, match="policy file") as refused:
            ops.protect(stages=["Staging"])
        assert refused.value.reason == "RULES_SET_BY_POLICY"
        ops.protect(aliases=["golden"])
    finally:
        team.set_rules({})
        while ops.get_rules().policy_fields:
            pass
    ops.unprotect(aliases=["golden"])


def test_commands_approve_and_say_so(
    as_: Known, model: str, team: Team, address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRIVET_URL", address)
    asked = as_("ann").request_registered_model_alias(model, "champion", 2).promotion_request_id

    def command(name: str, *arguments: str) -> str:
        monkeypatch.setenv("TRIVET_TOKEN", team.token(name))
        ended = invoke("models", "promotion", *arguments)
        assert ended.exit_code == 0, ended.output
        return str(ended.output)

    assert command("cat", "approve", asked) == "Approved: 1 of 2.\n"
    shown = json.loads(command("ann", "show", asked, "--json"))
    assert (shown["state"], shown["approved_by"]) == ("PENDING", [subject("cat")])
    assert command("dan", "approve", asked) == f"alias champion → version 2 of {model!r} is done.\n"
    assert subject("dan") in command("ann", "show", asked)
