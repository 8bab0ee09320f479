"""Bad input to files and models: a table of what is asked for, and the error; what was there stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import trivet
from trivet_testing.servers import free_port

RUN = "0192f0c1a7f5700080000000000000aa"
Ask = Callable[[trivet.Client, Path], object]

TABLE: dict[str, tuple[Ask, type[Exception], str]] = {
    "artifact path that climbs": (
        lambda client, folder: client.log_artifact(RUN, str(folder / "file"), "../x"),
        trivet.InvalidArgument,
        r"artifact path '\.\./x'",
    ),
    "artifact path that is absolute": (
        lambda client, folder: client.log_artifact(RUN, str(folder / "file"), "/etc"),
        trivet.InvalidArgument,
        "artifact path '/etc'",
    ),
    "download of a path that climbs": (
        lambda client, folder: client.download_artifacts(RUN, "../model", str(folder / "back")),
        trivet.InvalidArgument,
        r"artifact path '\.\./model'",
    ),
    "file that is not here": (
        lambda client, folder: client.log_artifact(RUN, str(folder / "missing")),
        FileNotFoundError,
        "missing",
    ),
    "artifact that is not there": (
        lambda client, folder: client.download_artifacts(RUN, "model/missing", str(folder / "back")),
        trivet.ArtifactNotFound,
        "model/missing",
    ),
    "file where a folder of artifacts is": (
        lambda client, folder: client.log_artifact(RUN, str(folder / "model")),
        trivet.FailedPrecondition,
        "has a folder at 'model'",
    ),
    "run id that can be none": (
        lambda client, folder: client.log_artifact("../runs", str(folder / "file")),
        trivet.InvalidArgument,
        "run",
    ),
    "unknown stage": (
        lambda client, _: client.transition_model_version_stage("taxi", 1, "Live"),
        trivet.InvalidArgument,
        "stage must be one of None, Staging, Production, Archived",
    ),
    "version of another model": (
        lambda client, _: client.transition_model_version_stage("taxi", 2, "Production"),
        trivet.ModelVersionNotFound,
        "taxi",
    ),
    "alias of a version of another model": (
        lambda client, _: client.set_registered_model_alias("taxi", "champion", 2),
        trivet.ModelVersionNotFound,
        "taxi",
    ),
    "alias that is a word of its own": (
        lambda client, _: client.set_registered_model_alias("taxi", "latest", 1),
        trivet.InvalidArgument,
        "latest",
    ),
    "version that is no number": (
        lambda client, _: client.get_model_version("taxi", "one"),
        trivet.InvalidArgument,
        "one",
    ),
    "model that is not there": (
        lambda client, _: client.get_latest_versions("tram"),
        trivet.ModelNotFound,
        "tram",
    ),
    "model of a folder without files": (
        lambda client, _: client.register_model(f"runs:/{RUN}/nothing", "bus"),
        trivet.ModelSourceUnusable,
        "no files|nothing",
    ),
    "model of another workspace's run": (
        lambda client, _: client.register_model("models:/tram/1", "taxi"),
        trivet.NotFound,
        "tram",
    ),
    "model with a name that can be none": (
        lambda client, _: client.create_registered_model("a/b"),
        trivet.InvalidArgument,
        "a/b",
    ),
}


def seen(client: trivet.Client) -> object:
    """Everything of files and ready models that the client can see."""
    return (
        client.list_artifacts(RUN),
        client.list_artifacts(RUN, "model"),
        [
            (model.name, model.description, model.tags)
            for model in client.search_registered_models()
            if model.name != "bus"
        ],
        [version for version in client.search_model_versions() if version.status != "FAILED"],
    )


@pytest.mark.parametrize("case", TABLE)
def test_bad_input_says_what_is_wrong_and_changes_nothing(client: trivet.Client, tmp_path: Path, case: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "weights").write_text("w")
    (tmp_path / "model").write_text("not the folder")
    client.log_artifact(RUN, str(tmp_path / "weights"), "model")
    client.register_model(f"runs:/{RUN}/model", "taxi")
    for _ in range(2):
        client.register_model(f"runs:/{RUN}/model", "cab")
    before = seen(client)
    ask, error, says = TABLE[case]
    with pytest.raises(error, match=says):
        ask(client, tmp_path)
    assert seen(client) == before
    assert not any((tmp_path / "back").rglob("*"))


def test_services_that_are_away_are_named(
    client: trivet.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    port = free_port()
    asks: dict[str, Callable[[trivet.Client], object]] = {
        "ARTIFACTS": lambda away: away.log_artifact(RUN, str(tmp_path / "file")),
        "REGISTRY": lambda away: away.get_latest_versions("taxi"),
    }
    for service, ask in asks.items():
        with monkeypatch.context() as patched:
            patched.setenv(f"TRIVET_{service}_URL", f"grpc://127.0.0.1:{port}")
            with trivet.Client() as away, pytest.raises(trivet.ServerUnavailable, match=f"127.0.0.1:{port}"):
                ask(away)
    assert client.list_artifacts(RUN) == []
