"""Many writers at once, on PostgreSQL and two replicas: what must happen once happens once."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier
from typing import TypeVar

import grpc
import pytest

from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from trivet_testing.errors import reason_of
from trivet_testing.registry import Registry, migrate, number_of, start_server
from trivet_testing.servers import ServerProcess

WRITERS = 32
_Result = TypeVar("_Result")


@pytest.fixture(scope="module")
def replicas(request: pytest.FixtureRequest) -> Iterator[tuple[Registry, ...]]:
    """A connection for each writer, half of them to one replica and half to the other."""
    url = request.getfixturevalue("postgres_server").create_database()
    migrate(url)
    with ExitStack() as stack:
        servers: list[ServerProcess] = [stack.enter_context(start_server(url)) for _ in range(2)]
        channels = [
            stack.enter_context(
                grpc.insecure_channel(servers[number % 2].address, (("grpc.use_local_subchannel_pool", 1),))
            )
            for number in range(WRITERS)
        ]
        yield tuple(Registry(RegistryServiceStub(channel), "default") for channel in channels)


def at_once(replicas: tuple[Registry, ...], do: Callable[[int, Registry], _Result]) -> list[_Result]:
    """What all writers get who begin at the same moment."""
    barrier = Barrier(len(replicas))

    def begin(number: int) -> _Result:
        barrier.wait()
        return do(number, replicas[number])

    with ThreadPoolExecutor(len(replicas)) as threads:
        return list(threads.map(begin, range(len(replicas))))


def test_versions_created_at_once_have_numbers_without_gaps_or_repeats(replicas: tuple[Registry, ...]) -> None:
    replicas[0].create_model("numbers")
    rounds = 5
    made = at_once(replicas, lambda _, registry: [number_of(registry.create_version("numbers")) for _ in range(rounds)])
    assert sorted(number for numbers in made for number in numbers) == list(range(1, WRITERS * rounds + 1))
    assert all(numbers == sorted(numbers) for numbers in made)
    replicas[0].delete_version("numbers", WRITERS * rounds)
    assert number_of(replicas[1].create_version("numbers")) == WRITERS * rounds + 1


def test_versions_created_and_deleted_at_once_never_repeat_a_number(replicas: tuple[Registry, ...]) -> None:
    replicas[0].create_model("churn")

    def churn(_: int, registry: Registry) -> list[int]:
        made = []
        for _ in range(4):
            made.append(number_of(registry.create_version("churn")))
            registry.delete_version("churn", made[-1])
        return made

    made = [number for numbers in at_once(replicas, churn) for number in numbers]
    assert sorted(made) == list(range(1, WRITERS * 4 + 1))


def test_one_of_many_moves_an_alias_with_one_etag(replicas: tuple[Registry, ...]) -> None:
    replicas[0].create_model("alias")
    for _ in range(WRITERS):
        replicas[0].create_version("alias")
    etag = replicas[0].get_model("alias").etag
    reasons = at_once(
        replicas,
        lambda number, registry: reason_of(lambda: registry.set_alias("alias", "champion", number + 1, etag)),
    )
    assert sorted(reasons) == ["", *["ETAG_STALE"] * (WRITERS - 1)]
    assert dict(replicas[1].get_model("alias").aliases) == {"champion": reasons.index("") + 1}


def test_one_of_many_creates_a_name(replicas: tuple[Registry, ...]) -> None:
    reasons = at_once(replicas, lambda _, registry: reason_of(lambda: registry.create_model("name")))
    assert sorted(reasons) == ["", *["MODEL_NAME_TAKEN"] * (WRITERS - 1)]


def test_one_of_many_renames_to_a_name(replicas: tuple[Registry, ...]) -> None:
    for number in range(WRITERS):
        replicas[0].create_model(f"from {number}")
    reasons = at_once(
        replicas, lambda number, registry: reason_of(lambda: registry.rename_model(f"from {number}", "to"))
    )
    assert sorted(reasons) == ["", *["MODEL_NAME_TAKEN"] * (WRITERS - 1)]


def test_after_moves_with_archiving_one_version_is_in_the_stage(replicas: tuple[Registry, ...]) -> None:
    replicas[0].create_model("stage")
    for _ in range(WRITERS):
        replicas[0].create_version("stage")
    at_once(replicas, lambda number, registry: registry.move("stage", number + 1, "Production", archive=True))
    stages = [version.stage for version in replicas[1].search_versions("name = 'stage'")]
    assert sorted(stages) == ["Archived"] * (WRITERS - 1) + ["Production"]


def test_deleting_a_model_while_versions_are_made_leaves_nothing(replicas: tuple[Registry, ...]) -> None:
    replicas[0].create_model("doomed")

    def act(number: int, registry: Registry) -> str:
        if number == WRITERS // 2:
            return reason_of(lambda: registry.delete_model("doomed"))
        return reason_of(lambda: registry.create_version("doomed", tags={"a": "b"}))

    assert set(at_once(replicas, act)) <= {"", "MODEL_NOT_FOUND"}
    assert replicas[0].search_versions("name = 'doomed'") == []


def test_one_of_many_moves_a_version_with_one_etag(replicas: tuple[Registry, ...]) -> None:
    replicas[0].create_model("moved")
    etag = replicas[0].create_version("moved").etag
    stages = ("Staging", "Production")
    reasons = at_once(
        replicas,
        lambda number, registry: reason_of(lambda: registry.move("moved", 1, stages[number % 2], etag=etag)),
    )
    assert sorted(reasons) == ["", *["ETAG_STALE"] * (WRITERS - 1)]
    assert replicas[1].get_version("moved", 1).stage == stages[reasons.index("") % 2]


def test_whatever_many_do_at_once_the_chain_is_whole(replicas: tuple[Registry, ...]) -> None:
    replicas[0].create_model("chain")
    rounds = 4

    def act(number: int, registry: Registry) -> None:
        for _ in range(rounds):
            version = number_of(registry.create_version("chain", tags={"by": str(number)}))
            registry.move("chain", version, "Production", archive=True)
            registry.set_alias("chain", f"a{number}", version)
            registry.tag_model("chain", {f"t{number}": str(version)})
            registry.describe_version("chain", version, f"by {number}")

    at_once(replicas, act)
    verified = replicas[1].verify("chain")
    assert list(verified.faults) == []
    archived = WRITERS * rounds - 1
    assert verified.sequence == 1 + WRITERS * rounds * 5 + archived
    tags = replicas[0].get_model("chain").tags
    assert len(tags) == WRITERS


def test_copies_at_once_into_a_model_that_is_not_there_are_all_in_one(replicas: tuple[Registry, ...]) -> None:
    replicas[0].create_model("copied")
    replicas[0].create_version("copied")
    made = at_once(replicas, lambda _, registry: number_of(registry.copy_version("copied", 1, "copies")))
    assert sorted(made) == list(range(1, WRITERS + 1))


def test_no_version_is_in_a_stage_that_was_taken_away_meanwhile(replicas: tuple[Registry, ...]) -> None:
    registry = replicas[0]
    registry.create_model("gone")
    for _ in range(WRITERS):
        registry.create_version("gone")
    stages = ["None", "Staging", "Production", "Canary", "Archived"]
    registry.change_rules(stages=stages)

    def act(number: int, registry: Registry) -> str:
        if number == WRITERS // 2:
            return reason_of(lambda: registry.change_rules(stages=[stage for stage in stages if stage != "Canary"]))
        return reason_of(lambda: registry.move("gone", number + 1, "Canary"))

    reasons = at_once(replicas, act)
    in_canary = [version for version in registry.search_versions("name = 'gone'") if version.stage == "Canary"]
    has_canary = "Canary" in registry.rules().stages
    assert has_canary or not in_canary
    assert has_canary == (reasons[WRITERS // 2] == "STAGE_IN_USE")
    for version in in_canary:
        registry.move("gone", number_of(version), "None")
    registry.change_rules(stages=["None", "Staging", "Production", "Archived"])


def test_what_is_protected_meanwhile_stays_as_it_is_from_then_on(replicas: tuple[Registry, ...]) -> None:
    registry = replicas[0]
    registry.create_model("guarded")
    for _ in range(WRITERS):
        registry.create_version("guarded")
    pointed: list[int] = []

    def act(number: int, registry: Registry) -> str:
        if number == WRITERS // 2:
            registry.change_rules(protected_aliases=["guarded"])
            pointed.append(registry.get_model("guarded").aliases.get("guarded", 0))
            return ""
        return reason_of(lambda: registry.set_alias("guarded", "guarded", number + 1))

    reasons = at_once(replicas, act)
    assert set(reasons) <= {"", "ALIAS_PROTECTED"}
    assert registry.get_model("guarded").aliases.get("guarded", 0) == pointed[0]
    registry.change_rules(protected_aliases=[])


def test_one_of_different_requests_with_one_id_at_once_wins(replicas: tuple[Registry, ...]) -> None:
    """Their models are different, so that no lock keeps them apart."""
    request_id = str(uuid.uuid4())
    for number in range(WRITERS):
        replicas[0].create_model(f"own-{number}")
    reasons = at_once(
        replicas,
        lambda number, registry: reason_of(lambda: registry.create_version(f"own-{number}", request_id=request_id)),
    )
    assert sorted(reasons) == ["", *["REQUEST_ID_REUSED"] * (WRITERS - 1)]
    versions = [replicas[0].search_versions(f"name = 'own-{number}'") for number in range(WRITERS)]
    assert [len(found) for found in versions] == [int(not reason) for reason in reasons]
    # What was refused took no number with it.
    assert {
        number_of(replicas[0].create_version(f"own-{number}")) for number, reason in enumerate(reasons) if reason
    } == {1}
