"""What filters mean, and how faults in them are told."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from trivet_kit.errors import Code
from trivet_kit.search import syntax
from trivet_kit.search.errors import FilterInvalid
from trivet_kit.search.expressions import Aggregate, And, Comparison, Entity, Expression, Key, Not, Operator, Or
from trivet_kit.search.operands import MAX_PATTERN_BYTES
from trivet_kit.search.parser import MAX_COMPARISONS, parse_filter
from trivet_kit.search.vocabulary import Vocabulary
from trivet_tracking.domain.vocabularies import EXPERIMENTS, LOGGED_MODELS, RUNS

# What the web pages read in the same way: ui/src/filter/read.test.ts has these cases, too.
SHARED: Any = json.loads(Path(__file__).with_name("filters.json").read_text(encoding="utf-8"))

# Each line is a FILTER or EXPFILTER line of mlflow-semantics-measured.txt with the answer 200.
ACCEPTED_BY_MLFLOW = [
    *((RUNS, text) for text in SHARED["acceptedByMlflow"]),
    (LOGGED_MODELS, "name = 'model' AND attributes.model_type LIKE 'sk%'"),
    (LOGGED_MODELS, "model_id IN ('m-1') AND source_run_id ILIKE 'R'"),
    (LOGGED_MODELS, "creation_time > 1 AND creation_timestamp > 1 AND last_updated_time < 2"),
    (LOGGED_MODELS, "metrics.rmse < 1 AND params.a = 'b' AND tags.c != 'd'"),
    (EXPERIMENTS, "name = 'edge'"),
    (EXPERIMENTS, "name LIKE 'ed%'"),
    (EXPERIMENTS, "name ILIKE 'ED%'"),
    (EXPERIMENTS, "attribute.name = 'edge'"),
    (EXPERIMENTS, "creation_time > 0"),
    (EXPERIMENTS, "last_update_time < 9999999999999"),
    (EXPERIMENTS, "tags.a = 'b'"),
    (EXPERIMENTS, "tags.a IS NULL"),
    (EXPERIMENTS, "experiment_id IN ('1','2')"),
    (EXPERIMENTS, "experiment_id = '1'"),
]
# The same with the answer 400.
REFUSED_BY_MLFLOW = [
    (RUNS, "start_time > '0'"),
    (RUNS, "metrics.rmse = 'x'"),
    (RUNS, "metrics.rmse"),
    (RUNS, "foo = 1"),
    (RUNS, "attributes.lifecycle_stage = 'active'"),
    (RUNS, "experiment_id = '1'"),
    (EXPERIMENTS, "lifecycle_stage = 'active'"),
]
# Refused by MLflow (measured, or its grammar of §3), and in our contract.
ACCEPTED_BY_US_ALONE = [
    *((RUNS, text) for text in SHARED["acceptedByUsAlone"]),
    (EXPERIMENTS, "creation_time BETWEEN 1 AND 2 OR NOT (name = 'a' OR tags.b IS NULL)"),
    (EXPERIMENTS, "name IN ('a')"),
    (EXPERIMENTS, "tags.a IN ('b')"),
    (EXPERIMENTS, "experiment_id LIKE '1%'"),
]


def key(name: str) -> Key:
    """The key of a canonical name without quotes."""
    prefix, dot, rest = name.partition(".")
    return Key(Entity(prefix), rest) if dot else Key(Entity.ATTRIBUTE, prefix)


def only_comparison(text: str, vocabulary: Vocabulary = RUNS) -> Comparison:
    (comparison,) = parse_filter(text, vocabulary).terms
    assert isinstance(comparison, Comparison)
    return comparison


def fault(text: str, vocabulary: Vocabulary = RUNS) -> FilterInvalid:
    with pytest.raises(FilterInvalid) as raised:
        parse_filter(text, vocabulary)
    return raised.value


@pytest.mark.parametrize(("vocabulary", "text"), ACCEPTED_BY_MLFLOW)
def test_filter_that_mlflow_accepts_is_accepted(vocabulary: Vocabulary, text: str) -> None:
    assert parse_filter(text, vocabulary).terms


@pytest.mark.parametrize("text", SHARED["accepted"])
def test_filter_that_the_pages_take_is_accepted(text: str) -> None:
    parse_filter(text, RUNS)


@pytest.mark.parametrize(("vocabulary", "text"), REFUSED_BY_MLFLOW)
def test_filter_that_mlflow_refuses_is_refused(vocabulary: Vocabulary, text: str) -> None:
    fault(text, vocabulary)


@pytest.mark.parametrize(("vocabulary", "text"), ACCEPTED_BY_US_ALONE)
def test_filter_in_the_contract_is_accepted_though_mlflow_refuses_it(vocabulary: Vocabulary, text: str) -> None:
    assert parse_filter(text, vocabulary).terms


@pytest.mark.parametrize("text", ["", " ", "\n\t "])
def test_blank_filter_has_no_terms(text: str) -> None:
    assert parse_filter(text, RUNS) == And(())


def test_terms_keep_their_order_and_and_has_any_case() -> None:
    text = "metrics.a > 1 AND params.b = 'x' and\ntags.c IS NULL aNd status != 'FAILED'"
    assert parse_filter(text, RUNS) == And(
        (
            Comparison(key("metrics.a"), Operator.GT, 1.0),
            Comparison(key("params.b"), Operator.EQ, "x"),
            Comparison(key("tags.c"), Operator.IS_NULL, None),
            Comparison(key("status"), Operator.NE, "FAILED"),
        )
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tags.mlflow.runName", Key(Entity.TAG, "mlflow.runName")),
        ("tags.`mlflow.runName`", Key(Entity.TAG, "mlflow.runName")),
        ('params."a ""b"" `c`"', Key(Entity.PARAM, 'a "b" `c`')),
        ('params.`a "b" ``c```', Key(Entity.PARAM, 'a "b" `c`')),
        ("params.größe/学習-率_1.x", Key(Entity.PARAM, "größe/学習-率_1.x")),
        ("params.-x", Key(Entity.PARAM, "-x")),
        ("tags.1", Key(Entity.TAG, "1")),
        ("tags.and", Key(Entity.TAG, "and")),
        ("tags.NOT", Key(Entity.TAG, "NOT")),
        ("tags.in", Key(Entity.TAG, "in")),
        ("tags.or.like", Key(Entity.TAG, "or.like")),
        ("tags..", Key(Entity.TAG, ".")),
        ("parameters.lr", Key(Entity.PARAM, "lr")),
        ("run_id", Key(Entity.ATTRIBUTE, "run_id")),
        ("`run_id`", Key(Entity.ATTRIBUTE, "run_id")),
        ('"run_id"', Key(Entity.ATTRIBUTE, "run_id")),
        ("run.run_id", Key(Entity.ATTRIBUTE, "run_id")),
        ("attributes.`run_id`", Key(Entity.ATTRIBUTE, "run_id")),
        ("`run name`", Key(Entity.ATTRIBUTE, "run_name")),
        ('attr."Run Name"', Key(Entity.ATTRIBUTE, "run_name")),
        ("attribute.`Run name`", Key(Entity.ATTRIBUTE, "run_name")),
    ],
)
def test_name_means_key(name: str, expected: Key) -> None:
    assert only_comparison(f"{name} = 'x'") == Comparison(expected, Operator.EQ, "x")


@pytest.mark.parametrize("alias", ["created", "Created", "attributes.created", "run.start_time"])
def test_alias_of_start_time_becomes_start_time(alias: str) -> None:
    assert only_comparison(f"{alias} > 1") == Comparison(key("start_time"), Operator.GT, 1)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("'it''s'", "it's"),
        ("'say \"x\"'", 'say "x"'),
        ('"say ""x"""', 'say "x"'),
        ('"it\'s"', "it's"),
        ("''", ""),
        ('""', ""),
        ("''''", "'"),
        ("' and '", " and "),
        ("'a\nb\\'", "a\nb\\"),
        ("'🜚 é'", "🜚 é"),
    ],
)
def test_quoted_value_is_text(written: str, expected: str) -> None:
    assert only_comparison(f"params.a = {written}").value == expected
    first, _ = parse_filter(f"params.a={written}AND run_id='x'", RUNS).terms
    assert first == Comparison(key("params.a"), Operator.EQ, expected)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("7", 7.0),
        ("-1", -1.0),
        ("+1", 1.0),
        ("0.5", 0.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e-3", 0.001),
        ("1.5E+3", 1500.0),
        ("9007199254740993", 9007199254740992.0),
        ("1" + "0" * 300, 1e300),
        ("1e-999", 0.0),
    ],
)
def test_value_of_metric_is_a_finite_float(written: str, expected: float) -> None:
    value = only_comparison(f"metrics.a<={written}").value
    assert isinstance(value, float)
    assert math.isfinite(value)
    assert value == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0", 0),
        ("-5", -5),
        ("+5", 5),
        ("1767225600000", 1767225600000),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("0" * 5000 + "7", 7),
    ],
)
def test_value_of_time_is_an_exact_integer(written: str, expected: int) -> None:
    value = only_comparison(f"start_time >= {written}").value
    assert isinstance(value, int)
    assert value == expected


