"""Requests that are repeated by their id."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from trivet_kit.errors import CallerError
from trivet_kit.requests import RepeatableRequest
from trivet_kit.resources import ModelName
from trivet_kit.workspace_rules import NO_RULES
from trivet_proto.registry.v1.model_pb2 import Model
from trivet_proto.registry.v1.model_version_pb2 import ModelVersion
from trivet_registry.domain.history import By
from trivet_registry.domain.models import NewModel
from trivet_registry.server import open_database
from trivet_registry.store.models import SqlModels
from trivet_testing.errors import error_of
from trivet_testing.registry import Registry, migrate, number_of

HOUR_MILLIS = 60 * 60 * 1000


@pytest.fixture
def taxi(registry: Registry) -> Registry:
    registry.create_model("taxi")
    registry.create_version("taxi")
    return registry


@dataclass(frozen=True)
class Repeatable:
    """A kind of request: how it is made by an id, and how with another body."""

    send: Callable[[Registry, str], Model | ModelVersion]
    differ: Callable[[Registry, str], Model | ModelVersion]


KINDS = {
    "create-model": Repeatable(
        lambda registry, id_: registry.create_model("bus", tags={"a": "1", "b": "2"}, request_id=id_),
        lambda registry, id_: registry.create_model("bus", tags={"a": "1"}, request_id=id_),
    ),
    "rename-model": Repeatable(
        lambda registry, id_: registry.rename_model("taxi", "tram", id_),
        lambda registry, id_: registry.rename_model("taxi", "bus", id_),
    ),
    "create-version": Repeatable(
        lambda registry, id_: registry.create_version("taxi", "s3://a", request_id=id_),
        lambda registry, id_: registry.create_version("taxi", "s3://b", request_id=id_),
    ),
    "pending-version": Repeatable(
        lambda registry, id_: registry.link_version("taxi", f"{registry.parent}/runs/r1", request_id=id_),
        lambda registry, id_: registry.link_version("taxi", f"{registry.parent}/runs/r2", request_id=id_),
    ),
    "move": Repeatable(
        lambda registry, id_: registry.move("taxi", 1, "Production", request_id=id_),
        lambda registry, id_: registry.move("taxi", 1, "production", request_id=id_),
    ),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_repeated_request_is_done_once(taxi: Registry, kind: Repeatable) -> None:
    id_ = uuid.uuid4()
    first = kind.send(taxi, str(id_))
    seen = taxi.snapshot()
    assert kind.send(taxi, str(id_)) == first
    assert kind.send(taxi, id_.hex.upper()) == first
    assert taxi.snapshot() == seen


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_requests_repeated_at_the_same_time_are_done_once(taxi: Registry, kind: Repeatable) -> None:
    id_ = str(uuid.uuid4())
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: kind.send(taxi, id_), range(16)))
    assert {answer.name for answer in answers} == {answers[0].name}
    assert len(taxi.search_models()) <= 2
    assert len(taxi.search_versions()) <= 2


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_request_id_with_another_body_is_refused(taxi: Registry, kind: Repeatable) -> None:
    id_ = str(uuid.uuid4())
    kind.send(taxi, id_)
    seen = taxi.snapshot()
    failure = error_of(lambda: kind.differ(taxi, id_))
    assert (failure.reason, failure.metadata["requestId"]) == ("REQUEST_ID_REUSED", id_)
    assert taxi.snapshot() == seen


def test_a_request_id_is_of_one_method(taxi: Registry) -> None:
    id_ = str(uuid.uuid4())
    taxi.create_version("taxi", request_id=id_)
    assert error_of(lambda: taxi.move("taxi", 1, "Staging", request_id=id_)).reason == "REQUEST_ID_REUSED"


def test_a_refused_request_does_not_use_up_its_id(taxi: Registry) -> None:
    id_ = str(uuid.uuid4())
    assert error_of(lambda: taxi.create_model("taxi", request_id=id_)).reason == "MODEL_NAME_TAKEN"
    assert taxi.create_model("bus", request_id=id_).name == taxi.model_name("bus")


def test_a_repeated_request_returns_what_it_made_as_it_is_by_now(taxi: Registry) -> None:
    version_id, move_id, rename_id = (str(uuid.uuid4()) for _ in range(3))
    taxi.create_version("taxi", request_id=version_id)
    taxi.move("taxi", 2, "Staging", request_id=move_id)
    moved = taxi.move("taxi", 2, "Production")
    assert taxi.move("taxi", 2, "Staging", request_id=move_id) == moved
    assert taxi.create_version("taxi", request_id=version_id) == moved
    taxi.rename_model("taxi", "tram", rename_id)
    assert taxi.rename_model("taxi", "tram", rename_id).name == taxi.model_name("tram")


def test_a_repeated_request_does_not_make_again_what_was_deleted(taxi: Registry) -> None:
    model_id, version_id = str(uuid.uuid4()), str(uuid.uuid4())
    taxi.create_model("bus", request_id=model_id)
    taxi.create_version("taxi", request_id=version_id)
    taxi.delete_version("taxi", 2)
    taxi.delete_model("bus")
    assert error_of(lambda: taxi.create_version("taxi", request_id=version_id)).reason == "MODEL_VERSION_NOT_FOUND"
    assert error_of(lambda: taxi.create_model("bus", request_id=model_id)).reason == "MODEL_NOT_FOUND"
    assert number_of(taxi.create_version("taxi")) == 3


@pytest.mark.parametrize("id_", ["1", "taxi", "0" * 31, "g" * 32, "0" * 33], ids=repr)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_request_id_that_is_no_uuid_is_refused(taxi: Registry, kind: Repeatable, id_: str) -> None:
    seen = taxi.snapshot()
    failure = error_of(lambda: kind.send(taxi, id_))
    assert (failure.reason, failure.fields) == ("FIELD_INVALID", ("request_id",))
    assert taxi.snapshot() == seen


class Clock:
    """Milliseconds since the Unix epoch, as the test says."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def models(database_url: str, clock: Clock) -> Iterator[SqlModels]:
    migrate(database_url)
    database = open_database(database_url)
    yield SqlModels(database, clock, lambda _: NO_RULES)
    database.close()


def test_a_request_id_is_remembered_for_a_day(models: SqlModels, clock: Clock) -> None:
    request = RepeatableRequest(str(uuid.uuid4()), "a")
    first = models.create(NewModel(ModelName("default", "first"), "", {}), By("ann"), request)
    clock.now += 24 * HOUR_MILLIS
    assert models.create(NewModel(ModelName("default", "first"), "", {}), By("ann"), request) == first
    another = RepeatableRequest(request.request_id, "b")
    with pytest.raises(CallerError) as raised:
        models.create(NewModel(ModelName("default", "second"), "", {}), By("ann"), another)
    assert raised.value.reason == "REQUEST_ID_REUSED"
    clock.now += 1
    assert models.create(NewModel(ModelName("default", "second"), "", {}), By("ann"), another).uid != first.uid
