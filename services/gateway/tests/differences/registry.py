"""Registered models and versions: names, states, stages, aliases, sources and tags."""

from __future__ import annotations

from typing import Any

from .case import Case, Group, delete, experiment, get, pairs, patch, post, run


def _create(label: str, name: object, **fields: Any) -> Case:
    return post(label, "registered-models/create", name=name, **fields)


def _version(label: str, name: str, source: object = "s3://b/k", **fields: Any) -> Case:
    return post(label, "model-versions/create", **{"name": name, "source": source, **fields})


_MODELS = Group(
    "registered models",
    [
        _create("create rm", "models-rm1", tags=pairs({"a": "b"}), description="dd"),
        *(
            _create(f"RMNAME {label}", name)
            for label, name in {
                "''": "",
                "'a/b'": "a/b",
                "'a:b'": "a:b",
                "'..'": "..",
                "'.'": ".",
                "'a b'": "models a b",
                "'é'": "modelsé",
                "'a%b'": "models a%b",
                "'a?b#c'": "models a?b#c",
                "'漢字'": "models 漢字",
                "'a\\nb'": "models a\nb",
                "' a'": " models a",
                "None": None,
                "5": 5,
                "256": "m" * 256,
                "300": "m" * 300,
            }.items()
        ),
        get("get 'a%b'", "registered-models/get", name="models a%b"),
        get("get 'a?b#c'", "registered-models/get", name="models a?b#c"),
        get("get '漢字'", "registered-models/get", name="models 漢字"),
        get("get 'a/b'", "registered-models/get", name="a/b"),
        _create("create rm twice", "models-rm1"),
        _create("create rm, other case", "MODELS-rm1"),
        _create("create with an empty tag", "models-tag", tags=pairs({"": "b"})),
        _create("create with a long description", "models-long", description="d" * 5001),
        get("get rm", "registered-models/get", name="models-rm1"),
        get("get missing rm", "registered-models/get", name="models-nomodel"),
        get("get without a name", "registered-models/get"),
        patch("describe", "registered-models/update", name="models-rm1", description="new"),
        patch("describe by nothing", "registered-models/update", name="models-rm1", description=""),
        patch("describe without one", "registered-models/update", name="models-rm1"),
        patch("describe missing", "registered-models/update", name="models-nomodel", description="new"),
        _create("create another", "models-other"),
        _version("a version to move", "models-rm1"),
        post("rename dup", "registered-models/rename", name="models-rm1", new_name="models-other"),
        post("rename to nothing", "registered-models/rename", name="models-rm1", new_name=""),
        post("rename without", "registered-models/rename", name="models-rm1"),
        post("rename to a/b", "registered-models/rename", name="models-rm1", new_name="a/b"),
        post("rename missing", "registered-models/rename", name="models-nomodel", new_name="models-x"),
        post("rename to itself", "registered-models/rename", name="models-other", new_name="models-other"),
        post("rename", "registered-models/rename", name="models-rm1", new_name="models-rm2"),
        get("get by the old name", "registered-models/get", name="models-rm1"),
        get("version by the old name", "model-versions/get", name="models-rm1", version="1"),
        get("version by the new name", "model-versions/get", name="models-rm2", version="1"),
        *(
            post(f"TAG {label}", "registered-models/set-tag", name="models-rm2", key=key, value=value)
            for label, key, value in (
                ("plain", "k", "v"),
                ("again", "k", "w"),
                ("empty", "empty", ""),
                ("none", "none", None),
                ("number", "number", 5),
                ("no key", "", "v"),
                ("key 250", "k" * 250, "v"),
                ("key 251", "k" * 251, "v"),
                ("key @", "a@b", "v"),
                ("value 5001", "long", "v" * 5001),
                ("value 100000", "longest", "v" * 100_000),
                ("value 100001", "too long", "v" * 100_001),
            )
        ),
        post("tag missing rm", "registered-models/set-tag", name="models-nomodel", key="a", value="b"),
        delete("delete rm tag", "registered-models/delete-tag", name="models-rm2", key="k"),
        delete("delete missing rm tag", "registered-models/delete-tag", name="models-rm2", key="k"),
        delete("delete tag of missing rm", "registered-models/delete-tag", name="models-nomodel", key="k"),
        get("get with tags", "registered-models/get", name="models-rm2"),
        delete("delete rm", "registered-models/delete", name="models-rm2"),
        delete("delete rm twice", "registered-models/delete", name="models-rm2"),
        delete("delete missing rm", "registered-models/delete", name="models-nomodel"),
        _create("create a deleted one again", "models-rm2"),
        _version("deleted rm recreate version restarts", "models-rm2"),
    ],
)
_RUN_FILES = "mlflow-artifacts:/$experiment/$run/artifacts"
_FILE = Case(
    "put a file",
    "PUT",
    "/api/2.0/mlflow-artifacts/artifacts/$experiment/$run/artifacts/mymodel/a",
    body=b"x",
    only="nothing",
)
_VERSIONS = Group(
    "versions of models",
    [
        experiment("versions"),
        run("versions"),
        run("other", "other"),
        _create("create rm", "versions-rm"),
        _create("create m", "versions-m"),
        _create("create lenient", "versions-lenient"),
        _FILE,
        _version("create mv artifact source", "versions-rm", f"{_RUN_FILES}/mymodel", run_id="$run"),
        _version("create mv wrong run", "versions-rm", f"{_RUN_FILES}/mymodel", run_id="$other"),
        _version("create mv no run", "versions-rm", f"{_RUN_FILES}/mymodel"),
        _version("create mv unknown run", "versions-rm", f"{_RUN_FILES}/mymodel", run_id="0" * 32),
        _version("create mv missing files", "versions-lenient", f"{_RUN_FILES}/never", run_id="$run"),
        _version("create mv of all files", "versions-rm", _RUN_FILES, run_id="$run"),
        _version("create mv ..", "versions-rm", f"{_RUN_FILES}/../x", run_id="$run"),
        _version("create mv %2e%2e", "versions-rm", f"{_RUN_FILES}/%2e%2e/x", run_id="$run"),
        _version("create mv local path", "versions-rm", "/etc/passwd"),
        _version("create mv local path of a run", "versions-rm", "/etc/passwd", run_id="$run"),
        _version("create mv relative path", "versions-rm", "etc/passwd"),
        _version("create mv file uri", "versions-rm", "file:///etc"),
        _version("create mv s3", "versions-rm", "s3://b/k"),
        _version("create mv s3 ..", "versions-rm", "s3://b/../k"),
        _version("create mv s3 with a run", "versions-rm", "s3://b/k", run_id="$run"),
        _version("create mv http", "versions-rm", "http://example.com/model"),
        _version("create mv https", "versions-rm", "https://example.com/model"),
        _version("create mv runs uri", "versions-rm", "runs:/$run/mymodel", run_id="$run"),
        _version("create mv runs uri, wrong run", "versions-rm", "runs:/$run/mymodel", run_id="$other"),
        _version("create mv runs uri, no run", "versions-rm", "runs:/$run/mymodel"),
        _version("create mv models uri", "versions-m", "models:/versions-rm/1"),
        _version("create mv models uri, missing", "versions-m", "models:/versions-rm/99"),
        _version("create mv models alias", "versions-m", "models:/versions-rm@never"),
        _version("create mv empty source", "versions-rm", ""),
        _version("create mv without a source", "versions-rm", None),
        _version("create mv unknown model", "versions-nomodel"),
        _create("create full", "versions-full"),
        _version("create mv with everything", "versions-full", description="d", run_link="l", tags=pairs({"t": "v"})),
        _version("create mv with a bad tag", "versions-m", tags=pairs({"": "v"})),
        _version("create mv with a bad name", "a/b"),
        get("get mv", "model-versions/get", name="versions-rm", version="1"),
        get("get mv of a copy", "model-versions/get", name="versions-m", version="1"),
        get("get mv with everything", "model-versions/get", name="versions-full", version="1"),
        get("mv version non-int", "model-versions/get", name="versions-rm", version="abc"),
        get("get mv 0", "model-versions/get", name="versions-rm", version="0"),
        get("get mv -1", "model-versions/get", name="versions-rm", version="-1"),
        get("get mv 99", "model-versions/get", name="versions-rm", version="99"),
        get("get mv very large", "model-versions/get", name="versions-rm", version="9" * 30),
        get("get mv without a version", "model-versions/get", name="versions-rm"),
        get("get mv of a missing model", "model-versions/get", name="versions-nomodel", version="1"),
        patch("describe mv", "model-versions/update", name="versions-rm", version="1", description="new"),
        patch("describe mv by nothing", "model-versions/update", name="versions-rm", version="1"),
        patch("describe missing mv", "model-versions/update", name="versions-rm", version="99", description="new"),
        post("tag mv", "model-versions/set-tag", name="versions-rm", version="1", key="k", value="v"),
        post("tag mv, number", "model-versions/set-tag", name="versions-rm", version=1, key="k", value="v"),
        post("tag mv, no key", "model-versions/set-tag", name="versions-rm", version="1", key="", value="v"),
        post("tag mv, no value", "model-versions/set-tag", name="versions-rm", version="1", key="n"),
        post("tag mv, key 251", "model-versions/set-tag", name="versions-rm", version="1", key="k" * 251, value="v"),
        post("tag missing mv", "model-versions/set-tag", name="versions-rm", version="99", key="k", value="v"),
        get("get mv with tags", "model-versions/get", name="versions-rm", version="1"),
        delete("delete mv tag", "model-versions/delete-tag", name="versions-rm", version="1", key="k"),
        delete("delete missing mv tag", "model-versions/delete-tag", name="versions-rm", version="1", key="k"),
        delete("delete tag of missing mv", "model-versions/delete-tag", name="versions-rm", version="99", key="k"),
        get("download uri of s3", "model-versions/get-download-uri", name="versions-full", version="1"),
        get("download uri of missing", "model-versions/get-download-uri", name="versions-rm", version="99"),
        delete("delete mv", "model-versions/delete", name="versions-m", version="1"),
        get("get deleted mv", "model-versions/get", name="versions-m", version="1"),
        delete("delete mv twice", "model-versions/delete", name="versions-m", version="1"),
        _version("version numbers not reused", "versions-m"),
        delete("delete newest mv", "model-versions/delete", name="versions-m", version="2"),
        _version("delete newest mv then create", "versions-m"),
        delete("delete mv without a version", "model-versions/delete", name="versions-m"),
    ],
)