@pytest.mark.parametrize(
    ("written", "operator", "value"),
    [
        ("= 'x'", Operator.EQ, "x"),
        ("!= 'x'", Operator.NE, "x"),
        ("like 'x'", Operator.LIKE, "x"),
        ("ILike'x'", Operator.ILIKE, "x"),
        ("in ('x')", Operator.IN, ("x",)),
        ("not\n iN('x')", Operator.NOT_IN, ("x",)),
        ("is null", Operator.IS_NULL, None),
        ("IS  Not NULL", Operator.IS_NOT_NULL, None),
    ],
)
def test_operator_has_any_case(written: str, operator: Operator, value: str | tuple[str] | None) -> None:
    assert only_comparison(f"tags.a {written}") == Comparison(key("tags.a"), operator, value)


LOW, HIGH = Comparison(key("metrics.a"), Operator.LT, 1.0), Comparison(key("metrics.a"), Operator.GT, 9.0)
FAILED = Comparison(key("status"), Operator.EQ, "FAILED")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.a < 1 OR metrics.a > 9", Or((LOW, HIGH))),
        ("metrics.a < 1 or status = 'FAILED' and metrics.a > 9", Or((LOW, And((FAILED, HIGH))))),
        ("(metrics.a < 1 OR metrics.a > 9) AND status = 'FAILED'", And((Or((LOW, HIGH)), FAILED))),
        ("not metrics.a < 1 AND status = 'FAILED'", And((Not(LOW), FAILED))),
        ("NOT(metrics.a < 1 AND status = 'FAILED')", Not(And((LOW, FAILED)))),
        ("NOT NOT metrics.a < 1", Not(Not(LOW))),
        ("((metrics.a < 1) OR (metrics.a > 9 OR (status = 'FAILED')))", Or((LOW, HIGH, FAILED))),
        ("metrics.a < 1 AND (metrics.a > 9 AND status = 'FAILED')", And((LOW, HIGH, FAILED))),
    ],
)
def test_not_binds_tighter_than_and_and_that_tighter_than_or(text: str, expected: Expression) -> None:
    assert parse_filter(text, RUNS) == (expected if isinstance(expected, And) else And((expected,)))


