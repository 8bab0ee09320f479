from __future__ import annotations

import math
from typing import Any

import grpc
import pytest

from trivet_proto.tracking.v1 import run_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns, MetricContext
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.errors import error_of
from trivet_testing.records import create_experiment, create_run, get_run, log, metric, search_runs, timestamp, write
from trivet_testing.tracking import Tracking
from trivet_testing.workspaces import unused_workspace

LONG = "p" * 200
"""Longer than what an index of values may hold of one."""


def make(tracking: Tracking, runs: dict[str, dict[str, Any]]) -> None:
    """Creates runs by id, all of one start time; `metrics` among their fields are written besides."""
    for run_id, fields in runs.items():
        given = dict(fields)
        metrics = given.pop("metrics", {})
        given.setdefault("start_time", timestamp(0))
        run = create_run(tracking, run_id, **given)
        if metrics:
            columns = MetricColumns(keys=list(metrics), values=list(metrics.values()), times_millis=[0])
            write(tracking, run.name, metrics=columns, atomic=True)


@pytest.fixture(scope="module")
def searched(channel: grpc.Channel, tracking_address: str) -> Tracking:
    """A workspace of this module's own: METRICS, TEXTS and ORDER, each in an experiment of that name."""
    tracking = Tracking(TrackingServiceStub(channel), unused_workspace())
    texts = {
        run_id: {"params": {"k": text}, "tags": {"k": text}, "display_name": text, "source": text}
        for run_id, text in TEXTS.items()
    }
    texts["without"] = {"params": {"other": "adam"}, "tags": {"other": "adam"}}
    for name, runs in (("METRICS", METRICS), ("TEXTS", texts), ("ORDER", ORDER)):
        experiment = create_experiment(tracking, name).name
        make(tracking, {run_id: {"experiment": experiment, **fields} for run_id, fields in runs.items()})
    return tracking


def search_in(searched: Tracking, name: str, filter: str = "", order_by: str = "", page_size: int = 0) -> list[str]:  # noqa: A002 - the field's name
    request = pb.LookupExperimentRequest(parent=searched.parent, display_name=name)
    experiments = [searched.stub.LookupExperiment(request).name]
    return search_runs(searched, filter, order_by, experiments=experiments, page_size=page_size)


METRICS: dict[str, dict[str, Any]] = {
    "half": {"metrics": {"m": 0.5}},
    "inf": {"metrics": {"m": math.inf}},
    "minus": {"metrics": {"m": -2.0}},
    "nan": {"metrics": {"m": math.nan}},
    "none": {"metrics": {"other": 1.0}},
    "seven": {"metrics": {"m": 7.0, "a b": 1.0, "x/y.z-1": 1.0, "ключ": 1.0}},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.m = 0.5", ["half"]),
        ("metrics.m = 7", ["seven"]),
        ("metrics.m != 7", ["half", "inf", "minus", "nan"]),
        ("metrics.m < 7", ["half", "minus"]),
        ("metrics.m <= 7", ["half", "minus", "seven"]),
        ("metrics.m > 0.5", ["inf", "seven"]),
        ("metrics.m >= 0.5", ["half", "inf", "seven"]),
        ("metrics.m > -1e300", ["half", "inf", "minus", "seven"]),
        ("metrics.m = -2", ["minus"]),
        ("metric.m = -2.0", ["minus"]),
        ("metrics.M = -2.0", []),
        ("metrics.m > 0 AND metrics.m < 1", ["half"]),
        ("metrics.m > 0 and metrics.other = 1", []),
        ("metrics.never != 1", []),
        ('metrics."a b" = 1', ["seven"]),
        ("metrics.`a b` = 1", ["seven"]),
        ("metrics.x/y.z-1 = 1", ["seven"]),
        ("metrics.`ключ` = 1", ["seven"]),
    ],
)
def test_metrics_are_compared_by_their_current_value(searched: Tracking, text: str, expected: list[str]) -> None:
    assert search_in(searched, "METRICS", text) == expected


def test_a_metric_is_compared_over_all_its_contexts(tracking: Tracking) -> None:
    run = create_run(tracking, "a").name
    write(tracking, run, metrics=metric("m", (1, 1, 1.0), context=MetricContext(rank=0)))
    write(tracking, run, metrics=metric("m", (2, 1, 2.0), context=MetricContext(rank=1)))
    assert search_runs(tracking, "metrics.m = 2") == ["a"]
    assert search_runs(tracking, "metrics.m = 1") == []
    assert search_runs(tracking, "metrics.m != 3") == ["a"]
    assert search_runs(tracking, order_by="metrics.m") == ["a"]


