"""Webhooks are told what happens: signed, at least once, whatever their receivers do, and nowhere they must not be."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.field_mask_pb2 import FieldMask

from trivet_proto.registry.v1 import model_event_pb2, model_history_pb2
from trivet_proto.registry.v1 import webhook_pb2 as pb
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from trivet_testing.errors import error_of
from trivet_testing.receivers import Received, receiving
from trivet_testing.registry import Registry, migrate, start_server
from trivet_testing.servers import ServerNotReadyError
from trivet_testing.tracking import full
from trivet_testing.waiting import wait_until

SECRET = "0123456789abcdef"
DELIVERED, PENDING = pb.WEBHOOK_DELIVERY_STATE_DELIVERED, pb.WEBHOOK_DELIVERY_STATE_PENDING
QUICK = {"TRIVET_WEBHOOK_TIMEOUT_SECONDS": "0.5", "TRIVET_WEBHOOK_RETRY_SECONDS": "0.05"}
LOOPBACK = {"TRIVET_WEBHOOK_NETWORKS": "127.0.0.0/8"}


@dataclass(frozen=True)
class Hooks:
    """The webhooks of a registry."""

    registry: Registry

    def create(self, url: str, request_id: str = "", **fields: Any) -> pb.Webhook:
        """Creates a webhook."""
        webhook = pb.Webhook(url=url, **{"secret": SECRET, **fields})
        return self.registry.stub.CreateWebhook(
            pb.CreateWebhookRequest(parent=self.registry.parent, webhook=webhook, request_id=request_id)
        )

    def get(self, name: str) -> pb.Webhook:
        """Reads a webhook."""
        return self.registry.stub.GetWebhook(pb.GetWebhookRequest(name=name))

    def update(self, name: str, etag: str = "", **fields: Any) -> pb.Webhook:
        """Changes a webhook."""
        request = pb.UpdateWebhookRequest(
            webhook=pb.Webhook(name=name, etag=etag, **fields), update_mask=FieldMask(paths=list(fields))
        )
        return self.registry.stub.UpdateWebhook(request)

    def all(self, page_size: int = 0) -> list[pb.Webhook]:
        """All webhooks, page by page."""
        found: list[pb.Webhook] = []
        request = pb.ListWebhooksRequest(parent=self.registry.parent, page_size=page_size)
        while True:
            page = self.registry.stub.ListWebhooks(request)
            found.extend(page.webhooks)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    def delete(self, name: str) -> None:
        """Deletes a webhook."""
        self.registry.stub.DeleteWebhook(pb.DeleteWebhookRequest(name=name))

    def deliveries(self, name: str, page_size: int = 0, state: int = 0) -> list[pb.WebhookDelivery]:
        """All deliveries, page by page, the newest first."""
        found: list[pb.WebhookDelivery] = []
        request = pb.ListWebhookDeliveriesRequest(
            name=name, page_size=page_size, state=pb.WebhookDeliveryState.ValueType(state)
        )
        while True:
            page = self.registry.stub.ListWebhookDeliveries(request)
            found.extend(page.deliveries)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    def all_ended(self, name: str, count: int) -> list[pb.WebhookDelivery]:
        """The deliveries, once there are so many and none waits."""
        wait_until(lambda: len(self.deliveries(name, state=DELIVERED)) == count)
        return self.deliveries(name)


@pytest.fixture
def hooks(registry: Registry) -> Hooks:
    """On the shared server, which sends to public addresses alone."""
    return Hooks(registry)


@pytest.fixture
def local(database_url: str) -> Iterator[Hooks]:
    """On a server that sends to this machine, and does not wait long."""
    migrate(database_url)
    with start_server(database_url, **QUICK, **LOOPBACK) as server, grpc.insecure_channel(server.address) as channel:
        yield Hooks(Registry(RegistryServiceStub(channel), "default"))


def is_signed(received: Received, secret: str = SECRET) -> bool:
    """As https://www.standardwebhooks.com says."""
    signed = f"{received.event_id}.{received.headers['webhook-timestamp']}.".encode() + received.body
    digest = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
    return received.headers["webhook-signature"] == f"v1,{digest}"