def _move(label: str, stage: object, version: str = "1", **fields: Any) -> Case:
    return post(label, "model-versions/transition-stage", name="stages", version=version, stage=stage, **fields)


_STAGES = Group(
    "stages",
    [
        _create("create", "stages"),
        *(_version(f"version {number}", "stages") for number in range(1, 5)),
        _move("stage Staging", "Staging"),
        _move("stage lower", "production"),
        _move("stage invalid", "Dev"),
        _move("stage empty", ""),
        _move("stage none", None),
        _move("stage None", "None"),
        _move("stage Archived", "Archived"),
        _move("archive on Archived", "Archived", archive_existing_versions=True),
        _move("archive on None", "None", archive_existing_versions=True),
        _move("move to Production", "Production"),
        _move("archive on Production", "Production", "2", archive_existing_versions=True),
        get("version 1 after", "model-versions/get", name="stages", version="1", only="model_version.current_stage"),
        _move("archive as a text", "Production", "3", archive_existing_versions="true"),
        _move("archive as another text", "Production", "3", archive_existing_versions="x"),
        _move("same stage again", "Production", "3"),
        _move("missing version", "Production", "99"),
        _move("version that is none", "Production", "abc"),
        post("missing model", "model-versions/transition-stage", name="stages-never", version="1", stage="None"),
        *(
            post(f"latest versions of {stages}", "registered-models/get-latest-versions", name="stages", stages=stages)
            for stages in ([], ["Production"], ["production"], ["Staging"], ["None", "Archived"], ["Dev"], ["latest"])
        ),
        get(
            "latest versions by GET",
            "registered-models/get-latest-versions",
            name="stages",
            stages=["Production", "Archived"],
            only="model_versions.version",
        ),
        post("latest versions without stages", "registered-models/get-latest-versions", name="stages"),
        post("latest versions of missing", "registered-models/get-latest-versions", name="stages-never"),
        get("get rm", "registered-models/get", name="stages"),
    ],
)


