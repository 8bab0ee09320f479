"""Models: created, read, changed, renamed, deleted."""

from __future__ import annotations

import re
import time

import grpc
import pytest

from trivet_testing.errors import error_of
from trivet_testing.registry import Registry


def test_create_model_keeps_what_it_is_given(registry: Registry) -> None:
    before = time.time_ns() // 1_000_000
    created = registry.create_model(
        "Übung 🚕 v1", description="# Taxi\n\ttabs", tags={"team": "a\nb", "emoji 🚀": "", "a.b/c-d": "ünï"}
    )
    after = time.time_ns() // 1_000_000
    assert created.name == registry.model_name("Übung 🚕 v1")
    assert re.fullmatch(r"[0-9a-f]{32}", created.uid)
    assert created.description == "# Taxi\n\ttabs"
    assert dict(created.tags) == {"team": "a\nb", "emoji 🚀": "", "a.b/c-d": "ünï"}
    assert not created.aliases
    assert before <= created.create_time.ToMilliseconds() <= after
    assert created.update_time == created.create_time
    assert created.created_by == "anonymous"
    assert created.etag
    assert registry.get_model("Übung 🚕 v1") == created


@pytest.mark.parametrize("model", ["a", "a" * 250, " ", "...", "a\\b", "%2F", "latest", "ä" * 250])
def test_names_of_all_sorts_are_taken(registry: Registry, model: str) -> None:
    created = registry.create_model(model)
    registry.create_version(model)
    assert registry.get_model(model).uid == created.uid
    assert registry.get_version(model, 1).name == registry.version_name(model, 1)


def test_a_name_that_is_taken_is_refused_and_case_counts(registry: Registry) -> None:
    created = registry.create_model("taxi")
    failure = error_of(lambda: registry.create_model("taxi"))
    assert (failure.code, failure.reason) == (grpc.StatusCode.ALREADY_EXISTS, "MODEL_NAME_TAKEN")
    assert failure.metadata == {"name": created.name}
    assert registry.create_model("Taxi").uid != created.uid


def test_a_missing_model_is_not_found(registry: Registry) -> None:
    failure = error_of(lambda: registry.get_model("taxi"))
    assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "MODEL_NOT_FOUND")
    assert failure.metadata == {"name": registry.model_name("taxi")}


def test_a_model_is_not_seen_in_another_workspace(registry: Registry) -> None:
    registry.create_model("taxi")
    registry.create_version("taxi")
    elsewhere = Registry(registry.stub, "default")
    assert error_of(lambda: elsewhere.get_version("taxi", 1)).reason == "MODEL_NOT_FOUND"
    assert registry.model_name("taxi") not in {model.name for model in elsewhere.search_models()}


def test_update_changes_the_description_alone(registry: Registry) -> None:
    created = registry.create_model("taxi", description="old", tags={"a": "b"})
    changed = registry.describe_model("taxi", "new")
    assert (changed.description, dict(changed.tags), changed.uid) == ("new", {"a": "b"}, created.uid)
    assert changed.etag != created.etag
    assert changed.create_time == created.create_time
    assert registry.describe_model("taxi", "").description == ""


def test_an_etag_lets_one_of_two_changes_through(registry: Registry) -> None:
    created = registry.create_model("taxi")
    registry.describe_model("taxi", "first", created.etag)
    for again in (
        lambda: registry.describe_model("taxi", "second", created.etag),
        lambda: registry.delete_model("taxi", created.etag),
        lambda: registry.describe_model("taxi", "second", "not ours"),
    ):
        failure = error_of(again)
        assert (failure.code, failure.reason) == (grpc.StatusCode.ABORTED, "ETAG_STALE")
        assert failure.metadata == {"name": created.name}
    assert registry.get_model("taxi").description == "first"


def test_a_models_etag_stays_when_its_versions_change_and_its_update_time_does_not(registry: Registry) -> None:
    created = registry.create_model("taxi")
    registry.create_version("taxi")
    described = registry.describe_version("taxi", 1, "x")
    model = registry.get_model("taxi")
    assert model.etag == created.etag
    assert model.update_time.ToMilliseconds() >= described.update_time.ToMilliseconds()


def test_tags_are_set_over_what_they_were_and_removed(registry: Registry) -> None:
    created = registry.create_model("taxi", tags={"kept": "1", "changed": "1", "gone": "1"})
    changed = registry.tag_model("taxi", {"changed": "2", "new": ""}, ["gone", "missing"])
    assert dict(changed.tags) == {"kept": "1", "changed": "2", "new": ""}
    assert changed.etag != created.etag
    assert registry.get_model("taxi") == changed


def test_a_rename_takes_versions_aliases_and_the_uid_along(registry: Registry) -> None:
    created = registry.create_model("taxi", tags={"a": "b"})
    version = registry.create_version("taxi", run_id="r1")
    registry.set_alias("taxi", "champion", 1)
    renamed = registry.rename_model("taxi", "bus")
    assert renamed.name == registry.model_name("bus")
    assert (renamed.uid, dict(renamed.tags), dict(renamed.aliases)) == (created.uid, {"a": "b"}, {"champion": 1})
    assert renamed.etag != created.etag
    assert registry.get_by_alias("bus", "champion").name == registry.version_name("bus", 1)
    assert registry.get_version("bus", 1).create_time == version.create_time
    assert error_of(lambda: registry.get_model("taxi")).reason == "MODEL_NOT_FOUND"
    assert registry.create_version("bus").name == registry.version_name("bus", 2)


def test_a_rename_frees_the_old_name(registry: Registry) -> None:
    first = registry.create_model("taxi")
    registry.create_version("taxi")
    registry.rename_model("taxi", "bus")
    second = registry.create_model("taxi")
    assert second.uid != first.uid
    assert registry.create_version("taxi").name == registry.version_name("taxi", 1)


def test_a_rename_to_its_own_name_changes_nothing(registry: Registry) -> None:
    created = registry.create_model("taxi")
    assert registry.rename_model("taxi", "taxi") == created


def test_a_rename_to_a_name_that_is_taken_is_refused(registry: Registry) -> None:
    taxi, bus = registry.create_model("taxi"), registry.create_model("bus")
    failure = error_of(lambda: registry.rename_model("taxi", "bus"))
    assert (failure.reason, failure.metadata) == ("MODEL_NAME_TAKEN", {"name": bus.name})
    assert registry.get_model("taxi") == taxi


def test_deleting_a_model_deletes_all_of_it(registry: Registry) -> None:
    created = registry.create_model("taxi", tags={"a": "b"})
    registry.create_version("taxi", tags={"a": "b"})
    aliased = registry.set_alias("taxi", "champion", 1)
    registry.delete_model("taxi", aliased.etag)
    assert registry.snapshot() == []
    for gone in (
        lambda: registry.get_model("taxi"),
        lambda: registry.get_version("taxi", 1),
        lambda: registry.get_by_alias("taxi", "champion"),
        lambda: registry.delete_model("taxi"),
    ):
        assert error_of(gone).reason == "MODEL_NOT_FOUND"
    again = registry.create_model("taxi")
    assert (again.uid == created.uid, dict(again.tags), dict(again.aliases)) == (False, {}, {})
    assert registry.create_version("taxi").name == registry.version_name("taxi", 1)