def test_webhooks_are_kept_without_showing_their_secret(hooks: Hooks) -> None:
    created = hooks.create("https://example.org/hook?a=b", description="for CI", actions=[11, 13, 11])
    assert (created.secret, created.created_by, created.disabled) == (SECRET, "anonymous", False)
    assert list(created.actions) == [11, 13]
    read = hooks.get(created.name)
    created.secret = ""
    assert (read, hooks.all()) == (created, [created])
    changed = hooks.update(created.name, description="for CD", disabled=True, actions=[], etag=created.etag)
    assert (changed.description, changed.disabled, list(changed.actions)) == ("for CD", True, [])
    assert (changed.url, changed.secret, hooks.get(created.name)) == (created.url, "", changed)
    failure = error_of(lambda: hooks.update(created.name, description="late", etag=created.etag))
    assert (failure.code, failure.reason) == (grpc.StatusCode.ABORTED, "ETAG_STALE")
    hooks.delete(created.name)
    for gone in (
        lambda: hooks.get(created.name),
        lambda: hooks.delete(created.name),
        lambda: hooks.update(created.name, disabled=True),
        lambda: hooks.deliveries(created.name),
    ):
        failure = error_of(gone)
        assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "WEBHOOK_NOT_FOUND")
        assert failure.metadata == {"name": created.name}


def test_a_secret_is_made_where_none_is_given(hooks: Hooks) -> None:
    one, two = (hooks.create("https://example.org", secret="") for _ in range(2))
    assert len({one.secret, two.secret}) == 2
    assert min(len(one.secret), len(two.secret)) >= 32


def test_a_workspace_has_at_most_a_hundred_webhooks(hooks: Hooks) -> None:
    request_id = "1d3b7c12-0bd4-4f0b-8a5c-0f3b1f4a9b7e"
    created = [hooks.create("https://example.org", request_id, disabled=True)]
    created += [hooks.create("https://example.org", disabled=True) for _ in range(99)]
    assert [webhook.name for webhook in hooks.all(page_size=30)] == [webhook.name for webhook in created]
    failure = error_of(lambda: hooks.create("https://example.org"))
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "WEBHOOK_LIMIT_REACHED")
    assert hooks.create("https://example.org", request_id, disabled=True).name == created[0].name
    reused = error_of(lambda: hooks.create("https://example.org/other", request_id))
    assert reused.reason == "REQUEST_ID_REUSED"


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"url": ""}, "FIELD_REQUIRED", "url"),
        ({"url": "https://"}, "FIELD_INVALID", "url"),
        ({"url": "ftp://example.org"}, "FIELD_INVALID", "url"),
        ({"url": "example.org/hook"}, "FIELD_INVALID", "url"),
        ({"url": "https://user:pass@example.org"}, "FIELD_INVALID", "url"),
        ({"url": "https://example.org/#x"}, "FIELD_INVALID", "url"),
        ({"url": "https://example.org/a b"}, "FIELD_INVALID", "url"),
        ({"url": "https://example.org/\r\nx: y"}, "FIELD_INVALID", "url"),
        ({"url": "https://exämple.org"}, "FIELD_INVALID", "url"),
        ({"url": "https://example.org:99999"}, "FIELD_INVALID", "url"),
        ({"url": "https://example.org:0"}, "FIELD_INVALID", "url"),
        ({"url": "https://[::1"}, "FIELD_INVALID", "url"),
        ({"url": "https://example.org\\@127.0.0.1"}, "FIELD_INVALID", "url"),
        ({"url": "https://example.org/" + "x" * 2048}, "FIELD_TOO_LONG", "url"),
        ({"secret": "short"}, "FIELD_INVALID", "secret"),
        ({"secret": "0123456789abcde\n"}, "FIELD_INVALID", "secret"),
        ({"secret": "0123456789 abcdef"}, "FIELD_INVALID", "secret"),
        ({"secret": "x" * 257}, "FIELD_TOO_LONG", "secret"),
        ({"actions": [0]}, "FIELD_INVALID", "actions[0]"),
        ({"actions": [1, 99]}, "FIELD_INVALID", "actions[1]"),
        ({"description": "x" * 2049}, "FIELD_TOO_LONG", "description"),
    ],
)
def test_a_bad_webhook_is_refused(hooks: Hooks, fields: dict[str, Any], reason: str, field: str) -> None:
    kept = hooks.create("https://example.org")
    for refused in (
        lambda: hooks.create(**{"url": "https://example.org", **fields}),
        lambda: hooks.update(kept.name, **fields),
    ):
        failure = error_of(refused)
        assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
        assert failure.fields == (f"webhook.{field}",)
    assert [webhook.url for webhook in hooks.all()] == ["https://example.org"]


def test_bad_updates_and_reads_are_refused(hooks: Hooks) -> None:
    name = hooks.create("https://example.org").name
    for refused, reason in (
        (lambda: hooks.update(name), "UPDATE_MASK_INVALID"),
        (lambda: hooks.update(name, created_by="x"), "UPDATE_MASK_INVALID"),
        (lambda: hooks.update(name, secret=""), "FIELD_REQUIRED"),
        (lambda: hooks.deliveries(name, state=99), "FIELD_INVALID"),
        (lambda: hooks.deliveries(name, page_size=-1), "FIELD_INVALID"),
        (lambda: hooks.all(page_size=-1), "FIELD_INVALID"),
        (lambda: hooks.get(f"{hooks.registry.parent}/webhooks/1"), "RESOURCE_NAME_INVALID"),
    ):
        assert error_of(refused).reason == reason


