"""Experiments: names, states, tags, and finding them."""

from __future__ import annotations

from typing import Any

from .case import Case, Group, get, pairs, post, run

_MINE = "name LIKE 'experiments-%'"


def _create(label: str, name: object, **fields: Any) -> Case:
    return post(f"EXPNAME {label}", "experiments/create", name=name, **fields)


def _search(label: str, **fields: Any) -> Case:
    return post(label, "experiments/search", only="experiments.name", **{"max_results": 100, **fields})


_NAMES = Group(
    "names of experiments",
    [
        _create("''", ""),
        _create("' '", " "),
        _create("500", "x" * 500),
        _create("501", "x" * 501),
        _create("'a/b'", "names/of/experiments"),
        _create("None", None),
        _create("5", 5),
        _create("é", "namesé"),
        _create("a newline", "names\nx"),
        _create("a quote", "names'x\"`"),
        _create("taken", "names/of/experiments"),
        post("by name", "experiments/get-by-name", experiment_name="names/of/experiments"),
        get("get by name", "experiments/get-by-name", experiment_name="names/of/experiments", only="experiment.name"),
        get("get by name, other case", "experiments/get-by-name", experiment_name="NAMES/of/experiments"),
        get("get by no name", "experiments/get-by-name"),
        get("get by an empty name", "experiments/get-by-name", experiment_name=""),
        get("get an unknown one", "experiments/get", experiment_id="987654321"),
        get("get what is no number", "experiments/get", experiment_id="abc"),
        get("get a negative one", "experiments/get", experiment_id="-1"),
        get("get a very large one", "experiments/get", experiment_id="9" * 30),
        get("get none", "experiments/get"),
        get("get by number 0", "experiments/get", experiment_id="0", only="experiment.name"),
        post(
            "create with a location",
            "experiments/create",
            name="names-location",
            artifact_location="s3://bucket/folder",
            tags=pairs({"a": "b", "c": ""}),
            keep={"location": "experiment_id"},
        ),
        get("get one with a location", "experiments/get", experiment_id="$location"),
        _create("location with a query", "names-query", artifact_location="s3://bucket/a?b=c"),
        _create("location with a fragment", "names-fragment", artifact_location="s3://bucket/a#b"),
        _create("tags with an empty key", "names-tags", tags=pairs({"": "b"})),
        _create("tags that are none", "names-tags", tags="a"),
    ],
)
_LIFECYCLE = Group(
    "states of experiments",
    [
        post("create", "experiments/create", name="states-edge", keep={"experiment": "experiment_id"}),
        post("create another", "experiments/create", name="states-other", keep={"other": "experiment_id"}),
        run("states-run"),
        run("states-deleted", "deleted", start_time=2000),
        post("delete a run alone", "runs/delete", run_id="$deleted"),
        post("rename", "experiments/update", experiment_id="$experiment", new_name="states-renamed"),
        get("get renamed", "experiments/get", experiment_id="$experiment"),
        post("rename dup", "experiments/update", experiment_id="$experiment", new_name="states-other"),
        post("rename to itself", "experiments/update", experiment_id="$experiment", new_name="states-renamed"),
        post("rename to nothing", "experiments/update", experiment_id="$experiment", new_name=""),
        post("rename without a name", "experiments/update", experiment_id="$experiment"),
        post("rename to 501", "experiments/update", experiment_id="$experiment", new_name="x" * 501),
        post("rename an unknown one", "experiments/update", experiment_id="987654321", new_name="states-never"),
        post("rename back", "experiments/update", experiment_id="$experiment", new_name="states-edge"),
        post("set a tag", "experiments/set-experiment-tag", experiment_id="$experiment", key="a", value="b"),
        post("delete exp", "experiments/delete", experiment_id="$experiment"),
        get("get a deleted one", "experiments/get", experiment_id="$experiment"),
        get("get deleted exp by name", "experiments/get-by-name", experiment_name="states-edge"),
        post("create run in deleted exp", "runs/create", experiment_id="$experiment", start_time=1),
        post(
            "log metric in deleted exp run",
            "runs/log-metric",
            run_id="$run",
            key="a",
            value=1,
            timestamp=1,
        ),
        get("get a run of a deleted one", "runs/get", run_id="$run", only="run.info.lifecycle_stage"),
        post("tag deleted", "experiments/set-experiment-tag", experiment_id="$experiment", key="a", value="c"),
        post(
            "delete a tag of a deleted one", "experiments/delete-experiment-tag", experiment_id="$experiment", key="a"
        ),
        post("create same name as deleted", "experiments/create", name="states-edge"),
        post("delete exp twice", "experiments/delete", experiment_id="$experiment"),
        post("rename deleted exp", "experiments/update", experiment_id="$experiment", new_name="states-new"),
        _search("view ALL", view_type="ALL", filter="name LIKE 'states-%'", order_by=["name"]),
        _search("view DELETED_ONLY", view_type="DELETED_ONLY", filter="name LIKE 'states-%'"),
        _search("view ACTIVE_ONLY", view_type="ACTIVE_ONLY", filter="name LIKE 'states-%'"),
        _search("view by number", view_type=2, filter="name LIKE 'states-%'"),
        _search("view unknown", view_type="SOME", filter="name LIKE 'states-%'", order_by=["name"]),
        post("restore exp", "experiments/restore", experiment_id="$experiment"),
        get("get restored", "experiments/get", experiment_id="$experiment"),
        post("runs of a restored one", "runs/search", experiment_ids=["$experiment"], only="runs.info.run_name"),
        post("restore exp twice", "experiments/restore", experiment_id="$experiment"),
        post("delete an unknown one", "experiments/delete", experiment_id="987654321"),
        post("restore an unknown one", "experiments/restore", experiment_id="987654321"),
        post("delete none", "experiments/delete"),
        post("delete default exp", "experiments/delete", experiment_id="0"),
        post("restore default exp", "experiments/restore", experiment_id="0"),
    ],
)


