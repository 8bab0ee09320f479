"""Watchers are told what happens to models: all of it, in order, from wherever they go on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import grpc
import pytest

from trivet_proto.registry.v1 import model_event_pb2 as pb
from trivet_proto.registry.v1 import model_history_pb2
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from trivet_testing.errors import error_of
from trivet_testing.registry import Registry, migrate, start_server

TIMEOUT_SECONDS = 30


@contextmanager
def watching(registry: Registry, **fields: Any) -> Iterator[Iterator[pb.WatchModelEventsResponse]]:
    """The messages of a watcher, the first of which has come."""
    request = pb.WatchModelEventsRequest(parent=registry.parent, **fields)
    call = registry.stub.WatchModelEvents(request, timeout=TIMEOUT_SECONDS)
    try:
        yield iter(call)
    finally:
        call.cancel()


def events_of(messages: Iterator[pb.WatchModelEventsResponse], count: int) -> list[pb.ModelEvent]:
    """As many events as are waited for."""
    found: list[pb.ModelEvent] = []
    while len(found) < count:
        found.extend(next(messages).events)
    assert len(found) == count
    return found


def told(event: pb.ModelEvent) -> tuple[str, str, int]:
    action = model_history_pb2.ModelAction.Name(event.entry.action).removeprefix("MODEL_ACTION_")
    return event.model.rsplit("/", 1)[1], action, event.entry.version


def test_a_watcher_is_told_what_happens_from_now_on(registry: Registry) -> None:
    with watching(registry) as messages:
        first = next(messages)
        assert (list(first.events), bool(first.resume_token)) == ([], True)
        uid = registry.create_model("taxi").uid
        registry.create_version("taxi")
        registry.move("taxi", 1, "Staging", reason="because")
        registry.rename_model("taxi", "cab")
        registry.delete_model("cab")
        events = events_of(messages, 5)
    assert [told(event) for event in events] == [
        ("taxi", "MODEL_CREATED", 0),
        ("taxi", "VERSION_CREATED", 1),
        ("taxi", "VERSION_MOVED", 1),
        ("cab", "MODEL_RENAMED", 0),
        ("cab", "MODEL_DELETED", 0),
    ]
    assert [event.entry for event in events] == registry.history(uid)
    assert [event.id for event in events] == [f"{uid}-{number}" for number in range(1, 6)]
    assert {event.model_uid for event in events} == {uid}


def test_a_watcher_goes_on_where_it_was(registry: Registry) -> None:
    with watching(registry) as messages:
        next(messages)
        registry.create_model("taxi")
        # An event is numbered a moment after its commit: only a token that came with it stands after it.
        message = next(message for message in messages if message.events)
        assert len(message.events) == 1
        token = message.resume_token
    for number in range(1, 4):
        registry.create_version("taxi")
        registry.move("taxi", number, "Staging")
    seen: list[str] = []
    with watching(registry, resume_token=token) as messages:
        while len(seen) < 6:
            message = next(messages)
            seen.extend(event.id for event in message.events)
            token = message.resume_token
    assert seen[-6:] == [f"{registry.get_model('taxi').uid}-{number}" for number in range(2, 8)]
    # From there on nothing came, and it may go on with other fields.
    with watching(registry, resume_token=token, actions=[model_history_pb2.MODEL_ACTION_ALIAS_SET]) as messages:
        assert list(next(messages).events) == []
        registry.move("taxi", 1, "Production")
        registry.set_alias("taxi", "champion", 1)
        assert [told(event) for event in events_of(messages, 1)] == [("taxi", "ALIAS_SET", 1)]


def test_a_watcher_is_told_of_its_workspace_its_models_and_its_actions(registry: Registry) -> None:
    other = Registry(registry.stub, "default")
    models = [registry.model_name("a"), registry.model_name("renamed")]
    actions = [model_history_pb2.MODEL_ACTION_MODEL_CREATED, model_history_pb2.MODEL_ACTION_MODEL_RENAMED]
    with watching(registry, models=models, actions=actions) as messages:
        next(messages)
        name = f"watched {registry.workspace}"
        other.create_model(name)
        other.delete_model(name)
        registry.create_model("b")
        registry.rename_model("b", "renamed")
        registry.create_model("a")
        registry.create_version("a")
        registry.create_model("c")
        registry.delete_model("a")
        registry.create_model("a")
        events = events_of(messages, 3)
    assert [told(event) for event in events] == [
        ("renamed", "MODEL_RENAMED", 0),
        ("a", "MODEL_CREATED", 0),
        ("a", "MODEL_CREATED", 0),
    ]


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"resume_token": "x"}, "FIELD_INVALID", "resume_token"),
        ({"resume_token": "-1"}, "FIELD_INVALID", "resume_token"),
        ({"resume_token": "9" * 18}, "RESUME_TOKEN_EXPIRED", "resume_token"),
        ({"actions": [0]}, "FIELD_INVALID", "actions[0]"),
        ({"actions": [1, 99]}, "FIELD_INVALID", "actions[1]"),
        ({"models": ["workspaces/default"]}, "RESOURCE_NAME_INVALID", "models[0]"),
        ({"models": ["workspaces/default/models/a"] * 1001}, "FIELD_INVALID", "models"),
    ],
)
def test_a_bad_watch_is_refused(registry: Registry, fields: dict[str, Any], reason: str, field: str) -> None:
    default = Registry(registry.stub, "default")
    with watching(default, **fields) as messages:
        failure = error_of(partial(next, messages))
    assert (failure.reason, failure.fields) == (reason, (field,))


def test_of_many_writers_on_two_replicas_no_event_is_missed_or_doubled(request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgres_server").create_database()
    migrate(url)
    with start_server(url) as one, start_server(url) as two:
        addresses = (one.address, two.address)
        with grpc.insecure_channel(addresses[0]) as first, grpc.insecure_channel(addresses[1]) as second:
            replicas = [Registry(RegistryServiceStub(channel), "default") for channel in (first, second)]
            with watching(replicas[0]) as near, watching(replicas[1]) as far:
                next(near), next(far)

                def work(number: int) -> None:
                    registry, model = replicas[number % 2], f"m{number}"
                    registry.create_model(model)
                    for version in range(1, 6):
                        registry.create_version(model)
                        registry.move(model, version, "Production", archive=True)

                writers, entries = 16, 1 + 5 * 2 + 4
                with ThreadPoolExecutor(writers) as threads:
                    list(threads.map(work, range(writers)))
                seen = [[event.id for event in events_of(each, writers * entries)] for each in (near, far)]
            assert seen[0] == seen[1]
            assert len(set(seen[0])) == writers * entries
            for number in range(writers):
                uid = replicas[0].get_model(f"m{number}").uid
                own = [event for event in seen[0] if event.startswith(uid)]
                assert own == [f"{uid}-{sequence}" for sequence in range(1, entries + 1)]


def test_a_server_that_stops_ends_its_watchers(database_url: str) -> None:
    migrate(database_url)
    with start_server(database_url) as server, grpc.insecure_channel(server.address) as channel:
        registry = Registry(RegistryServiceStub(channel), "default")
        with watching(registry) as messages:
            next(messages)
            server.terminate()
            failure = error_of(partial(next, messages))
    assert (failure.code, failure.reason) == (grpc.StatusCode.UNAVAILABLE, "SERVER_DRAINING")
