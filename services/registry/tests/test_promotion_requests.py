"""Changes of what is protected: asked for, approved by others, made once, and all of it in the history."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import grpc
import pytest
import sqlalchemy as sa
from google.protobuf.timestamp_pb2 import Timestamp

from trivet_proto.registry.v1 import model_history_pb2, promotion_request_pb2
from trivet_proto.registry.v1.promotion_request_pb2 import AliasMove, PromotionRequest, StageMove
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from trivet_registry.server import open_database
from trivet_registry.store import tables
from trivet_testing.approvers import Team, subject
from trivet_testing.artifact_files import ArtifactFiles
from trivet_testing.errors import error_of
from trivet_testing.registry import Registry, migrate, number_of, start_server
from trivet_testing.waiting import wait_until
from trivet_testing.workspaces import unused_workspace

PENDING = promotion_request_pb2.PROMOTION_REQUEST_STATE_PENDING
APPROVED = promotion_request_pb2.PROMOTION_REQUEST_STATE_APPROVED
REJECTED = promotion_request_pb2.PROMOTION_REQUEST_STATE_REJECTED
WITHDRAWN = promotion_request_pb2.PROMOTION_REQUEST_STATE_WITHDRAWN
EXPIRED = promotion_request_pb2.PROMOTION_REQUEST_STATE_EXPIRED
BY_POLICY = unused_workspace()
"""A workspace whose rules the policy file sets."""
POLICY_RULES = {
    "stages": ["None", "Canary", "Live", "Archived"],
    "protected_stages": {"Live": {"approvals": 2}},
    "protected_aliases": {"champion": {"approvals": 1}},
}
BY_POLICY_SPELLED = unused_workspace()
SPELLED_RULES = {
    "stages": ["None", "Staging", "production", "Archived"],
    "protected_stages": {"production": {"approvals": 2}},
}
"""What the file says there later on, of the stage that its versions know as Production."""
_workspaces = [unused_workspace() for _ in range(60)]
_unused = iter(_workspaces)


@dataclass(frozen=True)
class World:
    """A registry that knows who calls, and the artifact service that has the files of versions."""

    database_url: str
    address: str
    team: Team
    channel: grpc.Channel
    artifacts: ArtifactFiles

    def as_(self, name: str, workspace: str) -> Registry:
        """The registry as somebody uses it."""
        return Registry(RegistryServiceStub(self.team.channel(self.channel, name)), workspace)


@dataclass(frozen=True)
class People:
    """A workspace as each of its people sees it."""

    world: World
    workspace: str

    def __getattr__(self, name: str) -> Registry:
        return self.world.as_(name, self.workspace)

    def version(self, model: str = "taxi") -> int:
        """Registers another version, with files; returns its number."""
        run = f"workspaces/{self.workspace}/runs/r1"
        return number_of(self.ann.link_version(model, run, "model"))


@pytest.fixture(scope="module")
def world(server_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    team = Team(tmp_path_factory.mktemp("team"), [*_workspaces, BY_POLICY, BY_POLICY_SPELLED])
    team.set_rules({BY_POLICY: POLICY_RULES})
    migrate(server_database_url)
    with (
        ArtifactFiles(tmp_path_factory.mktemp("artifacts")) as artifacts,
        start_server(
            server_database_url,
            artifacts_url=f"grpc://{artifacts.server.address}",
            TRIVET_SWEEP_AFTER_SECONDS="0.2",
            **team.settings,
        ) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        yield World(server_database_url, server.address, team, channel, artifacts)


def people_in(world: World, workspace: str) -> People:
    """The people of a workspace that has a model `taxi` with two versions."""
    people = People(world, workspace)
    world.artifacts.put(f"workspaces/{workspace}/runs/r1", {"model/MLmodel": b"flavors: {}\n"})
    people.ann.create_model("taxi")
    for _ in range(2):
        people.version()
    return people


@pytest.fixture
def people(world: World) -> People:
    """Those of a workspace of the test's own, where Production takes two approvals and `champion` one."""
    people = people_in(world, next(_unused))
    people.ops.change_rules(
        protected_stages=["Production"],
        stage_approvals={"production": 2},
        protected_aliases=["champion"],
        alias_approvals={"champion": 1},
    )
    return people


