"""Decisions about one promotion request at once, on PostgreSQL and two replicas; and a replica killed in one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from threading import Barrier

import grpc
import psycopg2
import pytest

from trivet_proto.registry.v1 import promotion_request_pb2
from trivet_proto.registry.v1.promotion_request_pb2 import PromotionRequest
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from trivet_testing.approvers import Team, subject
from trivet_testing.errors import reason_of
from trivet_testing.registry import Registry, migrate, start_server
from trivet_testing.servers import ServerProcess
from trivet_testing.waiting import wait_until

WORKSPACE = "team-a"
PENDING = promotion_request_pb2.PROMOTION_REQUEST_STATE_PENDING
APPROVED = promotion_request_pb2.PROMOTION_REQUEST_STATE_APPROVED
WITHDRAWN = promotion_request_pb2.PROMOTION_REQUEST_STATE_WITHDRAWN
ROUNDS = 12


@dataclass
class Replicas:
    """Two registries over one database."""

    url: str
    team: Team
    servers: tuple[ServerProcess, ServerProcess]
    stack: ExitStack
    _known: dict[tuple[str, int], Registry] = field(default_factory=dict)

    def as_(self, name: str, replica: int = 0) -> Registry:
        """One of them as somebody uses it, over a connection of their own."""
        if (name, replica) not in self._known:
            pool = (("grpc.use_local_subchannel_pool", 1),)
            channel = self.stack.enter_context(grpc.insecure_channel(self.servers[replica].address, pool))
            self._known[name, replica] = Registry(RegistryServiceStub(self.team.channel(channel, name)), WORKSPACE)
        return self._known[name, replica]


@pytest.fixture(scope="module")
def replicas(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    url = request.getfixturevalue("postgres_server").create_database()
    migrate(url)
    team = Team(tmp_path_factory.mktemp("team"), [WORKSPACE])
    with ExitStack() as stack:
        servers = tuple(stack.enter_context(start_server(url, **team.settings)) for _ in range(2))
        yield Replicas(url, team, (servers[0], servers[1]), stack)


def ask(replicas: Replicas, model: str, approvals: int) -> PromotionRequest:
    """A request for the alias `champion` of a new model, which takes so many approvals."""
    ann = replicas.as_("ann")
    ann.create_model(model)
    ann.create_version(model)
    rules = replicas.as_("ops")
    rules.change_rules(protected_aliases=["champion"], alias_approvals={"champion": approvals})
    return ann.ask_for_alias(model, "champion", 1)


def at_once(calls: Mapping[str, Callable[[], object]]) -> dict[str, str]:
    """Why each of some calls failed that begin at the same moment; empty where it did not."""
    barrier = Barrier(len(calls))

    def begin(call: Callable[[], object]) -> str:
        barrier.wait()
        return reason_of(call)

    with ThreadPoolExecutor(len(calls)) as threads:
        return dict(zip(calls, threads.map(begin, calls.values()), strict=True))


def moves(registry: Registry, model: str) -> int:
    """How often the alias was set, by the history."""
    return sum(change.field == "aliases.champion" for entry in registry.history(model) for change in entry.changes)


@pytest.mark.parametrize("approvals", [1, 2])
def test_of_approvers_at_once_as_many_count_as_it_takes(replicas: Replicas, approvals: int) -> None:
    people = {name: replicas.as_(name, number % 2) for number, name in enumerate(("cat", "dan", "eve"))}
    for number in range(ROUNDS):
        model = f"approvers-{approvals}-{number}"
        name = ask(replicas, model, approvals).name
        reasons = at_once({who: partial(one.approve, name) for who, one in people.items()})
        assert sorted(reasons.values()) == [*[""] * approvals, *["PROMOTION_REQUEST_ENDED"] * (3 - approvals)]
        ended = people["cat"].get_request(name)
        assert ended.state == APPROVED
        assert {each.approver for each in ended.approvals} == {subject(who) for who in reasons if not reasons[who]}
        assert moves(people["cat"], model) == 1
        assert dict(people["dan"].get_model(model).aliases) == {"champion": 1}
        assert list(people["eve"].verify(model).faults) == []


def test_one_approver_at_both_replicas_at_once_counts_once(replicas: Replicas) -> None:
    twice = {str(replica): replicas.as_("cat", replica) for replica in range(2)}
    for number in range(ROUNDS):
        name = ask(replicas, f"twice-{number}", 2).name
        assert at_once({which: partial(one.approve, name) for which, one in twice.items()}) == {"0": "", "1": ""}
        waiting = twice["0"].get_request(name)
        assert (waiting.state, [each.approver for each in waiting.approvals]) == (PENDING, [subject("cat")])


def test_an_approval_and_a_withdrawal_at_once_have_one_outcome(replicas: Replicas) -> None:
    ann, cat = replicas.as_("ann", 0), replicas.as_("cat", 1)
    for number in range(ROUNDS):
        model = f"withdrawn-{number}"
        name = ask(replicas, model, 1).name
        reasons = at_once({"approve": partial(cat.approve, name), "withdraw": partial(ann.withdraw, name)})
        assert sorted(reasons.values()) == ["", "PROMOTION_REQUEST_ENDED"]
        is_approved = not reasons["approve"]
        assert ann.get_request(name).state == (APPROVED if is_approved else WITHDRAWN)
        assert dict(ann.get_model(model).aliases) == ({"champion": 1} if is_approved else {})
        assert moves(ann, model) == int(is_approved)
        assert list(ann.verify(model).faults) == []


def test_an_approval_and_a_deletion_at_once_have_one_outcome(replicas: Replicas) -> None:
    bob, cat = replicas.as_("bob", 0), replicas.as_("cat", 1)
    for number in range(ROUNDS):
        model = f"deleted-{number}"
        name = ask(replicas, model, 1).name
        reasons = at_once({"approve": partial(cat.approve, name), "delete": partial(bob.delete_version, model, 1)})
        assert reasons in (
            {"approve": "", "delete": "ALIAS_PROTECTED"},
            {"approve": "PROMOTION_REQUEST_ENDED", "delete": ""},
        )
        assert cat.get_request(name).state == (WITHDRAWN if reasons["approve"] else APPROVED)
        assert list(cat.verify(model).faults) == []


def test_a_replica_killed_in_the_last_approval_leaves_all_or_nothing(replicas: Replicas) -> None:
    name = ask(replicas, "killed", 1).name
    cat = replicas.as_("cat", 1)
    before = cat.history("killed")
    victim = replicas.stack.enter_context(start_server(replicas.url, **replicas.team.settings))
    with (
        closing(psycopg2.connect(replicas.url)) as holder,
        grpc.insecure_channel(victim.address) as channel,
        ThreadPoolExecutor(1) as threads,
    ):
        approver = Registry(RegistryServiceStub(replicas.team.channel(channel, "dan")), WORKSPACE)
        with holder.cursor() as cursor:
            # Its transaction waits for the history, after the request's row was written.
            cursor.execute("LOCK TABLE trivet_registry.history IN EXCLUSIVE MODE")
            call = threads.submit(approver.approve, name)
            wait_until(lambda: _waiting(replicas.url) > 0)
            victim.kill()
            error = call.exception(timeout=60)
            assert isinstance(error, grpc.RpcError)
            assert error.code() == grpc.StatusCode.UNAVAILABLE
            # What is left of it ends, as PostgreSQL ends the sessions of a client that is gone.
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        holder.rollback()
    wait_until(lambda: _waiting(replicas.url) == 0)
    assert (cat.get_request(name).state, len(cat.get_request(name).approvals)) == (PENDING, 0)
    assert cat.history("killed") == before
    assert cat.approve(name).state == APPROVED
    assert moves(cat, "killed") == 1
    assert list(cat.verify("killed").faults) == []


def _waiting(url: str) -> int:
    """How many sessions wait for a lock."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        (count,) = cursor.fetchone() or (0,)
        return int(count)
