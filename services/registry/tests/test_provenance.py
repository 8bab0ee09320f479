"""What versions were made of, how they are found by it, and what copies keep of it."""

from __future__ import annotations

import grpc
import pytest

from trivet_proto.registry.v1.model_version_pb2 import ModelDataset, ModelSignature, ModelSource, ModelVersion
from trivet_testing.errors import error_of
from trivet_testing.registry import Registry, number_of

SIGNATURE = ModelSignature(inputs='[{"type": "long", "name": "ä"}]', outputs='[{"type": "double"}]', params="[]")


def made_of(registry: Registry, *datasets: tuple[str, str], run: str = "r1") -> ModelVersion:
    return ModelVersion(
        source=ModelSource(
            external_uri="s3://bucket/model",
            run=f"{registry.parent}/runs/{run}",
            logged_model=f"{registry.parent}/loggedModels/m-{run}",
            commit="0c1a7",
            datasets=[ModelDataset(name=name, digest=digest, context="training") for name, digest in datasets],
        ),
        signature=SIGNATURE,
        description="# words",
        tags={"a": "b"},
    )


def test_what_a_version_was_made_of_is_kept(registry: Registry) -> None:
    registry.create_model("taxi")
    given = made_of(registry, ("z", "1"), ("green", "2"), ("green", "3"))
    created = registry.register("taxi", given)
    assert (created.source, created.signature) == (given.source, SIGNATURE)
    assert registry.get_version("taxi", 1) == created
    assert registry.search_versions() == [created]
    assert not registry.create_version("taxi").HasField("signature")


def test_versions_are_found_by_run_logged_model_and_dataset(registry: Registry) -> None:
    registry.create_model("taxi")
    registry.register("taxi", made_of(registry, ("green", "1"), ("yellow", "1")))
    registry.register("taxi", made_of(registry, ("green", "2"), run="r2"))
    registry.register("taxi", made_of(registry, run="r3"))

    def found(text: str) -> list[int]:
        return [number_of(version) for version in registry.search_versions(text, "version_number")]

    assert found("run_id = 'r2'") == [2]
    assert found("run_id IN ('r1', 'r3')") == [1, 3]
    assert found("logged_model_id = 'm-r3'") == [3]
    assert found("datasets.name = 'green'") == [1, 2]
    assert found("dataset.name = 'green' AND dataset.digest = '2'") == [2]
    assert found("datasets.name LIKE 'yel%' AND datasets.context = 'training'") == [1]
    assert found("datasets.name != 'green'") == [1]
    assert found("NOT datasets.name = 'green'") == [3]
    assert found("datasets.name IS NULL") == [3]
    assert found("datasets.digest IS NOT NULL") == [1, 2]
    registry.delete_version("taxi", 1)
    assert found("datasets.name = 'green'") == [2]


@pytest.mark.parametrize(
    ("source", "signature", "reason", "field"),
    [
        (ModelSource(commit="x" * 251), {}, "FIELD_TOO_LONG", "source.commit"),
        (ModelSource(commit="a\nb"), {}, "FIELD_INVALID", "source.commit"),
        (ModelSource(datasets=[ModelDataset(digest="1")]), {}, "FIELD_REQUIRED", "source.datasets[0].name"),
        (ModelSource(datasets=[ModelDataset(name="a")]), {}, "FIELD_REQUIRED", "source.datasets[0].digest"),
        (
            ModelSource(datasets=[ModelDataset(name="a", digest="x" * 37)]),
            {},
            "FIELD_TOO_LONG",
            "source.datasets[0].digest",
        ),
        (
            ModelSource(datasets=[ModelDataset(name="a", digest="1")] * 2),
            {},
            "FIELD_INVALID",
            "source.datasets[1]",
        ),
        (
            ModelSource(datasets=[ModelDataset(name="a", digest=str(number)) for number in range(101)]),
            {},
            "FIELD_INVALID",
            "source.datasets",
        ),
        (ModelSource(), {"inputs": "{"}, "FIELD_INVALID", "signature.inputs"),
        (ModelSource(), {"outputs": "[" * 30_000}, "FIELD_INVALID", "signature.outputs"),
        (ModelSource(), {"params": '"' + "x" * 65_536 + '"'}, "FIELD_TOO_LONG", "signature.params"),
    ],
)
def test_a_bad_provenance_is_refused(
    registry: Registry, source: ModelSource, signature: dict[str, str], reason: str, field: str
) -> None:
    registry.create_model("taxi")
    version = ModelVersion(source=source, signature=ModelSignature(**signature))
    version.source.external_uri = "s3://a"
    failure = error_of(lambda: registry.register("taxi", version))
    assert (failure.reason, failure.fields) == (reason, (f"model_version.{field}",))
    assert registry.search_versions() == []


def test_a_copy_keeps_what_the_version_was_made_of(registry: Registry) -> None:
    registry.create_model("taxi")
    origin = registry.register("taxi", made_of(registry, ("green", "1")))
    registry.move("taxi", 1, "Production")
    registry.set_alias("taxi", "champion", 1)
    copied = registry.copy_version("taxi", 1, "prod taxi")
    assert copied.name == registry.version_name("prod taxi", 1)
    assert (copied.stage, list(copied.aliases), copied.copied_from) == ("None", [], origin.name)
    assert (copied.source, copied.signature) == (origin.source, origin.signature)
    assert (copied.description, copied.tags, copied.verified) == (origin.description, origin.tags, False)
    assert registry.get_version("prod taxi", 1) == copied
    # Into a model that is there, the same one too; what is copied may itself be a copy.
    assert registry.copy_version("prod taxi", 1, "taxi").name == registry.version_name("taxi", 2)
    assert registry.get_version("taxi", 2).copied_from == copied.name
    assert number_of(registry.copy_version("taxi", 1, "taxi")) == 3
    for model in ("taxi", "prod taxi"):
        assert list(registry.verify(model).faults) == []


def test_a_copy_is_made_once_for_a_request_id(registry: Registry) -> None:
    registry.create_model("taxi")
    registry.create_version("taxi")
    request_id = "1d3b7c12-0bd4-4f0b-8a5c-0f3b1f4a9b7e"
    first = registry.copy_version("taxi", 1, "cab", request_id)
    assert registry.copy_version("taxi", 1, "cab", request_id) == first
    assert error_of(lambda: registry.copy_version("taxi", 1, "taxi", request_id)).reason == "REQUEST_ID_REUSED"
    assert len(registry.search_versions()) == 2


def test_what_cannot_be_copied_leaves_no_model_behind(registry: Registry) -> None:
    registry.create_model("taxi")
    name = registry.link_version("taxi", f"{registry.parent}/runs/r1").name
    failure = error_of(lambda: registry.copy_version("taxi", 1, "cab"))
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "MODEL_VERSION_NOT_READY")
    assert failure.metadata == {"name": name, "state": "PENDING"}
    assert error_of(lambda: registry.copy_version("taxi", 2, "cab")).reason == "MODEL_VERSION_NOT_FOUND"
    failure = error_of(lambda: registry.copy_version("bus", 1, "cab"))
    assert (failure.reason, failure.metadata["name"]) == ("MODEL_NOT_FOUND", registry.model_name("bus"))
    assert [model.name for model in registry.search_models()] == [registry.model_name("taxi")]
