"""Garbage, retention, holds and the use of space."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import grpc
import pytest
import sqlalchemy as sa
from google.protobuf.duration_pb2 import Duration

from trivet_artifacts.server import open_database
from trivet_artifacts.store import tables
from trivet_proto.artifacts.v1 import garbage_pb2
from trivet_proto.artifacts.v1.content_pb2 import NewArtifact, Reference
from trivet_testing.artifacts import Artifacts, content_of, resumed, whole
from trivet_testing.depot import MIB, Depot, await_no_litter, connected
from trivet_testing.errors import error_of, failure_in
from trivet_testing.servers import run_to_exit
from trivet_testing.tracking import full

HOUR_MILLIS = 60 * 60 * 1000


@pytest.fixture
def kept(depot: Depot) -> Iterator[Artifacts]:
    """A server of this test's own, so that its store can be looked at as a whole."""
    with depot.start() as server, connected(server) as artifacts:
        yield artifacts
        assert "Traceback" not in server.stderr


def age(depot: Depot, artifacts: Artifacts, millis: int) -> None:
    """Makes everything in the workspace older."""
    database = open_database(depot.place.database_url)
    owners = sa.select(tables.artifact_owner.c.owner_pk).where(tables.artifact_owner.c.workspace == artifacts.workspace)
    with database.transaction("write") as connection:
        entry, kept_object = tables.artifact_entry, tables.artifact_object
        connection.execute(
            sa.update(entry).where(entry.c.owner_pk.in_(owners)).values(create_time=entry.c.create_time - millis)
        )
        connection.execute(sa.update(kept_object).values(touch_time=kept_object.c.touch_time - millis))
    database.close()


def set_policy(artifacts: Artifacts, **seconds: int) -> garbage_pb2.RetentionPolicy:
    rules = [
        garbage_pb2.RetentionRule(
            owner_kind=garbage_pb2.OwnerKind.Value(f"OWNER_KIND_{kind.upper()}"), keep_for=Duration(seconds=keep)
        )
        for kind, keep in seconds.items()
    ]
    policy = garbage_pb2.RetentionPolicy(parent=artifacts.parent, rules=rules)
    return artifacts.stub.UpdateRetentionPolicy(garbage_pb2.UpdateRetentionPolicyRequest(policy=policy), timeout=30)


def hold(artifacts: Artifacts, owner: str, reason: str = "") -> garbage_pb2.Hold:
    return artifacts.stub.CreateHold(garbage_pb2.CreateHoldRequest(owner=owner, reason=reason), timeout=30)


def release(artifacts: Artifacts, owner: str) -> None:
    artifacts.stub.DeleteHold(garbage_pb2.DeleteHoldRequest(owner=owner), timeout=30)


def test_bytes_are_freed_when_the_last_file_that_refers_to_them_is_gone(depot: Depot, kept: Artifacts) -> None:
    kept.upload(kept.run(), "a", b"shared")
    kept.upload(kept.run(), "b", b"own!")
    kept.link(kept.run(), "a", kept.version())
    assert kept.collect() == garbage_pb2.CollectGarbageResponse()
    kept.delete(kept.run())
    expected = garbage_pb2.CollectGarbageResponse(freed_contents=1, freed_bytes=4)
    assert kept.collect(dry_run=True) == expected
    assert len(depot.whole()) == 2
    assert kept.collect() == expected
    assert len(depot.whole()) == 1
    assert kept.download(kept.version(), "a")[1] == b"shared"
    kept.delete(kept.version())
    assert kept.collect().freed_bytes == 6
    assert (depot.whole(), depot.referred(), depot.litter()) == (set(), set(), {})


def test_replaced_bytes_are_garbage_too(depot: Depot, kept: Artifacts) -> None:
    kept.upload(kept.run(), "a", b"before")
    kept.upload(kept.run(), "a", b"after")
    kept.commit(NewArtifact(owner=kept.run(), path="a", reference=Reference(uri="s3://b/a")))
    assert kept.collect().freed_contents == 2
    assert depot.whole() == set()


