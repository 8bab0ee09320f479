"""Files by the URI of a run or of a registered model, against a real registry and a real artifact service."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import grpc
import pytest

import trivet
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_testing.artifacts import Artifacts
from trivet_testing.workspaces import unused_workspace


class Servers(Protocol):
    """Where the three services are, as the conftest of this folder has them."""

    tracking: str
    artifacts: str
    registry: str


@dataclass(frozen=True)
class Taxi:
    """The model `taxi`: versions 1 and 2 in Production and Staging, 3 in no stage; version 1 is the `champion`."""

    client: trivet.Client
    run_ids: tuple[str, ...]


@pytest.fixture(scope="module")
def taxi(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taxi]:
    """Shared by the tests that only read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRIVET_TRACKING_URL", servers.tracking)
        patch.setenv("TRIVET_ARTIFACTS_URL", servers.artifacts)
        patch.setenv("TRIVET_REGISTRY_URL", servers.registry)
        client = trivet.Client(workspace=unused_workspace())
    with client:
        yield make_taxi(client, tmp_path_factory.mktemp("taxi"))


def make_taxi(client: trivet.Client, place: Path) -> Taxi:
    run_ids = []
    for number in (1, 2, 3):
        run = client.create_run("0")
        folder = place / str(number) / "model"
        (folder / "parts").mkdir(parents=True)
        (folder / "weights").write_text(f"weights {number}", encoding="utf-8")
        (folder / "parts" / "vocabulary").write_text(f"words {number}", encoding="utf-8")
        client.log_artifact(run.info.run_id, str(folder))
        client.register_model(f"runs:/{run.info.run_id}/model", "taxi")
        run_ids.append(run.info.run_id)
    client.transition_model_version_stage("taxi", 1, "Production")
    client.transition_model_version_stage("taxi", 2, "Staging")
    client.set_registered_model_alias("taxi", "champion", 1)
    return Taxi(client, tuple(run_ids))


def weights_in(folder: str) -> str:
    return (Path(folder) / "weights").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("uri", "version"),
    [
        ("models:/taxi/3", 3),
        ("models:/taxi/Production", 1),
        ("models:/taxi/staging", 2),
        ("models:/taxi/latest", 3),
        ("models:/taxi@champion", 1),
        ("models:///taxi/2/", 2),
    ],
)
def test_version_comes_back_by_name(taxi: Taxi, tmp_path: Path, uri: str, version: int) -> None:
    place = taxi.client.download_artifacts(artifact_uri=uri, dst_path=str(tmp_path / "back"))
    assert (place, weights_in(place)) == (str(tmp_path / "back"), f"weights {version}")
    assert (Path(place) / "parts" / "vocabulary").read_text(encoding="utf-8") == f"words {version}"


@pytest.mark.parametrize("uri", ["models:/taxi/1/parts/vocabulary", "models:/taxi@champion/parts/vocabulary"])
def test_path_in_a_uri_is_a_part_of_the_version(taxi: Taxi, tmp_path: Path, uri: str) -> None:
    place = Path(taxi.client.download_artifacts(artifact_uri=uri, dst_path=str(tmp_path / "back")))
    assert place == tmp_path / "back" / "parts" / "vocabulary"
    assert place.read_text(encoding="utf-8") == "words 1"
    assert sorted(path.name for path in (tmp_path / "back").rglob("*")) == ["parts", "vocabulary"]


def test_part_of_a_version_can_be_registered(taxi: Taxi) -> None:
    copied = taxi.client.register_model("models:/taxi/Staging/parts", "words")
    assert (copied.source, copied.run_id) == ("models:/taxi/2/parts", taxi.run_ids[1])
    folder = Path(taxi.client.download_artifacts(artifact_uri="models:/words/1"))
    assert [path.name for path in folder.iterdir()] == ["vocabulary"]
    assert taxi.client.register_model(copied.source, "words").status == "READY"


