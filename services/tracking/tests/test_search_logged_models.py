"""Searches for logged models, against what plain Python finds among the same models."""

from __future__ import annotations

import fnmatch
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import grpc
import hypothesis
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from hypothesis import strategies as st

from trivet_proto.tracking.v1 import logged_model_service_pb2 as models_pb
from trivet_proto.tracking.v1.logged_model_pb2 import (
    LOGGED_MODEL_STATUS_PENDING,
    LOGGED_MODEL_STATUS_READY,
    LOGGED_MODEL_STATUS_UPLOAD_FAILED,
)
from trivet_proto.tracking.v1.metric_pb2 import MetricContext
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.errors import error_of
from trivet_testing.records import (
    create_experiment,
    create_logged_model,
    create_run,
    id_of,
    logged_model_pages,
    metric,
    search_logged_models,
    write,
)
from trivet_testing.tracking import Tracking, full
from trivet_testing.workspaces import unused_workspace

COUNT = 30
STATUSES = {
    "PENDING": LOGGED_MODEL_STATUS_PENDING,
    "READY": LOGGED_MODEL_STATUS_READY,
    "UPLOAD_FAILED": LOGGED_MODEL_STATUS_UPLOAD_FAILED,
}
TEXTS = ["", "a", "A", "ab", "b%", "x" * 300]
NUMBERS = ["1", "0.5", "-2e0", "inf", "one"]
VALUES = [math.nan, math.inf, -math.inf, 0.0, 0.5, 1.0, -1.0]
KEYS = ["k", "never"]
DATASETS = [("", ""), ("d", "1"), ("d", "2"), ("e", "1")]

Selector = tuple[str, str]
"""Name and digest of a dataset; any digest where that is empty."""


@dataclass(frozen=True)
class Measured:
    """The current value of a metric, as one run measured it on one dataset. NaN is None."""

    key: str
    dataset: tuple[str, str]
    step: int
    time: int
    last: float | None
    min: float | None
    max: float | None


@dataclass
class Known:
    """A logged model as the oracle has it."""

    attributes: dict[str, str | int]
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: list[Measured] = field(default_factory=list)

    def measured(self, key: str, selectors: Sequence[Selector]) -> list[Measured]:
        return [
            found
            for found in self.metrics
            if found.key == key
            and (
                not selectors
                or any(found.dataset[0] == name and digest in ("", found.dataset[1]) for name, digest in selectors)
            )
        ]


@dataclass(frozen=True)
class Filled:
    """A workspace with models, and what the oracle knows of them."""

    tracking: Tracking
    known: list[Known]


@pytest.fixture(scope="module")
def filled(channel: grpc.Channel, tracking_address: str) -> Filled:
    """A workspace of this module's own: models with few different values, and some without."""
    tracking = Tracking(TrackingServiceStub(channel), unused_workspace())
    chance = random.Random(11)
    runs = [create_run(tracking, f"r{number}").name for number in range(3)]
    return Filled(tracking, [_create(tracking, chance, number, runs) for number in range(COUNT)])


def _create(tracking: Tracking, chance: random.Random, number: int, runs: Sequence[str]) -> Known:
    params = {"k": chance.choice(NUMBERS)} if number % 4 else {}
    tags = {"k": chance.choice(TEXTS)} if number % 3 else {}
    name, source = chance.choice(["a", "A", "ab", "model"]), chance.choice(["", *runs])
    model = create_logged_model(
        tracking,
        f"m-{number:02}",
        display_name=name,
        model_type=chance.choice(["", "sklearn"]),
        source_run=source,
        params=params,
        tags=tags,
    )
    status = chance.choice(list(STATUSES))
    if status != "PENDING":
        request = models_pb.FinalizeLoggedModelRequest(name=model.name, status=STATUSES[status])
        model = tracking.stub.FinalizeLoggedModel(request)
    attributes: dict[str, str | int] = {
        "name": name,
        "model_id": id_of(model.name),
        "model_type": model.model_type,
        "status": status,
        "source_run_id": id_of(source),
        "creation_timestamp": model.create_time.ToMilliseconds(),
        "last_updated_timestamp": model.update_time.ToMilliseconds(),
    }
    known = Known(attributes, params, tags)
    for run in runs if number % 5 else ():
        for dataset in chance.sample(DATASETS, chance.randrange(3)):
            known.metrics.append(_measure(tracking, chance, id_of(model.name), run, dataset))
    return known