def test_grace_period_begins_when_the_last_file_goes(depot: Depot, kept: Artifacts) -> None:
    kept.upload(kept.run(), "a", b"bytes")
    age(depot, kept, 2 * HOUR_MILLIS)
    kept.delete(kept.run())
    request = garbage_pb2.CollectGarbageRequest(parent=kept.parent)
    assert kept.stub.CollectGarbage(request) == garbage_pb2.CollectGarbageResponse()
    assert kept.collect(3600) == garbage_pb2.CollectGarbageResponse()
    # Until then they can be had back without being sent.
    (result,) = kept.commit(NewArtifact(owner=kept.run(), path="b", content=content_of(b"bytes")))
    assert result.WhichOneof("result") == "artifact"
    kept.delete(kept.run())
    age(depot, kept, HOUR_MILLIS)
    # Whoever is told that they are held has an hour again.
    assert kept.missing(content_of(b"bytes")) == []
    assert kept.collect(3600) == garbage_pb2.CollectGarbageResponse()
    age(depot, kept, HOUR_MILLIS)
    assert kept.stub.CollectGarbage(request).freed_contents == 1
    assert kept.missing(content_of(b"bytes")) == [0]


def test_limit_is_kept_and_said(depot: Depot, kept: Artifacts) -> None:
    for number in range(5):
        kept.upload(kept.run(), f"f{number}", b"%d" % number)
    kept.delete(kept.run())
    assert (kept.collect(limit=3).more, kept.collect(limit=3).more) == (True, False)
    assert depot.whole() == set()


def test_other_workspaces_are_left_alone(depot: Depot, kept: Artifacts) -> None:
    other = Artifacts(kept.stub, "test-1")
    for artifacts in (kept, other):
        artifacts.upload(artifacts.run(), "a", b"bytes")
        artifacts.delete(artifacts.run())
    assert kept.collect().freed_contents == 1
    assert len(depot.whole()) == 1
    assert other.missing(content_of(b"bytes")) == []


def test_open_uploads_are_no_garbage(depot: Depot, kept: Artifacts) -> None:
    content = random.Random(3).randbytes(9 * MIB)
    upload = kept.create_upload(kept.run(), "f", len(content))
    kept.collect()
    assert kept.usage().open_uploads == 1
    kept.upload_all(resumed(upload.name, content, 0))
    kept.collect()
    assert kept.download(kept.run(), "f")[1] == content
    await_no_litter(depot)


def test_retention_gives_up_old_files_of_its_kind_of_owner(depot: Depot, kept: Artifacts) -> None:
    for owner in (kept.run(), kept.run("held"), kept.version(), f"{kept.parent}/loggedModels/m"):
        kept.upload(owner, "d/old", b"old")
    hold(kept, kept.run("held"))
    age(depot, kept, 2 * HOUR_MILLIS)
    kept.upload(kept.run(), "new", b"new")
    assert kept.collect() == garbage_pb2.CollectGarbageResponse()
    policy = set_policy(kept, run=3600, logged_model=86400)
    assert kept.stub.GetRetentionPolicy(garbage_pb2.GetRetentionPolicyRequest(parent=kept.parent)) == policy
    dry = kept.collect(dry_run=True)
    assert (dry.expired_files, dry.expired_bytes) == (1, 3)
    assert kept.paths(kept.run(), recursive=True) == ["d/old", "new"]
    assert kept.collect() == garbage_pb2.CollectGarbageResponse(expired_files=1, expired_bytes=3)
    assert kept.paths(kept.run()) == ["new"]  # and the folder, which became empty, is gone
    for owner in (kept.run("held"), kept.version(), f"{kept.parent}/loggedModels/m"):
        assert kept.paths(owner, recursive=True) == ["d/old"]
    assert list(set_policy(kept).rules) == []
    release(kept, kept.run("held"))
    assert kept.collect().expired_files == 0