def test_another_workspace_sees_nothing_of_a_webhook(hooks: Hooks) -> None:
    created = hooks.create("https://example.org")
    elsewhere = created.name.replace(hooks.registry.workspace, "default")
    assert error_of(lambda: hooks.get(elsewhere)).reason == "WEBHOOK_NOT_FOUND"


def test_a_receiver_is_told_each_event_signed(local: Hooks) -> None:
    with receiving() as receiver:
        webhook = local.create(f"{receiver.url}/hook?key=1")
        uid = local.registry.create_model("taxi").uid
        local.registry.create_version("taxi")
        local.registry.move("taxi", 1, "Production", reason="größer als alle")
        received = sorted(receiver.wait_for_count(3), key=lambda each: each.event_id)
        deliveries = local.all_ended(webhook.name, 3)
    assert [each.event_id for each in received] == [f"{uid}-{number}" for number in (1, 2, 3)]
    events = [json_format.Parse(each.body, model_event_pb2.ModelEvent()) for each in received]
    assert [event.entry for event in events] == local.registry.history("taxi")
    for each in received:
        assert (each.path, each.headers["content-type"]) == ("/hook?key=1", "application/json")
        assert is_signed(each)
        assert not is_signed(each, "another-secret...")
    assert [(each.event_id, each.attempts, each.http_status, each.problem) for each in deliveries] == [
        (f"{uid}-{number}", 1, 204, "") for number in (3, 2, 1)
    ]
    assert all(each.HasField("attempt_time") and not each.HasField("next_attempt_time") for each in deliveries)
    assert local.deliveries(webhook.name, page_size=2) == deliveries


def test_a_receiver_is_told_of_the_actions_it_wants_while_it_is_enabled(local: Hooks) -> None:
    with receiving() as receiver:
        moves = local.create(receiver.url, actions=[model_history_pb2.MODEL_ACTION_VERSION_MOVED])
        disabled = local.create(f"{receiver.url}/disabled", disabled=True)
        local.registry.create_model("taxi")
        local.registry.create_version("taxi")
        local.registry.move("taxi", 1, "Staging")
        received = receiver.wait_for_count(1)
        assert [each.action for each in local.all_ended(moves.name, 1)] == [
            model_history_pb2.MODEL_ACTION_VERSION_MOVED
        ]
        # What comes after it has been numbered after all of these.
        local.update(disabled.name, disabled=False)
        local.registry.move("taxi", 1, "Archived")
        receiver.wait_for(lambda all_: any(each.path == "/disabled" for each in all_))
        assert len(local.deliveries(disabled.name)) == 1
    assert [each.path for each in received] == ["/"]


def test_each_event_comes_at_least_once_however_often_a_receiver_fails(local: Hooks) -> None:
    """It fails, breaks off, redirects and keeps silent before it takes an event."""
    seen: Counter[str] = Counter()
    failures = (500, 0, 302, -1, 404)

    def answer(received: Received) -> int:
        seen[received.event_id] += 1
        at = (seen[received.event_id] - 1 + int(received.event_id.rsplit("-", 1)[1])) % (len(failures) + 1)
        return failures[at] if at < len(failures) else 200

    count = full(8, 40)
    with receiving(answer) as receiver:
        webhook = local.create(receiver.url)
        uid = local.registry.create_model("taxi").uid
        for _ in range(count - 1):
            local.registry.create_version("taxi")
        deliveries = local.all_ended(webhook.name, count)
        received = list(receiver.received)
        receiver.silent.set()
    assert set(seen) == {f"{uid}-{number}" for number in range(1, count + 1)}
    assert all(is_signed(each) and each.path != "/elsewhere" for each in received)
    assert {each.event_id: each.attempts for each in deliveries} == dict(seen)
    assert max(seen.values()) > 1


def test_a_failure_is_in_the_log_until_it_ends(local: Hooks) -> None:
    with receiving(lambda _: 503) as receiver:
        webhook = local.create(receiver.url)
        local.registry.create_model("taxi")
        receiver.wait_for_count(3)
        (failing,) = local.deliveries(webhook.name, state=PENDING)
        assert (failing.http_status, failing.problem) == (503, "it answered 503")
        assert failing.attempts >= 2
        assert failing.HasField("next_attempt_time")
        receiver.answer = lambda _: 200
        (ended,) = local.all_ended(webhook.name, 1)
        assert (ended.http_status, ended.problem) == (200, "")
    with receiving() as other:
        local.update(webhook.name, url=other.url, secret="another-secret...")
        local.registry.create_version("taxi")
        (received,) = other.wait_for_count(1)
        assert is_signed(received, "another-secret...")


