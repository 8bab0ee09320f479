"""What is logged to a run as objects: numbers, texts, mappings, figures, images, tables, histograms, datasets."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import polars as pl
import pyarrow.parquet
import pytest
import yaml
from matplotlib.figure import Figure
from PIL import Image

import trivet
from trivet.data import from_file, from_numpy, from_pandas, from_polars, from_uri

pytestmark = pytest.mark.usefixtures("environment")

mpl.use("agg")


def read(path: str) -> bytes:
    run = trivet.active_run()
    assert run is not None
    return run.artifacts.read(path)


def tags() -> dict[str, str]:
    run = trivet.active_run()
    assert run is not None
    return dict(trivet.get_run(run.info.run_id).tags)


# --- numbers


def test_numbers_are_logged_together_and_by_their_path() -> None:
    with trivet.start_run() as run:
        run.log({"a": 1, "val": {"loss": np.float32(0.5), "by": {"x": True}}}, step=3)
        trivet.log({"a": 2}, step=4, timestamp=1_700_000_000_000)
        read_back = trivet.get_run(run.info.run_id)
        assert read_back.metrics == {"a": 2.0, "val/loss": 0.5, "val/by/x": 1.0}
        assert trivet.get_metric_history(run.info.run_id, "a")[1].timestamp == 1_700_000_000_000
        history = run.history("a")
    assert history.steps.tolist() == [3, 4]
    assert len(history) == 2
    frame = read_back.history("a", min_step=4).to_pandas()
    assert frame.to_dict("records") == [
        {"step": 4, "timestamp": pd.Timestamp(datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)), "value": 2.0}
    ]
    assert len(read_back.history("never")) == 0


@pytest.mark.parametrize(
    ("value", "way"),
    [
        ("text", "log_text"),
        (Figure(), "log_figure"),
        (pd.DataFrame({"a": [1]}), "log_table"),
        (np.zeros(3), "log_histogram"),
        (None, "log_dict"),
    ],
)
def test_what_is_no_number_names_what_logs_it_and_nothing_is_logged(value: object, way: str) -> None:
    with trivet.start_run() as run:
        with pytest.raises(trivet.InvalidArgument, match=way):
            run.log({"fine": 1, "inner": {"odd": value}})
        assert trivet.get_run(run.info.run_id).metrics == {}


# --- files


def test_texts_and_mappings_are_files() -> None:
    content = {"a": [1, np.int64(2)], "when": datetime(2026, 1, 2, tzinfo=UTC), "ü": np.arange(2)}
    with trivet.start_run() as run:
        trivet.log_text("grüße\n", "notes/first.txt")
        trivet.log_dict(content, "config.json")
        trivet.log_dict({"b": {"c": 1}}, "deep/config.yaml")
        trivet.log_text("other", "notes/first.txt")
        assert read("notes/first.txt") == b"other"
        assert json.loads(read("config.json")) == {"a": [1, 2], "when": "2026-01-02T00:00:00+00:00", "ü": [0, 1]}
        assert yaml.safe_load(read("deep/config.yaml")) == {"b": {"c": 1}}
        assert [file.path for file in run.artifacts] == ["config.json", "deep/config.yaml", "notes/first.txt"]
        assert [file.path for file in run.artifacts.list("notes")] == ["notes/first.txt"]


def test_numbers_that_json_has_not_are_texts_in_files_and_nothing_in_tables() -> None:
    with trivet.start_run():
        trivet.log_dict({"loss": float("nan"), "all": [np.float64("inf"), -np.inf]}, "a.json")
        trivet.log_table(pd.DataFrame({"a": [1.5, None]}), "t.json")
        for file in ("a.json", "t.json"):
            json.loads(read(file), parse_constant=pytest.fail)
        assert json.loads(read("a.json")) == {"loss": "NaN", "all": ["Infinity", "-Infinity"]}
        assert json.loads(read("t.json")) == {"columns": ["a"], "data": [[1.5], [None]]}


def test_a_client_logs_to_the_run_that_is_named(tmp_path: Path) -> None:
    client = trivet.Client()
    run = client.create_run("0")
    client.log_text(run.info.run_id, "hello", "a.txt")
    client.log_table(run.info.run_id, {"a": [1]}, "t.csv")
    assert client.get_run(run.info.run_id).artifacts.read("t.csv") == b"a\r\n1\r\n"
    where = client.get_run(run.info.run_id).artifacts.download(dst_path=str(tmp_path))
    assert Path(where, "a.txt").read_text(encoding="utf-8") == "hello"


def test_figures_are_files_of_the_format_in_their_name() -> None:
    figure = Figure()
    figure.subplots().plot([1, 2, 3])
    bars = go.Figure(go.Bar(y=[1, 2]))
    with trivet.start_run():
        trivet.log_figure(figure, "plots/line.png", save_kwargs={"dpi": 50})
        trivet.log_figure(figure, "line.svg")
        trivet.log_figure(bars, "bars.html")
        trivet.log_figure(bars, "bars.json")
        assert Image.open(io.BytesIO(read("plots/line.png"))).size == (320, 240)
        assert b"<svg" in read("line.svg")
        page = read("bars.html")
        assert b"<html" in page
        assert b'src="https://cdn' not in page
        assert json.loads(read("bars.json"))["data"][0]["y"] == [1, 2]


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (np.array([[0, 255]], np.uint8), [(0,), (255,)]),
        (np.array([[[0.0], [1.0]]]), [(0,), (255,)]),
        (np.array([[True, False]]), [(255,), (0,)]),
        ([[[1, 2, 3], [4, 5, 6]]], [(1, 2, 3), (4, 5, 6)]),
        (np.array([[[0.0, 0.2, 1.0, 0.4]]], np.float32), [(0, 51, 255, 102)]),
        (Image.new("RGB", (1, 1), (7, 8, 9)), [(7, 8, 9)]),
    ],
    ids=["grey", "one-channel", "booleans", "lists", "fractions", "pillow"],
)
def test_images_are_written_without_loss(pixels: object, expected: list[tuple[int, ...]]) -> None:
    with trivet.start_run():
        trivet.log_image(pixels, "image.png")
        image = Image.open(io.BytesIO(read("image.png")))
    array = np.asarray(image).reshape(len(expected), -1)
    assert [tuple(row) for row in array.tolist()] == expected


def test_images_and_histograms_of_a_series_have_a_file_a_step() -> None:
    with trivet.start_run() as run:
        for step in range(2):
            trivet.log_image(np.zeros((2, 2), np.uint8), key="val/sample", step=step, timestamp=5)
            trivet.log_histogram("grad/w", np.array([[0.0, 1.0, 2.0, np.nan]]), step=step, bins=2)
        trivet.log_histogram("given", ([1, 2], [0.0, 0.5, 1.0]))
        files = [file.path for file in run.artifacts]
        images = [file for file in files if file.startswith("images/val#sample+step+")]
        assert [file.split("+timestamp+")[0] for file in images] == [f"images/val#sample+step+{n}" for n in range(2)]
        assert all("+timestamp+5+" in file and file.endswith(".png") for file in images)
        histograms = [file for file in files if file.startswith("histograms/grad#w+step+1+")]
        assert json.loads(read(histograms[0])) == {"counts": [1, 2], "edges": [0.0, 1.0, 2.0], "not_finite": 1}
        (given,) = [file for file in files if file.startswith("histograms/given")]
        assert json.loads(read(given))["counts"] == [1.0, 2.0]
        assert tags()["mlflow.loggedImages"] == "True"


def test_rows_are_added_to_a_table_that_is_there() -> None:
    with trivet.start_run():
        trivet.log_table({"q": ["a"], "score": [0.5]}, "eval/t.json")
        trivet.log_table(pd.DataFrame({"q": ["b"], "score": [np.float64(1)]}), "eval/t.json")
        trivet.log_table(pl.DataFrame({"q": ["c"], "note": ["new"]}), "eval/t.json")
        trivet.log_table({"x": 1}, "other.json")
        assert json.loads(read("eval/t.json")) == {
            "columns": ["q", "score", "note"],
            "data": [["a", 0.5, None], ["b", 1.0, None], ["c", None, "new"]],
        }
        assert json.loads(tags()["mlflow.loggedArtifacts"]) == [
            {"path": "eval/t.json", "type": "table"},
            {"path": "other.json", "type": "table"},
        ]
        trivet.log_table({"a": [1, 2], "b": ["x", None]}, "t.parquet")
        table = pyarrow.parquet.read_table(io.BytesIO(read("t.parquet")))
        assert table.to_pydict() == {"a": [1, 2], "b": ["x", None]}


BAD: dict[str, tuple[Callable[[], None], str]] = {
    "json": (lambda: trivet.log_dict({"a": object()}, "a.json"), "JSON"),
    "yaml": (lambda: trivet.log_dict({"a": object()}, "a.yaml"), "YAML"),
    "no-file": (lambda: trivet.log_text("a", ""), "artifact_file"),
    "above": (lambda: trivet.log_text("a", "../a.txt"), r"\.\."),
    "no-figure": (lambda: trivet.log_figure(3, "a.png"), "matplotlib or plotly"),
    "figure-format": (lambda: trivet.log_figure(Figure(), "a.odd"), "a.odd"),
    "image-format": (lambda: trivet.log_image(np.zeros((1, 1)), "a.odd"), "a.odd"),
    "image-shape": (lambda: trivet.log_image(np.zeros((2, 2, 2)), "a.png"), "2x2x2"),
    "image-range": (lambda: trivet.log_image(np.array([[1.5]]), "a.png"), "0 to 1"),
    "image-nan": (lambda: trivet.log_image(np.array([[np.nan]]), "a.png"), "nan"),
    "image-text": (lambda: trivet.log_image("cat.png", "a.png"), "Numbers are needed"),
    "image-nowhere": (lambda: trivet.log_image(np.zeros((1, 1))), "artifact_file or key"),
    "image-twice": (lambda: trivet.log_image(np.zeros((1, 1)), "a.png", key="b"), "artifact_file or key"),
    "image-key": (lambda: trivet.log_image(np.zeros((1, 1)), key=""), "key"),
    "no-table": (lambda: trivet.log_table([1, 2], "t.json"), "columns by their names"),
    "table-lengths": (lambda: trivet.log_table({"a": [1], "b": [1, 2]}, "t.json"), "one length"),
    "table-format": (lambda: trivet.log_table({"a": [1]}, "t.txt"), "t.txt"),
    "histogram-edges": (lambda: trivet.log_histogram("h", ([1, 2], [0, 1])), "3 edges"),
    "histogram-text": (lambda: trivet.log_histogram("h", ["a"]), "Numbers are needed"),
    "no-dataset": (lambda: trivet.log_input(object()), "A dataset is"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_written_is_refused_and_nothing_is_stored(case: str) -> None:
    act, match = BAD[case]
    with trivet.start_run() as run:
        with pytest.raises(trivet.InvalidArgument, match=match):
            act()
        assert list(run.artifacts) == []


def test_a_table_takes_the_place_of_whatever_is_there() -> None:
    with trivet.start_run():
        for file in ("t.json", "t.csv"):
            trivet.log_text("no table", file)
            for value in (1, 2):
                trivet.log_table({"a": [value]}, file, replaces=True)
        assert json.loads(read("t.json")) == {"columns": ["a"], "data": [[2]]}
        assert read("t.csv") == b"a\r\n2\r\n"
        assert [entry["path"] for entry in json.loads(tags()["mlflow.loggedArtifacts"])] == ["t.json", "t.csv"]


def test_a_file_that_is_no_table_stays_as_it_is() -> None:
    with trivet.start_run():
        trivet.log_dict({"a": 1}, "t.json")
        trivet.log_table({"a": [1]}, "t.csv")
        for file in ("t.json", "t.csv"):
            before = read(file)
            with pytest.raises(trivet.InvalidArgument, match="there already"):
                trivet.log_table({"a": [2]}, file)
            assert read(file) == before


# --- datasets


def test_data_is_noted_by_digest_schema_and_size(tmp_path: Path) -> None:
    file = tmp_path / "trips.csv"
    file.write_text("a,b\n1,2\n", encoding="utf-8")
    frame = pd.DataFrame({"id": [1, 2], "fare": [1.5, None], "who": ["a", "b"]})
    with trivet.start_run() as run:
        trivet.log_input(frame, context="training", name="trips")
        trivet.log_input(pl.DataFrame({"x": [1]}), "validation")
        trivet.log_input(np.zeros((3, 2), np.float32), "test", name="pixels")
        trivet.log_input(file)
        trivet.log_input("s3://bucket/far.parquet")
        trivet.log_input(from_pandas(frame, name="trips", source="s3://bucket/trips.csv"), "training")  # the same
    inputs = trivet.get_run(run.info.run_id).inputs
    assert inputs is not None
    found = {used.dataset.name: used for used in inputs.dataset_inputs}
    assert set(found) == {"trips", "dataset", "pixels", "trips.csv", "far.parquet"}
    trips = found["trips"]
    assert trips.tags == {"mlflow.data.context": "training"}
    assert len(trips.dataset.digest) == 32
    assert json.loads(trips.dataset.schema) == {
        "mlflow_colspec": [
            {"type": "long", "name": "id", "required": True},
            {"type": "double", "name": "fare", "required": False},
            {"type": "string", "name": "who", "required": True},
        ]
    }
    assert json.loads(trips.dataset.profile) == {"num_rows": 2, "num_elements": 6}
    tensor = json.loads(found["pixels"].dataset.schema)["mlflow_tensorspec"]["features"]
    assert tensor == [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}]
    local = found["trips.csv"].dataset
    assert (local.source_type, json.loads(local.source)) == ("local", {"uri": file.resolve().as_uri()})
    assert found["far.parquet"].dataset.source_type == "s3"


def test_a_digest_is_of_all_the_data_and_of_nothing_else(tmp_path: Path) -> None:
    rows = 20_000
    frame = pd.DataFrame({"a": np.arange(rows), "b": "x"})
    changed = frame.copy()
    changed.loc[rows - 1, "a"] = -1
    same = frame.set_index(np.arange(rows)[::-1])
    assert from_pandas(frame).digest == from_pandas(same, name="other", source="s3://a/b").digest
    assert from_pandas(frame).digest != from_pandas(changed).digest
    assert from_pandas(frame).digest != from_pandas(frame.rename(columns={"a": "c"})).digest
    assert from_pandas(frame).digest != from_pandas(frame.astype({"a": "int32"})).digest
    assert from_polars(pl.DataFrame({"a": [1]})).digest != from_polars(pl.DataFrame({"a": [2]})).digest
    assert from_numpy(np.zeros((2, 3))).digest != from_numpy(np.zeros((3, 2))).digest
    assert from_numpy({"a": np.zeros(2)}).digest != from_numpy({"b": np.zeros(2)}).digest
    folder = tmp_path / "data"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.bin").write_bytes(b"abc")
    before = from_file(folder).digest
    (folder / "deep" / "b.bin").write_bytes(b"")
    assert from_file(folder).digest != before
    assert from_uri("s3://a/b").digest != from_uri("s3://a/c").digest
    with pytest.raises(FileNotFoundError, match="nowhere"):
        from_file(tmp_path / "nowhere")


# --- reading


def test_iterators_go_on_until_the_end() -> None:
    client = trivet.Client()
    experiment = client.create_experiment("many")
    wanted = [client.create_run(experiment, run_name=f"r{number}").info.run_id for number in range(3)]
    for name in ("m1", "m2"):
        client.create_registered_model(name)
        client.registry.register_model("s3://b/m", name)
    assert [run.info.run_id for run in client.iterate.runs(experiment, order_by=["run_name"])] == wanted
    assert "many" in {each.name for each in client.iterate.experiments()}
    assert [model.name for model in client.iterate.registered_models()] == ["m1", "m2"]
    assert {(each.name, int(each.version)) for each in client.iterate.model_versions()} == {("m1", 1), ("m2", 1)}
    assert list(client.iterate.logged_models()) == []
    with pytest.raises(trivet.FilterInvalid):
        next(client.iterate.runs(experiment, "nonsense ="))


def test_a_run_shows_itself_in_notebooks_and_is_safe_there(workspace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with trivet.start_run(run_name="<b>first</b>") as run:
        trivet.log_params({f"p{number:02}": "<script>" for number in range(30)})
        run.log({"loss": 0.25})
    page = trivet.get_run(run.info.run_id)._repr_html_()
    assert "<a " not in page
    assert "&lt;b&gt;first&lt;/b&gt;" in page
    assert "<script>" not in page
    assert "and 10 more" in page
    assert "loss" in page
    assert run.info.run_id in run._repr_html_()
    monkeypatch.setenv("TRIVET_UI_URL", "https://trivet.example.org/ui/")
    link = f'href="https://trivet.example.org/ui/w/{workspace}/experiments/0/runs/{run.info.run_id}"'
    assert link in trivet.get_run(run.info.run_id)._repr_html_()
    assert link in run._repr_html_()
    monkeypatch.setenv("TRIVET_UI_URL", "javascript:alert(1)//")
    assert "<a " not in run._repr_html_()


def test_a_run_is_a_value_that_goes_to_other_processes() -> None:
    with trivet.start_run() as run:
        run.log({"a": 1})
    read_back = trivet.get_run(run.info.run_id)
    sent = pickle.loads(pickle.dumps(read_back))
    assert sent == read_back
    with pytest.raises(trivet.ClientClosed, match="get_run"):
        sent.history("a")
    (found,) = trivet.Client().search_runs(["0"], f"run_id = '{run.info.run_id}'")
    assert found.history("a").values.tolist() == [1.0]
