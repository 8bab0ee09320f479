"""Aliases: names that point at versions."""

from __future__ import annotations

import grpc
import pytest

from trivet_testing.errors import error_of
from trivet_testing.registry import Registry


@pytest.fixture
def taxi(registry: Registry) -> Registry:
    """The registry with a model `taxi` of three versions."""
    registry.create_model("taxi")
    for _ in range(3):
        registry.create_version("taxi")
    return registry


@pytest.mark.parametrize("alias", ["champion", "A-b_9", "a" * 255, "-", "_", "1", "v", "v1a", "latest2", "V-1"])
def test_an_alias_points_at_a_version(taxi: Registry, alias: str) -> None:
    model = taxi.set_alias("taxi", alias, 2)
    assert dict(model.aliases) == {alias: 2}
    version = taxi.get_by_alias("taxi", alias)
    assert (version.name, list(version.aliases)) == (taxi.version_name("taxi", 2), [alias])
    assert taxi.get_model("taxi") == model


def test_setting_an_alias_again_moves_it(taxi: Registry) -> None:
    before = taxi.set_alias("taxi", "champion", 1)
    version = taxi.get_version("taxi", 1)
    after = taxi.set_alias("taxi", "champion", 3)
    assert dict(after.aliases) == {"champion": 3}
    assert after.etag != before.etag
    now = taxi.get_version("taxi", 1)
    assert list(now.aliases) == []
    assert (now.etag, now.update_time) == (version.etag, version.update_time)


def test_aliases_of_a_version_are_sorted_and_case_counts(taxi: Registry) -> None:
    for alias in ("b", "a", "B", "-"):
        taxi.set_alias("taxi", alias, 1)
    assert list(taxi.get_version("taxi", 1).aliases) == ["-", "B", "a", "b"]
    assert error_of(lambda: taxi.get_by_alias("taxi", "A")).reason == "MODEL_ALIAS_NOT_FOUND"


def test_aliases_belong_to_their_model(taxi: Registry) -> None:
    taxi.create_model("bus")
    taxi.create_version("bus")
    taxi.set_alias("taxi", "champion", 2)
    taxi.set_alias("bus", "champion", 1)
    assert taxi.get_by_alias("taxi", "champion").name == taxi.version_name("taxi", 2)
    assert taxi.get_by_alias("bus", "champion").name == taxi.version_name("bus", 1)
    assert error_of(lambda: taxi.set_alias("bus", "other", 2)).reason == "MODEL_VERSION_NOT_FOUND"


def test_an_alias_that_is_not_there_is_not_found_and_removing_it_is_no_fault(taxi: Registry) -> None:
    failure = error_of(lambda: taxi.get_by_alias("taxi", "champion"))
    assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "MODEL_ALIAS_NOT_FOUND")
    assert failure.metadata == {"name": taxi.model_name("taxi"), "alias": "champion"}
    assert taxi.delete_alias("taxi", "champion") == taxi.get_model("taxi")


def test_a_removed_alias_is_gone(taxi: Registry) -> None:
    before = taxi.set_alias("taxi", "champion", 1)
    after = taxi.delete_alias("taxi", "champion")
    assert not after.aliases
    assert after.etag != before.etag
    assert error_of(lambda: taxi.get_by_alias("taxi", "champion")).reason == "MODEL_ALIAS_NOT_FOUND"


def test_an_etag_lets_one_of_two_moves_of_an_alias_through(taxi: Registry) -> None:
    read = taxi.set_alias("taxi", "champion", 1)
    taxi.set_alias("taxi", "champion", 2, read.etag)
    failure = error_of(lambda: taxi.set_alias("taxi", "champion", 3, read.etag))
    assert (failure.code, failure.reason) == (grpc.StatusCode.ABORTED, "ETAG_STALE")
    assert failure.metadata == {"name": taxi.model_name("taxi")}
    assert dict(taxi.get_model("taxi").aliases) == {"champion": 2}