@pytest.mark.parametrize(
    ("text", "operator", "value"),
    [
        ("params.a = 0.1", Operator.EQ, 0.1),
        ("params.a > -1", Operator.GT, -1.0),
        ("params.a IN (1, 2e3)", Operator.IN, (1.0, 2000.0)),
        ("params.a between 1 and 2", Operator.BETWEEN, (1.0, 2.0)),
        ("params.a NOT between 1 AND 2", Operator.NOT_BETWEEN, (1.0, 2.0)),
        ("params.a = '0.1'", Operator.EQ, "0.1"),
        ("params.a IN ('1')", Operator.IN, ("1",)),
    ],
)
def test_param_is_compared_as_what_it_is_compared_with(text: str, operator: Operator, value: object) -> None:
    assert only_comparison(text) == Comparison(key("params.a"), operator, value)  # type: ignore[arg-type] # of the table


@pytest.mark.parametrize(
    ("name", "metric", "aggregate"),
    [
        ("metrics.a.min", "a", Aggregate.MIN),
        ("metrics.val/loss.max", "val/loss", Aggregate.MAX),
        ("metrics.a.b.last", "a.b", Aggregate.LAST),
        ("metrics.`a b`.min", "a b", Aggregate.MIN),
        ('metrics."a.min".max', "a.min", Aggregate.MAX),
        ("metrics.`a.min`", "a.min", Aggregate.LAST),
        ("metrics.min", "min", Aggregate.LAST),
        ("metrics..min", ".min", Aggregate.LAST),
        ("metrics.a.MIN", "a.MIN", Aggregate.LAST),
    ],
)
def test_metric_has_aggregates(name: str, metric: str, aggregate: Aggregate) -> None:
    assert only_comparison(f"{name} > 1").key == Key(Entity.METRIC, metric, aggregate)


