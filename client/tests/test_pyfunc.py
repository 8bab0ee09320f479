"""Models that are saved, logged, registered and loaded, by every name that they have, against real services."""

from __future__ import annotations

import gc
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import trivet
import trivet.pyfunc
import trivet.sklearn
from trivet.models import ModelInfo
from trivet_testing.minio import MinioServer

ROWS = pd.DataFrame({"distance": [1.0, 2.0, 4.0], "hour": [0.0, 12.0, 6.0]})
TARGETS = np.array([3.0, 5.0, 9.0])


@pytest.fixture
def model() -> LinearRegression:
    return LinearRegression().fit(ROWS, TARGETS)


@pytest.fixture
def logged(client: trivet.Client, model: LinearRegression) -> ModelInfo:
    """A model of a run, registered, in a stage, with an alias."""
    with trivet.start_run():
        info = trivet.sklearn.log_model(model, "model", registered_model_name="taxi", pip_requirements=[])
    client.transition_model_version_stage("taxi", 1, "Production")
    client.set_registered_model_alias("taxi", "champion", 1)
    return info


URIS: dict[str, Callable[[ModelInfo], str]] = {
    "version": lambda _: "models:/taxi/1",
    "stage": lambda _: "models:/taxi/production",
    "latest": lambda _: "models:/taxi/latest",
    "alias": lambda _: "models:/taxi@champion",
    "logged model": lambda info: f"models:/{info.model_id}",
    "run": lambda info: f"runs:/{info.run_id}/model",
    "served by the gateway": lambda info: f"mlflow-artifacts:/0/models/{info.model_id}/artifacts",
    "served at an address": lambda info: f"mlflow-artifacts://host:7331/0/models/{info.model_id}/artifacts/",
}


@pytest.mark.parametrize("form", URIS)
def test_a_model_is_loaded_by_every_uri(logged: ModelInfo, model: LinearRegression, form: str) -> None:
    uri = URIS[form](logged)
    loaded = trivet.pyfunc.load_model(uri)
    np.testing.assert_array_equal(loaded.predict(ROWS), model.predict(ROWS))
    assert loaded.metadata.model_id == logged.model_id
    assert isinstance(loaded.unwrap(), LinearRegression)
    np.testing.assert_array_equal(trivet.sklearn.load_model(uri).coef_, model.coef_)


@pytest.mark.parametrize("form", [str, Path.as_uri])
def test_a_model_is_loaded_from_a_folder(tmp_path: Path, model: LinearRegression, form: Callable[[Path], str]) -> None:
    folder = tmp_path / "a model of 100%"
    trivet.sklearn.save_model(model, folder, pip_requirements=[])
    np.testing.assert_array_equal(trivet.pyfunc.load_model(form(folder)).predict(ROWS), model.predict(ROWS))