def test_slow_receivers_do_not_hold_up_another(database_url: str) -> None:
    migrate(database_url)
    settings = {**LOOPBACK, "TRIVET_WEBHOOK_TIMEOUT_SECONDS": "30"}
    with (
        receiving(lambda _: -1) as slow,
        receiving() as quick,
        start_server(database_url, **settings) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        hooks = Hooks(Registry(RegistryServiceStub(channel), "default"))
        for _ in range(3):
            hooks.create(slow.url)
        webhook = hooks.create(quick.url)
        hooks.registry.create_model("taxi")
        for _ in range(9):
            hooks.registry.create_version("taxi")
        hooks.all_ended(webhook.name, 10)
        assert 0 < len(slow.received) < 3 * 10
        slow.silent.set()


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "0.0.0.0", "[::ffff:127.0.0.1]", "127.0.0.1."],
)
def test_nothing_is_sent_to_this_machine_unless_the_operator_allows_it(hooks: Hooks, host: str) -> None:
    with receiving() as canary:
        port = canary.url.rsplit(":", 1)[1]
        webhook = hooks.create(f"http://{host}:{port}/hook")
        hooks.registry.create_model("taxi")

        def attempted() -> bool:
            return any(each.attempts for each in hooks.deliveries(webhook.name))

        wait_until(attempted)
        (delivery,) = hooks.deliveries(webhook.name)
        hooks.delete(webhook.name)
        assert (delivery.http_status, canary.received) == (0, [])
        assert "TRIVET_WEBHOOK_NETWORKS" in delivery.problem or "has no address" in delivery.problem


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "100.100.100.200",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[::ffff:10.0.0.1]",
        "224.0.0.1",
        "255.255.255.255",
    ],
)
def test_nothing_is_sent_to_addresses_that_are_not_public(hooks: Hooks, host: str) -> None:
    webhook = hooks.create(f"https://{host}/hook")
    hooks.registry.create_model("taxi")
    wait_until(lambda: any(each.attempts for each in hooks.deliveries(webhook.name)))
    (delivery,) = hooks.deliveries(webhook.name)
    hooks.delete(webhook.name)
    assert "which is not public and not of TRIVET_WEBHOOK_NETWORKS" in delivery.problem


def test_two_replicas_deliver_each_event_once(request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgres_server").create_database()
    migrate(url)
    with ExitStack() as stack:
        servers = [stack.enter_context(start_server(url, **LOOPBACK)) for _ in range(2)]
        channels = [stack.enter_context(grpc.insecure_channel(server.address)) for server in servers]
        replicas = [Hooks(Registry(RegistryServiceStub(channel), "default")) for channel in channels]
        receiver = stack.enter_context(receiving())
        webhook = replicas[0].create(receiver.url)
        for number in range(40):
            replicas[number % 2].registry.create_model(f"m{number}")
        replicas[1].all_ended(webhook.name, 40)
        assert max(Counter(each.event_id for each in receiver.received).values()) == 1


def test_what_a_killed_server_did_not_send_another_does(request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgres_server").create_database()
    migrate(url)
    with receiving(lambda _: 503) as receiver:
        with start_server(url, **QUICK, **LOOPBACK) as server, grpc.insecure_channel(server.address) as channel:
            hooks = Hooks(Registry(RegistryServiceStub(channel), "default"))
            webhook = hooks.create(receiver.url)
            for number in range(5):
                hooks.registry.create_model(f"m{number}")
            receiver.wait_for_count(3)
            server.kill()
        receiver.answer = lambda _: 200
        with start_server(url, **QUICK, **LOOPBACK) as server, grpc.insecure_channel(server.address) as channel:
            hooks = Hooks(Registry(RegistryServiceStub(channel), "default"))
            taken = partial(hooks.deliveries, webhook.name, state=DELIVERED)
            # What it was sending when it was killed stays claimed for some time; the rest does not.
            wait_until(lambda: len(taken()) >= 3)


@pytest.mark.parametrize("networks", ["x", "10.0.0.0/33", "10.0.0.1/8"])
def test_networks_that_are_none_keep_the_server_from_starting(database_url: str, networks: str) -> None:
    migrate(database_url)
    with pytest.raises(ServerNotReadyError, match="TRIVET_WEBHOOK_NETWORKS"):
        start_server(database_url, TRIVET_WEBHOOK_NETWORKS=networks)
