"""Versions: their numbers, their stages, and how they are read and changed."""

from __future__ import annotations

import grpc
import pytest

from trivet_proto.registry.v1 import model_version_pb2
from trivet_proto.registry.v1 import registry_service_pb2 as pb
from trivet_testing.errors import error_of
from trivet_testing.registry import Registry, number_of

PENDING = model_version_pb2.MODEL_VERSION_STATE_PENDING
READY = model_version_pb2.MODEL_VERSION_STATE_READY


@pytest.fixture
def taxi(registry: Registry) -> Registry:
    """The registry with a model `taxi`."""
    registry.create_model("taxi")
    return registry


def stages(registry: Registry, model: str = "taxi") -> dict[int, str]:
    return {number_of(version): version.stage for version in registry.search_versions(f"name = '{model}'")}


def test_a_version_of_an_outside_source_is_ready_and_not_verified(taxi: Registry) -> None:
    created = taxi.create_version(
        "taxi", "s3://bucket/ä path?x=1#y", run_id="run-1", description="# first", tags={"a": "b", "c": ""}
    )
    assert created.name == taxi.version_name("taxi", 1)
    assert (created.state, created.state_message, created.verified) == (READY, "", False)
    assert (created.manifest_sha256, created.artifact_owner) == (b"", "")
    assert created.source.external_uri == "s3://bucket/ä path?x=1#y"
    assert created.source.run == f"{taxi.parent}/runs/run-1"
    assert (created.stage, list(created.aliases), created.description) == ("None", [], "# first")
    assert dict(created.tags) == {"a": "b", "c": ""}
    assert created.created_by == "anonymous"
    assert created.update_time == created.create_time
    assert created.etag
    assert taxi.get_version("taxi", 1) == created


def test_a_version_of_artifacts_stays_pending_while_their_service_is_away(taxi: Registry) -> None:
    created = taxi.link_version("taxi", f"{taxi.parent}/runs/r1", "model")
    assert (created.state, created.verified, created.manifest_sha256) == (PENDING, False, b"")
    assert created.artifact_owner == f"{taxi.parent}/models/{taxi.get_model().uid}/versions/1"
    assert (created.source.artifacts.owner, created.source.artifacts.path) == (f"{taxi.parent}/runs/r1", "model")
    assert taxi.get_version("taxi", 1) == created


def test_a_version_that_is_not_ready_cannot_be_used(taxi: Registry) -> None:
    name = taxi.link_version("taxi", f"{taxi.parent}/runs/r1").name
    for use in (
        lambda: taxi.move("taxi", 1, "Production"),
        lambda: taxi.set_alias("taxi", "champion", 1),
        lambda: taxi.link_version("taxi", name),
    ):
        failure = error_of(use)
        assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "MODEL_VERSION_NOT_READY")
        assert failure.metadata == {"name": name, "state": "PENDING"}
    assert taxi.latest("taxi") == []
    assert taxi.create_version("taxi").name == taxi.version_name("taxi", 2)
    assert taxi.describe_version("taxi", 1, "described all the same").state == PENDING
    taxi.delete_version("taxi", 1)


def test_an_outside_source_cannot_be_copied(taxi: Registry) -> None:
    name = taxi.create_version("taxi").name
    failure = error_of(lambda: taxi.link_version("taxi", name))
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "MODEL_SOURCE_UNUSABLE")
    assert failure.metadata == {"name": name, "owner": name, "path": ""}
    assert error_of(lambda: taxi.link_version("taxi", taxi.version_name("taxi", 2))).reason == "MODEL_VERSION_NOT_FOUND"
    assert error_of(lambda: taxi.link_version("taxi", taxi.version_name("bus", 1))).reason == "MODEL_VERSION_NOT_FOUND"
    assert [number_of(version) for version in taxi.search_versions()] == [1]


def test_numbers_rise_by_one_and_are_not_used_again(taxi: Registry) -> None:
    assert [number_of(taxi.create_version("taxi")) for _ in range(3)] == [1, 2, 3]
    taxi.delete_version("taxi", 3)
    taxi.delete_version("taxi", 1)
    assert number_of(taxi.create_version("taxi")) == 4
    for number in (2, 4):
        taxi.delete_version("taxi", number)
    assert number_of(taxi.create_version("taxi")) == 5
    taxi.create_model("bus")
    assert number_of(taxi.create_version("bus")) == 1