TEXTS = {
    "backslash": "a\\b",
    "capital": "Adam",
    "empty": "",
    "long-a": LONG + "a",
    "long-b": LONG + "b",
    "lower": "adam",
    "percent": "100%",
    "quote": 'it\'s "x"',
    "star": "\u00c4dam",
    "under": "a_b",
    "wide": "a🚀b",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("X = 'adam'", ["lower"]),
        ('X = "adam"', ["lower"]),
        ("X = ''", ["empty"]),
        ("X != 'adam'", sorted(set(TEXTS) - {"lower"})),
        (f"X = '{LONG}a'", ["long-a"]),
        (f"X = '{LONG}'", []),
        (f"X != '{LONG}a'", sorted(set(TEXTS) - {"long-a"})),
        (f"X LIKE '{LONG}%'", ["long-a", "long-b"]),
        (f"X LIKE '%p{'_' * 3}'", ["long-a", "long-b"]),
        (f"X IN ('{LONG}a', '{LONG}c')", ["long-a"]),
        (f"X NOT IN ('{LONG}a', 'adam')", sorted(set(TEXTS) - {"long-a", "lower"})),
        ("X = 'it''s \"x\"'", ["quote"]),
        ('X = "it\'s ""x"""', ["quote"]),
        ("X = 'a\\b'", ["backslash"]),
        ("X LIKE 'a\\b'", ["backslash"]),
        ("X LIKE 'a\\\\b'", ["backslash"]),
        ("X LIKE 'a_b'", ["backslash", "under", "wide"]),
        ("X LIKE 'a\\_b'", ["under"]),
        ("X LIKE '100\\%'", ["percent"]),
        ("X LIKE '%\\%'", ["percent"]),
        ("X LIKE '%\\'", []),
        ("X LIKE 'adam'", ["lower"]),
        ("X LIKE 'A%'", ["capital"]),
        ("X LIKE '%dam'", ["capital", "lower", "star"]),
        ("X LIKE '%'", sorted(TEXTS)),
        ("X LIKE ''", ["empty"]),
        ("X LIKE '_'", []),
        ("X like '_dam'", ["capital", "lower", "star"]),
        ("X ILIKE 'ADAM'", ["capital", "lower"]),
        ("X ilike 'a%'", ["backslash", "capital", "lower", "under", "wide"]),
        ("X ILIKE '\u00c4DAM'", ["star"]),
        ("X ILIKE '\u00e4dam'", []),
        ("X IN ('adam', '100%', 'nobody')", ["lower", "percent"]),
        ("X in ('ADAM')", []),
        ("X = 'a🚀b'", ["wide"]),
        ("X LIKE 'a🚀_'", ["wide"]),
        ("X = '\u00c4dam'", ["star"]),
        ("X = 'A\u0308dam'", []),
        ("X LIKE '[a]dam'", []),
        ("X LIKE 'a*'", []),
        ("X LIKE '%a%' AND X LIKE '%d%' AND X != 'adam'", ["capital", "star"]),
    ],
)
@pytest.mark.parametrize("name", ["params.k", "tags.`k`", "run_name", "source"])
def test_texts_are_compared(searched: Tracking, name: str, text: str, expected: list[str]) -> None:
    found = search_in(searched, "TEXTS", text.replace("X", name))
    # The name of a run is never empty, and every run has a source: those answer nothing about these runs.
    beside = {"run_name": {"empty", "without"}, "source": {"without"}}.get(name, set())
    assert [run_id for run_id in found if run_id not in beside] == [
        run_id for run_id in expected if run_id not in beside
    ]


def test_whether_a_param_or_tag_is_there(tracking: Tracking) -> None:
    make(
        tracking,
        {
            "both": {"params": {"k": "1"}, "tags": {"k": "1"}},
            "empty": {"params": {"k": ""}, "tags": {"k": ""}},
            "neither": {"params": {"other": "1"}},
        },
    )
    for entity in ("params", "tags", "param", "tag"):
        assert search_runs(tracking, f"{entity}.k IS NULL") == ["neither"]
        assert search_runs(tracking, f"{entity}.k is not null") == ["both", "empty"]
    assert search_runs(tracking, "params.k IS NOT NULL AND tags.k != '1'") == ["empty"]


