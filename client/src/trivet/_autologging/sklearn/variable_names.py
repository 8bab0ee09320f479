"""What the program that runs calls an object, and how it calls a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

_MAX_TEXT: Final = 32
_LIBRARIES: Final = ("trivet.", "sklearn.")


def name_of(value: object) -> str | None:
    """The name of the variable that holds an object, in the function that called a library, or its module; else None.

    No other call is looked at: until Python 3.13, what a function has had in variables as they are looked at is kept
    alive until it returns.
    """
    frame = inspect.currentframe()
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith(_LIBRARIES):
        frame = frame.f_back
    return None if frame is None else _name_in(frame.f_locals, value) or _name_in(frame.f_globals, value)


def _name_in(variables: Mapping[str, object], value: object) -> str | None:
    return next((name for name, held in variables.items() if held is value), None)


def written_call(name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """A call as it may have been written, such as `accuracy_score(y_true=y_test, y_pred=predicted)`.

    Args:
        name: Of what was called.
        function: It, for the names of its arguments; of a method, one that is bound.
        args: Arguments by position.
        kwargs: Arguments by name.
    """
    given = [*zip(inspect.signature(function).parameters, args, strict=False), *kwargs.items()]
    return f"{name}({', '.join(f'{key}={_written(value)}' for key, value in given)})"


def _written(value: object) -> str:
    if value is None or isinstance(value, str | bytes | int | float | complex):
        is_long = isinstance(value, str) and len(value) > _MAX_TEXT
        return repr(f"{value[:_MAX_TEXT]}..." if isinstance(value, str) and is_long else value)
    return name_of(value) or f"<{type(value).__name__}>"