def test_a_refused_version_uses_up_no_number(taxi: Registry) -> None:
    assert error_of(lambda: taxi.create_version("taxi", "")).reason == "FIELD_REQUIRED"
    assert error_of(lambda: taxi.create_version("bus")).reason == "MODEL_NOT_FOUND"
    assert number_of(taxi.create_version("taxi")) == 1


@pytest.mark.parametrize("version", [2, 10**17, 999_999_999_999_999_999])
def test_a_missing_version_is_not_found(taxi: Registry, version: int) -> None:
    taxi.create_version("taxi")
    for use in (
        lambda: taxi.get_version("taxi", version),
        lambda: taxi.describe_version("taxi", version, "x"),
        lambda: taxi.tag_version("taxi", version, {"a": "b"}),
        lambda: taxi.move("taxi", version, "Staging"),
        lambda: taxi.set_alias("taxi", "champion", version),
        lambda: taxi.delete_version("taxi", version),
    ):
        failure = error_of(use)
        assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "MODEL_VERSION_NOT_FOUND")
        assert failure.metadata == {"name": taxi.version_name("taxi", version)}


def test_descriptions_and_tags_change_alone(taxi: Registry) -> None:
    created = taxi.create_version("taxi", tags={"kept": "1", "changed": "1", "gone": "1"})
    described = taxi.describe_version("taxi", 1, "new")
    assert (described.description, described.tags) == ("new", created.tags)
    tagged = taxi.tag_version("taxi", 1, {"changed": "2", "new": ""}, ["gone", "missing"])
    assert dict(tagged.tags) == {"kept": "1", "changed": "2", "new": ""}
    assert tagged.description == "new"
    assert len({created.etag, described.etag, tagged.etag}) == 3
    assert taxi.get_version("taxi", 1) == tagged


def test_an_etag_lets_one_of_two_changes_through(taxi: Registry) -> None:
    created = taxi.create_version("taxi")
    taxi.describe_version("taxi", 1, "first", created.etag)
    for again in (
        lambda: taxi.describe_version("taxi", 1, "second", created.etag),
        lambda: taxi.move("taxi", 1, "Staging", etag=created.etag),
        lambda: taxi.delete_version("taxi", 1, created.etag),
    ):
        failure = error_of(again)
        assert (failure.code, failure.reason) == (grpc.StatusCode.ABORTED, "ETAG_STALE")
        assert failure.metadata == {"name": created.name}
    now = taxi.get_version("taxi", 1)
    assert (now.description, now.stage) == ("first", "None")
    assert taxi.move("taxi", 1, "Staging", etag=now.etag).stage == "Staging"


@pytest.mark.parametrize(
    ("written", "stage"),
    [("None", "None"), ("staging", "Staging"), ("PRODUCTION", "Production"), ("aRCHIVED", "Archived")],
)
def test_the_case_of_a_stage_does_not_count(taxi: Registry, written: str, stage: str) -> None:
    taxi.create_version("taxi")
    assert taxi.move("taxi", 1, written).stage == stage
    assert [version.stage for version in taxi.latest("taxi", written)] == [stage]


def test_a_move_leaves_others_where_they_are(taxi: Registry) -> None:
    for number in (1, 2):
        taxi.create_version("taxi")
        taxi.move("taxi", number, "Production")
    assert stages(taxi) == {1: "Production", 2: "Production"}
    back = taxi.move("taxi", 1, "None")
    assert (back.stage, stages(taxi)) == ("None", {1: "None", 2: "Production"})


def test_a_move_archives_those_that_were_in_the_stage(taxi: Registry) -> None:
    taxi.create_model("bus")
    for number in range(1, 5):
        taxi.create_version("taxi")
        taxi.move("taxi", number, "Staging" if number == 3 else "Production")
    taxi.create_version("bus")
    taxi.move("bus", 1, "Production")
    before = taxi.get_version("taxi", 1)
    taxi.move("taxi", 4, "production", archive=True)
    assert stages(taxi) == {1: "Archived", 2: "Archived", 3: "Staging", 4: "Production"}
    assert stages(taxi, "bus") == {1: "Production"}
    assert taxi.get_version("taxi", 1).etag != before.etag