def refusal(call: Callable[[], object]) -> tuple[str, str]:
    """The code and the reason of a call that is refused."""
    failure = error_of(call)
    return failure.code.name, failure.reason


def actions(people: People, model: str = "taxi") -> list[str]:
    """What was done to a model."""
    return [
        model_history_pb2.ModelAction.Name(entry.action).removeprefix("MODEL_ACTION_")
        for entry in people.ann.history(model)
    ]


def check_intact(people: People, model: str = "taxi") -> None:
    assert list(people.ann.verify(model).faults) == []


def test_the_last_of_two_approvals_moves_the_version(people: People) -> None:
    asked = people.ann.ask_for_stage("taxi", 2, "production", reason="better on rainy days")
    assert (asked.state, asked.required_approvals, asked.created_by) == (PENDING, 2, subject("ann"))
    assert asked.stage_move == StageMove(version=2, stage="Production", from_stage="None")
    assert asked.expire_time.seconds - asked.create_time.seconds == 7 * 24 * 3600
    first = people.cat.approve(asked.name, "tried it")
    assert (first.state, people.ann.get_version("taxi", 2).stage) == (PENDING, "None")
    last = people.dan.approve(asked.name)
    assert (last.state, last.ended_by, last.required_approvals) == (APPROVED, subject("dan"), 2)
    assert [(each.approver, each.reason) for each in last.approvals] == [
        (subject("cat"), "tried it"),
        (subject("dan"), ""),
    ]
    assert people.ann.get_version("taxi", 2).stage == "Production"
    assert people.ann.get_request(asked.name) == last
    entries = people.ann.history("taxi", version=2)[-4:]
    assert [(entry.action, entry.actor, entry.reason) for entry in entries] == [
        (model_history_pb2.MODEL_ACTION_PROMOTION_REQUESTED, subject("ann"), "better on rainy days"),
        (model_history_pb2.MODEL_ACTION_PROMOTION_APPROVED, subject("cat"), "tried it"),
        (model_history_pb2.MODEL_ACTION_PROMOTION_APPROVED, subject("dan"), ""),
        (model_history_pb2.MODEL_ACTION_VERSION_MOVED, subject("dan"), "better on rainy days"),
    ]
    prefix = asked.name.removeprefix(f"{people.ann.parent}/")
    assert [(change.field, change.after) for change in entries[2].changes] == [
        (f"{prefix}/approvals.{subject('dan')}", ""),
        (f"{prefix}/ended_by", subject("dan")),
        (f"{prefix}/state", "APPROVED"),
    ]
    check_intact(people)


def test_a_direct_move_says_how_to_ask_for_it(people: People) -> None:
    for move, reason, target, approvals in (
        (lambda: people.ann.move("taxi", 1, "Production"), "STAGE_PROTECTED", "Production", "2"),
        (lambda: people.ops.move("taxi", 1, "Production"), "STAGE_PROTECTED", "Production", "2"),
        (lambda: people.ann.set_alias("taxi", "champion", 1), "ALIAS_PROTECTED", "champion", "1"),
    ):
        failure = error_of(move)
        assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, reason)
        assert (failure.metadata["permission"], failure.metadata["approvals"]) == ("APPROVE", approvals)
        assert target in failure.metadata.values()
        assert "CreatePromotionRequest" in failure.message
        assert "trivet models promotion request" in failure.message
    assert people.ann.get_version("taxi", 1).stage == "None"


