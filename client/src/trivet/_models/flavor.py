"""Flavors: how the models of one library are written, loaded and asked, and where others may add theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, Protocol

from trivet._errors import InvalidArgument

ENTRY_POINTS: Final = "trivet.flavors"
"""The group of entry points by which a package adds a flavor: its name in `MLmodel` files = an object that is a
`Flavor`."""

Predict = Callable[[Any, Mapping[str, Any] | None], Any]
"""Predicts from data, and from params where the model takes any."""


@dataclass(frozen=True)
class SavedModel:
    """What a flavor has written into a folder."""

    block: Mapping[str, Any]
    """Of the flavor in the `MLmodel` file: what `load` needs, and what MLflow's own flavor of that name does."""
    loader_module: str
    """What MLflow imports to predict with the model; empty where it cannot predict."""
    python_function: Mapping[str, Any] = field(default_factory=dict)
    """What that module needs beside it, such as `model_path`."""
    requirements: tuple[str, ...] = ()
    """Packages that loading takes, as pip names them, for where it cannot be seen what is imported."""


class Flavor(Protocol):
    """The models of one library.

    Modules of flavors import their library when it is needed, never when they are imported.
    """

    @property
    def name(self) -> str:
        """In `MLmodel` files."""

    def save(self, model: Any, folder: Path, **options: Any) -> SavedModel:
        """Writes a model into a folder that is there.

        Args:
            model: Of the library.
            folder: Where to.
            options: What the library has to choose, such as the format.

        Raises:
            InvalidArgument: it is no such model, or cannot be written like that; says why.
        """

    def load(self, folder: Path, block: Mapping[str, Any]) -> Any:
        """Returns the model that was written into a folder, as an object of its library.

        Args:
            folder: Where it is.
            block: What the `MLmodel` file says of this flavor.
        """

    def pickled_by(self, block: Mapping[str, Any]) -> str:
        """What unpickles it, `pickle` or `cloudpickle`: then loading runs whatever its maker put there.

        Empty where loading runs no code but that of its library.

        Args:
            block: What the `MLmodel` file says of this flavor.
        """

    def predictor(self, model: Any, block: Mapping[str, Any], python_function: Mapping[str, Any]) -> Predict:
        """How a loaded model predicts.

        Args:
            model: What `load` returned.
            block: What the `MLmodel` file says of this flavor.
            python_function: What it says of predicting.
        """


OWN_FLAVORS: Final = {
    "sklearn": "trivet._models.flavors.sklearn",
    "xgboost": "trivet._models.flavors.xgboost",
    "lightgbm": "trivet._models.flavors.lightgbm",
    "pytorch": "trivet._models.flavors.pytorch",
    "onnx": "trivet._models.flavors.onnx",
}
"""Trivet's own, by their names: the modules that have them."""


def find_flavor(name: str) -> Flavor | None:
    """The flavor of a name: Trivet's own, else one that an installed package adds; None where there is none.

    Raises:
        InvalidArgument: a package says that it adds it, and cannot be imported.
    """
    module = OWN_FLAVORS.get(name)
    if module is not None:
        own: Flavor = import_module(module).FLAVOR
        return own
    entry = _added().get(name)
    if entry is None:
        return None
    try:
        added: Flavor = entry()
    except Exception as error:
        raise InvalidArgument(f"The package that adds the flavor {name!r} cannot be imported: {error}") from error
    return added


@cache
def _added() -> Mapping[str, Callable[[], Flavor]]:
    return {entry.name: entry.load for entry in entry_points(group=ENTRY_POINTS)}