@pytest.mark.parametrize("seconds", [0, -1, 10**12])
def test_rule_for_no_span_of_time_is_refused(artifacts: Artifacts, seconds: int) -> None:
    failure = error_of(lambda: set_policy(artifacts, run=seconds))
    assert (failure.reason, failure.metadata["field"]) == ("FIELD_INVALID", "policy.rules[0].keep_for")


def test_two_rules_for_one_kind_are_refused(artifacts: Artifacts) -> None:
    rule = garbage_pb2.RetentionRule(owner_kind=garbage_pb2.OWNER_KIND_RUN, keep_for=Duration(seconds=5))
    for rules, field in (
        ([rule, rule], "policy.rules[1].owner_kind"),
        ([garbage_pb2.RetentionRule(keep_for=Duration(seconds=5))], "policy.rules[0].owner_kind"),
        ([garbage_pb2.RetentionRule(owner_kind=garbage_pb2.OWNER_KIND_RUN)], "policy.rules[0].keep_for"),
    ):
        policy = garbage_pb2.RetentionPolicy(parent=artifacts.parent, rules=rules)
        request = garbage_pb2.UpdateRetentionPolicyRequest(policy=policy)
        failure = error_of(partial(artifacts.stub.UpdateRetentionPolicy, request))
        assert failure.metadata["field"] == field


def test_hold_keeps_files_from_being_deleted_and_replaced(artifacts: Artifacts) -> None:
    artifacts.upload(artifacts.run(), "a", b"kept")
    held = hold(artifacts, artifacts.run(), "an audit")
    assert hold(artifacts, artifacts.run(), "another").create_time == held.create_time
    failure = error_of(lambda: artifacts.delete(artifacts.run(), "a"))
    assert (failure.code.name, failure.reason) == ("FAILED_PRECONDITION", "ARTIFACTS_HELD")
    assert artifacts.refusal(artifacts.run(), "a", b"other").reason == "ARTIFACTS_HELD"
    (result,) = artifacts.commit(NewArtifact(owner=artifacts.run(), path="a", content=content_of(b"kept")))
    assert failure_in(result.refused).reason == "ARTIFACTS_HELD"
    artifacts.upload(artifacts.run(), "b", b"new")
    assert artifacts.delete(artifacts.run(), "nothing") == 0
    release(artifacts, artifacts.run())
    release(artifacts, artifacts.run())
    assert artifacts.delete(artifacts.run()) == 2


def test_holds_are_listed_in_pages(artifacts: Artifacts) -> None:
    owners = sorted([artifacts.run(f"r{number}") for number in range(3)] + [artifacts.version()])
    for owner in owners:
        hold(artifacts, owner, "why")
    listed: list[str] = []
    request = garbage_pb2.ListHoldsRequest(parent=artifacts.parent, page_size=3)
    while True:
        page = artifacts.stub.ListHolds(request, timeout=30)
        listed += [held.owner for held in page.holds]
        assert all(held.reason == "why" for held in page.holds)
        request.page_token = page.next_page_token
        if not request.page_token:
            break
    assert listed == owners
    assert error_of(lambda: hold(artifacts, artifacts.run(), "x" * 501)).reason == "FIELD_TOO_LONG"


def test_use_of_space_is_told_by_kind_of_owner(artifacts: Artifacts) -> None:
    artifacts.upload(artifacts.run(), "d/a", b"12345")
    artifacts.upload(artifacts.run("s"), "b", b"gone")
    artifacts.delete(artifacts.run("s"))
    artifacts.link(artifacts.run(), "", artifacts.version())
    artifacts.commit(NewArtifact(owner=artifacts.run(), path="r", reference=Reference(uri="s3://b/r", size_bytes=99)))
    usage = artifacts.usage()
    kind = garbage_pb2.OwnerKindUsage
    assert usage == garbage_pb2.SpaceUsage(
        owner_kinds=[
            kind(owner_kind=garbage_pb2.OWNER_KIND_RUN, owner_count=1, file_count=2, file_bytes=5, reference_count=1),
            kind(owner_kind=garbage_pb2.OWNER_KIND_MODEL_VERSION, owner_count=1, file_count=1, file_bytes=5),
        ],
        stored_contents=2,
        stored_bytes=9,
        unreferenced_contents=1,
        unreferenced_bytes=4,
    )