def _measure(tracking: Tracking, chance: random.Random, model_id: str, run: str, dataset: tuple[str, str]) -> Measured:
    points = []
    for rank in chance.sample([None, 0, 1], chance.randrange(1, 3)):
        point = (chance.randrange(2), chance.randrange(3), chance.choice(VALUES))
        context = MetricContext(model_id=model_id, rank=rank, dataset_name=dataset[0], dataset_digest=dataset[1])
        write(tracking, run, metrics=metric("k", point, context=context))
        points.append(point)
    step, time, value = max(points, key=lambda point: (point[0], point[1], *_by_value(point[2])))
    numbers = [value for _, _, value in points if not math.isnan(value)]
    last = None if math.isnan(value) else value
    return Measured("k", dataset, step, time, last, min(numbers, default=None), max(numbers, default=None))


def _by_value(value: float) -> tuple[bool, float]:
    return (False, 0.0) if math.isnan(value) else (True, value)


# --- filters

Passes = Callable[[Known, Sequence[Selector]], bool]
"""Whether a model passes, where metrics count on these datasets alone."""


@dataclass(frozen=True)
class Term:
    """A part of a filter, and what it means."""

    text: str
    passes: Passes = field(repr=False, compare=False)


def _like(value: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(value.replace("%", "?"), pattern.replace("%", "*").replace("_", "?"))


TEXT_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda value, wanted: value == wanted,
    "!=": lambda value, wanted: value != wanted,
    "LIKE": _like,
    "ILIKE": lambda value, wanted: _like(value.lower(), wanted.lower()),
    "IN": lambda value, wanted: value == wanted,
    "NOT IN": lambda value, wanted: value != wanted,
}
NUMBER_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "=": lambda value, wanted: value == wanted,
    "!=": lambda value, wanted: value != wanted,
    "<": lambda value, wanted: value < wanted,
    "<=": lambda value, wanted: value <= wanted,
    ">": lambda value, wanted: value > wanted,
    ">=": lambda value, wanted: value >= wanted,
    "IN": lambda value, wanted: value in (wanted, 7.0),
    "NOT IN": lambda value, wanted: value not in (wanted, 7.0),
    "BETWEEN": lambda value, wanted: wanted <= value <= wanted + 1,
    "NOT BETWEEN": lambda value, wanted: not wanted <= value <= wanted + 1,
}
PASS_NAN = ("!=", "NOT IN", "NOT BETWEEN")


def _text_term(name: str, operator: str, wanted: str, read: Callable[[Known], str | None]) -> Term:
    shown = f"('{wanted}')" if operator.endswith("IN") else f"'{wanted}'"

    def passes(model: Known, _: Sequence[Selector]) -> bool:
        value = read(model)
        return value is not None and TEXT_OPERATORS[operator](value, wanted)

    return Term(f"{name} {operator} {shown}", passes)


def _number_term(
    name: str, operator: str, wanted: float, read: Callable[[Known, Sequence[Selector]], list[float | None]]
) -> Term:
    match operator.removeprefix("NOT "):
        case "IN":
            shown = f"({wanted}, 7)"
        case "BETWEEN":
            shown = f"{wanted} AND {wanted + 1}"
        case _:
            shown = f"{wanted}"

    def one(value: float | None) -> bool:
        return operator in PASS_NAN if value is None else NUMBER_OPERATORS[operator](value, wanted)

    return Term(
        f"{name} {operator} {shown}", lambda model, selectors: any(one(value) for value in read(model, selectors))
    )


def _metric(key: str, aggregate: str) -> Callable[[Known, Sequence[Selector]], list[float | None]]:
    return lambda model, selectors: [getattr(found, aggregate) for found in model.measured(key, selectors)]


def _numeric_param(model: Known, key: str) -> list[float | None]:
    try:
        return [float(model.params[key])]
    except (KeyError, ValueError):
        return []


def _absence(name: str, operator: str, has: Passes) -> Term:
    wanted = operator == "IS NOT NULL"
    return Term(f"{name} {operator}", lambda model, selectors: has(model, selectors) is wanted)


