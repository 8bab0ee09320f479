"""A model as it is kept: a preprocessor, and the regressor that it feeds, as files in a folder."""

from __future__ import annotations

import pickle
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import xgboost as xgb
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import Lasso
from sklearn.metrics import root_mean_squared_error

from data import Examples

Numbers = np.ndarray[Any, np.dtype[np.floating[Any]]]

_PREPROCESSOR: Final = "preprocessor.pkl"
_LASSO: Final = "lasso.pkl"
_XGBOOST: Final = "xgboost.json"


def rmse(target: Numbers, predicted: Numbers) -> float:
    """The root of the mean squared error: how far predictions are off, in the unit of the target."""
    return float(root_mean_squared_error(target, predicted))


@dataclass(frozen=True)
class Model:
    """Predicts a number from a record."""

    preprocessor: DictVectorizer
    regressor: Lasso | xgb.Booster

    def predict(self, records: list[dict[Hashable, Any]]) -> Numbers:
        """The prediction of each record."""
        columns = self.preprocessor.transform(records)
        if isinstance(self.regressor, xgb.Booster):
            return self.regressor.predict(xgb.DMatrix(columns))
        return np.asarray(self.regressor.predict(columns))

    def rmse(self, examples: Examples) -> float:
        """How far it is off on examples."""
        return rmse(examples.target, self.predict(examples.records))

    def save(self, folder: Path) -> None:
        """Writes it into a folder that is there."""
        (folder / _PREPROCESSOR).write_bytes(pickle.dumps(self.preprocessor))
        if isinstance(self.regressor, xgb.Booster):
            self.regressor.save_model(folder / _XGBOOST)
        else:
            (folder / _LASSO).write_bytes(pickle.dumps(self.regressor))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what `save` wrote.

        Pickles can run any code when they are read: do so only with files of people whom you trust.
        """
        preprocessor = pickle.loads((folder / _PREPROCESSOR).read_bytes())
        if (folder / _XGBOOST).exists():
            return cls(preprocessor, xgb.Booster(model_file=folder / _XGBOOST))
        return cls(preprocessor, pickle.loads((folder / _LASSO).read_bytes()))
