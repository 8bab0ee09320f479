"""What models of single libraries take and refuse; that MLflow reads them is shown in `test_flavors`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
import xgboost
import yaml
from onnx import TensorProto, helper, numpy_helper

import trivet.lightgbm
import trivet.onnx
import trivet.pyfunc
import trivet.pytorch
import trivet.xgboost
from trivet import FailedPrecondition, InvalidArgument
from trivet._models.flavors import lightgbm as lightgbm_flavor
from trivet._models.flavors import onnx as onnx_flavor
from trivet._models.flavors import pytorch as pytorch_flavor
from trivet._models.flavors import sklearn as sklearn_flavor
from trivet._models.flavors import xgboost as xgboost_flavor
from trivet.flavors import Flavor

FLAVORS: Sequence[Flavor] = (
    sklearn_flavor.FLAVOR,
    xgboost_flavor.FLAVOR,
    lightgbm_flavor.FLAVOR,
    onnx_flavor.FLAVOR,
    pytorch_flavor.FLAVOR,
)
DATA = pd.DataFrame({"width": [1.0, 2.0, 3.0, 4.0], "height": [4.0, 3.0, 1.0, 2.0]})
SAID: dict[str, Any] = {"pip_requirements": ["said"]}


@pytest.fixture(scope="module")
def booster() -> xgboost.Booster:
    return xgboost.train({"base_score": 0.5}, xgboost.DMatrix(DATA, [1.0, 2.0, 3.0, 4.0]), 2)


def added(outputs: Sequence[int] = (1,)) -> onnx.ModelProto:
    """A model that gives `x + y` once for each output, so many columns wide."""
    nodes = [helper.make_node("Add", ["x", "y"], ["sum"])]
    weights = []
    for number, width in enumerate(outputs):
        nodes.append(helper.make_node("MatMul", ["sum", f"w{number}"], [f"out{number}"]))
        weights.append(numpy_helper.from_array(np.ones((1, width), np.float32), f"w{number}"))
    graph = helper.make_graph(
        nodes,
        "added",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in ("x", "y")],
        [helper.make_tensor_value_info(f"out{n}", TensorProto.FLOAT, [None, w]) for n, w in enumerate(outputs)],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.mark.parametrize("flavor", FLAVORS, ids=lambda flavor: flavor.name)
def test_options_that_a_flavor_does_not_have_are_refused(flavor: Flavor, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=f"Models of {flavor.name} have no option 'colour'"):
        flavor.save(object(), tmp_path, colour="blue")


@pytest.mark.parametrize(
    "flavor", [f for f in FLAVORS if f.name in ("xgboost", "lightgbm", "onnx")], ids=lambda f: f.name
)
def test_what_is_no_model_of_a_flavor_is_refused(flavor: Flavor, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=f"A dict is no model of {flavor.name}"):
        flavor.save({}, tmp_path)


def test_where_torch_is_missing_it_is_said_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(FailedPrecondition, match="pip install torch"):
        trivet.pytorch.save_model(object(), tmp_path / "model")


def test_formats_that_a_flavor_does_not_have_are_refused(tmp_path: Path, booster: xgboost.Booster) -> None:
    with pytest.raises(InvalidArgument, match="model_format is 'xgb'; it is one of ubj, json"):
        trivet.xgboost.save_model(booster, tmp_path / "model", model_format="xgb")


def test_an_estimator_that_was_not_trained_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="cannot be written by xgboost: "):
        trivet.xgboost.save_model(xgboost.XGBRegressor(), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_params_of_xgboost_are_used_and_others_are_ignored_with_one_warning(
    tmp_path: Path, booster: xgboost.Booster, caplog: pytest.LogCaptureFixture
) -> None:
    trivet.xgboost.save_model(booster, tmp_path / "model", **SAID)
    predict = trivet.pyfunc.load_model(tmp_path / "model")._predict
    margins = booster.predict(xgboost.DMatrix(DATA), iteration_range=(0, 1))
    for _ in range(2):
        assert np.array_equal(predict(DATA, {"iteration_range": (0, 1), "colour": 1}), margins)
    assert [record.getMessage() for record in caplog.records] == [
        "The model of xgboost takes no params colour; they are ignored."
    ]


@pytest.mark.parametrize("named", ["subprocess.Popen", "nowhere.Booster", "Booster", "xgboost.core.Missing"])
def test_a_class_that_is_none_of_xgboosts_is_not_made(tmp_path: Path, booster: xgboost.Booster, named: str) -> None:
    trivet.xgboost.save_model(booster, tmp_path / "model", **SAID)
    change(tmp_path / "model", "xgboost", model_class=named)
    with pytest.raises(InvalidArgument, match=f"The class of the model, '{named}'"):
        trivet.xgboost.load_model(str(tmp_path / "model"))


def test_a_booster_of_old_mlflow_does_not_say_its_class(tmp_path: Path, booster: xgboost.Booster) -> None:
    trivet.xgboost.save_model(booster, tmp_path / "model", **SAID)
    change(tmp_path / "model", "xgboost", model_class=None)
    assert isinstance(trivet.xgboost.load_model(str(tmp_path / "model")), xgboost.Booster)


def test_a_model_of_onnx_with_several_inputs_takes_columns_or_arrays_by_their_names(tmp_path: Path) -> None:
    trivet.onnx.save_model(added(), tmp_path / "model", **SAID)
    model = trivet.pyfunc.load_model(tmp_path / "model")
    arrays = {"x": np.array([[1.0], [2.0]]), "y": np.array([[5.0], [6.0]])}
    assert model.predict(arrays)["out0"].tolist() == [[6.0], [8.0]]
    with pytest.raises(InvalidArgument, match=r"The model has the inputs \['x', 'y'\]: give a dict"):
        model.predict(arrays["x"])
    with pytest.raises(InvalidArgument, match=r"needs the columns \['y'\]"):
        model.predict(pd.DataFrame({"x": [1.0]}))
    with pytest.raises(InvalidArgument, match="take a data frame, an array or a dict of arrays"):
        model.predict("x")


def test_outputs_of_onnx_of_several_widths_have_a_row_for_each_row_of_a_frame() -> None:
    arrays = {"label": np.array([1, 0]), "scores": np.array([[0.1, 0.9], [0.8, 0.2]])}
    frame = onnx_flavor._as_frame(arrays)
    assert frame["label"].tolist() == [1, 0]
    assert [row.tolist() for row in frame["scores"]] == [[0.1, 0.9], [0.8, 0.2]]


def test_large_tensors_of_onnx_are_beside_the_model_and_the_callers_model_stays_whole(tmp_path: Path) -> None:
    model = added((2000,))
    trivet.onnx.save_model(model, tmp_path / "model", save_as_external_data=True, **SAID)
    assert (tmp_path / "model" / "model.onnx.data").stat().st_size >= 2000 * 4
    for each in (model, trivet.onnx.load_model(str(tmp_path / "model"))):
        assert numpy_helper.to_array(each.graph.initializer[0]).tolist() == [[1.0] * 2000]


def test_onnx_runs_where_the_model_says_if_that_is_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    chosen: list[Any] = ["TensorrtExecutionProvider", ("CPUExecutionProvider", {})]
    options = {"intra_op_num_threads": 1, "execution_mode": "sequential", "graph_optimization_level": 99}
    trivet.onnx.save_model(
        added(), tmp_path / "model", onnx_execution_providers=chosen, onnx_session_options=options, **SAID
    )
    trivet.pyfunc.load_model(tmp_path / "model")
    assert "onnxruntime has [('CPUExecutionProvider', {})] of them here" in caplog.text
    with pytest.raises(InvalidArgument, match="colour = 'blue'"):
        trivet.onnx.save_model(added(), tmp_path / "other", onnx_session_options={"colour": "blue"}, **SAID)


def test_a_file_that_is_no_model_of_onnx_is_refused(tmp_path: Path) -> None:
    trivet.onnx.save_model(added(), tmp_path / "model", **SAID)
    (tmp_path / "model" / "model.onnx").write_bytes(b"\x08\x01")
    with pytest.raises(InvalidArgument, match=r"'model.onnx' is no valid model of onnx"):
        trivet.onnx.load_model(str(tmp_path / "model"))


@pytest.mark.parametrize(("flavor", "key"), [("xgboost", "data"), ("onnx", "data")])
def test_files_outside_the_model_are_not_read(tmp_path: Path, booster: xgboost.Booster, flavor: str, key: str) -> None:
    module: Any = {"xgboost": trivet.xgboost, "onnx": trivet.onnx}[flavor]
    module.save_model(booster if flavor == "xgboost" else added(), tmp_path / "model", **SAID)
    change(tmp_path / "model", flavor, **{key: "../secret"})
    with pytest.raises(trivet.TrivetError, match=r"has an empty segment, '\.' or '\.\.'"):
        module.load_model(str(tmp_path / "model"))


def change(folder: Path, flavor: str, **entries: object) -> None:
    """Says otherwise of a flavor in the `MLmodel` file of a folder; None is that it says nothing."""
    content = yaml.safe_load((folder / "MLmodel").read_text())
    block = content["flavors"][flavor] | entries
    content["flavors"][flavor] = {name: value for name, value in block.items() if value is not None}
    (folder / "MLmodel").write_text(yaml.safe_dump(content))