def test_what_asks_for_a_move_is_named_to_who_tries_it(people: People) -> None:
    def said(move: Callable[[], object]) -> str:
        failure = error_of(move)
        assert failure.metadata.get("promotion_request", "") in failure.message
        return failure.message

    assert "`trivet models promotion request taxi 1 Production`" in said(
        lambda: people.ann.move("taxi", 1, "production")
    )
    archiving = "`trivet models promotion request taxi 1 Production --archive-existing`"
    assert archiving in said(lambda: people.ann.move("taxi", 1, "Production", archive=True))
    assert "`trivet models promotion request-alias taxi champion 2`" in said(
        lambda: people.ann.set_alias("taxi", "champion", 2)
    )

    asked = people.ann.ask_for_stage("taxi", 1, "Production").name
    failure = error_of(lambda: people.bob.move("taxi", 1, "production"))
    assert failure.metadata["promotion_request"] == asked
    assert f"`trivet models promotion show {asked.rpartition('/')[2]}`" in failure.message
    # Others ask for something else.
    assert archiving in said(lambda: people.bob.move("taxi", 1, "Production", archive=True))
    assert "request taxi 2 Production`" in said(lambda: people.bob.move("taxi", 2, "Production"))
    people.ann.withdraw(asked)
    assert "request taxi 1 Production`" in said(lambda: people.bob.move("taxi", 1, "Production"))

    moved = people.ann.ask_for_alias("taxi", "champion", 2).name
    assert error_of(lambda: people.bob.set_alias("taxi", "champion", 2)).metadata["promotion_request"] == moved
    people.cat.approve(moved)
    assert "`trivet models promotion request-alias taxi champion`" in said(
        lambda: people.bob.delete_alias("taxi", "champion")
    )


def test_who_asked_cannot_approve_nor_does_anybody_twice(people: People) -> None:
    asked = people.fay.ask_for_stage("taxi", 1, "Production").name
    failure = error_of(lambda: people.fay.approve(asked))
    assert (failure.code.name, failure.reason) == ("PERMISSION_DENIED", "APPROVER_NOT_ALLOWED")
    assert failure.metadata == {"name": asked, "problem": "IS_ASKER"}
    once = people.cat.approve(asked, "yes")
    before = actions(people)
    assert people.cat.approve(asked, "yes again") == once
    assert (once.state, len(once.approvals), actions(people)) == (PENDING, 1, before)
    done = people.dan.approve(asked)
    # A call that is sent again, because its answer was lost, has the same answer.
    assert people.dan.approve(asked) == people.cat.approve(asked) == done
    assert refusal(lambda: people.eve.approve(asked)) == ("FAILED_PRECONDITION", "PROMOTION_REQUEST_ENDED")


def test_roles_say_who_may_ask_and_who_may_decide(people: People) -> None:
    asked = people.ann.ask_for_stage("taxi", 1, "Production").name
    denied = ("PERMISSION_DENIED", "PERMISSION_DENIED")
    assert refusal(lambda: people.bob.approve(asked)) == denied
    assert refusal(lambda: people.ann.reject(asked)) == denied
    assert refusal(lambda: people.cat.ask_for_stage("taxi", 1, "Production")) == denied
    assert refusal(lambda: people.cat.withdraw(asked)) == denied
    assert people.cat.get_request(asked).state == PENDING


def test_without_authentication_nobody_is_another_than_who_asked(registry: Registry) -> None:
    registry.create_model("taxi")
    registry.create_version("taxi")
    registry.change_rules(protected_aliases=["champion"], alias_approvals={"champion": 1})
    asked = registry.ask_for_alias("taxi", "champion", 1)
    failure = error_of(lambda: registry.approve(asked.name))
    assert (failure.code.name, failure.reason) == ("PERMISSION_DENIED", "APPROVER_NOT_ALLOWED")
    assert failure.metadata == {"name": asked.name, "problem": "NOT_VERIFIED"}
    assert "TRIVET_POLICY" in failure.message
    assert dict(registry.get_model("taxi").aliases) == {}
    assert registry.withdraw(asked.name).state == WITHDRAWN


def test_a_rejection_ends_it_and_needs_a_reason(people: People) -> None:
    asked = people.ann.ask_for_stage("taxi", 1, "Production").name
    people.cat.approve(asked)
    for empty in ("", "  "):
        assert error_of(lambda empty=empty: people.dan.reject(asked, empty)).fields == ("reason",)  # type: ignore[misc]
    rejected = people.dan.reject(asked, "it forgets the nights")
    assert (rejected.state, rejected.ended_by, rejected.end_reason) == (
        REJECTED,
        subject("dan"),
        "it forgets the nights",
    )
    assert people.dan.reject(asked, "it forgets the nights") == rejected
    for late in (
        lambda: people.eve.approve(asked),
        lambda: people.cat.approve(asked),
        lambda: people.eve.reject(asked),
        lambda: people.ann.withdraw(asked),
    ):
        failure = error_of(late)
        assert (failure.code.name, failure.reason) == ("FAILED_PRECONDITION", "PROMOTION_REQUEST_ENDED")
        assert failure.metadata == {"name": asked, "state": "REJECTED"}
    assert people.ann.get_version("taxi", 1).stage == "None"
    assert actions(people)[-1] == "PROMOTION_REJECTED"
    check_intact(people)


