"""Events of rules reach webhooks: once for each, whatever is killed, signed, and only where they may go."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import grpc
import pytest
from google.protobuf import json_format

from trivet_proto.tracking.v1 import rule_pb2
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.receivers import receiving
from trivet_testing.records import create_experiment, create_run, metric, write
from trivet_testing.rules import Rules
from trivet_testing.servers import ServerNotReadyError, ServerProcess
from trivet_testing.tracking import Tracking, migrate, start_server
from trivet_testing.waiting import wait_until

SECRET = "0123456789abcdef"
LOOPBACK = {"TRIVET_WEBHOOK_NETWORKS": "127.0.0.0/8"}
QUICK = {"TRIVET_WEBHOOK_TIMEOUT_SECONDS": "0.5", "TRIVET_WEBHOOK_RETRY_SECONDS": "0.05"}
PENDING, DELIVERED = (
    rule_pb2.RULE_EVENT_DELIVERY_STATE_PENDING,
    rule_pb2.RULE_EVENT_DELIVERY_STATE_DELIVERED,
)


@contextmanager
def serving(database_url: str, **env: str) -> Iterator[tuple[ServerProcess, Rules]]:
    with start_server(database_url, **LOOPBACK, **env) as server, grpc.insecure_channel(server.address) as channel:
        yield server, Rules(Tracking(TrackingServiceStub(channel), "default"))


def webhook(url: str) -> rule_pb2.RuleWebhook:
    return rule_pb2.RuleWebhook(url=url, secret=SECRET)


def log_nan(rules: Rules, run: str, step: int = 0) -> None:
    write(rules.tracking, run, metrics=metric("loss", (step, 0, math.nan)))


def is_delivered(rules: Rules, rule: rule_pb2.Rule) -> bool:
    events = rules.events(rule=rule.name)
    return bool(events) and all(event.delivery.state == DELIVERED for event in events)


def test_a_receiver_is_told_of_an_event_signed(database_url: str) -> None:
    migrate(database_url)
    with receiving() as receiver, serving(database_url) as (_, rules):
        run = create_run(rules.tracking).name
        rule = rules.create("nan", run=run, webhook=webhook(f"{receiver.url}/hook?key=1"))
        assert rule.webhook.secret == SECRET
        log_nan(rules, run, step=7)
        (received,) = receiver.wait_for_count(1)
        wait_until(lambda: is_delivered(rules, rule))
        (event,) = rules.events(rule=rule.name)
    assert (event.delivery.attempts, event.delivery.http_status, event.delivery.problem) == (1, 204, "")
    event.ClearField("delivery")
    told = json_format.Parse(received.body, rule_pb2.RuleEvent())
    assert (told.id, told.rule, told.run, told.step, told.reason) == (
        event.id,
        rule.name,
        run,
        7,
        "loss is NaN at step 7",
    )
    assert math.isnan(told.value)
    assert (received.path, received.event_id) == ("/hook?key=1", event.id)
    signed = f"{event.id}.{received.headers['webhook-timestamp']}.".encode() + received.body
    digest = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert received.headers["webhook-signature"] == f"v1,{digest}"


def test_a_receiver_that_fails_is_told_again(database_url: str) -> None:
    migrate(database_url)
    with receiving(lambda _: 503) as receiver, serving(database_url, **QUICK) as (_, rules):
        run = create_run(rules.tracking).name
        rule = rules.create("nan", run=run, webhook=webhook(receiver.url))
        log_nan(rules, run)
        receiver.wait_for_count(2)
        wait_until(lambda: rules.events(rule=rule.name)[0].delivery.attempts >= 2)
        delivery = rules.events(rule=rule.name)[0].delivery
        assert (delivery.state, delivery.http_status, delivery.problem) == (PENDING, 503, "it answered 503")
        assert delivery.HasField("next_attempt_time")
        receiver.answer = lambda _: 200
        wait_until(lambda: is_delivered(rules, rule))
        assert len({received.event_id for received in receiver.received}) == 1
        # A deleted rule is not sent on.
        receiver.answer = lambda _: 503
        other = rules.create("other", run=run, webhook=webhook(receiver.url))
        wait_until(lambda: len({received.event_id for received in receiver.received}) == 2)
        rules.delete(other.name)
        assert rules.events(rule=rule.name)[0].delivery.state == DELIVERED


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "[fd00:ec2::254]"])
def test_nothing_is_sent_where_it_must_not_be(tracking: Tracking, host: str) -> None:
    rules = Rules(tracking)
    with receiving() as canary:
        run = create_run(tracking).name
        rule = rules.create("nan", run=run, webhook=webhook(f"http://{host}:{canary.url.rsplit(':', 1)[1]}/"))
        log_nan(rules, run)
        wait_until(lambda: any(event.delivery.attempts for event in rules.events(rule=rule.name)))
        (event,) = rules.events(rule=rule.name)
        rules.delete(rule.name)
        assert (event.delivery.state, event.delivery.http_status, canary.received) == (PENDING, 0, [])
        assert "TRIVET_WEBHOOK_NETWORKS" in event.delivery.problem


def test_killed_between_event_and_delivery_the_next_server_delivers_once(database_url: str) -> None:
    migrate(database_url)
    with receiving(lambda _: 503) as receiver:
        # It is refused, so that what was found waits as it does where a server is killed before it sends.
        with serving(database_url, TRIVET_WEBHOOK_RETRY_SECONDS="1") as (server, rules):
            run = create_run(rules.tracking).name
            rule = rules.create("nan", run=run, stop=True, tag=True, webhook=webhook(receiver.url))
            log_nan(rules, run)
            receiver.wait_for_count(1)
            wait_until(lambda: rules.events(rule=rule.name)[0].delivery.attempts == 1)
            server.kill()
        refused = list(receiver.received)
        receiver.answer = lambda _: 200
        with serving(database_url, TRIVET_WEBHOOK_RETRY_SECONDS=QUICK["TRIVET_WEBHOOK_RETRY_SECONDS"]) as (_, rules):
            wait_until(lambda: is_delivered(rules, rule))
            rules.judged(run)
            (event,) = rules.events(rule=rule.name)
            taken = receiver.received[len(refused) :]
            assert [received.event_id for received in taken] == [event.id]
            assert {received.event_id for received in refused} == {event.id}


def test_killed_before_the_event_the_next_server_finds_it(database_url: str) -> None:
    migrate(database_url)
    with receiving() as receiver:
        with serving(database_url) as (server, rules):
            run = create_run(rules.tracking).name
            rule = rules.create("nan", run=run, webhook=webhook(receiver.url))
            log_nan(rules, run)
            server.kill()
        with serving(database_url) as (_, rules):
            wait_until(lambda: is_delivered(rules, rule))
            rules.judged(run)
        assert len(receiver.received) == 1


def test_killed_after_the_delivery_nothing_is_sent_again(database_url: str) -> None:
    migrate(database_url)
    with receiving() as receiver:
        with serving(database_url) as (server, rules):
            run = create_run(rules.tracking).name
            rule = rules.create("nan", run=run, webhook=webhook(receiver.url))
            log_nan(rules, run)
            wait_until(lambda: is_delivered(rules, rule))
            server.kill()
        with serving(database_url) as (_, rules):
            log_nan(rules, run, step=1)
            rules.judged(run)
            other = rules.create("other", run=run, webhook=webhook(receiver.url))
            wait_until(lambda: is_delivered(rules, other))
        assert len(receiver.received) == 2
        assert len({received.event_id for received in receiver.received}) == 2


def test_two_replicas_fire_and_deliver_once(request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgres_server").create_database()
    migrate(url)
    count = 20
    with ExitStack() as stack:
        replicas = [stack.enter_context(serving(url))[1] for _ in range(2)]
        receiver = stack.enter_context(receiving())
        experiment = create_experiment(replicas[0].tracking).name
        rule = replicas[0].create("nan", experiment=experiment, stop=True, tag=True, webhook=webhook(receiver.url))
        runs = [create_run(replicas[0].tracking, experiment=experiment).name for _ in range(count)]
        for number, run in enumerate(runs):
            log_nan(replicas[number % 2], run)
        wait_until(lambda: len(replicas[1].events(rule=rule.name)) == count and is_delivered(replicas[1], rule))
        for replica in replicas:
            replica.judged(runs[0])
        events = replicas[0].events(rule=rule.name)
        assert Counter(event.run for event in events) == dict.fromkeys(runs, 1)
        assert Counter(received.event_id for received in receiver.received) == {event.id: 1 for event in events}
        assert {replicas[1].stop(run).rule for run in runs} == {rule.name}


def test_a_run_is_judged_soon(tracking: Tracking) -> None:
    """Two seconds are promised, and half of one is how often is looked; the bound here is that of a busy machine."""
    rules = Rules(tracking)
    run = create_run(tracking).name
    rule = rules.create("nan", run=run)
    rules.judged(run)
    began = time.monotonic()
    log_nan(rules, run)
    rules.event(rule)
    assert time.monotonic() - began < 20


def test_networks_that_are_none_keep_the_server_from_starting(database_url: str) -> None:
    migrate(database_url)
    with pytest.raises(ServerNotReadyError, match="TRIVET_WEBHOOK_NETWORKS"):
        start_server(database_url, TRIVET_WEBHOOK_NETWORKS="10.0.0.0/33")