def test_list_keeps_order_and_duplicates() -> None:
    assert only_comparison("run_id IN('b' , \"a\",'b')").value == ("b", "a", "b")


def test_pattern_keeps_its_backslashes() -> None:
    assert only_comparison(r"params.a LIKE '50\%\_\\'").value == r"50\%\_\\"


@pytest.mark.parametrize("status", ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"])
def test_status_is_compared_by_name(status: str) -> None:
    assert only_comparison(f"status = '{status}'").value == status
    assert only_comparison(f"status NOT IN ('{status}')").value == (status,)


def test_status_is_like_any_pattern() -> None:
    assert only_comparison("status LIKE 'fin%'").value == "fin%"


@pytest.mark.parametrize("case", SHARED["refused"], ids=lambda case: case["filter"][:40])
def test_fault_says_where_and_what(case: dict[str, Any]) -> None:
    error = fault(case["filter"])
    assert error.metadata == {"field": "filter", "position": str(case["position"])}
    assert error.message == f"filter at character {case['position']}: {case['problem']}."


def test_fault_is_an_invalid_argument_of_the_field() -> None:
    error = fault("foo = 1")
    assert (error.code, error.reason, error.field) == (Code.INVALID_ARGUMENT, "FILTER_INVALID", "filter")


def test_position_counts_characters_not_bytes() -> None:
    assert fault("params.`é🜚` = x").metadata["position"] == "15"


def test_experiments_have_tags_and_their_own_attributes_alone() -> None:
    problem = "they have tags.KEY and the attributes name, experiment_id, creation_time, last_update_time."
    for text in ("params.a = 'x'", "metrics.a = 1", "run.name = 'x'", "run_id = 'x'"):
        assert problem in fault(text, EXPERIMENTS).message


def test_message_stays_short_whatever_was_written() -> None:
    long = "x" * 60_000
    for text in (f"params.a = {long}", f"metrics.a = '{long}'", f"{long} = 1", f"{long}.a = 1", f"run_id {long}"):
        assert len(fault(text).message) < 500


def test_message_is_one_printable_line() -> None:
    assert fault("metrics.a = 'a\n\x07'").message.isprintable()


def test_text_up_to_the_limit_is_read() -> None:
    frame = "params.a = ''"
    fits = f"params.a = '{'x' * (syntax.MAX_TEXT_BYTES - len(frame))}'"
    assert parse_filter(fits, RUNS).terms
    assert "has 65537 bytes, and at most 65536" in fault(f"{fits} ").message


def test_text_is_measured_in_bytes() -> None:
    assert "bytes" in fault(f"params.a = '{'é' * 33_000}'").message


def test_comparisons_up_to_the_limit_are_taken() -> None:
    fits = " AND ".join(["metrics.a > 1"] * MAX_COMPARISONS)
    assert len(parse_filter(fits, RUNS).terms) == MAX_COMPARISONS
    error = fault(f"{fits} AND run_id = 'x'")
    assert error.metadata["position"] == str(len(fits) + len(" AND ") + 1)
    assert "this is comparison 101, and at most 100" in error.message


def test_patterns_up_to_the_limit_are_taken() -> None:
    fits = "x" * MAX_PATTERN_BYTES
    assert only_comparison(f"params.a LIKE '{fits}'").value == fits
    assert "the pattern has 16385 bytes" in fault(f"params.a ILIKE '{fits}x'").message


def test_threads_share_the_parser() -> None:
    syntax._parser.cache_clear()
    texts = [f"metrics.a{i} > {i} AND tags.b IN ('{i}')" for i in range(200)]
    with ThreadPoolExecutor(16) as threads:
        filters = list(threads.map(lambda text: parse_filter(text, RUNS), texts))
    assert filters == [parse_filter(text, RUNS) for text in texts]