def test_only_one_collects_a_workspace_at_a_time(depot: Depot, kept: Artifacts) -> None:
    database = open_database(depot.place.database_url)
    claim = {"workspace": kept.workspace, "holder": "another replica", "expire_time": 2**60}
    with database.transaction("write") as connection:
        connection.execute(sa.insert(tables.artifact_collection), claim)
    failure = error_of(kept.collect)
    assert (failure.code.name, failure.reason) == ("ABORTED", "COLLECTION_BUSY")
    # One that died does not keep others from it for ever.
    with database.transaction("write") as connection:
        connection.execute(sa.update(tables.artifact_collection).values(expire_time=1))
    database.close()
    assert kept.collect() == garbage_pb2.CollectGarbageResponse()


def test_random_references_are_collected_without_orphans_and_danglers(depot: Depot, kept: Artifacts, seed: int) -> None:
    chosen = random.Random(seed)
    contents = [b"%d" % number for number in range(8)]
    owners = [kept.run("a"), kept.run("b"), kept.version()]

    def step(turn: int) -> None:
        owner, data, path = chosen.choice(owners), chosen.choice(contents), f"p{chosen.randrange(6)}"
        match turn % 6:
            case 0:
                kept.upload(owner, path, data)
            case 1 | 5:
                # As one object, of which others may have some contents already.
                some = chosen.sample(contents, chosen.randrange(1, len(contents)))
                kept.upload_all(whole(owner, f"p{place}", each) for place, each in enumerate(some))
            case 2:
                kept.commit(NewArtifact(owner=owner, path=path, content=content_of(data)))
            case 3:
                kept.delete(owner, path)
            case 4:
                kept.collect()

    # Several at once, each upload with a collector beside it.
    with ThreadPoolExecutor(3) as threads:
        done = list(threads.map(lambda turn: attempt(lambda: step(turn)), range(full(100, 1000))))
    assert all(done)
    kept.collect()
    depot.let_readers_go()
    await_no_litter(depot)
    referred = {file.sha256: file.size_bytes for owner in owners for page in kept.pages(owner) for file in page}
    usage = kept.usage()
    assert usage.stored_contents == len(referred)
    assert sum(referred.values()) <= usage.stored_bytes <= 2 * sum(referred.values())
    for owner in owners:
        for path in kept.paths(owner):
            assert content_of(kept.download(owner, path)[1]).sha256 in referred


def attempt(step: Callable[[], None]) -> bool:
    """Does a step, which may find that another one collects; nothing else may go wrong."""
    try:
        step()
    except grpc.RpcError as error:
        return "collects the garbage" in str(error)
    return True


def test_command_collects_all_workspaces_beside_a_server(depot: Depot) -> None:
    with depot.start() as server, connected(server) as artifacts:
        other = Artifacts(artifacts.stub, "test-1")
        for each in (artifacts, other):
            each.upload(each.run(), "gone", b"gone")
            each.upload(each.run(), "kept", b"kept")
            each.delete(each.run(), "gone")
        env = {
            "TRIVET_DATABASE_URL": depot.place.database_url,
            "TRIVET_ARTIFACT_STORE": depot.place.store,
            **depot.place.env,
        }
        command = [sys.executable, "-m", "trivet_artifacts", "collect"]
        done = run_to_exit(command, env)
        assert (done.returncode, "0 contents (0 bytes) are freed" in done.stdout) == (0, True), done
        assert len(depot.whole()) == 4
        done = run_to_exit([*command, "--grace-seconds", "0"], env)
        assert done.returncode == 0, done
        for each in (artifacts, other):
            line = f"{each.workspace}: 0 files (0 bytes) were kept long enough, 1 contents (4 bytes) are freed"
            assert line in done.stdout.splitlines()
            assert each.download(each.run(), "kept")[1] == b"kept"
        assert len(depot.whole()) == 2
        await_no_litter(depot)
        assert "Traceback" not in done.stderr + server.stderr
