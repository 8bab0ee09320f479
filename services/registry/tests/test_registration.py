"""Versions that are registered with a request id, which PostgreSQL does by one function: as without one."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from contextlib import closing

import psycopg2
import pytest

from trivet_kit.requests import RepeatableRequest
from trivet_kit.resources import ModelName
from trivet_kit.workspace_rules import NO_RULES
from trivet_proto.registry.v1 import registry_service_pb2 as pb
from trivet_proto.registry.v1.model_version_pb2 import (
    ArtifactSource,
    ModelDataset,
    ModelSignature,
    ModelSource,
    ModelVersion,
)
from trivet_registry.domain.history import By
from trivet_registry.domain.models import NewModel
from trivet_registry.domain.versions import ExternalSource, NewVersion, Provenance, Signature
from trivet_registry.server import open_database
from trivet_registry.store.models import SqlModels
from trivet_registry.store.versions import SqlVersions
from trivet_testing.errors import error_of
from trivet_testing.postgres import PostgresServer
from trivet_testing.registry import Registry, migrate

AWKWARD = "é \"quoted\" \\ {a,b} '%s' :b_now NULL \U0001f600\u2028"


def external(registry: Registry) -> ModelVersion:
    return ModelVersion(
        source=ModelSource(
            external_uri="s3://bucket/model",
            run=f"{registry.parent}/runs/r1",
            logged_model=f"{registry.parent}/loggedModels/m-1",
            commit="0c1a7",
            datasets=[
                ModelDataset(name=AWKWARD, digest="1", context="training"),
                ModelDataset(name="green", digest="NULL", context=""),
                ModelDataset(name="green", digest="3", context="{}"),
            ],
        ),
        signature=ModelSignature(inputs='[{"name": "é"}]', outputs="", params=""),
        description=AWKWARD,
        tags={AWKWARD.replace(":", ""): AWKWARD, "empty": "", "null": "NULL"},
    )


def plain(_: Registry) -> ModelVersion:
    return ModelVersion(source=ModelSource(external_uri="s3://bucket/model"))


def of_files(registry: Registry) -> ModelVersion:
    artifacts = ArtifactSource(owner=f"{registry.parent}/runs/r1", path="model")
    return ModelVersion(source=ModelSource(artifacts=artifacts), tags={"a": "1"})


@pytest.mark.parametrize("make", [external, plain, of_files])
def test_a_request_id_changes_nothing_of_what_is_kept(
    registry: Registry, make: Callable[[Registry], ModelVersion]
) -> None:
    registry.create_model("taxi")
    given = make(registry)
    request = pb.CreateModelVersionRequest(
        parent=registry.model_name("taxi"), model_version=given, request_id=str(uuid.uuid4())
    )
    without = registry.register("taxi", given)
    with_id = registry.stub.CreateModelVersion(request)
    assert registry.stub.CreateModelVersion(request) == with_id
    assert with_id == registry.get_version("taxi", 2)
    entries = [registry.history("taxi", version=number) for number in (1, 2)]
    assert [entry.changes for entry in entries[0]] == [entry.changes for entry in entries[1]]
    assert [entry.sequence for entry in itertools.chain(*entries)] == [2, 3]
    assert not registry.verify("taxi").faults
    assert with_id.artifact_owner == without.artifact_owner.replace("/versions/1", "/versions/2")
    for version in (without, with_id):
        for field in ("name", "artifact_owner", "create_time", "update_time"):
            version.ClearField(field)
    assert with_id == without


def test_a_model_that_is_not_there_gets_no_version(registry: Registry) -> None:
    failure = error_of(lambda: registry.create_version("taxi", request_id=str(uuid.uuid4())))
    assert failure.reason == "MODEL_NOT_FOUND"


def test_a_connection_that_broke_in_the_pool_costs_no_second_version(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    migrate(url)
    name = ModelName("default", "taxi")
    new = NewVersion(name, ExternalSource("s3://bucket/model"), Provenance(), Signature(), "", {})
    requests = [RepeatableRequest(str(uuid.uuid4()), "a") for _ in range(2)]
    with closing(open_database(url)) as database:
        versions = SqlVersions(database, lambda: 1, lambda _: NO_RULES)
        SqlModels(database, lambda: 1, lambda _: NO_RULES).create(NewModel(name, "", {}), By("ann"), None)
        numbers = [versions.register(new, By("ann"), requests[0])[0].name.version]
        with closing(psycopg2.connect(postgres_server.url("postgres"))) as admin, admin.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE datname = %s",
                (database.url.database,),
            )
            assert cursor.fetchone() != (0,)
        numbers += [versions.register(new, By("ann"), request)[0].name.version for request in (*requests, requests[1])]
    assert numbers == [1, 1, 2, 2]
    postgres_server.drop_database(url)