ABSENCE = st.sampled_from(["IS NULL", "IS NOT NULL"])
OF_TEXT = st.sampled_from(list(TEXT_OPERATORS))
OF_NUMBERS = st.sampled_from(list(NUMBER_OPERATORS))
WANTED = st.sampled_from([0.0, 0.5, 1.0, -2.0])


@st.composite
def attribute_terms(draw: st.DrawFn, known: list[Known]) -> Term:
    name = draw(st.sampled_from(list(known[0].attributes)))
    values = [model.attributes[name] for model in known]
    if isinstance(values[0], int):
        wanted = draw(st.sampled_from(values))
        assert isinstance(wanted, int)
        return _number_term(name, draw(OF_NUMBERS), wanted, lambda model, _: [_number(model.attributes[name])])
    operator = draw(OF_TEXT)
    patterns = ["%", "a%", "_", "%e%"] if operator.endswith("LIKE") else values
    text = draw(st.sampled_from([str(value) for value in patterns]))
    return _text_term(name, operator, text, lambda model: str(model.attributes[name]))


def _number(value: str | int) -> float:
    assert isinstance(value, int)
    return value


@st.composite
def keyed_terms(draw: st.DrawFn) -> Term:
    key = draw(st.sampled_from(KEYS))
    kind = draw(st.sampled_from(["metric", "param", "number", "tag", "absent"]))
    match kind:
        case "metric":
            aggregate = draw(st.sampled_from(["last", "min", "max"]))
            return _number_term(f"metrics.{key}.{aggregate}", draw(OF_NUMBERS), draw(WANTED), _metric(key, aggregate))
        case "param":
            wanted = draw(st.sampled_from(NUMBERS))
            return _text_term(f"params.{key}", draw(OF_TEXT), wanted, lambda model: model.params.get(key))
        case "number":
            return _number_term(
                f"params.{key}", draw(OF_NUMBERS), draw(WANTED), lambda model, _: _numeric_param(model, key)
            )
        case "tag":
            wanted = draw(st.sampled_from(TEXTS))
            return _text_term(f"tags.{key}", draw(OF_TEXT), wanted, lambda model: model.tags.get(key))
    of_what = draw(st.sampled_from(["metrics", "params", "tags"]))
    has: dict[str, Passes] = {
        "metrics": lambda model, selectors: bool(model.measured(key, selectors)),
        "params": lambda model, _: key in model.params,
        "tags": lambda model, _: key in model.tags,
    }
    return _absence(f"{of_what}.{key}", draw(ABSENCE), has[of_what])


def _all(terms: list[Term]) -> Term:
    text = " AND ".join(f"({term.text})" for term in terms)
    return Term(text, lambda model, selectors: all(term.passes(model, selectors) for term in terms))


def _any(terms: list[Term]) -> Term:
    text = " OR ".join(f"({term.text})" for term in terms)
    return Term(text, lambda model, selectors: any(term.passes(model, selectors) for term in terms))


def _not(term: Term) -> Term:
    return Term(f"NOT ({term.text})", lambda model, selectors: not term.passes(model, selectors))


def filters(known: list[Known]) -> st.SearchStrategy[Term]:
    everything = Term("", lambda _model, _selectors: True)
    terms = st.recursive(
        attribute_terms(known) | keyed_terms(),
        lambda inner: (
            st.lists(inner, min_size=2, max_size=3).map(_all)
            | st.lists(inner, min_size=2, max_size=3).map(_any)
            | inner.map(_not)
        ),
        max_leaves=5,
    )
    return st.just(everything) | terms


# --- orders

SELECTORS: list[Selector] = [("d", ""), ("d", "2"), ("e", "1"), ("nobody", "")]
NAMES = [
    *(f"metrics.k{aggregate}" for aggregate in ("", ".min", ".max")),
    *("metrics.never", "params.k", "tags.k", "tags.never"),
    *("name", "status", "source_run_id", "creation_timestamp", "last_updated_timestamp", "model_id"),
]


