"""Whatever is done in whatever order, the registry is what the oracle says."""

from __future__ import annotations

from collections.abc import Callable

import grpc
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from trivet_testing.errors import error_of
from trivet_testing.registry import Registry, number_of
from trivet_testing.registry_model import RefusedError, Workspace, model_facts, version_facts
from trivet_testing.tracking import full
from trivet_testing.workspaces import unused_workspace

NAMES = st.sampled_from(["a", "b", "c d"])
NUMBERS = st.integers(1, 5)
ALIASES = st.sampled_from(["x", "Y"])
TAGS = st.dictionaries(st.sampled_from(["k", "l"]), st.sampled_from(["", "1"]), max_size=2)
STAGES = st.sampled_from(["none", "Staging", "PRODUCTION", "Archived", "canary"])
LISTS = st.sampled_from(
    [
        ("None", "Staging", "Production", "Archived"),
        ("None", "Canary", "Production", "Archived"),
        ("None", "Production", "Canary", "Staging", "Archived"),
    ]
)
PROTECTED = st.frozensets(st.sampled_from(["Production", "Canary", "Archived"]), max_size=1)
# Each run of the machine clears one and uses it again; no other test takes it.
WORKSPACE = unused_workspace()


class RegistryMachine(RuleBasedStateMachine):
    """Does the same to a server and to the oracle."""

    channel: grpc.Channel

    def __init__(self) -> None:
        super().__init__()
        self.registry = Registry(RegistryServiceStub(self.channel), WORKSPACE)
        self.registry.change_rules(protected_stages=[], protected_aliases=[])
        for model in self.registry.search_models():
            self.registry.delete_model(model.name.rsplit("/", 1)[1])
        self.registry.change_rules(stages=["None", "Staging", "Production", "Archived"])
        self.oracle = Workspace(self.registry.parent)

    def both(self, ask: Callable[[], object], expect: Callable[[], object]) -> None:
        """Checks that the server answers as the oracle does, where that says what, and fails where that fails."""
        reason, expected = "", None
        try:
            expected = expect()
        except RefusedError as refused:
            reason = refused.reason
        if reason:
            assert error_of(ask).reason == reason
        else:
            answer = ask()
            assert expected is None or answer == expected

    @rule(name=NAMES, tags=TAGS)
    def create_model(self, name: str, tags: dict[str, str]) -> None:
        self.both(lambda: self.registry.create_model(name, tags=tags), lambda: self.oracle.create_model(name, tags))

    @rule(name=NAMES, new_name=NAMES)
    def rename_model(self, name: str, new_name: str) -> None:
        self.both(lambda: self.registry.rename_model(name, new_name), lambda: self.oracle.rename_model(name, new_name))

    @rule(name=NAMES)
    def delete_model(self, name: str) -> None:
        self.both(lambda: self.registry.delete_model(name), lambda: self.oracle.delete_model(name))

    @rule(name=NAMES, text=st.sampled_from(["", "new"]))
    def describe_model(self, name: str, text: str) -> None:
        self.both(lambda: self.registry.describe_model(name, text), lambda: self.oracle.describe_model(name, text))

    @rule(name=NAMES, tags=TAGS)
    def tag_model(self, name: str, tags: dict[str, str]) -> None:
        deleted = [key for key in ("k", "l") if key not in tags]
        self.both(
            lambda: self.registry.tag_model(name, tags, deleted),
            lambda: self.oracle.tag_model(name, tags),
        )

    @rule(name=NAMES, tags=TAGS)
    def create_version(self, name: str, tags: dict[str, str]) -> None:
        uri = f"s3://{name}"
        self.both(
            lambda: number_of(self.registry.create_version(name, uri, tags=tags)),
            lambda: self.oracle.create_version(name, uri, tags),
        )

    @rule(name=NAMES, number=NUMBERS)
    def delete_version(self, name: str, number: int) -> None:
        self.both(lambda: self.registry.delete_version(name, number), lambda: self.oracle.delete_version(name, number))

    @rule(name=NAMES, number=NUMBERS, stage=STAGES, archive=st.booleans())
    def move(self, name: str, number: int, stage: str, archive: bool) -> None:  # noqa: FBT001 - drawn
        self.both(
            lambda: self.registry.move(name, number, stage, archive=archive),
            lambda: self.oracle.move(name, number, stage, archive=archive),
        )

    @rule(name=NAMES, alias=ALIASES, number=NUMBERS)
    def set_alias(self, name: str, alias: str, number: int) -> None:
        self.both(
            lambda: self.registry.set_alias(name, alias, number), lambda: self.oracle.set_alias(name, alias, number)
        )

    @rule(name=NAMES, alias=ALIASES)
    def delete_alias(self, name: str, alias: str) -> None:
        self.both(lambda: self.registry.delete_alias(name, alias), lambda: self.oracle.delete_alias(name, alias))

    @rule(stages=LISTS)
    def change_stages(self, stages: tuple[str, ...]) -> None:
        self.both(lambda: self.registry.change_rules(stages=stages), lambda: self.oracle.change_stages(stages))

    @rule(stages=PROTECTED, aliases=st.frozensets(ALIASES, max_size=1))
    def protect(self, stages: frozenset[str], aliases: frozenset[str]) -> None:
        self.both(
            lambda: self.registry.change_rules(protected_stages=stages, protected_aliases=aliases),
            lambda: self.oracle.protect(stages, aliases),
        )

    @rule(name=NAMES, number=NUMBERS, destination=NAMES)
    def copy(self, name: str, number: int, destination: str) -> None:
        self.both(
            lambda: number_of(self.registry.copy_version(name, number, destination)),
            lambda: self.oracle.copy_version(name, number, destination),
        )

    @rule(name=NAMES)
    def verify(self, name: str) -> None:
        def expect() -> tuple[int, int]:
            return 0, self.oracle.model(name).entries

        def ask() -> tuple[int, int]:
            verified = self.registry.verify(name)
            return len(verified.faults), verified.sequence

        self.both(ask, expect)

    @rule(name=NAMES, alias=ALIASES)
    def get_by_alias(self, name: str, alias: str) -> None:
        self.both(lambda: number_of(self.registry.get_by_alias(name, alias)), lambda: self.oracle.by_alias(name, alias))

    @rule(name=NAMES)
    def latest(self, name: str) -> None:
        self.both(
            lambda: [number_of(version) for version in self.registry.latest(name)], lambda: self.oracle.latest(name)
        )

    @invariant()
    def all_is_as_the_oracle_says(self) -> None:
        models = {model.name: model_facts(model) for model in self.registry.search_models()}
        assert models == {
            self.registry.model_name(name): (model.description, model.tags, model.aliases)
            for name, model in self.oracle.models.items()
        }
        versions = {version.name: version_facts(version) for version in self.registry.search_versions()}
        assert versions == {
            self.registry.version_name(name, number): (
                version.uri,
                version.description,
                version.stage,
                version.tags,
                sorted(alias for alias, target in model.aliases.items() if target == number),
                version.copied_from,
            )
            for name, model in self.oracle.models.items()
            for number, version in model.versions.items()
        }


def test_the_registry_is_what_the_oracle_says(channel: grpc.Channel) -> None:
    RegistryMachine.channel = channel
    run_state_machine_as_test(
        RegistryMachine,
        settings=settings(
            max_examples=full(20, 100),
            stateful_step_count=full(30, 50),
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
