"""Puts wrappers in the place of functions and methods, and what was there back.

A wrapper lets its framework log around a call, and never lets that change the call: what the framework raises by itself
is said in the log, and the caller gets what the original returns or raises.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import MethodType
from typing import Any, Final

from trivet._autologging.options import Settings

_log: Final = logging.getLogger("trivet")
_MISSING: Final = object()


class Call:
    """The original of a call that is wrapped; notes what became of it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = str(getattr(function, "__name__", function))
        self.is_done = False
        """Whether it has returned."""
        self.answer: Any = None
        self.error: BaseException | None = None
        """What it raised."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls it: for a method, the first argument is the object."""
        try:
            self.answer = self.function(*args, **kwargs)
        except BaseException as error:
            self.error = error
            raise
        self.is_done = True
        return self.answer


Around = Callable[[Settings, Call, tuple[Any, ...], dict[str, Any]], Any]
"""Makes a call, with its arguments as they were given or with others, logs around it, and returns what it returned.

Of a method, the first of the arguments is the object. It is called at the same time by several threads."""


@dataclass(frozen=True)
class Patch:
    """What is to be wrapped."""

    owner: Any
    """A class or module."""
    attribute: str
    """Of a function of the module, or a method of the class: a function, or a descriptor that makes one such as that of
    scikit-learn's `available_if`. No `classmethod` or `staticmethod`. None that is inherited: a wrapper in a class
    that does not write the method itself would hide those of classes that come after it where one derives from several.
    """
    around: Around


class Patches:
    """Those of a framework. Safe for use by several threads."""

    def __init__(self, settings: Callable[[], Settings | None]) -> None:
        """Begins without any.

        Args:
            settings: What is chosen at the time of a call; None for a call that is not to be logged.
        """
        self._settings = settings
        self._lock = threading.Lock()
        self._applied: list[tuple[Any, str, Any, Any]] = []  # owners, attributes, originals, wrappers
        self._wrappers: dict[tuple[int, Around], Any] = {}  # by the ids of originals, which they keep alive
        self._wrapper_ids: set[int] = set()

    def apply(self, patch: Patch) -> None:
        """Wraps an attribute, unless the owner itself has none, it is wrapped already, or nothing is logged now."""
        with self._lock:
            original = vars(patch.owner).get(patch.attribute, _MISSING)
            if self._settings() is None or original is _MISSING or id(original) in self._wrapper_ids:
                return
            # The same function has the same wrapper wherever it is: pickle finds functions by their names, and wants
            # to find what it was given.
            key = (id(original), patch.around)
            if key not in self._wrappers:
                self._wrappers[key] = self._wrapper(original, patch.around)
                self._wrapper_ids.add(id(self._wrappers[key]))
            wrapper = self._wrappers[key]
            setattr(patch.owner, patch.attribute, wrapper)
            self._applied.append((patch.owner, patch.attribute, original, wrapper))

    def undo(self) -> None:
        """Puts back the very objects that were there. What somebody else has put over a wrapper stays."""
        with self._lock:
            for owner, attribute, original, wrapper in reversed(self._applied):
                if vars(owner).get(attribute) is wrapper:
                    setattr(owner, attribute, original)
            self._applied.clear()
            self._wrappers.clear()
            self._wrapper_ids.clear()

    def _wrapper(self, original: Any, around: Around) -> Any:
        if callable(original):
            return _wrapped(original, around, self._settings)
        return _WrappedDescriptor(original, around, self._settings)


class _WrappedDescriptor:
    """Makes the methods that another descriptor makes, wrapped; raises what that raises, such as AttributeError."""

    def __init__(self, original: Any, around: Around, settings: Callable[[], Settings | None]) -> None:
        self._original = original
        self._around = around
        self._settings = settings

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is not None:
            self._original.__get__(instance, owner)  # raises AttributeError where this object has no such method
        function = self._original.__get__(None, owner or type(instance))
        wrapper = _wrapped(function, self._around, self._settings)
        return wrapper if instance is None else MethodType(wrapper, instance)


def _wrapped(original: Callable[..., Any], around: Around, settings: Callable[[], Settings | None]) -> Any:
    @functools.wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        chosen = settings()
        if chosen is None:
            return original(*args, **kwargs)
        return _guarded(chosen, Call(original), around, args, kwargs)

    return wrapper


def _guarded(settings: Settings, call: Call, around: Around, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        try:
            return around(settings, call, args, dict(kwargs))
        except Exception as error:
            if error is call.error:
                raise
            if not settings.silent:
                _log.warning("Autologging of %s() failed: %s: %s", call.name, type(error).__name__, error)
        if call.error is not None:
            raise call.error
        return call.answer if call.is_done else call(*args, **kwargs)
    finally:
        # What it raised knows the frames that it came through, and so would know itself, with all their data: until
        # the garbage collector finds that out.
        call.error = None