def _alias(label: str, alias: object, version: object = "1", name: str = "aliases") -> Case:
    return post(f"ALIAS {label}", "registered-models/alias", name=name, alias=alias, version=version)


_ALIASES = Group(
    "aliases",
    [
        _create("create", "aliases"),
        _version("version 1", "aliases"),
        _version("version 2", "aliases"),
        _alias("'champion'", "champion"),
        _alias("'Champion'", "Champion"),
        *(
            _alias(repr(alias), alias)
            for alias in ("latest", "LATEST", "v1", "V12", "v1a", "vx", "a b", "a.b", "a/b", "", "1", "_", "None")
        ),
        # Of a model of its own, for it is in no other answer then: it differs.
        _create("create another", "aliases-of-scripts"),
        _version("its version", "aliases-of-scripts"),
        _alias("'é'", "é", name="aliases-of-scripts"),
        _alias("255", "x" * 255),
        _alias("256", "x" * 256),
        _alias("none", None),
        _alias("number", 5),
        _alias("to missing version", "champion", "99"),
        _alias("to a version that is none", "champion", "abc"),
        _alias("to no version", "champion", None),
        _alias("of a missing model", "champion", "1", "aliases-never"),
        get("get alias", "registered-models/alias", name="aliases", alias="champion"),
        _alias("move", "champion", "2"),
        get("get moved", "registered-models/alias", name="aliases", alias="champion"),
        get("get rm", "registered-models/get", name="aliases"),
        get("get mv", "model-versions/get", name="aliases", version="1"),
        get("get alias latest", "registered-models/alias", name="aliases", alias="latest"),
        get("get missing alias", "registered-models/alias", name="aliases", alias="zz"),
        get("get alias of a missing model", "registered-models/alias", name="aliases-never", alias="zz"),
        get("get alias v1", "registered-models/alias", name="aliases", alias="v1"),
        get("get alias of no name", "registered-models/alias", name="aliases"),
        delete("delete missing alias", "registered-models/alias", name="aliases", alias="zz"),
        delete("delete alias of missing rm", "registered-models/alias", name="aliases-never", alias="zz"),
        delete("delete alias", "registered-models/alias", name="aliases", alias="_"),
        delete("delete mv", "model-versions/delete", name="aliases", version="2"),
        get("alias gone after delete", "registered-models/alias", name="aliases", alias="champion"),
        get("get rm after delete", "registered-models/get", name="aliases", only="registered_model.aliases"),
    ],
)


