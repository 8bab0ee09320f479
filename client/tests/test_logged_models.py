"""Logged models, and the datasets and models that runs used and made, by the SDK."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

import trivet

TRIPS = trivet.Dataset("trips", "1", source_type="local", source="trips.csv", schema="[]", profile="{}")


def test_a_logged_model_is_created_finalised_and_found(client: trivet.Client) -> None:
    experiment_id = client.create_experiment("taxi")
    run_id = client.create_run(experiment_id).info.run_id
    created = client.create_logged_model(
        experiment_id, "model", run_id, tags={"team": "a"}, params={"alpha": 0.5}, model_type="sklearn"
    )
    assert (created.name, created.status, created.model_type) == ("model", "PENDING", "sklearn")
    assert (created.experiment_id, created.source_run_id) == (experiment_id, run_id)
    assert (dict(created.params), dict(created.tags)) == ({"alpha": "0.5"}, {"team": "a"})
    assert created.model_uri == f"models:/{created.model_id}"
    final = client.finalize_logged_model(created.model_id, "READY")
    assert final.status == "READY"
    assert client.finalize_logged_model(created.model_id, "ready") == final
    assert client.get_logged_model(created.model_id) == final
    assert client.search_logged_models([experiment_id], f"source_run_id = '{run_id}'") == [final]
    with pytest.raises(trivet.LoggedModelFinalized):
        client.finalize_logged_model(created.model_id, "FAILED")
    with pytest.raises(trivet.InvalidArgument, match="READY or UPLOAD_FAILED"):
        client.finalize_logged_model(created.model_id, "PENDING")


def test_creating_the_same_model_again_returns_it(client: trivet.Client) -> None:
    create = client.tracking.logged_models.create
    created = create("0", name="a", model_id="m-1")
    assert create("0", name="a", model_id="m-1") == created
    with pytest.raises(trivet.LoggedModelIdTaken):
        create("0", name="b", model_id="m-1")
    with pytest.raises(trivet.InvalidArgument, match="display_name"):
        create("0", name="a/b")


def test_tags_and_params_of_a_model_change_as_those_of_runs_do(client: trivet.Client) -> None:
    model_id = client.create_logged_model("0").model_id
    client.set_logged_model_tags(model_id, {"a": 1, "b": "x"})
    client.delete_logged_model_tag(model_id, "a")
    client.log_model_params(model_id, {"lr": 0.1})
    client.log_model_params(model_id, {"lr": "0.1", "depth": 3})
    found = client.get_logged_model(model_id)
    assert (dict(found.tags), dict(found.params)) == ({"b": "x"}, {"lr": "0.1", "depth": "3"})
    with pytest.raises(trivet.ParamChanged):
        client.log_model_params(model_id, {"lr": 0.2})
    with pytest.raises(trivet.TagNotFound):
        client.delete_logged_model_tag(model_id, "a")


def test_a_deleted_model_is_not_found(client: trivet.Client) -> None:
    model_id = client.create_logged_model("0").model_id
    client.delete_logged_model(model_id)
    assert client.search_logged_models() == []
    with pytest.raises(trivet.LoggedModelNotFound):
        client.get_logged_model(model_id)
    with pytest.raises(trivet.LoggedModelNotFound):
        client.delete_logged_model(model_id)


def test_a_model_shows_what_was_logged_of_it(client: trivet.Client) -> None:
    model_id = client.create_logged_model("0").model_id
    train, judge = (client.create_run("0").info.run_id for _ in range(2))
    for step, value in enumerate((3.0, 2.0)):
        client.log_metric(train, "rmse", value, step=step, timestamp=step, model_id=model_id)
    client.log_metric(train, "rmse", 9.0)
    client.log_metric(judge, "rmse", 4.0, timestamp=5, model_id=model_id, dataset=TRIPS)
    client.log_batch(judge, [trivet.Metric("bias", math.inf, 6, 1, model_id, "trips", "2")])
    found = client.get_logged_model(model_id)
    assert found.metrics == (
        trivet.LoggedModelMetric("bias", math.inf, 6, 1, judge, "trips", "2", math.inf, math.inf),
        *sorted(
            (
                trivet.LoggedModelMetric("rmse", 4.0, 5, 0, judge, "trips", "1", 4.0, 4.0),
                trivet.LoggedModelMetric("rmse", 2.0, 1, 1, train, "", "", 2.0, 3.0),
            ),
            key=lambda metric: metric.run_id,
        ),
    )
    # Logged on a dataset, it is an input of the run.
    (used,) = (client.get_run(judge).inputs or trivet.RunInputs()).dataset_inputs
    assert used == trivet.DatasetInput(TRIPS)


def test_models_are_searched_by_what_was_measured_on_a_dataset(client: trivet.Client) -> None:
    run_id = client.create_run("0").info.run_id
    other = trivet.Dataset("trips", "2")
    ids = {}
    for name, on_trips, on_other in (("a", 1.0, 3.0), ("b", 2.0, 1.0), ("c", 3.0, 2.0)):
        ids[name] = client.create_logged_model("0", name).model_id
        client.tracking.log_metrics(run_id, {"rmse": on_trips}, timestamp=1, model_id=ids[name], dataset=TRIPS)
        client.tracking.log_metrics(run_id, {"rmse": on_other}, timestamp=2, model_id=ids[name], dataset=other)

    def names(**search: object) -> str:
        return "".join(model.name for model in client.tracking.logged_models.search(**search))  # type: ignore[arg-type] # its arguments

    selector = {"dataset_name": "trips", "dataset_digest": "1"}
    assert names(order_by="metrics.rmse") == "bca"  # the last measured
    assert names(order_by=[{"field_name": "metrics.rmse", **selector}]) == "abc"
    assert names(order_by=[{"field_name": "metrics.rmse", "ascending": False, **selector}]) == "cba"
    assert names(filter_string="metrics.rmse < 2", order_by=["name"]) == "ab"
    assert names(filter_string="metrics.rmse < 2", datasets=[selector]) == "a"
    assert names(filter_string="metrics.rmse < 9", datasets=[{"dataset_name": "never"}]) == ""
    first = client.search_logged_models(order_by=["name"], max_results=2)
    assert [model.name for model in first] == ["a", "b"]
    rest = client.search_logged_models(order_by=["name"], page_token=first.token)
    assert [model.name for model in rest] == ["c"]
    with pytest.raises(trivet.InvalidArgument, match="all as texts"):
        names(order_by=["name", {"field_name": "metrics.rmse"}])
    with pytest.raises(trivet.InvalidArgument, match="no field_name"):
        names(order_by=[{"ascending": True}])
    with pytest.raises(trivet.FilterInvalid):
        names(filter_string="status = 'LOST'")
    with pytest.raises(trivet.OrderByInvalid):
        names(order_by=[{"field_name": "nobody"}])


def test_a_run_shows_what_it_used_and_made(client: trivet.Client) -> None:
    run_id = client.create_run("0").info.run_id
    used = trivet.DatasetInput(TRIPS, {"mlflow.data.context": "training"})
    for _ in range(2):
        client.log_inputs(run_id, [used], [trivet.LoggedModelInput("m-1")])
        client.log_outputs(run_id, [trivet.LoggedModelOutput("m-2", 3)])
    run = client.get_run(run_id)
    assert run.inputs == trivet.RunInputs((used,), (trivet.LoggedModelInput("m-1"),))
    assert run.outputs == trivet.RunOutputs((trivet.LoggedModelOutput("m-2", 3),))
    (listed,) = client.search_runs("0", "datasets.context = 'training'")
    assert (listed.inputs, listed.outputs) == (None, None)
    assert client.tracking.search_runs(with_inputs=True) == [run]
    assert client.search_datasets("0") == [trivet.DatasetSummary("0", "trips", "1", "training")]
    assert client.flush() == trivet.Receipt(6, 6, 0)


def test_many_inputs_go_in_several_messages(client: trivet.Client) -> None:
    run_id = client.create_run("0").info.run_id
    client.log_inputs(run_id, [trivet.DatasetInput(trivet.Dataset(f"d{number:04}", "1")) for number in range(2500)])
    run = client.get_run(run_id)
    assert run.inputs is not None
    assert len(run.inputs.dataset_inputs) == 2500
    assert client.flush().refused == 0


@pytest.mark.parametrize(
    ("dataset", "says"),
    [
        (trivet.Dataset("", "1"), "name must have"),
        (trivet.Dataset("a", ""), "digest must have"),
        (trivet.Dataset("x" * 501, "1"), "501 characters"),
        (trivet.Dataset("a\nb", "1"), "control characters"),
        (trivet.Dataset("a", "x" * 65), "65 characters"),
        (trivet.Dataset("a", "1", source="x" * 65_536), "65536 bytes"),
        (trivet.Dataset("a", "1", schema="x" * 1_048_576), "1048576 bytes"),
        (trivet.Dataset("a", "1", source_type="x" * 251), "251 characters"),
    ],
)
def test_what_no_server_takes_is_refused_at_the_call(client: trivet.Client, dataset: trivet.Dataset, says: str) -> None:
    run_id = client.create_run("0").info.run_id
    with pytest.raises(trivet.InvalidArgument, match=says):
        client.log_inputs(run_id, [trivet.DatasetInput(TRIPS), trivet.DatasetInput(dataset)])
    with pytest.raises(trivet.InvalidArgument, match=says):
        client.log_metric(run_id, "rmse", 1.0, dataset=dataset)
    run = client.get_run(run_id)
    assert (run.inputs, dict(run.data.metrics)) == (trivet.RunInputs(), {})


def test_bad_ids_and_tags_are_refused_at_the_call(client: trivet.Client) -> None:
    run_id = client.create_run("0").info.run_id
    calls: list[Callable[[], None]] = [
        lambda: client.log_inputs(run_id, models=[trivet.LoggedModelInput("a b")]),
        lambda: client.log_outputs(run_id, [trivet.LoggedModelOutput("m-1"), trivet.LoggedModelOutput("")]),
        lambda: client.log_metric(run_id, "rmse", 1.0, model_id="a/b"),
        lambda: client.log_inputs(run_id, [trivet.DatasetInput(TRIPS, {"": "1"})]),
        lambda: client.log_inputs(run_id, [trivet.DatasetInput(TRIPS, {"a": "x" * 501})]),
    ]
    for log in calls:
        with pytest.raises(trivet.InvalidArgument):
            log()
    run = client.get_run(run_id)
    assert (run.inputs, run.outputs) == (trivet.RunInputs(), trivet.RunOutputs())


def test_files_of_a_logged_model_go_there_and_come_back(client: trivet.Client, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}\n", encoding="utf-8")
    (folder / "data" / "weights").write_bytes(b"\0" * 100_000)
    model = client.create_logged_model("0")
    client.log_model_artifacts(model.model_id, str(folder))
    client.log_model_artifact(model.model_id, str(folder / "MLmodel"), "copy")
    client.finalize_logged_model(model.model_id, "READY")
    listed = client.list_logged_model_artifacts(model.model_id)
    assert [(file.path, file.is_dir) for file in listed] == [("MLmodel", False), ("copy", True), ("data", True)]
    place = Path(client.download_artifacts(artifact_uri=model.model_uri, dst_path=str(tmp_path / "all")))
    assert (place / "data" / "weights").read_bytes() == b"\0" * 100_000
    part = client.download_artifacts(artifact_uri=f"{model.model_uri}/copy/MLmodel")
    assert Path(part).read_text(encoding="utf-8") == "flavors: {}\n"
    with pytest.raises(trivet.ArtifactNotFound):
        client.download_artifacts(artifact_uri=f"{model.model_uri}/nothing")


def test_a_logged_model_is_registered_by_its_uri(client: trivet.Client, tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {}\n", encoding="utf-8")
    model = client.create_logged_model("0")
    client.log_model_artifact(model.model_id, str(tmp_path / "MLmodel"))
    version = client.register_model(model.model_uri, "taxi")
    assert (version.status, version.verified) == ("READY", True)
    assert Path(client.download_artifacts(artifact_uri="models:/taxi/1/MLmodel")).read_text(encoding="utf-8")


def test_the_fluent_functions_do_the_same_in_the_active_run(environment: object) -> None:
    trivet.set_experiment("taxi")
    outside = trivet.initialize_logged_model("outside")
    assert outside.source_run_id == ""
    with trivet.start_run() as run:
        trivet.log_input(TRIPS, context="training", tags={"split": 1})
        trivet.log_input(model=trivet.LoggedModelInput(outside.model_id))
        model = trivet.initialize_logged_model("model", params={"alpha": 1})
        trivet.log_outputs([trivet.LoggedModelOutput(model.model_id)])
        trivet.log_metric("rmse", 1.5, model_id=model.model_id, dataset=TRIPS)
        trivet.log_metrics({"mae": 1.0}, model_id=model.model_id)
        trivet.log_model_params({"depth": 2}, model.model_id)
        trivet.set_logged_model_tags(model.model_id, {"a": "1", "b": "2"})
        trivet.delete_logged_model_tag(model.model_id, "a")
        trivet.finalize_logged_model(model.model_id, "READY")
    found = trivet.get_logged_model(model.model_id)
    assert (found.source_run_id, found.experiment_id) == (run.info.run_id, run.info.experiment_id)
    assert [(metric.key, metric.dataset_name) for metric in found.metrics] == [("mae", ""), ("rmse", "trips")]
    assert (dict(found.params), dict(found.tags)) == ({"alpha": "1", "depth": "2"}, {"b": "2"})
    ended = trivet.get_run(run.info.run_id)
    used = trivet.DatasetInput(TRIPS, {"mlflow.data.context": "training", "split": "1"})
    assert ended.inputs == trivet.RunInputs((used,), (trivet.LoggedModelInput(outside.model_id),))
    assert ended.outputs == trivet.RunOutputs((trivet.LoggedModelOutput(model.model_id),))
    assert [model.name for model in trivet.search_logged_models(order_by=["name"])] == ["model", "outside"]
    assert trivet.search_logged_models(filter_string="metrics.rmse < 2", datasets=[{"dataset_name": "trips"}]) == [
        found
    ]


def test_several_inputs_have_a_context_each(environment: object) -> None:
    other = trivet.Dataset("zones", "1")
    with trivet.start_run() as run:
        trivet.log_inputs([TRIPS, other], ["training", None], [None, {"a": "b"}])
        with pytest.raises(trivet.InvalidArgument, match="for each dataset"):
            trivet.log_inputs([TRIPS, other], ["training"])
        with pytest.raises(trivet.InvalidArgument, match="a dataset or a model"):
            trivet.log_input()
    inputs = trivet.get_run(run.info.run_id).inputs
    assert inputs is not None
    assert [dict(used.tags) for used in inputs.dataset_inputs] == [{"mlflow.data.context": "training"}, {"a": "b"}]


def test_logged_models_are_in_the_tree_of_their_run(client: trivet.Client, tmp_path: Path) -> None:
    experiment_id = client.create_experiment("tree")
    run_id = client.create_run(experiment_id).info.run_id
    file = tmp_path / "MLmodel"

    def made(content: str) -> str:
        file.write_text(content, encoding="utf-8")
        return str(file)

    older, newer, _ = (
        client.create_logged_model(experiment_id, name, run_id).model_id for name in ("model", "model", "other")
    )
    client.log_model_artifact(older, made("older"))
    client.log_model_artifact(newer, made("newer"))
    client.log_model_artifact(newer, made("deep"), "code")
    client.log_artifact(run_id, made("of the run"), "model")
    client.log_artifact(run_id, made("own"), "model/own")
    client.log_artifact(run_id, made("notes"), "notes")

    def listed(path: str | None = None) -> list[tuple[str, int | None]]:
        return [(info.path, info.file_size) for info in client.list_artifacts(run_id, path)]

    assert listed() == [("model", None), ("notes", None), ("other", None)]
    assert listed("model") == [("model/MLmodel", len("newer")), ("model/code", None), ("model/own", None)]
    assert listed("model/code") == [("model/code/MLmodel", len("deep"))]
    assert listed("model/own") == [("model/own/MLmodel", len("own"))]
    assert listed("other") == listed("never") == listed("never/code") == []
    assert [info.path for info in client.artifacts.list_artifacts(run_id)] == ["model", "notes"]
    place = client.download_artifacts(run_id, "model/code/MLmodel", str(tmp_path / "one"))
    assert Path(place).read_text(encoding="utf-8") == "deep"
    folder = client.download_artifacts(artifact_uri=f"runs:/{run_id}/model/code", dst_path=str(tmp_path / "folder"))
    assert [path.name for path in Path(folder).iterdir()] == ["MLmodel"]
    for missing in ("never", "model/never", "other/x"):
        with pytest.raises(trivet.ArtifactNotFound):
            client.download_artifacts(run_id, missing)
    assert listed("it's") == listed('"') == []
    client.delete_logged_model(newer)
    assert listed("model")[0] == ("model/MLmodel", len("older"))