def _tag(label: str, key: object, value: object) -> Case:
    return post(f"TAG {label}", "experiments/set-experiment-tag", experiment_id="$experiment", key=key, value=value)


_TAGS = Group(
    "tags of experiments",
    [
        post("create", "experiments/create", name="tags-of-experiments", keep={"experiment": "experiment_id"}),
        _tag("plain", "a", "b"),
        _tag("again", "a", "c"),
        _tag("empty value", "empty", ""),
        _tag("no value", "none", None),
        _tag("number", "number", 5),
        _tag("no key", "", "b"),
        _tag("key 250", "k" * 250, "b"),
        _tag("key 251", "k" * 251, "b"),
        _tag("key with @", "a@b", "b"),
        _tag("key with /", "a/b", "b"),
        _tag("key ..", "..", "b"),
        _tag("value 5001", "long", "x" * 5001),
        _tag("value 20000", "longer", "x" * 20_000),
        _tag("value 20001", "longest", "x" * 20_001),
        post("unknown experiment", "experiments/set-experiment-tag", experiment_id="987654321", key="a", value="b"),
        post("delete a tag", "experiments/delete-experiment-tag", experiment_id="$experiment", key="a"),
        post("delete a missing tag", "experiments/delete-experiment-tag", experiment_id="$experiment", key="a"),
        post("delete without a key", "experiments/delete-experiment-tag", experiment_id="$experiment"),
        get("get", "experiments/get", experiment_id="$experiment"),
    ],
)


def _filter(text: str) -> Case:
    return post(
        f"EXPFILTER {text}",
        "experiments/search",
        only="experiments.name",
        max_results=100,
        filter=f"{text} AND {_MINE}",
        order_by=["name"],
    )


def _order(*clauses: str) -> Case:
    label = "EXPORDER " + ", ".join(clauses)
    return _search(label, filter=_MINE, order_by=list(clauses))