def test_a_move_to_where_it_is_changes_nothing_of_it(taxi: Registry) -> None:
    taxi.create_version("taxi")
    moved = taxi.move("taxi", 1, "Staging")
    assert taxi.move("taxi", 1, "Staging") == moved


def test_latest_versions_have_the_greatest_number_of_their_stage(taxi: Registry) -> None:
    for number in range(1, 7):
        taxi.create_version("taxi")
        taxi.move("taxi", number, ["None", "Production"][number % 2])
    taxi.move("taxi", 2, "Archived")
    taxi.link_version("taxi", f"{taxi.parent}/runs/r1")

    def latest(*named: str) -> list[tuple[str, int]]:
        return [(version.stage, number_of(version)) for version in taxi.latest("taxi", *named)]

    assert latest() == [("None", 6), ("Production", 5), ("Archived", 2)]
    assert latest("archived", "PRODUCTION", "Production", "Staging") == [("Production", 5), ("Archived", 2)]
    assert latest("Staging") == []


def test_deleting_a_version_removes_its_aliases_alone(taxi: Registry) -> None:
    for _ in range(2):
        taxi.create_version("taxi")
    taxi.set_alias("taxi", "champion", 1)
    before = taxi.set_alias("taxi", "challenger", 2)
    taxi.delete_version("taxi", 1)
    model = taxi.get_model("taxi")
    assert dict(model.aliases) == {"challenger": 2}
    assert model.etag != before.etag
    assert error_of(lambda: taxi.get_by_alias("taxi", "champion")).reason == "MODEL_ALIAS_NOT_FOUND"
    assert error_of(lambda: taxi.delete_version("taxi", 1)).reason == "MODEL_VERSION_NOT_FOUND"


def test_large_texts_are_kept_whole(taxi: Registry) -> None:
    description, value = "ä" * (32 * 1024), "v" * 100_000
    created = taxi.create_version("taxi", "s3://" + "x" * 2043, description=description, tags={"k" * 250: value})
    read = taxi.get_version("taxi", 1)
    assert read == created
    assert (read.description, read.tags["k" * 250]) == (description, value)


def test_models_come_with_their_latest_versions_where_asked(registry: Registry) -> None:
    for model in ("bus", "cab", "empty", "taxi"):
        registry.create_model(model)
        for number in range(1, 4 if model != "empty" else 1):
            registry.create_version(model, run_id=f"r{number}", tags={"number": str(number)})
    registry.move("cab", 1, "Production")
    registry.move("cab", 3, "Archived")
    registry.move("taxi", 2, "Staging")
    registry.set_alias("taxi", "champion", 2)
    found = registry.stub.SearchModels(pb.SearchModelsRequest(parent=registry.parent, with_latest_versions=True))
    by_name = {model.name: list(model.latest_versions) for model in found.models}
    assert by_name == {registry.model_name(model): registry.latest(model) for model in ("bus", "cab", "empty", "taxi")}
    assert [number_of(version) for version in by_name[registry.model_name("cab")]] == [2, 1, 3]
    for model, latest in by_name.items():
        answer = registry.stub.GetModel(pb.GetModelRequest(name=model, with_latest_versions=True))
        assert list(answer.latest_versions) == latest
    assert not any(model.latest_versions for model in registry.search_models())
    first = registry.stub.SearchModels(
        pb.SearchModelsRequest(parent=registry.parent, with_latest_versions=True, page_size=3)
    )
    request = pb.SearchModelsRequest(parent=registry.parent, with_latest_versions=True, page_size=1)
    request.page_token = first.next_page_token
    assert [model.name for model in registry.stub.SearchModels(request).models] == [registry.model_name("taxi")]
    request.with_latest_versions = False
    assert error_of(lambda: registry.stub.SearchModels(request)).reason == "PAGE_TOKEN_INVALID"