def test_files_of_a_run_come_by_uri_and_by_id(
    environment: Servers, monkeypatch: pytest.MonkeyPatch, taxi: Taxi, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRIVET_WORKSPACE", taxi.client.workspace)
    run_id = taxi.run_ids[1]
    by_uri = trivet.download_artifacts(artifact_uri=f"runs:/{run_id}/model", dst_path=tmp_path / "uri")
    assert (by_uri, weights_in(by_uri)) == (str(tmp_path / "uri" / "model"), "weights 2")
    assert weights_in(trivet.download_artifacts(run_id, "model", tmp_path / "position")) == "weights 2"
    assert weights_in(trivet.download_artifacts(run_id=run_id, artifact_path="model")) == "weights 2"
    assert weights_in(str(Path(trivet.download_artifacts(artifact_uri=f"runs:/{run_id}")) / "model")) == "weights 2"


def test_version_outlives_its_run_and_the_name_of_its_model(
    client: trivet.Client, servers: Servers, tmp_path: Path
) -> None:
    taxi = make_taxi(client, tmp_path)
    run_id = taxi.run_ids[0]
    owner = client.get_model_version("taxi", 1).artifact_owner
    client.delete_run(run_id)
    with grpc.insecure_channel(servers.artifacts.removeprefix("grpc://")) as channel:
        files = Artifacts(ArtifactServiceStub(channel), client.workspace)
        assert files.delete(files.run(run_id)) == 2
    with pytest.raises(trivet.ArtifactNotFound):
        client.download_artifacts(artifact_uri=f"runs:/{run_id}/model")
    client.rename_registered_model("taxi", "cab")
    # Another model takes the name that is free again: it must not get the files of the first.
    client.register_model(f"runs:/{taxi.run_ids[2]}/model", "taxi")
    assert weights_in(client.download_artifacts(artifact_uri="models:/cab/Production")) == "weights 1"
    assert weights_in(client.download_artifacts(artifact_uri="models:/taxi/1")) == "weights 3"
    assert client.get_model_version("cab", 1).artifact_owner == owner


@pytest.mark.parametrize(
    ("uri", "error", "says"),
    [
        ("models:/taxi/Nowhere", trivet.InvalidArgument, "Nowhere"),
        ("models:/taxi/0", trivet.InvalidArgument, "models:/taxi/0 names no version: .* Production"),
        ("models:/taxi/Archived", trivet.ModelVersionNotFound, "no version in 'Archived'"),
        ("models:/taxi/4", trivet.ModelVersionNotFound, "taxi/versions/4"),
        ("models:/taxi@nobody", trivet.ModelAliasNotFound, "nobody"),
        ("models:/tram/1", trivet.ModelNotFound, "tram"),
        ("models:/tram/latest", trivet.ModelNotFound, "tram"),
        ("models:/taxi/1/nothing", trivet.ArtifactNotFound, "Version 1 of 'taxi' has no artifact 'nothing'"),
        ("models:/taxi/1/../2", trivet.InvalidArgument, "artifact path"),
        ("runs:/0192f0c1a7/nothing", trivet.ArtifactNotFound, "The run 0192f0c1a7 has no artifact 'nothing'"),
        ("s3://bucket/model", trivet.InvalidArgument, "does not keep 's3://bucket/model'"),
        ("", trivet.InvalidArgument, "does not name files"),
        ("taxi", trivet.InvalidArgument, "does not name files"),
        ("models:/taxi", trivet.InvalidArgument, "models:/NAME/VERSION"),
        ("models:/taxi@", trivet.InvalidArgument, "models:/NAME@ALIAS"),
        ("models:taxi/1", trivet.InvalidArgument, "models:/NAME/STAGE"),
        ("runs:/", trivet.InvalidArgument, "runs:/RUN_ID/PATH"),
    ],
)
def test_uri_that_leads_to_no_files_says_why(taxi: Taxi, uri: str, error: type[trivet.TrivetError], says: str) -> None:
    with pytest.raises(error, match=says):
        taxi.client.download_artifacts(artifact_uri=uri)


def test_arguments_that_do_not_go_together_are_refused(environment: object) -> None:
    with pytest.raises(trivet.InvalidArgument, match="either run_id or artifact_uri"):
        trivet.download_artifacts()
    with pytest.raises(trivet.InvalidArgument, match="either run_id or artifact_uri"):
        trivet.download_artifacts("0192f0c1a7", artifact_uri="models:/taxi/1")
    with pytest.raises(trivet.InvalidArgument, match="the end of the URI"):
        trivet.download_artifacts(artifact_uri="models:/taxi/1", artifact_path="model")
    with pytest.raises(trivet.InvalidArgument, match="mean the same"):
        trivet.download_artifacts("0192f0c1a7", "a", artifact_path="b")
    with pytest.raises(trivet.InvalidArgument, match="give it as artifact_uri"):
        trivet.download_artifacts("models:/taxi/1")


def test_version_without_files_here_says_where_they_are(client: trivet.Client) -> None:
    client.register_model("s3://bucket/model", "outside")
    with pytest.raises(trivet.ArtifactNotFound, match="s3://bucket/model"):
        client.download_artifacts(artifact_uri="models:/outside/1")
    client.create_registered_model("empty")
    with pytest.raises(trivet.ModelVersionNotFound, match="no version that is ready"):
        client.download_artifacts(artifact_uri="models:/empty/latest")


def test_version_whose_files_are_not_in_place_is_not_downloaded(client: trivet.Client) -> None:
    with pytest.raises(trivet.ModelSourceUnusable):
        client.register_model("runs:/0192f0c1a7/nothing", "broken")
    with pytest.raises(trivet.ModelVersionNotReady, match="FAILED"):
        client.download_artifacts(artifact_uri="models:/broken/1")