@dataclass(frozen=True)
class Clause:
    name: str
    descending: bool
    dataset: Selector | None
    """Of a metric."""

    @property
    def text(self) -> str:
        return f"{self.name} {'DESC' if self.descending else 'ASC'}"

    def sorted(self, models: list[Known]) -> list[Known]:
        """The models by this clause, stable; missing ones last, NaN before them."""
        ranked = [(self._value(model), model) for model in models]
        present = [(value, model) for (rank, value), model in ranked if rank == 0]
        present.sort(key=lambda pair: pair[0], reverse=self.descending)
        if self.descending:  # stable also then
            present = [
                pair
                for value in dict.fromkeys(value for value, _ in present)
                for pair in [(v, model) for (rank, v), model in ranked if rank == 0 and v == value]
            ]
        return [
            *(model for _, model in present),
            *(model for (rank, _), model in ranked if rank == 1),
            *(model for (rank, _), model in ranked if rank == 2),
        ]

    def _value(self, model: Known) -> tuple[int, Any]:
        prefix, _, key = self.name.partition(".")
        if prefix == "metrics":
            key, _, aggregate = key.partition(".")
            found = model.measured(key, [self.dataset] if self.dataset else [])
            if not found:
                return 2, None
            newest = max((one.time, one.step, one.last is not None, one.last or 0.0) for one in found)
            # Values that are equal in all of that may have other minima; the data of this module has none such.
            value = next(
                getattr(one, aggregate or "last")
                for one in found
                if (one.time, one.step, one.last is not None, one.last or 0.0) == newest
            )
            return (1, None) if value is None else (0, value)
        if prefix in ("params", "tags"):
            value = getattr(model, prefix).get(key)
            return (2, None) if value is None else (0, value)
        return 0, model.attributes[self.name]


@st.composite
def clauses(draw: st.DrawFn) -> list[Clause]:
    names = draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True))
    return [
        Clause(
            name,
            draw(st.booleans()),
            draw(st.none() | st.sampled_from(SELECTORS)) if name.startswith("metrics") else None,
        )
        for name in names
    ]


def in_order(models: list[Known], order: Sequence[Clause]) -> list[str]:
    models = sorted(models, key=lambda model: str(model.attributes["model_id"]))
    models.sort(key=lambda model: _number(model.attributes["creation_timestamp"]), reverse=True)
    for clause in reversed(order):
        models = clause.sorted(models)
    return [str(model.attributes["model_id"]) for model in models]


def selectors(pairs: Sequence[Selector | None]) -> list[models_pb.DatasetSelector]:
    return [models_pb.DatasetSelector(name=pair[0], digest=pair[1]) if pair else {} for pair in pairs]  # type: ignore[misc] # an empty message by its fields


def test_every_search_finds_what_plain_python_does(filled: Filled, seed: int) -> None:
    sizes = st.sampled_from([3, 7, COUNT - 1, COUNT, 1000])
    counted = st.lists(st.sampled_from(SELECTORS), max_size=2)

    def check(where: Term, order: list[Clause], counted: list[Selector], page_size: int) -> None:
        expected = in_order([model for model in filled.known if where.passes(model, counted)], order)
        request = models_pb.SearchLoggedModelsRequest(
            filter=where.text,
            order_by=", ".join(clause.text for clause in order),
            datasets=selectors(counted),
            order_by_datasets=selectors([clause.dataset for clause in order]),
            page_size=page_size,
            read_mask=FieldMask(paths=["name"]),
        )
        pages = list(logged_model_pages(filled.tracking, request))
        assert [id_of(model.name) for page in pages for model in page] == expected
        assert all(len(page) <= page_size for page in pages)

    settings = hypothesis.settings(max_examples=full(100, 3000), deadline=None, database=None, print_blob=True)
    given = hypothesis.given(filters(filled.known), clauses(), counted, sizes)
    hypothesis.seed(seed)(settings(given(check)))()


# --- what else there is to a search


def test_a_search_looks_into_the_experiments_that_it_names(tracking: Tracking) -> None:
    first, second = create_experiment(tracking).name, create_experiment(tracking).name
    for model_id, experiment in (("m-0", ""), ("m-1", first), ("m-2", second)):
        create_logged_model(tracking, model_id, experiment=experiment)
    assert search_logged_models(tracking, order_by="model_id") == ["m-0", "m-1", "m-2"]
    assert search_logged_models(tracking, order_by="model_id", experiments=[first, second]) == ["m-1", "m-2"]
    assert search_logged_models(tracking, experiments=[first]) == ["m-1"]
    failure = error_of(lambda: search_logged_models(tracking, experiments=[first, tracking.experiment_name(77)]))
    assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "EXPERIMENT_NOT_FOUND")