def test_attributes_are_compared(tracking: Tracking) -> None:
    make(
        tracking,
        {
            "a": {
                "display_name": "first",
                "status": run_pb2.RUN_STATUS_FINISHED,
                "user": "ann",
                "source": "a.py",
                "git_commit": "c0ffee",
                "parent_run": tracking.run_name("p"),
                "start_time": timestamp(1000),
                "end_time": timestamp(2000),
            },
            "b": {"display_name": "second", "user": "bob", "start_time": timestamp(1000)},
        },
    )
    only_a = [
        "run_id = 'a'",
        "attributes.run_id = 'a'",
        "attribute.run_id IN ('a', 'x')",
        "attr.run_id LIKE '%'  AND run.run_name = 'first'",
        "run_name ILIKE 'FIRST'",
        "status = 'FINISHED'",
        "status != 'RUNNING'",
        "status LIKE 'FIN%'",
        "status IN ('FINISHED', 'FAILED')",
        "user_id = 'ann'",
        "created_by = 'anonymous' AND source = 'a.py'",
        "git_commit LIKE 'c0%'",
        "parent_run_id = 'p'",
        "end_time = 2000",
        "end_time > 1999 AND end_time >= 2000 AND end_time <= 2000 AND end_time < 2001",
        "end_time != 1",
    ]
    for text in only_a:
        assert search_runs(tracking, text) == ["a"], text
    assert search_runs(tracking, "start_time = 1000") == ["a", "b"]
    assert search_runs(tracking, "start_time != 1000") == []
    assert search_runs(tracking, "start_time > -1 AND start_time < 999999999999999999") == ["a", "b"]
    assert search_runs(tracking, "parent_run_id = ''") == ["b"]
    assert search_runs(tracking, "created_by = 'anonymous'") == ["a", "b"]
    assert search_runs(tracking, "   ") == ["a", "b"]


def test_where_files_are_is_below_the_location_of_the_experiment(tracking: Tracking) -> None:
    for run_id, location in (("plain", "s3://bucket/a"), ("slash", "s3://bucket/b/"), ("root", "mlflow-artifacts:/")):
        experiment = create_experiment(tracking, artifact_location=location).name
        create_run(tracking, run_id, experiment=experiment)
    of_none = create_experiment(tracking).name
    create_run(tracking, "none", experiment=of_none)
    for run_id, uri in (
        ("plain", "s3://bucket/a/plain/artifacts"),
        ("slash", "s3://bucket/b/slash/artifacts"),
        ("root", "mlflow-artifacts:/root/artifacts"),
        ("none", f"mlflow-artifacts:/{of_none.rpartition('/')[2]}/none/artifacts"),
    ):
        assert search_runs(tracking, f"artifact_uri = '{uri}'") == [run_id]


ORDER: dict[str, dict[str, Any]] = {
    "a-nan": {"metrics": {"m": math.nan}, "params": {"p": "b"}, "end_time": timestamp(5)},
    "b-none": {},
    "c-two": {"metrics": {"m": 2.0}, "params": {"p": "B"}},
    "d-inf": {"metrics": {"m": math.inf}, "params": {"p": ""}, "end_time": timestamp(9)},
    "e-low": {"metrics": {"m": -math.inf}, "params": {"p": LONG + "b"}},
    "f-nan": {"metrics": {"m": math.nan}, "params": {"p": LONG + "a"}},
    "g-two": {"metrics": {"m": 2.0}, "start_time": timestamp(1)},
    "h-none": {"start_time": timestamp(1)},
    "i-zero": {"metrics": {"m": 0.0}},
}


@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        ("", "g-two h-none a-nan b-none c-two d-inf e-low f-nan i-zero"),
        ("metrics.m", "e-low i-zero g-two c-two d-inf a-nan f-nan h-none b-none"),
        ("metrics.m ASC", "e-low i-zero g-two c-two d-inf a-nan f-nan h-none b-none"),
        ("metrics.m DESC", "d-inf g-two c-two i-zero e-low a-nan f-nan h-none b-none"),
        ("metrics.m desc, run_id desc", "d-inf g-two c-two i-zero e-low f-nan a-nan h-none b-none"),
        ("params.p", "d-inf c-two a-nan f-nan e-low g-two h-none b-none i-zero"),
        ("params.p DESC", "e-low f-nan a-nan c-two d-inf g-two h-none b-none i-zero"),
        ("end_time", "a-nan d-inf g-two h-none b-none c-two e-low f-nan i-zero"),
        ("end_time DESC", "d-inf a-nan g-two h-none b-none c-two e-low f-nan i-zero"),
        ("start_time ASC", "a-nan b-none c-two d-inf e-low f-nan i-zero g-two h-none"),
        ("start_time, metrics.m DESC", "d-inf c-two i-zero e-low a-nan f-nan b-none g-two h-none"),
        ("attributes.run_id DESC", "i-zero h-none g-two f-nan e-low d-inf c-two b-none a-nan"),
        ("status, tags.never DESC", "g-two h-none a-nan b-none c-two d-inf e-low f-nan i-zero"),
    ],
)
def test_runs_come_in_the_order_asked_for(searched: Tracking, order_by: str, expected: str) -> None:
    assert search_in(searched, "ORDER", order_by=order_by) == expected.split()
    # One at a time: each place in the order can be gone on from.
    assert search_in(searched, "ORDER", order_by=order_by, page_size=1) == expected.split()