def test_only_who_asked_takes_it_back(people: People) -> None:
    asked = people.ann.ask_for_stage("taxi", 1, "Production").name
    failure = error_of(lambda: people.bob.withdraw(asked))
    assert (failure.code.name, failure.reason) == ("PERMISSION_DENIED", "PROMOTION_REQUEST_NOT_YOURS")
    assert failure.metadata == {"name": asked, "asker": subject("ann")}
    withdrawn = people.ann.withdraw(asked, "too early")
    assert (withdrawn.state, withdrawn.ended_by, withdrawn.end_reason) == (WITHDRAWN, subject("ann"), "too early")
    assert people.ann.withdraw(asked) == withdrawn
    assert refusal(lambda: people.cat.approve(asked)) == ("FAILED_PRECONDITION", "PROMOTION_REQUEST_ENDED")
    assert actions(people)[-1] == "PROMOTION_WITHDRAWN"


def test_its_time_is_over_on_time_and_in_the_history(people: People) -> None:
    soon = Timestamp()
    soon.FromMilliseconds(int(time.time() * 1000) + 1500)
    asked = people.ann.ask_for_stage("taxi", 1, "Production", expire_time=soon)
    assert (asked.state, asked.expire_time.ToMilliseconds()) == (PENDING, soon.ToMilliseconds())
    other = people.ann.ask_for_stage("taxi", 2, "Production")
    wait_until(lambda: people.ann.get_request(asked.name).state == EXPIRED)
    expired = people.ann.get_request(asked.name)
    assert (expired.ended_by, expired.end_time) == ("registry", expired.expire_time)
    failure = error_of(lambda: people.cat.approve(asked.name))
    assert (failure.reason, failure.metadata["state"]) == ("PROMOTION_REQUEST_ENDED", "EXPIRED")
    assert [each.name for each in people.ann.list_requests(EXPIRED)] == [asked.name]
    assert [each.name for each in people.ann.list_requests(PENDING)] == [other.name]
    wait_until(lambda: actions(people)[-1] == "PROMOTION_EXPIRED")
    assert people.ann.get_request(asked.name) == expired
    check_intact(people)


def test_it_waits_for_ninety_days_at_most(people: People) -> None:
    def ask(seconds: int) -> PromotionRequest:
        expire_time = Timestamp(seconds=int(time.time()) + seconds)
        return people.ann.ask_for_stage("taxi", 1, "Production", expire_time=expire_time)

    longest = 90 * 24 * 3600
    assert ask(longest - 60).state == PENDING
    for refused in (-1, longest + 60):
        failure = error_of(lambda refused=refused: ask(refused))  # type: ignore[misc]
        assert failure.fields == ("promotion_request.expire_time",)


def test_what_was_asked_for_must_still_begin_where_it_did(people: People) -> None:
    stage = people.ann.ask_for_stage("taxi", 1, "Production").name
    people.cat.approve(stage)
    people.ann.move("taxi", 1, "Staging")
    failure = error_of(lambda: people.dan.approve(stage))
    assert (failure.code.name, failure.reason) == ("ABORTED", "PROMOTION_REQUEST_STALE")
    assert failure.metadata == {"name": stage, "what": "the stage of version 1", "asked": "None", "now": "Staging"}
    alias = people.ann.ask_for_alias("taxi", "champion", 1).name
    other = people.ann.ask_for_alias("taxi", "champion", 2).name
    people.cat.approve(other)
    failure = error_of(lambda: people.cat.approve(alias))
    assert failure.metadata == {
        "name": alias,
        "what": "the version of the alias champion",
        "asked": "none",
        "now": "2",
    }
    # Back where it was, it is what was approved.
    people.ann.move("taxi", 1, "None")
    assert people.dan.approve(stage).state == APPROVED
    check_intact(people)


