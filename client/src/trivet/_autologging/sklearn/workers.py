"""What is trained in threads of joblib: part of a training that is logged already, or of one that is not to be."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from trivet._autologging.options import Settings
from trivet._autologging.patching import Call
from trivet._autologging.sessions import is_quiet, quiet


class _Quietly:
    """A function of which nothing is logged in this process.

    In other processes nothing is patched, so that only the function itself goes there.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with quiet():
            return self._function(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return functools.partial, (self._function,)


def around_workers(settings: Settings, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Lets threads of `joblib.Parallel` inherit that nothing is to be logged; they start without it.

    What scikit-learn itself lets threads do is never a training of its own: cross-validation, estimators within one.
    """
    del settings
    parallel, *tasks = args
    if len(tasks) != 1:
        return call(*args, **kwargs)
    inherits = is_quiet()

    def task(each: Any) -> Any:
        function, positional, named = each
        if inherits or str(getattr(function, "__module__", "")).startswith("sklearn."):
            return _Quietly(function), positional, named
        return each

    return call(parallel, map(task, tasks[0]), **kwargs)
