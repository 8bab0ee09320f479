"""Models of each flavor that are made the same in every process, and what they predict natively."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

_RANDOM = np.random.default_rng(7)
DATA = pd.DataFrame(_RANDOM.normal(size=(40, 3)), columns=["width", "height", "age"])
TARGET = (DATA["width"] + 0.5 * DATA["height"] > 0).astype(int)


@dataclass(frozen=True)
class Case:
    """A model."""

    flavor: str
    make: Callable[[], Any]
    native: Callable[[Any, pd.DataFrame], Any]
    """How it predicts by its own library."""
    trivet: Mapping[str, Any] = field(default_factory=dict)
    """Options of saving it with Trivet."""
    mlflow: Mapping[str, Any] = field(default_factory=dict)
    """Options of saving it with MLflow."""
    data: Any = field(default_factory=lambda: DATA)
    """What it is asked with as a pyfunc."""


def listed(predicted: Any) -> list[float]:
    """Predictions of any kind as numbers."""
    if isinstance(predicted, dict):
        (predicted,) = predicted.values()
    return [float(each) for each in np.asarray(predicted).reshape(-1)]


def _sklearn() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression()).fit(DATA, TARGET)


def _booster_of_xgboost() -> Any:
    import xgboost

    return xgboost.train({"max_depth": 2}, xgboost.DMatrix(DATA, TARGET), 3)


def _asked_as_matrix(booster: Any, data: pd.DataFrame) -> Any:
    import xgboost

    return booster.predict(xgboost.DMatrix(data))


def _classifier_of_xgboost() -> Any:
    import xgboost

    return xgboost.XGBClassifier(n_estimators=3, max_depth=2).fit(DATA, TARGET)


def _booster_of_lightgbm() -> Any:
    import lightgbm

    return lightgbm.train({"verbose": -1, "min_data_in_leaf": 5}, lightgbm.Dataset(DATA, TARGET), 3)


def _classifier_of_lightgbm() -> Any:
    import lightgbm

    return lightgbm.LGBMClassifier(n_estimators=3, min_child_samples=5, verbose=-1).fit(DATA, TARGET)


def _onnx(hidden: int) -> Any:
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(3)
    weights = {"first": random.normal(size=(3, hidden)), "second": random.normal(size=(hidden, 1))}
    nodes = [helper.make_node("MatMul", ["x", "first"], ["h"]), helper.make_node("MatMul", ["h", "second"], ["y"])]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(each.astype(np.float32), name) for name, each in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def _asked_by_onnxruntime(model: Any, data: pd.DataFrame) -> Any:
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["y"], {"x": data.to_numpy(np.float32)})[0]


def _torch() -> Any:
    import torch

    torch.manual_seed(3)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1)).eval()


def _scripted() -> Any:
    import torch

    return torch.jit.script(_torch())


def _asked_with_tensor(model: Any, data: pd.DataFrame) -> Any:
    import torch

    with torch.no_grad():
        return model(torch.from_numpy(np.array(data, np.float32))).numpy()


def _statsmodels() -> Any:
    import statsmodels.api

    return statsmodels.api.OLS(TARGET, DATA).fit()


def _predict(model: Any, data: pd.DataFrame) -> Any:
    return model.predict(data)


ARRAY = DATA.to_numpy(np.float32)
PICKLE, CLOUDPICKLE, SKOPS, PT2 = ({"serialization_format": each} for each in ("pickle", "cloudpickle", "skops", "pt2"))
TREES: Mapping[str, Case] = {
    "sklearn-cloudpickle": Case("sklearn", _sklearn, _predict, CLOUDPICKLE, CLOUDPICKLE),
    "sklearn-pickle": Case("sklearn", _sklearn, _predict, PICKLE, PICKLE),
    "sklearn-skops": Case("sklearn", _sklearn, _predict, SKOPS),
    "xgboost-booster": Case("xgboost", _booster_of_xgboost, _asked_as_matrix),
    "xgboost-estimator": Case(
        "xgboost", _classifier_of_xgboost, _predict, {"model_format": "json"}, {"model_format": "json"}
    ),
    "lightgbm-booster": Case("lightgbm", _booster_of_lightgbm, _predict),
    "lightgbm-estimator": Case("lightgbm", _classifier_of_lightgbm, _predict, CLOUDPICKLE, CLOUDPICKLE),
    "lightgbm-skops": Case("lightgbm", _classifier_of_lightgbm, _predict, SKOPS),
    "onnx": Case("onnx", lambda: _onnx(4), _asked_by_onnxruntime, mlflow={"save_as_external_data": False}),
    "onnx-external": Case("onnx", lambda: _onnx(400), _asked_by_onnxruntime, {"save_as_external_data": True}),
}
"""Models of small libraries."""
NETS: Mapping[str, Case] = {
    "pytorch": Case("pytorch", _torch, _asked_with_tensor, mlflow=PICKLE, data=ARRAY),
    "pytorch-scripted": Case("pytorch", _scripted, _asked_with_tensor, mlflow=PICKLE, data=ARRAY),
    "pytorch-exported": Case("pytorch", _torch, _asked_with_tensor, {**PT2, "example_inputs": ARRAY[:4]}, PT2, ARRAY),
}
"""Models of torch, which has gigabytes."""
OF_MLFLOW: Mapping[str, Case] = {"statsmodels": Case("statsmodels", _statsmodels, _predict)}
"""Models of flavors that Trivet does not have."""