def test_a_move_archives_those_that_were_seen_in_the_stage(people: People) -> None:
    third = people.version()
    people.ops.change_rules(stage_approvals={"Production": 1})
    people.cat.approve(people.ann.ask_for_stage("taxi", 1, "Production").name)
    asked = people.ann.ask_for_stage("taxi", 2, "Production", archive=True, reason="newer")
    assert list(asked.stage_move.archived_versions) == [1]
    people.cat.approve(people.ann.ask_for_stage("taxi", third, "Production").name)
    failure = error_of(lambda: people.cat.approve(asked.name))
    assert failure.metadata == {
        "name": asked.name,
        "what": "the versions in Production",
        "asked": "1",
        "now": "1, 3",
    }
    people.ann.withdraw(asked.name)
    again = people.ann.ask_for_stage("taxi", 2, "Production", archive=True, reason="newer")
    assert people.cat.approve(again.name).state == APPROVED
    assert {number: people.ann.get_version("taxi", number).stage for number in (1, 2, third)} == {
        1: "Archived",
        2: "Production",
        third: "Archived",
    }
    assert [(entry.version, entry.reason) for entry in people.ann.history("taxi")[-3:]] == [
        (1, "newer"),
        (third, "newer"),
        (2, "newer"),
    ]
    # Out of the stage too.
    out = people.ann.ask_for_stage("taxi", 2, "Archived")
    people.cat.approve(out.name)
    assert people.ann.get_version("taxi", 2).stage == "Archived"
    check_intact(people)


def test_an_alias_is_set_and_removed_by_approval(people: People) -> None:
    asked = people.ann.ask_for_alias("taxi", "champion", 2, "won")
    assert (asked.required_approvals, asked.alias_move) == (1, AliasMove(alias="champion", version=2))
    people.eve.approve(asked.name)
    assert dict(people.ann.get_model("taxi").aliases) == {"champion": 2}
    removal = people.ann.ask_for_alias("taxi", "champion")
    assert removal.alias_move == AliasMove(alias="champion", from_version=2)
    people.eve.approve(removal.name)
    assert dict(people.ann.get_model("taxi").aliases) == {}
    entry = people.ann.history("taxi")[-1]
    assert (entry.action, entry.actor, entry.version) == (
        model_history_pb2.MODEL_ACTION_ALIAS_DELETED,
        subject("eve"),
        2,
    )
    check_intact(people)


def test_the_rules_of_the_moment_say_how_many_approvals(people: People) -> None:
    asked = people.ann.ask_for_stage("taxi", 1, "Production").name
    people.cat.approve(asked)
    people.ops.change_rules(stage_approvals={"Production": 3})
    assert people.ann.get_request(asked).required_approvals == 3
    assert people.dan.approve(asked).state == PENDING
    people.ops.change_rules(stage_approvals={})
    assert people.ann.get_request(asked).required_approvals == 0
    failure = error_of(lambda: people.eve.approve(asked))
    assert (failure.reason, failure.metadata["approvals"]) == ("STAGE_PROTECTED", "0")
    people.ops.change_rules(stage_approvals={"Production": 2})
    # There are enough by now; somebody has to say so.
    assert people.ann.get_request(asked).state == PENDING
    done = people.cat.approve(asked)
    assert (done.state, done.required_approvals, len(done.approvals)) == (APPROVED, 2, 2)
    # What nobody protects any more takes one.
    left = people.ann.ask_for_alias("taxi", "champion", 1).name
    people.ops.change_rules(protected_aliases=[])
    assert people.ann.get_request(left).required_approvals == 1
    people.eve.approve(left)
    assert dict(people.ann.get_model("taxi").aliases) == {"champion": 1}
    check_intact(people)


