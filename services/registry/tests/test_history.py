"""What happened to a model: recorded whole, in a chain, and told for any time."""

from __future__ import annotations

import hashlib
import json
import random
from functools import partial

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from trivet_proto.registry.v1 import model_history_pb2 as pb
from trivet_proto.registry.v1 import registry_service_pb2
from trivet_testing.errors import error_of
from trivet_testing.registry import Registry
from trivet_testing.tracking import full

Action = pb.ModelAction.Name


def told(entry: pb.ModelHistoryEntry) -> tuple[str, int, dict[str, tuple[str | None, str | None]]]:
    """What an entry says: the action, the version, and each field before and after."""
    return (
        Action(entry.action).removeprefix("MODEL_ACTION_"),
        entry.version,
        {
            change.field: (
                change.before if change.HasField("before") else None,
                change.after if change.HasField("after") else None,
            )
            for change in entry.changes
        },
    )


def digest(uid: str, entry: pb.ModelHistoryEntry) -> bytes:
    """The digest of an entry, reckoned from the contract's words alone."""
    changes = [[field, *values] for field, values in told(entry)[2].items()]
    content = [
        "trivet.registry.v1.ModelHistoryEntry",
        uid,
        entry.sequence,
        told(entry)[0],
        entry.version,
        entry.time.ToMilliseconds(),
        entry.actor,
        entry.reason,
        changes,
        entry.previous_sha256.hex(),
    ]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()).digest()


def at(millis: int) -> Timestamp:
    time = Timestamp()
    time.FromMilliseconds(millis)
    return time


def test_everything_that_is_done_is_recorded_once(registry: Registry) -> None:
    registry.create_model("taxi", description="first", tags={"a": "1"})
    registry.describe_model("taxi", "sécond")
    registry.tag_model("taxi", {"b": ""}, ["a"])
    registry.create_version("taxi", "s3://one", run_id="r1", tags={"k": "v"})
    registry.create_version("taxi", "s3://two")
    registry.describe_version("taxi", 1, "words")
    registry.tag_version("taxi", 1, {}, ["k"])
    registry.move("taxi", 1, "production", reason="best so far")
    registry.move("taxi", 2, "Production", archive=True, reason="better")
    registry.set_alias("taxi", "champion", 1, reason="why not")
    registry.set_alias("taxi", "champion", 2)
    registry.set_alias("taxi", "old", 1)
    registry.delete_alias("taxi", "champion", reason="no more")
    registry.delete_version("taxi", 1, reason="too old")
    registry.rename_model("taxi", "cab", reason="shorter")

    entries = registry.history("cab")
    assert [told(entry) for entry in entries] == [
        ("MODEL_CREATED", 0, {"description": (None, "first"), "model_id": (None, "taxi"), "tags.a": (None, "1")}),
        ("MODEL_DESCRIBED", 0, {"description": ("first", "sécond")}),
        ("MODEL_TAGGED", 0, {"tags.a": ("1", None), "tags.b": (None, "")}),
        (
            "VERSION_CREATED",
            1,
            {
                "source.external_uri": (None, "s3://one"),
                "source.run": (None, "r1"),
                "stage": (None, "None"),
                "state": (None, "READY"),
                "tags.k": (None, "v"),
            },
        ),
        (
            "VERSION_CREATED",
            2,
            {"source.external_uri": (None, "s3://two"), "stage": (None, "None"), "state": (None, "READY")},
        ),
        ("VERSION_DESCRIBED", 1, {"description": (None, "words")}),
        ("VERSION_TAGGED", 1, {"tags.k": ("v", None)}),
        ("VERSION_MOVED", 1, {"stage": ("None", "Production")}),
        ("VERSION_MOVED", 1, {"stage": ("Production", "Archived")}),
        ("VERSION_MOVED", 2, {"stage": ("None", "Production")}),
        ("ALIAS_SET", 1, {"aliases.champion": (None, "1")}),
        ("ALIAS_SET", 2, {"aliases.champion": ("1", "2")}),
        ("ALIAS_SET", 1, {"aliases.old": (None, "1")}),
        ("ALIAS_DELETED", 2, {"aliases.champion": ("2", None)}),
        (
            "VERSION_DELETED",
            1,
            {
                "aliases.old": ("1", None),
                "description": ("words", None),
                "source.external_uri": ("s3://one", None),
                "source.run": ("r1", None),
                "stage": ("Archived", None),
                "state": ("READY", None),
            },
        ),
        ("MODEL_RENAMED", 0, {"model_id": ("taxi", "cab")}),
    ]
    assert [entry.reason for entry in entries[7:]] == [
        "best so far",
        "better",
        "better",
        "why not",
        "",
        "",
        "no more",
        "too old",
        "shorter",
    ]
    assert {entry.actor for entry in entries} == {"anonymous"}


