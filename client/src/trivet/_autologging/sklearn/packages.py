"""Which packages a model of scikit-learn needs, where that can be told without loading it in a process of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from trivet._models.requirements import fewest

_PLAIN: Final = frozenset({"builtins", "functools", "numpy", "pandas", "scipy", "sklearn"})
_SERIALIZERS: Final = {"cloudpickle": ("cloudpickle",), "skops": ("skops",)}


def known_requirements(estimator: Any, serialization_format: str) -> Sequence[str] | None:
    """The requirements of an estimator that consists of scikit-learn alone; None of one that has more in it.

    To see what that one imports takes seconds, which each training would wait for.
    """
    if any(_package(value) not in _PLAIN for value in _parts(estimator)):
        return None
    serializers = _SERIALIZERS.get(serialization_format, ())
    return fewest({"numpy", "pandas", "scikit-learn", "scipy", *serializers})


def _parts(estimator: Any) -> Iterable[Any]:
    """All that it was made of."""
    pending = [estimator, *estimator.get_params(deep=True).values()]
    while pending:
        part = pending.pop()
        yield part
        if isinstance(part, dict):
            pending.extend(part.values())
        elif isinstance(part, list | tuple | set | frozenset):
            pending.extend(part)


def _package(value: Any) -> str:
    named = value if callable(value) and not hasattr(value, "get_params") else type(value)
    return str(getattr(named, "__module__", None) or type(value).__module__).partition(".")[0]
