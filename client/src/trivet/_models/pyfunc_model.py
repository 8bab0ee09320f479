"""A model that predicts in the same way, whatever library made it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trivet._models.enforcement import enforce_input, enforce_params
from trivet._models.flavor import Predict
from trivet._models.flavors.python_function import LoadedPythonModel
from trivet._models.model_file import ModelFile


class PyFuncModel:
    """A model that was loaded. As safe for use by several threads as the model inside is."""

    def __init__(
        self, model: Any, predict: Predict, metadata: ModelFile, folder: Path, *, pickled_by: str, keeps: object = None
    ) -> None:
        """Takes what was loaded.

        Args:
            model: The object of its library.
            predict: How that predicts.
            metadata: What its `MLmodel` file says.
            folder: Where its files are.
            pickled_by: What unpickled it; empty where loading it ran no code of its maker's.
            keeps: What has to live as long as the model, such as the temporary folder of its files.
        """
        self.metadata = metadata
        self.folder = folder
        self.pickled_by = pickled_by
        self._model = model
        self._predict = predict
        self._keeps = keeps

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Predicts, after making the input what the signature says.

        Args:
            data: A data frame with a row each; or what else the signature takes: arrays, tensors by their names, lists.
            params: Settings of the prediction that the signature names; those left out have its defaults.

        Returns:
            What the model gives: mostly an array or data frame with as many rows.

        Raises:
            InvalidArgument: the input does not conform to the signature; says which column and why.
        """
        signature = self.metadata.signature
        if signature is not None and signature.inputs is not None:
            data = enforce_input(data, signature.inputs)
        return self._predict(data, enforce_params(params, None if signature is None else signature.params))

    def unwrap(self) -> Any:
        """The model as an object of its library, or of the class of one's own."""
        return self._model.model if isinstance(self._model, LoadedPythonModel) else self._model

    def __repr__(self) -> str:
        flavors = ", ".join(self.metadata.flavors)
        pickled = f", unpickled by {self.pickled_by}" if self.pickled_by else ""
        return f"<trivet.pyfunc.PyFuncModel {self.metadata.model_id or self.folder.name!r}: {flavors}{pickled}>"