def test_texts_are_ordered_by_code_point(tracking: Tracking) -> None:
    names = ["B", "a", "aa", "b", "z", "é", "я", "🚀"]
    make(tracking, {f"r{number}": {"tags": {"t": name}} for number, name in enumerate(reversed(names))})
    found = [
        get_run(tracking, tracking.run_name(run_id)).tags["t"] for run_id in search_runs(tracking, order_by="tags.t")
    ]
    assert found == names


def test_a_search_looks_only_in_the_experiments_it_names(tracking: Tracking) -> None:
    first, second = create_experiment(tracking).name, create_experiment(tracking).name
    make(tracking, {"a": {"experiment": first}, "b": {"experiment": second}, "c": {}})
    assert search_runs(tracking, experiments=[first]) == ["a"]
    assert search_runs(tracking, experiments=[second, first, second]) == ["a", "b"]
    assert search_runs(tracking, experiments=[tracking.experiment_name(0)]) == ["c"]
    assert search_runs(tracking) == ["a", "b", "c"]
    assert search_runs(tracking, "run_id != 'a'", experiments=[first, second]) == ["b"]


def test_the_runs_found_are_as_get_run_shows_them(tracking: Tracking) -> None:
    make(tracking, {"a": {"params": {"p": "1"}, "tags": {"t": "1"}, "metrics": {"m": 1.0, "n": math.nan}}})
    (found,) = tracking.stub.SearchRuns(pb.SearchRunsRequest(parent=tracking.parent)).runs
    assert found.SerializeToString(deterministic=True) == get_run(tracking, tracking.run_name("a")).SerializeToString(
        deterministic=True
    )


def test_a_write_is_found_at_once(tracking: Tracking) -> None:
    run = create_run(tracking, "a").name
    for value in (1.0, 2.0, 3.0):
        write(tracking, run, metrics=metric("m", (int(value), 0, value)), tags=[pb.Tag(key="t", value=str(value))])
        assert search_runs(tracking, f"metrics.m = {value} AND tags.t = '{value}'") == ["a"]
    write(tracking, run, deleted_tags=["t"])
    assert search_runs(tracking, "tags.t IS NULL") == ["a"]


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("metrics.m >", 12),
        ("metrics.m = 'x'", 13),
        ("metrics.m LIKE 'x'", 11),
        ("metrics.m BETWEEN 1", 20),
        ("metrics.m BETWEEN 1 OR 2", 21),
        ("params.p > '1'", 12),
        ("params.p BETWEEN 1 AND 'x'", 24),
        ("params.p IN (1, 'x')", 17),
        ("tags.t > 1", 8),
        ("params.p = x", 12),
        ("params.p IN 'a'", 13),
        ("params.p IN ()", 14),
        ("params.p = 'a", 12),
        ("never = 'x'", 1),
        ("nothing.k = 'x'", 1),
        ("run_id = 'a' OR", 16),
        ("(run_id = 'a' OR run_id = 'b'", 30),
        ("run_id = 'a')", 13),
        ("NOT", 4),
        ("()", 2),
        ("run_id = 'a' run_id = 'b'", 14),
        ("AND run_id = 'a'", 1),
        ("start_time = '5'", 14),
        ("start_time = 1.5", 14),
        ("run_id IS NULL", 8),
        ("run_id = 'a';", 13),
        ("params. = 'a'", 9),
    ],
)
def test_a_filter_that_is_not_understood_is_refused_with_the_position(
    tracking: Tracking, text: str, position: int
) -> None:
    failure = error_of(lambda: search_runs(tracking, text))
    assert failure.code == grpc.StatusCode.INVALID_ARGUMENT
    assert failure.reason == "FILTER_INVALID"
    assert failure.fields == ("filter",)
    assert failure.metadata == {"field": "filter", "position": str(position)}


