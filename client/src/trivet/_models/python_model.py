"""Models of one's own: a class, or a function, that is asked like the models of libraries.

Both classes go into the pickle of such a model by value, so that whoever reads it, MLflow too, needs no Trivet. So this
module imports nothing of Trivet, and what its methods use is imported in them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PythonModelContext:
    """What a model of one's own is given when it is loaded and asked."""

    artifacts: Mapping[str, str]
    """Where the files that it was saved with are now, by their names."""
    model_config: Mapping[str, Any]
    """What it was saved with as `model_config`, and what was said otherwise when it was loaded."""


class PythonModel:
    """A model of one's own: derive a class, and write `predict`, which may also be without `context` or `params`.

    What `load_context` reads from files is not in the pickle, and may be what no pickle takes.
    """

    def load_context(self, context: Any) -> None:
        """Prepares it, once, where it was loaded.

        Args:
            context: A `PythonModelContext`; that of MLflow where MLflow loads it.
        """

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """Predicts.

        Args:
            context: As in `load_context`.
            model_input: What was passed to `predict` of the loaded model, conforming to the signature.
            params: With the defaults of the signature.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method predict.")

    @property
    def predict_type_hints(self) -> Any:
        """What MLflow asks every such model for; there is nothing of it."""
        from types import SimpleNamespace  # noqa: PLC0415 - of this method alone, as the module says

        return SimpleNamespace(input=None, output=None)


class FunctionModel(PythonModel):
    """A function as a model: it gets the input, and params by their names where it takes any."""

    def __init__(self, function: Callable[..., Any], takes_params: bool) -> None:  # noqa: FBT001 - pickled
        self.function = function
        self.takes_params = takes_params

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """Calls the function."""
        del context
        return self.function(model_input, params) if self.takes_params else self.function(model_input)
