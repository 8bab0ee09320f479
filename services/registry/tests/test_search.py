"""Searches for models and versions: filters, orders, pages."""

from __future__ import annotations

import grpc
import pytest

from trivet_proto.registry.v1 import registry_service_pb2 as pb
from trivet_testing.errors import error_of
from trivet_testing.registry import Registry, number_of


@pytest.fixture
def fleet(registry: Registry) -> Registry:
    """Three models with versions: `bus` 1, `taxi` 1 to 3, `tram` none."""
    registry.create_model("taxi", tags={"team": "a", "kind": "x" * 300})
    registry.create_model("tram", tags={"team": "B"})
    registry.create_model("bus")
    registry.create_version("taxi", "s3://bucket/Taxi/1", run_id="r1", tags={"kind": "tree"})
    registry.create_version("bus", "s3://bucket/bus", run_id="r2", tags={"kind": "Tree"})
    registry.create_version("taxi", "file:///tmp/a_b", run_id="r1")
    registry.link_version("taxi", f"{registry.parent}/runs/r3", "model/x")
    registry.move("taxi", 2, "Production")
    return registry


def models(registry: Registry, filter: str = "", order_by: str = "", page_size: int = 0) -> list[str]:  # noqa: A002
    return [model.name.rsplit("/", 1)[1] for model in registry.search_models(filter, order_by, page_size)]


def versions(registry: Registry, filter: str = "", order_by: str = "", page_size: int = 0) -> list[str]:  # noqa: A002
    found = registry.search_versions(filter, order_by or "name, version_number", page_size)
    return [f"{version.name.split('/')[3]} {number_of(version)}" for version in found]


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ("", ["bus", "taxi", "tram"]),
        ("name = 'taxi'", ["taxi"]),
        ("name != 'taxi'", ["bus", "tram"]),
        ("name LIKE 't%'", ["taxi", "tram"]),
        ("name LIKE 'T%'", []),
        ("name ILIKE 'T%'", ["taxi", "tram"]),
        ("name IN ('bus', 'tram', 'x')", ["bus", "tram"]),
        ("name NOT IN ('bus', 'tram', 'x')", ["taxi"]),
        ("attributes.name = 'bus'", ["bus"]),
        ("tags.team = 'a'", ["taxi"]),
        ("tag.team != 'a'", ["tram"]),
        ("tags.team ILIKE 'b'", ["tram"]),
        ("tags.team LIKE 'b'", []),
        ("tags.team IN ('a', 'B')", ["taxi", "tram"]),
        ("tags.team IS NULL", ["bus"]),
        ("tags.team IS NOT NULL AND name LIKE '%x%'", ["taxi"]),
        (f"tags.kind = '{'x' * 300}'", ["taxi"]),
        (f"tags.kind = '{'x' * 299}'", []),
        ("creation_timestamp > 0 AND timestamp >= 1", ["bus", "taxi", "tram"]),
        ("last_updated_timestamp < 1", []),
        ("name = 'bus' OR tags.team = 'a'", ["bus", "taxi"]),
        ("NOT (name = 'bus' OR tags.team = 'a')", ["tram"]),
    ],
)
def test_models_that_pass(fleet: Registry, filter_: str, expected: list[str]) -> None:
    assert models(fleet, filter_) == expected


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ("", ["bus 1", "taxi 1", "taxi 2", "taxi 3"]),
        ("name = 'taxi'", ["taxi 1", "taxi 2", "taxi 3"]),
        ("name = 'taxi' AND version_number > 1", ["taxi 2", "taxi 3"]),
        ("version_number = 1", ["bus 1", "taxi 1"]),
        ("version_number BETWEEN 2 AND 3 OR name = 'bus'", ["bus 1", "taxi 2", "taxi 3"]),
        ("version_number != 1 and version_number <= 2", ["taxi 2"]),
        ("run_id = 'r1'", ["taxi 1", "taxi 2"]),
        ("run_id IN ('r1', 'r2')", ["bus 1", "taxi 1", "taxi 2"]),
        ("run_id = ''", ["taxi 3"]),
        ("source_path = 's3://bucket/bus'", ["bus 1"]),
        ("source_path LIKE 's3://bucket/%'", ["bus 1", "taxi 1"]),
        ("source_path ILIKE '%TAXI%'", ["taxi 1"]),
        (r"source_path LIKE '%a\_b'", ["taxi 2"]),
        ("source_path LIKE '%/runs/r3/model/x'", ["taxi 3"]),
        ("stage = 'Production'", ["taxi 2"]),
        ("stage != 'Production' AND state = 'READY'", ["bus 1", "taxi 1"]),
        ("state = 'PENDING'", ["taxi 3"]),
        ("tags.kind = 'tree'", ["taxi 1"]),
        ("tags.kind ILIKE 'tree'", ["bus 1", "taxi 1"]),
        ("tags.kind IS NULL", ["taxi 2", "taxi 3"]),
        ("creation_timestamp > 0 AND last_updated_timestamp > 0 AND name = 'bus'", ["bus 1"]),
    ],
)
def test_versions_that_pass(fleet: Registry, filter_: str, expected: list[str]) -> None:
    assert versions(fleet, filter_) == expected