def test_what_changes_nothing_is_not_recorded(registry: Registry) -> None:
    registry.create_model("taxi", description="words", tags={"a": "1"})
    registry.create_version("taxi", description="words", tags={"a": "1"})
    registry.move("taxi", 1, "Staging")
    registry.set_alias("taxi", "champion", 1)
    before, model, version = registry.history("taxi"), registry.get_model("taxi"), registry.get_version("taxi", 1)
    registry.describe_model("taxi", "words")
    registry.tag_model("taxi", {"a": "1"}, ["b"])
    registry.describe_version("taxi", 1, "words")
    registry.tag_version("taxi", 1, {"a": "1"}, ["b"])
    registry.move("taxi", 1, "STAGING", archive=True)
    registry.set_alias("taxi", "champion", 1)
    registry.delete_alias("taxi", "other")
    registry.rename_model("taxi", "taxi")
    assert registry.history("taxi") == before
    assert (registry.get_model("taxi"), registry.get_version("taxi", 1)) == (model, version)


def test_entries_are_a_chain_of_digests_that_anybody_can_reckon(registry: Registry) -> None:
    uid = registry.create_model("taxi", description='"quoted"\n\u2028 ünï').uid
    for number in range(1, 4):
        registry.create_version("taxi", tags={"ключ": "\t"})
        registry.move("taxi", number, "Production", archive=True, reason="because")
    entries = registry.history("taxi")
    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry.previous_sha256 for entry in entries] == [bytes(32), *(entry.sha256 for entry in entries[:-1])]
    assert [entry.sha256 for entry in entries] == [digest(uid, entry) for entry in entries]
    times = [entry.time.ToMilliseconds() for entry in entries]
    assert times == sorted(times)
    verified = registry.verify("taxi")
    assert (list(verified.faults), verified.model_uid) == ([], uid)
    assert (verified.sequence, verified.sha256) == (entries[-1].sequence, entries[-1].sha256)


def test_a_refused_change_is_not_recorded(registry: Registry) -> None:
    registry.create_model("taxi")
    registry.create_version("taxi")
    before = registry.history("taxi")
    for refused in (
        lambda: registry.move("taxi", 1, "Production", etag="99"),
        lambda: registry.set_alias("taxi", "champion", 2),
        lambda: registry.move("taxi", 1, "Nowhere"),
        lambda: registry.link_version("taxi", registry.version_name("taxi", 1)),
    ):
        error_of(refused)
    assert registry.history("taxi") == before


def test_pages_go_both_ways_and_pick_one_version(registry: Registry) -> None:
    registry.create_model("taxi")
    for number in range(1, 4):
        registry.create_version("taxi")
        registry.move("taxi", number, "Staging")
    entries = registry.history("taxi")
    assert registry.history("taxi", page_size=2) == entries
    assert registry.history("taxi", page_size=3, newest_first=True) == entries[::-1]
    assert registry.history("taxi", version=2, page_size=1) == [entry for entry in entries if entry.version == 2]
    request = pb.ListModelHistoryRequest(name=registry.model_name("taxi"), page_size=2)
    token = registry.stub.ListModelHistory(request).next_page_token
    for other in (
        pb.ListModelHistoryRequest(name=registry.model_name("taxi"), page_token=token, newest_first=True),
        pb.ListModelHistoryRequest(name=registry.model_name("taxi"), page_token="x"),
    ):
        assert error_of(partial(registry.stub.ListModelHistory, other)).reason == "PAGE_TOKEN_INVALID"


def test_the_history_of_a_deleted_model_stays_under_its_uid(registry: Registry) -> None:
    uid = registry.create_model("taxi").uid
    registry.create_version("taxi")
    registry.delete_model("taxi", reason="no longer needed")
    assert error_of(lambda: registry.history("taxi")).reason == "MODEL_NOT_FOUND"
    entries = registry.history(uid)
    assert told(entries[-1]) == ("MODEL_DELETED", 0, {"model_id": ("taxi", None)})
    assert entries[-1].reason == "no longer needed"
    assert list(registry.verify(uid).faults) == []
    assert not registry.as_of(uid, entries[-1].time).exists
    # A new one of that name has a history of its own.
    again = registry.create_model("taxi")
    assert [entry.sequence for entry in registry.history("taxi")] == [1]
    assert again.uid != uid
    other = Registry(registry.stub, "team-a" if registry.workspace != "team-a" else "default")
    assert error_of(lambda: other.history(uid)).reason in {"MODEL_NOT_FOUND", "WORKSPACE_NOT_FOUND"}