def test_what_cannot_be_asked_for_is_refused(people: People) -> None:
    people.ann.create_version("taxi")
    people.ops.change_rules(
        protected_stages=["Production", "Staging"],
        protected_aliases=["champion", "frozen"],
    )
    people.ann.set_alias("taxi", "free", 1)
    before = people.ann.history("taxi")
    model = people.ann.model_name("taxi")
    for asked, reason in (
        (PromotionRequest(model=model, stage_move=StageMove(version=1, stage="Archived")), "PROMOTION_NOT_PROTECTED"),
        (PromotionRequest(model=model, alias_move=AliasMove(alias="free")), "PROMOTION_NOT_PROTECTED"),
        (PromotionRequest(model=model, stage_move=StageMove(version=1, stage="Staging")), "STAGE_PROTECTED"),
        (PromotionRequest(model=model, alias_move=AliasMove(alias="frozen", version=1)), "ALIAS_PROTECTED"),
        (
            PromotionRequest(model=model, stage_move=StageMove(version=3, stage="Production")),
            "MODEL_VERSION_UNVERIFIED",
        ),
        (PromotionRequest(model=model, stage_move=StageMove(version=9, stage="Production")), "MODEL_VERSION_NOT_FOUND"),
        (PromotionRequest(model=f"{model}x", alias_move=AliasMove(alias="champion", version=1)), "MODEL_NOT_FOUND"),
    ):
        assert refusal(lambda asked=asked: people.ann.ask(asked))[1] == reason  # type: ignore[misc]
    for asked, field in (
        (PromotionRequest(model=model), "change"),
        (PromotionRequest(alias_move=AliasMove(alias="champion", version=1)), "model"),
        (PromotionRequest(model=model, stage_move=StageMove(version=0, stage="Production")), "stage_move.version"),
        (PromotionRequest(model=model, stage_move=StageMove(version=1, stage="None")), "stage_move.stage"),
        (PromotionRequest(model=model, stage_move=StageMove(version=1, stage="Nowhere")), "stage_move.stage"),
        (
            PromotionRequest(
                model=model, stage_move=StageMove(version=1, stage="Archived", archive_existing_versions=True)
            ),
            "stage_move.archive_existing_versions",
        ),
        (PromotionRequest(model=model, alias_move=AliasMove(alias="latest", version=1)), "alias_move.alias"),
        (PromotionRequest(model=model, alias_move=AliasMove(alias="champion", version=-1)), "alias_move.version"),
        (PromotionRequest(model=model, alias_move=AliasMove(alias="champion")), "alias_move.version"),
    ):
        failure = error_of(lambda asked=asked: people.ann.ask(asked))  # type: ignore[misc]
        assert failure.fields == (f"promotion_request.{field}",)
    assert people.ann.history("taxi") == before
    assert people.ann.list_requests() == []


def test_what_waits_about_something_deleted_ends_with_it(people: People) -> None:
    version = people.ann.ask_for_stage("taxi", 1, "Production").name
    alias = people.ann.ask_for_alias("taxi", "champion", 2).name
    people.bob.delete_version("taxi", 1)
    ended = people.ann.get_request(version)
    assert (ended.state, ended.ended_by) == (WITHDRAWN, subject("bob"))
    assert refusal(lambda: people.cat.approve(version)) == ("FAILED_PRECONDITION", "PROMOTION_REQUEST_ENDED")
    assert people.ann.get_request(alias).state == PENDING
    uid = people.ann.get_model("taxi").uid
    people.ann.rename_model("taxi", "cab")
    assert people.ann.get_request(alias).model == people.ann.model_name("cab")
    people.bob.delete_model("cab")
    gone = people.ann.get_request(alias)
    assert (gone.state, gone.model, gone.model_uid) == (WITHDRAWN, people.ann.model_name("cab"), uid)
    assert [each.name for each in people.ann.list_requests(model=uid)] == [alias, version]
    assert actions(people, uid)[-2:] == ["PROMOTION_WITHDRAWN", "MODEL_DELETED"]
    check_intact(people, uid)


def test_what_ended_before_something_was_deleted_says_how(people: People) -> None:
    rejected = people.ann.ask_for_stage("taxi", 1, "Production").name
    people.cat.reject(rejected, "not yet")
    soon = Timestamp()
    soon.FromMilliseconds(int(time.time() * 1000) + 300)
    expired = people.ann.ask_for_stage("taxi", 1, "Production", expire_time=soon).name
    wait_until(lambda: people.ann.get_request(expired).state == EXPIRED)
    people.bob.delete_version("taxi", 1)
    assert people.ann.get_request(expired).state == EXPIRED
    for name, state in ((rejected, "REJECTED"), (expired, "EXPIRED")):
        assert error_of(lambda name=name: people.dan.approve(name)).metadata == {"name": name, "state": state}  # type: ignore[misc]
    check_intact(people)


