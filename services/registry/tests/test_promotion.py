"""The stages of a workspace, and what is protected in it."""

from __future__ import annotations

import grpc
import pytest

from trivet_testing.errors import error_of
from trivet_testing.registry import Registry, number_of

DEFAULT = ["None", "Staging", "Production", "Archived"]
OWN = ["None", "Dev", "Load test", "Canary", "Archived"]


@pytest.fixture
def taxi(registry: Registry) -> Registry:
    """The registry with a model `taxi` and two versions."""
    registry.create_model("taxi")
    for _ in range(2):
        registry.create_version("taxi")
    return registry


def test_a_workspace_has_four_stages_and_nothing_protected(registry: Registry) -> None:
    rules = registry.rules()
    assert (rules.workspace, list(rules.stages)) == (registry.parent, DEFAULT)
    assert (list(rules.protected_stages), list(rules.protected_aliases)) == ([], [])
    assert (rules.updated_by, rules.HasField("update_time")) == ("", False)


def test_a_workspace_may_have_its_own_stages(taxi: Registry) -> None:
    changed = taxi.change_rules(stages=OWN)
    assert (list(changed.stages), changed.updated_by, changed.HasField("update_time")) == (OWN, "anonymous", True)
    assert taxi.rules() == changed
    assert taxi.move("taxi", 1, "load TEST").stage == "Load test"
    taxi.move("taxi", 2, "Load Test", archive=True)
    assert [(version.stage, number_of(version)) for version in taxi.latest("taxi")] == [
        ("Load test", 2),
        ("Archived", 1),
    ]
    assert [version.stage for version in taxi.latest("taxi", "LOAD test")] == ["Load test"]
    assert [stage.stage for stage in taxi.as_of("taxi", taxi.history("taxi")[-1].time).stages] == [
        "Load test",
        "Archived",
    ]
    for use in (lambda: taxi.move("taxi", 1, "Production"), lambda: taxi.latest("taxi", "Production")):
        failure = error_of(use)
        assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
        assert "Load test" in failure.message


def test_a_stage_that_is_in_use_stays(taxi: Registry) -> None:
    taxi.change_rules(stages=OWN)
    taxi.move("taxi", 2, "Canary")
    failure = error_of(lambda: taxi.change_rules(stages=DEFAULT))
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STAGE_IN_USE")
    assert failure.metadata == {"name": taxi.version_name("taxi", 2), "stage": "Canary"}
    assert list(taxi.rules().stages) == OWN
    # Another spelling is another stage.
    assert error_of(lambda: taxi.change_rules(stages=["None", "canary", "Archived"])).reason == "STAGE_IN_USE"
    taxi.move("taxi", 2, "None")
    assert list(taxi.change_rules(stages=DEFAULT).stages) == DEFAULT


@pytest.mark.parametrize(
    ("stages", "field"),
    [
        ([], "rules.stages"),
        (["Archived"], "rules.stages"),
        (["None"], "rules.stages"),
        (["Archived", "None"], "rules.stages"),
        (["none", "Archived"], "rules.stages"),
        (["None", "A", "a", "Archived"], "rules.stages[2]"),
        (["None", "3", "Archived"], "rules.stages[1]"),
        (["None", "Latest", "Archived"], "rules.stages[1]"),
        (["None", "", "Archived"], "rules.stages[1]"),
        (["None", " A", "Archived"], "rules.stages[1]"),
        (["None", "A/B", "Archived"], "rules.stages[1]"),
        (["None", "A\n", "Archived"], "rules.stages[1]"),
        (["None", "ä", "Archived"], "rules.stages[1]"),
        (["None", "x" * 51, "Archived"], "rules.stages[1]"),
        (["None", *(f"s{number}" for number in range(19)), "Archived"], "rules.stages"),
    ],
)
def test_a_bad_list_of_stages_is_refused(registry: Registry, stages: list[str], field: str) -> None:
    failure = error_of(lambda: registry.change_rules(stages=stages))
    assert (failure.code, failure.fields) == (grpc.StatusCode.INVALID_ARGUMENT, (field,))
    assert list(registry.rules().stages) == DEFAULT


def test_protection_names_what_there_is(registry: Registry) -> None:
    changed = registry.change_rules(protected_stages=["archived", "PRODUCTION"], protected_aliases=["b", "a", "b"])
    assert list(changed.protected_stages) == ["Production", "Archived"]
    assert list(changed.protected_aliases) == ["a", "b"]
    for refused, field in (
        (lambda: registry.change_rules(protected_stages=["Nowhere"]), "rules.protected_stages[0]"),
        (lambda: registry.change_rules(protected_stages=["none"]), "rules.protected_stages"),
        (lambda: registry.change_rules(protected_aliases=["latest"]), "rules.protected_aliases[0]"),
        (lambda: registry.change_rules(protected_aliases=[f"a{n}" for n in range(101)]), "rules.protected_aliases"),
        (registry.change_rules, "update_mask"),
    ):
        assert error_of(refused).fields == (field,)
    assert registry.rules() == changed
    # A stage that goes is no longer protected.
    assert list(registry.change_rules(stages=["None", "Archived"]).protected_stages) == ["Archived"]