def test_as_of_tells_where_versions_and_aliases_were(registry: Registry) -> None:
    uid = registry.create_model("taxi").uid
    registry.create_version("taxi")
    registry.create_version("taxi")
    registry.link_version("taxi", f"{registry.parent}/runs/r1")  # stays PENDING: it is what no stage means
    registry.move("taxi", 1, "Production")
    registry.set_alias("taxi", "champion", 1)
    registry.move("taxi", 2, "Production", archive=True)
    registry.set_alias("taxi", "champion", 2)
    registry.rename_model("taxi", "cab")
    registry.delete_version("cab", 2)
    entries = registry.history("cab")
    seen = {}
    for entry in entries:
        answer = registry.as_of("cab", entry.time)
        seen[answer.sequence] = (
            answer.model_id,
            {stage.stage: list(stage.versions) for stage in answer.stages},
            dict(answer.aliases),
        )
    last = entries[-1].sequence
    assert seen[last] == ("cab", {"Archived": [1]}, {})
    before = registry.as_of("cab", at(entries[0].time.ToMilliseconds() - 1))
    assert (before.exists, before.sequence, before.model_uid) == (False, 0, uid)
    now = registry.as_of("cab", at(entries[-1].time.ToMilliseconds() + 10**9))
    assert (now.exists, now.sequence) == (True, last)


@pytest.mark.timeout(full(300, 3600))
def test_as_of_is_what_an_oracle_says_after_many_random_moves(registry: Registry) -> None:
    """The oracle replays what was asked for, by the times that entries have."""
    draw = random.Random(8)
    moves, versions = full(400, 10_000), 5
    registry.create_model("taxi")
    for _ in range(versions):
        registry.create_version("taxi")
    stages = dict.fromkeys(range(1, versions + 1), "None")
    aliases: dict[str, int] = {}
    expected: list[tuple[dict[int, str], dict[str, int]]] = []
    for _ in range(moves):
        version = draw.randint(1, versions)
        if draw.random() < 0.3:
            alias = draw.choice(["champion", "challenger"])
            if draw.random() < 0.2:
                registry.delete_alias("taxi", alias)
                aliases.pop(alias, None)
            else:
                registry.set_alias("taxi", alias, version)
                aliases[alias] = version
        else:
            stage = draw.choice(["None", "Staging", "Production", "Archived"])
            archive = stage in {"Staging", "Production"} and draw.random() < 0.5
            registry.move("taxi", version, stage, archive=archive)
            if archive:
                stages |= {other: "Archived" for other, where in stages.items() if where == stage}
            stages[version] = stage
        expected.append((dict(stages), dict(aliases)))
    # What was asked for is matched to entries by what the oracle says changed: no clock of the test's own counts.
    states: dict[int, tuple[dict[int, str], dict[str, int]]] = {}
    entries = iter(registry.history("taxi", page_size=1000)[versions + 1 :])
    before = (dict.fromkeys(range(1, versions + 1), "None"), dict[str, int]())
    for after in expected:
        changes = sum(before[0][version] != after[0][version] for version in after[0]) + (before[1] != after[1])
        for _ in range(changes):
            last = next(entries)
            states[last.time.ToMilliseconds()] = after
        before = after
    assert next(entries, None) is None
    times = sorted(states)
    for time in draw.sample(times, min(len(times), full(40, 200))):
        answer = registry.as_of("taxi", at(time))
        found = {version: stage.stage for stage in answer.stages for version in stage.versions}
        assert (found, dict(answer.aliases)) == states[time]
    assert list(registry.verify("taxi").faults) == []


@pytest.mark.parametrize("sequence", [1, 3])
def test_a_known_entry_that_is_the_same_is_no_fault(registry: Registry, sequence: int) -> None:
    registry.create_model("taxi")
    registry.create_version("taxi")
    registry.move("taxi", 1, "Staging")
    entry = registry.history("taxi")[sequence - 1]
    assert list(registry.verify("taxi", entry.sequence, entry.sha256).faults) == []
    other = registry.verify("taxi", entry.sequence, bytes(32)).faults
    assert [(fault.kind, fault.sequence) for fault in other] == [(pb.HISTORY_FAULT_KIND_KNOWN_ENTRY_ALTERED, sequence)]
    missing = registry.verify("taxi", 99, bytes(32)).faults
    assert [(fault.kind, fault.sequence) for fault in missing] == [(pb.HISTORY_FAULT_KIND_KNOWN_ENTRY_ALTERED, 99)]


def test_a_model_that_is_not_there_has_no_history(registry: Registry) -> None:
    for ask in (
        lambda: registry.history("taxi"),
        lambda: registry.as_of("taxi", at(0)),
        lambda: registry.verify("taxi"),
        lambda: registry.stub.GetModel(registry_service_pb2.GetModelRequest(name=registry.model_name("taxi"))),
    ):
        assert error_of(ask).reason == "MODEL_NOT_FOUND"