def test_the_fields_that_are_asked_for_are_returned(filled: Filled) -> None:
    request = models_pb.SearchLoggedModelsRequest(page_size=1000)
    (whole,) = logged_model_pages(filled.tracking, request)
    assert any(model.metrics for model in whole)
    for paths in (["name"], ["name", "metrics"], ["params", "tags"], ["display_name", "status", "etag"]):
        request.read_mask.CopyFrom(FieldMask(paths=paths))
        (found,) = logged_model_pages(filled.tracking, request)
        for model, all_of_it in zip(found, whole, strict=True):
            assert {named.name for named, _ in model.ListFields()} <= set(paths)
            assert all(getattr(model, path) == getattr(all_of_it, path) for path in paths if path != "metrics")
            if "metrics" in paths:
                assert len(model.metrics) == len(all_of_it.metrics)


def test_models_made_and_deleted_between_pages_do_not_shift_them(tracking: Tracking) -> None:
    for number in range(6):
        create_logged_model(tracking, f"m-{number}", display_name="a")
    request = models_pb.SearchLoggedModelsRequest(order_by="name", page_size=2)
    found = []
    for number, page in enumerate(logged_model_pages(tracking, request)):
        found += [id_of(model.name) for model in page]
        if number == 0:
            create_logged_model(tracking, "m-a", display_name="A")  # before where the pages are
            create_logged_model(tracking, "m-b", display_name="b")  # behind
            for gone in (found[-1], "m-0"):
                tracking.stub.DeleteLoggedModel(
                    models_pb.DeleteLoggedModelRequest(name=f"{tracking.parent}/loggedModels/{gone}")
                )
    assert [model_id for model_id in found if model_id not in ("m-b", "m-0")] == sorted(
        {f"m-{number}" for number in range(1, 6)}, key=found.index
    )
    assert len(found) == len(set(found))
    assert "m-b" in found


OTHERS: dict[str, dict[str, Any]] = {
    "filter": {"filter": "metrics.k > 0"},
    "order": {"order_by": "name"},
    "datasets": {"datasets": [models_pb.DatasetSelector(name="d")]},
    "order-of-a-dataset": {"order_by": "metrics.k", "order_by_datasets": [models_pb.DatasetSelector(name="d")]},
    "mask": {"read_mask": FieldMask(paths=["name"])},
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_token_of_another_search_is_refused(filled: Filled, case: str) -> None:
    ask = partial(models_pb.SearchLoggedModelsRequest, parent=filled.tracking.parent, page_size=1)
    token = filled.tracking.stub.SearchLoggedModels(ask()).next_page_token
    failure = error_of(lambda: filled.tracking.stub.SearchLoggedModels(ask(page_token=token, **OTHERS[case])))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


@pytest.mark.parametrize(
    ("field_", "text", "reason", "position"),
    [
        ("filter", "status = 'LOST'", "FILTER_INVALID", 10),
        ("filter", "name > 'a'", "FILTER_INVALID", 6),
        ("filter", "experiment_id = '1'", "FILTER_INVALID", 1),
        ("filter", "datasets.name = 'd'", "FILTER_INVALID", 1),
        ("filter", "name = 'a' AND metrics.k = 'x'", "FILTER_INVALID", 28),
        ("order_by", "name, name DESC", "ORDER_BY_INVALID", 7),
        ("order_by", "creation_time, creation_timestamp", "ORDER_BY_INVALID", 16),
        ("order_by", "metrics.k, nobody", "ORDER_BY_INVALID", 12),
        ("order_by", ", ".join(f"tags.t{number:02}" for number in range(17)), "ORDER_BY_INVALID", 161),
    ],
)
def test_a_fault_says_where_it_is(tracking: Tracking, field_: str, text: str, reason: str, position: int) -> None:
    failure = error_of(lambda: search_logged_models(tracking, **{field_: text}))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
    assert failure.metadata == {"field": field_, "position": str(position)}


def test_the_widest_search_is_answered(filled: Filled) -> None:
    where = " OR ".join(f"metrics.`k{number}` > {number}" for number in range(99))
    order = ", ".join(f"metrics.k{number}" for number in range(16))
    assert len(search_logged_models(filled.tracking, f"{where} OR name LIKE '%'", order, page_size=7)) == COUNT