def test_requests_are_listed_newest_first_by_state_and_model(people: People) -> None:
    people.ann.create_model("bus")
    people.version("bus")
    names = [people.ann.ask_for_stage("taxi", 1, "Production").name for _ in range(3)]
    names.append(people.ann.ask_for_alias("bus", "champion", 1).name)
    people.cat.reject(names[1])
    listed = [each.name for each in people.ann.list_requests(size=1)]
    assert listed == names[::-1]
    assert [each.name for each in people.ann.list_requests(PENDING)] == [names[3], names[2], names[0]]
    assert [each.name for each in people.ann.list_requests(REJECTED, model="taxi")] == [names[1]]
    assert [each.name for each in people.ann.list_requests(model="bus")] == [names[3]]
    assert refusal(lambda: people.ann.list_requests(model="none")) == ("NOT_FOUND", "MODEL_NOT_FOUND")
    assert error_of(lambda: people.ann.list_requests(9)).fields == ("state",)  # type: ignore[arg-type]


def test_asking_again_by_the_same_id_asks_once(people: People) -> None:
    id_ = str(uuid.uuid4())
    asked = people.ann.ask_for_stage("taxi", 1, "Production", request_id=id_)
    assert people.ann.ask_for_stage("taxi", 1, "Production", request_id=id_) == asked
    people.ann.withdraw(asked.name)
    assert people.ann.ask_for_stage("taxi", 1, "Production", request_id=id_).state == WITHDRAWN
    assert refusal(lambda: people.ann.ask_for_stage("taxi", 2, "Production", request_id=id_))[1] == "REQUEST_ID_REUSED"
    assert len(people.ann.list_requests()) == 1


def test_another_workspace_answers_as_one_without_it(people: People) -> None:
    asked = people.ann.ask_for_stage("taxi", 1, "Production").name
    other = people.world.as_("cat", next(_unused))
    foreign = f"{other.parent}/{asked.split('/', 2)[2]}"
    unknown = f"{other.parent}/promotionRequests/{uuid.uuid4().hex}"
    for name in (foreign, unknown):
        for call in (other.get_request, other.approve, other.reject):
            failure = error_of(lambda call=call, name=name: call(name))  # type: ignore[misc]
            assert (failure.code.name, failure.reason) == ("NOT_FOUND", "PROMOTION_REQUEST_NOT_FOUND")
            assert failure.message == f"There is no promotion request {name}."
    assert other.list_requests() == []


def alter(people: People, name: str, **values: object) -> None:
    """Writes into the row of a request, past the registry."""
    database = open_database(people.world.database_url)
    try:
        with database.transaction("write") as connection:
            connection.execute(
                sa.update(tables.promotion_request)
                .where(tables.promotion_request.c.promotion_request_id == name.rsplit("/", 1)[1])
                .values(values)
            )
    finally:
        database.close()


def test_a_request_that_cannot_be_ended_holds_up_no_other(people: People) -> None:
    people.ann.create_model("boat")
    people.version("boat")
    broken = people.ann.ask_for_stage("taxi", 1, "Production").name
    other = people.ann.ask_for_stage("boat", 1, "Production").name
    alter(people, broken, approvals="no list", expire_time=1)
    alter(people, other, expire_time=1)
    wait_until(lambda: actions(people, "boat")[-1] == "PROMOTION_EXPIRED")
    assert "PROMOTION_EXPIRED" not in actions(people)
    alter(people, broken, approvals="[]")
    wait_until(lambda: actions(people)[-1] == "PROMOTION_EXPIRED")


def test_an_approval_that_somebody_wrote_into_the_database_is_found(people: People) -> None:
    asked = people.ann.ask_for_stage("taxi", 1, "Production")
    people.cat.approve(asked.name)
    check_intact(people)
    alter(people, asked.name, approvals='[["trivet/cat",1,""],["trivet/eve",1,""]]')
    (fault,) = people.ann.verify("taxi").faults
    assert (fault.kind, fault.field.split("/", 2)[2]) == (
        model_history_pb2.HISTORY_FAULT_KIND_STATE_ALTERED,
        "approvals.trivet/eve",
    )


