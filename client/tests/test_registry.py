"""Registered models against a real registry and a real artifact service."""

from __future__ import annotations

from pathlib import Path

import pytest

import trivet


@pytest.fixture
def model_uri(environment: object, tmp_path: Path) -> str:
    """A run with a model in it."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_bytes(b"weights")
    with trivet.start_run() as run:
        trivet.log_artifact(tmp_path / "model")
    return f"runs:/{run.info.run_id}/model"


def test_model_is_registered_and_promoted(model_uri: str) -> None:
    first = trivet.register_model(model_uri, "taxi", tags={"team": "a"})
    second = trivet.register_model(model_uri, "taxi")
    assert (first.version, first.status, first.current_stage, first.verified) == (1, "READY", "None", True)
    assert (first.source, first.tags) == (model_uri, {"team": "a"})
    assert first.run_id in model_uri
    assert second.version == 2
    trivet.transition_model_version_stage("taxi", 1, "Production")
    moved = trivet.transition_model_version_stage("taxi", "2", "production", archive_existing_versions=True)
    assert moved.current_stage == "Production"
    assert [(version.version, version.current_stage) for version in trivet.get_latest_versions("taxi")] == [
        (2, "Production"),
        (1, "Archived"),
    ]
    assert [version.version for version in trivet.get_latest_versions("taxi", stages=["Production"])] == [2]
    assert trivet.update_model_version("taxi", 2, description="The best so far.").description == "The best so far."
    (model,) = trivet.list_registered_models()
    assert (model.name, [version.version for version in model.latest_versions]) == ("taxi", [2, 1])


def test_model_can_be_registered_from_a_version_a_stage_and_an_alias(model_uri: str) -> None:
    with trivet.Client() as client:
        client.register_model(model_uri, "taxi")
        client.transition_model_version_stage("taxi", 1, "Staging")
        client.set_registered_model_alias("taxi", "champion", 1)
        for uri in ("models:/taxi/1", "models:/taxi/Staging", "models:/taxi/latest", "models:/taxi@champion"):
            copied = client.register_model(uri, "copy")
            assert (copied.status, copied.run_id) == ("READY", client.get_model_version("taxi", 1).run_id)
        assert client.get_model_version("copy", 4).source == "models:/taxi/1"
        assert client.get_model_version_by_alias("taxi", "champion").aliases == ("champion",)
        client.delete_registered_model_alias("taxi", "champion")
        with pytest.raises(trivet.ModelAliasNotFound):
            client.get_model_version_by_alias("taxi", "champion")


def test_source_that_is_a_logged_model_can_be_registered_again(client: trivet.Client, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"weights")
    model_id = client.create_logged_model("0").model_id
    client.log_model_artifact(model_id, str(tmp_path / "weights"), "parts")
    version = client.register_model(f"models:/{model_id}/parts", "taxi")
    assert version.source == f"models:/{model_id}/parts"
    again = client.register_model(version.source, "taxi")
    assert (again.version, again.manifest_sha256) == (2, version.manifest_sha256)


def test_source_outside_is_kept_as_given(client: trivet.Client) -> None:
    version = client.register_model("s3://bucket/model", "outside")
    assert (version.source, version.status, version.verified) == ("s3://bucket/model", "READY", False)


def test_source_without_files_is_unusable(client: trivet.Client) -> None:
    with pytest.raises(trivet.ModelSourceUnusable):
        client.register_model("runs:/0192f0c1a7/nothing", "taxi")


@pytest.mark.parametrize("uri", ["", "runs:/", "models:/taxi", "run/model", "/home/model", "models:/a@"])
def test_uri_of_no_model_says_which_there_are(client: trivet.Client, uri: str) -> None:
    with pytest.raises(trivet.InvalidArgument, match="runs:/RUN_ID/PATH"):
        client.register_model(uri, "taxi")


def test_models_are_made_found_changed_and_deleted(client: trivet.Client) -> None:
    client.create_registered_model("taxi", tags={"team": "a"}, description="one")
    client.create_registered_model("tram")
    with pytest.raises(trivet.ModelNameTaken):
        client.create_registered_model("taxi")
    assert [model.name for model in client.search_registered_models("tags.team = 'a'")] == ["taxi"]
    assert [model.name for model in client.search_registered_models(order_by=["name DESC"])] == ["tram", "taxi"]
    assert client.update_registered_model("taxi", description="two").description == "two"
    assert client.rename_registered_model("taxi", "cab").tags == {"team": "a"}
    with pytest.raises(trivet.ModelNotFound):
        client.get_registered_model("taxi")
    client.delete_registered_model("cab")
    assert [model.name for model in client.list_registered_models()] == ["tram"]


def test_versions_are_found_changed_and_deleted(client: trivet.Client) -> None:
    for _ in range(3):
        client.register_model("s3://bucket/model", "taxi")
    client.set_model_version_tag("taxi", 2, "kind", "best")
    assert [version.version for version in client.search_model_versions("tags.kind = 'best'")] == [2]
    assert [
        version.version for version in client.search_model_versions("name = 'taxi'", order_by=["version_number ASC"])
    ] == [1, 2, 3]
    client.delete_model_version("taxi", 2)
    with pytest.raises(trivet.ModelVersionNotFound):
        client.get_model_version("taxi", 2)
    with pytest.raises(trivet.InvalidArgument):
        client.transition_model_version_stage("taxi", 1, "Nowhere")
    with pytest.raises(trivet.InvalidArgument, match="numbers from 1 up"):
        client.get_model_version("taxi", "latest")