@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        ("", ["bus", "taxi", "tram"]),
        ("name DESC", ["tram", "taxi", "bus"]),
        ("creation_timestamp, name", None),
        ("timestamp DESC", None),
    ],
)
def test_models_are_ordered(fleet: Registry, order_by: str, expected: list[str] | None) -> None:
    found = fleet.search_models(order_by=order_by)
    if order_by.startswith("creation"):
        expected = [
            m.name.rsplit("/", 1)[1] for m in sorted(found, key=lambda m: (m.create_time.ToNanoseconds(), m.name))
        ]
    if order_by.startswith("timestamp"):
        expected = [
            m.name.rsplit("/", 1)[1] for m in sorted(found, key=lambda m: (-m.update_time.ToNanoseconds(), m.name))
        ]
    assert models(fleet, order_by=order_by) == expected


def test_versions_are_ordered(fleet: Registry) -> None:
    found = fleet.search_versions()
    expected = sorted(found, key=lambda v: (-v.update_time.ToNanoseconds(), v.name.split("/")[3], -number_of(v)))
    assert found == expected
    assert versions(fleet, order_by="version_number DESC, name") == ["taxi 3", "taxi 2", "bus 1", "taxi 1"]
    assert versions(fleet, order_by="run_id DESC, version_number") == ["bus 1", "taxi 1", "taxi 2", "taxi 3"]
    assert versions(fleet, order_by="name DESC") == ["taxi 3", "taxi 2", "taxi 1", "bus 1"]
    assert versions(fleet, order_by="stage, state DESC") == ["bus 1", "taxi 1", "taxi 3", "taxi 2"]


@pytest.mark.parametrize("page_size", [1, 2, 3, 4, 5])
def test_pages_of_every_size_hold_each_entry_once(fleet: Registry, page_size: int) -> None:
    assert models(fleet, order_by="last_updated_timestamp DESC", page_size=page_size) == models(
        fleet, order_by="last_updated_timestamp DESC"
    )
    assert versions(fleet, order_by="version_number", page_size=page_size) == ["bus 1", "taxi 1", "taxi 2", "taxi 3"]
    assert fleet.search_versions(page_size=page_size) == fleet.search_versions()


def test_what_comes_before_a_page_does_not_shift_it(fleet: Registry) -> None:
    request = pb.SearchModelsRequest(parent=fleet.parent, page_size=2)
    first = fleet.stub.SearchModels(request)
    fleet.create_model("airship")
    fleet.create_model("zeppelin")
    request.page_token, request.page_size = first.next_page_token, 100
    second = fleet.stub.SearchModels(request)
    names = [model.name.rsplit("/", 1)[1] for model in (*first.models, *second.models)]
    assert names == ["bus", "taxi", "tram", "zeppelin"]
    assert second.next_page_token == ""


def test_a_token_of_another_search_is_refused(fleet: Registry) -> None:
    token = fleet.stub.SearchModels(pb.SearchModelsRequest(parent=fleet.parent, page_size=1)).next_page_token
    for other in (
        pb.SearchModelsRequest(parent=fleet.parent, order_by="name", page_token=token),
        pb.SearchModelsRequest(parent="workspaces/default", page_token=token),
        pb.SearchModelsRequest(parent=fleet.parent, page_token="x"),
    ):
        failure = error_of(lambda other=other: fleet.stub.SearchModels(other))  # type: ignore[misc]  # one of three
        assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")
    in_versions = pb.SearchModelVersionsRequest(parent=fleet.parent, page_token=token)
    assert error_of(lambda: fleet.stub.SearchModelVersions(in_versions)).reason == "PAGE_TOKEN_INVALID"


def test_a_page_of_large_entries_stays_below_what_clients_take(fleet: Registry) -> None:
    for number in range(60):
        fleet.create_version("bus", tags={"big": f"{number}" * 50_000})
    page = fleet.stub.SearchModelVersions(pb.SearchModelVersionsRequest(parent=fleet.parent, page_size=1000))
    assert page.ByteSize() < 4 * 1024 * 1024
    assert page.next_page_token
    assert len(fleet.search_versions("name = 'bus'", page_size=1000)) == 61


@pytest.mark.parametrize(
    ("filter_", "position"),
    [
        ("stage = 'None'", 1),
        ("name > 'a'", 6),
        ("name = taxi", 8),
        ("metrics.a > 1", 1),
        ("name = 'a' XOR name = 'b'", 12),
        ("tags.a = 1", 10),
    ],
)
def test_a_filter_for_models_that_cannot_be_understood_says_where(
    registry: Registry, filter_: str, position: int
) -> None:
    failure = error_of(lambda: registry.search_models(filter_))
    assert (failure.reason, failure.metadata["position"]) == ("FILTER_INVALID", str(position))


@pytest.mark.parametrize(
    ("filter_", "position"),
    [
        ("version_number = '1'", 18),
        ("version_number = 1.5", 18),
        ("version_number LIKE 1", 16),
        ("current_stage = 'None'", 1),
        ("aliases = 'a'", 1),
        ("state = 'DONE'", 9),
    ],
)
def test_a_filter_for_versions_that_cannot_be_understood_says_where(
    registry: Registry, filter_: str, position: int
) -> None:
    failure = error_of(lambda: registry.search_versions(filter_))
    assert (failure.reason, failure.metadata["position"]) == ("FILTER_INVALID", str(position))


@pytest.mark.parametrize(("order_by", "position"), [("tags.a", 1), ("name, name DESC", 7), ("name up", 6)])
def test_an_order_that_cannot_be_understood_says_where(registry: Registry, order_by: str, position: int) -> None:
    for search in (registry.search_models, registry.search_versions):
        failure = error_of(lambda search=search: search(order_by=order_by))  # type: ignore[misc]  # one of two
        assert (failure.reason, failure.metadata["position"]) == ("ORDER_BY_INVALID", str(position))
