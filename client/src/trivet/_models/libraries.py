"""Libraries of models, which are imported when a model of theirs is."""

from __future__ import annotations

import importlib
from types import ModuleType

from trivet._errors import FailedPrecondition


def needed(module: str, package: str) -> ModuleType:
    """Imports a module that a model needs.

    Args:
        module: Its name.
        package: What pip installs it by.

    Raises:
        FailedPrecondition: it is not there; says what to install.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise FailedPrecondition(
            f"This model needs the package {package!r}, which is not installed here (there is no module "
            f"{error.name!r}). Install it: pip install {package}"
        ) from error