def test_a_model_is_loaded_from_s3(
    tmp_path: Path,
    client: trivet.Client,
    model: LinearRegression,
    minio_server: MinioServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bucket = minio_server.create_bucket()
    store = minio_server.client()
    trivet.sklearn.save_model(model, tmp_path / "model", pip_requirements=[])
    for path in (tmp_path / "model").iterdir():
        store.fput_object(bucket, f"models/taxi/{path.name}", str(path))
    monkeypatch.setenv("AWS_ENDPOINT_URL", minio_server.endpoint)
    for name, value in minio_server.credentials.items():
        monkeypatch.setenv(name, value)
    uri = f"s3://{bucket}/models/taxi"
    np.testing.assert_array_equal(trivet.pyfunc.load_model(uri).predict(ROWS), model.predict(ROWS))
    # A version whose files are there is brought from there.
    client.create_registered_model("taxi")
    client.create_model_version("taxi", uri)
    np.testing.assert_array_equal(trivet.pyfunc.load_model("models:/taxi/1").predict(ROWS), model.predict(ROWS))
    with pytest.raises(trivet.ArtifactNotFound, match="nothing at"):
        trivet.pyfunc.load_model(f"s3://{bucket}/models/other")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(trivet.ArtifactNotFound, match="SignatureDoesNotMatch"):
        trivet.pyfunc.load_model(uri)


@pytest.mark.parametrize(
    ("uri", "error", "match"),
    [
        ("models:/none/1", trivet.ModelNotFound, "none"),
        ("models:/taxi/9", trivet.ModelVersionNotFound, "9"),
        ("models:/taxi@nobody", trivet.ModelAliasNotFound, "nobody"),
        ("models:/taxi/Staging", trivet.ModelVersionNotFound, "Staging"),
        ("models:/m-00000000000000000000000000000000", trivet.InvalidArgument, "no MLmodel file"),
        ("hdfs://host/model", trivet.InvalidArgument, "cannot be loaded from"),
        ("runs:", trivet.InvalidArgument, "does not name files"),
        ("no/such/folder", trivet.InvalidArgument, "There is no folder"),
        ("file://elsewhere/model", trivet.InvalidArgument, "on the machine 'elsewhere'"),
    ],
)
@pytest.mark.usefixtures("logged")
def test_what_is_no_model_is_not_loaded(uri: str, error: type[trivet.TrivetError], match: str) -> None:
    with pytest.raises(error, match=match):
        trivet.pyfunc.load_model(uri)


def test_a_source_on_somebodys_machine_is_not_read_from_this_one(
    client: trivet.Client, tmp_path: Path, model: LinearRegression
) -> None:
    trivet.sklearn.save_model(model, tmp_path / "model", pip_requirements=[])
    client.create_registered_model("taxi")
    client.create_model_version("taxi", (tmp_path / "model").as_uri())
    with pytest.raises(trivet.InvalidArgument, match="cannot be loaded from 'file:"):
        trivet.pyfunc.load_model("models:/taxi/1")


def test_files_that_are_not_a_model_are_not_loaded(client: trivet.Client, tmp_path: Path) -> None:
    run_id = client.create_run("0").info.run_id
    client.log_text(run_id, "x", "texts/a.txt")
    client.log_text(run_id, "flavors: [", "broken/MLmodel")
    client.log_text(run_id, "a: b", "other/MLmodel")
    for uri, error, match in (
        (f"runs:/{run_id}/texts", trivet.InvalidArgument, "no MLmodel file in 'texts'"),
        (f"runs:/{run_id}/texts/a.txt", trivet.ArtifactNotFound, "is a file"),
        (f"runs:/{run_id}/broken", trivet.InvalidArgument, "in 'broken' is no YAML"),
        (f"runs:/{run_id}/other", trivet.InvalidArgument, "nothing of flavors"),
        (f"runs:/{run_id}/none", trivet.ArtifactNotFound, "none"),
    ):
        with pytest.raises(error, match=match) as raised:
            trivet.pyfunc.load_model(uri)
        assert str(tmp_path.parent) not in str(raised.value)


def test_what_was_logged_is_found_where_people_look(logged: ModelInfo, client: trivet.Client) -> None:
    of_server = client.get_logged_model(logged.model_id)
    assert (of_server.status, of_server.name, of_server.model_type) == ("READY", "model", "sklearn")
    assert of_server.source_run_id == logged.run_id
    outputs = client.get_run(logged.run_id).outputs
    assert outputs is not None
    assert [output.model_id for output in outputs.model_outputs] == [logged.model_id]
    assert logged.registered_model_version == 1
    assert client.get_model_version("taxi", 1).run_id == logged.run_id
    files = {file.path for file in client.list_logged_model_artifacts(logged.model_id)}
    assert files == {"MLmodel", "model.pkl", "conda.yaml", "python_env.yaml", "requirements.txt"}


@pytest.mark.usefixtures("environment")
def test_a_model_is_logged_without_a_run() -> None:
    info = trivet.pyfunc.log_model(lambda rows: rows, artifact_path="same", params={"a": 1}, tags={"b": "c"})
    assert (info.name, info.run_id, info.registered_model_version) == ("same", "", None)
    model = trivet.get_logged_model(info.model_id)
    assert (dict(model.params), model.tags["b"], model.source_run_id) == ({"a": "1"}, "c", "")
    with pytest.raises(trivet.InvalidArgument, match="mean the same"):
        trivet.pyfunc.log_model(lambda rows: rows, "a", artifact_path="b")
    with pytest.raises(TypeError, match="unexpected keyword argument 'artefact_path'"):
        trivet.pyfunc.log_model(lambda rows: rows, artefact_path="b")  # type: ignore[call-arg]


class Adds(trivet.pyfunc.PythonModel):
    def load_context(self, context: Any) -> None:
        self.added = int(Path(context.artifacts["number"]).read_text(encoding="utf-8"))

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        times = (params or {}).get("times", 1) * context.model_config["times"]
        return model_input * times + self.added


def test_a_class_of_ones_own_has_its_files_and_settings(tmp_path: Path, client: trivet.Client) -> None:
    run_id = client.create_run("0").info.run_id
    client.log_text(run_id, "5", "number.txt")
    folder = tmp_path / "model"
    trivet.pyfunc.save_model(
        Adds(),
        folder,
        artifacts={"number": f"runs:/{run_id}/number.txt"},
        model_config={"times": 2},
        pip_requirements=[],
    )
    assert trivet.pyfunc.load_model(folder).predict(np.array([1, 2])).tolist() == [7, 9]
    other = trivet.pyfunc.load_model(folder, model_config={"times": 3})
    assert other.predict(np.array([1, 2])).tolist() == [8, 11]
    assert type(other.unwrap()).__name__ == "Adds"


def test_files_of_a_model_stay_for_what_was_taken_out_of_it(client: trivet.Client, tmp_path: Path) -> None:
    (tmp_path / "number.txt").write_text("5", encoding="utf-8")

    class Reads(trivet.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
            del params
            return [Path(context.artifacts["number"]).read_text(encoding="utf-8") for _ in model_input]

    info = trivet.pyfunc.log_model(Reads(), artifacts={"number": tmp_path / "number.txt"}, pip_requirements=[])
    predict = trivet.pyfunc.load_model(info.model_uri).predict
    gc.collect()
    assert predict([1]) == ["5"]
    assert client.get_logged_model(info.model_id).status == "READY"


def test_a_folder_and_a_file_of_one_name_are_both_there(tmp_path: Path) -> None:
    (tmp_path / "x" / "data").mkdir(parents=True)
    (tmp_path / "x" / "data" / "data").write_text("of the folder", encoding="utf-8")
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / "data").write_text("the file", encoding="utf-8")

    class Both(trivet.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
            del model_input, params
            places = (Path(context.artifacts["a"]) / "data", Path(context.artifacts["data"]))
            return [place.read_text(encoding="utf-8") for place in places]

    artifacts = {"a": tmp_path / "x" / "data", "data": tmp_path / "y" / "data"}
    trivet.pyfunc.save_model(Both(), tmp_path / "model", artifacts=artifacts, pip_requirements=[])
    assert trivet.pyfunc.load_model(tmp_path / "model").predict([1]) == ["of the folder", "the file"]


class WithoutTrivet(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        assert not module.startswith("trivet"), f"{name} of {module}"
        return super().find_class(module, name)


def test_models_that_threads_save_need_no_trivet(tmp_path: Path) -> None:
    def save(number: int) -> Path:
        folder = tmp_path / str(number)
        trivet.pyfunc.save_model(lambda rows: rows, folder, pip_requirements=[])
        return folder / "python_model.pkl"

    with ThreadPoolExecutor(4) as pool:
        for path in pool.map(save, range(40)):
            with path.open("rb") as file:
                assert WithoutTrivet(file).load().predict(None, 3) == 3


def test_two_artifacts_of_one_name_are_both_there(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "number.txt").write_text("1" if name == "a" else "2", encoding="utf-8")

    class Both(trivet.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
            del params
            return [Path(context.artifacts[name]).read_text(encoding="utf-8") for name in model_input]

    artifacts = {"x": tmp_path / "a" / "number.txt", "y": tmp_path / "b" / "number.txt"}
    trivet.pyfunc.save_model(Both(), tmp_path / "model", artifacts=artifacts, pip_requirements=[])
    assert trivet.pyfunc.load_model(tmp_path / "model").predict(["x", "y"]) == ["1", "2"]


def scaled(rows: Any, params: dict[str, Any] | None) -> Any:
    return rows * (params or {}).get("by", 1)


def test_a_function_is_a_model(tmp_path: Path) -> None:
    trivet.pyfunc.save_model(lambda rows: rows + 1, tmp_path / "plain", pip_requirements=[])
    assert trivet.pyfunc.load_model(tmp_path / "plain").predict(np.array([1])).tolist() == [2]
    trivet.pyfunc.save_model(scaled, tmp_path / "scaled", input_example=(np.array([1.0]), {"by": 1}))
    loaded = trivet.pyfunc.load_model(tmp_path / "scaled")
    assert loaded.predict(np.array([2.0]), {"by": 3}).tolist() == [6.0]
    with pytest.raises(trivet.InvalidArgument, match="by"):
        loaded.predict(np.array([2.0]), {"by": "three"})


@pytest.mark.parametrize(
    ("model", "match"),
    [
        (3, "A int is no model"),
        (Adds, "A type is no model"),
        (lambda: 1, "takes the input"),
        (lambda a, b: 1, "takes the input"),  # noqa: ARG005 - what is refused
    ],
)
def test_what_is_no_model_is_not_saved(tmp_path: Path, model: object, match: str) -> None:
    with pytest.raises(trivet.InvalidArgument, match=match):
        trivet.pyfunc.save_model(model, tmp_path / "model", pip_requirements=[])
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_pickled_leaves_nothing_behind(client: trivet.Client, tmp_path: Path) -> None:
    held = (tmp_path / "held").open("w", encoding="utf-8")

    def model(rows: Any) -> Any:
        return held.write(str(rows))

    with held, pytest.raises(trivet.InvalidArgument, match="cannot be pickled"):
        trivet.pyfunc.log_model(model, "model")
    assert client.search_logged_models("0") == []
    with pytest.raises(trivet.InvalidArgument, match="cannot predict by 'predict_proba'"):
        trivet.sklearn.log_model(LinearRegression(), "model", pyfunc_predict_fn="predict_proba")
    with pytest.raises(trivet.InvalidArgument, match="serialization_format is 'json'"):
        trivet.sklearn.log_model(LinearRegression(), "model", serialization_format="json")
    with pytest.raises(trivet.InvalidArgument, match=r"There is no 'nothing\.py'"):
        trivet.sklearn.log_model(LinearRegression(), "model", code_paths=["nothing.py"])
    assert client.search_logged_models("0") == []


def test_files_that_cannot_be_sent_are_no_model(
    client: trivet.Client, model: LinearRegression, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIVET_ARTIFACTS_URL", "grpc://127.0.0.1:1")
    with trivet.start_run() as run, pytest.raises(trivet.ServerUnavailable):
        trivet.sklearn.log_model(model, "model", registered_model_name="taxi")
    (left,) = client.search_logged_models("0")
    assert left.status == "UPLOAD_FAILED"
    outputs = client.get_run(run.info.run_id).outputs
    assert outputs is not None
    assert outputs.model_outputs == ()
    assert client.search_registered_models() == []


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path, model: LinearRegression) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    trivet.sklearn.save_model(model, folder, pip_requirements=[])  # empty
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(trivet.InvalidArgument, match="something at"):
        trivet.sklearn.save_model(model, folder, pip_requirements=[])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_pickles_say_what_they_are_and_may_be_forbidden(
    tmp_path: Path, model: LinearRegression, monkeypatch: pytest.MonkeyPatch
) -> None:
    for serialization_format in ("pickle", "cloudpickle", "skops"):
        trivet.sklearn.save_model(
            model, tmp_path / serialization_format, serialization_format=serialization_format, pip_requirements=[]
        )
    loaded = {name: trivet.pyfunc.load_model(tmp_path / name) for name in ("pickle", "cloudpickle", "skops")}
    assert {name: each.pickled_by for name, each in loaded.items()} == {
        "pickle": "pickle",
        "cloudpickle": "cloudpickle",
        "skops": "",
    }
    assert "unpickled by cloudpickle" in repr(loaded["cloudpickle"])
    assert "unpickled" not in repr(loaded["skops"])
    monkeypatch.setenv("TRIVET_ALLOW_PICKLE", "false")
    for name in ("pickle", "cloudpickle"):
        with pytest.raises(trivet.FailedPrecondition, match=f"by {name}, runs code of whoever made it"):
            trivet.pyfunc.load_model(tmp_path / name)
        with pytest.raises(trivet.FailedPrecondition, match="TRIVET_ALLOW_PICKLE"):
            trivet.sklearn.load_model(str(tmp_path / name))
    np.testing.assert_array_equal(trivet.pyfunc.load_model(tmp_path / "skops").predict(ROWS), model.predict(ROWS))


def test_skops_that_trusts_what_the_model_says_runs_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "model"
    trivet.sklearn.save_model(
        FunctionTransformer(os.path.basename),
        folder,
        serialization_format="skops",
        skops_trusted_types=["posixpath.basename"],
    )
    assert isinstance(trivet.sklearn.load_model(str(folder)), FunctionTransformer)
    monkeypatch.setenv("TRIVET_ALLOW_PICKLE", "off")
    with pytest.raises(trivet.FailedPrecondition, match="types that the model itself trusts"):
        trivet.sklearn.load_model(str(folder))
    monkeypatch.setenv("TRIVET_ALLOW_PICKLE", "perhaps")
    with pytest.raises(trivet.InvalidArgument, match="'perhaps'; it must be true or false"):
        trivet.sklearn.load_model(str(folder))


def test_files_outside_the_folder_of_a_model_are_not_loaded(tmp_path: Path, model: LinearRegression) -> None:
    trivet.sklearn.save_model(model, tmp_path / "a" / "model", pip_requirements=[])
    (tmp_path / "a" / "model" / "model.pkl").rename(tmp_path / "a" / "model.pkl")
    described = (tmp_path / "a" / "model" / "MLmodel").read_text(encoding="utf-8")
    altered = described.replace("pickled_model: model.pkl", "pickled_model: ../model.pkl")
    (tmp_path / "a" / "model" / "MLmodel").write_text(altered, encoding="utf-8")
    with pytest.raises(trivet.ArtifactCorrupt):
        trivet.pyfunc.load_model(tmp_path / "a" / "model")
    altered = described.replace("predict_fn: predict", "predict_fn: __reduce__")
    (tmp_path / "a" / "model" / "MLmodel").write_text(altered, encoding="utf-8")
    (tmp_path / "a" / "model.pkl").rename(tmp_path / "a" / "model" / "model.pkl")
    with pytest.raises(trivet.InvalidArgument, match="to predict by '__reduce__'"):
        trivet.pyfunc.load_model(tmp_path / "a" / "model")


@pytest.mark.parametrize("transformer", [StandardScaler(), PCA(n_components=1)], ids=["scaler", "scored besides"])
def test_what_only_transforms_is_saved_and_is_no_pyfunc(transformer: Any, tmp_path: Path) -> None:
    transformer.fit(ROWS)
    trivet.sklearn.save_model(transformer, tmp_path / "model", input_example=ROWS, pip_requirements=[])
    loaded = trivet.sklearn.load_model(str(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.transform(ROWS), transformer.transform(ROWS))
    with pytest.raises(trivet.InvalidArgument, match="cannot be loaded as a pyfunc: it has only sklearn"):
        trivet.pyfunc.load_model(tmp_path / "model")


def test_a_loader_beside_a_flavor_is_the_one_that_is_named(tmp_path: Path) -> None:
    block = "flavors:\n  sklearn: {pickled_model: model.pkl}\n  python_function: {loader_module: json}\n"
    (tmp_path / "MLmodel").write_text(block, encoding="utf-8")
    with pytest.raises(trivet.InvalidArgument, match="'json' has no function _load_pyfunc"):
        trivet.pyfunc.load_model(tmp_path)


def test_a_method_of_the_model_predicts_where_that_is_said(tmp_path: Path) -> None:
    classifier = LogisticRegression().fit(ROWS, [0, 1, 1])
    trivet.sklearn.save_model(classifier, tmp_path / "model", pyfunc_predict_fn="predict_proba", pip_requirements=[])
    loaded = trivet.pyfunc.load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(ROWS), classifier.predict_proba(ROWS))


@pytest.fixture
def clean_imports() -> Iterator[None]:
    """What models bring is no longer found afterwards."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.partition(".")[0] in ("pricing", "own_loader"):
            del sys.modules[name]


@pytest.mark.usefixtures("clean_imports")
def test_code_goes_with_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for price in (2, 3):
        source = tmp_path / str(price) / "pricing"
        source.mkdir(parents=True)
        (source / "__init__.py").write_text("from pricing.rates import PRICE\n", encoding="utf-8")
        (source / "rates.py").write_text(f"PRICE = {price}\n", encoding="utf-8")

        def priced(rows: Any) -> Any:
            import pricing  # type: ignore[import-not-found]  # noqa: PLC0415 - that of the model

            return rows * pricing.PRICE

        example = np.array([10])
        trivet.pyfunc.save_model(
            priced, tmp_path / f"model {price}", code_paths=[source], input_example=example, pip_requirements=[]
        )
    assert not any(str(tmp_path) in path for path in sys.path)
    for price in (2, 3):  # each its own, although they have one name
        loaded = trivet.pyfunc.load_model(tmp_path / f"model {price}")
        assert loaded.predict(np.array([10])).tolist() == [10 * price]
    monkeypatch.setenv("TRIVET_ALLOW_PICKLE", "0")
    with pytest.raises(trivet.FailedPrecondition):
        trivet.pyfunc.load_model(tmp_path / "model 2")


OWN_LOADER = """
class Loaded:
    def __init__(self, path):
        self.path = path
    def predict(self, data, params=None):
        return [self.path, list(data), params]

def _load_pyfunc(path):
    return Loaded(path)
"""


@pytest.mark.usefixtures("clean_imports")
def test_a_module_that_a_model_names_loads_it(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "own_loader.py").write_text(OWN_LOADER, encoding="utf-8")
    block = "flavors:\n  python_function:\n    loader_module: own_loader\n    code: code\n    data: weights\n"
    (tmp_path / "MLmodel").write_text(block, encoding="utf-8")
    loaded = trivet.pyfunc.load_model(tmp_path)
    assert loaded.predict([1], {"a": 2}) == [str(tmp_path / "weights"), [1], {}]
    assert "a loader of its own" in repr(loaded)


@pytest.mark.parametrize(
    ("block", "error", "match"),
    [
        ("loader_module: mlflow.catboost", trivet.FailedPrecondition, "'mlflow.catboost', which is not installed"),
        ("loader_module: json", trivet.InvalidArgument, "no function _load_pyfunc"),
        ("loader_module: mlflow.pyfunc.model", trivet.InvalidArgument, "where the pickle"),
        ("{loader_module: mlflow.pyfunc.model, python_model: ../x}", trivet.ArtifactCorrupt, "'../x'"),
    ],
)
def test_a_model_that_cannot_be_loaded_says_why(
    tmp_path: Path, block: str, error: type[trivet.TrivetError], match: str
) -> None:
    (tmp_path / "MLmodel").write_text(f"flavors:\n  python_function:\n    {block}\n", encoding="utf-8")
    with pytest.raises(error, match=match):
        trivet.pyfunc.load_model(tmp_path)
    with pytest.raises(trivet.InvalidArgument, match="no flavor 'sklearn', but python_function"):
        trivet.sklearn.load_model(str(tmp_path))


def test_what_one_reader_changes_in_what_a_model_says_no_other_sees(tmp_path: Path, model: LinearRegression) -> None:
    trivet.sklearn.save_model(model, tmp_path / "model")
    first: Any = trivet.pyfunc.load_model(tmp_path / "model").metadata
    before = dict(first.flavors["sklearn"])
    first.flavors["sklearn"]["pickled_model"] = "mine.pkl"
    assert trivet.pyfunc.load_model(tmp_path / "model").metadata.flavors["sklearn"] == before
    file = tmp_path / "model" / "MLmodel"
    file.write_text(file.read_text(encoding="utf-8").replace("model.pkl", "other.pkl"), encoding="utf-8")
    (tmp_path / "model" / "model.pkl").rename(tmp_path / "model" / "other.pkl")
    assert trivet.pyfunc.load_model(tmp_path / "model").metadata.flavors["sklearn"]["pickled_model"] == "other.pkl"


def test_the_files_of_a_model_are_gone_with_it(logged: ModelInfo) -> None:
    loaded = trivet.pyfunc.load_model(logged.model_uri)
    folder = loaded.folder
    assert (folder / "MLmodel").is_file()
    del loaded
    assert not folder.exists()