_SEARCH = Group(
    "searching experiments",
    [
        post(
            "create 1",
            "experiments/create",
            name="experiments-edge",
            tags=pairs({"a": "b", "a.b": "c"}),
            keep={"first": "experiment_id"},
        ),
        post("create 2", "experiments/create", name="experiments-Exp", keep={"second": "experiment_id"}),
        post("create 3", "experiments/create", name="experiments-b", tags=pairs({"a": "c"})),
        post("create 4", "experiments/create", name="experiments-deleted", keep={"deleted": "experiment_id"}),
        post("delete", "experiments/delete", experiment_id="$deleted"),
        *map(
            _filter,
            (
                "name = 'experiments-edge'",
                'name = "experiments-edge"',
                "name != 'experiments-edge'",
                "name LIKE 'experiments-e%'",
                "name LIKE 'EXPERIMENTS-%'",
                "name ILIKE 'EXPERIMENTS-E%'",
                "name IN ('experiments-edge', 'x')",
                "attribute.name = 'experiments-edge'",
                "attributes.name = 'experiments-edge'",
                "attr.name = 'experiments-edge'",
                "creation_time > 0",
                "creation_time > '0'",
                "creation_time BETWEEN 0 AND 1",
                "creation_time LIKE '1'",
                "last_update_time < 9999999999999",
                "tags.a = 'b'",
                "tag.a = 'b'",
                "tags.a != 'b'",
                "tags.a LIKE 'B'",
                "tags.a ILIKE 'B'",
                "tags.`a.b` = 'c'",
                "tags.a.b = 'c'",
                "tags.a IS NULL",
                "tags.a IS NOT NULL",
                "tags.a IN ('b')",
                "tags.a > 'a'",
                "name IS NULL",
                "name > 'a'",
                "experiment_id IN ('$first','$second')",
                "experiment_id NOT IN ('$first')",
                "experiment_id = '$first'",
                "experiment_id != '$first'",
                "experiment_id = 5",
                "experiment_id = 'x'",
                "experiment_id LIKE '$first'",
                "lifecycle_stage = 'active'",
                "metrics.a = 1",
                "params.a = '1'",
                "foo = 1",
                "name = experiments-edge",
                "name == 'experiments-edge'",
                "name = 'it''s'",
                "name = 'x' OR name = 'y'",
                "NOT name = 'x'",
                "(name = 'x')",
            ),
        ),
        post("EXPFILTER nothing", "experiments/search", max_results=100, filter="", only="nothing"),
        post("EXPFILTER spaces", "experiments/search", max_results=100, filter="  ", only="nothing"),
        _search("EXPFILTER half", filter="name ="),
        _order("name"),
        _order("name ASC"),
        _order("name DESC"),
        _order("name desc"),
        _order("creation_time"),
        _order("creation_time DESC", "name"),
        _order("last_update_time DESC"),
        _order("experiment_id"),
        _order("experiment_id DESC"),
        _order("attribute.name"),
        _order("lifecycle_stage"),
        _order("tags.a"),
        _order("foo"),
        _order("name sideways"),
        _order("name", "name DESC"),
        _search("exp default order", filter=_MINE),
        get("by GET", "experiments/search", max_results=2, filter=_MINE, order_by=["name"], only="experiments.name"),
        _search("max 0", max_results=0),
        _search("max -1", max_results=-1),
        _search("max 50000", max_results=50_000, filter=_MINE),
        _search("max 50001", max_results=50_001),
        _search("max text", max_results="2", filter=_MINE),
        _search("max no number", max_results="x"),
        post("max missing", "experiments/search", filter=_MINE, only="experiments.name"),
        _search("bad token", page_token="bad"),
        post(
            "page 1",
            "experiments/search",
            max_results=2,
            filter=_MINE,
            order_by=["name"],
            keep={"token": "next_page_token"},
            only="experiments.name",
        ),
        post("create between pages", "experiments/create", name="experiments-zz"),
        _search("page 2", max_results=2, filter=_MINE, order_by=["name"], page_token="$token"),
    ],
)
GROUPS = (_NAMES, _LIFECYCLE, _TAGS, _SEARCH)
