"""Frameworks: what of them is patched so that it is logged, and which there are."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from types import ModuleType
from typing import Final, Protocol

from trivet._autologging.patching import Patch


class Framework(Protocol):
    """What is logged of one framework.

    Its module imports the framework when a call is logged, never when it is imported itself.
    """

    @property
    def name(self) -> str:
        """In the tag of the runs that are made for it, such as `sklearn`."""

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages that have what is patched, such as `sklearn`."""

    def patches(self, module: ModuleType) -> Iterable[Patch]:
        """What is to be wrapped in a module of the packages, or of a class that the module defines.

        Is called for the modules that are imported already, and for each other after its code has run: imports nothing.
        """


_OWN: Final = {
    "sklearn": "trivet._autologging.sklearn.framework",
    "xgboost": "trivet._autologging.xgboost",
    "lightgbm": "trivet._autologging.lightgbm",
    "pytorch": "trivet._autologging.lightning",
}
"""By their names, the modules that have them as `FRAMEWORK`."""


def frameworks() -> list[Framework]:
    """All that can be logged."""
    return [find_framework(name) for name in _OWN]


def find_framework(name: str) -> Framework:
    """The framework of a name."""
    framework: Framework = import_module(_OWN[name]).FRAMEWORK
    return framework