def _find(label: str, path: str, only: str, **fields: Any) -> Case:
    return get(label, path, only=only, **fields)


_OURS = "name LIKE 'found-%'"
_NO_PROMPT = "tag.`mlflow.prompt.is_prompt` != 'true'"


def _models(text: str) -> Case:
    both = f"{text} AND {_OURS}"
    return _find(
        f"RMFILTER {text}", "registered-models/search", "registered_models.name", filter=both, order_by=["name"]
    )


def _versions(text: str) -> Case:
    only = "model_versions.version"
    return _find(
        f"MVFILTER {text}",
        "model-versions/search",
        only,
        filter=f"{text} AND {_OURS}",
        max_results=1000,
        order_by=["name", "version_number"],
    )


_SEARCH = Group(
    "searching models and versions",
    [
        experiment("found"),
        run("found"),
        _create("create rm1", "found-rm1", tags=pairs({"a": "b"}), description="dd"),
        _create("create m", "found-m"),
        _create("create RM2", "found-RM2", tags=pairs({"a": "c"})),
        _create("create a prompt", "found-prompt", tags=pairs({"mlflow.prompt.is_prompt": "true"})),
        _FILE,
        _version("version 1", "found-rm1", f"{_RUN_FILES}/mymodel", run_id="$run"),
        _version("version 2", "found-rm1", "runs:/$run/mymodel", run_id="$run", tags=pairs({"k": "v"})),
        _version("version 3", "found-rm1", "s3://b/k"),
        _version("version of m", "found-m", "s3://b/k", tags=pairs({"k": "w"})),
        _version("version to delete", "found-m", "s3://b/k"),
        delete("delete it", "model-versions/delete", name="found-m", version="2"),
        post("move", "model-versions/transition-stage", name="found-rm1", version="1", stage="Production"),
        *map(
            _models,
            (
                "name='found-rm1'",
                "name LIKE 'found-r%'",
                "name ILIKE 'FOUND-r%'",
                "name != 'found-rm1'",
                "name IN ('found-rm1')",
                "name NOT IN ('found-rm1')",
                "name > 'a'",
                "name IS NULL",
                "attribute.name = 'found-rm1'",
                "tags.a='b'",
                "tag.a='b'",
                "tags.a != 'b'",
                "tags.a LIKE '%'",
                "tags.a ILIKE 'B'",
                "tags.a IS NULL",
                "tags.`a` = 'b'",
                "tags.never = 'b'",
                _NO_PROMPT,
                "tags.`mlflow.prompt.is_prompt` = 'true'",
                "tags.`mlflow.prompt.is_prompt` != 'false'",
                "description LIKE 'd%'",
                "creation_timestamp>0",
                "last_updated_timestamp>0",
                "name = found",
                "foo = 'x'",
                "name = 'x' OR name = 'y'",
            ),
        ),
        *(
            _find(
                f"RMORDER {clauses}",
                *("registered-models/search", "registered_models.name"),
                filter=f"{_OURS} AND {_NO_PROMPT}",
                order_by=clauses,
            )
            for clauses in (
                ["name"],
                ["name DESC"],
                ["timestamp DESC"],
                ["timestamp"],
                ["last_updated_timestamp ASC"],
                ["creation_timestamp ASC"],
                ["description"],
                ["tags.a"],
                ["name", "name"],
                ["name sideways"],
            )
        ),
        _find("rm default order", "registered-models/search", "registered_models.name", filter=_OURS),
        *(
            _find(f"rm max {most}", "registered-models/search", "nothing", max_results=most)
            for most in ("1", "0", "-1", "1000", "1001", "x")
        ),
        _find("rm bad token", "registered-models/search", "nothing", page_token="bad!"),
        get(
            "rm page 1",
            "registered-models/search",
            keep={"token": "next_page_token"},
            only="registered_models.name",
            filter=_OURS,
            max_results=2,
        ),
        _find(
            "rm page 2",
            *("registered-models/search", "registered_models.name"),
            filter=_OURS,
            max_results=2,
            page_token="$token",
        ),
        *map(
            _versions,
            (
                "name='found-rm1'",
                "name != 'found-rm1'",
                "name LIKE 'found-rm%'",
                "name ILIKE 'FOUND-RM%'",
                "name IN ('found-rm1','found-m')",
                "name NOT IN ('found-rm1')",
                "run_id='$run'",
                "run_id != '$run'",
                "run_id IN ('$run')",
                "run_id IN ('$run','x')",
                "run_id LIKE '%'",
                "source_path LIKE '%%mymodel'",
                "source_path = 's3://b/k'",
                "source_path != 's3://b/k'",
                "source_path = 'runs:/$run/mymodel'",
                "source_path ILIKE 'S3%'",
                "version_number > 1",
                "version_number = 1",
                "version_number != 1",
                "version_number = '1'",
                "version_number LIKE '1'",
                "tags.k = 'v'",
                "tag.k != 'v'",
                "tags.k LIKE '%'",
                "tags.k IS NULL",
                "current_stage = 'Production'",
                "creation_timestamp > 0",
                "last_updated_timestamp > 0",
                "aliases = 'champion'",
                "description = 'x'",
                "foo = 'x'",
                "name = 'x' OR name = 'y'",
            ),
        ),
        *(
            _find(
                f"mv order {clauses}",
                *("model-versions/search", "model_versions.source"),
                filter="name = 'found-rm1'",
                order_by=clauses,
                max_results=100,
            )
            for clauses in (
                ["version_number"],
                ["version_number DESC"],
                ["creation_timestamp DESC"],
                ["last_updated_timestamp ASC"],
                ["name", "version_number DESC"],
                ["current_stage"],
                ["run_id", "version_number"],
                ["source_path"],
                ["foo"],
                ["version_number sideways"],
            )
        ),
        _find("mv default order", "model-versions/search", "model_versions.version", filter=_OURS, max_results=100),
        *(
            _find(f"mv max {most}", "model-versions/search", "nothing", max_results=most)
            for most in ("1", "0", "-1", "10000", "200000", "200001", "x")
        ),
        _find("mv bad token", "model-versions/search", "nothing", page_token="bad!"),
        get(
            "mv page 1",
            "model-versions/search",
            keep={"token": "next_page_token"},
            only="model_versions.version",
            filter="name = 'found-rm1'",
            max_results=2,
        ),
        _find(
            "mv page 2",
            *("model-versions/search", "model_versions.version"),
            filter="name = 'found-rm1'",
            max_results=2,
            page_token="$token",
        ),
    ],
)
GROUPS = (_MODELS, _VERSIONS, _STAGES, _ALIASES, _SEARCH)