@pytest.mark.parametrize(
    ("order_by", "position"),
    [
        ("never", 1),
        ("run_id, never", 9),
        ("run_id UP", 8),
        ("run_id,", 8),
        (", run_id", 1),
        ("run_id, attributes.run_id DESC", 9),
        ("metrics.m, metric.m", 12),
        ("metrics.m > 1", 11),
        ("1", 1),
    ],
)
def test_an_order_that_is_not_understood_is_refused_with_the_position(
    tracking: Tracking, order_by: str, position: int
) -> None:
    failure = error_of(lambda: search_runs(tracking, order_by=order_by))
    assert failure.code == grpc.StatusCode.INVALID_ARGUMENT
    assert failure.reason == "ORDER_BY_INVALID"
    assert failure.fields == ("order_by",)
    assert failure.metadata == {"field": "order_by", "position": str(position)}


NASTY = {
    "nul": "params.p = 'a\0b'",
    "nul-alone": "\0",
    "nul-in-key": "params.`a\0` = 'b'",
    "huge-integer": "start_time > " + "9" * 400,
    "huge-number": "metrics.m > 1e999",
    "integer-above-64-bits": f"start_time > {2**63}",
    "deep": "(" * 5000,
    "many-comparisons": " AND ".join(["metrics.m > 1"] * 3000),
    "long-pattern": f"params.p LIKE '{'%a' * 30_000}'",
    "many-values": f"params.p IN ({', '.join(['1'] * 30_000)})",
    "many-quotes": "'" * 100_001,
    "long-key": f"params.{'k' * 100_000} = 'a'",
    "statement": "run_id = 'a'; DROP TABLE run; --",
    "comment": "run_id = 'a' -- x",
    "fraction-of-nothing": "metrics.m = .",
    "not-a-number": "metrics.m = NaN",
}


@pytest.mark.parametrize("case", NASTY)
def test_a_nasty_filter_is_refused_and_never_fails_the_server(tracking: Tracking, case: str) -> None:
    failure = error_of(lambda: search_runs(tracking, NASTY[case]))
    assert failure.code == grpc.StatusCode.INVALID_ARGUMENT
    assert failure.reason in ("FILTER_INVALID", "FIELD_INVALID")


@pytest.mark.parametrize("count", [20, 70, 200])
def test_many_clauses_of_an_order_are_served_or_refused(tracking: Tracking, count: int) -> None:
    make(tracking, {"a": {"metrics": {"m0": 1.0}}, "b": {}})
    order_by = ", ".join(f"metrics.m{number} DESC" for number in range(count))
    if count <= 20:
        assert search_runs(tracking, order_by=order_by, page_size=1) == ["a", "b"]
    else:
        assert error_of(lambda: search_runs(tracking, order_by=order_by)).reason == "ORDER_BY_INVALID"


def test_a_hundred_comparisons_are_served(tracking: Tracking) -> None:
    make(tracking, {"a": {"params": {"p": "x"}, "metrics": {"m": 1.0}}, "b": {"params": {"p": "x"}}})
    text = " AND ".join(["params.p LIKE '%x%'"] * 99 + ["metrics.m = 1"])
    assert search_runs(tracking, text) == ["a"]


def test_a_long_pattern_that_is_allowed_is_served(tracking: Tracking) -> None:
    value = "🚀" * 4000
    make(tracking, {"a": {"params": {"p": value}}})
    assert search_runs(tracking, f"params.p LIKE '{value[:-1]}_'") == ["a"]
    assert search_runs(tracking, f"params.p ILIKE '{value[:-1]}_'") == ["a"]
    backslashes = "\\" * 5000
    assert search_runs(tracking, f"params.p LIKE '{backslashes}'") == []
    assert search_runs(tracking, f"params.p LIKE '{'_' * 4000}'") == ["a"]


def test_metrics_change_the_order_as_they_are_written(tracking: Tracking) -> None:
    first, second = create_run(tracking, "a").name, create_run(tracking, "b").name
    log(tracking, first, m=1.0)
    log(tracking, second, m=2.0)
    assert search_runs(tracking, order_by="metrics.m") == ["a", "b"]
    write(tracking, first, metrics=metric("m", (1, 1, 3.0)))
    assert search_runs(tracking, order_by="metrics.m") == ["b", "a"]
    write(tracking, first, metrics=metric("m", (2, 1, math.nan)))
    assert search_runs(tracking, order_by="metrics.m") == ["b", "a"]
    assert search_runs(tracking, order_by="metrics.m DESC") == ["b", "a"]