def test_an_etag_lets_one_of_two_changes_of_the_rules_through(registry: Registry) -> None:
    first = registry.rules()
    registry.change_rules(protected_aliases=["a"], etag=first.etag)
    failure = error_of(lambda: registry.change_rules(protected_aliases=["b"], etag=first.etag))
    assert (failure.code, failure.reason) == (grpc.StatusCode.ABORTED, "ETAG_STALE")
    assert list(registry.rules().protected_aliases) == ["a"]


def test_nothing_enters_or_leaves_a_protected_stage(taxi: Registry) -> None:
    taxi.move("taxi", 1, "Production")
    taxi.change_rules(protected_stages=["Production"])
    before, entries = taxi.snapshot(), taxi.history("taxi")
    for refused in (
        lambda: taxi.move("taxi", 1, "Staging"),
        lambda: taxi.move("taxi", 1, "None"),
        lambda: taxi.delete_version("taxi", 1),
        lambda: taxi.delete_model("taxi"),
        lambda: taxi.rename_model("taxi", "old"),
    ):
        failure = error_of(refused)
        assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STAGE_PROTECTED")
        assert failure.metadata == {
            "name": taxi.version_name("taxi", 1),
            "stage": "Production",
            "permission": "ADMIN",
            "approvals": "0",
        }
        assert "UpdatePromotionRules" in failure.message
    assert (taxi.snapshot(), taxi.history("taxi")) == (before, entries)
    # What stays where it is is no move.
    assert taxi.move("taxi", 1, "production").stage == "Production"
    taxi.change_rules(protected_stages=[])
    taxi.delete_model("taxi")


def test_an_outside_source_cannot_enter_a_protected_stage(taxi: Registry) -> None:
    taxi.change_rules(protected_stages=["Production"])
    failure = error_of(lambda: taxi.move("taxi", 2, "Production"))
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "MODEL_VERSION_UNVERIFIED")
    assert failure.metadata == {"name": taxi.version_name("taxi", 2), "stage": "Production"}
    assert taxi.get_version("taxi", 2).stage == "None"


def test_archiving_leaves_no_protected_stage(taxi: Registry) -> None:
    taxi.move("taxi", 1, "Staging")
    taxi.change_rules(protected_stages=["Archived"])
    before = taxi.snapshot()
    assert error_of(lambda: taxi.move("taxi", 2, "Staging", archive=True)).reason == "MODEL_VERSION_UNVERIFIED"
    assert taxi.snapshot() == before
    assert taxi.move("taxi", 2, "Staging").stage == "Staging"


def test_a_protected_alias_stays_where_it_points(taxi: Registry) -> None:
    taxi.set_alias("taxi", "champion", 1)
    taxi.change_rules(protected_aliases=["champion", "unset"])
    before, entries = taxi.snapshot(), taxi.history("taxi")
    for alias, refused in (
        ("champion", lambda: taxi.set_alias("taxi", "champion", 2)),
        ("champion", lambda: taxi.delete_alias("taxi", "champion")),
        ("champion", lambda: taxi.delete_version("taxi", 1)),
        ("champion", lambda: taxi.delete_model("taxi")),
        ("champion", lambda: taxi.rename_model("taxi", "old")),
        ("unset", lambda: taxi.set_alias("taxi", "unset", 1)),
    ):
        failure = error_of(refused)
        assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ALIAS_PROTECTED")
        assert failure.metadata == {
            "name": taxi.model_name("taxi"),
            "alias": alias,
            "permission": "ADMIN",
            "approvals": "0",
        }
    assert (taxi.snapshot(), taxi.history("taxi")) == (before, entries)
    # What changes nothing is refused to nobody, and other aliases are free.
    taxi.set_alias("taxi", "champion", 1)
    taxi.delete_alias("taxi", "unset")
    taxi.set_alias("taxi", "Champion", 2)
    assert taxi.rename_model("taxi", "taxi").name == taxi.model_name("taxi")
    taxi.change_rules(protected_aliases=[])
    assert dict(taxi.set_alias("taxi", "champion", 2).aliases) == {"Champion": 2, "champion": 2}


def test_rules_are_of_one_workspace(taxi: Registry) -> None:
    other = Registry(taxi.stub, "default")
    before = other.rules()
    taxi.change_rules(stages=OWN, protected_aliases=["a"])
    assert other.rules() == before
