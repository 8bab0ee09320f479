"""What is trained in threads of joblib: part of a training that is logged already, or of one that is not to be."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import MethodType
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

    What scikit-learn lets threads do is never a training of its own: cross-validation, estimators within one.
    """
    del settings
    parallel, *tasks = args
    if len(tasks) != 1:
        return call(*args, **kwargs)
    inherits = is_quiet()

    def task(each: Any) -> Any:
        function, positional, named = each
        if inherits or _is_of_scikit_learn(function):
            return _Quietly(function), positional, named
        return each

    (given,) = tasks
    return call(parallel, _SizedTasks(task, given) if hasattr(given, "__len__") else map(task, given), **kwargs)


class _SizedTasks:
    """Tasks, each changed as it is asked for: joblib says how many are left where it knows how many there are."""

    def __init__(self, change: Callable[[Any], Any], tasks: Any) -> None:
        self._change = change
        self._tasks = tasks

    def __iter__(self) -> Iterator[Any]:
        return map(self._change, self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)


def _is_of_scikit_learn(function: Any) -> bool:
    """Whether scikit-learn itself gives a function to its threads; a method of an estimator may be given by anyone."""
    if not type(function).__module__.startswith("sklearn."):  # it gives them as objects of a class of its own
        return False
    inner = getattr(function, "function", None)
    return not isinstance(inner, MethodType) and str(getattr(inner, "__module__", "")).startswith("sklearn.")