def test_the_policy_file_sets_the_rules_of_a_workspace(world: World) -> None:
    people = people_in(world, BY_POLICY)
    rules = people.ops.rules()
    assert list(rules.stages) == POLICY_RULES["stages"]
    assert (dict(rules.stage_approvals), dict(rules.alias_approvals)) == ({"Live": 2}, {"champion": 1})
    assert list(rules.policy_fields) == ["protected_aliases", "protected_stages", "stages"]
    for refused in (
        lambda: people.ops.change_rules(stages=["None", "Archived"]),
        lambda: people.ops.change_rules(protected_stages=[]),
        lambda: people.ops.change_rules(stage_approvals={"Live": 1}),
        lambda: people.ops.change_rules(alias_approvals={"champion": 0}),
    ):
        failure = error_of(refused)
        assert (failure.code.name, failure.reason) == ("FAILED_PRECONDITION", "RULES_SET_BY_POLICY")
        assert "policy file" in failure.message
    assert people.ops.rules() == rules
    people.ann.move("taxi", 1, "canary")
    assert [version.stage for version in people.ann.latest("taxi")] == ["None", "Canary"]
    assert refusal(lambda: people.ann.move("taxi", 1, "Live")) == ("FAILED_PRECONDITION", "STAGE_PROTECTED")
    asked = people.ann.ask_for_stage("taxi", 1, "live").name
    people.cat.approve(asked)
    # The file is read again: one is enough now, and says so by itself the next time.
    world.team.set_rules({BY_POLICY: {**POLICY_RULES, "protected_stages": {"Live": {"approvals": 1}}}})
    wait_until(lambda: people.ann.get_request(asked).required_approvals == 1)
    assert people.dan.approve(asked).state == APPROVED
    assert people.ann.get_version("taxi", 1).stage == "Live"
    check_intact(people)


def test_a_stage_that_the_policy_file_spells_otherwise_stays_protected(world: World) -> None:
    people = people_in(world, BY_POLICY_SPELLED)
    people.ann.move("taxi", 1, "Production")
    world.team.set_rules({BY_POLICY: POLICY_RULES, BY_POLICY_SPELLED: SPELLED_RULES})
    wait_until(lambda: list(people.ops.rules().protected_stages) == ["production"])
    for refused in (
        lambda: people.ann.move("taxi", 1, "Staging"),
        lambda: people.ann.delete_version("taxi", 1),
        lambda: people.ann.delete_model("taxi"),
        lambda: people.ann.rename_model("taxi", "old"),
    ):
        assert refusal(refused) == ("FAILED_PRECONDITION", "STAGE_PROTECTED")
    asked = people.ann.ask_for_stage("taxi", 1, "Staging")
    assert asked.required_approvals == 2
    people.cat.approve(asked.name)
    assert people.dan.approve(asked.name).state == APPROVED
    assert people.ann.get_version("taxi", 1).stage == "Staging"
    check_intact(people)


def test_rules_keep_their_numbers_and_check_new_ones(people: People) -> None:
    rules = people.ops.change_rules(protected_stages=["Staging", "Production"])
    assert dict(rules.stage_approvals) == {"Production": 2}
    for approvals, field in (
        ({"Archived": 1}, "rules.stage_approvals['Archived']"),
        ({"Staging": 11}, "rules.stage_approvals['Staging']"),
        ({"Staging": -1}, "rules.stage_approvals['Staging']"),
    ):
        failure = error_of(lambda approvals=approvals: people.ops.change_rules(stage_approvals=approvals))  # type: ignore[misc]
        assert failure.fields == (field,)
    assert error_of(lambda: people.ops.change_rules(alias_approvals={"x": 1})).fields == ("rules.alias_approvals['x']",)
    rules = people.ops.change_rules(stage_approvals={"STAGING": 1, "Production": 0})
    assert (list(rules.protected_stages), dict(rules.stage_approvals)) == (["Staging", "Production"], {"Staging": 1})
