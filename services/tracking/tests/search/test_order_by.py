"""What orders mean, and how faults in them are told."""

from __future__ import annotations

import pytest

from trivet_kit.errors import Code
from trivet_kit.search.errors import OrderByInvalid
from trivet_kit.search.expressions import Entity, Key, OrderClause
from trivet_kit.search.parser import MAX_CLAUSES, parse_order_by
from trivet_kit.search.vocabulary import Vocabulary
from trivet_tracking.domain.vocabularies import EXPERIMENTS, RUNS

RMSE = Key(Entity.METRIC, "rmse")
START_TIME = Key(Entity.ATTRIBUTE, "start_time")

# Each is an ORDER line of mlflow-semantics-measured.txt with the answer 200; MLflow's lists are joined by commas.
ACCEPTED_BY_MLFLOW = [
    ("metrics.rmse ASC", OrderClause(RMSE, descending=False)),
    ("metrics.rmse DESC", OrderClause(RMSE, descending=True)),
    ("metrics.rmse", OrderClause(RMSE, descending=False)),
    ("start_time ASC", OrderClause(START_TIME, descending=False)),
    ("attributes.start_time DESC", OrderClause(START_TIME, descending=True)),
    ("params.lr", OrderClause(Key(Entity.PARAM, "lr"), descending=False)),
    ("tags.team DESC", OrderClause(Key(Entity.TAG, "team"), descending=True)),
    ("metrics.`a b/c` DESC", OrderClause(Key(Entity.METRIC, "a b/c"), descending=True)),
    ("run_name", OrderClause(Key(Entity.ATTRIBUTE, "run_name"), descending=False)),
    ("attribute.status", OrderClause(Key(Entity.ATTRIBUTE, "status"), descending=False)),
    ("end_time", OrderClause(Key(Entity.ATTRIBUTE, "end_time"), descending=False)),
    ("created DESC", OrderClause(START_TIME, descending=True)),
    ("run_id", OrderClause(Key(Entity.ATTRIBUTE, "run_id"), descending=False)),
    ("artifact_uri", OrderClause(Key(Entity.ATTRIBUTE, "artifact_uri"), descending=False)),
]
# The same with the answer 400, and the one with 500.
REFUSED_BY_MLFLOW = [
    ("metrics.rmse ASC, metrics.rmse DESC", 19, "metrics.rmse is there twice; leave one out."),
    ("foo", 1, "no attribute foo; they have metrics.KEY"),
    ("metrics.rmse sideways", 14, "ASC, DESC or a comma must stand here, not sideways."),
    ("dataset.name", 1, "runs cannot be sorted by datasets"),
]
# In the contract all names of a filter sort; MLflow refuses these.
ACCEPTED_BY_US_ALONE = [
    "`run name`",
    "duration DESC",
    "metrics.a.min",
    "created_by",
    "source DESC",
    "git_commit",
    "parent_run_id",
    "forked_from_run_id",
    "forked_from_step DESC",
    "stale DESC",
    "last_write_time",
]

FAULTS = [
    ("created, start_time DESC", 10, "start_time is there twice"),
    ("tags.a, metrics.a, tag.`a`", 20, "tags.a is there twice"),
    ("run_id,", 8, "the order_by ends where a name must stand."),
    (",run_id", 1, "a name must stand here, not ,."),
    ("run_id,,user_id", 8, "a name must stand here, not ,."),
    (" , ", 2, "a name must stand here, not ,."),
    ("DESC", 1, "a name must stand here, not DESC."),
    ("run_id DESC ASC", 13, "a comma or the end must stand here, not ASC."),
    ("run_id user_id", 8, "ASC, DESC or a comma must stand here, not user_id."),
    ("run_id = 'x'", 8, "ASC, DESC or a comma must stand here, not =."),
    ("(run_id)", 1, "a name must stand here, not (."),
    ("metrics. DESC, run_id", 9, "a blank after metrics.; the key must follow at once"),
    ("metrics.", 9, "the order_by ends where a key"),
    ("metrics.``", 9, "the key is empty"),
    ("metrics.`a", 9, "the quote is not closed"),
    ("'run_id'", 1, "a name must stand here, not 'run_id'."),
    ("run_id\0", 7, "no key and no value holds the character NUL"),
    ("run_id, \udfff", 9, "half of a surrogate pair is not a character"),
    (" " * 65_537, 1, "the order_by has 65537 bytes, and at most 65536"),
]


def fault(text: str, vocabulary: Vocabulary = RUNS) -> OrderByInvalid:
    with pytest.raises(OrderByInvalid) as raised:
        parse_order_by(text, vocabulary)
    return raised.value


@pytest.mark.parametrize(("text", "clause"), ACCEPTED_BY_MLFLOW)
def test_clause_that_mlflow_accepts_is_accepted(text: str, clause: OrderClause) -> None:
    assert parse_order_by(text, RUNS) == (clause,)


@pytest.mark.parametrize("text", ACCEPTED_BY_US_ALONE)
def test_clause_in_the_contract_is_accepted_though_mlflow_refuses_it(text: str) -> None:
    assert len(parse_order_by(text, RUNS)) == 1


@pytest.mark.parametrize(("text", "position", "problem"), REFUSED_BY_MLFLOW + FAULTS)
def test_fault_says_where_and_what(text: str, position: int, problem: str) -> None:
    error = fault(text)
    assert error.metadata == {"field": "order_by", "position": str(position)}
    assert error.message.startswith(f"order_by at character {position}: ")
    assert problem in error.message


def test_fault_is_an_invalid_argument_of_the_field() -> None:
    error = fault("foo")
    assert (error.code, error.reason, error.field) == (Code.INVALID_ARGUMENT, "ORDER_BY_INVALID", "order_by")


@pytest.mark.parametrize("text", ["", " \n"])
def test_blank_order_by_has_no_clauses(text: str) -> None:
    assert parse_order_by(text, RUNS) == ()


def test_clauses_keep_their_order_and_directions_have_any_case() -> None:
    assert parse_order_by("metrics.rmse desc,start_time aSc , tags.desc Desc", RUNS) == (
        OrderClause(RMSE, descending=True),
        OrderClause(START_TIME, descending=False),
        OrderClause(Key(Entity.TAG, "desc"), descending=True),
    )


def test_keys_of_different_entities_may_have_one_name() -> None:
    assert len(parse_order_by("metrics.a, params.a, tags.a", RUNS)) == 3


@pytest.mark.parametrize("name", ["name", "experiment_id", "creation_time", "attributes.last_update_time"])
def test_experiments_sort_by_their_attributes(name: str) -> None:
    (clause,) = parse_order_by(f"{name} DESC", EXPERIMENTS)
    assert clause == OrderClause(Key(Entity.ATTRIBUTE, name.removeprefix("attributes.")), descending=True)


def test_experiments_do_not_sort_by_tags() -> None:
    error = fault("name, tags.a", EXPERIMENTS)
    assert error.metadata["position"] == "7"
    assert "cannot be sorted by tags; they can by name, experiment_id, creation_time," in error.message


def test_clauses_up_to_the_limit_are_taken() -> None:
    fits = ",".join(f"metrics.m{i}" for i in range(MAX_CLAUSES))
    assert len(parse_order_by(fits, RUNS)) == MAX_CLAUSES
    error = fault(f"{fits},run_id")
    assert error.metadata["position"] == str(len(fits) + 2)
    assert "there are 33 clauses, and at most 32" in error.message
